/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* RESIZE_BILINEAR: weighted means of four pixels; places and weights are in 1024ths of a pixel. */
#include "edgenet_nn.h"

#define ONE 1024

/* The two rows or columns around a place, and the weight of the second: below 0 before the first, where both are the
 * same. */
typedef struct {
    int32_t low, high, weight;
} neighbours;

static neighbours neighbours_of(int32_t place, int32_t extent)
{
    neighbours n;
    n.low = place > 0 ? place / ONE : 0;
    n.high = place > 0 ? (place + ONE - 1) / ONE : 0;
    n.high = n.high < extent ? n.high : extent - 1;
    n.weight = place - ONE * n.low;
    return n;
}

/* x / 2^20, halves away from zero. */
static int8_t rounded(int32_t x)
{
    const int32_t half = ONE * ONE / 2;
    return (int8_t)((x > 0 ? x + half : x - half) / (ONE * ONE));
}

void edgenet_resize_bilinear_s8(const edgenet_resize_bilinear_s8_params *p, const int8_t *input, int8_t *output)
{
    const int32_t channels = p->input.channels;
    const int32_t row_size = p->input.width * channels;
    for (int32_t batch = 0; batch < p->output.batch; batch++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            const neighbours v = neighbours_of(p->start.height + y * p->step.height, p->input.height);
            const int8_t *top = input + (batch * p->input.height + v.low) * row_size;
            const int8_t *bottom = input + (batch * p->input.height + v.high) * row_size;
            for (int32_t x = 0; x < p->output.width; x++) {
                const neighbours h = neighbours_of(p->start.width + x * p->step.width, p->input.width);
                const int32_t left = h.low * channels, right = h.high * channels;
                for (int32_t c = 0; c < channels; c++) {
                    const int32_t upper = top[left + c] * (ONE - h.weight) + top[right + c] * h.weight;
                    const int32_t lower = bottom[left + c] * (ONE - h.weight) + bottom[right + c] * h.weight;
                    *output++ = rounded(upper * (ONE - v.weight) + lower * v.weight);
                }
            }
        }
    }
}
