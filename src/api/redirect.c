#include "api/redirect.h"

#include <string.h>

bool redirect_suits(const struct request *req, const struct store *store)
{
    const char *range = request_header(req, "Range");

    return store_gives_links(store) && req->method == METHOD_GET &&
           !request_header(req, "If-Match") && !request_header(req, "If-Unmodified-Since") &&
           !request_header(req, "If-Range") && !(range && strchr(range, ','));
}

bool redirect_send(struct request *req, struct store *store, const char *key,
                   const struct store_link *wish, const char *etag, int64_t modified_us,
                   struct response *res, struct error *err)
{
    const struct validators validators = {.exists = true, .etag = etag, .modified_us = modified_us};
    struct conditions conditions;
    const char *link;

    request_conditions(req, &conditions);
    response_header(res, "Cache-Control", "private, no-store");
    if (conditions_evaluate(&conditions, &validators, true) == CONDITION_NOT_MODIFIED) {
        response_header(res, "ETag", etag);
        return response_empty(res, 304, err);
    }
    if (!store_link(store, key, wish, req->mem, &link, err))
        return false;
    response_header(res, "Location", link);
    return response_empty(res, 307, err);
}
