/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * CONV_2D, any stride, dilation, padding and number of groups.
 *
 * What the filter sees from two output pixels is copied to the scratch memory, the pixels' values side by side; then
 * four channels at a time are computed for both pixels, so that each value that is loaded serves two or four products;
 * at the end two channels, or one.
 */
#include "edgenet_nn.h"

#define PIXELS 2
#define CHANNELS 4

/* Copies n values to every second byte; returns where the next goes. */
static int8_t *spread(int8_t *to, const int8_t *from, int32_t n)
{
    for (; n >= 4; n -= 4) {
        to[0] = from[0];
        to[PIXELS] = from[1];
        to[PIXELS * 2] = from[2];
        to[PIXELS * 3] = from[3];
        from += 4;
        to += PIXELS * 4;
    }
    for (; n > 0; n--) {
        *to = *from++;
        to += PIXELS;
    }
    return to;
}

/* n times the same value to every second byte; returns where the next goes. */
static int8_t *repeat(int8_t *to, int8_t value, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        *to = value;
        to += PIXELS;
    }
    return to;
}

/* Copies what the filter sees when its first tap lies at (y, x) of an image to every second byte. */
EDGENET_OWN_REGISTERS static void copy_window(const edgenet_conv2d_s8_params *p, const int8_t *image, int32_t y,
                                              int32_t x, int8_t *to)
{
    const int32_t depth = p->filter.channels, width = p->input.width, step = p->input.channels;
    /* Without dilation and groups a row of taps inside the image is one run. */
    const int32_t joined = p->dilation.width == 1 && p->groups == 1 && x >= 0 && x + p->filter.width <= width;
    const int32_t run = joined ? p->filter.width * depth : depth, runs = joined ? 1 : p->filter.width;
    const int32_t dilation = p->dilation.width, end = x + runs * dilation;
    /* Compared as unsigned numbers, what lies before the image is beyond it too. */
    for (int32_t ky = 0; ky < p->filter.height; ky++) {
        const int32_t row = y + ky * p->dilation.height;
        if ((uint32_t)row >= (uint32_t)p->input.height) {
            to = repeat(to, p->pad_value, run * runs);
            continue;
        }
        for (int32_t column = x; column != end; column += dilation) {
            if ((uint32_t)column < (uint32_t)width) {
                to = spread(to, image + (row * width + column) * step, run);
            } else {
                to = repeat(to, p->pad_value, run);
            }
        }
    }
}

/* Adds the i-th value of both pixels, times the i-th weight of four channels, to the sums. */
#define STEP(i)                                                  \
    do {                                                         \
        const int32_t left = x[2 * (i)], right = x[2 * (i) + 1]; \
        int32_t weight = w[4 * (i)];                             \
        a0 += left * weight;                                     \
        a1 += right * weight;                                    \
        weight = w[4 * (i) + 1];                                 \
        b0 += left * weight;                                     \
        b1 += right * weight;                                    \
        weight = w[4 * (i) + 2];                                 \
        c0 += left * weight;                                     \
        c1 += right * weight;                                    \
        weight = w[4 * (i) + 3];                                 \
        d0 += left * weight;                                     \
        d1 += right * weight;                                    \
    } while (0)

/* The sums of count channels, fours of them, for both pixels, whose windows of n values lie in x. */
EDGENET_OWN_REGISTERS static void products(const int8_t *x, const int8_t *w, int32_t n, int32_t count, int32_t *sums)
{
    const int8_t *const begin = x, *const end = x + PIXELS * n, *const end_of_eights = x + PIXELS * (n - n % 8);
    for (; count != 0; count -= CHANNELS) {
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0, c0 = 0, c1 = 0, d0 = 0, d1 = 0;
        for (x = begin; x != end_of_eights; x += PIXELS * 8) {
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
            STEP(4);
            STEP(5);
            STEP(6);
            STEP(7);
            w += CHANNELS * 8;
        }
        for (; x != end; x += PIXELS) {
            STEP(0);
            w += CHANNELS;
        }
        *sums++ = a0;
        *sums++ = a1;
        *sums++ = b0;
        *sums++ = b1;
        *sums++ = c0;
        *sums++ = c1;
        *sums++ = d0;
        *sums++ = d1;
    }
}

