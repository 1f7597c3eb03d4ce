/*
 * SPDX-License-Identifier: Apache-2.0
 * Part of edgenet. A copy inside a generated project may be used under any terms you like.
 */
/*
 * CONV_2D with a 3x3 filter, stride 1 and no groups, for cores with SIMD instructions, by Winograd's F(2x2, 3x3) in
 * integers.
 *
 * Method
 *   Outputs are computed in tiles of 2x2, from 4x4 inputs d. With
 *            1  0 -1  0          2  0  0
 *     B^T =  0  1  1  0    2G =  1  1  1    A^T =  1  1  1  0
 *            0 -1  1  0          1 -1  1           0  1 -1 -1
 *            0  1  0 -1          0  0  2
 *   the sums of a filter g are a quarter of A^T ((2G g (2G)^T) * (B^T d B)) A, where * multiplies element by element:
 *   16 products for four outputs instead of 36. Nothing is rounded. U = 2G g (2G)^T, of up to 9 * 128, is made by the
 *   exporter; V = B^T d B goes up to 4 * 128. Sums over channels are modulo 2^32; 4 * (sum + bias), which is requantized,
 *   fits into 32 bits, as the exporter has proved.
 * Layout
 *   Four rows of the input, with the padding around them, are held widened to halfwords: for each pair of input channels
 *   a word for each column. As in conv2d_dsp_s8 the pairs of each four channels are (0, 2) and (1, 3), of what remains
 *   (0, 1), and a last one with 0. Four tiles side by side are one group: V is, for each of 16 positions (column after
 *   column of V, row after row), for each pair of input channels, the four tiles' words. A pair of output channels is a
 *   record: two biases, multiplied by 4; for each position and pair of input channels a word of the even channel and one
 *   of the odd; a multiplier, a constant and a shift for each.
 * Sums
 *   The products of a column, M0 to M3, become m0 = M0, a = M1 + bias, b = a - M2 and c = b - M3, each a sum that goes on
 *   from the one before. Then the column's outputs are M0 + M1 + M2 + bias = m0 + 2a - b, with two additions instead of
 *   four, and M1 - M2 - M3 + bias = c. So U of the rows 2 and 3 is negative, and that of the columns 0 and 3, too, which
 *   leaves one bias in each output.
 * Cost
 *   11 instructions for 16 products (four tiles, two output channels, two input channels) are a floor of 0.306 for each
 *   of the convolution's nominal MACs. For each group of 32 outputs a pair of output channels takes about 420 more (520
 *   in the linear form): 9 at each position, the rest for A^T M A and requantization; a pair of input channels about 240.
 *   Measured on Cortex-M4 with 16, 32 and 64 channels: 0.488, 0.397 and 0.353 instructions for a MAC; 0.509, 0.407 and
 *   0.358 in the linear form.
 */
#include "edgenet_dsp.h"

/* One piece of assembly is longer than what ISO C requires compilers to take. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Woverlength-strings"
#endif

#define TILES 4
#define WIDTH (2 * TILES) /* columns of outputs of a group */
#define POSITIONS 16
#define ROWS 4
#define SUMS (POSITIONS * 2 * TILES)

/* A group of tiles; the assembly takes a copy to its stack, so the order counts. */
typedef struct {
    int32_t *column;          /* where the sums of the column at hand go */
    int32_t *sums;            /* and those of the first column; V's end */
    const int32_t *values;    /* V */
    const int32_t *end;       /* of the records */
    int8_t *output;           /* the even channel's, of the upper left pixel */
    int32_t step, row_step;   /* bytes to the next pixel's, and to the row below */
    int32_t form;
    int32_t whole, whole_more; /* where a position's steps are entered, and how often they are gone through again */
    int32_t rest, rest_more;   /* the same, if the first step has been done */
} group;

#if EDGENET_DSP_ASM

#define STEPS_AT_ONCE 32
#define STEP_BYTES 44

