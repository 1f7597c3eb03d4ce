/* What semihosting.c offers beside <stdio.h>. */
#ifndef EDGENET_HARNESS_SEMIHOSTING_H
#define EDGENET_HARNESS_SEMIHOSTING_H

#include <stdint.h>

/* Ends the emulator with this exit code. */
void semihosting_exit(uint32_t code);

#endif
