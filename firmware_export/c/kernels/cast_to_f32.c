/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CAST to float. */
#include "edgenet_nn.h"

void edgenet_cast_to_f32(const edgenet_cast_to_f32_params *p, const void *input, void *output)
{
    uint8_t *to = (uint8_t *)output;
    for (int32_t i = 0; i < p->size; i++) {
        const float value = (float)edgenet_load_integer(input, i, p->from);
        memcpy(to, &value, sizeof value);
        to += sizeof value;
    }
}