/* Widens four channels of count pixels, an even number above 0, to two rows of words. */
EDGENET_OWN_REGISTERS static void widen_four(const int8_t *from, int32_t channels, int32_t count, int32_t *even,
                                             int32_t *odd)
{
    const int32_t *const end = even + count;
    int32_t a, b, t, u;
    __asm__ volatile("1:\n\t"
                     "ldr %[a], [%[from]]\n\t"
                     "ldr %[b], [%[from], %[channels]]\n\t"
                     "add %[from], %[from], %[channels], lsl #1\n\t"
                     "sxtb16 %[t], %[a]\n\t"
                     "sxtb16 %[u], %[b]\n\t"
                     "strd %[t], %[u], [%[even]], #8\n\t"
                     "sxtb16 %[a], %[a], ror #8\n\t"
                     "sxtb16 %[b], %[b], ror #8\n\t"
                     "strd %[a], %[b], [%[odd]], #8\n\t"
                     "cmp %[even], %[end]\n\t"
                     "bne 1b\n\t"
                     : [a] "=&r"(a), [b] "=&r"(b), [t] "=&r"(t), [u] "=&r"(u), [from] "+&r"(from), [even] "+&r"(even),
                       [odd] "+&r"(odd)
                     : [channels] "r"(channels), [end] "r"(end)
                     : "cc", "memory");
}

/* Two columns of two rows, added or subtracted. */
#define COLUMNS(OPERATION, c, d, offset)                   \
    "ldrd %[" c "], %[" d "], [%[upper], #" offset "]\n\t" \
    "ldrd %[t], %[u], [%[lower], #" offset "]\n\t"         \
    OPERATION " %[" c "], %[" c "], %[t]\n\t"              \
    OPERATION " %[" d "], %[" d "], %[u]\n\t"
/* V of two tiles from six columns. */
#define TWO_TILES(c0, c1, c2, c3, c4, c5)   \
    "ssub16 %[t], %[" c0 "], %[" c2 "]\n\t" \
    "ssub16 %[u], %[" c2 "], %[" c4 "]\n\t" \
    "strd %[t], %[u], [%[to0]], #8\n\t"     \
    "sadd16 %[t], %[" c1 "], %[" c2 "]\n\t" \
    "sadd16 %[u], %[" c3 "], %[" c4 "]\n\t" \
    "strd %[t], %[u], [%[to1]], #8\n\t"     \
    "ssub16 %[t], %[" c2 "], %[" c1 "]\n\t" \
    "ssub16 %[u], %[" c4 "], %[" c3 "]\n\t" \
    "strd %[t], %[u], [%[to2]], #8\n\t"     \
    "ssub16 %[t], %[" c1 "], %[" c3 "]\n\t" \
    "ssub16 %[u], %[" c3 "], %[" c5 "]\n\t" \
    "strd %[t], %[u], [%[to3]], #8\n\t"
/*
 * Registers: upper and lower two rows, to0 to to3 the columns of V, c0 to c5 columns, t and u what is on its way. On the
 * stack: 0 bytes from one pair of channels to the next   4 where the upper row's pairs end
 */
#define TRANSFORM(OPERATION)                                                                               \
    __asm__ volatile("sub sp, #8\n\t"                                                                      \
                     "strd %[c0], %[c1], [sp]\n"                                                           \
                     "1:\n\t" COLUMNS(OPERATION, "c0", "c1", "0") COLUMNS(OPERATION, "c2", "c3", "8")      \
                     COLUMNS(OPERATION, "c4", "c5", "16") TWO_TILES("c0", "c1", "c2", "c3", "c4", "c5")    \
                     COLUMNS(OPERATION, "c0", "c1", "24") COLUMNS(OPERATION, "c2", "c3", "32")             \
                     TWO_TILES("c4", "c5", "c0", "c1", "c2", "c3")                                         \
                     "ldrd %[t], %[u], [sp]\n\t"                                                           \
                     "add %[upper], %[t]\n\t"                                                              \
                     "add %[lower], %[t]\n\t"                                                              \
                     "cmp %[upper], %[u]\n\t"                                                              \
                     "bne 1b\n\t"                                                                          \
                     "add sp, #8\n\t"                                                                      \
                     : [upper] "+&r"(upper), [lower] "+&r"(lower), [to0] "+&r"(to0), [to1] "+&r"(to1),     \
                       [to2] "+&r"(to2), [to3] "+&r"(to3), [c0] "+&r"(c0), [c1] "+&r"(c1), [c2] "=&r"(c2), \
                       [c3] "=&r"(c3), [c4] "=&r"(c4), [c5] "=&r"(c5), [t] "=&r"(t), [u] "=&r"(u)          \
                     :                                                                                     \
                     : "cc", "memory")

