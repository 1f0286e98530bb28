#include <string.h>

#include "service/app.h"

static bool read_accept(const struct config *config, enum accept_policy *out, struct error *err)
{
    static const char *const names[] = {
        [ACCEPT_AUDIO] = "audio", [ACCEPT_MEDIA] = "media", [ACCEPT_ANY] = "any"};
    const char *text = config_text(config, "uploads", "accept");

    for (size_t i = 0; text && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum accept_policy)i;
            return true;
        }
    return error_set(err, ERR_INVALID, "uploads.accept: \"%s\" is not audio, media or any",
                     text ? text : "");
}

/* A limit that is not set is no limit. */
static struct quota_limit read_limit(const struct config *config, const char *key)
{
    bool set = config_text(config, "quota", key) != NULL;

    return set ? quota_limit_of(config_number(config, "quota", key)) : quota_unlimited();
}
