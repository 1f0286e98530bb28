#include "service/verify_state.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "catalog/cache.h"
#include "catalog/derived.h"
#include "catalog/garbage.h"
#include "catalog/job_lease.h"
#include "catalog/piece.h"
#include "catalog/session.h"
#include "catalog/upload.h"
#include "service/object_digest.h"

#define NAMES_PAGE 64

/* A stage outlives its session by the moment between a commit and the stage's removal; on a machine
 * that has too much to do that can be seconds. */
#define SECOND_LOOKS 150
#define SECOND_LOOK_MS 100

static const char *const problem_names[] = {[VERIFY_MISSING] = "missing",
                                            [VERIFY_WRONG_SIZE] = "wrong_size",
                                            [VERIFY_WRONG_BYTES] = "wrong_bytes",
                                            [VERIFY_UNEXPLAINED] = "unexplained",
                                            [VERIFY_USAGE] = "usage"};

const char *verify_problem_name(enum verify_problem problem)
{
    return problem_names[problem];
}

void verify_found(struct verify *verify, struct verify_finding finding)
{
    verify->totals->problems++;
    verify->report(verify->context, &finding);
}

/* ---- usage ---- */

static void check_figure(struct verify *verify, struct uuid workspace_id, uint64_t kept,
                         uint64_t summed)
{
    char id[UUID_TEXT_SIZE];

    if (kept == summed)
        return;
    uuid_format(workspace_id, id);
    verify_found(verify, (struct verify_finding){VERIFY_USAGE, NULL, id, summed, kept});
}

static bool verify_quota(struct verify *verify)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct quota_audit *audits;
    size_t count;

    if (!database_snapshot(verify->app->database, &db, verify->err) ||
        !quota_audit_all(db, mem, &audits, &count, verify->err))
        return false;
    for (size_t i = 0; i < count; i++) {
        check_figure(verify, audits[i].workspace_id, audits[i].current_storage_bytes,
                     audits[i].rows_storage_bytes);
        check_figure(verify, audits[i].workspace_id, audits[i].current_file_count,
                     audits[i].rows_file_count);
    }
    verify->totals->workspaces = count;
    return true;
}

static bool verify_cache(struct verify *verify)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct cache_audit *audits;
    size_t count;

    if (!database_snapshot(verify->app->database, &db, verify->err) ||
        !cache_audit_all(db, mem, &audits, &count, verify->err))
        return false;
    for (size_t i = 0; i < count; i++) {
        check_figure(verify, audits[i].workspace_id, audits[i].entries, audits[i].rows_entries);
        check_figure(verify, audits[i].workspace_id, audits[i].stored_bytes,
                     audits[i].rows_stored_bytes);
    }
    return true;
}

/* ---- objects against the catalog ---- */

/* The catalog's objects of one store in the order of their keys, a page at a time. */
struct walk {
    struct verify *verify;
    const char *name;    /* of the store */
    struct store *store; /* NULL: it is not configured */
    struct arena *mem;
    struct upload_object *page;
    size_t count, next;
    bool ended;
};

static bool fetch_page(struct walk *walk)
{
    scoped(db_release) struct db *db = NULL;
    scoped(arena_release) struct arena *before = walk->mem;
    const char *after = walk->count > 0 ? walk->page[walk->count - 1].storage_path : "";

    walk->mem = arena_new();
    walk->next = 0;
    if (!database_read(walk->verify->app->database, &db, walk->verify->err) ||
        !upload_objects(db, walk->name, after, VERIFY_PAGE, walk->mem, &walk->page, &walk->count,
                        walk->verify->err))
        return false;
    walk->ended = walk->count == 0;
    return true;
}

/* The object that comes next, NULL after the last. */
static bool peek(struct walk *walk, const struct upload_object **out)
{
    if (walk->next == walk->count && !walk->ended && !fetch_page(walk))
        return false;
    *out = walk->ended ? NULL : &walk->page[walk->next];
    return true;
}

static bool rows_at(struct walk *walk, const char *key, uint64_t *rows)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(walk->verify->app->database, &db, walk->verify->err) &&
           upload_count_sharing(db, walk->name, key, rows, walk->verify->err);
}

