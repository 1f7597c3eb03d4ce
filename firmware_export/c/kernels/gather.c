/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* GATHER. */
#include "edgenet_nn.h"

#include <string.h>

void edgenet_gather(const edgenet_gather_params *p, const void *input, const void *indices, void *output)
{
    const uint8_t *from = (const uint8_t *)input;
    uint8_t *to = (uint8_t *)output;
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t row = 0; row < p->rows; row++) {
            for (int32_t i = 0; i < p->indices; i++) {
                const int32_t which = batch * p->indices + i;
                const int32_t index = edgenet_index_at(indices, which, p->index_bytes, p->extent - 1);
                memcpy(to, from + index * p->bytes, (size_t)p->bytes);
                to += p->bytes;
            }
            from += p->extent * p->bytes;
        }
    }
}
