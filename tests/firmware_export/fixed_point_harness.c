/* SPDX-License-Identifier: Apache-2.0
 *
 * The fixed-point functions of softmax_s8.c and edgenet_nn.h over a file of values, for test_export_fixed_point.py:
 *
 *     harness OPERATION INPUT OUTPUT
 *
 * INPUT holds pairs of int32, OUTPUT becomes one int32 for each. The operation "output SHIFT OFFSET" takes pairs of
 * a sum and a multiplier, as "staircase SHIFT CONSTANT" and "linear SHIFT CONSTANT" do. For softmax INPUT holds rows,
 * depth, multiplier, left_shift and diff_min as int32, then the int8 logits, and OUTPUT becomes the int8 probabilities.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softmax_s8.c"

static int32_t exp_of_first(int32_t a, int32_t unused)
{
    (void)unused;
    return exp_of_negative(a);
}

static int32_t reciprocal_of_first(int32_t a, int32_t unused)
{
    (void)unused;
    return edgenet_one_over_one_plus(a);
}

static int shift, offset;

static int32_t output(int32_t x, int32_t multiplier)
{
    return edgenet_finish(EDGENET_EXACT, x, multiplier, offset, shift);
}

static int32_t staircase(int32_t x, int32_t multiplier)
{
    return edgenet_finish(EDGENET_STAIRCASE, x, multiplier, offset, shift);
}

static int32_t linear(int32_t x, int32_t multiplier)
{
    return edgenet_finish(EDGENET_LINEAR, x, multiplier, offset, shift);
}

typedef int32_t (*function)(int32_t, int32_t);

static function find(const char *operation)
{
    if (strcmp(operation, "high_mul") == 0) {
        return edgenet_high_mul;
    }
    if (strcmp(operation, "divide_by_power_of_two") == 0) {
        return edgenet_divide_by_power_of_two;
    }
    if (strcmp(operation, "exp_of_negative") == 0) {
        return exp_of_first;
    }
    if (sscanf(operation, "output %d %d", &shift, &offset) == 2) {
        return output;
    }
    if (sscanf(operation, "staircase %d %d", &shift, &offset) == 2) {
        return staircase;
    }
    if (sscanf(operation, "linear %d %d", &shift, &offset) == 2) {
        return linear;
    }
    return strcmp(operation, "one_over_one_plus") == 0 ? reciprocal_of_first : NULL;
}

static int each_pair(function f, FILE *in, FILE *out)
{
    int32_t pair[2];
    while (fread(pair, sizeof pair, 1, in) == 1) {
        const int32_t result = f(pair[0], pair[1]);
        if (fwrite(&result, sizeof result, 1, out) != 1) {
            return 1;
        }
    }
    return 0;
}

static int softmax(FILE *in, FILE *out)
{
    int32_t header[5];
    edgenet_softmax_s8_params p;
    int8_t *x, *y;
    size_t size;
    int ok;
    if (fread(header, sizeof header, 1, in) != 1) {
        return 1;
    }
    p.rows = header[0];
    p.depth = header[1];
    p.multiplier = header[2];
    p.left_shift = header[3];
    p.diff_min = header[4];
    size = (size_t)p.rows * (size_t)p.depth;
    x = malloc(size);
    y = malloc(size);
    ok = x != NULL && y != NULL && fread(x, 1, size, in) == size;
    if (ok) {
        edgenet_softmax_s8(&p, x, y);
        ok = fwrite(y, 1, size, out) == size;
    }
    free(x);
    free(y);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL;
    FILE *out = argc == 4 ? fopen(argv[3], "wb") : NULL;
    int failed = in == NULL || out == NULL;
    if (!failed && strcmp(argv[1], "softmax") == 0) {
        failed = softmax(in, out);
    } else if (!failed) {
        const function f = find(argv[1]);
        failed = f == NULL || each_pair(f, in, out);
    }
    if (in != NULL) {
        fclose(in);
    }
    if (out != NULL) {
        failed = fclose(out) != 0 || failed;
    }
    return failed;
}