/* The catalog has an object that the walk through the store did not meet. */
static bool check_missing(struct walk *walk, const struct upload_object *object)
{
    struct store_object there;
    struct error err;
    uint64_t rows;

    if (walk->store && store_head(walk->store, object->storage_path, &there, &err))
        return true; /* it came while we walked */
    if (walk->store && err.kind != ERR_NOT_FOUND) {
        *walk->verify->err = err;
        return false;
    }
    if (!rows_at(walk, object->storage_path, &rows))
        return false;
    if (rows > 0)
        verify_found(walk->verify,
                     (struct verify_finding){VERIFY_MISSING, walk->name, object->storage_path,
                                             object->stored_bytes, 0});
    return true;
}

/* What may explain an object without a record. */
struct explanation {
    uint64_t rows;
    bool session, garbage, gone;
    bool derived, kept; /* a file that processing made, and whether its job is completed */
};

static bool find_derived(struct db *db, const char *name, const char *key, struct explanation *out,
                         struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct derived file;

    out->derived = derived_at(db, name, key, mem, &file, err);
    out->kept = out->derived && file.kept;
    return out->derived || err->kind == ERR_NOT_FOUND;
}

static bool explain(struct walk *walk, const char *key, struct explanation *out)
{
    const char *name = walk->name;
    struct error *err = walk->verify->err;
    struct store_object there;
    struct error missing;
    scoped(db_release) struct db *db = NULL;

    /* In the order in which things move on: from a session to a record, from there to garbage. */
    if (!database_snapshot(walk->verify->app->database, &db, err) ||
        !session_holds_path(db, name, key, &out->session, err) ||
        (!out->session && !piece_holds_path(db, name, key, &out->session, err)) ||
        !find_derived(db, name, key, out, err) ||
        !upload_count_sharing(db, name, key, &out->rows, err) ||
        !garbage_holds(db, name, key, &out->garbage, err))
        return false;
    out->gone = !store_head(walk->store, key, &there, &missing) && missing.kind == ERR_NOT_FOUND;
    return true;
}

static bool check_unknown(struct walk *walk, const struct store_object *object)
{
    struct verify_totals *totals = walk->verify->totals;
    struct explanation why = {0};

    if (!explain(walk, object->key, &why))
        return false;
    if (why.gone)
        return true;
    totals->objects++;
    totals->stored_bytes += object->size;
    if (why.rows > 0)
        totals->live_bytes += object->size;
    else if (why.garbage)
        totals->garbage_bytes += object->size;
    else if (why.kept)
        totals->derived_bytes += object->size;
    else if (why.session || why.derived)
        totals->staged_bytes += object->size;
    else
        verify_found(walk->verify, (struct verify_finding){VERIFY_UNEXPLAINED, walk->name,
                                                           object->key, 0, object->size});
    return true;
}

/* ---- content ---- */

bool verify_digest_is(struct verify *verify, struct store *store, const char *key,
                      const char *sha256, bool *out)
{
    *out = true;
    return object_digest_is(store, key, sha256, NULL, out, verify->err) ||
           verify->err->kind == ERR_NOT_FOUND;
}

static bool check_content(struct walk *walk, const struct upload_object *object)
{
    bool is_right;

    if (!verify_digest_is(walk->verify, walk->store, object->storage_path, object->sha256,
                          &is_right))
        return false;
    if (!is_right)
        verify_found(walk->verify,
                     (struct verify_finding){VERIFY_WRONG_BYTES, walk->name, object->storage_path,
                                             object->stored_bytes, object->stored_bytes});
    return true;
}

/* ---- the walk ---- */

/* The object is in the store and in the catalog. */
static bool check_known(struct walk *walk, const struct upload_object *record,
                        const struct store_object *object)
{
    struct verify_totals *totals = walk->verify->totals;

    totals->objects++;
    totals->stored_bytes += object->size;
    totals->saved_bytes += (record->rows - 1) * record->stored_bytes;
    if (record->live_rows == 0)
        totals->trash_bytes += object->size;
    else if (record->rows > 1)
        totals->shared_bytes += object->size;
    else
        totals->live_bytes += object->size;
    if (object->size != record->stored_bytes)
        verify_found(walk->verify,
                     (struct verify_finding){VERIFY_WRONG_SIZE, walk->name, object->key,
                                             record->stored_bytes, object->size});
    else if (walk->verify->parts & VERIFY_CONTENT)
        return check_content(walk, record);
    return true;
}

/* Steps over records whose keys come before KEY (NULL: all that are left): they are missing. */
static bool skip_before(struct walk *walk, const char *key, const struct upload_object **at)
{
    for (;;) {
        if (!peek(walk, at))
            return false;
        if (!*at || (key && strcmp((*at)->storage_path, key) >= 0))
            return true;
        if (!check_missing(walk, *at))
            return false;
        walk->next++;
    }
}

