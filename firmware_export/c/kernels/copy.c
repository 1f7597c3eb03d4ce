/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/* READ_VARIABLE, ASSIGN_VARIABLE, outputs that live elsewhere: bytes from one place to another. */
#include "edgenet_nn.h"

#include <string.h>

void edgenet_copy(const edgenet_copy_params *p, const void *input, void *output)
{
    memcpy(output, input, (size_t)p->bytes);
}
