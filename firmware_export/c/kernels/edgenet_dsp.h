/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * Kernels for cores with the SIMD instructions of Armv7E-M (Cortex-M4, M7, M33), and those instructions.
 *
 * Everything here has a twin in plain C with the same bits, which is compiled for all other cores, without optimization,
 * and where EDGENET_NO_ASM is defined. The kernels have the form and the conventions that edgenet_nn.h describes.
 *
 * Packed pairs
 *   Two weights of channels c and c + 1, for the same input k, lie in one halfword: 256 * w[c + 1][k] + w[c][k]; a word
 *   holds those for two inputs. Multiplied by two inputs as halfwords it adds up to 256 * odd + even, and with only the
 *   lower byte of each halfword, sign-extended, to even alone. So one instruction unpacks four weights, and the odd
 *   channel's sum comes multiplied by 256: the difference of the two, modulo 2^32.
 * Requantization
 *   edgenet_dsp_channel, one for each channel, in one of two forms, both with the bits of edgenet_requantize for each sum
 *   that the network's weights make possible; the exporter has proved that.
 */
#ifndef EDGENET_DSP_H
#define EDGENET_DSP_H

#include "edgenet_nn.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__OPTIMIZE__) && defined(__GNUC__) && \
    !defined(EDGENET_NO_ASM)
#define EDGENET_DSP_ASM 1
#else
#define EDGENET_DSP_ASM 0
#endif

/*
 * A pair of channels is a record of words: two biases, that of the even channel and that of both (256 * odd + even); the
 * packed weights; a multiplier and a constant for the even channel and for the odd one; and, in the second form, a shift
 * for each. The form says how they make an int8 of a channel's sum:
 *   EDGENET_STAIRCASE  (constant + ((sum * multiplier) >> 32)) >> EDGENET_EVEN_SHIFT, saturated to int8; the odd channel's
 *                      sum is still multiplied by 256, and its shift is EDGENET_ODD_SHIFT
 *   EDGENET_LINEAR     x = (2 * sum * multiplier + 2^31) >> 32; (x + (x < 0 ? -1 : 0) + constant) >> shift, saturated
 */
#define EDGENET_EVEN_SHIFT 2
#define EDGENET_ODD_SHIFT 10
#define EDGENET_PAIR_BIASES 2
#define EDGENET_PAIR_REQUANT(form) ((form) == EDGENET_STAIRCASE ? 4 : 6)

/*
 * CONV_2D without groups, for packed pairs. Pixels are computed in fours. Where lines is not 0, so many rows of the input
 * with the padding around them are copied to the scratch memory first; pitch is such a row's bytes. A filter's row is
 * `runs` runs of `run` bytes, run_step bytes apart. words is the number of words of weights of a pair of channels. The
 * scratch memory, at an address that 4 divides, holds 16 * words bytes, then 4 for each channel, one more where their
 * number is odd, then lines * pitch.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t lines, pitch;
    int32_t runs, run, run_step, words;
    int32_t single; /* 1: a filter sees one pixel, and an image is one row of them */
    int8_t pad_value, activation_min, activation_max, form;
    const int32_t *pairs; /* a record for each two channels */
} edgenet_conv2d_dsp_s8_params;
void edgenet_conv2d_dsp_s8(const edgenet_conv2d_dsp_s8_params *p, const int8_t *input, int8_t *output, int8_t *scratch);

/*
 * CONV_2D with a 3x3 filter, stride 1 and no groups, by Winograd's F(2x2, 3x3). words is the number of pairs of input
 * channels, pitch the columns of a held row: 2 more than 8 for each group of 8 outputs in a row. The scratch memory, at
 * an address that 4 divides, holds 256 * words + 512 bytes, then 16 * words * pitch, then, unless all groups are whole
 * and the channels even in number, 16 for each channel, one more where their number is odd.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair pad;
    int32_t words, pitch;
    int8_t pad_value, activation_min, activation_max, form;
    const int32_t *pairs; /* a record for each two channels */
} edgenet_conv2d_winograd_s8_params;
void edgenet_conv2d_winograd_s8(const edgenet_conv2d_winograd_s8_params *p, const int8_t *input, int8_t *output,
                                int8_t *scratch);

