/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* PAD over four axes. */
#include "edgenet_nn.h"

/* Whether place i of the output along an axis lies inside the input. */
static int32_t inside(const edgenet_pad_s8_params *p, int32_t axis, int32_t i)
{
    return i >= p->before[axis] && i < p->before[axis] + p->input[axis];
}

void edgenet_pad_s8(const edgenet_pad_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < p->output[0]; i++) {
        for (int32_t j = 0; j < p->output[1]; j++) {
            for (int32_t k = 0; k < p->output[2]; k++) {
                const int32_t row = inside(p, 0, i) && inside(p, 1, j) && inside(p, 2, k);
                for (int32_t l = 0; l < p->output[3]; l++) {
                    /* The input is read in its own order, one element for each place inside. */
                    *output++ = row && inside(p, 3, l) ? *input++ : (int8_t)p->value;
                }
            }
        }
    }
}
