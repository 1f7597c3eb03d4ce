/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * Int8 neural network kernels in plain C99: no memory of their own, no library but memcpy and memset, and no floating
 * point but where a tensor of floats is the network's border.
 *
 * Every kernel has the form
 *     void edgenet_NAME(const edgenet_NAME_params *p, const int8_t *input, int8_t *output);
 * and the same bits as TensorFlow Lite Micro's reference kernel for that operator. input and output must not overlap,
 * but where a comment says that the output may lie on an input. A kernel that needs memory for a moment takes one more
 * pointer behind the output: int8_t *scratch. A kernel for values of other types takes const void * and void *, at any
 * address: it moves bytes, or reads and writes its values with memcpy.
 *
 * Numbers
 *   real = scale * (q - zero_point). In all parameters, input_offset = -zero_point of the input, and
 *   output_offset = +zero_point of the output.
 *   A factor between scales is multiplier * 2^(shift - 31), with multiplier in [2^30, 2^31) or 0, and shift in
 *   [-31, 30]; see edgenet_requantize.
 * Layouts
 *   Activations are batch, height, width, channels, channels next to each other. Convolution filters are output
 *   channel, height, width, input channel; depthwise filters are height, width, output channel.
 */
#ifndef EDGENET_NN_H
#define EDGENET_NN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For a function that holds an inner loop: inlined into a larger one, the loop would not get all registers. */
#ifdef __GNUC__
#define EDGENET_OWN_REGISTERS __attribute__((noinline))
#else
#define EDGENET_OWN_REGISTERS
#endif

/* For a function of this header that is called where its time does not matter, so that it is there only once. */
#ifdef __GNUC__
#define EDGENET_ONCE __attribute__((noinline, unused))
#else
#define EDGENET_ONCE inline
#endif

/* Armv6-M and Armv8-M Baseline multiply 32 bits by 32 bits to 32; a product of 64 bits is a call of the compiler's
 * library there. -DEDGENET_NARROW_PRODUCTS=1 (0) takes (does not take) what is made for such cores. */
#ifndef EDGENET_NARROW_PRODUCTS
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define EDGENET_NARROW_PRODUCTS 1
#else
#define EDGENET_NARROW_PRODUCTS 0
#endif
#endif

/* The extents of a tensor with four axes. For a convolution's filter, batch is the number of output channels. */
typedef struct {
    int32_t batch, height, width, channels;
} edgenet_shape;

/* Something in both directions: a filter's size, its stride, its dilation, the padding before. */
typedef struct {
    int32_t height, width;
} edgenet_pair;

/*
 * CONV_2D. The bias has input_offset * (sum of the filter's weights) in it, so that the sums are those of input times
 * weight; the padding holds pad_value, the input's zero point. With groups, each sees input.channels / groups channels
 * and makes output.channels / groups. The weights of four channels lie side by side, four for each tap; what remains of
 * a group, channel after channel. The scratch memory holds twice what a filter sees.
 */
typedef struct {
    edgenet_shape input, filter, output;
    edgenet_pair stride, dilation, pad;
    int32_t groups;
    int8_t pad_value;
    int8_t form;                           /* how sums become outputs: see edgenet_finish */
    int8_t activation_min, activation_max; /* the output is clamped to these */
    const int32_t *bias, *multiplier, *constant; /* one for every output channel, as shift */
    const int8_t *shift, *weights;
} edgenet_conv2d_s8_params;
void edgenet_conv2d_s8(const edgenet_conv2d_s8_params *p, const int8_t *input, int8_t *output, int8_t *scratch);

/*
 * DEPTHWISE_CONV_2D with one filter for each channel; bias and pad_value as in CONV_2D, weights channel after channel.
 * band output rows are computed at a time. The scratch memory, at an address that 4 divides, holds 4 bytes for each tap,
 * 8 for each pixel of a band, rounded up to fours, and what the filter sees of one channel, up to the end of the last
 * band when that is rounded up. The output may begin where the input does.
 */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, dilation, pad;
    int32_t band;
    int8_t pad_value, form, activation_min, activation_max; /* as in CONV_2D */
    const int32_t *bias, *multiplier, *constant;
    const int8_t *shift, *weights;
} edgenet_depthwise_conv2d_s8_params;
void edgenet_depthwise_conv2d_s8(const edgenet_depthwise_conv2d_s8_params *p, const int8_t *input, int8_t *output,
                                 int8_t *scratch);

