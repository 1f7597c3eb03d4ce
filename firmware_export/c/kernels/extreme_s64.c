/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* MINIMUM and MAXIMUM of int64. */
#include <string.h>

#include "edgenet_nn.h"

void edgenet_extreme_s64(const edgenet_extreme_s64_params *p, const void *first, const void *second, void *output)
{
    char *to = (char *)output;
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const char *a = (const char *)first + row.first * 8, *b = (const char *)second + row.second * 8;
        for (int32_t i = 0; i < length; i++) {
            int64_t x, y;
            memcpy(&x, a, sizeof x);
            memcpy(&y, b, sizeof y);
            memcpy(to, (x < y) == (p->largest != 0) ? &y : &x, sizeof x);
            a += first_step * 8;
            b += second_step * 8;
            to += 8;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
