/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * DEPTHWISE_CONV_2D with one filter for each channel, any stride, dilation and padding.
 *
 * Channel by channel: what the filter sees is copied into a plane, padding included, so that no tap needs a test; then
 * four pixels at a time share each weight that is loaded. A channel's outputs lie where its own inputs lay before, if
 * output and input begin at the same place, so it can work in place.
 */
#include "edgenet_nn.h"

#define PIXELS 4

/* What lies in the scratch memory, and how large it is. */
typedef struct {
    int32_t taps, pixels;  /* pixels: of a band of rows, rounded up to fours */
    int32_t width, height; /* of the plane */
    int32_t *offsets;      /* where each tap lies in the plane, from the first one */
    int32_t *firsts;       /* where the first tap of each pixel of a band lies, from that of the first */
    int32_t *sums;        /* one for each pixel */
    int8_t *plane;
} workspace;

/* The places of all pixels of a band and of all taps. */
static workspace lay_out(const edgenet_depthwise_conv2d_s8_params *p, int8_t *scratch)
{
    workspace s;
    s.taps = p->filter.height * p->filter.width;
    s.pixels = (p->band * p->output.width + PIXELS - 1) / PIXELS * PIXELS;
    s.width = (p->output.width - 1) * p->stride.width + (p->filter.width - 1) * p->dilation.width + 1;
    s.height = (p->output.height - 1) * p->stride.height + (p->filter.height - 1) * p->dilation.height + 1;
    s.offsets = (int32_t *)(void *)scratch;
    s.firsts = s.offsets + s.taps;
    s.sums = s.firsts + s.pixels;
    s.plane = (int8_t *)(s.sums + s.pixels);
    for (int32_t i = 0; i < s.taps; i++) {
        const int32_t y = i / p->filter.width, x = i % p->filter.width;
        s.offsets[i] = y * p->dilation.height * s.width + x * p->dilation.width;
    }
    for (int32_t i = 0; i < s.pixels; i++) {
        const int32_t y = i / p->output.width, x = i % p->output.width;
        s.firsts[i] = y < p->band ? y * p->stride.height * s.width + x * p->stride.width : 0;
    }
    return s;
}

/* Copies what lies inside the image of one channel into the plane. */
EDGENET_OWN_REGISTERS static void copy_plane(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *channel,
                                             const workspace *s)
{
    const int32_t step = p->input.channels, pad = p->pad.width;
    const int32_t room = s->width - pad, room_below = s->height - p->pad.height;
    const int32_t columns = room < p->input.width ? room : p->input.width;
    const int32_t rows = room_below < p->input.height ? room_below : p->input.height;
    for (int32_t y = 0; y < rows; y++) {
        const int8_t *from = channel + y * p->input.width * step;
        int8_t *to = s->plane + (p->pad.height + y) * s->width + pad;
        for (int32_t x = 0; x < columns; x++) {
            *to++ = *from;
            from += step;
        }
    }
}

/* The sums of that many pixels, rounded up to fours, from the one whose first tap lies at plane; w are the weights. The
 * bias is in them, modulo 2^32. */
EDGENET_OWN_REGISTERS static void products(const workspace *s, const int8_t *plane, const int8_t *w, int32_t bias,
                                           int32_t pixels)
{
    const int8_t *const begin = w, *const end = w + s->taps;
    const int32_t *const offsets = s->offsets, *firsts = s->firsts;
    int32_t *sums = s->sums;
    for (; pixels > 0; pixels -= PIXELS) {
        const int8_t *const x0 = plane + *firsts++;
        const int8_t *const x1 = plane + *firsts++;
        const int8_t *const x2 = plane + *firsts++;
        const int8_t *const x3 = plane + *firsts++;
        const int32_t *offset = offsets;
        uint32_t a = (uint32_t)bias, b = a, c = a, d = a;
        for (w = begin; w != end; w++) {
            const int32_t weight = *w, at = *offset++;
            a += (uint32_t)(x0[at] * weight);
            b += (uint32_t)(x1[at] * weight);
            c += (uint32_t)(x2[at] * weight);
            d += (uint32_t)(x3[at] * weight);
        }
        *sums++ = (int32_t)a;
        *sums++ = (int32_t)b;
        *sums++ = (int32_t)c;
        *sums++ = (int32_t)d;
    }
}

/* The outputs of channel c of that many pixels. */
static inline void finish_as(int32_t form, const edgenet_depthwise_conv2d_s8_params *p, int32_t c, const int32_t *sums,
                             int32_t pixels, int8_t *output)
{
    const int32_t multiplier = p->multiplier[c], constant = p->constant[c], shift = p->shift[c];
    const int32_t step = p->output.channels;
    for (const int32_t *const end = sums + pixels; sums != end; sums++) {
        *output = (int8_t)edgenet_finish(form, *sums, multiplier, constant, shift);
        output += step;
    }
}

/* A loop of its own for the form that most layers have. */
EDGENET_OWN_REGISTERS static void finish(const edgenet_depthwise_conv2d_s8_params *p, int32_t c, const int32_t *sums,
                                         int32_t pixels, int8_t *output)
{
    if (p->form == EDGENET_STAIRCASE) {
        finish_as(EDGENET_STAIRCASE, p, c, sums, pixels, output);
    } else {
        finish_as(p->form, p, c, sums, pixels, output);
    }
}

void edgenet_depthwise_conv2d_s8(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output,
                                 int8_t *scratch)
{
    const workspace s = lay_out(p, scratch);
    int8_t *const start = output;
    for (int32_t i = 0; i < s.width * s.height; i++) {
        s.plane[i] = p->pad_value;
    }
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t c = 0; c < p->output.channels; c++) {
            int8_t *to = output + c;
            copy_plane(p, input + c, &s);
            for (int32_t y = 0; y < p->output.height; y += p->band) {
                const int32_t rest = p->output.height - y;
                const int32_t pixels = (rest < p->band ? rest : p->band) * p->output.width;
                products(&s, s.plane + y * p->stride.height * s.width, p->weights + c * s.taps, p->bias[c],
                         pixels);
                finish(p, c, s.sums, pixels, to);
                to += pixels * p->output.channels;
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
        output += p->output.height * p->output.width * p->output.channels;
    }
    edgenet_limit_s8(start, (int32_t)(output - start), p->activation_min, p->activation_max);
}