/*
 * FULLY_CONNECTED: input (rows, depth), output (rows, channels); bias as in CONV_2D. The weights of eight channels lie
 * side by side, eight for each input; what remains, channel after channel.
 */
typedef struct {
    int32_t rows, depth, channels;
    int32_t per_channel; /* 1: a multiplier, constant and shift for every channel; 0: one for all */
    int8_t form, activation_min, activation_max; /* as in CONV_2D */
    const int32_t *bias, *multiplier, *constant;
    const int8_t *shift, *weights;
} edgenet_fully_connected_s8_params;
void edgenet_fully_connected_s8(const edgenet_fully_connected_s8_params *p, const int8_t *input, int8_t *output);

/* The same for a few weights, which lie channel after channel. */
typedef edgenet_fully_connected_s8_params edgenet_fully_connected_small_s8_params;
void edgenet_fully_connected_small_s8(const edgenet_fully_connected_small_s8_params *p, const int8_t *input,
                                      int8_t *output);

/* Two inputs over six axes; a stride of 0 repeats (broadcasts) an input along that axis. The last axis is a row. */
typedef struct {
    int32_t shape[5], first_stride[5], second_stride[5];
    int32_t length, first_step, second_step;
} edgenet_broadcast;

/*
 * ADD and SUB: output = (first * first_factor + second * second_factor + constant) >> shift, clamped, for factors that
 * give the reference kernel's bits for each of the 65,536 pairs of inputs. The output may lie on an input of its size.
 */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_factor, second_factor;
    int32_t constant, shift;
    int32_t activation_min, activation_max;
} edgenet_add_s8_params;
void edgenet_add_s8(const edgenet_add_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/* The same for scales that have no such factors. second_sign: 1 for ADD, -1 for SUB. */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_offset, second_offset, output_offset;
    int32_t first_multiplier, first_shift;
    int32_t second_multiplier, second_shift, second_sign;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} edgenet_add_general_s8_params;
void edgenet_add_general_s8(const edgenet_add_general_s8_params *p, const int8_t *first, const int8_t *second,
                            int8_t *output);

/* MUL; shift in [-22, 14]. The output may lie on an input of its size. */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t first_offset, second_offset, output_offset;
    int32_t multiplier, shift;
    int32_t activation_min, activation_max;
} edgenet_mul_s8_params;
typedef edgenet_mul_s8_params edgenet_mul_general_s8_params;
void edgenet_mul_s8(const edgenet_mul_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);
/* The same for a shift of more than 14, where the shifted product wraps around. */
void edgenet_mul_general_s8(const edgenet_mul_general_s8_params *p, const int8_t *first, const int8_t *second,
                            int8_t *output);

/* MINIMUM and MAXIMUM. The output may lie on an input of its size. */
typedef struct {
    edgenet_broadcast broadcast;
} edgenet_minimum_s8_params;
typedef edgenet_minimum_s8_params edgenet_maximum_s8_params;
void edgenet_minimum_s8(const edgenet_minimum_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);
void edgenet_maximum_s8(const edgenet_maximum_s8_params *p, const int8_t *first, const int8_t *second, int8_t *output);

/* PRELU: negative values are multiplied by alpha. The output may lie on an input of its size. */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t input_offset, alpha_offset, output_offset;
    int32_t positive_multiplier, positive_shift;
    int32_t negative_multiplier, negative_shift;
} edgenet_prelu_s8_params;
void edgenet_prelu_s8(const edgenet_prelu_s8_params *p, const int8_t *input, const int8_t *alpha, int8_t *output);

/* ADD, SUB, MUL, MINIMUM or MAXIMUM of int32. The output may lie on an input of its size. */
enum { EDGENET_ADD_S32, EDGENET_SUB_S32, EDGENET_MUL_S32, EDGENET_MINIMUM_S32, EDGENET_MAXIMUM_S32 };
typedef struct {
    edgenet_broadcast broadcast;
    int32_t function; /* one of the above */
    int32_t activation_min, activation_max;
} edgenet_binary_s32_params;
void edgenet_binary_s32(const edgenet_binary_s32_params *p, const void *first, const void *second, void *output);

