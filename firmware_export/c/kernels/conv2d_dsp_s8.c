/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * CONV_2D without groups, any stride, dilation and padding, for cores with SIMD instructions.
 *
 * What the filter sees from four output pixels is widened to halfwords, pairs of inputs as words, the four pixels' words
 * side by side; then two channels at a time are computed for the four pixels, from packed pairs of weights. A word of
 * weights costs 12 instructions for 16 products: two loads of inputs, one of weights, one that unpacks, eight SMLAD.
 * A pair of channels costs 45 more (70 in the linear form), a word of a run about 20.
 *
 * Within a run of bytes (b0, b1, b2, b3, ...) the pairs are (b0, b2), (b1, b3), because that is what SXTB16 makes; of
 * what remains, (b0, b1); a last one begins a word, which the next run's last one completes.
 */
#include "edgenet_dsp.h"

#define PIXELS 4

/* What stays the same from pixel to pixel. */
typedef struct {
    const int32_t *wide_end, *pairs_end; /* of the widened inputs, and of the records */
    int32_t entry;                       /* where a pair's second word enters the steps */
    const int8_t *rows, *rows_end;       /* the rows that are held, or the input's */
    int32_t held, ring;                  /* how many, and their bytes */
    int32_t gap, down;                   /* bytes from the end of a run to the next one, and to that of the row below */
} work;

#if EDGENET_DSP_ASM

/* Widens words of four bytes each of four pixels. */
#define WIDEN_WORDS(words)                                                                                            \
    do {                                                                                                              \
        const int8_t *const end_ = p0 + 4 * (words);                                                                  \
        int32_t a_, b_, c_, d_, t_, u_;                                                                               \
        __asm__ volatile("1:\n\t"                                                                                     \
                         "ldr %[a], [%[p0]], #4\n\t"                                                                  \
                         "ldr %[b], [%[p1]], #4\n\t"                                                                  \
                         "ldr %[c], [%[p2]], #4\n\t"                                                                  \
                         "ldr %[d], [%[p3]], #4\n\t"                                                                  \
                         "sxtb16 %[t], %[a]\n\t"                                                                      \
                         "sxtb16 %[u], %[b]\n\t"                                                                      \
                         "strd %[t], %[u], [%[to]]\n\t"                                                               \
                         "sxtb16 %[t], %[c]\n\t"                                                                      \
                         "sxtb16 %[u], %[d]\n\t"                                                                      \
                         "strd %[t], %[u], [%[to], #8]\n\t"                                                           \
                         "sxtb16 %[a], %[a], ror #8\n\t"                                                              \
                         "sxtb16 %[b], %[b], ror #8\n\t"                                                              \
                         "strd %[a], %[b], [%[to], #16]\n\t"                                                          \
                         "sxtb16 %[c], %[c], ror #8\n\t"                                                              \
                         "sxtb16 %[d], %[d], ror #8\n\t"                                                              \
                         "strd %[c], %[d], [%[to], #24]\n\t"                                                          \
                         "add %[to], %[to], #32\n\t"                                                                  \
                         "cmp %[p0], %[end]\n\t"                                                                      \
                         "bne 1b\n\t"                                                                                 \
                         : [a] "=&r"(a_), [b] "=&r"(b_), [c] "=&r"(c_), [d] "=&r"(d_), [t] "=&r"(t_), [u] "=&r"(u_),  \
                           [p0] "+&r"(p0), [p1] "+&r"(p1), [p2] "+&r"(p2), [p3] "+&r"(p3), [to] "+&r"(to)             \
                         : [end] "r"(end_)                                                                            \
                         : "cc", "memory");                                                                           \
    } while (0)

#else

