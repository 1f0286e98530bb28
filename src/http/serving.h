/* One connection in the hands of a worker: what has come is read, requests are run, and it is given
 * back when nothing more can be done. */
#ifndef HTTP_SERVING_H
#define HTTP_SERVING_H

#include "http/worker_state.h"

/* Serves a connection that the epoll told of until it has nothing more to say, unless another
 * worker has it. SAW_END: the epoll told of the client's end, which it does not tell twice. */
void serving_run(struct worker *worker, struct connection *connection, bool saw_end);

#endif