/*
 * FULLY_CONNECTED, for packed pairs: input (rows, depth), output (rows, channels). Inputs are paired as in CONV_2D, words
 * is the number of words of a pair of channels. Four pairs are one record: their biases, their words side by side, and
 * what requantizes each of them; what remains are pairs on their own. The scratch memory, at an address that 4 divides,
 * holds 4 * words bytes.
 * A row of more than 2 * words inputs is taken in chunks of so many: all records' biases and words for the first chunk,
 * then for the second, ..., the last one filled with weights of 0; then what requantizes each pair. The sums are not
 * 256-fold in the end, and the scratch memory holds 4 bytes more for each channel, and for one.
 */
typedef struct {
    int32_t rows, depth, channels, words;
    int32_t even_shift, odd_shift; /* instead of EDGENET_EVEN_SHIFT and EDGENET_ODD_SHIFT */
    int8_t activation_min, activation_max, form;
    const int32_t *pairs;
} edgenet_fully_connected_dsp_s8_params;
void edgenet_fully_connected_dsp_s8(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int8_t *output,
                                    int8_t *scratch);

/*
 * ADD and SUB of rows in which both inputs go on step by step: the upper halfword of
 *   ((first << 8) * first_factor >> 16) + ((second << 8) * second_factor >> 16) + constant,
 * saturated to [0, 255], less 128; right for each pair of inputs. The output may lie on an input of its size.
 */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_factor, second_factor, constant;
} edgenet_add_dsp_s8_params;
void edgenet_add_dsp_s8(const edgenet_add_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/*
 * MUL of such rows: with the product of (first - first_zero) and (second - second_zero), each times 2^7, the upper halfword
 * of (product * factor >> 32) + constant, and + below where product is negative, saturated to [0, 255], less 128; right
 * for each pair of inputs. The output may lie on an input of its size.
 */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_zero, second_zero;
    int32_t factor, constant, below;
} edgenet_mul_dsp_s8_params;
void edgenet_mul_dsp_s8(const edgenet_mul_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/*
 * MAX_POOL_2D of at least four channels, four at a time; of channels that do not divide by four, the last four a second
 * time. Of each row of outputs the first `whole` windows are within the input's width.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, pad;
    int32_t activation_min, activation_max;
    int32_t whole;
} edgenet_max_pool2d_dsp_s8_params;
void edgenet_max_pool2d_dsp_s8(const edgenet_max_pool2d_dsp_s8_params *p, const int8_t *input, int8_t *output);

/*
 * AVERAGE_POOL_2D without padding, MEAN and SUM over what lies side by side, of at least four channels: the upper
 * halfword of (sum * factor >> 16) + constant, and + below where that is less than zero, saturated to [0, 255], less 128.
 * A sum has to fit a halfword: at most 256 values; the numbers are right for each that they can have. Of channels that do
 * not divide by four, the last four are computed a second time.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride;
    int32_t factor, constant, zero, below;
} edgenet_mean_dsp_s8_params;
void edgenet_mean_dsp_s8(const edgenet_mean_dsp_s8_params *p, const int8_t *input, int8_t *output);

/* Two numbers as the halfwords of a word. */
static inline int32_t edgenet_halves(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
}

/* The instructions, by their names. Halfwords are the two 16-bit numbers in a word. */
#if EDGENET_DSP_ASM

#define EDGENET_DSP_INSTRUCTION(name, text)                             \
    static inline int32_t edgenet_##name(int32_t a, int32_t b, int32_t c) \
    {                                                                   \
        int32_t r;                                                      \
        __asm__(text " %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c)); \
        return r;                                                       \
    }
EDGENET_DSP_INSTRUCTION(smlad, "smlad")
EDGENET_DSP_INSTRUCTION(smmla, "smmla")
#undef EDGENET_DSP_INSTRUCTION

static inline int32_t edgenet_smmulr(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_sxtb16(int32_t a)
{
    int32_t r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(a));
    return r;
}

static inline int32_t edgenet_sxtb16_ror8(int32_t a)
{
    int32_t r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a));
    return r;
}

static inline int32_t edgenet_lower_halves(int32_t low, int32_t high)
{
    int32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(low), "r"(high));
    return r;
}