#define WIDEN_WORDS(words)                                                          \
    do {                                                                            \
        for (int32_t word_ = 0; word_ < (words); word_++) {                         \
            const int32_t a_ = edgenet_load_word(p0), b_ = edgenet_load_word(p1);   \
            const int32_t c_ = edgenet_load_word(p2), d_ = edgenet_load_word(p3);   \
            to[0] = edgenet_sxtb16(a_);                                             \
            to[1] = edgenet_sxtb16(b_);                                             \
            to[2] = edgenet_sxtb16(c_);                                             \
            to[3] = edgenet_sxtb16(d_);                                             \
            to[4] = edgenet_sxtb16_ror8(a_);                                        \
            to[5] = edgenet_sxtb16_ror8(b_);                                        \
            to[6] = edgenet_sxtb16_ror8(c_);                                        \
            to[7] = edgenet_sxtb16_ror8(d_);                                        \
            to += 2 * PIXELS;                                                       \
            p0 += 4;                                                                \
            p1 += 4;                                                                \
            p2 += 4;                                                                \
            p3 += 4;                                                                \
        }                                                                           \
    } while (0)

#endif

/*
 * Widens a run of n bytes from p0, p1, p2 and p3 on, which move behind it, to where `to` points, which moves too. begun is
 * where a last byte waits for the next run's.
 */
#define WIDEN(n)                                    \
    do {                                            \
        if ((n) >= 4) {                             \
            WIDEN_WORDS((n) >> 2);                  \
        }                                           \
        if ((n) & 2) {                              \
            to[0] = edgenet_halves(p0[0], p0[1]);   \
            to[1] = edgenet_halves(p1[0], p1[1]);   \
            to[2] = edgenet_halves(p2[0], p2[1]);   \
            to[3] = edgenet_halves(p3[0], p3[1]);   \
            to += PIXELS;                           \
            p0 += 2;                                \
            p1 += 2;                                \
            p2 += 2;                                \
            p3 += 2;                                \
        }                                           \
        if (((n) & 1) && begun != NULL) {           \
            begun[0] |= edgenet_halves(0, *p0++);   \
            begun[1] |= edgenet_halves(0, *p1++);   \
            begun[2] |= edgenet_halves(0, *p2++);   \
            begun[3] |= edgenet_halves(0, *p3++);   \
            begun = NULL;                           \
        } else if ((n) & 1) {                       \
            to[0] = edgenet_halves(*p0++, 0);       \
            to[1] = edgenet_halves(*p1++, 0);       \
            to[2] = edgenet_halves(*p2++, 0);       \
            to[3] = edgenet_halves(*p3++, 0);       \
            begun = to;                             \
            to += PIXELS;                           \
        }                                           \
    } while (0)

/* Widens what the filter sees from four pixels, whose windows begin at from, perhaps all in one held row. */
EDGENET_OWN_REGISTERS static void gather(const edgenet_conv2d_dsp_s8_params *p, const work *same,
                                         const int8_t *const from[PIXELS], int32_t in_a_row, int32_t *to)
{
    const int8_t *p0 = from[0], *p1 = from[1], *p2 = from[2], *p3 = from[3];
    const int8_t *const end = same->rows_end;
    const int32_t run = p->run, down = same->down, ring = same->ring;
    int32_t *begun = NULL;
    for (int32_t ky = p->filter.height; ky > 0; ky--) {
        WIDEN(run);
        for (int32_t runs = p->runs - 1; runs > 0; runs--) {
            p0 += same->gap;
            p1 += same->gap;
            p2 += same->gap;
            p3 += same->gap;
            WIDEN(run);
        }
        /* One row of the filter down; behind the last of the held rows comes the first one. */
        p0 += down;
        p1 += down;
        p2 += down;
        p3 += down;
        if (p0 >= end || !in_a_row) {
            p0 -= p0 >= end ? ring : 0;
            p1 -= p1 >= end ? ring : 0;
            p2 -= p2 >= end ? ring : 0;
            p3 -= p3 >= end ? ring : 0;
        }
    }
}

/* The same where the filter sees one pixel. */
static inline void gather_pixels(const int8_t *p0, const int8_t *p1, const int8_t *p2, const int8_t *p3, int32_t n,
                                 int32_t *to)
{
    int32_t *begun = NULL;
    WIDEN(n);
    (void)begun;
}

#if EDGENET_DSP_ASM

#define WORDS_AT_ONCE 8

