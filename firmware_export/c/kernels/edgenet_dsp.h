/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * Kernels for cores with the SIMD instructions of Armv7E-M (Cortex-M4, M7, M33). They have the form and the conventions that edgenet_nn.h describes.
 *
 * Packed pairs
 *   Two weights of channels c and c + 1, for the same input k, lie in one halfword: 256 * w[c + 1][k] + w[c][k]; a word
 *   holds those for two inputs. Multiplied by two inputs as halfwords it adds up to 256 * odd + even, and with only the
 *   lower byte of each halfword, sign-extended, to even alone. So one instruction unpacks four weights, and the odd
 *   channel's sum comes multiplied by 256: the difference of the two, modulo 2^32.
 * Requantization
 *   In one of two forms, both with the bits of edgenet_requantize for each sum that the network's weights make possible;
 *   the exporter has proved that.
 */
#ifndef EDGENET_DSP_H
#define EDGENET_DSP_H

#include "edgenet_simd.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A pair of channels is a record of words: two biases, that of the even channel and that of both (256 * odd + even); the
 * packed weights; a multiplier and a constant for the even channel and for the odd one; and, in the second form, a shift
 * for each. The form says how they make an int8 of a channel's sum:
 *   EDGENET_STAIRCASE  (constant + ((sum * multiplier) >> 32)) >> EDGENET_EVEN_SHIFT, saturated to int8; the odd channel's
 *                      sum is still multiplied by 256, and its shift is EDGENET_ODD_SHIFT
 *   EDGENET_LINEAR     x = (2 * sum * multiplier + 2^31) >> 32; (x + (x < 0 ? -1 : 0) + constant) >> shift, saturated
 */
#define EDGENET_PAIR_BIASES 2
#define EDGENET_PAIR_REQUANT(form) ((form) == EDGENET_STAIRCASE ? 4 : 6)

/*
 * CONV_2D without groups, for packed pairs. Pixels are computed in fours. Where lines is not 0, so many rows of the input
 * with the padding around them are copied to the scratch memory first; pitch is such a row's bytes. A filter's row is
 * `runs` runs of `run` bytes, run_step bytes apart. words is the number of words of weights of a pair of channels. The
 * scratch memory, at an address that 4 divides, holds 16 * words bytes, then 4 for each channel, one more where their
 * number is odd, then lines * pitch.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t lines, pitch;
    int32_t runs, run, run_step, words;
    int32_t single; /* 1: a filter sees one pixel, and an image is one row of them */
    int8_t pad_value, activation_min, activation_max, form;
    const int32_t *pairs; /* a record for each two channels */
} edgenet_conv2d_dsp_s8_params;
void edgenet_conv2d_dsp_s8(const edgenet_conv2d_dsp_s8_params *p, const int8_t *input, int8_t *output, int8_t *scratch);

/*
 * CONV_2D with a 3x3 filter, stride 1 and no groups, by Winograd's F(2x2, 3x3). words is the number of pairs of input
 * channels, pitch the columns of a held row: 2 more than 8 for each group of 8 outputs in a row. The scratch memory, at
 * an address that 4 divides, holds 256 * words + 512 bytes, then 16 * words * pitch, then, unless all groups are whole
 * and the channels even in number, 16 for each channel, one more where their number is odd.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair pad;
    int32_t words, pitch;
    int8_t pad_value, activation_min, activation_max, form;
    const int32_t *pairs; /* a record for each two channels */
} edgenet_conv2d_winograd_s8_params;
void edgenet_conv2d_winograd_s8(const edgenet_conv2d_winograd_s8_params *p, const int8_t *input, int8_t *output,
                                int8_t *scratch);

/*
 * FULLY_CONNECTED, for packed pairs: input (rows, depth), output (rows, channels). Inputs are paired as in CONV_2D, words
 * is the number of words of a pair of channels. Four pairs are one record: their biases, their words side by side, and
 * what requantizes each of them; what remains are pairs on their own. The scratch memory, at an address that 4 divides,
 * holds 4 * words bytes.
 * A row of more than 2 * words inputs is taken in chunks of so many: all records' biases and words for the first chunk,
 * then for the second, ..., the last one filled with weights of 0; then what requantizes each pair. The sums are not
 * 256-fold in the end, and the scratch memory holds 4 bytes more for each channel, and for one.
 */
typedef struct {
    int32_t rows, depth, channels, words;
    int32_t even_shift, odd_shift; /* instead of EDGENET_EVEN_SHIFT and EDGENET_ODD_SHIFT */
    int8_t activation_min, activation_max, form;
    const int32_t *pairs;
} edgenet_fully_connected_dsp_s8_params;
void edgenet_fully_connected_dsp_s8(const edgenet_fully_connected_dsp_s8_params *p, const int8_t *input, int8_t *output,
                                    int8_t *scratch);

