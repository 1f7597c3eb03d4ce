/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* DEQUANTIZE to floats. The product is exact before it is rounded to a float, so every machine gives the same. */
#include "edgenet_nn.h"

#include <string.h>

static int32_t load(const edgenet_dequantize_f32_params *p, const int8_t *from)
{
    int16_t half;
    if (p->input_bytes == 1) {
        return p->input_unsigned ? (uint8_t)*from : *from;
    }
    memcpy(&half, from, sizeof half);
    return half;
}

void edgenet_dequantize_f32(const edgenet_dequantize_f32_params *p, const void *input, void *output)
{
    const int8_t *from = (const int8_t *)input;
    int8_t *to = (int8_t *)output;
    for (int32_t i = 0; i < p->size; i++) {
        const float value = p->scale * (float)(load(p, from) + p->input_offset);
        memcpy(to, &value, sizeof value);
        from += p->input_bytes;
        to += sizeof value;
    }
}
