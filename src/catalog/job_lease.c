#include "catalog/job_lease.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "catalog/rows.h"

#define NO_LIMIT UINT64_MAX

/* A job that could be leased. */
struct candidate {
    struct uuid id, workspace_id, upload_id;
    size_t wanted; /* which of the request */
    int32_t priority;
    int64_t run_after_us;
};

/* What one lease looks through. */
struct search {
    struct db *db;
    const struct job_lease_request *request;
    struct arena *mem;
    bool taking; /* what is found is about to be leased */
    struct job_pause *pauses;
    size_t pause_count;
    uint64_t *room; /* of each wanted kind: how many more may be leased */
    struct candidate *found;
    size_t found_count, found_room;
};

/* ---- limits ---- */

static bool is_paused(const struct search *search, const char *kind, struct uuid workspace_id)
{
    for (size_t i = 0; i < search->pause_count; i++)
        if (strcmp(search->pauses[i].kind, kind) == 0 &&
            uuid_equal(search->pauses[i].workspace_id, workspace_id))
            return true;
    return false;
}

static bool is_paused_everywhere(const struct search *search, const char *kind)
{
    return is_paused(search, kind, (struct uuid){{0}});
}

static bool is_paused_somewhere(const struct search *search, const char *kind)
{
    for (size_t i = 0; i < search->pause_count; i++)
        if (strcmp(search->pauses[i].kind, kind) == 0)
            return true;
    return false;
}

static bool left_of(uint32_t most, struct db *db, enum sql_id counting, const struct db_value *args,
                    size_t arg_count, uint64_t *out, struct error *err)
{
    uint64_t leased;

    *out = NO_LIMIT;
    if (most == 0)
        return true;
    if (!rows_count(db, counting, args, arg_count, &leased, err))
        return false;
    *out = leased < most ? most - leased : 0;
    return true;
}

static bool room_of_kind(const struct search *search, const struct job_wanted *wanted,
                         uint64_t *out, struct error *err)
{
    *out = 0;
    return is_paused_everywhere(search, wanted->kind) ||
           left_of(wanted->most, search->db, SQL_JOB_LEASED_COUNT, DB_ARGS(db_text(wanted->kind)),
                   out, err);
}

static bool room_of_workspace(const struct search *search, const struct job_wanted *wanted,
                              struct uuid workspace_id, uint64_t *out, struct error *err)
{
    *out = 0;
    return is_paused(search, wanted->kind, workspace_id) ||
           left_of(wanted->most_each, search->db, SQL_JOB_LEASED_COUNT_WORKSPACE,
                   DB_ARGS(db_text(wanted->kind), db_uuid(workspace_id)), out, err);
}

static size_t at_most(size_t count, uint64_t room)
{
    return room < count ? (size_t)room : count;
}

/* ---- candidates ---- */

static struct candidate *add_candidate(struct search *search)
{
    if (search->found_count == search->found_room) {
        size_t room = search->found_room ? 2 * search->found_room : 64;
        struct candidate *more = arena_array(search->mem, room, sizeof *more);

        if (search->found_count > 0)
            memcpy(more, search->found, search->found_count * sizeof *more);
        search->found = more;
        search->found_room = room;
    }
    return &search->found[search->found_count++];
}

static bool add_rows(struct search *search, size_t wanted, int32_t priority, struct db_rows *rows,
                     struct error *err)
{
    while (db_next(rows))
        *add_candidate(search) = (struct candidate){.id = db_column_uuid(rows, 0),
                                                    .workspace_id = db_column_uuid(rows, 1),
                                                    .upload_id = db_column_uuid(rows, 2),
                                                    .wanted = wanted,
                                                    .priority = priority,
                                                    .run_after_us = db_column_time(rows, 3)};
    return db_rows_ok(rows, err);
}

/* *FOUND is false when nothing of a lower priority is pending. WORKSPACE may be NULL: any. */
static bool next_priority(struct search *search, const char *kind, const struct uuid *workspace,
                          int64_t *priority, bool *found, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (workspace
            ? !db_query(search->db, SQL_JOB_WORKSPACE_PRIORITY_BELOW,
                        DB_ARGS(db_text(kind), db_uuid(*workspace), db_int(*priority)), &rows, err)
            : !db_query(search->db, SQL_JOB_PRIORITY_BELOW,
                        DB_ARGS(db_text(kind), db_int(*priority)), &rows, err))
        return false;
    *found = db_next(rows);
    if (*found)
        *priority = db_column_int(rows, 0);
    return db_rows_ok(rows, err);
}