/* MINIMUM, or MAXIMUM if `largest` is not 0, of int64. The output may lie on an input of its size. */
typedef struct {
    edgenet_broadcast broadcast;
    int32_t largest;
} edgenet_extreme_s64_params;
void edgenet_extreme_s64(const edgenet_extreme_s64_params *p, const void *first, const void *second, void *output);

/* The number of a row along five axes, and where it begins in both inputs, in elements. */
typedef struct {
    int32_t index[5];
    int32_t first, second;
} edgenet_row;

/* Goes to the next row of the output; 0 when there is none. */
static inline int32_t edgenet_next_row(const edgenet_broadcast *p, edgenet_row *row)
{
    for (int32_t axis = 4; axis >= 0; axis--) {
        row->first += p->first_stride[axis];
        row->second += p->second_stride[axis];
        row->index[axis]++;
        if (row->index[axis] < p->shape[axis]) {
            return 1;
        }
        row->index[axis] = 0;
        row->first -= p->shape[axis] * p->first_stride[axis];
        row->second -= p->shape[axis] * p->second_stride[axis];
    }
    return 0;
}

/* AVERAGE_POOL_2D and MAX_POOL_2D: only what lies inside the input counts. Four channels are computed at a time. */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair filter, stride, pad;
    int32_t activation_min, activation_max;
} edgenet_pool2d_s8_params;
typedef edgenet_pool2d_s8_params edgenet_average_pool2d_s8_params;
typedef edgenet_pool2d_s8_params edgenet_max_pool2d_s8_params;
void edgenet_average_pool2d_s8(const edgenet_average_pool2d_s8_params *p, const int8_t *input, int8_t *output);
void edgenet_max_pool2d_s8(const edgenet_max_pool2d_s8_params *p, const int8_t *input, int8_t *output);

/*
 * MEAN and SUM: up to three axes that stay and three that vanish, with the input's strides along them. The multiplier
 * holds input scale / output scale, for MEAN / number of values too.
 */
typedef struct {
    int32_t kept[3], kept_stride[3];
    int32_t reduced[3], reduced_stride[3];
    int32_t input_offset, output_offset;
    int32_t multiplier, shift;
} edgenet_mean_s8_params;
void edgenet_mean_s8(const edgenet_mean_s8_params *p, const int8_t *input, int8_t *output);

/*
 * Rows of bytes from one place to another, for values of any type: CONCATENATION and PACK with one call for each input,
 * SPLIT, SPLIT_V and UNPACK with one call for each output, and all else that moves values along one axis. A row begins
 * input_step (output_step) bytes behind the row before it; a step may be 0 or negative.
 */
typedef struct {
    int32_t rows, bytes; /* bytes of one row */
    int32_t input_start, input_step;
    int32_t output_start, output_step;
} edgenet_copy_rows_params;
void edgenet_copy_rows(const edgenet_copy_rows_params *p, const void *input, void *output);

/* The same along several axes, the last one fastest: TRANSPOSE, STRIDED_SLICE, SLICE, TILE, PAD, MIRROR_PAD. */
#define EDGENET_COPY_AXES 8
typedef struct {
    int32_t axes, bytes; /* how many of EDGENET_COPY_AXES there are; bytes of one run */
    int32_t shape[EDGENET_COPY_AXES];
    int32_t input_start, input_step[EDGENET_COPY_AXES];
    int32_t output_start, output_step[EDGENET_COPY_AXES];
} edgenet_copy_axes_params;
void edgenet_copy_axes(const edgenet_copy_axes_params *p, const void *input, void *output);

/* PAD and PADV2: the same value, of so many bytes, count times; what lies inside is copied afterwards. */
typedef struct {
    int32_t count, bytes;
    uint8_t value[8];
} edgenet_fill_params;
void edgenet_fill(const edgenet_fill_params *p, void *output);

/*
 * GATHER: for each of batches and rows, one run of bytes for each index, out of extent of them. Indices are int32 or
 * int64, as index_bytes says; one that lies outside counts as the nearest inside.
 */
