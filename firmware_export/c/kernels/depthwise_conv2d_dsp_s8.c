/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any stride, dilation and padding, for cores with SIMD instructions.
 *
 * Four channels at a time, a stripe of one or two output rows at a time. What the stripe sees is widened to halfwords,
 * padding included, two rows in a word, column by column: so a column's words, and those of the columns beside it, lie
 * at distances that do not depend on the image's width. With a vertical stride of 1 or 2 the next stripe lies two rows
 * lower and sees all words but one again: only that one is replaced, in turn. Outputs are collected in `lines`, which
 * then go where the input of those rows lay before, if output and input begin at the same place: these rows are in the
 * window or no longer needed.
 */
#include "edgenet_dsp.h"

#define LANES 4

/* What lies in the scratch memory. */
typedef struct {
    int32_t rows, words;  /* output rows of a stripe; words of a column and channel, each two rows of the input */
    int32_t keeps;        /* whether a stripe sees words of the one before */
    int32_t columns;      /* that the filters see, with padding */
    int32_t used;         /* of them lie in the input, */
    int32_t *inside;      /* from here on */
    int32_t *window;      /* for each column, for each channel, its words */
    int8_t *lines;        /* outputs: for each column, for each row of a stripe, a byte of each channel */
    int32_t padding;      /* four times pad_value */
} workspace;

/* A row of the input, from its first column on. */
typedef struct {
    const int8_t *from;
    int32_t step;
} row;

static workspace lay_out(const edgenet_depthwise_conv2d_dsp_s8_params *p, int8_t *scratch)
{
    workspace s;
    s.keeps = p->dilation.height == 1 && p->stride.height <= 2;
    s.rows = s.keeps && p->stride.height == 1 ? 2 : 1;
    s.words = (p->filter.height + s.rows) / 2;
    s.columns = (p->output.width - 1) * p->stride.width + (p->filter.width - 1) * p->dilation.width + 1;
    s.used = p->input.width < s.columns - p->pad.width ? p->input.width : s.columns - p->pad.width;
    s.window = (int32_t *)(void *)scratch;
    s.inside = s.window + p->pad.width * LANES * s.words;
    s.lines = (int8_t *)(s.window + s.columns * LANES * s.words);
    s.padding = (int32_t)((uint32_t)(uint8_t)p->pad_value * 0x01010101u);
    const int32_t pair = edgenet_halves(p->pad_value, p->pad_value);
    for (int32_t i = 0; i < s.columns * LANES * s.words; i++) {
        s.window[i] = pair;
    }
    return s;
}

/* The upper halfwords of a and of b. */
static inline int32_t upper_halves(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a >> 16 | ((uint32_t)b & 0xffff0000u));
}

/* Puts two rows of four channels, as words, where the first of them begins. */
EDGENET_OWN_REGISTERS static void widen(row upper, row lower, int32_t *to, int32_t words, int32_t columns)
{
    for (; columns > 0; columns--) {
        const int32_t a = edgenet_load_word(upper.from), b = edgenet_load_word(lower.from);
        const int32_t even_a = edgenet_sxtb16(a), odd_a = edgenet_sxtb16_ror8(a);
        const int32_t even_b = edgenet_sxtb16(b), odd_b = edgenet_sxtb16_ror8(b);
        to[0] = edgenet_halves(even_a, even_b);
        to[words] = edgenet_halves(odd_a, odd_b);
        to[2 * words] = upper_halves(even_a, even_b);
        to[3 * words] = upper_halves(odd_a, odd_b);
        to += LANES * words;
        upper.from += upper.step;
        lower.from += lower.step;
    }
}

/* The same of fewer channels. */
static void widen_few(row upper, row lower, int32_t *to, int32_t words, int32_t columns, int32_t channels)
{
    for (; columns > 0; columns--) {
        for (int32_t i = 0; i < channels; i++) {
            to[i * words] = edgenet_halves(upper.from[i], lower.from[i]);
        }
        to += LANES * words;
        upper.from += upper.step;
        lower.from += lower.step;
    }
}

/* Row `y` of the image, or padding. */
static row find_row(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const int8_t *image, int32_t y)
{
    row r;
    const int32_t inside = y >= 0 && y < p->input.height;
    r.from = inside ? image + y * p->input.width * p->input.channels : (const int8_t *)&s->padding;
    r.step = inside ? p->input.channels : 0;
    return r;
}

