/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any stride, dilation and padding, for cores with SIMD instructions.
 *
 * Four channels at a time, a stripe of one or two output rows at a time. What a stripe sees is widened to halfwords,
 * padding included, two rows in a word, column by column: so a column's words, and those of the columns beside it, lie
 * at distances that do not depend on the image's width. With a vertical stride of 1 or 2 the next stripe lies two rows
 * lower and sees all words but one again. Outputs are collected in `lines` before they go where the input of those rows
 * may have been, which is in the window or no longer needed.
 */
#include "edgenet_dsp.h"

#define LANES 4

/* How the channels of a group are computed, which the first word of its table says. */
#define GENERAL 0 /* by general(), channel by channel */
#define CORE 1    /* by a function for 3x3 filters, all of them */

/*
 * The functions for 3x3 filters give the outputs of a band of stripes, from channel to channel up to the fourth lane's.
 * Each channel has eight words in the table: six of weights (w0, w1 and w2 are those of a column), the bias and the
 * multiplier; the shift is EDGENET_DEPTHWISE_SHIFT. x are the first stripe's words of the first column, of two slots;
 * the next stripe's begin a slot later in an even band, a slot earlier in an odd band, whose words go from the last slot
 * to the first: so what the last stripe of a band saw last is where the next band needs it.
 */
typedef struct {
    int32_t wide;  /* bytes of all steps' columns */
    int32_t back;  /* of them, less a word in an even band, one more in an odd one */
    int32_t skip;  /* bytes of those of the first steps that are left out */
    int32_t lines; /* bytes of outputs of a band */
} band;

/*
 * How a function goes through rows of pixels: the inner loop through a row is one of four steps, of which `skip` bytes
 * are left out at first.
 */
typedef struct {
    int32_t below;     /* bytes from a pixel to that of the row that goes with it */
    int32_t right;     /* bytes from a pixel to the next one */
    int32_t next_from; /* bytes from the end of a row, or of two, to the beginning of what comes next */
    int32_t next_to;
    int32_t length;    /* bytes of a row on that side where pixels are next to each other or in the window */
    int32_t skip;
} walk;

/* What lies in the scratch memory, and what all groups of channels have in common. */
typedef struct {
    int32_t rows, words; /* output rows of a stripe; words that it sees of a column and channel, each two rows */
    int32_t keeps;       /* whether a stripe sees words of the one before */
    int32_t columns;     /* that the filters see, with padding; */
    int32_t used;        /* so many of them lie in the input, */
    int32_t *inside;     /* from here on */
    int32_t *window;     /* for each column, for each channel, its slots */
    int8_t *lines;       /* outputs: for each stripe, for each column, for each row, a byte of each channel */
    int32_t padding;     /* four times pad_value */
} workspace;

static workspace lay_out(const edgenet_depthwise_conv2d_dsp_s8_params *p, int8_t *scratch)
{
    workspace s;
    s.keeps = p->dilation.height == 1 && p->stride.height <= 2;
    s.rows = s.keeps && p->stride.height == 1 ? 2 : 1;
    s.words = (p->filter.height + s.rows) / 2;
    s.columns = (p->output.width - 1) * p->stride.width + (p->filter.width - 1) * p->dilation.width + 1;
    s.used = p->input.width < s.columns - p->pad.width ? p->input.width : s.columns - p->pad.width;
    s.window = (int32_t *)(void *)scratch;
    s.inside = s.window + p->pad.width * LANES * p->slots;
    s.lines = (int8_t *)(s.window + s.columns * LANES * p->slots);
    s.padding = (int32_t)((uint32_t)(uint8_t)p->pad_value * 0x01010101u);
    for (int32_t x = 0; x < s.columns; x++) {
        const int32_t words = x < p->pad.width || x >= p->pad.width + s.used ? LANES * p->slots : 0;
        for (int32_t i = 0; i < words; i++) {
            s.window[x * words + i] = edgenet_halves(p->pad_value, p->pad_value);
        }
    }
    return s;
}

