#include "api/idempotent.h"

#include <stdlib.h>

#include "api/receive.h"
#include "base/str.h"
#include "crypto/digest.h"

static inline void text_release(char **variable)
{
    free(*variable);
}

/* Of the route and the body; members may come in any order. */
static const char *fingerprint(struct request *req, const json_t *body)
{
    scoped(text_release) char *text = json_dumps(body, JSON_SORT_KEYS | JSON_COMPACT);
    const char *whole = arena_printf(req->mem, "%s\n%s", req->route->path, text);
    char *hex = arena_alloc(req->mem, HEX_SIZE(SHA256_BYTES));
    uint8_t hash[SHA256_BYTES];

    sha256_of(whole, strlen(whole), hash);
    hex_encode(hash, sizeof hash, hex);
    return hex;
}

bool idempotent_entry(struct request *req, const struct caller *who, const json_t *body,
                      struct uuid resource_id, struct idempotency *out, struct error *err)
{
    struct idempotency entry = {.workspace_id = who->workspace_id,
                                .user_id = who->user_id,
                                .resource_id = resource_id,
                                .created_at_us = app_now_us(req->app)};

    if (!receive_idempotency_key(req, &entry.key, err))
        return false;
    if (entry.key)
        entry.fingerprint = fingerprint(req, body);
    *out = entry;
    return true;
}
