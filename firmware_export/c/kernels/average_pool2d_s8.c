/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* AVERAGE_POOL_2D: the sum of what lies inside the input by its count, halves rounded away from zero. */
#include "edgenet_nn.h"

#define CHANNELS 4

/* The sums of four channels. */
static void four_channels(edgenet_patch patch, int32_t *results)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    const int8_t *x = patch.first;
    for (int32_t row = 0; row < patch.rows; row++) {
        for (int32_t column = 0; column < patch.columns; column++) {
            a += x[0];
            b += x[1];
            c += x[2];
            d += x[3];
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
    int32_t a = 0;
    const int8_t *x = patch.first;
    for (int32_t row = 0; row < patch.rows; row++) {
        for (int32_t column = 0; column < patch.columns; column++) {
            a += *x;
            x += patch.step;
        }
        x += patch.row_step;
    }
    return a;
}

/* x / count, rounded. */
static int32_t mean(int32_t x, int32_t count)
{
    return (x > 0 ? x + count / 2 : x - count / 2) / count;
}

/* All channels of one output pixel. */
static void pixel(edgenet_patch patch, int32_t channels, int8_t *output)
{
    const int32_t count = patch.rows * patch.columns;
    while (channels > 0) {
        int32_t results[CHANNELS];
        const int32_t done = channels < CHANNELS ? 1 : CHANNELS;
        if (done == CHANNELS) {
            four_channels(patch, results);
        } else {
            results[0] = one_channel(patch);
        }
        for (int32_t i = 0; i < done; i++) {
            *output++ = (int8_t)mean(results[i], count);
        }
        patch.first += done;
        channels -= done;
    }
}

void edgenet_average_pool2d_s8(const edgenet_average_pool2d_s8_params *p, const int8_t *input, int8_t *output)
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