/* One word of weights of two channels, two inputs of each of four pixels, added to the sums given: 48 bytes of code. */
#define WORD_FROM(a, b, c, d, e, f, g, h)     \
    "ldr %[w], [%[next]], #4\n\t"          \
    "sxtb16 %[t], %[w]\n\t"                   \
    "ldrd %[y], %[z], [%[x]], #8\n\t"         \
    "smlad %[a0], %[t], %[y], %[" a "]\n\t"   \
    "smlad %[b0], %[w], %[y], %[" b "]\n\t"   \
    "smlad %[a1], %[t], %[z], %[" c "]\n\t"   \
    "smlad %[b1], %[w], %[z], %[" d "]\n\t"   \
    "ldrd %[y], %[z], [%[x]], #8\n\t"         \
    "smlad %[a2], %[t], %[y], %[" e "]\n\t"   \
    "smlad %[b2], %[w], %[y], %[" f "]\n\t"   \
    "smlad %[a3], %[t], %[z], %[" g "]\n\t"   \
    "smlad %[b3], %[w], %[z], %[" h "]\n\t"
#define FIRST_WORD WORD_FROM("a3", "b3", "a3", "b3", "a3", "b3", "a3", "b3")
#define WORD WORD_FROM("a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3")
#define WORD_BYTES 48

/* Sums to outputs: the multiplier is in t, the constant in w; in the second form the even shift in y, the odd one in z. */
#define STAIRCASE(a, shift)                        \
    "smmla %[" a "], %[" a "], %[t], %[w]\n\t"     \
    "ssat %[" a "], #8, %[" a "], asr #" shift "\n\t"
#define STAIRCASES                                                                                        \
    "ldrd %[t], %[w], [%[next]], #8\n\t" STAIRCASE("a0", "2") STAIRCASE("a1", "2") STAIRCASE("a2", "2")   \
    STAIRCASE("a3", "2") "ldrd %[t], %[w], [%[next]], #8\n\t" STAIRCASE("b0", "10") STAIRCASE("b1", "10") \
    STAIRCASE("b2", "10") STAIRCASE("b3", "10")
#define LINEAR(a, doubled, shift)                          \
    doubled                                                \
    "smmulr %[" a "], %[" a "], %[t]\n\t"                  \
    "add %[" a "], %[" a "], %[" a "], asr #31\n\t"        \
    "add %[" a "], %[" a "], %[w]\n\t"                     \
    "asr %[" a "], %[" shift "]\n\t"                       \
    "ssat %[" a "], #8, %[" a "]\n\t"
#define LINEAR_EVEN(a) LINEAR(a, "lsl %[" a "], %[" a "], #1\n\t", "y")
#define LINEAR_ODD(a) LINEAR(a, "asr %[" a "], %[" a "], #7\n\t", "z")
#define LINEARS                                                                                        \
    "ldrd %[y], %[z], [%[next], #16]\n\t"                                                              \
    "ldrd %[t], %[w], [%[next]], #8\n\t" LINEAR_EVEN("a0") LINEAR_EVEN("a1") LINEAR_EVEN("a2")         \
    LINEAR_EVEN("a3") "ldrd %[t], %[w], [%[next]], #16\n\t" LINEAR_ODD("b0") LINEAR_ODD("b1")          \
    LINEAR_ODD("b2") LINEAR_ODD("b3")

/*
 * All channels of four pixels. The first word of a pair of channels begins with the biases; the others take
 * WORDS_AT_ONCE steps without a branch, the first time from the middle of them.
 *
 * Registers: a0 to a3 the even channel's sums, b0 to b3 those of both; x the widened inputs, next the pairs' records, w
 * and t a word of weights as it is and unpacked, y and z two inputs. So all but the stack pointer are in use, and this
 * waits on the stack:
 *   0 the first of the widened inputs   4 their end   8 where a pair's second word enters the steps
 *   12 the records' end   16 output   20 bytes to the next pixel's
 */
