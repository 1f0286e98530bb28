/* Lists of objects and of unfinished uploads, a page at a time. */
#include <stdio.h>
#include <string.h>

#include "store/s3.h"

#define SOON_MS 5000 /* for giving up a transfer while somebody waits */

/* ---- objects ---- */

struct listing {
    struct s3_store *self;
    const char *prefix; /* with the store's */
    char after[S3_KEY_MAX + 1];
    bool (*visit)(void *context, const struct store_object *object);
    void *context;
    bool goes_on;
};

static bool ask_page(const struct listing *listing, struct arena *mem, struct s3_page *out,
                     struct error *err)
{
    struct s3_field query[] = {{"list-type", "2"},
                               {"encoding-type", "url"},
                               {"prefix", listing->prefix},
                               {"start-after", listing->after}};
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {
        .method = "GET", .query = query, .query_count = listing->after[0] ? 4 : 3};

    s3_reply_init(&reply);
    if (!s3_call(listing->self->client, &call, &reply, err))
        return false;
    return s3_xml_objects(reply.text.length ? reply.text.bytes : "", reply.text.length, mem, out,
                          err);
}

/* Out of order, a merge with the catalog would take what is there for lost. */
static bool check_order(const struct listing *listing, const char *key, struct error *err)
{
    return (strlen(key) <= S3_KEY_MAX &&
            strncmp(key, listing->prefix, strlen(listing->prefix)) == 0 &&
            strcmp(key, listing->after) > 0) ||
           error_set(err, ERR_UNAVAILABLE, "the provider lists keys out of order");
}

static bool visit_page(struct listing *listing, const struct s3_page *page, struct error *err)
{
    size_t length = strlen(listing->self->settings.prefix);

    for (size_t i = 0; listing->goes_on && i < page->count; i++) {
        const struct s3_entry *entry = &page->entries[i];
        struct store_object object = {
            .key = entry->key + length, .size = entry->size, .modified_us = entry->modified_us};

        if (!check_order(listing, entry->key, err))
            return false;
        snprintf(listing->after, sizeof listing->after, "%s", entry->key);
        if (!s3_is_own_name(object.key))
            listing->goes_on = listing->visit(listing->context, &object);
    }
    listing->goes_on = listing->goes_on && page->is_cut;
    return true;
}

bool s3_list(struct store *store, const char *prefix, const char *after,
             bool (*visit)(void *context, const struct store_object *object), void *context,
             struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct s3_store *self = s3_store(store);
    struct listing listing = {.self = self, .visit = visit, .context = context, .goes_on = true};
    struct s3_page page;

    listing.prefix = arena_printf(mem, "%s%s", self->settings.prefix, prefix);
    if (after && *after)
        snprintf(listing.after, sizeof listing.after, "%s%s", self->settings.prefix, after);
    if (!s3_marker_check(self, 0, err))
        return false;
    while (listing.goes_on) {
        scoped(arena_release) struct arena *page_mem = arena_new();

        if (!ask_page(&listing, page_mem, &page, err) || !visit_page(&listing, &page, err))
            return false;
    }
    /* What was emptied meanwhile must not pass for a short list. */
    return s3_marker_check(self, 0, err);
}

/* ---- unfinished uploads ---- */

struct markers {
    char key[S3_KEY_MAX + 1];
    char upload_id[S3_UPLOAD_ID_MAX + 1];
};

static bool ask_uploads(struct s3_store *self, const struct markers *after, struct arena *mem,
                        struct s3_page *out, struct error *err)
{
    struct s3_field query[] = {{"uploads", ""},
                               {"encoding-type", "url"},
                               {"prefix", self->settings.prefix},
                               {"key-marker", after->key},
                               {"upload-id-marker", after->upload_id}};
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {.method = "GET", .query = query, .query_count = after->key[0] ? 5 : 3};

    s3_reply_init(&reply);
    if (!s3_call(self->client, &call, &reply, err))
        return false;
    return s3_xml_uploads(reply.text.length ? reply.text.bytes : "", reply.text.length, mem, out,
                          err);
}

bool s3_list_unfinished(struct store *store,
                        bool (*visit)(void *context, const struct store_unfinished *transfer),
                        void *context, struct error *err)
{
    struct s3_store *self = s3_store(store);
    size_t length = strlen(self->settings.prefix);
    struct markers after = {"", ""};
    struct s3_page page = {.is_cut = true};

    if (!s3_marker_check(self, 0, err))
        return false;
    while (page.is_cut) {
        scoped(arena_release) struct arena *mem = arena_new();

        if (!ask_uploads(self, &after, mem, &page, err))
            return false;
        for (size_t i = 0; i < page.count; i++) {
            const struct s3_entry *entry = &page.entries[i];
            struct store_unfinished found = {entry->key + length, entry->upload_id,
                                             entry->modified_us};

            if (strlen(entry->key) > S3_KEY_MAX ||
                strncmp(entry->key, self->settings.prefix, length) != 0)
                return error_set(err, ERR_UNAVAILABLE, "the provider lists what was not asked for");
            snprintf(after.key, sizeof after.key, "%s", entry->key);
            snprintf(after.upload_id, sizeof after.upload_id, "%s", entry->upload_id);
            if (!visit(context, &found))
                return true;
        }
    }
    return true;
}

/* WITHIN_MS as in struct s3_call. */
static bool give_up(struct s3_store *self, const char *key, const char *id, uint64_t within_ms,
                    struct error *err)
{
    const struct s3_field query[] = {{"uploadId", id}};
    scoped(s3_reply_done) struct s3_reply reply;
    struct s3_call call = {
        .method = "DELETE", .key = key, .query = query, .query_count = 1, .within_ms = within_ms};

    s3_reply_init(&reply);
    if (!s3_call(self->client, &call, &reply, err))
        return false;
    return (reply.status >= 200 && reply.status < 300) || reply.status == 404 ||
           error_set(err, ERR_UNAVAILABLE, "the provider answered %ld", reply.status);
}

void s3_abort_soon(struct s3_store *self, const char *key, const char *id)
{
    struct error ignored;

    (void)give_up(self, key, id, SOON_MS, &ignored);
}

bool s3_abort_unfinished(struct store *store, const char *key, const char *id, struct error *err)
{
    char full[S3_KEY_MAX + 1];

    return s3_full_key(s3_store(store), key, full, err) &&
           give_up(s3_store(store), full, id, 0, err);
}