typedef struct {
    int32_t batches, rows, extent, bytes;
    int32_t indices, index_bytes; /* how many for each batch; bytes of one */
} edgenet_gather_params;
void edgenet_gather(const edgenet_gather_params *p, const void *input, const void *indices, void *output);

/*
 * SLICE that begins where another tensor says, by an int32 or int64 for each axis; a beginning is limited to [0, most].
 * What is copied from there are runs of bytes along axes, as in edgenet_copy_axes.
 */
#define EDGENET_SLICE_AXES 5
typedef struct {
    int32_t begins, begin_bytes; /* how many beginnings; bytes of one */
    int32_t most[EDGENET_SLICE_AXES];
    int32_t axes, bytes;
    int32_t shape[EDGENET_SLICE_AXES];
    int32_t input_step[EDGENET_SLICE_AXES], output_step[EDGENET_SLICE_AXES];
} edgenet_slice_params;
void edgenet_slice(const edgenet_slice_params *p, const void *input, const void *begin, void *output);

/* The types of values that CAST knows; EDGENET_BOOL is one byte, 0 or 1. */
enum { EDGENET_S8, EDGENET_U8, EDGENET_S16, EDGENET_S32, EDGENET_S64, EDGENET_BOOL };

/* CAST between these: modulo 2^bits, and to EDGENET_BOOL whether a value is not 0. */
typedef struct {
    int32_t size, from, to;
} edgenet_cast_params;
void edgenet_cast(const edgenet_cast_params *p, const void *input, void *output);

/* CAST of float: towards 0 and into [low, high], the range of the type; what is not a number becomes 0. */
typedef struct {
    int32_t size, to;
    int64_t low, high;
} edgenet_cast_from_f32_params;
void edgenet_cast_from_f32(const edgenet_cast_from_f32_params *p, const void *input, void *output);

/* CAST to float. */
typedef struct {
    int32_t size, from;
} edgenet_cast_to_f32_params;
void edgenet_cast_to_f32(const edgenet_cast_to_f32_params *p, const void *input, void *output);

/* LOGISTIC, TANH, RELU and all that maps each value alone: output = table[input + 128] for each of size elements. */
typedef struct {
    int32_t size;
    const int8_t *table; /* 256 entries */
} edgenet_lookup_s8_params;
void edgenet_lookup_s8(const edgenet_lookup_s8_params *p, const int8_t *input, int8_t *output);

/* SOFTMAX of each row. Differences to the row's largest value become Q5.26; below diff_min they count as nothing. The
 * output may lie on the input. */
typedef struct {
    int32_t rows, depth;
    int32_t multiplier, left_shift, diff_min;
} edgenet_softmax_s8_params;
void edgenet_softmax_s8(const edgenet_softmax_s8_params *p, const int8_t *input, int8_t *output);

/* The same by a table of exp(-difference) in Q0.31, as the above computes it, for differences below `count`; larger ones
 * count as nothing. */
typedef struct {
    int32_t rows, depth;
    int32_t count;
    const int32_t *table;
} edgenet_softmax_table_s8_params;
void edgenet_softmax_table_s8(const edgenet_softmax_table_s8_params *p, const int8_t *input, int8_t *output);

/* READ_VARIABLE and ASSIGN_VARIABLE: the same bytes in another place; values of any type. */
typedef struct {
    int32_t bytes;
} edgenet_copy_params;
void edgenet_copy(const edgenet_copy_params *p, const void *input, void *output);

/* The first value of a variable: the bytes of initial, or all bytes equal to value where initial is NULL. */
typedef struct {
    int32_t bytes, value;
    const void *initial;
} edgenet_reset_variable_params;
void edgenet_reset_variable(const edgenet_reset_variable_params *p, void *variable);

/* REDUCE_MAX: up to three axes that stay and three that vanish, with the input's strides along them. */
typedef struct {
    int32_t kept[3], kept_stride[3];
    int32_t reduced[3], reduced_stride[3];
} edgenet_reduce_max_s8_params;
void edgenet_reduce_max_s8(const edgenet_reduce_max_s8_params *p, const int8_t *input, int8_t *output);

