/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* ADD, SUB, MUL, MINIMUM and MAXIMUM of int32; what does not fit wraps around, and then is limited. */
#include <string.h>

#include "edgenet_nn.h"

static int32_t apply(int32_t function, int32_t a, int32_t b)
{
    switch (function) {
    case EDGENET_ADD_S32:
        return (int32_t)((uint32_t)a + (uint32_t)b);
    case EDGENET_SUB_S32:
        return (int32_t)((uint32_t)a - (uint32_t)b);
    case EDGENET_MUL_S32:
        return (int32_t)((uint32_t)a * (uint32_t)b);
    case EDGENET_MINIMUM_S32:
        return a < b ? a : b;
    default:
        return a > b ? a : b;
    }
}

void edgenet_binary_s32(const edgenet_binary_s32_params *p, const void *first, const void *second, void *output)
{
    char *to = (char *)output;
    const int32_t length = p->broadcast.length;
    const int32_t first_step = p->broadcast.first_step, second_step = p->broadcast.second_step;
    edgenet_row row = {{0}, 0, 0};
    do {
        const char *a = (const char *)first + row.first * 4, *b = (const char *)second + row.second * 4;
        for (int32_t i = 0; i < length; i++) {
            int32_t x, y;
            memcpy(&x, a, sizeof x);
            memcpy(&y, b, sizeof y);
            x = edgenet_clamp(apply(p->function, x, y), p->activation_min, p->activation_max);
            memcpy(to, &x, sizeof x);
            a += first_step * 4;
            b += second_step * 4;
            to += 4;
        }
    } while (edgenet_next_row(&p->broadcast, &row));
}
