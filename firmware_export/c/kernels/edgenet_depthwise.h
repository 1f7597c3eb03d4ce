/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* What both kernels for depthwise convolutions on cores with SIMD instructions do. */
#ifndef EDGENET_DEPTHWISE_H
#define EDGENET_DEPTHWISE_H

#include "edgenet_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGENET_LANES 4

/* A row of a group of channels: pixels lie step bytes apart; 0 where it is padding, and then there is but one. */
typedef struct {
    const int8_t *first;
    int32_t step;
} edgenet_lane_row;

/* Row y of an image whose first channel of the group is at image; padding is four times pad_value, lane by lane. */
static inline edgenet_lane_row edgenet_find_row(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *image,
                                                int32_t y, const int32_t *padding)
{
    edgenet_lane_row row;
    const int32_t is_inside = y >= 0 && y < p->input.height;
    row.first = is_inside ? image + y * p->input.width * p->input.channels : (const int8_t *)padding;
    row.step = is_inside ? p->input.channels : 0;
    return row;
}

/*
 * From which lane on a group is widened whose first channel is in `lane`: all lanes where there are channels before the
 * group's, though their values may not be inputs any more; they are not used.
 */
static inline int32_t edgenet_gap(const edgenet_depthwise_conv2d_dsp_s8_params *p, int32_t lane)
{
    return p->input.channels < EDGENET_LANES ? lane : 0;
}

static inline int32_t edgenet_four_times(int8_t value)
{
    return (int32_t)((uint32_t)(uint8_t)value * 0x01010101u);
}

/*
 * Widens so many columns of two rows to halfwords, the upper row's in the lower half of a word: of the channels in `lane`
 * (that of the first one) to the fourth. The words lie lane_step and column_step apart, beginning with the first lane's.
 */
static inline void edgenet_widen(edgenet_lane_row upper, edgenet_lane_row lower, int32_t lane, int32_t *to,
                                 int32_t lane_step, int32_t column_step, int32_t columns)
{
    const int8_t *x = upper.first, *y = lower.first;
    const int32_t x_step = upper.step, y_step = lower.step;
    for (int32_t left = columns; lane == 0 && left > 0; left--) {
        const int32_t a = edgenet_load_word(x), b = edgenet_load_word(y);
        const int32_t low = edgenet_lower_halves(a, b), high = edgenet_upper_halves(a, b);
        to[0] = edgenet_sxtb16(low);
        to[lane_step] = edgenet_sxtb16_ror8(low);
        to[2 * lane_step] = edgenet_sxtb16(high);
        to[3 * lane_step] = edgenet_sxtb16_ror8(high);
        to += column_step;
        x += x_step;
        y += y_step;
    }
    for (int32_t left = columns; lane > 0 && left > 0; left--) {
        for (int32_t i = lane; i < EDGENET_LANES; i++) {
            to[i * lane_step] = edgenet_halves(x[i - lane], y[i - lane]);
        }
        to += column_step;
        x += x_step;
        y += y_step;
    }
}

/* Copies the outputs of row number `row` of those in the lines to their places; `rows` are side by side there. */
static inline void edgenet_put_line(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *lines, int32_t rows,
                                    int32_t row, int32_t lane, int8_t *output)
{
    const int8_t *from = lines + (row / rows * rows * p->output.width + row % rows) * EDGENET_LANES;
    int8_t *to = output + row * p->output.width * p->output.channels;
    for (int32_t x = 0; x < p->output.width; x++) {
        if (lane == 0) {
            edgenet_store_word(to, edgenet_load_word(from));
        }
        for (int32_t i = lane; lane > 0 && i < EDGENET_LANES; i++) {
            to[i - lane] = from[i];
        }
        from += rows * EDGENET_LANES;
        to += p->output.channels;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_DEPTHWISE_H */