static bool add_due(struct search *search, size_t wanted, const struct uuid *workspace,
                    int64_t priority, size_t limit, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    const char *kind = search->request->wanted[wanted].kind;
    int64_t due_us = search->request->now_us + search->request->early_us;

    if (workspace
            ? !db_query(search->db,
                        search->taking ? SQL_JOB_TAKE_WORKSPACE_DUE : SQL_JOB_WORKSPACE_DUE,
                        DB_ARGS(db_text(kind), db_uuid(*workspace), db_int(priority),
                                db_time(due_us), db_int(limit)),
                        &rows, err)
            : !db_query(search->db, search->taking ? SQL_JOB_TAKE_DUE : SQL_JOB_DUE,
                        DB_ARGS(db_text(kind), db_int(priority), db_time(due_us), db_int(limit)),
                        &rows, err))
        return false;
    return add_rows(search, wanted, (int32_t)priority, rows, err);
}

/* The first LIMIT due ones of a kind, priority by priority: those that wait for their retry stand
 * behind the due ones of their priority, so none is stepped over. */
static bool search_kind(struct search *search, size_t wanted, const struct uuid *workspace,
                        size_t limit, struct error *err)
{
    const char *kind = search->request->wanted[wanted].kind;
    size_t end = search->found_count + limit;
    int64_t priority = INT32_MAX;
    bool more = limit > 0;

    while (search->found_count < end) {
        if (!next_priority(search, kind, workspace, &priority, &more, err))
            return false;
        if (!more)
            return true;
        if (!add_due(search, wanted, workspace, priority, end - search->found_count, err))
            return false;
    }
    return true;
}

static bool search_workspace(struct search *search, size_t wanted, struct uuid workspace_id,
                             struct error *err)
{
    uint64_t room;

    if (!room_of_workspace(search, &search->request->wanted[wanted], workspace_id, &room, err))
        return false;
    if (search->room[wanted] < room)
        room = search->room[wanted];
    return search_kind(search, wanted, &workspace_id, at_most(search->request->count, room), err);
}

/* *AFTER becomes the next workspace with something of the kind. */
static bool next_workspace(struct search *search, const char *kind, struct uuid *after, bool *found,
                           struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(search->db, SQL_JOB_WORKSPACE_BEHIND, DB_ARGS(db_text(kind), db_uuid(*after)),
                  &rows, err))
        return false;
    *found = db_next(rows);
    if (*found)
        *after = db_column_uuid(rows, 0);
    return db_rows_ok(rows, err);
}

static bool search_each_workspace(struct search *search, size_t wanted, struct error *err)
{
    struct uuid workspace = {{0}};
    bool found;

    for (;;) {
        if (!next_workspace(search, search->request->wanted[wanted].kind, &workspace, &found, err))
            return false;
        if (!found)
            return true;
        if (!search_workspace(search, wanted, workspace, err))
            return false;
    }
}

static bool search_wanted(struct search *search, size_t wanted, struct error *err)
{
    const struct job_wanted *kind = &search->request->wanted[wanted];

    if (!room_of_kind(search, kind, &search->room[wanted], err))
        return false;
    if (search->room[wanted] == 0)
        return true;
    if (!uuid_is_nil(search->request->workspace_id))
        return search_workspace(search, wanted, search->request->workspace_id, err);
    if (kind->most_each > 0 || is_paused_somewhere(search, kind->kind))
        return search_each_workspace(search, wanted, err);
    return search_kind(search, wanted, NULL, at_most(search->request->count, search->room[wanted]),
                       err);
}

static int by_urgency(const void *one, const void *other)
{
    const struct candidate *a = one, *b = other;

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->run_after_us != b->run_after_us)
        return a->run_after_us < b->run_after_us ? -1 : 1;
    return memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes);
}

/* All that might be leased, the most urgent first: more than are wanted, where there are several
 * kinds or workspaces. */
static bool find_candidates(struct search *search, struct error *err)
{
    if (!job_pauses(search->db, search->mem, &search->pauses, &search->pause_count, err))
        return false;
    search->room = arena_array(search->mem, search->request->wanted_count, sizeof *search->room);
    for (size_t i = 0; i < search->request->wanted_count; i++)
        if (!search_wanted(search, i, err))
            return false;
    if (search->found_count > 0)
        qsort(search->found, search->found_count, sizeof *search->found, by_urgency);
    return true;
}

bool job_is_due(struct db *db, const struct job_lease_request *request, bool *out,
                struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct job_lease_request one = *request;
    struct search search = {.db = db, .request = &one, .mem = mem};

    one.count = 1;
    if (!find_candidates(&search, err))
        return false;
    *out = search.found_count > 0;
    return true;
}

