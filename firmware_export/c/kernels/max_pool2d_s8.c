/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* MAX_POOL_2D: the largest of what lies inside the input. */
#include "edgenet_nn.h"

#define CHANNELS 4

/* The largest values of four channels. */
static void four_channels(edgenet_patch patch, int32_t *results)
{
    int32_t a = INT8_MIN, b = INT8_MIN, c = INT8_MIN, d = INT8_MIN;
    const int8_t *x = patch.first;
    for (int32_t row = 0; row < patch.rows; row++) {
        for (int32_t column = 0; column < patch.columns; column++) {
            a = x[0] > a ? x[0] : a;
            b = x[1] > b ? x[1] : b;
            c = x[2] > c ? x[2] : c;
            d = x[3] > d ? x[3] : d;
            x += patch.step;
        }
        x += patch.row_step;
    }
    results[0] = a;
    results[1] = b;
    results[2] = c;
    results[3] = d;
}

static int32_t one_channel(edgenet_patch patch)
{
    int32_t a = INT8_MIN;
    const int8_t *x = patch.first;
    for (int32_t row = 0; row < patch.rows; row++) {
        for (int32_t column = 0; column < patch.columns; column++) {
            a = *x > a ? *x : a;
            x += patch.step;
        }
        x += patch.row_step;
    }
    return a;
}

/* All channels of one output pixel. */
static void pixel(edgenet_patch patch, int32_t channels, int8_t *output)
{
    while (channels > 0) {
        int32_t results[CHANNELS];
        const int32_t done = channels < CHANNELS ? 1 : CHANNELS;
        if (done == CHANNELS) {
            four_channels(patch, results);
        } else {
            results[0] = one_channel(patch);
        }
        for (int32_t i = 0; i < done; i++) {
            *output++ = (int8_t)results[i];
        }
        patch.first += done;
        channels -= done;
    }
}

void edgenet_max_pool2d_s8(const edgenet_max_pool2d_s8_params *p, const int8_t *input, int8_t *output)
{
    int8_t *const start = output;
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                pixel(edgenet_patch_at(input, p->input, y * p->stride.height - p->pad.height,
                                       x * p->stride.width - p->pad.width, p->filter),
                      p->output.channels, output);
                output += p->output.channels;
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
