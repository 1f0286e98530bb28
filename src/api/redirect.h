/* Downloads that go to the store's provider itself: an answer with a link in place of the bytes. */
#ifndef API_REDIRECT_H
#define API_REDIRECT_H

#include "http/request.h"
#include "http/response.h"
#include "store/store.h"

/*
 * Whether REQ, whose caller may read the object, is to be sent to the provider of STORE: a GET of a
 * store that is configured so, of the whole or of one range. What has a precondition on our ETag is
 * not, as the provider has another: If-Match, If-Unmodified-Since and If-Range. If-None-Match and
 * If-Modified-Since are judged by redirect_send.
 */
bool redirect_suits(const struct request *req, const struct store *store);
/*
 * Answers 307 with a link to the object KEY, by which the provider gives it with WISH's headers;
 * 304 if the request has ETAG or what was modified at MODIFIED_US. The link holds for a short while
 * and must not be kept: it opens the content to whoever has it.
 */
bool redirect_send(struct request *req, struct store *store, const char *key,
                   const struct store_link *wish, const char *etag, int64_t modified_us,
                   struct response *res, struct error *err);

#endif