/* ---- companions ---- */

static bool in_wanted_order(const struct candidate *a, const struct candidate *b)
{
    return a->wanted != b->wanted ? a->wanted < b->wanted : by_urgency(a, b) <= 0;
}

static void sort_companions(struct search *search)
{
    for (size_t i = 1; i < search->found_count; i++)
        for (size_t j = i; j > 0 && !in_wanted_order(&search->found[j - 1], &search->found[j]);
             j--) {
            struct candidate moved = search->found[j];

            search->found[j] = search->found[j - 1];
            search->found[j - 1] = moved;
        }
}

static bool add_companions_of(struct search *search, const struct candidate *lead, size_t wanted,
                              struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    const struct job_wanted *kind = &search->request->wanted[wanted];
    uint64_t room;

    if (search->room[wanted] == 0)
        return true;
    if (!room_of_workspace(search, kind, lead->workspace_id, &room, err))
        return false;
    if (search->room[wanted] < room)
        room = search->room[wanted];
    return db_query(search->db, SQL_JOB_TAKE_COMPANIONS,
                    DB_ARGS(db_uuid(lead->upload_id), db_text(kind->kind),
                            db_time(search->request->now_us + search->request->early_us),
                            db_int(room == 0 ? 0 : 1), db_uuid(lead->id)),
                    &rows, err) &&
           add_rows(search, wanted, 0, rows, err);
}

/* Leaves the most urgent job, with one due job of each other kind of its group for the same upload.
 */
static bool keep_lead_and_companions(struct search *search, struct error *err)
{
    const struct job_lease_request *request = search->request;
    const char *group = request->wanted[search->found[0].wanted].group;
    struct candidate lead = search->found[0];

    search->found_count = 1;
    if (!group || uuid_is_nil(lead.upload_id))
        return true;
    for (size_t i = 0; i < request->wanted_count; i++)
        if (i != lead.wanted && request->wanted[i].group &&
            strcmp(request->wanted[i].group, group) == 0 &&
            !add_companions_of(search, &lead, i, err))
            return false;
    sort_companions(search);
    return true;
}

/* ---- leasing ---- */

static bool lease_one(struct search *search, const struct candidate *candidate, struct job *out,
                      struct error *err)
{
    const struct job_lease_request *request = search->request;
    uint64_t changed;

    if (!db_execute(search->db, SQL_JOB_LEASE,
                    DB_ARGS(db_uuid(candidate->id), db_time(request->until_us),
                            db_text(request->worker), db_time(request->now_us)),
                    &changed, err))
        return false;
    assert(changed == 1); /* this transaction saw it pending, and there is no other */
    return job_by_id(search->db, candidate->workspace_id, candidate->id, search->mem, out, err);
}

/* Whether the limits, which hold for all candidates together, leave one more of this kind. */
static bool take_room(struct search *search, const struct candidate *candidate)
{
    if (search->room[candidate->wanted] == 0)
        return false;
    if (search->room[candidate->wanted] != NO_LIMIT)
        search->room[candidate->wanted]--;
    return true;
}

bool job_lease(struct db *tx, const struct job_lease_request *request, struct arena *mem,
               struct job **out, size_t *count, struct error *err)
{
    struct search search = {.db = tx, .request = request, .mem = mem, .taking = true};
    struct job *list;
    size_t most, n = 0;

    if (!find_candidates(&search, err) ||
        (request->count == 1 && search.found_count > 0 && !keep_lead_and_companions(&search, err)))
        return false;
    most = request->count == 1 || search.found_count < request->count ? search.found_count
                                                                      : request->count;
    list = arena_array(mem, most + 1, sizeof *list);
    for (size_t i = 0; i < search.found_count && n < most; i++)
        if (take_room(&search, &search.found[i]) &&
            !lease_one(&search, &search.found[i], &list[n++], err))
            return false;
    *out = list;
    *count = n;
    return true;
}

/* ---- holding ---- */

static bool lost(struct error *err)
{
    return error_tell(err, ERR_LEASE_LOST, "the lease ran out, or the job has ended");
}

/* They ended it, and did not hear so. */
static bool ended_by_holder(const struct job *job)
{
    return job->status == JOB_COMPLETED || job->status == JOB_FAILED || job->status == JOB_PENDING;
}

