/* What processing made. */
#include <stdio.h>

#include "catalog/derived.h"
#include "service/verify_state.h"

static bool still_kept(struct verify *verify, const struct derived *file, bool *out)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct derived now;

    if (!database_read(verify->app->database, &db, verify->err))
        return false;
    *out = derived_at(db, file->storage_name, file->storage_path, mem, &now, verify->err);
    return *out || verify->err->kind == ERR_NOT_FOUND;
}

static bool check_derived(struct verify *verify, struct store *store, const struct derived *file)
{
    struct verify_finding finding = {VERIFY_MISSING, file->storage_name, file->storage_path,
                                     file->size, 0};
    struct store_object there;
    struct error err;
    bool is_right = true;

    if (store_head(store, file->storage_path, &there, &err)) {
        finding.found = there.size;
        finding.problem = there.size == file->size ? VERIFY_WRONG_BYTES : VERIFY_WRONG_SIZE;
        is_right = there.size == file->size;
        if (is_right && (verify->parts & VERIFY_CONTENT) &&
            !verify_digest_is(verify, store, file->storage_path, file->checksum_sha256, &is_right))
            return false;
    } else if (err.kind != ERR_NOT_FOUND) {
        *verify->err = err;
        return false;
    } else if (!still_kept(verify, file, &is_right)) {
        return false;
    } else {
        is_right = !is_right;
    }
    if (!is_right)
        verify_found(verify, finding);
    return true;
}

bool verify_derived(struct verify *verify, struct store *store)
{
    scoped(arena_release) struct arena *mem = arena_new();
    char after[STORE_KEY_MAX + 1] = "";
    struct derived *page;
    size_t count;

    do {
        scoped(db_release) struct db *db = NULL;

        arena_reset(mem);
        if (!database_read(verify->app->database, &db, verify->err) ||
            !derived_walk(db, store_name(store), after, VERIFY_PAGE, mem, &page, &count,
                          verify->err))
            return false;
        db_return(take(db));
        for (size_t i = 0; i < count; i++)
            if (!check_derived(verify, store, &page[i]))
                return false;
        if (count > 0)
            snprintf(after, sizeof after, "%s", page[count - 1].storage_path);
    } while (count == VERIFY_PAGE);
    return true;
}
