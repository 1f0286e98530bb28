#include "cache_words.h"

#include <string.h>

#include "crypto/digest.h"

struct stored_content stored(struct service_fixture *f, size_t length, unsigned seed)
{
    struct resumable_request wish = wish_of(f, SESSION_TUS, length);
    const char *content = wav(f, length, seed);
    struct stored_content out = {.size = length};
    struct uuid session = begin(f, &wish);
    struct ingest_outcome outcome;
    uint8_t digest[SHA256_BYTES];
    struct error err;

    check_brought(f, session, content, length);
    check_ok(resumable_finish(f->app, f->workspace, session, f->mem, &outcome, &err));
    sha256_of(content, length, digest);
    hex_encode(digest, sizeof digest, out.sha256);
    out.id = outcome.upload.id;
    return out;
}

struct cache_key key_of(struct service_fixture *f, const struct stored_content *content,
                        const char *options)
{
    struct cache_key key;
    struct error err;

    check_ok(cache_key_make(f->workspace, content->sha256, "transcription", str_from(options), &key,
                            &err));
    return key;
}

bool put(struct service_fixture *f, const struct cache_key *key, const char *text,
         struct error *err)
{
    struct cache_wish wish = {.key = key, .data = str_from(text), .processing_time_ms = 1000};
    struct cache_entry entry;

    return cache_put(f->app, &wish, &entry, err);
}

void check_put(struct service_fixture *f, const struct cache_key *key, const char *text)
{
    struct error err;

    check_ok(put(f, key, text, &err));
}

const char *got(struct service_fixture *f, const struct cache_key *key)
{
    struct cache_result result;
    struct error err;
    bool found;

    check_ok(cache_find(f->app, key, f->mem, &found, &result, &err));
    if (!found)
        return NULL;
    assert_int_equal(result.data.len, strlen(result.data.ptr));
    assert_int_equal(result.data.len, result.entry.data_bytes);
    return result.data.ptr;
}

struct cache_figures figures(struct service_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct cache_figures *types;
    struct error err;
    size_t count;

    check_ok(database_read(f->app->database, &db, &err));
    check_ok(cache_figures_of(db, f->workspace, f->mem, &types, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(types[i].type, "transcription") == 0)
            return types[i];
    return (struct cache_figures){0};
}