/* Widens two rows of a group of channels to words of the window; `to` is the first channel's in their first column. */
static void widen(const int8_t *upper, int32_t upper_step, const int8_t *lower, int32_t lower_step, int32_t channels,
                  int32_t *to, int32_t slots, int32_t columns)
{
    for (; columns > 0; columns--) {
        for (int32_t i = 0; i < channels; i++) {
            to[i * slots] = edgenet_halves(upper[i], lower[i]);
        }
        to += LANES * slots;
        upper += upper_step;
        lower += lower_step;
    }
}

/* The same of four channels; a step of 0 repeats a word of padding. */
EDGENET_OWN_REGISTERS static void widen_four(const int8_t *upper, int32_t upper_step, const int8_t *lower,
                                             int32_t lower_step, int32_t *to, int32_t slots, int32_t columns)
{
    for (; columns > 0; columns--) {
        const int32_t a = edgenet_load_word(upper), b = edgenet_load_word(lower);
        const int32_t low = edgenet_lower_halves(a, b), high = edgenet_upper_halves(a, b);
        to[0] = edgenet_sxtb16(low);
        to[slots] = edgenet_sxtb16_ror8(low);
        to[2 * slots] = edgenet_sxtb16(high);
        to[3 * slots] = edgenet_sxtb16_ror8(high);
        to += LANES * slots;
        upper += upper_step;
        lower += lower_step;
    }
}

/* Widens the rows y and y + dilation to slot number `slot` of each column. */
static void put_word(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const int8_t *image,
                     int32_t lane, int32_t y, int32_t slot)
{
    const int32_t z = y + p->dilation.height, channels = p->input.channels, row = p->input.width * channels;
    const int32_t has_upper = y >= 0 && y < p->input.height, has_lower = z >= 0 && z < p->input.height;
    const int8_t *const padding = (const int8_t *)&s->padding;
    const int8_t *const upper = has_upper ? image + y * row : padding;
    const int8_t *const lower = has_lower ? image + z * row : padding;
    const int32_t upper_step = has_upper ? channels : 0, lower_step = has_lower ? channels : 0;
    int32_t *const to = s->inside + lane * p->slots + slot;
    if (lane > 0) {
        widen(upper, upper_step, lower, lower_step, LANES - lane, to, p->slots, s->used);
    } else {
        widen_four(upper, upper_step, lower, lower_step, to, p->slots, s->used);
    }
}

#if EDGENET_DSP_ASM

#define TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(tokens) #tokens
#define EVEN(a, b, at) "ldrd " a ", " b ", " at "\n\t"
#define ODD(a, b, at) "ldrd " b ", " a ", " at "\n\t"
#define PUT(y, at)                                                      \
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
    PUT("r2", "[lr], #8") PUT("r3", "[lr, #-4]")                                 \
    ".endr\n\t"
#define STEP_1_BYTES 84

/*
 * Stride 2: one output r2; 11 instructions for 9 products. Its first column is the last one of the output before, in a
 * and b; the next output's will be in c and d. Weights: (w0, w1) of the columns in r4, r5, r6, w2 of the first two in
 * r7, w2 of the third in the lower half of r8.
 */
