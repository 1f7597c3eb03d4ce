/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * MAX_POOL_2D, four channels at a time: two instructions take the larger of two int8, four times. Four channels of a
 * window of two rows and two columns take 13 instructions on a Cortex-M4, an output pixel 6 more.
 */
#include "edgenet_dsp.h"

/* Four channels of a window of two rows and two columns: words at x, step, pitch and both behind it. Goes to the next. */
#if EDGENET_DSP_ASM

static inline int32_t square(const int8_t **x, int32_t step, int32_t pitch, int32_t both)
{
    const int8_t *from = *x;
    int32_t a, b, c, d;
    __asm__("ldr %[a], [%[x], %[step]]\n\t"
            "ldr %[b], [%[x], %[pitch]]\n\t"
            "ldr %[c], [%[x], %[both]]\n\t"
            "ssub8 %[d], %[a], %[b]\n\t"
            "sel %[a], %[a], %[b]\n\t"
            "ldr %[b], [%[x]], #4\n\t"
            "ssub8 %[d], %[a], %[c]\n\t"
            "sel %[a], %[a], %[c]\n\t"
            "ssub8 %[d], %[a], %[b]\n\t"
            "sel %[a], %[a], %[b]"
            : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [x] "+&r"(from)
            : [step] "r"(step), [pitch] "r"(pitch), [both] "r"(both)
            : "cc", "memory");
    *x = from;
    return a;
}

#else

static inline int32_t square(const int8_t **x, int32_t step, int32_t pitch, int32_t both)
{
    const int8_t *const from = *x;
    const int32_t above = edgenet_largest_bytes(edgenet_load_word(from), edgenet_load_word(from + step));
    const int32_t below = edgenet_largest_bytes(edgenet_load_word(from + pitch), edgenet_load_word(from + both));
    *x += 4;
    return edgenet_largest_bytes(above, below);
}

#endif

/* Outputs next to each other, of windows of two rows and two columns: the first is at x, each next one stride behind. */
EDGENET_OWN_REGISTERS static void squares(const int8_t *x, int32_t channels, int32_t pitch, int32_t stride,
                                          int8_t *output, int32_t pixels)
{
    const int32_t words = channels & ~3, rest = channels & 3, both = pitch + channels, gap = stride - channels;
    for (; pixels > 0; pixels--) {
        const int8_t *const end = output + words;
        do {
            edgenet_store_word(output, square(&x, channels, pitch, both));
            output += 4;
        } while (output != end);
        if (rest > 0) {
            x += rest - 4;
            output += rest;
            edgenet_store_word(output - 4, square(&x, channels, pitch, both));
        }
        x += gap;
    }
}

/* Four channels, the first at x, of a window of any size. */
static int32_t window(const edgenet_patch *patch, const int8_t *x)
{
    int32_t largest = (int32_t)0x80808080u;
    for (int32_t row = 0; row < patch->rows; row++) {
        for (int32_t column = 0; column < patch->columns; column++) {
            largest = edgenet_largest_bytes(largest, edgenet_load_word(x));
            x += patch->step;
        }
        x += patch->row_step;
    }
    return largest;
}

static void pixel(const edgenet_patch *patch, int32_t channels, int8_t *output)
{
    for (int32_t c = 0; c < channels; c += 4) {
        const int32_t at = c > channels - 4 ? channels - 4 : c;
        edgenet_store_word(output + at, window(patch, patch->first + at));
    }
}

/* One row of outputs; y is the window's first row of the input, which may lie above it. */
static void pool_row(const edgenet_max_pool2d_dsp_s8_params *p, const int8_t *input, int32_t y, int8_t *output)
{
    const int32_t channels = p->input.channels, pitch = p->input.width * channels;
    int32_t x = 0;
    if (p->filter.width == 2 && p->filter.height == 2 && y >= 0 && y + 2 <= p->input.height) {
        x = p->whole;
        squares(input + y * pitch, channels, pitch, p->stride.width * channels, output, x);
    }
    for (; x < p->output.width; x++) {
        const edgenet_patch patch = edgenet_patch_at(input, p->input, y, x * p->stride.width - p->pad.width, p->filter);
        pixel(&patch, channels, output + x * channels);
    }
}

void edgenet_max_pool2d_dsp_s8(const edgenet_max_pool2d_dsp_s8_params *p, const int8_t *input, int8_t *output)
{
    int8_t *const start = output;
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            pool_row(p, input, y * p->stride.height - p->pad.height, output);
            output += p->output.width * p->output.channels;
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
