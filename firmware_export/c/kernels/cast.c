/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CAST between integers. */
#include "edgenet_nn.h"

void edgenet_cast(const edgenet_cast_params *p, const void *input, void *output)
{
    for (int32_t i = 0; i < p->size; i++) {
        edgenet_store_integer(output, i, p->to, edgenet_load_integer(input, i, p->from));
    }
}