/* A row of V for four tiles, from the sum or the difference of two widened rows; its columns lie `column` words apart. */
EDGENET_OWN_REGISTERS static void transform(const edgenet_conv2d_winograd_s8_params *p, const int32_t *upper,
                                            const int32_t *lower, int32_t sum, int32_t *to0)
{
    const int32_t column = ROWS * TILES * p->words;
    const int32_t *c1 = upper + p->words * p->pitch;
    int32_t c0 = 4 * p->pitch;
    int32_t *to1 = to0 + column, *to2 = to1 + column, *to3 = to2 + column;
    int32_t c2, c3, c4, c5, t, u;
    if (sum) {
        TRANSFORM("sadd16");
    } else {
        TRANSFORM("ssub16");
    }
}

/* A pair of input channels for two output channels and four tiles, at a position. */
#define PRODUCTS(multiply, a, b, c, d, e, f, g, h) \
    "ldrd %[u], %[v], [%[next]], #8\n\t"           \
    "ldrd %[y], lr, [%[x]], #8\n\t"                \
    multiply " %[a0], %[u], %[y]" a "\n\t"         \
    multiply " %[b0], %[v], %[y]" b "\n\t"         \
    multiply " %[a1], %[u], lr" c "\n\t"           \
    multiply " %[b1], %[v], lr" d "\n\t"           \
    "ldrd %[y], lr, [%[x]], #8\n\t"                \
    multiply " %[a2], %[u], %[y]" e "\n\t"         \
    multiply " %[b2], %[v], %[y]" f "\n\t"         \
    multiply " %[a3], %[u], lr" g "\n\t"           \
    multiply " %[b3], %[v], lr" h "\n\t"
#define STEP \
    PRODUCTS("smlad", ", %[a0]", ", %[b0]", ", %[a1]", ", %[b1]", ", %[a2]", ", %[b2]", ", %[a3]", ", %[b3]")
#define FIRST_STEP PRODUCTS("smuad", "", "", "", "", "", "", "", "")
#define FIRST_STEP_ON_BIASES \
    PRODUCTS("smlad", ", %[a3]", ", %[b3]", ", %[a3]", ", %[b3]", ", %[a3]", ", %[b3]", ", %[a3]", ", %[b3]")
/* The sums go to row i of the column at hand. */
#define KEEP_SUMS(at0, at1, at2, at3)         \
    "ldr %[y], [sp]\n\t"                      \
    "strd %[a0], %[a1], [%[y], #" at0 "]\n\t" \
    "strd %[a2], %[a3], [%[y], #" at1 "]\n\t" \
    "strd %[b0], %[b1], [%[y], #" at2 "]\n\t" \
    "strd %[b2], %[b3], [%[y], #" at3 "]\n\t"

/* Of two tiles' column of sums at x: c, d = m0 + 2a - b; then e, f = c. */
#define COLUMN_OF_SUMS(c, d, e, f, m0, a, b, last) \
    "ldrd " c ", " d ", [%[x], #" m0 "]\n\t"       \
    "ldrd %[u], %[v], [%[x], #" a "]\n\t"          \
    "add " c ", " c ", %[u], lsl #1\n\t"           \
    "add " d ", " d ", %[v], lsl #1\n\t"           \
    "ldrd %[u], %[v], [%[x], #" b "]\n\t"          \
    "sub " c ", %[u]\n\t"                          \
    "sub " d ", %[v]\n\t"                          \
    "ldrd " e ", " f ", [%[x], #" last "]\n\t"
