/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any stride, dilation and padding.
 *
 * A band of output rows is computed channel by channel: what its filter sees is copied to the scratch memory, padding
 * included, so that no tap needs a test; then four pixels at a time share each weight that is loaded.
 */
#include "edgenet_nn.h"

#define PIXELS 4

/* Where each tap lies in a plane, from the first one. */
static void tap_offsets(const edgenet_depthwise_conv2d_s8_params *p, int32_t width, int32_t *offsets)
{
    for (int32_t ky = 0; ky < p->filter.height; ky++) {
        for (int32_t kx = 0; kx < p->filter.width; kx++) {
            *offsets++ = ky * p->dilation.height * width + kx * p->dilation.width;
        }
    }
}

/* Copies what lies inside the image of one channel's rows, from y on, into a plane that is width bytes wide. */
static void copy_plane(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *channel, int32_t y, int32_t rows,
                       int32_t width, int8_t *plane)
{
    const int32_t step = p->input.channels, room = width - p->pad.width;
    const int32_t inside = room < p->input.width ? room : p->input.width;
    const int32_t above = y < 0 ? -y : 0, below = p->input.height - y;
    const int32_t end = below < rows ? below : rows;
    for (int32_t row = above; row < end; row++) {
        const int8_t *from = channel + (y + row) * p->input.width * step;
        int8_t *to = plane + row * width + p->pad.width;
        for (int32_t x = 0; x < inside; x++) {
            to[x] = *from;
            from += step;
        }
    }
}

/* The sums of four pixels, whose first taps lie at x. */
static void four_pixels(const int8_t *const *x, const int32_t *offsets, const int8_t *w, int32_t taps, int32_t *sums)
{
    const int8_t *const x0 = x[0], *const x1 = x[1], *const x2 = x[2], *const x3 = x[3];
    const int8_t *const end = w + taps;
    int32_t a = 0, b = 0, c = 0, d = 0;
    while (w != end) {
        const int32_t at = *offsets++;
        const int32_t weight = *w++;
        a += x0[at] * weight;
        b += x1[at] * weight;
        c += x2[at] * weight;
        d += x3[at] * weight;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* Channel c of a band with that many pixels. */
static void channel(const edgenet_depthwise_conv2d_s8_params *p, int32_t c, int32_t pixels, int32_t width,
                    const int32_t *offsets, const int8_t *plane, int8_t *output)
{
    const int32_t taps = p->filter.height * p->filter.width;
    const int32_t q = p->per_channel ? c : 0;
    const int32_t multiplier = p->multiplier[q], shift = p->shift[q];
    const int32_t bias = p->bias[c], offset = p->output_offset, step = p->output.channels;
    const int8_t *const w = p->weights + c * taps;
    const int32_t next = p->stride.width, columns = p->output.width;
    const int32_t next_row = p->stride.height * width - columns * next;
    int32_t left = columns;
    while (pixels > 0) {
        const int8_t *x[PIXELS];
        int32_t sums[PIXELS];
        const int32_t count = pixels < PIXELS ? pixels : PIXELS;
        for (int32_t k = 0; k < PIXELS; k++) {
            x[k] = plane;
            if (k + 1 < pixels) {
                plane += next;
                if (--left == 0) {
                    plane += next_row;
                    left = columns;
                }
            }
        }
        four_pixels(x, offsets, w, taps, sums);
        for (int32_t k = 0; k < count; k++) {
            const int32_t sum = edgenet_add_wrapping(sums[k], bias);
            *output = (int8_t)(shift < -1 ? edgenet_output_small(sum, multiplier, shift, offset)
                                          : edgenet_output(sum, multiplier, shift, offset));
            output += step;
        }
        pixels -= count;
    }
}

void edgenet_depthwise_conv2d_s8(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output,
                                 int8_t *scratch)
{
    const int32_t width = (p->output.width - 1) * p->stride.width + (p->filter.width - 1) * p->dilation.width + 1;
    int32_t *const offsets = (int32_t *)(void *)scratch;
    int8_t *const start = output;
    int8_t *const plane = scratch + p->filter.height * p->filter.width * (int32_t)sizeof *offsets;
    tap_offsets(p, width, offsets);
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y += p->band) {
            const int32_t rest = p->output.height - y;
            const int32_t rows = rest < p->band ? rest : p->band;
            const int32_t seen = (rows - 1) * p->stride.height + (p->filter.height - 1) * p->dilation.height + 1;
            for (int32_t i = 0; i < seen * width; i++) {
                plane[i] = (int8_t)p->pad_value;
            }
            for (int32_t c = 0; c < p->output.channels; c++) {
                copy_plane(p, input + c, y * p->stride.height - p->pad.height, seen, width, plane);
                channel(p, c, rows * p->output.width, width, offsets, plane, output + c);
            }
            output += rows * p->output.width * p->output.channels;
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
