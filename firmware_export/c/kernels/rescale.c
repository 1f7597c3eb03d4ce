/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* QUANTIZE between signed integers of 1, 2 or 4 bytes. */
#include "edgenet_nn.h"

#include <string.h>

static int32_t load(const int8_t *from, int32_t bytes)
{
    int16_t half;
    int32_t word;
    if (bytes == 1) {
        return *from;
    }
    if (bytes == 2) {
        memcpy(&half, from, sizeof half);
        return half;
    }
    memcpy(&word, from, sizeof word);
    return word;
}

static void store(int8_t *to, int32_t bytes, int32_t value)
{
    const int16_t half = (int16_t)value;
    if (bytes == 1) {
        *to = (int8_t)value;
    } else if (bytes == 2) {
        memcpy(to, &half, sizeof half);
    } else {
        memcpy(to, &value, sizeof value);
    }
}

void edgenet_rescale(const edgenet_rescale_params *p, const void *input, void *output)
{
    const int8_t *from = (const int8_t *)input;
    int8_t *to = (int8_t *)output;
    for (int32_t i = 0; i < p->size; i++) {
        int32_t x = edgenet_add_wrapping(load(from, p->input_bytes), p->input_offset);
        x = edgenet_add_wrapping(edgenet_requantize(x, p->multiplier, p->shift), p->output_offset);
        x = x < p->output_min ? p->output_min : (x > p->output_max ? p->output_max : x);
        store(to, p->output_bytes, x);
        from += p->input_bytes;
        to += p->output_bytes;
    }
}
