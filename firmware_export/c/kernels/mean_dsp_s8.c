/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * Means of windows. One instruction adds two channels of a pixel to two sums, which are the halfwords of a word. Sixteen
 * channels of a pixel take 15 instructions on a Cortex-M4, loads and loop with them; what remains is computed in fours,
 * six instructions each. Then one multiplication for a sum, and the upper halfwords are the outputs.
 */
#include "edgenet_dsp.h"

/* Adds the word at x to sums of channels 0 and 2, and of 1 and 3. */
static inline void add_word(const int8_t *x, int32_t *sums)
{
    const int32_t word = edgenet_load_word(x);
    sums[0] = edgenet_sxtab16(sums[0], word);
    sums[1] = edgenet_sxtab16_ror8(sums[1], word);
}

/* The same for four words of each pixel, `step` bytes apart, from x to `end`. */
#if EDGENET_DSP_ASM

static inline void add_pixels(const int8_t *x, const int8_t *end, int32_t step, int32_t *sums)
{
    int32_t a, b;
    __asm__("1:\n\t"
            "ldr %[a], [%[x], #4]\n\t"
            "ldr %[b], [%[x], #8]\n\t"
            "sxtab16 %[s2], %[s2], %[a]\n\t"
            "sxtab16 %[s3], %[s3], %[a], ror #8\n\t"
            "sxtab16 %[s4], %[s4], %[b]\n\t"
            "sxtab16 %[s5], %[s5], %[b], ror #8\n\t"
            "ldr %[a], [%[x], #12]\n\t"
            "ldr %[b], [%[x]]\n\t"
            "add %[x], %[x], %[step]\n\t"
            "sxtab16 %[s6], %[s6], %[a]\n\t"
            "sxtab16 %[s7], %[s7], %[a], ror #8\n\t"
            "sxtab16 %[s0], %[s0], %[b]\n\t"
            "sxtab16 %[s1], %[s1], %[b], ror #8\n\t"
            "cmp %[x], %[end]\n\t"
            "bne 1b"
            : [x] "+&r"(x), [a] "=&r"(a), [b] "=&r"(b), [s0] "+&r"(sums[0]), [s1] "+&r"(sums[1]), [s2] "+&r"(sums[2]),
              [s3] "+&r"(sums[3]), [s4] "+&r"(sums[4]), [s5] "+&r"(sums[5]), [s6] "+&r"(sums[6]), [s7] "+&r"(sums[7])
            : [step] "r"(step), [end] "r"(end)
            : "cc", "memory");
}

#else

static inline void add_pixels(const int8_t *x, const int8_t *end, int32_t step, int32_t *sums)
{
    for (; x != end; x += step) {
        for (int32_t word = 0; word < 4; word++) {
            add_word(x + 4 * word, sums + 2 * word);
        }
    }
}

#endif

/* x, and more where it is less than zero. */
static inline int32_t corrected(const edgenet_mean_dsp_s8_params *p, int32_t x)
{
    return x + (x < p->zero ? p->below : 0);
}

/* Four outputs of four sums. */
EDGENET_OWN_REGISTERS static void finish(const edgenet_mean_dsp_s8_params *p, int32_t even, int32_t odd, int8_t *output)
{
    int32_t a = edgenet_smlawb(p->factor, even, p->constant), c = edgenet_smlawt(p->factor, even, p->constant);
    int32_t b = edgenet_smlawb(p->factor, odd, p->constant), d = edgenet_smlawt(p->factor, odd, p->constant);
    if (p->below != 0) {
        a = corrected(p, a);
        b = corrected(p, b);
        c = corrected(p, c);
        d = corrected(p, d);
    }
    edgenet_store_word(output, edgenet_four_bytes(a, b, c, d));
}

/* Sixteen channels of a window, the first at x. */
EDGENET_OWN_REGISTERS static void sixteen(const edgenet_mean_dsp_s8_params *p, const int8_t *x, int8_t *output)
{
    const int32_t step = p->input.channels, bytes = p->filter.width * step, gap = p->input.width * step - bytes;
    int32_t sums[8] = {0};
    for (int32_t rows = p->filter.height; rows > 0; rows--) {
        const int8_t *const end = x + bytes;
        add_pixels(x, end, step, sums);
        x = end + gap;
    }
    finish(p, sums[0], sums[1], output);
    finish(p, sums[2], sums[3], output + 4);
    finish(p, sums[4], sums[5], output + 8);
    finish(p, sums[6], sums[7], output + 12);
}

/* Four channels. */
EDGENET_OWN_REGISTERS static void four(const edgenet_mean_dsp_s8_params *p, const int8_t *x, int8_t *output)
{
    const int32_t step = p->input.channels, bytes = p->filter.width * step, gap = p->input.width * step - bytes;
    int32_t sums[2] = {0};
    for (int32_t rows = p->filter.height; rows > 0; rows--) {
        const int8_t *const end = x + bytes;
        do {
            add_word(x, sums);
            x += step;
        } while (x != end);
        x += gap;
    }
    finish(p, sums[0], sums[1], output);
}

/* All channels of one output pixel. */
static void pixel(const edgenet_mean_dsp_s8_params *p, const int8_t *x, int8_t *output)
{
    const int32_t channels = p->input.channels;
    int32_t c = 0;
    for (; c <= channels - 16; c += 16) {
        sixteen(p, x + c, output + c);
    }
    for (; c < channels; c += 4) {
        const int32_t at = c > channels - 4 ? channels - 4 : c;
        four(p, x + at, output + at);
    }
}

void edgenet_mean_dsp_s8(const edgenet_mean_dsp_s8_params *p, const int8_t *input, int8_t *output)
{
    const int32_t channels = p->input.channels, row = p->input.width * channels;
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                pixel(p, input + y * p->stride.height * row + x * p->stride.width * channels, output);
                output += channels;
            }
        }
        input += p->input.height * row;
    }
}
