/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any filter, stride and padding, without horizontal dilation, for
 * cores with SIMD instructions; 3x3 filters have a kernel of their own.
 *
 * Four channels at a time, a stripe of one or two output rows at a time: what it sees is widened to halfwords, padding
 * included. Two rows make a word; the words of a channel lie column by column, those of a column one after another: so
 * what a filter sees is a run of words, and its weights are such a run too, with zeros where the rows of a word are not
 * its own. Where the next stripe begins two rows lower, the whole window begins one word further on: each column's
 * second word becomes its first one, and only the last one is new, in the place of the next column's oldest.
 *
 * Four outputs at a time share each word of weights: 15 instructions for 8 words, 16 products. Instructions for each
 * product (gcc 12, Cortex-M4, all included): 2.08 for 5x5 filters on 24x24x16, 1.80 for 7x7 on 14x14x8, 2.72 for 5x5
 * with stride 2 on 24x24x16; 3.72 for 3x3 with linear requantization on 48x48x8.
 */
#include "edgenet_depthwise.h"

#define LANES EDGENET_LANES

/* What a group's table holds of a channel, before its weights. */
typedef struct {
    int32_t form, bias, multiplier, constant, left, right;
} channel;
#define CHANNEL_WORDS ((int32_t)(sizeof(channel) / sizeof(int32_t)))

/* What is the same for all groups. */
typedef struct {
    int32_t rows, keeps;   /* output rows of a stripe, and whether the next one sees rows that it saw */
    int32_t columns, lane; /* what the filters see, padding included; words from a channel to the next */
    int32_t run;           /* words that a filter sees, rounded up to an even number */
    int32_t *window, *sums;
    int8_t *lines;         /* outputs: for each column, for each row of a stripe, a byte of each channel */
    int32_t padding, pair; /* pad_value four times, and as two halfwords */
} workspace;

/* Sums of a row of outputs: the bias, the weights and their end, where the sums end, bytes from a run to the next. */
typedef struct {
    int32_t bias;
    const int32_t *weights, *weights_end, *sums_end;
    int32_t next;
} row_of_sums;

/* The next multiple of `to`. */
static int32_t round_up(int32_t x, int32_t to)
{
    return (x + to - 1) / to * to;
}

/* Divides the scratch memory. */
static workspace lay_out(const edgenet_depthwise_conv2d_dsp_s8_params *p, int8_t *scratch)
{
    const int32_t width = p->output.width, outputs = round_up(width, 4);
    workspace s;
    s.keeps = p->dilation.height == 1 && p->stride.height <= 2;
    s.rows = s.keeps && p->stride.height == 1 ? 2 : 1;
    s.columns = (width - 1) * p->stride.width + p->filter.width;
    s.lane = s.columns * p->slots;
    s.run = round_up(p->slots * p->filter.width, 2);
    const int32_t last = (LANES - 1) * s.lane + (outputs - 1) * p->stride.width * p->slots, reach = last + s.run;
    const int32_t stripes = s.keeps ? (p->output.height + s.rows - 1) / s.rows : 1;
    s.window = (int32_t *)(void *)scratch;
    s.sums = s.window + (reach > LANES * s.lane ? reach : LANES * s.lane) + stripes - 1;
    s.lines = (int8_t *)(s.sums + outputs);
    s.padding = edgenet_four_times(p->pad_value);
    s.pair = edgenet_halves(p->pad_value, p->pad_value);
    return s;
}

/* Puts padding into so many columns. */
static void pad_columns(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t *to,
                        int32_t columns)
{
    for (; columns > 0; columns--) {
        for (int32_t i = 0; i < LANES; i++) {
            to[i * s->lane] = s->pair;
        }
        to += p->slots;
    }
}

/* Widens the rows y and y + dilation of a group's image to one word of each column. */
EDGENET_OWN_REGISTERS static void fill_words(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s,
                                             const int8_t *image, int32_t lane, int32_t y, int32_t *to)
{
    const int32_t before = p->pad.width < s->columns ? p->pad.width : s->columns, rest = s->columns - before;
    const int32_t used = p->input.width < rest ? p->input.width : rest;
    pad_columns(p, s, to, before);
    to += before * p->slots;
    edgenet_widen(edgenet_find_row(p, image, y, &s->padding),
                  edgenet_find_row(p, image, y + p->dilation.height, &s->padding), lane, to, s->lane, p->slots, used);
    pad_columns(p, s, to + used * p->slots, rest - used);
}

#if EDGENET_DSP_ASM

#define TWO_WORDS(x, sum)                \
    "ldrd r2, r12, [" x "], #8\n\t"      \
    "smlad " sum ", r0, r2, " sum "\n\t" \
    "smlad " sum ", r1, r12, " sum "\n\t"