/* How the channels of a group are computed, which the first word of its table says. */
#define GENERAL 0 /* by general(), channel by channel */
#define CORE 1    /* by a function for 3x3 filters, all of them */

/*
 * These functions give a stripe's outputs from `x`, a channel's first word, to the fourth lane's. Each channel has eight
 * words in the table: six of weights (w0, w1 and w2 are those of a column), the bias and the multiplier; the shift is
 * EDGENET_DEPTHWISE_SHIFT. `end` is where the first channel's columns end. In an odd stripe the newer word of a column
 * lies before the older one.
 */
#if EDGENET_DSP_ASM

#define TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(tokens) #tokens
#define EVEN(a, b, at) "ldrd " a ", " b ", " at "\n\t"
#define ODD(a, b, at) "ldrd " b ", " a ", " at "\n\t"
#define PUT(y, at)                 \
    "smmul " y ", " y ", r11\n\t"  \
    "ssat " y ", #8, " y ", asr #" TEXT(EDGENET_DEPTHWISE_SHIFT) "\n\t" \
    "strb " y ", " at "\n\t"

/*
 * Stride 1: two outputs r2 and r3, one below the other; 21 instructions for 18 products. Of a column, rows 0 and 1 are
 * in r0, rows 2 and 3 in r1; its weights are the words (w0, w1) and (w1, w2).
 */
#define COLUMN_1(w01, w12, start2, start3)       \
    "smlad r2, r0, " w01 ", " start2 "\n\t"      \
    "smlatb r3, r0, " w01 ", " start3 "\n\t"     \
    "smlabt r2, r1, " w12 ", r2\n\t"             \
    "smlad r3, r1, " w12 ", r3\n\t"
#define STEP_1(LOAD)                                                 \
    LOAD("r0", "r1", "[r12], #32") COLUMN_1("r4", "r5", "r10", "r10") \
    LOAD("r0", "r1", "[r12]") COLUMN_1("r6", "r7", "r2", "r3")       \
    LOAD("r0", "r1", "[r12, #32]") COLUMN_1("r8", "r9", "r2", "r3")  \
    PUT("r2", "[lr], #8") PUT("r3", "[lr, #-4]")
#define STEPS_1(LOAD) STEP_1(LOAD) STEP_1(LOAD) STEP_1(LOAD) STEP_1(LOAD)
#define STEP_1_BYTES 84

/*
 * Stride 2: one output r2; 11 instructions for 9 products. Its first column is the last one of the output before, in a
 * and b; the next output's will be in c and d. Weights: (w0, w1) of the columns in r4, r5, r6, w2 of the first two in
 * r7, w2 of the third in the lower half of r8.
 */
#define STEP_2(LOAD, a, b, c, d)           \
    "smlad r2, " a ", r4, r10\n\t"         \
    "smlabb r2, " b ", r7, r2\n\t"         \
    LOAD(a, b, "[r12, #32]")               \
    "smlad r2, " a ", r5, r2\n\t"          \
    "smlabt r2, " b ", r7, r2\n\t"         \
    LOAD(c, d, "[r12, #64]!")              \
    "smlad r2, " c ", r6, r2\n\t"          \
    "smlabb r2, " d ", r8, r2\n\t"         \
    PUT("r2", "[lr], #4")
#define TWO_STEPS_2(LOAD) STEP_2(LOAD, "r0", "r1", "r3", "r9") STEP_2(LOAD, "r3", "r9", "r0", "r1")
#define STEPS_2(LOAD) LOAD("r0", "r1", "[r12]") LOAD("r3", "r9", "[r12]")
#define STEP_2_BYTES 44

/*
 * r12: the words of a column; lr: where an output goes; r4 to r11: the channel's table. On the stack, from sp on: where
 * the columns end, the next channel's table, and r12 and lr as they were at first. All columns are done in steps of
 * four; `skip` bytes of the first four are left out.
 */
