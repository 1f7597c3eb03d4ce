/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* Any function of one int8 value: a table. */
#include "edgenet_nn.h"

void edgenet_lookup_s8(const edgenet_lookup_s8_params *p, const int8_t *input, int8_t *output)
{
    const int8_t *const table = p->table + 128, *const end = input + p->size;
    while (input != end) {
        *output++ = table[*input++];
    }
}