/*
 * The sums of a row of outputs, in fours; the first one's run begins at x. r4 to r7: four runs; r8 to r11: their sums;
 * r3, lr: the weights and their end. On the stack, from sp on: x and sums of the next four, and what is in r.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
__attribute__((naked, noinline, used)) static void add_up(const int32_t *x, int32_t *sums, const row_of_sums *r)
{
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "ldm r2, {r4-r8}\n\t"
                     "push {r0, r1, r4-r8}\n"
                     "1:\n\t"
                     "ldr r4, [sp]\n\t"
                     "ldr r0, [sp, #24]\n\t"
                     "ldrd r8, r3, [sp, #8]\n\t"
                     "ldr lr, [sp, #16]\n\t"
                     "add r5, r4, r0\n\t"
                     "add r6, r5, r0\n\t"
                     "add r7, r6, r0\n\t"
                     "add r0, r7, r0\n\t"
                     "str r0, [sp]\n\t"
                     "mov r9, r8\n\t"
                     "mov r10, r8\n\t"
                     "mov r11, r8\n"
                     "2:\n\t"
                     "ldrd r0, r1, [r3], #8\n\t"
                     TWO_WORDS("r4", "r8") TWO_WORDS("r5", "r9") TWO_WORDS("r6", "r10") TWO_WORDS("r7", "r11")
                     "cmp r3, lr\n\t"
                     "bne 2b\n\t"
                     "ldr r1, [sp, #4]\n\t"
                     "ldr r0, [sp, #20]\n\t"
                     "stm r1!, {r8-r11}\n\t"
                     "str r1, [sp, #4]\n\t"
                     "cmp r1, r0\n\t"
                     "bne 1b\n\t"
                     "add sp, sp, #28\n\t"
                     "pop {r4-r11, pc}");
}
#pragma GCC diagnostic pop

#else

/* The sums of a row of outputs; the first one's run begins at x. */
static void add_up(const int32_t *x, int32_t *sums, const row_of_sums *r)
{
    for (; sums != r->sums_end; sums++) {
        const int32_t *from = x;
        *sums = r->bias;
        for (const int32_t *w = r->weights; w != r->weights_end; w++) {
            *sums = edgenet_smlad(*w, *from++, *sums);
        }
        x += r->next / (int32_t)sizeof *x;
    }
}

#endif

/* The outputs of so many sums, `step` bytes apart. */
EDGENET_OWN_REGISTERS static void finish(const channel *c, const int32_t *sums, int32_t count, int8_t *to, int32_t step)
{
    const int32_t multiplier = c->multiplier, constant = c->constant, left = c->left, right = c->right;
    const int32_t *const end = sums + count;
    if (c->form == EDGENET_STAIRCASE) {
        for (; sums != end; sums++) {
            *to = edgenet_staircase(*sums, multiplier, constant, right);
            to += step;
        }
    } else {
        for (; sums != end; sums++) {
            *to = edgenet_linear((int32_t)((uint32_t)*sums << left), multiplier, constant, right);
            to += step;
        }
    }
}

/* One row of a channel, whose first word is at x, to the lines at `to`. */
static void convolve_row(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const int32_t *x,
                         const channel *c, const int32_t *weights, int8_t *to)
{
    row_of_sums r;
    r.bias = c->bias;
    r.weights = weights;
    r.weights_end = weights + s->run;
    r.sums_end = s->sums + round_up(p->output.width, 4);
    r.next = p->stride.width * p->slots * (int32_t)sizeof *x;
    add_up(x, s->sums, &r);
    finish(c, s->sums, p->output.width, to, s->rows * LANES);
}

/* `rows` rows of a stripe of a group of channels, the first of them in lane `lane`. */
static void convolve_stripe(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, const int32_t *window,
                            int32_t lane, int32_t rows, const int32_t *table)
{
    for (; lane < LANES; lane++) {
        channel c;
        EDGENET_COPY(&c, table, sizeof c);
        table += CHANNEL_WORDS;
        for (int32_t row = 0; row < rows; row++) {
            convolve_row(p, s, window + lane * s->lane, &c, table + row * s->run, s->lines + row * LANES + lane);
        }
        table += s->rows * s->run;
    }
}

/* A group of channels of an image. */
static void convolve_group(const edgenet_depthwise_conv2d_dsp_s8_params *p, const workspace *s, int32_t lane,
                           const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t gap = edgenet_gap(p, lane);
    const int8_t *const first = image - (lane - gap);
    int32_t *window = s->window;
    int32_t known = 0;
    for (int32_t y = 0; y < p->output.height; y += s->rows) {
        const int32_t top = y * p->stride.height - p->pad.height, left = p->output.height - y;
        const int32_t rows = left < s->rows ? left : s->rows;
        for (int32_t i = known; i < p->slots; i++) {
            fill_words(p, s, first, gap, top + 2 * i * p->dilation.height, window + i);
        }
        convolve_stripe(p, s, window, lane, rows, table);
        for (int32_t row = 0; row < rows; row++) {
            edgenet_put_line(p, s->lines, s->rows, row, lane, output);
        }
        output += s->rows * p->output.width * p->output.channels;
        if (s->keeps) {
            known = p->slots - 1;
            window++;
        }
    }
}

void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch)
{
    const workspace s = lay_out(p, scratch);
    const int32_t channels = p->output.channels, bytes = p->output.height * p->output.width * channels;
    for (int32_t b = 0; b < p->output.batch; b++) {
        const int32_t *table = p->table;
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t first = *table++, rest = channels - first, count = rest < LANES ? rest : LANES;
            convolve_group(p, &s, LANES - count, input + first, output + first, table);
            table += count * (CHANNEL_WORDS + s.rows * s.run);
        }
        edgenet_limit_s8(output, bytes, p->activation_min, p->activation_max);
        input += p->input.height * p->input.width * channels;
        output += bytes;
    }
}
