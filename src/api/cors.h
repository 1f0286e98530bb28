/*
 * Which pages of other origins a browser lets use the API (Fetch standard, "CORS protocol"): those
 * that [server] cors_origins names. The API has no cookies, so credentials are never allowed; a
 * page sends its token like any other client.
 */
#ifndef API_CORS_H
#define API_CORS_H

#include "base/config.h"
#include "http/request.h"
#include "http/response.h"

/* Fails with ERR_INVALID if [server] cors_origins is no list of origins. */
bool cors_check(const struct config *config, struct error *err);

/* Sets the headers that let the page read the answer to REQ, whatever it will be; and for a
 * preflight those that say what the page may send. Nothing for origins that are not named. */
void cors_before(const struct request *req, const struct config *config, struct response *res);

#endif