/* Two tiles' outputs, before requantization: a0, a1 the upper left ones, a2, a3 the upper right, b0 to b3 the lower. */
#define OUTPUTS                                                                    \
    COLUMN_OF_SUMS("%[a0]", "%[a1]", "%[b0]", "%[b1]", "0", "32", "64", "96")      \
    COLUMN_OF_SUMS("%[a2]", "%[a3]", "%[b2]", "%[b3]", "128", "160", "192", "224") \
    "sub %[a0], %[a2], %[a0]\n\t"                                                  \
    "sub %[a1], %[a3], %[a1]\n\t"                                                  \
    "sub %[b0], %[b2], %[b0]\n\t"                                                  \
    "sub %[b1], %[b3], %[b1]\n\t"                                                  \
    COLUMN_OF_SUMS("%[y]", "lr", "%[u]", "%[v]", "256", "288", "320", "352")       \
    "add %[a0], %[y]\n\t"                                                          \
    "add %[a1], lr\n\t"                                                            \
    "sub %[a2], %[y]\n\t"                                                          \
    "sub %[a3], lr\n\t"                                                            \
    "add %[b0], %[u]\n\t"                                                          \
    "add %[b1], %[v]\n\t"                                                          \
    "sub %[b2], %[u]\n\t"                                                          \
    "sub %[b3], %[v]\n\t"                                                          \
    COLUMN_OF_SUMS("%[y]", "lr", "%[u]", "%[v]", "384", "416", "448", "480")       \
    "add %[a2], %[y]\n\t"                                                          \
    "add %[a3], lr\n\t"                                                            \
    "add %[b2], %[u]\n\t"                                                          \
    "add %[b3], %[v]\n\t"
/* Requantizes them by the routine for the form; the record's next three words belong to the channel. */
#define REQUANTIZE_EIGHT             \
    "ldrd %[u], %[v], [%[next]]\n\t" \
    "ldr %[y], [%[next], #8]\n\t"    \
    "ldr lr, [sp, #28]\n\t"          \
    "blx lr\n\t"
#define STORE_EIGHT(skip)              \
    "ldrd %[u], %[v], [sp, #16]\n\t"   \
    "ldr %[y], [sp, #24]\n\t" skip     \
    "add %[y], %[u]\n\t"               \
    "strb %[a0], [%[u]]\n\t"           \
    "strb %[a2], [%[u], %[v]]\n\t"     \
    "add %[u], %[u], %[v], lsl #1\n\t" \
    "strb %[a1], [%[u]]\n\t"           \
    "strb %[a3], [%[u], %[v]]\n\t"     \
    "strb %[b0], [%[y]]\n\t"           \
    "strb %[b2], [%[y], %[v]]\n\t"     \
    "add %[y], %[y], %[v], lsl #1\n\t" \
    "strb %[b1], [%[y]]\n\t"           \
    "strb %[b3], [%[y], %[v]]\n\t"
#define SKIP_TWO_TILES "add %[u], %[u], %[v], lsl #2\n\t"

/* A sum to an output. The multiplier is in u, the constant in v, the shift in y. */
#define TO_INT8(a)           \
    "asr %[" a "], %[y]\n\t" \
    "ssat %[" a "], #8, %[" a "]\n\t"
#define STAIRCASE(a) "smmla %[" a "], %[" a "], %[u], %[v]\n\t" TO_INT8(a)
#define LINEAR(a)                                   \
    "asr %[" a "], #1\n\t"                          \
    "smmulr %[" a "], %[" a "], %[u]\n\t"           \
    "add %[" a "], %[" a "], %[" a "], asr #31\n\t" \
    "add %[" a "], %[v]\n\t" TO_INT8(a)
#define EIGHT(FORM) FORM("a0") FORM("a1") FORM("a2") FORM("a3") FORM("b0") FORM("b1") FORM("b2") FORM("b3")

/*
 * All channels of a group. For each position the steps are a subroutine that is entered in the middle, by the number of
 * pairs of input channels, and behind which the sums are kept; more than STEPS_AT_ONCE take a detour for each pass.
 *
 * Registers: a0 to a3 the even channel's sums, b0 to b3 the odd one's; x V and then the kept sums, next the pairs'
 * records, u and v two words of weights, y and lr two of V. The stack holds a copy of the group, and behind it:
 *   48 the two biases   56 where to go on behind a position's steps   60 where they are entered, 64 without the first
 *   68 passes that are left   72 where to go on behind the last of them
 * Within the group, form becomes the address of the routine that requantizes.
 */
