/*<banner*/ /* A network as C. */ /*>*/
/* Runs golden vectors through the network and compares every byte. Exit code 0 when all are equal. */
#include <stdio.h>
#include <string.h>

#include "model.h"

#define VECTORS /*<vectors*/ 1 /*>*/

/*<tables*/
static const int8_t input[VECTORS][MODEL_INPUT_SIZE] = {{0}};
static const int8_t golden[VECTORS][MODEL_OUTPUT_SIZE] = {{0}};
static int8_t output[MODEL_OUTPUT_SIZE];
/*>*/

int main(void)
{
    int exact = 0;
    for (int i = 0; i < VECTORS; i++) {
/*<check*/
        model_run(input[i], output);
        exact += memcmp(output, golden[i], sizeof output) == 0;
/*>*/
    }
    printf(/*<name*/ "model" /*>*/ ": %d of %d golden vectors bit-exact\n", exact, VECTORS);
    return exact == VECTORS ? 0 : 1;
}