#define STEP_2(LOAD, slots, a, b, c, d)      \
    "smlad r2, " a ", r4, r10\n\t"           \
    "smlabb r2, " b ", r7, r2\n\t"           \
    LOAD(a, b, "[r12, #16 * " #slots "]")    \
    "smlad r2, " a ", r5, r2\n\t"            \
    "smlabt r2, " b ", r7, r2\n\t"           \
    LOAD(c, d, "[r12, #32 * " #slots "]!")   \
    "smlad r2, " c ", r6, r2\n\t"            \
    "smlabb r2, " d ", r8, r2\n\t"           \
    PUT("r2", "[lr], #4")
#define STEPS_2(LOAD, slots)                     \
    ".rept 2\n\t"                                \
    STEP_2(LOAD, slots, "r0", "r1", "r3", "r9")  \
    STEP_2(LOAD, slots, "r3", "r9", "r0", "r1")  \
    ".endr\n\t"
#define FIRST_2(LOAD) LOAD("r0", "r1", "[r12]") LOAD("r3", "r9", "[r12]")
#define STEP_2_BYTES 44

/*
 * r12: the words of a column; lr: where an output goes; r4 to r11: the channel's table. On the stack, from sp on: where
 * the columns of a stripe end, back, skip, where the channel's outputs end, the next channel's table, r12 and lr as they
 * were when the channel began, wide. A stripe costs 10 instructions beside its steps and 3 for each eight of them, a
 * channel 15 more.
 */
#define CORE_FUNCTION(name, slot, slots, first, steps)                                                    \
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
                         "3:\n\t" steps "ldr r2, [sp]\n\t"                                                \
                         "cmp r12, r2\n\t"                                                                \
                         "bne 3b\n\t"                                                                     \
                         "ldm sp, {r0-r3}\n\t"                                                            \
                         "add r0, r0, #" slot "\n\t"                                                      \
                         "sub r12, r12, r1\n\t"                                                           \
                         "str r0, [sp]\n\t"                                                               \
                         "cmp lr, r3\n\t"                                                                 \
                         "bne 2b\n\t"                                                                     \
                         "add r3, r3, #1\n\t"                                                             \
                         "str r3, [sp, #12]\n\t"                                                          \
                         "ldrd r12, lr, [sp, #20]\n\t"                                                    \
                         "add r12, r12, #4 * " #slots "\n\t"                                               \
                         "add lr, lr, #1\n\t"                                                             \
                         "tst lr, #3\n\t"                                                                 \
                         "bne 1b\n\t"                                                                     \
                         "add sp, sp, #32\n\t"                                                            \
                         "pop {r4-r11, pc}");                                                             \
    }

/* r0: from; r1: to; r2, r3, r12, lr: below, right, next_from, next_to; r10: where the row ends; r11: how many are left. */
#define WALK_FUNCTION(name, to_type, pointer, step)                                   \
    __attribute__((naked, noinline, used)) static void name(const int8_t *from, to_type *to, const walk *w, \
                                                            int32_t count)                       \
    {                                                                                            \
        __asm__ volatile("push {r4-r11, lr}\n\t"                                                 \
                         "mov r10, r2\n\t"                                                       \
                         "mov r11, r3\n\t"                                                       \
                         "ldm r10!, {r2, r3, r12, lr}\n\t"                                       \
                         "ldm r10, {r4, r5}\n\t"                                                 \
                         "push {r4, r5}\n"                                                       \
                         "1:\n\t"                                                                \
                         "ldrd r4, r5, [sp]\n\t"                                                 \
                         "add r10, " pointer ", r4\n\t"                                          \
                         "add pc, r5\n\t"                                                        \
                         "nop\n"                                                                 \
                         "2:\n\t"                                                                \
                         ".rept 4\n\t" step ".endr\n\t"                                          \
                         "cmp " pointer ", r10\n\t"                                              \
                         "bne 2b\n\t"                                                            \
                         "add r0, r0, r12\n\t"                                                   \
                         "add r1, r1, lr\n\t"                                                    \
                         "subs r11, r11, #1\n\t"                                                 \
                         "bne 1b\n\t"                                                            \
                         "add sp, sp, #8\n\t"                                                    \
                         "pop {r4-r11, pc}");                                                    \
    }

/* Four channels of two rows become four words: 13 instructions for 8 values. */
#define WIDEN(slots)                                    \
    "ldr.w r4, [r0]\n\t"                                \
    "ldr.w r5, [r0, r2]\n\t"                            \
    "add.w r0, r0, r3\n\t"                              \
    "pkhbt r6, r4, r5, lsl #16\n\t"                    \
    "pkhtb r4, r5, r4, asr #16\n\t"                    \
    "sxtb16 r7, r6\n\t"                                \
    "sxtb16 r6, r6, ror #8\n\t"                        \
    "sxtb16 r8, r4\n\t"                                \
    "sxtb16 r4, r4, ror #8\n\t"                        \
    "str r7, [r1], #16 * " #slots "\n\t"                \
    "str r6, [r1, #-12 * " #slots "]\n\t"               \
    "str r8, [r1, #-8 * " #slots "]\n\t"                \
    "str r4, [r1, #-4 * " #slots "]\n\t"
