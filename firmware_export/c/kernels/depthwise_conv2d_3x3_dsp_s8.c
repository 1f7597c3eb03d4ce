/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one 3x3 filter for each channel, stride 1 or 2, no dilation, for cores with SIMD instructions.
 *
 * Four channels at a time. What the filters see of a few rows, a band, is widened to halfwords, padding included: two
 * rows in a word, and such words of a column and channel, its slots, one after another, then those of the next channel,
 * of the next column. So the words of a column, and of the columns on its right, lie at distances that do not depend on
 * the image. A stripe, two output rows with stride 1, one with stride 2, needs two words of each of three columns; the
 * next stripe begins one word later. An even band goes from the first slot to the last, an odd one from the last to the
 * first: the word in the last one is what the next band needs first, and is never moved. Outputs are collected in
 * `lines`, four channels side by side, and go to their places when the band is done.
 *
 * Instructions for each product (gcc 12, Cortex-M4, all included): 1.51 for 48x48x8, 1.59 for 12x12x64, 1.75 for
 * 25x5x64, 2.52 for 48x48x16 with stride 2. The steps alone need 1.17 and, with stride 2, 1.22; widening two rows of
 * four channels takes 13.5 for each column, putting 8 outputs in place 4.5.
 */
#include "edgenet_depthwise.h"

#define LANES EDGENET_LANES
#define TABLE_WORDS 8 /* of each channel: six words of weights, a bias, a multiplier */

/*
 * The functions of the first kind give the outputs of a band, from channel to channel up to the fourth lane's. x is the
 * first stripe's pair of words in the first column: in an odd band the word behind holds the upper rows.
 */
typedef struct {
    int32_t wide;  /* bytes of the columns of a row's outputs */
    int32_t back;  /* the same, less the bytes to the next stripe's words */
    int32_t skip;  /* bytes of those of the unrolled steps that are left out the first time */
    int32_t lines; /* bytes of the band's outputs */
} band;
typedef void compute_function(const int32_t *x, int8_t *out, const band *b, const int32_t *table);

/*
 * Those of the second kind take pairs of rows to words of the window, or stripes of outputs, each of one or two rows,
 * to their places. They go through a row by four steps.
 */
typedef struct {
    int32_t below;     /* bytes from a pixel to the one below it; 0 if there is none, for outputs */
    int32_t right;     /* bytes from a pixel to the next one */
    int32_t next_from; /* bytes from the end of a pair or stripe to the beginning of the next one */
    int32_t next_to;
    int32_t length;    /* bytes of a pair's words, or of a stripe's outputs */
    int32_t skip;      /* as in a band */
} walk;
typedef void widen_function(const int8_t *from, int32_t *to, const walk *w, int32_t count);
typedef void put_function(const int8_t *from, int8_t *to, const walk *w, int32_t count);

#if EDGENET_DSP_ASM

#define TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(tokens) #tokens
#define EVEN(a, b, at) "ldrd " a ", " b ", " at "\n\t"
#define ODD(a, b, at) "ldrd " b ", " a ", " at "\n\t"
#define OUTPUT(y, at)                                                   \
    "smmul " y ", " y ", r11\n\t"                                       \
    "ssat " y ", #8, " y ", asr #" TEXT(EDGENET_DEPTHWISE_SHIFT) "\n\t" \
    "strb " y ", " at "\n\t"

/*
 * Stride 1: two outputs r2 and r3, one below the other; 21 instructions for 18 products. Of a column, rows 0 and 1 are
 * in r0, rows 2 and 3 in r1; its weights are the words (w0, w1) and (w1, w2).
 */
#define COLUMN_1(w01, w12, start2, start3)   \
    "smlad r2, r0, " w01 ", " start2 "\n\t"  \
    "smlatb r3, r0, " w01 ", " start3 "\n\t" \
    "smlabt r2, r1, " w12 ", r2\n\t"         \
    "smlad r3, r1, " w12 ", r3\n\t"