/* The sums of two channels, or of one, whose weights lie one channel behind the other. */
EDGENET_OWN_REGISTERS static void last_products(const int8_t *x, const int8_t *w, int32_t n, int32_t count,
                                                int32_t *sums)
{
    const int8_t *const end = x + PIXELS * n;
    int32_t a0 = 0, a1 = 0;
    if (count == 1) {
        for (; x != end; x += PIXELS) {
            const int32_t weight = *w++;
            a0 += x[0] * weight;
            a1 += x[1] * weight;
        }
    } else {
        int32_t b0 = 0, b1 = 0;
        for (; x != end; x += PIXELS) {
            const int32_t left = x[0], right = x[1], first = w[0], second = w[n];
            a0 += left * first;
            a1 += right * first;
            b0 += left * second;
            b1 += right * second;
            w++;
        }
        sums[2] = b0;
        sums[3] = b1;
    }
    sums[0] = a0;
    sums[1] = a1;
}

/* The outputs of count channels from c on: of one pixel and, step bytes behind, of a second. */
static inline void finish_as(int32_t form, const edgenet_conv2d_s8_params *p, const int32_t *sums, int32_t c,
                             int32_t count, int32_t step, int8_t *output)
{
    const int32_t *biases = p->bias + c, *multipliers = p->multiplier + c, *constants = p->constant + c;
    const int8_t *shifts = p->shift + c;
    int8_t *const end = output + c + count;
    for (output += c; output != end; output++) {
        const int32_t multiplier = *multipliers++, constant = *constants++, shift = *shifts++, bias = *biases++;
        const int32_t first = edgenet_add_wrapping(*sums++, bias), second = edgenet_add_wrapping(*sums++, bias);
        /* Without a second pixel, step is 0, and the first one's value is written last. */
        output[step] = (int8_t)edgenet_finish(form, second, multiplier, constant, shift);
        *output = (int8_t)edgenet_finish(form, first, multiplier, constant, shift);
    }
}

/* A loop of its own for the form that most layers have. */
EDGENET_OWN_REGISTERS static void finish(const edgenet_conv2d_s8_params *p, const int32_t *sums, int32_t c, int32_t count,
                                         int32_t step, int8_t *output)
{
    if (p->form == EDGENET_STAIRCASE) {
        finish_as(EDGENET_STAIRCASE, p, sums, c, count, step, output);
    } else {
        finish_as(p->form, p, sums, c, count, step, output);
    }
}

/* Channels c to c + count - 1 of one or two pixels, whose windows lie in x. */
static void channels(const edgenet_conv2d_s8_params *p, const int8_t *x, int32_t c, int32_t count, int32_t pixels,
                     int32_t *sums, int8_t *output)
{
    const int32_t taps = p->filter.height * p->filter.width * p->filter.channels;
    const int8_t *const w = p->weights + c * taps;
    const int32_t fours = count / CHANNELS * CHANNELS;
    products(x, w, taps, fours, sums);
    for (int32_t i = fours; i < count; i += 2) {
        last_products(x, w + i * taps, taps, count - i < 2 ? 1 : 2, sums + PIXELS * i);
    }
    finish(p, sums, c, count, (pixels - 1) * p->output.channels, output);
}

/* Channels c to c + count - 1, which see the input's channels from the first of input on. */
static void group(const edgenet_conv2d_s8_params *p, const int8_t *input, int32_t c, int32_t count, int8_t *output,
                  int8_t *scratch)
{
    int32_t *const sums = (int32_t *)(void *)scratch;
    int8_t *const windows = scratch + PIXELS * count * (int32_t)sizeof *sums;
    int32_t held = 0;
    for (int32_t b = 0; b < p->output.batch; b++) {
        for (int32_t y = 0; y < p->output.height; y++) {
            for (int32_t x = 0; x < p->output.width; x++) {
                copy_window(p, input, y * p->stride.height - p->pad.height, x * p->stride.width - p->pad.width,
                            windows + held);
                held++;
                if (held == PIXELS) {
                    channels(p, windows, c, count, held, sums, output);
                    output += held * p->output.channels;
                    held = 0;
                }
            }
        }
        input += p->input.height * p->input.width * p->input.channels;
    }
    if (held > 0) {
        channels(p, windows, c, count, held, sums, output);
    }
}

void edgenet_conv2d_s8(const edgenet_conv2d_s8_params *p, const int8_t *input, int8_t *output, int8_t *scratch)
{
    const int32_t filters = p->output.channels / p->groups;
    for (int32_t g = 0; g < p->groups; g++) {
        group(p, input + g * p->filter.channels, g * filters, filters, output, scratch);
    }
    edgenet_limit_s8(output, p->output.batch * p->output.height * p->output.width * p->output.channels,
                     p->activation_min, p->activation_max);
}