EDGENET_OWN_REGISTERS static void compute(const edgenet_conv2d_winograd_s8_params *p, const group *at)
{
    const int32_t *next = p->pairs;
    const group *x = at;
    int32_t a0, a1, a2, a3, b0, b1, b2, b3, u, v, y;
    __asm__ volatile(
        "sub sp, #80\n\t"
        "ldrd %[a0], %[a1], [%[x]]\n\t"
        "ldrd %[a2], %[a3], [%[x], #8]\n\t"
        "ldrd %[b0], %[b1], [%[x], #16]\n\t"
        "ldrd %[b2], %[b3], [%[x], #24]\n\t"
        "ldrd %[u], lr, [%[x], #32]\n\t"
        "ldrd %[v], %[x], [%[x], #40]\n\t"
        "adr.w %[y], .Lsteps%=\n\t"
        "add %[u], %[y]\n\t"
        "add %[v], %[y]\n\t"
        "strd %[a0], %[a1], [sp]\n\t"
        "strd %[a2], %[a3], [sp, #8]\n\t"
        "strd %[b0], %[b1], [sp, #16]\n\t"
        "str %[b2], [sp, #24]\n\t"
        "strd %[u], lr, [sp, #32]\n\t"
        "strd %[v], %[x], [sp, #40]\n\t"
        "orrs lr, %[x]\n\t"
        "beq .Lshort%=\n\t"
        "adr.w %[u], .Llong_whole%= + 1\n\t"
        "adr.w %[v], .Llong_rest%= + 1\n"
        ".Lshort%=:\n\t"
        "strd %[u], %[v], [sp, #60]\n\t"
        "adr.w %[y], .Lstaircase%= + 1\n\t"
        "cmp %[b3], #0\n\t"
        "beq .Lform%=\n\t"
        "adr.w %[y], .Llinear%= + 1\n"
        ".Lform%=:\n\t"
        "str %[y], [sp, #28]\n"

        ".Lpair%=:\n\t"
        "ldrd %[u], %[v], [%[next]], #8\n\t"
        "strd %[u], %[v], [sp, #48]\n\t"
        "ldrd %[y], %[x], [sp, #4]\n\t"
        "str %[y], [sp]\n"
        ".Lcolumn%=:\n\t" FIRST_STEP
        "bl .Lrest%=\n\t" KEEP_SUMS("0", "8", "16", "24")
        "ldrd %[a3], %[b3], [sp, #48]\n\t" FIRST_STEP_ON_BIASES
        "bl .Lrest%=\n\t" KEEP_SUMS("32", "40", "48", "56")
        "bl .Lwhole%=\n\t" KEEP_SUMS("64", "72", "80", "88")
        "bl .Lwhole%=\n\t" KEEP_SUMS("96", "104", "112", "120")
        "add %[y], #128\n\t"
        "str %[y], [sp]\n\t"
        "ldr %[y], [sp, #4]\n\t"
        "cmp %[x], %[y]\n\t"
        "bne .Lcolumn%=\n"

        ".Lchannel%=:\n\t"
        OUTPUTS REQUANTIZE_EIGHT STORE_EIGHT("")
        "add %[x], #8\n\t"
        OUTPUTS REQUANTIZE_EIGHT STORE_EIGHT(SKIP_TWO_TILES)
        "ldrd %[u], %[v], [sp, #12]\n\t"
        "add %[v], #1\n\t"
        "str %[v], [sp, #16]\n\t"
        "add %[next], #12\n\t"
        "add %[x], #8\n\t"
        "ldr %[y], [sp, #4]\n\t"
        "sub %[y], %[x], %[y]\n\t"
        "cmp %[y], #16\n\t"
        "beq .Lchannel%=\n\t"
        "cmp %[next], %[u]\n\t"
        "bne .Lpair%=\n\t"
        "b.w .Lend%=\n"

        ".Lstaircase%=:\n\t" EIGHT(STAIRCASE)
        "bx lr\n"
        ".Llinear%=:\n\t" EIGHT(LINEAR)
        "bx lr\n"

        ".Lwhole%=:\n\t"
        "str lr, [sp, #56]\n\t"
        "ldr pc, [sp, #60]\n"
        ".Lrest%=:\n\t"
        "str lr, [sp, #56]\n\t"
        "ldr pc, [sp, #64]\n\t"
        ".balign 4\n"
        ".Lsteps%=:\n\t"
        ".rept 32\n\t" STEP ".endr\n\t"
        "ldr pc, [sp, #56]\n"

        ".Llong_whole%=:\n\t"
        "ldrd %[u], %[v], [sp, #32]\n\t"
        "b .Llong%=\n"
        ".Llong_rest%=:\n\t"
        "ldrd %[u], %[v], [sp, #40]\n"
        ".Llong%=:\n\t"
        "strd %[v], lr, [sp, #68]\n\t"
        "adr.w lr, .Lagain%= + 1\n\t"
        "str lr, [sp, #56]\n\t"
        "bx %[u]\n"
        ".Lagain%=:\n\t"
        "ldr %[y], [sp, #68]\n\t"
        "subs %[y], #1\n\t"
        "str %[y], [sp, #68]\n\t"
        "bpl.w .Lsteps%=\n\t"
        "ldr pc, [sp, #72]\n"

        ".Lend%=:\n\t"
        "add sp, #80\n\t"
        : [x] "+&r"(x), [next] "+&r"(next), [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),
          [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3), [u] "=&r"(u), [v] "=&r"(v), [y] "=&r"(y)
        :
        : "lr", "cc", "memory");
}

