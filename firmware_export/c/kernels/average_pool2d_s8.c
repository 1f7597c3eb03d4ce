/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* AVERAGE_POOL_2D: the sum of what lies inside the input by its count, halves rounded away from zero. */
#include "edgenet_nn.h"

static int32_t mean_of(const edgenet_average_pool2d_s8_params *p, const edgenet_window *at, const int8_t *x)
{
    const int32_t count = (at->rows.end - at->rows.begin) * (at->columns.end - at->columns.begin);
    int32_t sum = 0;
    for (int32_t ky = at->rows.begin; ky < at->rows.end; ky++) {
        for (int32_t kx = at->columns.begin; kx < at->columns.end; kx++) {
            sum += x[((at->y + ky) * p->input.width + at->x + kx) * p->input.channels];
        }
    }
    return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

void edgenet_average_pool2d_s8(const edgenet_average_pool2d_s8_params *p, const int8_t *input, int8_t *output)
{
    const edgenet_pair no_dilation = {1, 1};
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                const edgenet_window at =
                    edgenet_window_at(y * p->stride.height - p->pad.height, x * p->stride.width - p->pad.width,
                                      p->filter, no_dilation, p->input);
                for (int32_t c = 0; c < p->output.channels; c++) {
                    *output++ = edgenet_clamp_s8(mean_of(p, &at, input + c), p->activation_min, p->activation_max);
                }
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
}
