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
 * For two channels 2i and 2i + 1 eight words: the bias of the even channel, that of both (256 * odd + even), then a
 * multiplier and a constant for each, and a shift for each. The form says how they make an int8 of a channel's sum:
 *   EDGENET_STAIRCASE  (constant + ((sum * multiplier) >> 32)) >> shift, saturated to int8
 *   EDGENET_LINEAR     x = (2 * sum * multiplier + 2^31) >> 32; (x + (x < 0 ? -1 : 0) + constant) >> shift, saturated
 * In the first the odd channel's sum is still multiplied by 256.
 */
#define EDGENET_PAIR_WORDS 8
#define EDGENET_STAIRCASE 0
#define EDGENET_LINEAR 1

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

#endif

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
 * second kernel it is 8 or, with stride 1, 4, with stride 2, 2. The scratch memory is at an address that 4 divides.
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
