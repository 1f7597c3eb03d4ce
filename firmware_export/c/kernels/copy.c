/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* READ_VARIABLE, ASSIGN_VARIABLE: bytes from one place to another. */
#include "edgenet_nn.h"

void edgenet_copy(const edgenet_copy_params *p, const void *input, void *output)
{
    const int8_t *from = (const int8_t *)input;
    int8_t *to = (int8_t *)output;
    for (int32_t i = 0; i < p->bytes; i++) {
        to[i] = from[i];
    }
}
