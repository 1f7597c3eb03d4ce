/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * The SIMD instructions of Armv7E-M, by their names, and what kernels make of them. Halfwords are the two 16-bit numbers in
 * a word.
 *
 * Everything here has a twin in plain C with the same bits, which is compiled for all other cores, without optimization,
 * and where EDGENET_NO_ASM is defined.
 */
#ifndef EDGENET_SIMD_H
#define EDGENET_SIMD_H

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

/* The shifts of even and odd channels' sums in packed pairs; edgenet_dsp.h says more. */
#define EDGENET_EVEN_SHIFT 2
#define EDGENET_ODD_SHIFT 10

/* Two numbers as the halfwords of a word. */
static inline int32_t edgenet_halves(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
}

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
    return (int8_t)edgenet_ssat8((x - (x < 0 ? 1 : 0) + constant) >> shift);
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

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_SIMD_H */