#define STEPS_1(LOAD, slots, count)                                              \
    ".rept " #count "\n\t"                                                       \
    LOAD("r0", "r1", "[r12], #16 * " #slots) COLUMN_1("r4", "r5", "r10", "r10")  \
    LOAD("r0", "r1", "[r12]") COLUMN_1("r6", "r7", "r2", "r3")                   \
    LOAD("r0", "r1", "[r12, #16 * " #slots "]") COLUMN_1("r8", "r9", "r2", "r3") \
    OUTPUT("r2", "[lr], #8") OUTPUT("r3", "[lr, #-4]")                           \
    ".endr\n\t"
#define STEP_1_BYTES 84

/*
 * Stride 2: one output r2; 11 instructions for 9 products. Its first column is the last one of the output before, in a
 * and b; the next output's will be in c and d. Weights: (w0, w1) of the columns in r4, r5, r6, w2 of the first two in
 * r7, w2 of the third in the lower half of r8.
 */
#define STEP_2(LOAD, slots, a, b, c, d)    \
    "smlad r2, " a ", r4, r10\n\t"         \
    "smlabb r2, " b ", r7, r2\n\t"         \
    LOAD(a, b, "[r12, #16 * " #slots "]")  \
    "smlad r2, " a ", r5, r2\n\t"          \
    "smlabt r2, " b ", r7, r2\n\t"         \
    LOAD(c, d, "[r12, #32 * " #slots "]!") \
    "smlad r2, " c ", r6, r2\n\t"          \
    "smlabb r2, " d ", r8, r2\n\t"         \
    OUTPUT("r2", "[lr], #4")
#define STEPS_2(LOAD, slots)                    \
    ".rept 2\n\t"                               \
    STEP_2(LOAD, slots, "r0", "r1", "r3", "r9") \
    STEP_2(LOAD, slots, "r3", "r9", "r0", "r1") \
    ".endr\n\t"
#define FIRST_2(LOAD) LOAD("r0", "r1", "[r12]") LOAD("r3", "r9", "[r12]")
#define STEP_2_BYTES 44

/*
 * r12: a column's words; lr: where an output goes; r4 to r11: the channel's table. On the stack, from sp on: where the
 * columns of a stripe end, back, skip, where the channel's outputs end, the next channel's table, r12 and lr as they were
 * when the channel began, wide. Beside its steps a stripe costs 5 instructions if it takes the steps once; else 9 and 3 for
 * each time, with stride 2 10 and 3. A channel costs 15.
 */
#define ONCE        \
    "ldm sp, {r0-r3}\n\t" \
    "sub r12, r12, r1\n\t"
#define NEXT_STRIPE(slot)       \
    "add r0, r0, #" slot "\n\t" \
    "sub r12, r12, r1\n\t"      \
    "str r0, [sp]\n\t"
#define AGAIN_1(slot)     \
    "ldm sp, {r0-r3}\n\t" \
    "cmp r12, r0\n\t"     \
    "bne 3b\n\t" NEXT_STRIPE(slot)
#define AGAIN_2(slot)  \
    "ldr r2, [sp]\n\t" \
    "cmp r12, r2\n\t"  \
    "bne 3b\n\t"       \
    "ldm sp, {r0-r3}\n\t" NEXT_STRIPE(slot)
#define COMPUTE_FUNCTION(name, slots, first, steps, end)                                                  \
    __attribute__((naked, noinline, used)) static void name(const int32_t *x, int8_t *out, const band *b, \
                                                            const int32_t *table)                         \
    {                                                                                                     \
        __asm__ volatile("push {r4-r11, lr}\n\t"                                                          \
                         "sub sp, sp, #32\n\t"                                                            \
                         "mov r12, r0\n\t"                                                                \
                         "mov lr, r1\n\t"                                                                 \
                         "ldm r2, {r4-r7}\n\t"                                                            \
                         "add r7, r7, r1\n\t"                                                             \
                         "mov r8, r3\n\t"                                                                 \
                         "str r4, [sp, #28]\n\t"                                                          \
                         "add r0, sp, #4\n\t"                                                             \
                         "stm r0, {r5-r8}\n"                                                              \
                         "1:\n\t"                                                                         \
                         "strd r12, lr, [sp, #20]\n\t"                                                    \
                         "ldr r0, [sp, #28]\n\t"                                                          \
                         "add r0, r0, r12\n\t"                                                            \
                         "str r0, [sp]\n\t"                                                               \
                         "ldr r0, [sp, #16]\n\t"                                                          \
                         "ldm r0!, {r4-r11}\n\t"                                                          \
                         "str r0, [sp, #16]\n\t"                                                          \
                         "ldr r2, [sp, #8]\n"                                                             \
                         "2:\n\t" first "add pc, r2\n\t"                                                  \
                         "nop\n"                                                                          \
                         "3:\n\t" steps end                                                               \
                         "cmp lr, r3\n\t"                                                                 \
                         "bne 2b\n\t"                                                                     \
                         "add r3, r3, #1\n\t"                                                             \
                         "str r3, [sp, #12]\n\t"                                                          \
                         "ldrd r12, lr, [sp, #20]\n\t"                                                    \
                         "add r12, r12, #4 * " #slots "\n\t"                                              \
                         "add lr, lr, #1\n\t"                                                             \
                         "tst lr, #3\n\t"                                                                 \
                         "bne 1b\n\t"                                                                     \
                         "add sp, sp, #32\n\t"                                                            \
                         "pop {r4-r11, pc}");                                                             \
    }

/*
 * r0: from; r1: to; r2, r3, r12, lr: below, right, next_from, next_to; r10: where the row ends; r11: how many are
 * left.
 */
#define WALK_FUNCTION(name, to_type, pointer, step)                                                         \
    __attribute__((naked, noinline, used)) static void name(const int8_t *from, to_type *to, const walk *w, \
                                                            int32_t count)                                  \
    {                                                                                                       \
        __asm__ volatile("push {r4-r11, lr}\n\t"                                                            \
                         "mov r10, r2\n\t"                                                                  \
                         "mov r11, r3\n\t"                                                                  \
                         "ldm r10!, {r2, r3, r12, lr}\n\t"                                                  \
                         "ldm r10, {r4, r5}\n\t"                                                            \
                         "push {r4, r5}\n"                                                                  \
                         "1:\n\t"                                                                           \
                         "ldrd r4, r5, [sp]\n\t"                                                            \
                         "add r10, " pointer ", r4\n\t"                                                     \
                         "add pc, r5\n\t"                                                                   \
                         "nop\n"                                                                            \
                         "2:\n\t"                                                                           \
                         ".rept 4\n\t" step ".endr\n\t"                                                     \
                         "cmp " pointer ", r10\n\t"                                                         \
                         "bne 2b\n\t"                                                                       \
                         "add r0, r0, r12\n\t"                                                              \
                         "add r1, r1, lr\n\t"                                                               \
                         "subs r11, r11, #1\n\t"                                                            \
                         "bne 1b\n\t"                                                                       \
                         "add sp, sp, #8\n\t"                                                               \
                         "pop {r4-r11, pc}");                                                               \
    }

/* Four channels of two rows become four words: 13 instructions for 8 values. */
#define WIDEN(slots)                      \
    "ldr.w r4, [r0]\n\t"                  \
    "ldr.w r5, [r0, r2]\n\t"              \
    "add.w r0, r0, r3\n\t"                \
    "pkhbt r6, r4, r5, lsl #16\n\t"       \
    "pkhtb r4, r5, r4, asr #16\n\t"       \
    "sxtb16 r7, r6\n\t"                   \
    "sxtb16 r6, r6, ror #8\n\t"           \
    "sxtb16 r8, r4\n\t"                   \
    "sxtb16 r4, r4, ror #8\n\t"           \
    "str r7, [r1], #16 * " #slots "\n\t"  \
    "str r6, [r1, #-12 * " #slots "]\n\t" \
    "str r8, [r1, #-8 * " #slots "]\n\t"  \
    "str r4, [r1, #-4 * " #slots "]\n\t"
#define WIDEN_BYTES 52

/* Outputs of four channels go to their place: two rows of a stripe, or one, if there is nothing below. */
#define PUT_2                    \
    "ldrd r4, r5, [r0], #8\n\t"  \
    "str.w r5, [r1, r2]\n\t"     \
    "str.w r4, [r1]\n\t"         \
    "add.w r1, r1, r3\n\t"
#define PUT_2_BYTES 16
#define PUT_1              \
    "ldr r4, [r0], #4\n\t" \
    "str.w r4, [r1]\n\t"   \
    "add.w r1, r1, r3\n\t"
#define PUT_1_BYTES 12

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
COMPUTE_FUNCTION(compute_1_even_4, 4, "", STEPS_1(EVEN, 4, 4), AGAIN_1("4"))
COMPUTE_FUNCTION(compute_1_odd_4, 4, "", STEPS_1(ODD, 4, 4), AGAIN_1("-4"))
COMPUTE_FUNCTION(compute_1_even_8, 8, "", STEPS_1(EVEN, 8, 12), ONCE)
COMPUTE_FUNCTION(compute_1_odd_8, 8, "", STEPS_1(ODD, 8, 12), ONCE)
COMPUTE_FUNCTION(compute_2_even_2, 2, FIRST_2(EVEN), STEPS_2(EVEN, 2), AGAIN_2("4"))
COMPUTE_FUNCTION(compute_2_odd_2, 2, FIRST_2(ODD), STEPS_2(ODD, 2), AGAIN_2("-4"))
COMPUTE_FUNCTION(compute_2_even_8, 8, FIRST_2(EVEN), STEPS_2(EVEN, 8), AGAIN_2("4"))
COMPUTE_FUNCTION(compute_2_odd_8, 8, FIRST_2(ODD), STEPS_2(ODD, 8), AGAIN_2("-4"))
WALK_FUNCTION(widen_2, int32_t, "r1", WIDEN(2))
WALK_FUNCTION(widen_4, int32_t, "r1", WIDEN(4))
WALK_FUNCTION(widen_8, int32_t, "r1", WIDEN(8))
WALK_FUNCTION(put_1, int8_t, "r0", PUT_1)
WALK_FUNCTION(put_2, int8_t, "r0", PUT_2)
#pragma GCC diagnostic pop

#else

#define STEP_1_BYTES 0
#define STEP_2_BYTES 0
#define WIDEN_BYTES 0
#define PUT_1_BYTES 0
#define PUT_2_BYTES 0

/* The product of two numbers and a sum, modulo 2^32. */
static int32_t smla(int32_t x, int32_t w, int32_t sum)
{
    return edgenet_add_wrapping(x * w, sum);
}

/* Two outputs, one below the other, with stride 1; `odd`: of two slots the second one holds the upper rows. */
static void two_outputs(const int32_t *x, int32_t slots, int32_t odd, const int32_t *table, int8_t *out)
{
    int32_t upper = table[6], lower = table[6];
    for (int32_t k = 0; k < 3; k++) {
        const int32_t a = x[odd], b = x[1 - odd], w01 = table[2 * k], w12 = table[2 * k + 1];
        upper = smla(edgenet_low_half(b), edgenet_high_half(w12), edgenet_smlad(a, w01, upper));
        lower = smla(edgenet_high_half(a), edgenet_low_half(w01), edgenet_smlad(b, w12, lower));
        x += LANES * slots;
    }
    out[0] = edgenet_staircase(upper, table[7], 0, EDGENET_DEPTHWISE_SHIFT);
    out[LANES] = edgenet_staircase(lower, table[7], 0, EDGENET_DEPTHWISE_SHIFT);
}

/* One output with stride 2. */
static void one_output(const int32_t *x, int32_t slots, int32_t odd, const int32_t *table, int8_t *out)
{
    const int32_t w2[3] = {edgenet_low_half(table[3]), edgenet_high_half(table[3]), edgenet_low_half(table[4])};
    int32_t sum = table[6];
    for (int32_t k = 0; k < 3; k++) {
        sum = smla(edgenet_low_half(x[1 - odd]), w2[k], edgenet_smlad(x[odd], table[k], sum));
        x += LANES * slots;
    }
    out[0] = edgenet_staircase(sum, table[7], 0, EDGENET_DEPTHWISE_SHIFT);
}

static void compute(const int32_t *x, int8_t *out, const band *b, const int32_t *table, int32_t stride, int32_t slots,
                    int32_t odd)
{
    const int32_t wide = b->wide / (int32_t)sizeof *x;
    int8_t *end = out + b->lines;
    do {
        const int32_t *first = x;
        for (int8_t *to = out; to != end; first += odd ? -1 : 1) {
            for (const int32_t *from = first; from != first + wide; from += stride * LANES * slots) {
                if (stride == 1) {
                    two_outputs(from, slots, odd, table, to);
                    to += 2 * LANES;
                } else {
                    one_output(from, slots, odd, table, to);
                    to += LANES;
                }
            }
        }
        x += slots;
        out++;
        end++;
        table += TABLE_WORDS;
    } while ((uintptr_t)out % LANES != 0);
}

static void widen(const int8_t *from, int32_t *to, const walk *w, int32_t count, int32_t slots)
{
    const int32_t columns = w->length / (LANES * slots * (int32_t)sizeof *to);
    for (; count > 0; count--) {
        const edgenet_lane_row upper = {from, w->right}, lower = {from + w->below, w->right};
        edgenet_widen(upper, lower, 0, to, slots, LANES * slots, columns);
        if (count > 1) {
            from += columns * w->right + w->next_from;
            to += (w->length + w->next_to) / (int32_t)sizeof *to;
        }
    }
}

static void put(const int8_t *from, int8_t *to, const walk *w, int32_t count, int32_t rows)
{
    for (; count > 0; count--) {
        int8_t *upper = to;
        for (const int8_t *const end = from + w->length; from != end; from += rows * LANES) {
            if (rows > 1) {
                memcpy(upper + w->below, from + LANES, LANES);
            }
            memcpy(upper, from, LANES);
            upper += w->right;
        }
        to += rows * w->below;
    }
}

#define COMPUTE_FUNCTION(name, stride, slots, odd)                                       \
    static void name(const int32_t *x, int8_t *out, const band *b, const int32_t *table) \
    {                                                                                    \
        compute(x, out, b, table, stride, slots, odd);                                   \
    }
#define WALK_FUNCTION(name, to_type, function, number)                                      \
    static void name(const int8_t *from, to_type *to, const walk *w, int32_t count)         \
    {                                                                                       \
        function(from, to, w, count, number);                                               \
    }
COMPUTE_FUNCTION(compute_1_even_4, 1, 4, 0)
COMPUTE_FUNCTION(compute_1_odd_4, 1, 4, 1)
COMPUTE_FUNCTION(compute_1_even_8, 1, 8, 0)
COMPUTE_FUNCTION(compute_1_odd_8, 1, 8, 1)
COMPUTE_FUNCTION(compute_2_even_2, 2, 2, 0)
COMPUTE_FUNCTION(compute_2_odd_2, 2, 2, 1)
COMPUTE_FUNCTION(compute_2_even_8, 2, 8, 0)
COMPUTE_FUNCTION(compute_2_odd_8, 2, 8, 1)
WALK_FUNCTION(widen_2, int32_t, widen, 2)
WALK_FUNCTION(widen_4, int32_t, widen, 4)
WALK_FUNCTION(widen_8, int32_t, widen, 8)
WALK_FUNCTION(put_1, int8_t, put, 1)
WALK_FUNCTION(put_2, int8_t, put, 2)

#endif

/* What is the same for all groups of channels; [1] is for odd bands. */
typedef struct {
    int32_t rows;       /* of a stripe */
    int32_t used;       /* so many columns lie in the input, */
    int32_t *inside;    /* from here on; */
    int32_t *window;    /* all columns, for each channel its slots */
    int8_t *lines;      /* outputs: for each stripe, for each column, for each row, a byte of each channel */
    int32_t padding;    /* four times pad_value */
    walk in[2], out, last; /* last: of a stripe whose second row is none */
    band bands[2];
    int32_t first[2];    /* which slot the first stripe's words begin with in memory, */
    int32_t new_slot[2]; /* and which one the first word goes to that is not there yet */
    widen_function *widen;
    put_function *put;
    compute_function *compute[2];
} plan;

/* How even, or odd, bands are computed. */
static void plan_bands(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, plan *q, int32_t odd)
{
    static compute_function *const functions[2][2][2] = {
        {{compute_1_even_4, compute_1_odd_4}, {compute_1_even_8, compute_1_odd_8}},
        {{compute_2_even_2, compute_2_odd_2}, {compute_2_even_8, compute_2_odd_8}},
    };
    const int32_t stride = p->stride.width, channels = p->input.channels, column = 4 * LANES * p->slots;
    const int32_t width = p->output.width, left_out = stride == 1 && p->slots == 8 ? 12 - width : -width & 3;
    walk *const in = &q->in[odd];
    band *const b = &q->bands[odd];
    in->below = p->input.width * channels;
    in->right = channels;
    in->next_from = 2 * in->below - q->used * channels;
    in->length = q->used * column;
    in->next_to = (odd ? -4 : 4) - in->length;
    in->skip = WIDEN_BYTES * (-q->used & 3);
    b->wide = width * stride * column;
    b->back = b->wide - (odd ? -4 : 4);
    b->skip = (stride == 1 ? STEP_1_BYTES : STEP_2_BYTES) * left_out;
    q->first[odd] = odd ? p->slots - 2 : 0;
    q->new_slot[odd] = odd ? p->slots - 2 : 1;
    q->compute[odd] = functions[stride - 1][p->slots == 8][odd];
}

/* Divides the scratch memory, and puts padding into the columns outside the input, where it stays. */
static void lay_out(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, int8_t *scratch, plan *q)
{
    const int32_t pad = p->pad.width, column = LANES * p->slots, pair = edgenet_halves(p->pad_value, p->pad_value);
    const int32_t columns = (p->output.width - 1) * p->stride.width + 3;
    q->used = p->input.width < columns - pad ? p->input.width : columns - pad;
    q->window = (int32_t *)(void *)scratch;
    q->inside = q->window + pad * column;
    q->lines = (int8_t *)(q->window + columns * column);
    q->padding = edgenet_four_times(p->pad_value);
    for (int32_t x = 0; x < columns; x++) {
        for (int32_t i = 0; (x < pad || x >= pad + q->used) && i < column; i++) {
            q->window[x * column + i] = pair;
        }
    }
}

static void make_plan(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, int8_t *scratch, plan *q)
{
    const int32_t width = p->output.width;
    lay_out(p, scratch, q);
    q->rows = p->stride.height == 1 ? 2 : 1;
    q->widen = p->slots == 2 ? widen_2 : p->slots == 4 ? widen_4 : widen_8;
    q->put = q->rows == 2 ? put_2 : put_1;
    q->out.below = width * p->output.channels;
    q->out.right = p->output.channels;
    q->out.next_from = 0;
    q->out.next_to = (q->rows - 1) * q->out.below;
    q->out.length = q->rows * width * LANES;
    q->out.skip = (q->rows == 2 ? PUT_2_BYTES : PUT_1_BYTES) * (-width & 3);
    q->last = q->out;
    q->last.below = 0;
    plan_bands(p, q, 0);
    plan_bands(p, q, 1);
}

/* Widens rows y and y + 1, the next two, and so on, to `count` slots from number `slot` on, backwards if odd. */
static void fill_slots(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, const plan *q, const int8_t *image,
                       int32_t lane, int32_t y, int32_t slot, int32_t odd, int32_t count)
{
    while (count > 0) {
        const int32_t pairs = y < 0 || lane > 0 || q->used <= 0 ? 0 : (p->input.height - y) >> 1;
        int32_t done = pairs < count ? pairs : count;
        if (done > 0) {
            q->widen(image + y * q->in[odd].below, q->inside + slot, &q->in[odd], done);
        } else {
            edgenet_widen(edgenet_find_row(p, image, y, &q->padding), edgenet_find_row(p, image, y + 1, &q->padding),
                          lane, q->inside + slot, p->slots, LANES * p->slots, q->used);
            done = 1;
        }
        y += 2 * done;
        slot += odd ? -done : done;
        count -= done;
    }
}

/* Copies `count` rows of outputs to their places. */
static void put_rows(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, const plan *q, int32_t lane, int8_t *output,
                     int32_t count)
{
    const int32_t stripes = q->rows == 2 ? count >> 1 : count;
    if (lane > 0) {
        for (int32_t y = 0; y < count; y++) {
            edgenet_put_line(p, q->lines, q->rows, y, lane, output);
        }
        return;
    }
    if (stripes > 0) {
        q->put(q->lines, output, &q->out, stripes);
    }
    if (stripes * q->rows < count) {
        q->put(q->lines + stripes * q->out.length, output + stripes * q->rows * q->out.below, &q->last, 1);
    }
}

/* A group of channels of one image, the first one in lane `lane`. */
static void convolve_group(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, plan *q, int32_t lane,
                           const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t most = (p->slots - 1) * q->rows, gap = edgenet_gap(p, lane);
    const int8_t *const first = image - (lane - gap);
    int32_t y = -p->pad.height, odd = 0, slot = 0, more = 1;
    for (int32_t left = p->output.height; left > 0; left -= most) {
        const int32_t rows = left < most ? left : most, stripes = q->rows == 2 ? (rows + 1) >> 1 : rows;
        fill_slots(p, q, first, gap, y, slot, odd, stripes + more);
        y += 2 * (stripes + more);
        q->bands[odd].lines = stripes * q->out.length;
        q->compute[odd](q->window + lane * p->slots + q->first[odd], q->lines + lane, &q->bands[odd], table);
        put_rows(p, q, lane, output, rows);
        output += rows * q->out.below;
        odd = !odd;
        slot = q->new_slot[odd];
        more = 0;
    }
}

void edgenet_depthwise_conv2d_3x3_dsp_s8(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, const int8_t *input,
                                         int8_t *output, int8_t *scratch)
{
    const int32_t channels = p->output.channels, bytes = p->output.height * p->output.width * channels;
    plan q;
    make_plan(p, scratch, &q);
    for (int32_t b = 0; b < p->output.batch; b++) {
        const int32_t *table = p->table;
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t first = *table++, rest = channels - first, count = rest < LANES ? rest : LANES;
            convolve_group(p, &q, LANES - count, input + first, output + first, table);
            table += TABLE_WORDS * count;
        }
        edgenet_limit_s8(output, bytes, p->activation_min, p->activation_max);
        input += p->input.height * p->input.width * channels;
        output += bytes;
    }
}
