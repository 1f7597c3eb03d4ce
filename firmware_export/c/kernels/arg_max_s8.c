/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ARG_MAX: where along the axis the first of the largest values lies. */
#include "edgenet_nn.h"

#include <string.h>

/* The values lie stride apart. */
static int32_t first_of_largest(const int8_t *x, int32_t extent, int32_t stride)
{
    int32_t best = 0;
    int8_t largest = x[0];
    for (int32_t i = 1; i < extent; i++) {
        if (x[i * stride] > largest) {
            largest = x[i * stride];
            best = i;
        }
    }
    return best;
}

void edgenet_arg_max_s8(const edgenet_arg_max_s8_params *p, const int8_t *input, void *output)
{
    int8_t *to = (int8_t *)output;
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t j = 0; j < p->inner; j++) {
            const int32_t index = first_of_largest(input + i * p->extent * p->inner + j, p->extent, p->inner);
            const int64_t wide = index;
            if (p->index_bytes == 4) {
                memcpy(to, &index, 4);
            } else {
                memcpy(to, &wide, 8);
            }
            to += p->index_bytes;
        }
    }
}
