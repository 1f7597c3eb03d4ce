/*<banner*/ /* A network as C. */ /*>*/
#include "model.h"

/*<kernel_headers*/
#include "edgenet_nn.h"
/*>*/
#include "model_weights.h"

/*<arena*/
#ifdef MODEL_EXTERNAL_ARENA
#define ARENA model_arena
#else
static int32_t arena_words[1];
#define ARENA ((int8_t *)arena_words)
#endif
/*>*//*<state*/ /*>*/

#ifdef MODEL_TAP
#define TAP(op, data, bytes) model_tap((op), (data), (bytes))
#else
#define TAP(op, data, bytes) ((void)0)
#endif

/*<params*/ /* One structure of parameters for each kernel call. */ /*>*//*<reset*/ /*>*/

void model_run(/*<run_parameters*/ const int8_t *input, int8_t *output /*>*/)
{
/*<calls*/
    (void)ARENA;
    (void)input;
    (void)output;
    TAP(0, output, 0);
/*>*/
}
