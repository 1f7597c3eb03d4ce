/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * ADD and SUB, four elements at a time: two words are loaded, their bytes become halfwords with 8 bits behind the
 * point, each of which one instruction multiplies by its factor and adds; what is above 16 bits is the output. On a
 * Cortex-M4 an element takes 6.0 instructions, one of up to three at the end of a row 13.
 */
#include "edgenet_dsp.h"

/* One element, in the same form before it is cut off. */
static int32_t sum(const edgenet_add_dsp_s8_params *p, int32_t first, int32_t second)
{
    const int32_t part = edgenet_smlawb(p->first_factor, first * 256, p->constant);
    return edgenet_smlawb(p->second_factor, second * 256, part);
}

static void add_row(const edgenet_add_dsp_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output)
{
    const int32_t first_factor = p->first_factor, second_factor = p->second_factor, constant = p->constant;
    const int8_t *const words = output + (p->broadcast.length & ~3), *const end = output + p->broadcast.length;
    while (output != words) {
        const int32_t x = edgenet_load_word(a), y = edgenet_load_word(b);
        const int32_t even = edgenet_even_bytes(x), odd = edgenet_odd_bytes(x);
        const int32_t second_even = edgenet_even_bytes(y), second_odd = edgenet_odd_bytes(y);
        const int32_t sum0 = edgenet_smlawb(first_factor, even, constant);
        const int32_t sum1 = edgenet_smlawb(first_factor, odd, constant);
        const int32_t sum2 = edgenet_smlawt(first_factor, even, constant);
        const int32_t sum3 = edgenet_smlawt(first_factor, odd, constant);
        edgenet_store_word(output, edgenet_four_bytes(edgenet_smlawb(second_factor, second_even, sum0),
                                                      edgenet_smlawb(second_factor, second_odd, sum1),
                                                      edgenet_smlawt(second_factor, second_even, sum2),
                                                      edgenet_smlawt(second_factor, second_odd, sum3)));
        a += 4;
        b += 4;
        output += 4;
    }
    while (output != end) {
        *output++ = (int8_t)(edgenet_clamp(sum(p, *a++, *b++) >> 16, 0, 255) - 128);
    }
}

void edgenet_add_dsp_s8(const edgenet_add_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    edgenet_row at = {{0}, 0, 0};
    do {
        add_row(p, first + at.first, second + at.second, output);
        output += p->broadcast.length;
    } while (edgenet_next_row(&p->broadcast, &at));
}