/* ARG_MAX of int8 or float along the middle one of three axes. Indices are int32_t or int64_t: index_bytes is 4 or 8. */
typedef struct {
    int32_t outer, extent, inner;
    int32_t index_bytes;
} edgenet_arg_max_s8_params;
void edgenet_arg_max_s8(const edgenet_arg_max_s8_params *p, const int8_t *input, void *output);
typedef edgenet_arg_max_s8_params edgenet_arg_max_f32_params;
void edgenet_arg_max_f32(const edgenet_arg_max_f32_params *p, const void *input, void *output);

/* RESIZE_NEAREST_NEIGHBOR: rows[y] and columns[x] are the place in the input of the output's pixel (y, x). */
typedef struct {
    edgenet_shape input, output;
    const int16_t *rows, *columns;
} edgenet_resize_nearest_neighbor_s8_params;
void edgenet_resize_nearest_neighbor_s8(const edgenet_resize_nearest_neighbor_s8_params *p, const int8_t *input,
                                        int8_t *output);

/* RESIZE_BILINEAR: output row y lies at start.height + y * step.height, in 1024ths of an input row; so do columns. */
typedef struct {
    edgenet_shape input, output;
    edgenet_pair start, step;
} edgenet_resize_bilinear_s8_params;
void edgenet_resize_bilinear_s8(const edgenet_resize_bilinear_s8_params *p, const int8_t *input, int8_t *output);

/* TRANSPOSE_CONV. pad is what the filters of the first inputs reach beyond the output's edge. */
typedef struct {
    edgenet_shape input, filter, output;
    edgenet_pair stride, pad;
    int32_t input_offset, output_offset;
    int32_t activation_min, activation_max;
    int32_t per_channel; /* as in FULLY_CONNECTED */
    const int8_t *weights;
    const int32_t *bias; /* or NULL */
    const int32_t *multiplier;
    const int8_t *shift;
} edgenet_transpose_conv_s8_params;
void edgenet_transpose_conv_s8(const edgenet_transpose_conv_s8_params *p, const int8_t *input, int8_t *output);

/* QUANTIZE of size floats: input / scale, rounded, plus output_offset. */
typedef struct {
    int32_t size;
    float scale;
    int32_t output_offset;
} edgenet_quantize_f32_s8_params;
void edgenet_quantize_f32_s8(const edgenet_quantize_f32_s8_params *p, const void *input, int8_t *output);

/* QUANTIZE from or to uint8: output = table[input], both taken as bytes. The output may lie on the input. */
typedef struct {
    int32_t size;
    const uint8_t *table; /* 256 entries */
} edgenet_lookup_u8_params;
void edgenet_lookup_u8(const edgenet_lookup_u8_params *p, const void *input, void *output);

/* QUANTIZE between signed integers of 1, 2 or 4 bytes. The output may lie on an input of as many bytes each. */
typedef struct {
    int32_t size;
    int32_t input_bytes, output_bytes;
    int32_t input_offset, output_offset;
    int32_t multiplier, shift;
    int32_t output_min, output_max;
} edgenet_rescale_params;
void edgenet_rescale(const edgenet_rescale_params *p, const void *input, void *output);

/* DEQUANTIZE of size integers of 1 or 2 bytes: scale * (input + input_offset). */
typedef struct {
    int32_t size;
    int32_t input_bytes;
    int32_t input_unsigned; /* 1: uint8_t */
    int32_t input_offset;
    float scale;
} edgenet_dequantize_f32_params;
void edgenet_dequantize_f32(const edgenet_dequantize_f32_params *p, const void *input, void *output);

/* FULLY_CONNECTED as above, but weights and bias (int32_t, read only with has_bias) are computed by other operators. */
typedef struct {
    int32_t rows, depth, channels;
    int32_t input_offset, weights_offset, output_offset;
    int32_t activation_min, activation_max;
    int32_t per_channel; /* as in FULLY_CONNECTED */
    int32_t has_bias;
    const int32_t *multiplier;
    const int8_t *shift;
} edgenet_fully_connected_computed_s8_params;
void edgenet_fully_connected_computed_s8(const edgenet_fully_connected_computed_s8_params *p, const int8_t *input,
                                         const int8_t *weights, const void *bias, int8_t *output);

