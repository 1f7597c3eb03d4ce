/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* QUANTIZE from or to uint8: bytes by a table. */
#include "edgenet_nn.h"

void edgenet_lookup_u8(const edgenet_lookup_u8_params *p, const void *input, void *output)
{
    const uint8_t *const table = p->table, *from = (const uint8_t *)input, *const end = from + p->size;
    uint8_t *to = (uint8_t *)output;
    while (from != end) {
        *to++ = table[*from++];
    }
}
