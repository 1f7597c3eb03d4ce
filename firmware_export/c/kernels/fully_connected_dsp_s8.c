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

#if EDGENET_DSP_ASM

#define WORDS_AT_ONCE 8
#define WORD_BYTES 60

/* Two inputs of two pairs of channels. */
#define TWO_PAIRS(a, b, c, d)                    \
    "ldrd %[w], %[v], [%[next]], #8\n\t"         \
    "sxtb16 %[t], %[w]\n\t"                      \
    "smlad %[" a "], %[t], %[y], %[" a "]\n\t"   \
    "smlad %[" b "], %[w], %[y], %[" b "]\n\t"   \
    "sxtb16 %[t], %[v]\n\t"                      \
    "smlad %[" c "], %[t], %[y], %[" c "]\n\t"   \
    "smlad %[" d "], %[v], %[y], %[" d "]\n\t"
#define WORD "ldr %[y], [%[x]], #4\n\t" TWO_PAIRS("a0", "b0", "a1", "b1") TWO_PAIRS("a2", "b2", "a3", "b3")

/*
 * The sums of a block's four pairs of channels: each even channel's, and both channels'. Returns what requantizes them.
 * WORDS_AT_ONCE words are taken without a branch, the first time from the middle of them. All registers but the stack
 * pointer are in use: the sums' address and the end of the inputs wait on the stack.
 */
EDGENET_OWN_REGISTERS static const int32_t *sums_of_block(const int32_t *x, const int32_t *next, int32_t words,
                                                          int32_t *sums)
{
    const int32_t rest = words % WORDS_AT_ONCE;
    int32_t entry = 1 + WORD_BYTES * (rest > 0 ? WORDS_AT_ONCE - rest : 0);
    const int32_t *end = x + words;
    int32_t a0, b0, a1, b1, a2, b2, a3, b3, v;
    __asm__ volatile("strd %[t], %[y], [sp, #-8]!\n\t"
                     "ldrd %[a0], %[b0], [%[next]], #8\n\t"
                     "ldrd %[a1], %[b1], [%[next]], #8\n\t"
                     "ldrd %[a2], %[b2], [%[next]], #8\n\t"
                     "ldrd %[a3], %[b3], [%[next]], #8\n\t"
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
                       [next] "+&r"(next), [t] "+&r"(sums), [y] "+&r"(end)
                     :
                     : "cc", "memory");
    return next;
}

#else

static const int32_t *sums_of_block(const int32_t *x, const int32_t *next, int32_t words, int32_t *sums)
{
    const int32_t *const weights = next + BLOCK;
    for (int32_t i = 0; i < BLOCK; i += 2) {
        sums[i] = next[i];
        sums[i + 1] = next[i + 1];
        for (int32_t k = 0; k < words; k++) {
            const int32_t word = weights[BLOCK / 2 * k + i / 2];
            sums[i] = edgenet_smlad(edgenet_sxtb16(word), x[k], sums[i]);
            sums[i + 1] = edgenet_smlad(word, x[k], sums[i + 1]);
        }
    }
    return weights + BLOCK / 2 * words;
}

#endif

/* The same for one pair of channels. */
static const int32_t *sums_of_pair(const int32_t *x, const int32_t *next, int32_t words, int32_t *sums)
{
    int32_t even = next[0], both = next[1];
    next += EDGENET_PAIR_BIASES;
    for (int32_t i = 0; i < words; i++) {
        const int32_t word = *next++;
        even = edgenet_smlad(edgenet_sxtb16(word), x[i], even);
        both = edgenet_smlad(word, x[i], both);
    }
    sums[0] = even;
    sums[1] = both;
    return next;
}

/* The outputs of so many pairs of channels from their sums: the even channels', and those of both, 256-fold the odd one's. */
static const int32_t *finish(const edgenet_fully_connected_dsp_s8_params *p, const int32_t *requant, int32_t pairs,
                             const int32_t *sums, int8_t *output)
{
    if (p->form == EDGENET_STAIRCASE) {
        for (; pairs > 0; pairs--) {
            const int32_t even = sums[0], odd = edgenet_subtract_wrapping(sums[1], even);
            output[0] = edgenet_staircase(even, requant[0], requant[1], p->even_shift);
            output[1] = edgenet_staircase(odd, requant[2], requant[3], p->odd_shift);
            output += 2;
            sums += 2;
            requant += EDGENET_PAIR_REQUANT(EDGENET_STAIRCASE);
        }
    }
    for (; pairs > 0; pairs--) {
        const int32_t even = sums[0], odd = edgenet_subtract_wrapping(sums[1], even);
        output[0] = edgenet_linear(edgenet_shift_left(even, 1), requant[0], requant[1], requant[4]);
        output[1] = edgenet_linear(odd >> 7, requant[2], requant[3], requant[5]);
        output += 2;
        sums += 2;
        requant += EDGENET_PAIR_REQUANT(EDGENET_LINEAR);
    }
    return requant;
}

