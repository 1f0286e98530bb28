/* Idempotency-Key for routes that make one thing out of a JSON object: the same request makes it
 * once, however often it is sent. */
#ifndef API_IDEMPOTENT_H
#define API_IDEMPOTENT_H

#include <jansson.h>

#include "api/endpoint.h"
#include "catalog/idempotency.h"

/*
 * What idempotency_claim() takes for a request whose BODY makes the thing RESOURCE_ID. Requests
 * with one key are the same if route and body say the same; the key is NULL if there is none. Text
 * lives in the request's memory. Fails with ERR_INVALID if the key is malformed.
 */
bool idempotent_entry(struct request *req, const struct caller *who, const json_t *body,
                      struct uuid resource_id, struct idempotency *out, struct error *err);

#endif