/* x * 2^n, modulo 2^32: what a 32-bit register keeps. */
static inline int32_t edgenet_shift_left(int32_t x, int32_t n)
{
    return (int32_t)((uint32_t)x << n);
}

/* a + b, modulo 2^32. */
static inline int32_t edgenet_add_wrapping(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

#if EDGENET_NARROW_PRODUCTS
/* a * b + nudge * 2^16, for nudge in [0, 2^15]: a word of its bits from bit 32 on, and into *middle one of those from bit
 * 16 on. Of the halfwords only the upper ones have a sign, and no sum of their products leaves 32 bits. */
static inline int32_t edgenet_product(int32_t a, int32_t b, int32_t nudge, uint32_t *middle)
{
    const uint32_t a_low = (uint32_t)a & 0xffff, b_low = (uint32_t)b & 0xffff;
    const int32_t a_high = a >> 16, b_high = b >> 16;
    const int32_t first = a_high * (int32_t)b_low + (int32_t)(a_low * b_low >> 16) + nudge;
    const int32_t second = (int32_t)a_low * b_high + (first & 0xffff);
    *middle = (uint32_t)second;
    return a_high * b_high + (first >> 16) + (second >> 16);
}
#endif

/* a * b / 2^32, rounded down. An arithmetic right shift of negative numbers is assumed, as every C compiler for our
 * targets has it. */
static inline int32_t edgenet_high_word(int32_t a, int32_t b)
{
#if EDGENET_NARROW_PRODUCTS
    uint32_t middle;
    return edgenet_product(a, b, 0, &middle);
#else
    return (int32_t)((int64_t)a * b >> 32);
#endif
}

/* a * b / 2^32 rounded, halves towards +infinity. */
static inline int32_t edgenet_rounded_high_word(int32_t a, int32_t b)
{
#if EDGENET_NARROW_PRODUCTS
    uint32_t middle;
    return edgenet_product(a, b, 0x8000, &middle);
#else
    const int64_t product = (int64_t)a * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

/* a * b / 2^31 rounded, halves towards +infinity; but not for a = b = -2^31. */
#if EDGENET_NARROW_PRODUCTS
static EDGENET_ONCE int32_t edgenet_high_mul(int32_t a, int32_t b)
{
    uint32_t middle;
    const int32_t high = edgenet_product(a, b, 0x4000, &middle);
    return (int32_t)((uint32_t)high << 1 | (middle >> 15 & 1));
}
#else
static inline int32_t edgenet_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}
#endif

/* x / 2^n rounded, halves away from zero; n in [0, 31]. */
static inline int32_t edgenet_divide_by_power_of_two(int32_t x, int32_t n)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << n) - 1U);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> n) + ((x & mask) > threshold ? 1 : 0);
}

/* x * multiplier * 2^(shift - 31), rounded twice as TensorFlow Lite's reference kernels do. */
static inline int32_t edgenet_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return edgenet_divide_by_power_of_two(edgenet_high_mul(edgenet_shift_left(x, left), multiplier), right);
}

