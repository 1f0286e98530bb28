/* The routes of the API, each with who may call it. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include <stddef.h>

#include "api/endpoint.h"
#include "http/router.h"

/* The table; the `extra` of each route is its struct endpoint. */
const struct route *routes_table(size_t *count);

/* For http_options.before: what holds for all routes. */
void routes_before(struct request *req, struct response *res);

#endif
