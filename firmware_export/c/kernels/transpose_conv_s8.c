/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* TRANSPOSE_CONV: each output gathers what reaches it, so that no sums have to be kept. */
#include "edgenet_nn.h"

/* Along one axis: the taps begin, begin + stride, ... below end are those by which some input reaches an output; place
 * is the output's, counted from the edge of the padding. Tap t is that of input (place - t) / stride. */
static edgenet_range taps_reaching(int32_t place, int32_t taps, int32_t stride, int32_t extent)
{
    edgenet_range range;
    const int32_t of_last_input = place - (extent - 1) * stride;
    range.begin = place % stride;
    range.begin = range.begin > of_last_input ? range.begin : of_last_input;
    range.end = taps <= place ? taps : place + 1;
    return range;
}

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t x_offset)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += ((int32_t)x[i] + x_offset) * (int32_t)w[i];
    }
    return sum;
}

/* All channels of the output at (y, x), counted from the edge of the padding. */
static void pixel(const edgenet_transpose_conv_s8_params *p, int32_t y, int32_t x, const int8_t *input, int8_t *output)
{
    const int32_t depth = p->input.channels;
    const edgenet_range rows = taps_reaching(y, p->filter.height, p->stride.height, p->input.height);
    const edgenet_range columns = taps_reaching(x, p->filter.width, p->stride.width, p->input.width);
    const int8_t *weights = p->weights;
    for (int32_t c = 0; c < p->output.channels; c++) {
        const int32_t q = p->per_channel ? c : 0;
        int32_t sum = 0;
        for (int32_t ky = rows.begin; ky < rows.end; ky += p->stride.height) {
            const int32_t row = (y - ky) / p->stride.height * p->input.width;
            for (int32_t kx = columns.begin; kx < columns.end; kx += p->stride.width) {
                const int8_t *from = input + (row + (x - kx) / p->stride.width) * depth;
                sum += dot(from, weights + (ky * p->filter.width + kx) * depth, depth, p->input_offset);
            }
        }
        if (p->bias != NULL) {
            sum = edgenet_add_wrapping(sum, p->bias[c]);
        }
        sum = edgenet_requantize(sum, p->multiplier[q], p->shift[q]) + p->output_offset;
        output[c] = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        weights += p->filter.height * p->filter.width * depth;
    }
}

void edgenet_transpose_conv_s8(const edgenet_transpose_conv_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                pixel(p, y + p->pad.height, x + p->pad.width, input, output);
                output += p->output.channels;
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
}
