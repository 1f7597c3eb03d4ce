/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* TRANSPOSE_CONV: each output gathers what reaches it, so that no sums have to be kept. */
#include "edgenet_nn.h"

/* Along one axis: the taps begin, begin + stride, ... below end are those by which some input reaches an output. The
 * first is that of the input index, the next that of the one before it, and so on. */
typedef struct {
    int32_t begin, end, index;
} reaching;

/* place is the output's, counted from the edge of the padding. */
static reaching taps_reaching(int32_t place, int32_t taps, int32_t stride, int32_t extent)
{
    reaching r;
    const int32_t of_last_input = place - (extent - 1) * stride;
    r.begin = place % stride;
    r.begin = r.begin > of_last_input ? r.begin : of_last_input;
    r.end = taps <= place ? taps : place + 1;
    r.index = (place - r.begin) / stride;
    return r;
}

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t x_offset)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += ((int32_t)x[i] + x_offset) * (int32_t)w[i];
    }
    return sum;
}

/* All that one filter adds to one output. */
static int32_t filter_sum(const edgenet_transpose_conv_s8_params *p, const reaching *rows, const reaching *columns,
                          const int8_t *input, const int8_t *weights)
{
    const int32_t depth = p->input.channels;
    int32_t sum = 0, iy = rows->index;
    for (int32_t ky = rows->begin; ky < rows->end; ky += p->stride.height) {
        int32_t at = iy-- * p->input.width + columns->index;
        for (int32_t kx = columns->begin; kx < columns->end; kx += p->stride.width) {
            const int8_t *w = weights + (ky * p->filter.width + kx) * depth;
            sum += dot(input + at-- * depth, w, depth, p->input_offset);
        }
    }
    return sum;
}

/* All channels of the output at (y, x), counted from the edge of the padding. */
static void pixel(const edgenet_transpose_conv_s8_params *p, int32_t y, int32_t x, const int8_t *input, int8_t *output)
{
    const reaching rows = taps_reaching(y, p->filter.height, p->stride.height, p->input.height);
    const reaching columns = taps_reaching(x, p->filter.width, p->stride.width, p->input.width);
    const int8_t *weights = p->weights;
    for (int32_t c = 0; c < p->output.channels; c++) {
        const int32_t q = p->per_channel ? c : 0;
        int32_t sum = filter_sum(p, &rows, &columns, input, weights);
        if (p->bias != NULL) {
            sum = edgenet_add_wrapping(sum, p->bias[c]);
        }
        sum = edgenet_requantize(sum, p->multiplier[q], p->shift[q]) + p->output_offset;
        output[c] = edgenet_clamp_s8(sum, p->activation_min, p->activation_max);
        weights += p->filter.height * p->filter.width * p->input.channels;
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