/* Where so many steps are entered: one more than its distance, as a branch to Thumb code has it; and passes behind it. */
static int32_t entry_of(int32_t steps, int32_t *more)
{
    const int32_t first = steps == 0 ? 0 : (steps - 1) % STEPS_AT_ONCE + 1;
    *more = (steps - first) / STEPS_AT_ONCE;
    return 1 + STEP_BYTES * (STEPS_AT_ONCE - first);
}

#else

static void widen_four(const int8_t *from, int32_t channels, int32_t count, int32_t *even, int32_t *odd)
{
    for (int32_t x = 0; x < count; x++) {
        const int32_t word = edgenet_load_word(from + x * channels);
        even[x] = edgenet_sxtb16(word);
        odd[x] = edgenet_sxtb16_ror8(word);
    }
}

/* The sum or the difference of halfwords. */
static int32_t combine_halves(int32_t a, int32_t b, int32_t sum)
{
    const int32_t sign = sum ? 1 : -1;
    return edgenet_halves(edgenet_low_half(a) + sign * edgenet_low_half(b),
                          edgenet_high_half(a) + sign * edgenet_high_half(b));
}

static void transform(const edgenet_conv2d_winograd_s8_params *p, const int32_t *upper, const int32_t *lower, int32_t sum,
                      int32_t *to)
{
    const int32_t column = ROWS * TILES * p->words;
    for (int32_t k = 0; k < p->words; k++) {
        for (int32_t tile = 0; tile < TILES; tile++) {
            int32_t c[4];
            for (int32_t i = 0; i < 4; i++) {
                c[i] = combine_halves(upper[2 * tile + i], lower[2 * tile + i], sum);
            }
            to[tile] = combine_halves(c[0], c[2], 0);
            to[column + tile] = combine_halves(c[1], c[2], 1);
            to[2 * column + tile] = combine_halves(c[2], c[1], 0);
            to[3 * column + tile] = combine_halves(c[1], c[3], 0);
        }
        upper += p->pitch;
        lower += p->pitch;
        to += TILES;
    }
}