#define CORE_FUNCTION(name, first, steps)                                                                      \
    __attribute__((naked, noinline, used)) static void name(const int32_t *x, int8_t *out, const int32_t *end, \
                                                            const int32_t *table, int32_t skip)                \
    {                                                                                                          \
        __asm__ volatile("push {r4-r11, lr}\n\t"                                                               \
                         "mov r12, r0\n\t"                                                                     \
                         "mov lr, r1\n\t"                                                                      \
                         "sub sp, sp, #16\n"                                                                   \
                         "1:\n\t"                                                                              \
                         "ldm r3!, {r4-r11}\n\t"                                                               \
                         "stm sp, {r2, r3, r12, lr}\n\t" first                                                 \
                         "ldr r2, [sp, #52]\n\t"                                                               \
                         "add pc, r2\n\t"                                                                      \
                         "nop\n"                                                                               \
                         "2:\n\t" steps                                                                        \
                         "ldr r2, [sp]\n\t"                                                                    \
                         "cmp r12, r2\n\t"                                                                     \
                         "bne 2b\n\t"                                                                          \
                         "ldm sp, {r2, r3, r12, lr}\n\t"                                                       \
                         "add r2, r2, #8\n\t"                                                                  \
                         "add r12, r12, #8\n\t"                                                                \
                         "add lr, lr, #1\n\t"                                                                  \
                         "tst lr, #3\n\t"                                                                      \
                         "bne 1b\n\t"                                                                          \
                         "add sp, sp, #16\n\t"                                                                 \
                         "pop {r4-r11, pc}");                                                                  \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
CORE_FUNCTION(core_1_even, "", STEPS_1(EVEN))
CORE_FUNCTION(core_1_odd, "", STEPS_1(ODD))
CORE_FUNCTION(core_2_even, STEPS_2(EVEN), TWO_STEPS_2(EVEN) TWO_STEPS_2(EVEN))
CORE_FUNCTION(core_2_odd, STEPS_2(ODD), TWO_STEPS_2(ODD) TWO_STEPS_2(ODD))
#pragma GCC diagnostic pop

#else

#define STEP_1_BYTES 0
#define STEP_2_BYTES 0

/* The product of two halfwords and 1, all of them in words. */
static int32_t smla(int32_t x, int32_t w, int32_t sum)
{
    return edgenet_add_wrapping(x * w, sum);
}

/* The same, in C. */
static void core(const int32_t *x, int8_t *out, const int32_t *end, const int32_t *table, int32_t stride, int32_t odd)
{
    do {
        int8_t *to = out;
        for (const int32_t *from = x; from != end; from += stride * LANES * 2) {
            int32_t upper = table[6], lower = table[6];
            for (int32_t k = 0; k < 3; k++) {
                const int32_t a = from[k * LANES * 2 + odd], b = from[k * LANES * 2 + 1 - odd];
                if (stride == 1) {
                    upper = edgenet_smlad(a, table[2 * k], upper);
                    lower = smla(edgenet_high_half(a), edgenet_low_half(table[2 * k]), lower);
                    upper = smla(edgenet_low_half(b), edgenet_high_half(table[2 * k + 1]), upper);
                    lower = edgenet_smlad(b, table[2 * k + 1], lower);
                } else {
                    const int32_t w2 = table[3 + k / 2];
                    upper = edgenet_smlad(a, table[k], upper);
                    upper = smla(edgenet_low_half(b), k == 1 ? edgenet_high_half(w2) : edgenet_low_half(w2), upper);
                }
            }
            to[0] = edgenet_staircase(upper, table[7], 0, EDGENET_DEPTHWISE_SHIFT);
            to += LANES;
            if (stride == 1) {
                to[0] = edgenet_staircase(lower, table[7], 0, EDGENET_DEPTHWISE_SHIFT);
                to += LANES;
            }
        }
        x += 2;
        end += 2;
        out++;
        table += 8;
    } while ((uintptr_t)out % LANES != 0);
}

#define CORE_FUNCTION(name, stride, odd)                                                                           \
    static void name(const int32_t *x, int8_t *out, const int32_t *end, const int32_t *table, int32_t skip)        \
    {                                                                                                              \
        (void)skip;                                                                                                \
        core(x, out, end, table, stride, odd);                                                                     \
    }
CORE_FUNCTION(core_1_even, 1, 0)
CORE_FUNCTION(core_1_odd, 1, 1)
CORE_FUNCTION(core_2_even, 2, 0)
CORE_FUNCTION(core_2_odd, 2, 1)

#endif

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
    const int32_t pitch = LANES * s->words, step = p->dilation.width * pitch, width = p->output.width;
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

/* A stripe of a group of channels, the first of them in lane `lane`; returns where the next group's table begins. */
static const int32_t *general(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane,
                              int32_t oldest, const int32_t *table)
{
    for (; lane < LANES; lane++) {
        channel c;
        memcpy(&c, table, sizeof c);
        table += sizeof c / sizeof *table;
        for (int32_t r = 0; r < s->rows; r++) {
            row_of_channel(p, s, s->window + lane * s->words, oldest, &c, table, s->lines + r * LANES + lane);
            table += s->words * p->filter.width;
        }
    }
    return table;
}

/* Copies one output row of a group from the lines to its place. */
EDGENET_OWN_REGISTERS static void put_row(const int8_t *from, int32_t step, int8_t *to, int32_t channels, int32_t lane,
                                          int32_t columns)
{
    if (lane == 0) {
        for (; columns > 0; columns--) {
            memcpy(to, from, LANES);
            from += step;
            to += channels;
        }
        return;
    }
    for (; columns > 0; columns--) {
        for (int32_t i = lane; i < LANES; i++) {
            to[i - lane] = from[i];
        }
        from += step;
        to += channels;
    }
}

/* Widens the rows y and y + dilation of a group's image into word number `word` of each column. */
static void put_word(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const int8_t *image,
                     int32_t lane, int32_t y, int32_t word)
{
    const row upper = find_row(p, s, image, y), lower = find_row(p, s, image, y + p->dilation.height);
    int32_t *const to = s->inside + lane * s->words + word;
    if (lane == 0) {
        widen(upper, lower, to, s->words, s->used);
    } else {
        widen_few(upper, lower, to, s->words, s->used, LANES - lane);
    }
}

/* A group of channels of one image; lane is that of the first channel. Returns where the next group's table begins. */
static const int32_t *convolve(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane,
                               const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t core = *table++, channels = p->output.channels, line = p->output.width * channels;
    const int32_t stride = p->stride.width, height = p->output.height;
    const int32_t skip = (stride == 1 ? STEP_1_BYTES : STEP_2_BYTES) * (-p->output.width & 3);
    const int32_t *const x = s->window + lane * s->words;
    const int32_t *behind = table;
    int32_t oldest = 0;
    for (int32_t y = 0; y < height; y += s->rows) {
        const int32_t top = y * p->stride.height - p->pad.height;
        for (int32_t i = s->keeps && y > 0 ? s->words - 1 : 0; i < s->words; i++) {
            const int32_t word = oldest + i;
            put_word(p, s, image, lane, top + 2 * i * p->dilation.height, word < s->words ? word : word - s->words);
        }
        if (core == CORE) {
            const int32_t *const end = x + p->output.width * stride * LANES * 2;
            if (stride == 1) {
                (oldest == 0 ? core_1_even : core_1_odd)(x, s->lines + lane, end, table, skip);
            } else {
                (oldest == 0 ? core_2_even : core_2_odd)(x, s->lines + lane, end, table, skip);
            }
            behind = table + 8 * (LANES - lane);
        } else {
            behind = general(p, s, lane, oldest, table);
        }
        put_row(s->lines, LANES * s->rows, output + y * line, channels, lane, p->output.width);
        if (s->rows > 1 && y + 1 < height) {
            put_row(s->lines + LANES, LANES * s->rows, output + (y + 1) * line, channels, lane, p->output.width);
        }
        oldest = s->keeps ? (oldest + 1 == s->words ? 0 : oldest + 1) : 0;
    }
    return behind;
}

void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch)
{
    const workspace s = lay_out(p, scratch);
    const int32_t channels = p->output.channels, bytes = p->output.height * p->output.width * channels;
    for (int32_t b = 0; b < p->output.batch; b++) {
        const int32_t *table = p->table;
        for (int32_t c = 0; c < channels; c += LANES) {
            const int32_t lane = channels - c < LANES ? LANES - (channels - c) : 0;
            table = convolve(p, &s, lane, input + c, output + c, table);
        }
        edgenet_limit_s8(output, bytes, p->activation_min, p->activation_max);
        input += p->input.height * p->input.width * channels;
        output += bytes;
    }
}