static inline int32_t edgenet_upper_halves(int32_t low, int32_t high)
{
    int32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(high), "r"(low));
    return r;
}

static inline int32_t edgenet_ssat8(int32_t a)
{
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(a) : "cc");
    return r;
}

static inline int32_t edgenet_ssat8_even(int32_t a)
{
    int32_t r;
    __asm__("ssat %0, #8, %1, asr #2" : "=r"(r) : "r"(a) : "cc");
    return r;
}

static inline int32_t edgenet_ssat8_odd(int32_t a)
{
    int32_t r;
    __asm__("ssat %0, #8, %1, asr #10" : "=r"(r) : "r"(a) : "cc");
    return r;
}

#else

/* The lower, or the upper, halfword of a word. */
static inline int32_t edgenet_low_half(int32_t a)
{
    return (int16_t)((uint32_t)a & 0xffffu);
}

static inline int32_t edgenet_high_half(int32_t a)
{
    return (int16_t)((uint32_t)a >> 16);
}

/* c + the products of the lower and of the upper halfwords. */
static inline int32_t edgenet_smlad(int32_t a, int32_t b, int32_t c)
{
    const int32_t low = edgenet_low_half(a) * edgenet_low_half(b);
    const int32_t high = edgenet_high_half(a) * edgenet_high_half(b);
    return edgenet_add_wrapping(edgenet_add_wrapping(low, high), c);
}

/* c + the upper word of a * b. */
static inline int32_t edgenet_smmla(int32_t a, int32_t b, int32_t c)
{
    return edgenet_add_wrapping((int32_t)(((int64_t)a * b) >> 32), c);
}

/* The upper word of a * b, rounded. */
static inline int32_t edgenet_smmulr(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (int64_t)0x80000000) >> 32);
}

/* Bytes 0 and 2, sign-extended to halfwords. */
static inline int32_t edgenet_sxtb16(int32_t a)
{
    return edgenet_halves((int8_t)((uint32_t)a & 0xffu), (int8_t)((uint32_t)a >> 16 & 0xffu));
}

/* Bytes 1 and 3. */
static inline int32_t edgenet_sxtb16_ror8(int32_t a)
{
    return edgenet_sxtb16((int32_t)((uint32_t)a >> 8));
}

/* The lower, or the upper, halfwords of two words. */
static inline int32_t edgenet_lower_halves(int32_t low, int32_t high)
{
    return edgenet_halves(low, high);
}

static inline int32_t edgenet_upper_halves(int32_t low, int32_t high)
{
    return edgenet_halves(edgenet_high_half(low), edgenet_high_half(high));
}

/* a, saturated to int8. */
static inline int32_t edgenet_ssat8(int32_t a)
{
    return edgenet_clamp(a, INT8_MIN, INT8_MAX);
}

/* The same of a >> EDGENET_EVEN_SHIFT and of a >> EDGENET_ODD_SHIFT. */
static inline int32_t edgenet_ssat8_even(int32_t a)
{
    return edgenet_ssat8(a >> EDGENET_EVEN_SHIFT);
}

static inline int32_t edgenet_ssat8_odd(int32_t a)
{
    return edgenet_ssat8(a >> EDGENET_ODD_SHIFT);
}

#endif

/* Instructions of the kernels that go through int8 elements. */
#if EDGENET_DSP_ASM

static inline int32_t edgenet_smlawb(int32_t a, int32_t b, int32_t c)
{
    int32_t r;
    __asm__("smlawb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c) : "cc");
    return r;
}

static inline int32_t edgenet_smlawt(int32_t a, int32_t b, int32_t c)
{
    int32_t r;
    __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c) : "cc");
    return r;
}

static inline int32_t edgenet_usat16_8(int32_t a)
{
    int32_t r;
    __asm__("usat16 %0, #8, %1" : "=r"(r) : "r"(a) : "cc");
    return r;
}

