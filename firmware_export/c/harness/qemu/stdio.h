/* The part of <stdio.h> that harness_host.c uses, on an emulated board: semihosting.c supplies the bodies. */
#ifndef EDGENET_HARNESS_STDIO_H
#define EDGENET_HARNESS_STDIO_H

#include <stddef.h>

#define EOF (-1)

typedef struct {
    int handle;
    int failed;
} FILE;

FILE *fopen(const char *name, const char *mode);
size_t fread(void *data, size_t size, size_t count, FILE *file);
size_t fwrite(const void *data, size_t size, size_t count, FILE *file);
int ferror(FILE *file);
int fclose(FILE *file);
int fflush(FILE *file);
int puts(const char *text);
int getchar(void);
extern FILE *const stdout;

#endif