#define COMPUTE(OUTPUTS)                                                                                              \
    __asm__ volatile("sub sp, #24\n\t"                                                                                \
                     "strd %[x], %[a0], [sp]\n\t"                                                                     \
                     "strd %[a1], %[a2], [sp, #8]\n\t"                                                                \
                     "strd %[a3], %[b0], [sp, #16]\n\t"                                                               \
                     "adr %[z], 1f\n\t"                                                                               \
                     "add %[z], %[z], %[a1]\n\t"                                                                      \
                     "str %[z], [sp, #8]\n"                                                                           \
                     "2:\n\t"                                                                                         \
                     "ldr %[x], [sp]\n\t"                                                                             \
                     "ldrd %[a3], %[b3], [%[next]], #8\n\t" FIRST_WORD                                                \
                     "ldr %[y], [sp, #8]\n\t"                                                                         \
                     "bx %[y]\n\t"                                                                                    \
                     ".balign 4\n"                                                                                    \
                     "1:\n\t"                                                                                         \
                     ".rept 8\n\t" WORD ".endr\n\t"                                                                   \
                     "ldr %[y], [sp, #4]\n\t"                                                                         \
                     "cmp %[x], %[y]\n\t"                                                                             \
                     "bne 1b\n\t"                                                                                     \
                     "sub %[b0], %[b0], %[a0]\n\t"                                                                    \
                     "sub %[b1], %[b1], %[a1]\n\t"                                                                    \
                     "sub %[b2], %[b2], %[a2]\n\t"                                                                    \
                     "sub %[b3], %[b3], %[a3]\n\t" OUTPUTS                                                            \
                     "ldrd %[y], %[z], [sp, #16]\n\t"                                                                 \
                     "add %[t], %[z], %[z], lsl #1\n\t"                                                               \
                     "strb %[a0], [%[y]]\n\t"                                                                         \
                     "strb %[a1], [%[y], %[z]]\n\t"                                                                   \
                     "strb %[a2], [%[y], %[z], lsl #1]\n\t"                                                           \
                     "strb %[a3], [%[y], %[t]]\n\t"                                                                   \
                     "strb %[b0], [%[y], #1]!\n\t"                                                                    \
                     "strb %[b1], [%[y], %[z]]\n\t"                                                                   \
                     "strb %[b2], [%[y], %[z], lsl #1]\n\t"                                                           \
                     "strb %[b3], [%[y], %[t]]\n\t"                                                                   \
                     "add %[y], #1\n\t"                                                                               \
                     "str %[y], [sp, #16]\n\t"                                                                        \
                     "ldr %[y], [sp, #12]\n\t"                                                                        \
                     "cmp %[next], %[y]\n\t"                                                                          \
                     "bne 2b\n\t"                                                                                     \
                     "add sp, #24\n\t"                                                                                \
                     : [x] "+&r"(x), [next] "+&r"(next), [a0] "+&r"(a0), [a1] "+&r"(a1), [a2] "+&r"(a2),              \
                       [a3] "+&r"(a3), [b0] "+&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3), [w] "=&r"(w),  \
                       [t] "=&r"(t), [y] "=&r"(y), [z] "=&r"(z)                                                       \
                     :                                                                                                \
                     : "cc", "memory")

/* The outputs of all channels for four pixels, whose widened inputs lie in x, written step bytes apart. */
EDGENET_OWN_REGISTERS static void compute(const edgenet_conv2d_dsp_s8_params *p, const work *at, const int32_t *x,
                                          int8_t *output, int32_t step)
{
    const int32_t *next = p->pairs, *a0 = at->wide_end, *a2 = at->pairs_end;
    int32_t a1 = at->entry, b0 = step;
    int8_t *a3 = output;
    int32_t b1, b2, b3, w, t, y, z;
    if (p->form == EDGENET_STAIRCASE) {
        COMPUTE(STAIRCASES);
    } else {
        COMPUTE(LINEARS);
    }
}

/* Where the second of `words` words enters the steps: one more than its distance, as a branch to Thumb code has it. */
static int32_t entry_of(int32_t words)
{
    const int32_t rest = (words - 1) % WORDS_AT_ONCE;
    return 1 + WORD_BYTES * (rest > 0 || words == 1 ? WORDS_AT_ONCE - rest : 0);
}

#else

/* The outputs of all channels for four pixels, whose widened inputs lie in x, written step bytes apart. */
static void compute(const edgenet_conv2d_dsp_s8_params *p, const work *at, const int32_t *x, int8_t *output, int32_t step)
{
    for (const int32_t *pair = p->pairs; pair != at->pairs_end; output += 2) {
        const int32_t *const weights = pair + EDGENET_PAIR_BIASES, *const requant = weights + p->words;
        for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
            int32_t even = pair[0], both = pair[1];
            for (int32_t i = 0; i < p->words; i++) {
                even = edgenet_smlad(edgenet_sxtb16(weights[i]), x[PIXELS * i + pixel], even);
                both = edgenet_smlad(weights[i], x[PIXELS * i + pixel], both);
            }
            both = edgenet_subtract_wrapping(both, even);
            edgenet_pair_outputs(requant, p->form, even, both, output + pixel * step);
        }
        pair = requant + EDGENET_PAIR_REQUANT(p->form);
    }
}

