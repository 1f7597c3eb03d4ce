/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * FULLY_CONNECTED for cores with SIMD instructions.
 *
 * A row of inputs is widened to halfwords, two in a word; then eight channels are computed at a time, from packed pairs of
 * weights. Two inputs cost 15 instructions for 16 products: one load of inputs, two of weights, four that unpack, eight
 * SMLAD. About 15 more make an output of a sum.
 */
#include "edgenet_dsp.h"

#define BLOCK 8
#define BLOCK_PAIRS 4

/* Widens a row of n bytes: (b0, b2), (b1, b3), ..., as the weights are ordered. */
static void widen(int32_t *to, const int8_t *from, int32_t n)
{
    for (; n >= 4; n -= 4) {
        const int32_t word = edgenet_load_word(from);
        to[0] = edgenet_sxtb16(word);
        to[1] = edgenet_sxtb16_ror8(word);
        to += 2;
        from += 4;
    }
    for (; n >= 2; n -= 2) {
        *to++ = edgenet_halves(from[0], from[1]);
        from += 2;
    }
    if (n > 0) {
        *to = edgenet_halves(from[0], 0);
    }
}

/* The sums of a pair of channels: sums[0] of the even one, sums[1] of both. */
static void sums_of_pair(const int32_t *x, const int32_t *weights, int32_t words, int32_t step, int32_t *sums)
{
    int32_t even = sums[0], both = sums[1];
    for (int32_t i = 0; i < words; i++) {
        even = edgenet_smlad(edgenet_sxtb16(*weights), x[i], even);
        both = edgenet_smlad(*weights, x[i], both);
        weights += step;
    }
    sums[0] = even;
    sums[1] = both;
}

#if EDGENET_DSP_ASM

#define WORDS_AT_ONCE 8
#define WORD_BYTES 60

/* Two inputs of two pairs of channels. */
#define TWO_PAIRS(a, b, c, d)                    \
    "ldrd %[w], %[v], [%[weights]], #8\n\t"      \
    "sxtb16 %[t], %[w]\n\t"                      \
    "smlad %[" a "], %[t], %[y], %[" a "]\n\t"   \
    "smlad %[" b "], %[w], %[y], %[" b "]\n\t"   \
    "sxtb16 %[t], %[v]\n\t"                      \
    "smlad %[" c "], %[t], %[y], %[" c "]\n\t"   \
    "smlad %[" d "], %[v], %[y], %[" d "]\n\t"
#define WORD "ldr %[y], [%[x]], #4\n\t" TWO_PAIRS("a0", "b0", "a1", "b1") TWO_PAIRS("a2", "b2", "a3", "b3")

/*
 * The same for the four pairs of a block. WORDS_AT_ONCE words are taken without a branch, the first time from the middle
 * of them. All registers but the stack pointer are in use: the sums' address and the end of the inputs wait on the stack.
 */
EDGENET_OWN_REGISTERS static void sums_of_block(const int32_t *x, const int32_t *weights, int32_t words, int32_t *sums)
{
    const int32_t rest = words % WORDS_AT_ONCE;
    int32_t entry = 1 + WORD_BYTES * (rest > 0 ? WORDS_AT_ONCE - rest : 0);
    const int32_t *end = x + words;
    int32_t a0, b0, a1, b1, a2, b2, a3, b3, v;
    __asm__ volatile("strd %[t], %[y], [sp, #-8]!\n\t"
                     "ldrd %[a0], %[b0], [%[t]]\n\t"
                     "ldrd %[a1], %[b1], [%[t], #8]\n\t"
                     "ldrd %[a2], %[b2], [%[t], #16]\n\t"
                     "ldrd %[a3], %[b3], [%[t], #24]\n\t"
                     "adr %[t], 1f\n\t"
                     "add %[t], %[t], %[w]\n\t"
                     "bx %[t]\n\t"
                     ".balign 4\n"
                     "1:\n\t"
                     ".rept 8\n\t" WORD ".endr\n\t"
                     "ldr %[t], [sp, #4]\n\t"
                     "cmp %[x], %[t]\n\t"
                     "bne 1b\n\t"
                     "ldrd %[t], %[y], [sp], #8\n\t"
                     "strd %[a0], %[b0], [%[t]]\n\t"
                     "strd %[a1], %[b1], [%[t], #8]\n\t"
                     "strd %[a2], %[b2], [%[t], #16]\n\t"
                     "strd %[a3], %[b3], [%[t], #24]\n\t"
                     : [a0] "=&r"(a0), [b0] "=&r"(b0), [a1] "=&r"(a1), [b1] "=&r"(b1), [a2] "=&r"(a2), [b2] "=&r"(b2),
                       [a3] "=&r"(a3), [b3] "=&r"(b3), [w] "+&r"(entry), [v] "=&r"(v), [x] "+&r"(x),
                       [weights] "+&r"(weights), [t] "+&r"(sums), [y] "+&r"(end)
                     :
                     : "cc", "memory");
}

#else

static void sums_of_block(const int32_t *x, const int32_t *weights, int32_t words, int32_t *sums)
{
    for (int32_t i = 0; i < BLOCK_PAIRS; i++) {
        sums_of_pair(x, weights + i, words, BLOCK_PAIRS, sums + 2 * i);
    }
}

#endif

/* The outputs of count channels, an even number but for the last one, from their sums. */
static void finish(const int32_t *pair, int32_t form, int32_t count, const int32_t *sums, int8_t *output)
{
    for (; count > 0; count -= 2) {
        output[0] = edgenet_pair_output(pair, form, 0, sums[0]);
        if (count > 1) {
            output[1] = edgenet_pair_output(pair, form, 1, edgenet_subtract_wrapping(sums[1], sums[0]));
        }
        output += 2;
        sums += 2;
        pair += EDGENET_PAIR_WORDS;
    }
}

void edgenet_fully_connected_dsp_s8(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int8_t *output,
                                    int8_t *scratch)
{
    int32_t *const x = (int32_t *)(void *)scratch;
    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t *weights = p->weights, *pair = p->pairs;
        int32_t left = p->channels;
        widen(x, input + row * p->depth, p->depth);
        while (left > 0) {
            int32_t sums[BLOCK];
            /* The last of an odd number of channels has a partner too, whose output is left out. */
            const int32_t count = left + 1 >= BLOCK ? BLOCK : 2;
            for (int32_t i = 0; i < count; i += 2) {
                sums[i] = pair[EDGENET_PAIR_WORDS / 2 * i];
                sums[i + 1] = pair[EDGENET_PAIR_WORDS / 2 * i + 1];
            }
            if (count == BLOCK) {
                sums_of_block(x, weights, p->words, sums);
            } else {
                sums_of_pair(x, weights, p->words, 1, sums);
            }
            finish(pair, p->form, left < count ? left : count, sums, output + p->channels - left);
            weights += p->words * (count / 2);
            pair += EDGENET_PAIR_WORDS / 2 * count;
            left -= count;
        }
        output += p->channels;
    }
    edgenet_limit_s8(output - p->rows * p->channels, p->rows * p->channels, p->activation_min, p->activation_max);
}
