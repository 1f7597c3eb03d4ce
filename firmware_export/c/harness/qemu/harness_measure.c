/*
 * Measures one run on an emulated board: `harness INPUTS OUTPUTS`. INPUTS holds HARNESS_BYTES: what the memory of inputs
 * and outputs holds before the run. OUTPUTS gets five uint32_t: the ticks of the run, of a call that does nothing, whether
 * the counter ran out, the deepest that the stack got, 0; then the same memory after the run. Under `-icount` time is the
 * number of instructions. harness_model.h is written for each build.
 */
#include "harness_model.h"

#include <stdint.h>
#include <stdio.h>

#define SYST_CSR ((volatile uint32_t *)0xE000E010U)
#define SYST_RVR ((volatile uint32_t *)0xE000E014U)
#define SYST_CVR ((volatile uint32_t *)0xE000E018U)
#define ENABLE_BY_CORE_CLOCK 5U
#define COUNTED_TO_ZERO (1U << 16)
#define MASK 0xFFFFFFU
#define STACK_BYTES (256U * 1024U)
#define FILL 0xA5U

static union {
    long double align;
    uint8_t bytes[HARNESS_BYTES];
} memory;
extern uint8_t harness_stack_top[];
static uint8_t *called_at;

static inline uint8_t *stack_pointer(void)
{
    uint8_t *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

/* Takes what the network takes, and returns: one instruction. */
void harness_nothing();

__attribute__((naked)) void harness_nothing()
{
    __asm__ volatile("bx lr");
}

__attribute__((noinline)) static void call_nothing(uint8_t *base)
{
    called_at = stack_pointer();
    HARNESS_CALL(harness_nothing, base);
}

__attribute__((noinline)) static void call_network(uint8_t *base)
{
    called_at = stack_pointer();
    HARNESS_CALL(HARNESS_NETWORK, base);
}

/* The ticks of a call. */
__attribute__((noinline)) static uint32_t ticks_of(void (*function)(uint8_t *), uint8_t *base)
{
    uint32_t before;
    *SYST_CVR = 0;
    before = *SYST_CVR;
    function(base);
    return (before - *SYST_CVR) & MASK;
}

__attribute__((noinline)) static void fill_stack(void)
{
    volatile uint8_t *byte = harness_stack_top - STACK_BYTES;
    while (byte < stack_pointer()) {
        *byte++ = FILL;
    }
}

/* How deep the stack got below the call of the network since it was filled. */
static uint32_t stack_depth(void)
{
    const volatile uint8_t *lowest = harness_stack_top - STACK_BYTES;
    while (lowest < called_at && *lowest == FILL) {
        lowest++;
    }
    return (uint32_t)(called_at - lowest);
}

int main(int argc, char **argv)
{
    uint32_t numbers[5] = {0, 0, 0, 0, 0};
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL || fread(memory.bytes, 1, sizeof memory.bytes, file) != sizeof memory.bytes) {
        return 3;
    }
    fill_stack();
    *SYST_RVR = MASK;
    *SYST_CSR = ENABLE_BY_CORE_CLOCK;
    numbers[1] = ticks_of(call_nothing, memory.bytes);
    (void)*SYST_CSR;
    numbers[0] = ticks_of(call_network, memory.bytes);
    numbers[2] = (*SYST_CSR & COUNTED_TO_ZERO) != 0;
    numbers[3] = stack_depth();
    (void)fclose(file);
    file = fopen(argv[2], "wb");
    if (file == NULL || fwrite(numbers, 1, sizeof numbers, file) != sizeof numbers) {
        return 4;
    }
    return fwrite(memory.bytes, 1, sizeof memory.bytes, file) == sizeof memory.bytes && fclose(file) == 0 ? 0 : 4;
}