static bool visit_object(void *context, const struct store_object *object)
{
    struct walk *walk = context;
    const struct upload_object *record;
    bool ok;

    if (!skip_before(walk, object->key, &record)) {
        ok = false;
    } else if (record && strcmp(record->storage_path, object->key) == 0) {
        ok = check_known(walk, record, object);
        walk->next++;
    } else {
        ok = check_unknown(walk, object);
    }
    walk->verify->failed = !ok;
    return ok;
}

/* ---- stages ---- */

static bool stage_is_gone(struct store *store, const char *id)
{
    scoped(stage_release) struct stage *stage = NULL;
    struct error err;

    return !store_stage_open(store, id, &stage, &err) && err.kind == ERR_NOT_FOUND;
}

/* A session, a piece of one that is being stored, or the lease of a job. */
static bool stage_has_owner(struct verify *verify, const char *id_text, bool *has)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;

    *has = false;
    if (!database_read(verify->app->database, &db, verify->err))
        return false;
    if (!uuid_parse(str_from(id_text), &id))
        return job_holds_stage(db, id_text, has, verify->err);
    return session_exists(db, id, has, verify->err) &&
           (*has || piece_is_stored(db, id, has, verify->err));
}

/* Whether a stage without an owner goes away by itself. */
static bool goes_away(struct store *store, const char *id)
{
    const struct timespec pause = {.tv_nsec = SECOND_LOOK_MS * 1000000L};

    for (int i = 0; i < SECOND_LOOKS; i++) {
        if (stage_is_gone(store, id))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool visit_stage(void *context, const struct store_object *stage)
{
    struct walk *walk = context;
    struct verify_totals *totals = walk->verify->totals;
    bool has;

    if (!stage_has_owner(walk->verify, stage->key, &has)) {
        walk->verify->failed = true;
        return false;
    }
    if (!has && goes_away(walk->store, stage->key))
        return true;
    totals->stored_bytes += stage->size;
    if (has)
        totals->staged_bytes += stage->size;
    else
        verify_found(walk->verify, (struct verify_finding){VERIFY_UNEXPLAINED, walk->name,
                                                           stage->key, 0, stage->size});
    return true;
}

static bool verify_store(struct verify *verify, struct store *store)
{
    struct walk walk = {
        .verify = verify, .name = store_name(store), .store = store, .mem = arena_new()};
    const struct upload_object *left;
    bool ok;

    ok = store_list(store, "", NULL, visit_object, &walk, verify->err) && !verify->failed &&
         skip_before(&walk, NULL, &left) &&
         store_list_stages(store, visit_stage, &walk, verify->err) && !verify->failed &&
         verify_derived(verify, store);
    arena_free(walk.mem);
    return ok;
}

/* ---- stores that the configuration has lost ---- */

/* Whoever asks for one of its objects gets nothing: all of them are missing. */
static bool verify_lost_store(struct verify *verify, const char *name)
{
    struct walk walk = {.verify = verify, .name = name, .mem = arena_new()};
    const struct upload_object *left;
    bool ok = skip_before(&walk, NULL, &left);

    arena_free(walk.mem);
    return ok;
}

static bool store_names(struct verify *verify, const char *after, struct arena *mem,
                        const char ***names, size_t *count)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(verify->app->database, &db, verify->err) &&
           upload_store_names(db, after, NAMES_PAGE, mem, names, count, verify->err);
}

static bool verify_lost_stores(struct verify *verify)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *after = "", **names;
    size_t count;

    do {
        if (!store_names(verify, after, mem, &names, &count))
            return false;
        for (size_t i = 0; i < count; i++) {
            after = names[i];
            if (!app_store(verify->app, names[i]) && !verify_lost_store(verify, names[i]))
                return false;
        }
    } while (count == NAMES_PAGE);
    return true;
}

bool verify_run(struct app *app, unsigned parts,
                void (*report)(void *context, const struct verify_finding *finding), void *context,
                struct verify_totals *totals, struct error *err)
{
    struct verify verify = {app, parts, report, context, totals, err, false};

    *totals = (struct verify_totals){0};
    if ((parts & VERIFY_QUOTA) && (!verify_quota(&verify) || !verify_cache(&verify)))
        return false;
    if (!(parts & (VERIFY_STORES | VERIFY_CONTENT)))
        return true;
    for (size_t i = 0; i < app->store_count; i++)
        if (!verify_store(&verify, app->stores[i]))
            return false;
    return verify_lost_stores(&verify) && verify_sessions(&verify);
}