#define WIDEN_BYTES 52

/* Outputs of four channels go to their place: two rows of a stripe, or one. */
#define PUT_2                       \
    "ldrd r4, r5, [r0], #8\n\t"     \
    "str.w r4, [r1]\n\t"            \
    "str.w r5, [r1, r2]\n\t"        \
    "add.w r1, r1, r3\n\t"
#define PUT_2_BYTES 16
#define PUT_1                       \
    "ldr r4, [r0], #4\n\t"        \
    "str.w r4, [r1]\n\t"            \
    "add.w r1, r1, r3\n\t"
#define PUT_1_BYTES 12

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
WALK_FUNCTION(widen_2, int32_t, "r1", WIDEN(2))
WALK_FUNCTION(widen_4, int32_t, "r1", WIDEN(4))
WALK_FUNCTION(widen_8, int32_t, "r1", WIDEN(8))
WALK_FUNCTION(put_1, int8_t, "r0", PUT_1)
WALK_FUNCTION(put_2, int8_t, "r0", PUT_2)
CORE_FUNCTION(core_1_even_4, "4", 4, "", STEPS_1(EVEN, 4, 4))
CORE_FUNCTION(core_1_odd_4, "-4", 4, "", STEPS_1(ODD, 4, 4))
CORE_FUNCTION(core_1_even_8, "4", 8, "", STEPS_1(EVEN, 8, 8))
CORE_FUNCTION(core_1_odd_8, "-4", 8, "", STEPS_1(ODD, 8, 8))
CORE_FUNCTION(core_2_even_2, "4", 2, FIRST_2(EVEN), STEPS_2(EVEN, 2))
CORE_FUNCTION(core_2_odd_2, "-4", 2, FIRST_2(ODD), STEPS_2(ODD, 2))
CORE_FUNCTION(core_2_even_8, "4", 8, FIRST_2(EVEN), STEPS_2(EVEN, 8))
CORE_FUNCTION(core_2_odd_8, "-4", 8, FIRST_2(ODD), STEPS_2(ODD, 8))
#pragma GCC diagnostic pop

#else

#define STEP_1_BYTES 0
#define STEP_2_BYTES 0
#define WIDEN_BYTES 0
#define PUT_1_BYTES 0
#define PUT_2_BYTES 0

static void widen_pairs(const int8_t *from, int32_t *to, const walk *w, int32_t count, int32_t slots)
{
    for (; count > 0; count--) {
        const int32_t columns = w->length / (LANES * slots * (int32_t)sizeof *to);
        widen_four(from, w->right, from + w->below, w->right, to, slots, columns);
        from += columns * w->right + w->next_from;
        to += (w->length + w->next_to) / (int32_t)sizeof *to;
    }
}

static void put_rows(const int8_t *from, int8_t *to, const walk *w, int32_t count, int32_t rows)
{
    for (; count > 0; count--) {
        for (const int8_t *const end = from + w->length; from != end; from += rows * LANES) {
            memcpy(to, from, LANES);
            if (rows > 1) {
                memcpy(to + w->below, from + LANES, LANES);
            }
            to += w->right;
        }
        from += w->next_from;
        to += w->next_to;
    }
}

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