/*
 * DEPTHWISE_CONV_2D with one filter for each channel, computed in groups of four channels; the last may have fewer. The
 * second kernel is for 3x3 filters without dilation, with the same stride of 1 or 2 in both directions. A call computes
 * those groups that its table holds: for each of them a word, the number of its first channel, then for each channel
 *   in the first kernel: the form (EDGENET_STAIRCASE or EDGENET_LINEAR), a bias, a multiplier, a constant, by how much the
 *     sum is shifted to the left in the linear form, the shift to the right; then, for each row of a stripe, weights: for
 *     each column of the filter, for each two rows of the input that the stripe sees, (upper, lower), and one word more
 *     that is 0 where their number is odd. There is no horizontal dilation;
 *   in the second: six words of weights, a bias, a multiplier. The form is EDGENET_STAIRCASE with constant 0 and shift
 *     EDGENET_DEPTHWISE_SHIFT. The weights of a column are w0, w1, w2: for stride 1 there are (w0, w1) and (w1, w2) of each
 *     column; for stride 2 there are (w0, w1) of each column, (w2 of the first, w2 of the second), (w2 of the third, 0), 0.
 * A stripe has two output rows with a vertical stride of 1 and no vertical dilation, else one. With a vertical stride above
 * 2, or vertical dilation, each stripe sees its rows anew. slots is the number of pairs of rows that a stripe sees; in the
 * second kernel it is 8 (with stride 1 for up to 12 outputs in a row) or, with stride 1, 4, with stride 2, 2. The scratch
 * memory is at an address that 4 divides.
 *   In the first kernel it begins with 16 * slots bytes for each column that the filters see, padding included; or with
 *     what the last channel's filters reach if a row's outputs are rounded up to fours and the words of a filter to an even
 *     number; and 4 bytes for each stripe but the first, if stripes see rows of those before. Then 4 bytes for each output
 *     of a row, rounded up to fours, and for each output of a stripe.
 *   In the second it has 16 * slots bytes for each column, and 4 for each output of slots - 1 stripes.
 * The output may begin where the input does if the rows whose places the stripes take have been seen, and will not be seen
 * again: with the second kernel, slots - 1 stripes at a time.
 */
#define EDGENET_DEPTHWISE_SHIFT 8
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t slots, groups;
    int8_t pad_value, activation_min, activation_max;
    const int32_t *table;
} edgenet_depthwise_conv2d_dsp_s8_params;
typedef edgenet_depthwise_conv2d_dsp_s8_params edgenet_depthwise_conv2d_3x3_dsp_s8_params;
void edgenet_depthwise_conv2d_dsp_s8(const edgenet_depthwise_conv2d_dsp_s8_params *p, const int8_t *input,
                                     int8_t *output, int8_t *scratch);
void edgenet_depthwise_conv2d_3x3_dsp_s8(const edgenet_depthwise_conv2d_3x3_dsp_s8_params *p, const int8_t *input,
                                         int8_t *output, int8_t *scratch);

/*
 * ADD and SUB of rows in which both inputs go on step by step: the upper halfword of
 *   ((first << 8) * first_factor >> 16) + ((second << 8) * second_factor >> 16) + constant,
 * saturated to [0, 255], less 128; right for each pair of inputs. The output may lie on an input of its size.
 */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_factor, second_factor, constant;
} edgenet_add_dsp_s8_params;
void edgenet_add_dsp_s8(const edgenet_add_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/*
 * MUL of such rows: with the product of (first - first_zero) and (second - second_zero), each times 2^7, the upper halfword
 * of (product * factor >> 32) + constant, and + below where product is negative, saturated to [0, 255], less 128; right
 * for each pair of inputs. The output may lie on an input of its size.
 */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_zero, second_zero;
    int32_t factor, constant, below;
} edgenet_mul_dsp_s8_params;
void edgenet_mul_dsp_s8(const edgenet_mul_dsp_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/*
 * MAX_POOL_2D of at least four channels, four at a time; of channels that do not divide by four, the last four a second
 * time. Of each row of outputs the first `whole` windows are within the input's width.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, pad;
    int32_t activation_min, activation_max;
    int32_t whole;
} edgenet_max_pool2d_dsp_s8_params;
void edgenet_max_pool2d_dsp_s8(const edgenet_max_pool2d_dsp_s8_params *p, const int8_t *input, int8_t *output);

/*
 * AVERAGE_POOL_2D without padding, MEAN and SUM over what lies side by side, of at least four channels: the upper
 * halfword of (sum * factor >> 16) + constant, and + below where that is less than zero, saturated to [0, 255], less 128.
 * A sum has to fit a halfword: at most 256 values; the numbers are right for each that they can have. Of channels that do
 * not divide by four, the last four are computed a second time.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride;
    int32_t factor, constant, zero, below;
} edgenet_mean_dsp_s8_params;
void edgenet_mean_dsp_s8(const edgenet_mean_dsp_s8_params *p, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_DSP_H */