bool job_held(struct db *tx, struct uuid workspace_id, struct uuid id, int64_t token,
              int64_t now_us, struct arena *mem, struct job *out, bool *ended, struct error *err)
{
    struct job job;

    if (ended)
        *ended = false;
    if (!job_by_id(tx, workspace_id, id, mem, &job, err))
        return false;
    if (job.lease_token != token || token == 0)
        return lost(err);
    if (job.status == JOB_CANCELLED)
        return error_tell(err, ERR_JOB_CANCELLED, "the job was cancelled");
    if (job.status != JOB_LEASED && ended && ended_by_holder(&job))
        *ended = true;
    else if (job.status != JOB_LEASED || job.lease_until_us <= now_us)
        return lost(err);
    *out = job;
    return true;
}

/* Runs a statement that changes the one leased job. */
static bool change(struct db *tx, enum sql_id statement, const struct db_value *args, size_t count,
                   struct error *err)
{
    uint64_t changed;

    if (!db_execute(tx, statement, args, count, &changed, err))
        return false;
    return changed == 1 || lost(err);
}

bool job_heartbeat(struct db *tx, const struct job *job, int64_t until_us, int32_t progress_milli,
                   struct error *err)
{
    return change(tx, SQL_JOB_HEARTBEAT,
                  DB_ARGS(db_uuid(job->id), db_time(until_us),
                          progress_milli < 0 ? db_null() : db_milli(progress_milli)),
                  err);
}

bool job_complete(struct db *tx, const struct job *job, const char *result, bool from_cache,
                  int64_t now_us, struct error *err)
{
    return change(tx, SQL_JOB_COMPLETE,
                  DB_ARGS(db_uuid(job->id), db_text(result), db_int(job_took_ms(job, now_us)),
                          db_time(now_us), db_bool(from_cache)),
                  err);
}

bool job_fail(struct db *tx, const struct job *job, const char *code, const char *message,
              int64_t now_us, struct error *err)
{
    return change(tx, SQL_JOB_FAIL,
                  DB_ARGS(db_uuid(job->id), db_text(code), db_text(message), db_time(now_us),
                          db_int(job_took_ms(job, now_us))),
                  err);
}

bool job_try_later(struct db *tx, const struct job *job, const char *code, const char *message,
                   int64_t after_us, struct error *err)
{
    return change(tx, SQL_JOB_TRY_LATER,
                  DB_ARGS(db_uuid(job->id), db_text(code), db_text(message), db_time(after_us)),
                  err);
}

bool job_give_back(struct db *tx, const struct job *job, struct error *err)
{
    return change(tx, SQL_JOB_GIVE_BACK, DB_ARGS(db_uuid(job->id)), err);
}

/* ---- stages ---- */

void job_stage_id(const struct job *job, uint32_t number, char id[JOB_STAGE_ID_SIZE])
{
    char text[UUID_TEXT_SIZE];

    uuid_format(job->id, text);
    snprintf(id, JOB_STAGE_ID_SIZE, "%s-%" PRId64 "-%" PRIu32, text, job->lease_token, number);
}

/* "JOB-TOKEN-NUMBER". */
static bool read_stage_id(const char *stage_id, struct uuid *job_id, uint64_t *token)
{
    const size_t length = UUID_TEXT_SIZE - 1;
    struct str rest = str_from(stage_id), part;

    if (rest.len <= length || stage_id[length] != '-' ||
        !uuid_parse((struct str){stage_id, length}, job_id))
        return false;
    rest = str_from(stage_id + length + 1);
    return str_split(&rest, '-', &part) && str_to_u64(part, INT64_MAX, token);
}

bool job_is_leased(struct db *db, struct uuid id, int64_t token, bool *out, struct error *err)
{
    uint64_t count;

    if (!rows_count(db, SQL_JOB_IS_LEASED, DB_ARGS(db_uuid(id), db_int(token)), &count, err))
        return false;
    *out = count > 0;
    return true;
}

bool job_holds_stage(struct db *db, const char *stage_id, bool *out, struct error *err)
{
    struct uuid job_id;
    uint64_t token;

    *out = false;
    return !read_stage_id(stage_id, &job_id, &token) ||
           job_is_leased(db, job_id, (int64_t)token, out, err);
}

/* ---- what runs out ---- */

bool job_expired(struct db *db, int64_t now_us, size_t limit, struct arena *mem, struct job **out,
                 size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct job *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (!db_query(db, SQL_JOB_EXPIRED, DB_ARGS(db_time(now_us), db_int(limit)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = job_from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool job_end_lease(struct db *tx, const struct job *job, struct error *err)
{
    return db_execute(tx, SQL_JOB_END_LEASE, DB_ARGS(db_uuid(job->id)), NULL, err);
}
