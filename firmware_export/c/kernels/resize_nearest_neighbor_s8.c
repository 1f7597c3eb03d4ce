/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* RESIZE_NEAREST_NEIGHBOR: tables say which input row and column each output pixel copies. */
#include "edgenet_nn.h"

#include <string.h>

void edgenet_resize_nearest_neighbor_s8(const edgenet_resize_nearest_neighbor_s8_params *p, const int8_t *input,
                                        int8_t *output)
{
    const int32_t channels = p->input.channels;
    for (int32_t batch = 0; batch < p->output.batch; batch++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            const int8_t *row = input + (batch * p->input.height + p->rows[y]) * p->input.width * channels;
            for (int32_t x = 0; x < p->output.width; x++) {
                memcpy(output, row + p->columns[x] * channels, (size_t)channels);
                output += channels;
            }
        }
    }
}
