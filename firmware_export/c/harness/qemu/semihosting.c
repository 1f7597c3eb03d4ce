/*
 * Files of the machine that QEMU runs on, by Arm semihosting: BKPT 0xAB with an operation in r0 and its arguments in r1.
 * Source: Arm, Semihosting for AArch32 and AArch64. Two files are open at a time, as harness_host.c needs.
 */
#include <stdio.h>
#include <string.h>

#include <stdint.h>

#include "semihosting.h"

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITE 0x05
#define SYS_READ 0x06
#define SYS_EXIT_EXTENDED 0x20
#define STOPPED_BY_APPLICATION 0x20026U
#define MODE_READ_BINARY 1U
#define MODE_WRITE_BINARY 5U

static FILE files[2];
static int opened;
static int asked;
FILE *const stdout = &files[1];

static int32_t call(int32_t operation, const void *arguments)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void semihosting_exit(uint32_t code)
{
    const uint32_t arguments[2] = {STOPPED_BY_APPLICATION, code};
    for (;;) {
        (void)call(SYS_EXIT_EXTENDED, arguments);
    }
}

FILE *fopen(const char *name, const char *mode)
{
    uint32_t length = 0;
    while (name[length] != '\0') {
        length++;
    }
    const uint32_t arguments[3] = {(uint32_t)(uintptr_t)name, mode[0] == 'r' ? MODE_READ_BINARY : MODE_WRITE_BINARY,
                                   length};
    FILE *file = &files[opened++ % 2];
    file->handle = (int)call(SYS_OPEN, arguments);
    file->failed = 0;
    return file->handle < 0 ? NULL : file;
}

/* Reads or writes; how many of the bytes it did. */
static size_t transfer(int32_t operation, const void *data, size_t bytes, FILE *file)
{
    const uint32_t arguments[3] = {(uint32_t)file->handle, (uint32_t)(uintptr_t)data, (uint32_t)bytes};
    const uint32_t left = (uint32_t)call(operation, arguments);
    file->failed |= operation == SYS_WRITE && left != 0;
    return bytes - left;
}

size_t fread(void *data, size_t size, size_t count, FILE *file)
{
    return transfer(SYS_READ, data, size * count, file) / size;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file)
{
    return transfer(SYS_WRITE, data, size * count, file) / size;
}

int ferror(FILE *file)
{
    return file->failed;
}

int fclose(FILE *file)
{
    const uint32_t arguments[1] = {(uint32_t)file->handle};
    return call(SYS_CLOSE, arguments) == 0 ? 0 : EOF;
}

int fflush(FILE *file)
{
    (void)file;
    return 0;
}

int puts(const char *text)
{
    (void)text;
    return 0;
}

/* One line, and then the end: a board runs one batch. */
int getchar(void)
{
    return asked++ == 0 ? '\n' : EOF;
}