static int32_t entry_of(int32_t words)
{
    return words;
}

#endif

/* Copies n bytes. */
static void copy(int8_t *to, const int8_t *from, int32_t n)
{
    for (; n >= 8; n -= 8) {
        const int32_t a = edgenet_load_word(from), b = edgenet_load_word(from + 4);
        memcpy(to, &a, sizeof a);
        memcpy(to + 4, &b, sizeof b);
        to += 8;
        from += 8;
    }
    for (; n > 0; n--) {
        *to++ = *from++;
    }
}

/* n times the same value. */
static void fill(int8_t *to, int8_t value, int32_t n)
{
    for (; n > 0; n--) {
        *to++ = value;
    }
}

/* Copies the input's row `row`, or padding where there is none, to a held row. */
static void copy_row(const edgenet_conv2d_dsp_s8_params *p, const int8_t *image, int32_t row, int8_t *to)
{
    const int32_t bytes = p->input.width * p->input.channels, before = p->pad.width * p->input.channels;
    if (row < 0 || row >= p->input.height) {
        fill(to, p->pad_value, p->pitch);
        return;
    }
    /* The filters may not reach the last of the input's columns. */
    const int32_t used = bytes < p->pitch - before ? bytes : p->pitch - before;
    fill(to, p->pad_value, before);
    copy(to + before, image + row * bytes, used);
    fill(to + before + used, p->pad_value, p->pitch - before - used);
}

/* Where the next pixel's window begins: held row and column, and the output's row. */
typedef struct {
    int32_t row, x, y;
} position;

static inline void advance(const edgenet_conv2d_dsp_s8_params *p, int32_t held, position *at)
{
    at->x++;
    if (at->x == p->output.width) {
        at->x = 0;
        at->y++;
        at->row += p->stride.height;
        at->row -= at->row >= held ? held : 0;
    }
}

/*
 * Where the windows of the next count pixels begin; the last one's again for those that there are not. Returns the row of
 * the last one.
 */
static int32_t place(const edgenet_conv2d_dsp_s8_params *p, const work *same, int32_t count, position *at,
                     const int8_t *from[PIXELS])
{
    const int32_t step = p->stride.width * p->input.channels;
    const int8_t *first = same->rows + at->row * p->pitch + at->x * step;
    int32_t last = at->y;
    if (count == PIXELS && at->x + PIXELS <= p->output.width) {
        for (int32_t i = 0; i < PIXELS; i++) {
            from[i] = first;
            first += step;
        }
        at->x += PIXELS - 1;
        advance(p, same->held, at);
        return last;
    }
    for (int32_t i = 0; i < PIXELS; i++) {
        if (i < count) {
            first = same->rows + at->row * p->pitch + at->x * step;
            last = at->y;
            advance(p, same->held, at);
        }
        from[i] = first;
    }
    return last;
}

/* Writes the outputs of count pixels, which compute left in spare memory with an even number of channels. */
static int8_t *keep(int8_t *output, const int8_t *spare, int32_t count, int32_t channels)
{
    for (int32_t i = 0; i < count; i++) {
        copy(output, spare + i * (channels + channels % 2), channels);
        output += channels;
    }
    return output;
}

