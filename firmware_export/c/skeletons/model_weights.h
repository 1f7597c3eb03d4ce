/*<banner*/ /* A network as C. */ /*>*/
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include <stdint.h>

/*<declarations*/ extern const int8_t model_op0_weights[1]; /*>*/

#endif /* MODEL_WEIGHTS_H */
