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

/* Four bytes at any address. */
static inline int32_t edgenet_load_word(const int8_t *from)
{
    int32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static inline void edgenet_store_word(int8_t *to, int32_t word)
{
    memcpy(to, &word, sizeof word);
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
 * DEPTHWISE_CONV_2D with one filter for each channel. The table holds, for each group of four channels, the last may be
 * smaller, a word that says how it is computed, then for each of its channels
 *   with 1 (3x3 filters, strides 1 or 2, no dilation): six words of weights, a bias, a multiplier. The form is
 *     EDGENET_STAIRCASE, with constant 0 and shift EDGENET_DEPTHWISE_SHIFT. For stride 1 the weights are, for each column
 *     of the filter, (w0, w1) and (w1, w2); for stride 2 (w0, w1) of each column, (w2, w2) of the first two, (w2, 0).
 *   with 0: form, bias, multiplier, constant, shift to the left (of the sum, with EDGENET_LINEAR) and to the right; then
 *     the weights, for each row of a stripe, for each two rows of the input that it sees, for each column: (upper, lower).
 * A stripe has two output rows with a vertical stride of 1 and no vertical dilation, else one. The scratch memory, at an
 * address that 4 divides, holds for each column that the filters see, padding included, 16 bytes for each two rows that
 * a stripe sees, and 4 bytes for each output of a stripe. The output may begin where the input does if the rows whose
 * place a stripe takes have been seen, and, with vertical dilation or a vertical stride above 2, none of them is seen again.
 */
#define EDGENET_DEPTHWISE_SHIFT 8
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t slots;
    int8_t pad_value, activation_min, activation_max;
    const int32_t *table;
} edgenet_depthwise_conv2d_dsp_s8_params;
void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_DSP_H */
