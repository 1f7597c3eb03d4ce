/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* PAD: one value, many times. */
#include "edgenet_nn.h"

#include <string.h>

void edgenet_fill(const edgenet_fill_params *p, void *output)
{
    uint8_t *to = (uint8_t *)output;
    if (p->bytes == 1) {
        memset(to, p->value[0], (size_t)p->count);
        return;
    }
    for (int32_t i = 0; i < p->count; i++) {
        memcpy(to, p->value, (size_t)p->bytes);
        to += p->bytes;
    }
}
