/*<banner*/ /* A network as C. */ /*>*/
#include "model_weights.h"

#include "model.h"

/*<tables*/ const int8_t model_op0_weights[1] = {0}; /*>*/
