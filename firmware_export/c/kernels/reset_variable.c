/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* CALL_ONCE: the first value of a variable. */
#include "edgenet_nn.h"

void edgenet_reset_variable(const edgenet_reset_variable_params *p, void *variable)
{
    const int8_t *initial = (const int8_t *)p->initial;
    int8_t *to = (int8_t *)variable;
    for (int32_t i = 0; i < p->bytes; i++) {
        to[i] = initial != NULL ? initial[i] : (int8_t)p->value;
    }
}