/* The sums of a pair of channels, from its record; returns what follows its weights. */
static const int32_t *multiply(const edgenet_conv2d_winograd_s8_params *p, const group *at, const int32_t *record)
{
    const int32_t *weights = record + 2, *x = at->values;
    for (int32_t position = 0; position < POSITIONS; position++) {
        int32_t *const to = at->sums + position * 2 * TILES;
        for (int32_t i = 0; i < 2 * TILES; i++) {
            const int32_t odd = i / TILES, tile = i % TILES;
            int32_t sum = position % 4 == 0 ? 0 : (position % 4 == 1 ? record[odd] : to[i - 2 * TILES]);
            for (int32_t k = 0; k < p->words; k++) {
                sum = edgenet_smlad(weights[2 * k + odd], x[TILES * k + tile], sum);
            }
            to[i] = sum;
        }
        weights += 2 * p->words;
        x += TILES * p->words;
    }
    return weights;
}

/* A column's upper (row 0) or lower (row 1) output, from its sums. */
static int32_t column_output(const int32_t *sums, int32_t row)
{
    const int32_t twice = edgenet_add_wrapping(sums[2 * TILES], sums[2 * TILES]);
    const int32_t upper = edgenet_subtract_wrapping(edgenet_add_wrapping(sums[0], twice), sums[4 * TILES]);
    return row == 0 ? upper : sums[6 * TILES];
}

/* One output of four times a sum, with a channel's part of a record. */
static int8_t requantized(const int32_t *requant, int32_t form, int32_t sum)
{
    return form == EDGENET_STAIRCASE ? edgenet_staircase(sum, requant[0], requant[1], requant[2])
                                     : edgenet_linear(sum >> 1, requant[0], requant[1], requant[2]);
}

/* A channel's outputs of a tile, from the tile's sums. */
static void finish(const group *at, const int32_t *sums, const int32_t *requant, int8_t *output)
{
    for (int32_t row = 0; row < 2; row++) {
        int32_t c[4];
        for (int32_t j = 0; j < 4; j++) {
            c[j] = column_output(sums + 4 * j * 2 * TILES, row);
        }
        const int32_t left = edgenet_add_wrapping(edgenet_subtract_wrapping(c[1], c[0]), c[2]);
        const int32_t right = edgenet_add_wrapping(edgenet_subtract_wrapping(c[1], c[2]), c[3]);
        output[row * at->row_step] = requantized(requant, at->form, left);
        output[row * at->row_step + at->step] = requantized(requant, at->form, right);
    }
}

static void compute(const edgenet_conv2d_winograd_s8_params *p, const group *at)
{
    int8_t *output = at->output;
    for (const int32_t *record = p->pairs; record != at->end;) {
        record = multiply(p, at, record);
        for (int32_t odd = 0; odd < 2; odd++) {
            for (int32_t tile = 0; tile < TILES; tile++) {
                finish(at, at->sums + odd * TILES + tile, record, output + 2 * tile * at->step);
            }
            output++;
            record += 3;
        }
    }
}

static int32_t entry_of(int32_t steps, int32_t *more)
{
    *more = 0;
    return steps;
}

#endif

static void fill(int32_t *to, int32_t value, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = value;
    }
}

/* Widens a row of the input to a held one. */
static void widen_row(const edgenet_conv2d_winograd_s8_params *p, const int8_t *from, int32_t *to)
{
    const int32_t channels = p->input.channels, width = p->input.width, pitch = p->pitch;
    const int32_t rest = channels % 4, even = width - width % 2;
    for (int32_t c = 0; c < channels - rest; c += 4) {
        if (even > 0) {
            widen_four(from + c, channels, even, to, to + pitch);
        }
        if (even < width) {
            const int32_t word = edgenet_load_word(from + c + even * channels);
            to[even] = edgenet_sxtb16(word);
            to[pitch + even] = edgenet_sxtb16_ror8(word);
        }
        to += 2 * pitch;
    }
    if (rest > 0) {
        from += channels - rest;
        for (int32_t x = 0; x < width; x++) {
            to[x] = edgenet_halves(from[0], rest > 1 ? from[1] : 0);
            if (rest > 2) {
                to[pitch + x] = edgenet_halves(from[2], 0);
            }
            from += channels;
        }
    }
}

