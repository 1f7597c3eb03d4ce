/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * MUL, four elements at a time: bytes become halfwords with 8 bits behind the point, of which half the difference to the
 * zero point is taken, so that it fits a halfword; their product has 14. One instruction multiplies it by the factor and
 * adds the constant; what is above 16 bits is the output. On a Cortex-M4 an element takes 9 instructions.
 */
#include "edgenet_dsp.h"

/* The output before it is cut off. */
static inline int32_t scaled_product(int32_t product, int32_t factor, int32_t constant, int32_t below)
{
    return edgenet_smmla(product, factor, constant) + (product < 0 ? below : 0);
}

EDGENET_OWN_REGISTERS static void multiply_row(const edgenet_mul_dsp_s8_params *p, const int8_t *a, const int8_t *b,
                                               int8_t *output)
{
    const int32_t first_zero = edgenet_halves(p->first_zero * 256, p->first_zero * 256);
    const int32_t second_zero = edgenet_halves(p->second_zero * 256, p->second_zero * 256);
    const int32_t factor = p->factor, constant = p->constant, below = p->below;
    const int8_t *const words = output + (p->broadcast.length & ~3), *const end = output + p->broadcast.length;
    while (output != words) {
        const int32_t x = edgenet_load_word(a), y = edgenet_load_word(b);
        const int32_t even = edgenet_shsub16(edgenet_even_bytes(x), first_zero);
        const int32_t odd = edgenet_shsub16(edgenet_odd_bytes(x), first_zero);
        const int32_t second_even = edgenet_shsub16(edgenet_even_bytes(y), second_zero);
        const int32_t second_odd = edgenet_shsub16(edgenet_odd_bytes(y), second_zero);
        edgenet_store_word(output,
                           edgenet_four_bytes(scaled_product(edgenet_smulbb(even, second_even), factor, constant, below),
                                              scaled_product(edgenet_smulbb(odd, second_odd), factor, constant, below),
                                              scaled_product(edgenet_smultt(even, second_even), factor, constant, below),
                                              scaled_product(edgenet_smultt(odd, second_odd), factor, constant, below)));
        a += 4;
        b += 4;
        output += 4;
    }
    while (output != end) {
        const int32_t product = (*a++ - p->first_zero) * (*b++ - p->second_zero) * (1 << 14);
        *output++ = (int8_t)(edgenet_clamp(scaled_product(product, factor, constant, below) >> 16, 0, 255) - 128);
    }
}

void edgenet_mul_dsp_s8(const edgenet_mul_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    edgenet_row at = {{0}, 0, 0};
    do {
        multiply_row(p, first + at.first, second + at.second, output);
        output += p->broadcast.length;
    } while (edgenet_next_row(&p->broadcast, &at));
}
