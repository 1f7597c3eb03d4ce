/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ARG_MAX of floats: where along the axis the first of the largest values lies. */
#include "edgenet_nn.h"

#include <string.h>

static float value_at(const char *x, int32_t number)
{
    float value;
    memcpy(&value, x + number * (int32_t)sizeof value, sizeof value);
    return value;
}

/* The values lie stride apart. */
static int32_t first_of_largest(const char *x, int32_t extent, int32_t stride)
{
    int32_t best = 0;
    float largest = value_at(x, 0);
    for (int32_t i = 1; i < extent; i++) {
        const float value = value_at(x, i * stride);
        if (value > largest) {
            largest = value;
            best = i;
        }
    }
    return best;
}

void edgenet_arg_max_f32(const edgenet_arg_max_f32_params *p, const void *input, void *output)
{
    const char *from = (const char *)input;
    char *to = (char *)output;
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t j = 0; j < p->inner; j++) {
            const int32_t first = i * p->extent * p->inner + j;
            const int32_t index = first_of_largest(from + first * (int32_t)sizeof(float), p->extent, p->inner);
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
