/*
 * The emulated core's side of a tapped build. The emulator stops at the first instruction of HARNESS_TAP_FUNCTION and
 * reads the operator's output through the three arguments, so the body has nothing to do. HARNESS_ARENA_ADDRESS, on the
 * command line, is where the emulator has the arena. harness_model.h is written
 * for each build: it includes the model's header and names the tap.
 */
#include "harness_model.h"

#ifdef HARNESS_TAP
void HARNESS_TAP_FUNCTION(int op, const void *data, size_t bytes)
{
    (void)op;
    (void)data;
    (void)bytes;
}
#endif

#ifdef HARNESS_ARENA
int8_t *const HARNESS_ARENA = (int8_t *)HARNESS_ARENA_ADDRESS;
#endif

#ifdef HARNESS_RESET
/* The linker script keeps it, and thereby the function that only the emulator calls. */
extern void (*const harness_reset)(void);
void (*const harness_reset)(void) = HARNESS_RESET;
#endif

extern const int harness_present;
const int harness_present = 1;