/* The same for one channel, with its own sum; number 0 is the pair's even channel. */
static int8_t finish_one(const edgenet_fully_connected_dsp_s8_params *p, const int32_t *requant, int32_t number,
                         int32_t sum)
{
    const int32_t multiplier = requant[2 * number], constant = requant[2 * number + 1];
    if (p->form == EDGENET_STAIRCASE) {
        return edgenet_staircase(sum, multiplier, constant, p->even_shift);
    }
    return edgenet_linear(edgenet_shift_left(sum, 1), multiplier, constant, requant[4 + number]);
}

/* How many pairs of channels are computed together when so many channels are left. */
static int32_t together(int32_t left)
{
    /* The last of an odd number of channels has a partner too, whose output is left out. */
    return left >= BLOCK - 1 ? BLOCK / 2 : 1;
}

/* A row of outputs, of inputs that are all widened. */
static void compute_row(const edgenet_fully_connected_dsp_s8_params *p, const int32_t *x, int8_t *output)
{
    const int32_t *next = p->pairs;
    int32_t sums[BLOCK], left = p->channels;
    for (; left >= BLOCK; left -= BLOCK) {
        next = finish(p, sums_of_block(x, next, p->words, sums), BLOCK / 2, sums, output);
        output += BLOCK;
    }
    if (left > 0) {
        int8_t rest[BLOCK];
        if (together(left) > 1) {
            finish(p, sums_of_block(x, next, p->words, sums), BLOCK / 2, sums, rest);
        } else {
            for (int32_t i = 0; i < left; i += 2) {
                next = finish(p, sums_of_pair(x, next, p->words, sums), 1, sums, rest + i);
            }
        }
        memcpy(output, rest, (size_t)left);
    }
}

/* Adds a chunk's part to all sums, the odd channels' no longer 256-fold. */
static const int32_t *add_chunk(const edgenet_fully_connected_dsp_s8_params *p, const int32_t *x, const int32_t *next,
                                int32_t *sums)
{
    for (int32_t left = p->channels; left > 0;) {
        const int32_t pairs = together(left);
        int32_t part[BLOCK];
        next = pairs > 1 ? sums_of_block(x, next, p->words, part) : sums_of_pair(x, next, p->words, part);
        for (int32_t i = 0; i < 2 * pairs; i += 2) {
            sums[i] += part[i];
            sums[i + 1] += edgenet_subtract_wrapping(part[i + 1], part[i]) >> 8;
        }
        sums += 2 * pairs;
        left -= 2 * pairs;
    }
    return next;
}

/* A row of outputs, of inputs that are widened chunk by chunk. */
static void compute_chunks(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int32_t *x, int8_t *output)
{
    int32_t *const sums = x + p->words;
    const int32_t *next = p->pairs;
    memset(sums, 0, sizeof *sums * (size_t)(p->channels + 1));
    for (int32_t left = p->depth; left > 0; left -= 2 * p->words) {
        const int32_t count = left < 2 * p->words ? left : 2 * p->words;
        memset(x, 0, sizeof *x * (size_t)p->words);
        widen(x, input, count);
        input += count;
        next = add_chunk(p, x, next, sums);
    }
    for (int32_t channel = 0; channel < p->channels; channel++) {
        output[channel] = finish_one(p, next, channel % 2, sums[channel]);
        next += channel % 2 ? EDGENET_PAIR_REQUANT(p->form) : 0;
    }
}

void edgenet_fully_connected_dsp_s8(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int8_t *output,
                                    int8_t *scratch)
{
    int32_t *const x = (int32_t *)(void *)scratch;
    for (int32_t row = 0; row < p->rows; row++) {
        if (2 * p->words >= p->depth) {
            widen(x, input + row * p->depth, p->depth);
            compute_row(p, x, output + row * p->channels);
        } else {
            compute_chunks(p, input + row * p->depth, x, output + row * p->channels);
        }
    }
    edgenet_limit_s8(output, p->rows * p->channels, p->activation_min, p->activation_max);
}
