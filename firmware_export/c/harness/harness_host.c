/*
 * Runs a model on the host: `harness INPUTS OUTPUTS`. For every line on standard input it resets the model's variables,
 * if it has any, runs all samples of INPUTS in order, writes OUTPUTS anew and says "done". INPUTS holds HARNESS_BYTES per sample: what the memory of inputs, outputs and
 * arena holds before the run, guard bytes included. OUTPUTS gets records of int32 op, uint32 bytes, data: one per tapped
 * operator (only in a tapped build), then one with op -1 that holds the same memory after the run. Numbers are in the
 * byte order of the host. harness_model.h is written for each build.
 */
#include "harness_model.h"

#include <stdint.h>
#include <stdio.h>

#define OP_MEMORY (-1)

static union {
    long double align;
    uint8_t bytes[HARNESS_BYTES];
} memory;
static FILE *records;

#ifdef HARNESS_ARENA
int8_t *const HARNESS_ARENA = (int8_t *)memory.bytes + HARNESS_ARENA_OFFSET;
#endif

static void put_record(int op, const void *data, size_t bytes)
{
    const int32_t index = (int32_t)op;
    const uint32_t length = (uint32_t)bytes;
    (void)fwrite(&index, sizeof index, 1, records);
    (void)fwrite(&length, sizeof length, 1, records);
    (void)fwrite(data, 1, bytes, records);
}

#ifdef HARNESS_TAP
void HARNESS_TAP_FUNCTION(int op, const void *data, size_t bytes)
{
    put_record(op, data, bytes);
}
#endif

static int run_samples(const char *inputs, const char *outputs)
{
    FILE *samples = fopen(inputs, "rb");
    int failed;
    records = fopen(outputs, "wb");
    if (samples == NULL || records == NULL) {
        return 3;
    }
#ifdef HARNESS_RESET
    HARNESS_RESET();
#endif
    while (fread(memory.bytes, 1, sizeof memory.bytes, samples) == sizeof memory.bytes) {
        HARNESS_RUN(memory.bytes);
        put_record(OP_MEMORY, memory.bytes, sizeof memory.bytes);
    }
    failed = ferror(samples) || ferror(records);
    failed = fclose(records) != 0 || failed;
    (void)fclose(samples);
    return failed ? 4 : 0;
}

int main(int argc, char **argv)
{
    int wanted;
    if (argc != 3) {
        return 2;
    }
    while ((wanted = getchar()) != EOF) {
        const int failed = wanted == '\n' ? run_samples(argv[1], argv[2]) : 0;
        if (failed) {
            return failed;
        }
        if (wanted == '\n') {
            (void)puts("done");
            (void)fflush(stdout);
        }
    }
    return 0;
}
