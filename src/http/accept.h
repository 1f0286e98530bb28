/* New connections: taken, or turned away where there are too many. Private. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "http/engine.h"

/* Accepts what waits at LISTENER, which an event was for, and arms it again; without descriptors
 * left the supervisor does so a little later. */
void accept_from(struct http_server *server, struct listener *listener);

#endif
