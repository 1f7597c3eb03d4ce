/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CONV_2D, any stride, dilation, padding and number of groups. */
#include "edgenet_nn.h"

/* One run of n neighbouring inputs and weights. */
static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t x_offset)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += ((int32_t)x[i] + x_offset) * (int32_t)w[i];
    }
    return sum;
}

/* Everything that one filter sees of one image; x is the image's first channel of the filter's group. */
static int32_t filter_sum(const edgenet_conv2d_s8_params *p, const edgenet_window *at, const int8_t *x, const int8_t *w)
{
    const int32_t depth = p->filter.channels;
    /* Without dilation and groups a whole row of taps is one run. */
    const int32_t joined = p->dilation.width == 1 && depth == p->input.channels;
    const int32_t run = joined ? (at->columns.end - at->columns.begin) * depth : depth;
    const int32_t end = joined ? at->columns.begin + 1 : at->columns.end;
    int32_t sum = 0;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        const int32_t row = (at->y + ky * p->dilation.height) * p->input.width + at->x;
        for (int32_t kx = at->columns.begin; kx < end; kx++) {
            const int8_t *from = x + (row + kx * p->dilation.width) * p->input.channels;
            sum += dot(from, w + (ky * p->filter.width + kx) * depth, run, p->input_offset);
        }
    }
    return sum;
}

/* All channels of one output pixel. */
static void pixel(const edgenet_conv2d_s8_params *p, const edgenet_window *at, const int8_t *input, int8_t *output)
{
    const int32_t depth = p->filter.channels;
    const int32_t filter_size = p->filter.height * p->filter.width * depth;
    const int32_t filters_per_group = p->output.channels / (p->input.channels / depth);
    const int8_t *weights = p->weights;
    int32_t in_group = 0;
    for (int32_t c = 0; c < p->output.channels; c++) {
        const int32_t q = p->per_channel ? c : 0;
        int32_t sum = filter_sum(p, at, input, weights);
        if (p->bias != NULL) {
            sum = edgenet_add_wrapping(sum, p->bias[c]);
        }
        sum = edgenet_requantize(sum, p->multiplier[q], p->shift[q]) + p->output_offset;
        output[c] = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        weights += filter_size;
        if (++in_group == filters_per_group) {
            in_group = 0;
            input += depth;
        }
    }
}

void edgenet_conv2d_s8(const edgenet_conv2d_s8_params *p, const int8_t *input, int8_t *output)
{
    const edgenet_pair filter = {p->filter.height, p->filter.width};
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                const edgenet_window at =
                    edgenet_window_at(y * p->stride.height - p->pad.height, x * p->stride.width - p->pad.width, filter,
                                      p->dilation, p->input);
                pixel(p, &at, input, output);
                output += p->output.channels;
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
}
