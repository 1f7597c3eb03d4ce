/*
 * What runs before main on an emulated Cortex-M board. QEMU puts every section where it belongs and the rest is zero, so
 * there is nothing to copy. The vector table holds the stack, the reset and the faults; no interrupt is used.
 */
#include <stdint.h>

#include "semihosting.h"

#define FAULT_CODE 70U

int main(int argc, char **argv);
void harness_reset(void);
void harness_start(void);
void harness_fault(void);
extern uint32_t harness_stack_top[];

/* No compiled code, which may use such registers, before the floating point and vector unit is on. */
__attribute__((naked, noreturn)) void harness_reset(void)
{
    __asm__ volatile("ldr r0, =0xE000ED88\n"
                     "ldr r1, [r0]\n"
                     "orr r1, r1, #0xF00000\n"
                     "str r1, [r0]\n"
                     "dsb\n"
                     "isb\n"
                     "bl harness_start\n");
}

void harness_start(void)
{
    static char name[] = "harness", samples[] = "samples.bin", results[] = "results.bin";
    char *arguments[] = {name, samples, results, 0};
    semihosting_exit((uint32_t)main(3, arguments));
}

void harness_fault(void)
{
    semihosting_exit(FAULT_CODE);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)harness_stack_top, harness_reset, harness_fault, harness_fault, harness_fault,
    harness_fault, harness_fault, harness_fault,
};
