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
 * packed weights; a multiplier and a constant for each channel, and a shift for each. The form says how they make an int8
 * of a channel's sum:
 *   EDGENET_STAIRCASE  (constant + ((sum * multiplier) >> 32)) >> shift, saturated to int8
 *   EDGENET_LINEAR     x = (2 * sum * multiplier + 2^31) >> 32; (x + (x < 0 ? -1 : 0) + constant) >> shift, saturated
 * In the first the odd channel's sum is still multiplied by 256.
 */
#define EDGENET_PAIR_BIASES 2
#define EDGENET_PAIR_REQUANT 6
#define EDGENET_STAIRCASE 0
#define EDGENET_LINEAR 1

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
 * FULLY_CONNECTED, for packed pairs: input (rows, depth), output (rows, channels). words is the number of words of weights
 * of a pair of channels; inputs are paired as in CONV_2D. The scratch memory, at an address that 4 divides, holds 4 * words
 * bytes. Four pairs of channels are one record: their biases, their words side by side, and what requantizes each of them;
 * what remains are pairs on their own.
 */
typedef struct {
    int32_t rows, depth, channels, words;
    int8_t activation_min, activation_max, form;
    const int32_t *pairs;
} edgenet_fully_connected_dsp_s8_params;
void edgenet_fully_connected_dsp_s8(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int8_t *output,
                                    int8_t *scratch);

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

/* One output, of an even channel's sum or of 256 times an odd one's, with the last six words of a pair's record. */
static inline int8_t edgenet_pair_output(const int32_t *requant, int32_t form, int32_t odd, int32_t sum)
{
    const int32_t multiplier = requant[2 * odd], constant = requant[2 * odd + 1], shift = requant[4 + odd];
    if (form == EDGENET_STAIRCASE) {
        return edgenet_staircase(sum, multiplier, constant, shift);
    }
    return edgenet_linear(odd ? sum >> 7 : edgenet_shift_left(sum, 1), multiplier, constant, shift);
}

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_DSP_H */