/* x limited to [low, high]. */
static inline int32_t edgenet_clamp(int32_t x, int32_t low, int32_t high)
{
    const int32_t raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/* x limited to [low, high], which lie within int8. */
static inline int8_t edgenet_clamp_s8(int32_t x, int32_t low, int32_t high)
{
    return (int8_t)edgenet_clamp(x, low, high);
}

/* x limited to int8. */
static inline int32_t edgenet_saturate_s8(int32_t x)
{
#if defined(__ARM_FEATURE_SAT) && defined(__thumb2__) && defined(__GNUC__) && !defined(EDGENET_NO_ASM)
    int32_t limited; /* One instruction, which compilers do not find in a loop. */
    __asm__("ssat %0, #8, %1" : "=r"(limited) : "r"(x));
    return limited;
#elif EDGENET_NARROW_PRODUCTS
    return x == (int8_t)x ? x : (x < 0 ? INT8_MIN : INT8_MAX); /* Most values need no limit. */
#else
    return edgenet_clamp(x, INT8_MIN, INT8_MAX);
#endif
}

/* edgenet_requantize(x, multiplier, shift) + offset, limited to int8. */
static EDGENET_ONCE int32_t edgenet_output(int32_t x, int32_t multiplier, int32_t shift, int32_t offset)
{
    const int32_t scaled = edgenet_requantize(x, multiplier, shift);
    return edgenet_clamp(scaled, INT8_MIN - offset, INT8_MAX - offset) + offset;
}

/* What a sum becomes, in one of three forms. All give the same bits as edgenet_output where they are used: the exporter
 * proves it for every sum that can occur. */
enum { EDGENET_STAIRCASE, EDGENET_LINEAR, EDGENET_EXACT };

static inline int32_t edgenet_finish(int32_t form, int32_t sum, int32_t multiplier, int32_t constant, int32_t shift)
{
    if (form == EDGENET_STAIRCASE) {
        return edgenet_saturate_s8((edgenet_high_word(sum, multiplier) + constant) >> shift);
    }
    if (form == EDGENET_LINEAR) {
        const int32_t x = edgenet_rounded_high_word(edgenet_shift_left(sum, 1), multiplier);
        return edgenet_saturate_s8((x - (x < 0 ? 1 : 0) + constant) >> shift);
    }
    return edgenet_output(sum, multiplier, shift, constant);
}

/* x / 2^n rounded, halves up; x >= 0, n in [1, 32]. */
static inline int32_t edgenet_divide_positive(int32_t x, int32_t n)
{
    return ((x >> (n - 1)) + 1) >> 1;
}

/* 1 / (1 + a) for a in [0, 1], both Q0.31: three Newton-Raphson steps. */
static inline int32_t edgenet_one_over_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((uint32_t)a + 0x80000000u) >> 1);
    int32_t x = 1515870810 + edgenet_high_mul(-1010580540, half); /* Q2.29: 48/17 - 32/17 * half */
    for (int32_t i = 0; i < 3; i++) {
        x += edgenet_high_mul((1 << 29) - edgenet_high_mul(x, half), x) * 4;
    }
    return x < 1 << 30 ? x * 2 : INT32_MAX;
}

/*
 * A sum of exponentials, for softmax: an exponential times reciprocal / 2^exponent is the probability in steps of int8.
 * Sums are Q12.19 and limited to 2048; from 512 on every probability rounds to 0.
 */
#define EDGENET_SOFTMAX_BITS 12
#define EDGENET_SOFTMAX_MOST (1 << 30)
typedef struct {
    int32_t reciprocal, exponent;
} edgenet_softmax_sum;

static inline edgenet_softmax_sum edgenet_softmax_sum_of(int32_t sum)
{
    edgenet_softmax_sum total;
    uint32_t normal = (uint32_t)sum;
    total.exponent = EDGENET_SOFTMAX_BITS + 31 - 8;
    for (; normal < 0x80000000u; normal <<= 1) {
        total.exponent--;
    }
    total.exponent = total.exponent > 32 ? 32 : total.exponent;
    total.reciprocal = edgenet_one_over_one_plus((int32_t)(normal - 0x80000000u));
    return total;
}

/* The output for one exponential, Q0.31. */
static inline int8_t edgenet_softmax_output(int32_t exponential, edgenet_softmax_sum total)
{
    const int32_t scaled = edgenet_high_mul(exponential, total.reciprocal);
    const int32_t result = edgenet_divide_positive(scaled, total.exponent);
    return (int8_t)((result < 255 ? result : 255) + INT8_MIN);
}

/* Limits n outputs to [low, high]; int8 itself is no limit. */
static inline void edgenet_limit_s8(int8_t *x, int32_t n, int32_t low, int32_t high)
{
    if (low > INT8_MIN || high < INT8_MAX) {
        for (int32_t i = 0; i < n; i++) {
            x[i] = edgenet_clamp_s8(x[i], low, high);
        }
    }
}

/* Number `number` of int32 or int64 indices, limited to [0, most]. */
static inline int32_t edgenet_index_at(const void *indices, int32_t number, int32_t index_bytes, int32_t most)
{
    const uint8_t *from = (const uint8_t *)indices + number * index_bytes;
    int64_t index;
    int32_t narrow;
    if (index_bytes == 8) {
        memcpy(&index, from, sizeof index);
    } else {
        memcpy(&narrow, from, sizeof narrow);
        index = narrow;
    }
    return index < 0 ? 0 : (index > most ? most : (int32_t)index);
}