/* One image, of which a filter sees one pixel; returns where the next one's output goes. */
static int8_t *convolve_pixels(const edgenet_conv2d_dsp_s8_params *p, const work *same, const int8_t *image,
                               int8_t *output, int32_t *wide, int8_t *spare)
{
    const int32_t channels = p->output.channels, depth = p->input.channels;
    int32_t left = p->output.width;
    for (; left >= PIXELS; left -= PIXELS) {
        gather_pixels(image, image + depth, image + 2 * depth, image + 3 * depth, depth, wide);
        image += PIXELS * depth;
        if (channels % 2 == 0) {
            compute(p, same, wide, output, channels);
            output += PIXELS * channels;
        } else {
            compute(p, same, wide, spare, channels + 1);
            output = keep(output, spare, PIXELS, channels);
        }
    }
    if (left > 0) {
        /* The last pixel again for those that there are not. */
        const int8_t *const second = left > 1 ? image + depth : image;
        const int8_t *const third = left > 2 ? second + depth : second;
        gather_pixels(image, second, third, third, depth, wide);
        compute(p, same, wide, spare, channels + channels % 2);
        output = keep(output, spare, left, channels);
    }
    return output;
}

/* One image; returns where the next one's output goes. */
static int8_t *convolve(const edgenet_conv2d_dsp_s8_params *p, const work *same, const int8_t *image, int8_t *output,
                        int32_t *wide, int8_t *spare, int8_t *lines)
{
    const int32_t channels = p->output.channels, even = channels + channels % 2;
    const int32_t reach = (p->filter.height - 1) * p->dilation.height + 1;
    int32_t left = p->output.height * p->output.width, copied = 0, slot = 0;
    position at = {0, 0, 0};
    while (left > 0) {
        const int32_t count = left < PIXELS ? left : PIXELS;
        const int8_t *from[PIXELS];
        const int32_t first_row = at.y, last = place(p, same, count, &at, from);
        for (; p->lines > 0 && copied < last * p->stride.height + reach; copied++) {
            copy_row(p, image, copied - p->pad.height, lines + slot * p->pitch);
            slot = slot + 1 == p->lines ? 0 : slot + 1;
        }
        gather(p, same, from, last == first_row, wide);
        if (count == PIXELS && even == channels) {
            compute(p, same, wide, output, channels);
            output += PIXELS * channels;
        } else {
            compute(p, same, wide, spare, even);
            output = keep(output, spare, count, channels);
        }
        left -= count;
    }
    return output;
}

void edgenet_conv2d_dsp_s8(const edgenet_conv2d_dsp_s8_params *p, const int8_t *input, int8_t *output, int8_t *scratch)
{
    const int32_t record = EDGENET_PAIR_BIASES + p->words + EDGENET_PAIR_REQUANT(p->form);
    int32_t *const wide = (int32_t *)(void *)scratch;
    int8_t *const spare = scratch + 4 * PIXELS * p->words, *const first = output;
    int8_t *const lines = spare + PIXELS * (p->output.channels + p->output.channels % 2);
    work same;
    same.wide_end = wide + PIXELS * p->words;
    same.pairs_end = p->pairs + record * ((p->output.channels + 1) / 2);
    same.entry = entry_of(p->words);
    same.held = p->lines > 0 ? p->lines : p->input.height;
    same.ring = same.held * p->pitch;
    same.gap = p->run_step - p->run;
    same.down = p->dilation.height * p->pitch - (p->runs - 1) * p->run_step - p->run;
    for (int32_t b = 0; b < p->output.batch; b++) {
        same.rows = p->lines > 0 ? lines : input;
        same.rows_end = same.rows + same.ring;
        output = p->single ? convolve_pixels(p, &same, input, output, wide, spare)
                           : convolve(p, &same, input, output, wide, spare, lines);
        input += p->input.height * p->input.width * p->input.channels;
    }
    edgenet_limit_s8(first, (int32_t)(output - first), p->activation_min, p->activation_max);
}
