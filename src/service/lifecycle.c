#include "service/lifecycle.h"

#include <string.h>

#include "base/scoped.h"
#include "base/str.h"

#define UPLOADS_PREFIX "uploads/"
#define DAYS_MAX 36500

struct store_lifecycle lifecycle_default(void)
{
    return (struct store_lifecycle){
        .prefix = UPLOADS_PREFIX,
        .transitions = {{30, "STANDARD_IA"}, {90, "GLACIER"}, {365, "DEEP_ARCHIVE"}},
        .count = 3};
}

static bool is_class(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < STORE_CLASS_SIZE &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/* "30:STANDARD_IA" */
static bool read_transition(const char *text, struct arena *mem, struct store_transition *out)
{
    const char *colon = strchr(text, ':');
    uint64_t days;

    if (!colon || !is_class(colon + 1) ||
        !str_to_u64((struct str){text, (size_t)(colon - text)}, DAYS_MAX, &days))
        return false;
    *out = (struct store_transition){(unsigned)days, arena_strdup(mem, colon + 1)};
    return true;
}

bool lifecycle_parse(const char *text, struct arena *mem, struct store_lifecycle *out,
                     struct error *err)
{
    struct store_lifecycle found = {.prefix = UPLOADS_PREFIX};

    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        struct store_transition *next = &found.transitions[found.count];

        if (found.count == STORE_TRANSITIONS_MAX ||
            !read_transition(arena_strndup(mem, at, length), mem, next) ||
            (found.count > 0 && next->days <= next[-1].days))
            return error_tell(err, ERR_INVALID,
                              "transitions are like 30:STANDARD_IA,90:GLACIER, each later than the "
                              "one before, %d at most",
                              STORE_TRANSITIONS_MAX);
        found.count++;
        at += length + (at[length] == ',');
    }
    if (found.count == 0)
        return error_tell(err, ERR_INVALID, "transitions are like 30:STANDARD_IA,90:GLACIER");
    *out = found;
    return true;
}

bool lifecycle_equals(const struct store_lifecycle *one, const struct store_lifecycle *other)
{
    if (one->count != other->count || (one->count > 0 && strcmp(one->prefix, other->prefix) != 0))
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (one->transitions[i].days != other->transitions[i].days ||
            strcmp(one->transitions[i].storage_class, other->transitions[i].storage_class) != 0)
            return false;
    return true;
}

bool lifecycle_apply(struct store *store, const struct store_lifecycle *wanted, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct store_lifecycle found;

    return store_lifecycle_write(store, wanted, err) &&
           store_lifecycle_read(store, mem, &found, err) &&
           (lifecycle_equals(&found, wanted) ||
            error_tell(err, ERR_UNAVAILABLE,
                       "the provider has another lifecycle than the one that it was given"));
}
