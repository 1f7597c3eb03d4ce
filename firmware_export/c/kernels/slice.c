/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* SLICE that begins where another tensor says. */
#include "edgenet_nn.h"

void edgenet_slice(const edgenet_slice_params *p, const void *input, const void *begin, void *output)
{
    const uint8_t *from = (const uint8_t *)input;
    for (int32_t axis = 0; axis < p->begins; axis++) {
        from += edgenet_index_at(begin, axis, p->begin_bytes, p->most[axis]) * p->input_step[axis];
    }
    edgenet_move_axes(p->axes, p->shape, p->bytes, from, p->input_step, (uint8_t *)output, p->output_step);
}
