/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CAST from float. */
#include "edgenet_nn.h"

/* The largest integers are no floats, but the float just above them is outside of the range too. */
static int64_t saturated(const edgenet_cast_from_f32_params *p, float value)
{
    if (value > (float)p->low && value < (float)p->high) {
        return (int64_t)value;
    }
    if (value >= (float)p->high) {
        return p->high;
    }
    return value <= (float)p->low ? p->low : 0; /* nothing is true of what is not a number */
}

void edgenet_cast_from_f32(const edgenet_cast_from_f32_params *p, const void *input, void *output)
{
    const uint8_t *from = (const uint8_t *)input;
    float value;
    for (int32_t i = 0; i < p->size; i++) {
        memcpy(&value, from, sizeof value);
        from += sizeof value;
        edgenet_store_integer(output, i, p->to, p->to == EDGENET_BOOL ? value != 0.0f : saturated(p, value));
    }
}
