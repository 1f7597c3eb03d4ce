/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* TRANSPOSE and its like: runs of bytes along several axes. */
#include "edgenet_nn.h"

void edgenet_copy_axes(const edgenet_copy_axes_params *p, const void *input, void *output)
{
    const uint8_t *from = (const uint8_t *)input + p->input_start;
    uint8_t *to = (uint8_t *)output + p->output_start;
    edgenet_move_axes(p->axes, p->shape, p->bytes, from, p->input_step, to, p->output_step);
}
