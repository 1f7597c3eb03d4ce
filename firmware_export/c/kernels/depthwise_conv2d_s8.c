/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* DEPTHWISE_CONV_2D, any stride, dilation, padding and number of filters for each channel. */
#include "edgenet_nn.h"

/* What filter c sees of input channel x. */
static int32_t filter_sum(const edgenet_depthwise_conv2d_s8_params *p, const edgenet_window *at, const int8_t *x,
                          int32_t c)
{
    const int32_t x_step = p->dilation.width * p->input.channels;
    int32_t sum = 0;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        const int32_t row = ((at->y + ky * p->dilation.height) * p->input.width + at->x) * p->input.channels;
        int32_t from = row + at->columns.begin * x_step;
        int32_t weight = (ky * p->filter.width + at->columns.begin) * p->output.channels + c;
        for (int32_t kx = at->columns.begin; kx < at->columns.end; kx++) {
            sum += ((int32_t)x[from] + p->input_offset) * (int32_t)p->weights[weight];
            from += x_step;
            weight += p->output.channels;
        }
    }
    return sum;
}

/* All channels of one output pixel. */
static void pixel(const edgenet_depthwise_conv2d_s8_params *p, const edgenet_window *at, const int8_t *input,
                  int8_t *output)
{
    const int32_t filters_per_channel = p->output.channels / p->input.channels;
    int32_t in_channel = 0;
    for (int32_t c = 0; c < p->output.channels; c++) {
        const int32_t q = p->per_channel ? c : 0;
        int32_t sum = filter_sum(p, at, input, c);
        if (p->bias != NULL) {
            sum = edgenet_add_wrapping(sum, p->bias[c]);
        }
        sum = edgenet_requantize(sum, p->multiplier[q], p->shift[q]) + p->output_offset;
        output[c] = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        if (++in_channel == filters_per_channel) {
            in_channel = 0;
            input++;
        }
    }
}

void edgenet_depthwise_conv2d_s8(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output)
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
