/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any filter, stride, dilation and padding, for cores with SIMD
 * instructions; 3x3 filters have a kernel of their own.
 *
 * Four channels at a time, a stripe of one or two output rows at a time: what it sees is widened to halfwords, padding
 * included, two rows in a word. Then, channel by channel and row by row, four outputs side by side share each word of
 * weights: two products for each output by one SMLAD. Where a stripe sees rows of the one before, only the two that are
 * new are widened, in the place of the two oldest ones; the weights take turns with them.
 */
#include "edgenet_dsp.h"

/* What a group's table holds of a channel, before its weights. */
typedef struct {
    int32_t form, bias, multiplier, constant, left, right;
} channel;

/* The outputs of one row of a stripe, and their distance. */
typedef struct {
    int8_t *first;
    int32_t step;
} line;

/* How many output rows are computed at a time, and whether the next ones see rows of theirs. */
typedef struct {
    int32_t rows, keeps;
} stripe;

static stripe make_stripe(const edgenet_depthwise_conv2d_dsp_s8_params *p)
{
    stripe s;
    s.keeps = p->dilation.height == 1 && p->stride.height <= 2;
    s.rows = s.keeps && p->stride.height == 1 ? 2 : 1;
    return s;
}

/* An output of a channel. */
static inline int8_t finish(const channel *c, int32_t sum)
{
    if (c->form == EDGENET_STAIRCASE) {
        return edgenet_staircase(sum, c->multiplier, c->constant, c->right);
    }
    return edgenet_linear((int32_t)((uint32_t)sum << c->left), c->multiplier, c->constant, c->right);
}

/* Up to four outputs. */
static inline void finish_four(const channel *c, const int32_t sums[4], int32_t count, line to)
{
    for (int32_t i = 0; i < count && i < 4; i++) {
        to.first[i * to.step] = finish(c, sums[i]);
    }
}

/*
 * One row of a channel: x is its first word in the first column, w are the row's weights. The oldest two rows are in
 * slot number `oldest`.
 */
EDGENET_OWN_REGISTERS static void convolve_row(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int32_t *x,
                                               int32_t oldest, const channel *c, const int32_t *w, line to)
{
    const int32_t pitch = EDGENET_LANES * p->slots, step = p->dilation.width * pitch, next = p->stride.width * pitch;
    const int32_t *const weights = w;
    for (int32_t left = p->output.width; left > 0; left -= 4) {
        const int32_t *const x0 = x, *const x1 = x0 + (left > 1 ? next : 0);
        const int32_t *const x2 = x1 + (left > 2 ? next : 0), *const x3 = x2 + (left > 3 ? next : 0);
        int32_t a0 = c->bias, a1 = a0, a2 = a0, a3 = a0, slot = oldest;
        w = weights;
        do {
            const int32_t *const end = w + p->filter.width;
            int32_t at = slot;
            do {
                const int32_t weight = *w++;
                a0 = edgenet_smlad(weight, x0[at], a0);
                a1 = edgenet_smlad(weight, x1[at], a1);
                a2 = edgenet_smlad(weight, x2[at], a2);
                a3 = edgenet_smlad(weight, x3[at], a3);
                at += step;
            } while (w != end);
            slot = slot + 1 == p->slots ? 0 : slot + 1;
        } while (slot != oldest);
        const int32_t sums[4] = {a0, a1, a2, a3};
        finish_four(c, sums, left, to);
        to.first += 4 * to.step;
        x += 4 * next;
    }
}

/* A stripe of a group of channels, the first of them in lane `lane`. Returns what lies behind the group in the table. */
static const int32_t *convolve_stripe(const edgenet_depthwise_conv2d_dsp_s8_params *p, const edgenet_depthwise_window *s,
                                      int32_t rows, int32_t lane, int32_t oldest, const int32_t *table)
{
    for (; lane < EDGENET_LANES; lane++) {
        channel c;
        memcpy(&c, table, sizeof c);
        table += sizeof c / sizeof *table;
        for (int32_t r = 0; r < rows; r++) {
            line to;
            to.first = s->lines + r * EDGENET_LANES + lane;
            to.step = rows * EDGENET_LANES;
            convolve_row(p, s->words + lane * p->slots, oldest, &c, table, to);
            table += p->slots * p->filter.width;
        }
    }
    return table;
}

/* A group of channels of an image. */
static const int32_t *convolve_group(const edgenet_depthwise_conv2d_dsp_s8_params *p, const edgenet_depthwise_window *s,
                                     int32_t lane, const int8_t *image, int8_t *output, const int32_t *table)
{
    const int32_t height = p->output.height;
    const int32_t *behind = table;
    const stripe t = make_stripe(p);
    int32_t oldest = 0;
    for (int32_t y = 0; y < height; y += t.rows) {
        const int32_t top = y * p->stride.height - p->pad.height;
        if (t.keeps && y > 0) {
            edgenet_fill_slot(p, s, image, lane, top + 2 * (p->slots - 1), oldest);
            oldest = oldest + 1 == p->slots ? 0 : oldest + 1;
        } else {
            for (int32_t slot = 0; slot < p->slots; slot++) {
                edgenet_fill_slot(p, s, image, lane, top + 2 * slot * p->dilation.height, slot);
            }
        }
        behind = convolve_stripe(p, s, t.rows, lane, oldest, table);
        for (int32_t r = 0; r < t.rows && y + r < height; r++) {
            edgenet_put_line(p, s->lines, t.rows, r, lane, output + y * p->output.width * p->output.channels);
        }
    }
    return behind;
}

void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch)
{
    const edgenet_depthwise_window s = edgenet_lay_out_window(p, scratch);
    const int32_t channels = p->output.channels, bytes = p->output.height * p->output.width * channels;
    for (int32_t b = 0; b < p->output.batch; b++) {
        const int32_t *table = p->table;
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t first = *table++, rest = channels - first;
            const int32_t lane = rest < EDGENET_LANES ? EDGENET_LANES - rest : 0;
            table = convolve_group(p, &s, lane, input + first, output + first, table);
        }
        edgenet_limit_s8(output, bytes, p->activation_min, p->activation_max);
        input += p->input.height * p->input.width * channels;
        output += bytes;
    }
}
