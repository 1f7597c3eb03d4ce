/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* QUANTIZE of floats to int8. */
#include "edgenet_nn.h"

#include <string.h>

/* Rounded, halves away from zero; limited before the conversion to an integer, so that every value is defined. */
static int8_t quantized(const edgenet_quantize_f32_s8_params *p, float value)
{
    const float x = value / p->scale;
    int32_t whole;
    float rest;
    if (x != x) {
        return (int8_t)p->output_offset;
    }
    if (x <= (float)(INT8_MIN - p->output_offset)) {
        return INT8_MIN;
    }
    if (x >= (float)(INT8_MAX - p->output_offset)) {
        return INT8_MAX;
    }
    whole = (int32_t)x;
    rest = x - (float)whole;
    whole += rest >= 0.5f ? 1 : (rest <= -0.5f ? -1 : 0);
    return (int8_t)(whole + p->output_offset);
}

void edgenet_quantize_f32_s8(const edgenet_quantize_f32_s8_params *p, const void *input, int8_t *output)
{
    const int8_t *from = (const int8_t *)input;
    for (int32_t i = 0; i < p->size; i++) {
        float value;
        memcpy(&value, from + i * (int32_t)sizeof value, sizeof value);
        output[i] = quantized(p, value);
    }
}
