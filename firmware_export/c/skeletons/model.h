/*<banner*/ /* A network as C. */ /*>*/
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The arena holds what the layers pass on to each other; it is a static buffer. To place it yourself, compile with
 * MODEL_EXTERNAL_ARENA defined, and define the pointer below: to MODEL_ARENA_BYTES bytes,
 * at an address that MODEL_ARENA_ALIGNMENT divides. */
#define MODEL_ARENA_BYTES /*<arena_bytes*/ 0 /*>*/
#define MODEL_ARENA_ALIGNMENT /*<arena_alignment*/ 4 /*>*/
#define MODEL_WEIGHTS_BYTES /*<weights_bytes*/ 0 /*>*/
#define MODEL_MACS /*<macs*/ 0 /*>*//*<state_bytes*/ /*>*/

/* Inputs and outputs: real = SCALE * (q - ZERO_POINT). */
/*<tensors*/
#define MODEL_INPUT_SIZE 1
#define MODEL_OUTPUT_SIZE 1
/*>*/

/*<labels*/ /* extern const char *const model_labels[]; */ /*>*/
#ifdef MODEL_EXTERNAL_ARENA
extern int8_t *const model_arena;
#endif

/* Runs the network once. The buffers hold SIZE elements each and must not overlap. There is one arena, so one call
 * has to end before the next begins. */
void model_run(/*<run_parameters*/ const int8_t *input, int8_t *output /*>*/);/*<reset*/ /*>*/

#ifdef MODEL_TAP
/* Yours: called with each operator's output, in order. op is the operator's index in the .tflite. */
void model_tap(int op, const void *data, size_t bytes);
#endif

#ifdef __cplusplus
}
#endif

#endif /* MODEL_H */