/* Rows of bytes, from_step and to_step bytes apart. */
static inline void edgenet_move_rows(int32_t rows, int32_t bytes, const uint8_t *from, int32_t from_step, uint8_t *to,
                                     int32_t to_step)
{
    if (bytes == 1) {
        for (int32_t row = 0; row < rows; row++) {
            to[row * to_step] = from[row * from_step];
        }
        return;
    }
    for (int32_t row = 0; row < rows; row++) {
        memcpy(to + row * to_step, from + row * from_step, (size_t)bytes);
    }
}

/* The same along up to EDGENET_COPY_AXES axes of the given shape, the last one fastest. */
static inline void edgenet_move_axes(int32_t axes, const int32_t *shape, int32_t bytes, const uint8_t *from,
                                     const int32_t *from_step, uint8_t *to, const int32_t *to_step)
{
    const int32_t last = axes - 1;
    int32_t at[EDGENET_COPY_AXES] = {0};
    int32_t axis;
    do {
        edgenet_move_rows(shape[last], bytes, from, from_step[last], to, to_step[last]);
        /* One step along the axis before; an axis that is through goes back to its beginning. */
        for (axis = last - 1; axis >= 0; axis--) {
            if (++at[axis] < shape[axis]) {
                from += from_step[axis];
                to += to_step[axis];
                break;
            }
            at[axis] = 0;
            from -= (shape[axis] - 1) * from_step[axis];
            to -= (shape[axis] - 1) * to_step[axis];
        }
    } while (axis >= 0);
}

/* Number `number` of values of a type that CAST knows. */
static inline int64_t edgenet_load_integer(const void *values, int32_t number, int32_t type)
{
    const uint8_t *from = (const uint8_t *)values;
    int16_t half;
    int32_t word;
    int64_t wide;
    switch (type) {
    case EDGENET_S8:
        return (int8_t)from[number];
    case EDGENET_S16:
        memcpy(&half, from + 2 * number, sizeof half);
        return half;
    case EDGENET_S32:
        memcpy(&word, from + 4 * number, sizeof word);
        return word;
    case EDGENET_S64:
        memcpy(&wide, from + 8 * number, sizeof wide);
        return wide;
    default: /* EDGENET_U8, EDGENET_BOOL */
        return from[number];
    }
}

/* Makes value number `number`. */
static inline void edgenet_store_integer(void *values, int32_t number, int32_t type, int64_t value)
{
    uint8_t *to = (uint8_t *)values;
    const int16_t half = (int16_t)value;
    const int32_t word = (int32_t)value;
    switch (type) {
    case EDGENET_S16:
        memcpy(to + 2 * number, &half, sizeof half);
        break;
    case EDGENET_S32:
        memcpy(to + 4 * number, &word, sizeof word);
        break;
    case EDGENET_S64:
        memcpy(to + 8 * number, &value, sizeof value);
        break;
    case EDGENET_BOOL:
        to[number] = value != 0;
        break;
    default: /* EDGENET_S8, EDGENET_U8 */
        to[number] = (uint8_t)value;
    }
}

/* What a window sees of an image, only what lies inside: rows of columns pixels, row_step and step bytes apart. */
typedef struct {
    const int8_t *first;
    int32_t rows, columns, row_step, step;
} edgenet_patch;

static inline edgenet_patch edgenet_patch_at(const int8_t *image, edgenet_shape input, int32_t y, int32_t x,
                                             edgenet_pair window)
{
    edgenet_patch patch;
    const int32_t bottom = y + window.height, right = x + window.width;
    const int32_t top = y > 0 ? y : 0, left = x > 0 ? x : 0;
    patch.rows = (bottom < input.height ? bottom : input.height) - top;
    patch.columns = (right < input.width ? right : input.width) - left;
    patch.step = input.channels;
    patch.row_step = (input.width - patch.columns) * input.channels;
    patch.first = image + (top * input.width + left) * input.channels;
    return patch;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGENET_NN_H */