static inline int32_t edgenet_shsub16(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("shsub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_smulbb(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smulbb %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_smultt(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("smultt %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_sxtab16(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_sxtab16_ror8(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline int32_t edgenet_largest_bytes(int32_t a, int32_t b)
{
    int32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

static inline int32_t edgenet_even_bytes(int32_t a)
{
    int32_t r;
    __asm__("and %0, %1, %2, lsl #8" : "=r"(r) : "r"(0xff00ff00u), "r"(a));
    return r;
}

#else

/* c + (a times the lower halfword of b) / 2^16, rounded down. */
static inline int32_t edgenet_smlawb(int32_t a, int32_t b, int32_t c)
{
    return edgenet_add_wrapping((int32_t)(((int64_t)a * edgenet_low_half(b)) >> 16), c);
}

/* The same with the upper halfword of b. */
static inline int32_t edgenet_smlawt(int32_t a, int32_t b, int32_t c)
{
    return edgenet_add_wrapping((int32_t)(((int64_t)a * edgenet_high_half(b)) >> 16), c);
}

/* Both halfwords, saturated to [0, 255]. */
static inline int32_t edgenet_usat16_8(int32_t a)
{
    return edgenet_halves(edgenet_clamp(edgenet_low_half(a), 0, 255), edgenet_clamp(edgenet_high_half(a), 0, 255));
}

/* Half the differences of the lower and of the upper halfwords, rounded down. */
static inline int32_t edgenet_shsub16(int32_t a, int32_t b)
{
    return edgenet_halves((edgenet_low_half(a) - edgenet_low_half(b)) >> 1,
                          (edgenet_high_half(a) - edgenet_high_half(b)) >> 1);
}

/* The product of the lower halfwords. */
static inline int32_t edgenet_smulbb(int32_t a, int32_t b)
{
    return edgenet_low_half(a) * edgenet_low_half(b);
}

/* The product of the upper halfwords. */
static inline int32_t edgenet_smultt(int32_t a, int32_t b)
{
    return edgenet_high_half(a) * edgenet_high_half(b);
}

/* Both halfwords of a, plus bytes 0 and 2 of b. */
static inline int32_t edgenet_sxtab16(int32_t a, int32_t b)
{
    const int32_t x = edgenet_sxtb16(b);
    return edgenet_halves(edgenet_low_half(a) + edgenet_low_half(x), edgenet_high_half(a) + edgenet_high_half(x));
}

/* The same with bytes 1 and 3. */
static inline int32_t edgenet_sxtab16_ror8(int32_t a, int32_t b)
{
    return edgenet_sxtab16(a, (int32_t)((uint32_t)b >> 8));
}

/* The larger of two int8, four times. */
static inline int32_t edgenet_largest_bytes(int32_t a, int32_t b)
{
    uint32_t larger = 0;
    for (int32_t i = 0; i < 32; i += 8) {
        const uint32_t x = (uint32_t)a >> i & 0xffu, y = (uint32_t)b >> i & 0xffu;
        larger |= ((x ^ 0x80u) > (y ^ 0x80u) ? x : y) << i;
    }
    return (int32_t)larger;
}

/* Bytes 0 and 2 of a word as halfwords: 256 times the int8. */
static inline int32_t edgenet_even_bytes(int32_t a)
{
    return (int32_t)((uint32_t)a << 8 & 0xff00ff00u);
}

#endif

/* The same of bytes 1 and 3. */
static inline int32_t edgenet_odd_bytes(int32_t a)
{
    return (int32_t)((uint32_t)a & 0xff00ff00u);
}

/* Four int8 of four numbers: their upper halfwords, saturated to [0, 255], less 128. */
static inline int32_t edgenet_four_bytes(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const uint32_t even = (uint32_t)edgenet_usat16_8(edgenet_upper_halves(a, c));
    const uint32_t odd = (uint32_t)edgenet_usat16_8(edgenet_upper_halves(b, d));
    return (int32_t)((even | odd << 8) ^ 0x80808080u);
}

/* a - b modulo 2^32. */
static inline int32_t edgenet_subtract_wrapping(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* memcpy of a few bytes; the compiler's own, because where it may not know the library's it would call it. */
#if EDGENET_DSP_ASM
#define EDGENET_COPY __builtin_memcpy
#else
#define EDGENET_COPY memcpy
#endif

/* Four bytes at any address. */
static inline int32_t edgenet_load_word(const int8_t *from)
{
    int32_t word;
    EDGENET_COPY(&word, from, sizeof word);
    return word;
}

static inline void edgenet_store_word(int8_t *to, int32_t word)
{
    EDGENET_COPY(to, &word, sizeof word);
}

/* An int8 of a channel's sum, in the first form. */
static inline int8_t edgenet_staircase(int32_t sum, int32_t multiplier, int32_t constant, int32_t shift)
{
    return (int8_t)edgenet_ssat8(edgenet_smmla(sum, multiplier, constant) >> shift);
}

/* The same in the second form, of twice the sum. */
static inline int8_t edgenet_linear(int32_t doubled, int32_t multiplier, int32_t constant, int32_t shift)
{
    const int32_t x = edgenet_smmulr(doubled, multiplier);
    return (int8_t)edgenet_ssat8((x + (x >> 31) + constant) >> shift);
}

/* Outputs of an even channel's sum and of 256 times an odd one's, in the first form. */
static inline int8_t edgenet_staircase_even(int32_t sum, int32_t multiplier, int32_t constant)
{
    return (int8_t)edgenet_ssat8_even(edgenet_smmla(sum, multiplier, constant));
}

static inline int8_t edgenet_staircase_odd(int32_t sum, int32_t multiplier, int32_t constant)
{
    return (int8_t)edgenet_ssat8_odd(edgenet_smmla(sum, multiplier, constant));
}

/* Makes a pair's two outputs of its sums, with what stands behind its weights. */
static inline void edgenet_pair_outputs(const int32_t *requant, int32_t form, int32_t even, int32_t odd, int8_t *output)
{
    if (form == EDGENET_STAIRCASE) {
        output[0] = edgenet_staircase_even(even, requant[0], requant[1]);
        output[1] = edgenet_staircase_odd(odd, requant[2], requant[3]);
    } else {
        output[0] = edgenet_linear(edgenet_shift_left(even, 1), requant[0], requant[1], requant[4]);
        output[1] = edgenet_linear(odd >> 7, requant[2], requant[3], requant[5]);
    }
}

/*
 * DEPTHWISE_CONV_2D with one filter for each channel, computed in groups of four channels; the last may have fewer. The
 * second kernel is for 3x3 filters without dilation, with the same stride of 1 or 2 in both directions. A call computes
 * those groups that its table holds: for each of them a word, the number of its first channel, then for each channel
 *   in the first kernel: the form (EDGENET_STAIRCASE or EDGENET_LINEAR), a bias, a multiplier, a constant, by how much the
 *     sum is shifted to the left in the linear form, the shift to the right; then, for each row of a stripe, weights: for
 *     each column of the filter, for each two rows of the input that the stripe sees, (upper, lower), and one word more
 *     that is 0 where their number is odd. There is no horizontal dilation;
 *   in the second: six words of weights, a bias, a multiplier. The form is EDGENET_STAIRCASE with constant 0 and shift
 *     EDGENET_DEPTHWISE_SHIFT. The weights of a column are w0, w1, w2: for stride 1 there are (w0, w1) and (w1, w2) of each
 *     column; for stride 2 there are (w0, w1) of each column, (w2 of the first, w2 of the second), (w2 of the third, 0), 0.
 * A stripe has two output rows with a vertical stride of 1 and no vertical dilation, else one. With a vertical stride above
 * 2, or vertical dilation, each stripe sees its rows anew. slots is the number of pairs of rows that a stripe sees; in the
 * second kernel it is 8 (with stride 1 for up to 12 outputs in a row) or, with stride 1, 4, with stride 2, 2. The scratch
 * memory is at an address that 4 divides.
 *   In the first kernel it begins with 16 * slots bytes for each column that the filters see, padding included; or with
 *     what the last channel's filters reach if a row's outputs are rounded up to fours and the words of a filter to an even
 *     number; and 4 bytes for each stripe but the first, if stripes see rows of those before. Then 4 bytes for each output
 *     of a row, rounded up to fours, and for each output of a stripe.
 *   In the second it has 16 * slots bytes for each column, and 4 for each output of slots - 1 stripes.
 * The output may begin where the input does if the rows whose places the stripes take have been seen, and will not be seen
 * again: with the second kernel, slots - 1 stripes at a time.
 */
#define EDGENET_DEPTHWISE_SHIFT 8
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t slots, groups;
    int8_t pad_value, activation_min, activation_max;
    const int32_t *table;
} edgenet_depthwise_conv2d_dsp_s8_params;
typedef edgenet_depthwise_conv2d_dsp_s8_params edgenet_depthwise_conv2d_3x3_dsp_s8_params;
void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch);
void edgenet_depthwise_conv2d_3x3_dsp_s8(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, const int8_t *input,
                                         int8_t *output, int8_t *scratch);

#define EDGENET_LANES 4

/* A row of a group of channels: pixels lie step bytes apart; 0 where it is padding, and then there is but one. */
typedef struct {
    const int8_t *first;
    int32_t step;
} edgenet_lane_row;

/* Row y of an image whose first channel of the group is at image; padding is four times pad_value, lane by lane. */
static inline edgenet_lane_row edgenet_find_row(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *image,
                                                int32_t y, const int32_t *padding)
{
    edgenet_lane_row row;
    const int32_t is_inside = y >= 0 && y < p->input.height;
    row.first = is_inside ? image + y * p->input.width * p->input.channels : (const int8_t *)padding;
    row.step = is_inside ? p->input.channels : 0;
    return row;
}

/*
 * From which lane on a group is widened whose first channel is in `lane`: all lanes where there are channels before the
 * group's, though their values may not be inputs any more; they are not used.
 */
static inline int32_t edgenet_gap(const edgenet_depthwise_conv2d_dsp_s8_params *p, int32_t lane)
{
    return p->input.channels < EDGENET_LANES ? lane : 0;
}

static inline int32_t edgenet_four_times(int8_t value)
{
    return (int32_t)((uint32_t)(uint8_t)value * 0x01010101u);
}

/*
 * Widens so many columns of two rows to halfwords, the upper row's in the lower half of a word: of the channels in `lane`
 * (that of the first one) to the fourth. The words lie lane_step and column_step apart, beginning with the first lane's.
 */
static inline void edgenet_widen(edgenet_lane_row upper, edgenet_lane_row lower, int32_t lane, int32_t *to,
                                 int32_t lane_step, int32_t column_step, int32_t columns)
{
    const int8_t *x = upper.first, *y = lower.first;
    const int32_t x_step = upper.step, y_step = lower.step;
    for (int32_t left = columns; lane == 0 && left > 0; left--) {
        const int32_t a = edgenet_load_word(x), b = edgenet_load_word(y);
        const int32_t low = edgenet_lower_halves(a, b), high = edgenet_upper_halves(a, b);
        to[0] = edgenet_sxtb16(low);
        to[lane_step] = edgenet_sxtb16_ror8(low);
        to[2 * lane_step] = edgenet_sxtb16(high);
        to[3 * lane_step] = edgenet_sxtb16_ror8(high);
        to += column_step;
        x += x_step;
        y += y_step;
    }
    for (int32_t left = columns; lane > 0 && left > 0; left--) {
        for (int32_t i = lane; i < EDGENET_LANES; i++) {
            to[i * lane_step] = edgenet_halves(x[i - lane], y[i - lane]);
        }
        to += column_step;
        x += x_step;
        y += y_step;
    }
}

/* Copies the outputs of row number `row` of those in the lines to their places; `rows` are side by side there. */
static inline void edgenet_put_line(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *lines, int32_t rows,
                                    int32_t row, int32_t lane, int8_t *output)
{
    const int8_t *from = lines + (row / rows * rows * p->output.width + row % rows) * EDGENET_LANES;
    int8_t *to = output + row * p->output.width * p->output.channels;
    for (int32_t x = 0; x < p->output.width; x++) {
        if (lane == 0) {
            edgenet_store_word(to, edgenet_load_word(from));
        }
        for (int32_t i = lane; lane > 0 && i < EDGENET_LANES; i++) {
            to[i - lane] = from[i];
        }
        from += rows * EDGENET_LANES;
        to += p->output.channels;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_DSP_H */