/* Writes the pixels that there are of a group, which compute left in spare memory with an even number of channels. */
static void keep(const edgenet_conv2d_winograd_s8_params *p, const group *at, int8_t *output, int32_t rows,
                 int32_t columns)
{
    const int32_t channels = p->output.channels;
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < columns; x++) {
            memcpy(output + (y * p->output.width + x) * channels, at->output + y * at->row_step + x * at->step,
                   (size_t)channels);
        }
    }
}

/* V of four tiles, whose first column is `first` of the held rows. */
static void transform_all(const edgenet_conv2d_winograd_s8_params *p, const int32_t *rows, int32_t y, int32_t first,
                          int32_t *to)
{
    const int32_t size = p->words * p->pitch, row = TILES * p->words;
    const int32_t *d[ROWS];
    for (int32_t i = 0; i < ROWS; i++) {
        d[i] = rows + (y + i) % ROWS * size + first;
    }
    transform(p, d[0], d[2], 0, to);
    transform(p, d[1], d[2], 1, to + row);
    transform(p, d[2], d[1], 0, to + 2 * row);
    transform(p, d[1], d[3], 0, to + 3 * row);
}

/* Widens the input's row `row`, or padding where there is none, to a held one. */
static void hold_row(const edgenet_conv2d_winograd_s8_params *p, const int8_t *image, int32_t row, int32_t padding,
                     int32_t *to)
{
    if (row >= 0 && row < p->input.height) {
        widen_row(p, image + row * p->input.width * p->input.channels, to + p->pad.width);
    } else {
        fill(to, padding, p->words * p->pitch);
    }
}

/* One image. */
static void convolve(const edgenet_conv2d_winograd_s8_params *p, group *at, const int8_t *image, int8_t *output,
                     int32_t *values, int32_t *rows, int8_t *spare)
{
    const int32_t channels = p->output.channels, even = channels + channels % 2, width = p->output.width;
    const int32_t size = p->words * p->pitch, padding = edgenet_halves(p->pad_value, p->pad_value);
    int32_t held = 0;
    fill(rows, padding, ROWS * size);
    for (int32_t y = 0; y < p->output.height; y += 2) {
        for (; held < y + ROWS; held++) {
            hold_row(p, image, held - p->pad.height, padding, rows + held % ROWS * size);
        }
        for (int32_t x = 0; x < width; x += WIDTH) {
            const int32_t down = p->output.height - y < 2 ? 1 : 2, across = width - x < WIDTH ? width - x : WIDTH;
            const int32_t whole = y + 2 <= p->output.height && x + WIDTH <= width && even == channels;
            int8_t *const to = output + (y * width + x) * channels;
            transform_all(p, rows, y, x, values);
            at->output = whole ? to : spare;
            at->step = even;
            at->row_step = even * (whole ? width : WIDTH);
            compute(p, at);
            if (!whole) {
                keep(p, at, to, down, across);
            }
        }
    }
}

void edgenet_conv2d_winograd_s8(const edgenet_conv2d_winograd_s8_params *p, const int8_t *input, int8_t *output,
                                int8_t *scratch)
{
    const int32_t record = 2 + 2 * POSITIONS * p->words + 6;
    const int32_t bytes = p->output.height * p->output.width * p->output.channels;
    int32_t *const values = (int32_t *)(void *)scratch, *const sums = values + POSITIONS * TILES * p->words;
    int32_t *const rows = sums + SUMS;
    int8_t *const spare = (int8_t *)(rows + ROWS * p->words * p->pitch);
    group at = {sums, sums, values, p->pairs + record * ((p->output.channels + 1) / 2), output, 0, 0, p->form, 0, 0, 0, 0};
    at.column = at.sums;
    at.whole = entry_of(p->words, &at.whole_more);
    at.rest = entry_of(p->words - 1, &at.rest_more);
    for (int32_t b = 0; b < p->output.batch; b++) {
        convolve(p, &at, input + b * p->input.height * p->input.width * p->input.channels, output + b * bytes, values, rows,
                 spare);
    }
    edgenet_limit_s8(output, p->output.batch * bytes, p->activation_min, p->activation_max);
}