static void core(const int32_t *x, int8_t *out, const band *b, const int32_t *table, int32_t stride, int32_t slots,
                 int32_t odd)
{
    const int32_t wide = b->wide / (int32_t)sizeof *x;
    do {
        const int32_t *first = x;
        for (int8_t *to = out; to != out + b->lines; first += odd ? -1 : 1) {
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
        table += 8;
    } while ((uintptr_t)out % LANES != 0);
}

#define WIDEN_FUNCTION(slots)                                                                             \
    static void widen_##slots(const int8_t *from, int32_t *to, const walk *w, int32_t count)             \
    {                                                                                                    \
        widen_pairs(from, to, w, count, slots);                                                          \
    }
#define PUT_FUNCTION(rows)                                                                                \
    static void put_##rows(const int8_t *from, int8_t *to, const walk *w, int32_t count)                 \
    {                                                                                                    \
        put_rows(from, to, w, count, rows);                                                              \
    }
#define CORE_FUNCTIONS(stride, slots)                                                                     \
    static void core_##stride##_even_##slots(const int32_t *x, int8_t *out, const band *b, const int32_t *table) \
    {                                                                                                    \
        core(x, out, b, table, stride, slots, 0);                                                        \
    }                                                                                                    \
    static void core_##stride##_odd_##slots(const int32_t *x, int8_t *out, const band *b, const int32_t *table) \
    {                                                                                                    \
        core(x, out, b, table, stride, slots, 1);                                                        \
    }
WIDEN_FUNCTION(2)
WIDEN_FUNCTION(4)
WIDEN_FUNCTION(8)
PUT_FUNCTION(1)
PUT_FUNCTION(2)
CORE_FUNCTIONS(1, 4)
CORE_FUNCTIONS(1, 8)
CORE_FUNCTIONS(2, 2)
CORE_FUNCTIONS(2, 8)

#endif

typedef void core_function(const int32_t *x, int8_t *out, const band *b, const int32_t *table);
typedef void widen_function(const int8_t *from, int32_t *to, const walk *w, int32_t count);
typedef void put_function(const int8_t *from, int8_t *to, const walk *w, int32_t count);

/* Copies an output row of a group of channels to its place; `step` bytes lie between its outputs in the lines. */
static void put_line(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *from, int32_t step, int32_t lane,
                     int8_t *to)
{
    for (int32_t x = 0; x < p->output.width; x++) {
        if (lane == 0) {
            edgenet_store_word(to, edgenet_load_word(from));
        }
        for (int32_t i = lane; lane > 0 && i < LANES; i++) {
            to[i - lane] = from[i];
        }
        from += step;
        to += p->output.channels;
    }
}

/* The same for `count` rows. */
static void put_lines(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane, int32_t first,
                      int8_t *output, int32_t count)
{
    for (int32_t y = first; y < count; y++) {
        const int32_t stripe = y / s->rows * s->rows * p->output.width;
        put_line(p, s->lines + (stripe + y % s->rows) * LANES, s->rows * LANES, lane,
                 output + y * p->output.width * p->output.channels);
    }
}

/* What by_core() does the same way for all groups of channels; [1] is for odd bands. */
typedef struct {
    walk in[2], out;
    band bands[2];
    int32_t first[2];    /* where in the window the first stripe's words are, */
    int32_t new_slot[2]; /* and the first new word of a band, from `inside` on */
    widen_function *widen_rows;
    put_function *put_rows;
    core_function *compute[2];
} plan;

static plan make_plan(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s)
{
    static core_function *const functions[2][2][2] = {{{core_1_even_4, core_1_odd_4}, {core_1_even_8, core_1_odd_8}},
                                                      {{core_2_even_2, core_2_odd_2}, {core_2_even_8, core_2_odd_8}}};
    const int32_t stride = p->stride.width, many = p->slots == 8, channels = p->output.channels;
    const int32_t row = p->input.width * channels, line = p->output.width * channels, two = s->rows == 2;
    plan q;
    q.widen_rows = p->slots == 2 ? widen_2 : p->slots == 4 ? widen_4 : widen_8;
    q.put_rows = two ? put_2 : put_1;
    q.out.below = line;
    q.out.right = channels;
    q.out.next_from = 0;
    q.out.next_to = two ? line : 0;
    q.out.length = s->rows * p->output.width * LANES;
    q.out.skip = (two ? PUT_2_BYTES : PUT_1_BYTES) * (-p->output.width & 3);
    for (int32_t odd = 0; odd < 2; odd++) {
        walk *const in = &q.in[odd];
        in->below = row;
        in->right = channels;
        in->next_from = 2 * row - s->used * channels;
        in->length = s->used * LANES * p->slots * 4;
        in->next_to = (odd ? -4 : 4) - in->length;
        in->skip = WIDEN_BYTES * (-s->used & 3);
        band *const b = &q.bands[odd];
        b->wide = p->output.width * stride * LANES * p->slots * 4;
        b->back = b->wide + (odd ? 4 : -4);
        b->skip = stride == 2 ? STEP_2_BYTES * (-p->output.width & 3) : STEP_1_BYTES * (-p->output.width & (many ? 7 : 3));
        b->lines = 0;
        q.first[odd] = odd ? p->slots - 2 : 0;
        q.new_slot[odd] = odd ? p->slots - 2 : 1;
        q.compute[odd] = functions[stride - 1][many][odd];
    }
    return q;
}

/* Widens rows y and y + 1, the next two, and so on to `count` slots from number `slot` on, backwards if odd. */
static void put_words(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const plan *q,
                      const int8_t *image, int32_t lane, int32_t y, int32_t slot, int32_t odd, int32_t count)
{
    while (count > 0) {
        const int32_t pairs = y < 0 || lane > 0 || s->used <= 0 ? 0 : (p->input.height - y) >> 1;
        int32_t done = pairs < count ? pairs : count;
        if (done > 0) {
            q->widen_rows(image + y * q->in[0].below, s->inside + slot, &q->in[odd], done);
        } else {
            put_word(p, s, image, lane, y, slot);
            done = 1;
        }
        y += 2 * done;
        slot += odd ? -done : done;
        count -= done;
    }
}

/* A group of channels of one image, the first one in lane `lane`, by the functions for 3x3 filters. */
static void by_core(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, plan *q, int32_t lane,
                    const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t two = s->rows == 2, band_rows = s->rows * (p->slots - 1), outputs = q->out.length;
    int32_t seen = -p->pad.height, odd = 0, slot = 0, more = 1;
    for (int32_t left = p->output.height; left > 0; left -= band_rows) {
        const int32_t rows = left < band_rows ? left : band_rows, stripes = two ? (rows + 1) >> 1 : rows;
        put_words(p, s, q, image, lane, seen, slot, odd, stripes + more);
        seen += 2 * (stripes + more);
        q->bands[odd].lines = stripes * outputs;
        q->compute[odd](s->window + lane * p->slots + q->first[odd], s->lines + lane, &q->bands[odd], table);
        const int32_t whole = lane > 0 ? 0 : two ? rows >> 1 : rows, done = two ? 2 * whole : whole;
        if (whole > 0) {
            q->put_rows(s->lines, output, &q->out, whole);
        }
        if (done < rows) {
            put_lines(p, s, lane, done, output, rows);
        }
        output += rows * q->out.below;
        odd = !odd;
        slot = q->new_slot[odd];
        more = 0;
    }
}

/* What requantizes a channel in GENERAL, and its weights: for each row of a stripe, for each word, for each column. */
typedef struct {
    int32_t form, bias, multiplier, constant, left, right;
} channel;

/* An output of a channel. */
static inline int8_t finish(const channel *c, int32_t sum)
{
    if (c->form == EDGENET_STAIRCASE) {
        return edgenet_staircase(sum, c->multiplier, c->constant, c->right);
    }
    return edgenet_linear((int32_t)((uint32_t)sum << c->left), c->multiplier, c->constant, c->right);
}

/*
 * One channel of one row of a stripe, four outputs at a time; w are the row's weights. A column's oldest word is number
 * `oldest`.
 */
EDGENET_OWN_REGISTERS static void row_of_channel(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s,
                                                 const int32_t *x, int32_t oldest, const channel *c, const int32_t *w,
                                                 int8_t *out)
{
    const int32_t pitch = LANES * p->slots, step = p->dilation.width * pitch, width = p->output.width;
    const int32_t *const weights = w;
    const int32_t next = p->stride.width * pitch, length = p->filter.width;
    for (int32_t first = 0; first < width; first += 4) {
        const int32_t rest = width - first;
        const int32_t *from0 = x + first * next, *from1 = from0 + (rest > 1 ? next : 0);
        const int32_t *from2 = from1 + (rest > 2 ? next : 0), *from3 = from2 + (rest > 3 ? next : 0);
        int32_t a0 = c->bias, a1 = a0, a2 = a0, a3 = a0;
        w = weights;
        for (int32_t i = 0, word = oldest; i < s->words; i++) {
            int32_t at = word;
            for (const int32_t *const end = w + length; w != end; w++) {
                const int32_t weight = *w;
                a0 = edgenet_smlad(weight, from0[at], a0);
                a1 = edgenet_smlad(weight, from1[at], a1);
                a2 = edgenet_smlad(weight, from2[at], a2);
                a3 = edgenet_smlad(weight, from3[at], a3);
                at += step;
            }
            word = word + 1 == s->words ? 0 : word + 1;
        }
        const int32_t jump = LANES * s->rows;
        out[0] = finish(c, a0);
        if (rest > 1) {
            out[jump] = finish(c, a1);
        }
        if (rest > 2) {
            out[2 * jump] = finish(c, a2);
        }
        if (rest > 3) {
            out[3 * jump] = finish(c, a3);
        }
        out += 4 * jump;
    }
}

/* A stripe of a group of channels, the first of them in lane `lane`; of a window. */
static void general(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane, int32_t oldest,
                    const int32_t *table)
{
    for (; lane < LANES; lane++) {
        channel c;
        memcpy(&c, table, sizeof c);
        table += sizeof c / sizeof *table;
        for (int32_t r = 0; r < s->rows; r++) {
            row_of_channel(p, s, s->window + lane * p->slots, oldest, &c, table, s->lines + r * LANES + lane);
            table += s->words * p->filter.width;
        }
    }
}

/* The same, channel by channel and stripe by stripe, for all other filters and forms. */
static void by_general(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane,
                       const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t height = p->output.height, further = 2 * p->dilation.height;
    int32_t oldest = 0;
    for (int32_t y = 0; y < height; y += s->rows) {
        const int32_t top = y * p->stride.height - p->pad.height;
        if (y == 0 || !s->keeps) {
            for (int32_t i = 0; i < s->words; i++) {
                put_word(p, s, image, lane, top + i * further, i);
            }
        } else {
            put_word(p, s, image, lane, top + (s->words - 1) * further, oldest);
            oldest = oldest + 1 == s->words ? 0 : oldest + 1;
        }
        general(p, s, lane, oldest, table);
        put_lines(p, s, lane, 0, output, height - y < s->rows ? height - y : s->rows);
        output += s->rows * p->output.width * p->output.channels;
    }
}

void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch)
{
    const workspace s = lay_out(p, scratch);
    plan q = make_plan(p, &s);
    const int32_t channels = p->output.channels, bytes = p->output.height * p->output.width * channels;
    const int32_t general_words = (int32_t)(sizeof(channel) / 4) + s.rows * s.words * p->filter.width;
    for (int32_t b = 0; b < p->output.batch; b++) {
        const int32_t *table = p->table;
        for (int32_t c = 0; c < channels; c += LANES) {
            const int32_t count = channels - c < LANES ? channels - c : LANES;
            const int32_t form = *table++;
            if (form == CORE) {
                by_core(p, &s, &q, LANES - count, input + c, output + c, table);
                table += 8 * count;
            } else {
                by_general(p, &s, LANES - count, input + c, output + c, table);
                table += general_words * count;
            }
        }
        edgenet_limit_s8(output, bytes, p->activation_min, p->activation_max);
        input += p->input.height * p->input.width * channels;
        output += bytes;
    }
}
