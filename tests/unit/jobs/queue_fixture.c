#include "queue_fixture.h"

#include "catalog/chunk.h"
#include "catalog/history.h"
#include "service/processing.h"
#include "service/queue.h"

/* ---- the clock ---- */

static _Atomic int64_t now_us = INT64_C(1764201600) * US_PER_S;

static int64_t read_clock(const struct clock *self)
{
    (void)self;
    return now_us++; /* so that ids keep their order */
}

static const struct clock clock_of_test = {read_clock};

void clock_take(struct app_fixture *f)
{
    f->app->clock = &clock_of_test;
}

void clock_advance(int64_t us)
{
    now_us += us;
}

int64_t clock_time_us(void)
{
    return now_us;
}

/* ---- jobs and uploads ---- */

static bool insert_job(struct db *tx, void *context, struct error *err)
{
    return job_insert(tx, context, err);
}

struct uuid add_job_as(struct app_fixture *f, const struct job *job)
{
    struct job row = *job;

    row.id = app_new_id(f->app);
    if (uuid_is_nil(row.workspace_id))
        row.workspace_id = f->workspace_id;
    row.created_at_us = app_now_us(f->app);
    assert_ok(f, database_write(f->app->database, insert_job, &row, &f->err));
    return row.id;
}

struct uuid add_job(struct app_fixture *f, const char *kind, int32_t priority,
                    struct uuid upload_id)
{
    return add_job_as(
        f, &(struct job){
               .kind = kind, .priority = priority, .upload_id = upload_id, .max_retries = 3});
}

struct plan {
    struct app_fixture *f;
    struct upload upload;
    uint32_t chunks;
};

static bool plan_upload(struct db *tx, void *context, struct error *err)
{
    struct plan *plan = context;
    const struct app *app = plan->f->app;
    struct chunk_plan chunks = {.upload_id = plan->upload.id,
                                .duration_ms = plan->chunks * INT64_C(10000),
                                .most_ms = 10000,
                                .extension = "wav"};
    uint32_t count;

    return (plan->chunks == 0 || chunk_plan(tx, &chunks, app->clock, app->random, &count, err)) &&
           processing_plan(tx, app, &plan->upload, err);
}

struct uuid add_upload_in_chunks(struct app_fixture *f, uint32_t count)
{
    static unsigned number;
    struct uuid id =
        app_fixture_add(f, "main", arena_printf(f->mem, "uploads/%u.wav", number++), true);
    struct plan plan = {.f = f, .upload = upload_of(f, id), .chunks = count};

    assert_ok(f, database_write(f->app->database, plan_upload, &plan, &f->err));
    return id;
}

struct uuid add_upload(struct app_fixture *f)
{
    return add_upload_in_chunks(f, 0);
}

/* ---- how things stand ---- */

struct job job_of(struct app_fixture *f, struct uuid id)
{
    scoped(db_release) struct db *db = NULL;
    struct job job;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, job_by_id(db, f->workspace_id, id, f->mem, &job, &f->err));
    return job;
}

struct upload upload_of(struct app_fixture *f, struct uuid id)
{
    scoped(db_release) struct db *db = NULL;
    struct upload upload;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, upload_by_id(db, f->workspace_id, id, f->mem, &upload, &f->err));
    return upload;
}

static size_t jobs_of(struct app_fixture *f, const struct job_filter *filter, struct job **out)
{
    scoped(db_release) struct db *db = NULL;
    size_t count;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, job_list(db, filter, (struct uuid){{0}}, 10000, f->mem, out, &count, &f->err));
    return count;
}

struct job job_of_upload(struct app_fixture *f, struct uuid upload_id, const char *kind)
{
    struct job_filter filter = {
        .workspace_id = f->workspace_id, .upload_id = upload_id, .kind = kind};
    struct job *jobs;

    assert_int_equal(jobs_of(f, &filter, &jobs), 1);
    return jobs[0];
}

size_t count_jobs(struct app_fixture *f, struct uuid upload_id, const char *kind,
                  enum job_status status)
{
    struct job_filter filter = {
        .workspace_id = f->workspace_id, .upload_id = upload_id, .kind = kind, .status = &status};
    struct job *jobs;

    return jobs_of(f, &filter, &jobs);
}

const char *history_of(struct app_fixture *f, struct uuid upload_id)
{
    scoped(db_release) struct db *db = NULL;
    struct history_entry *entries;
    const char *text = "";
    size_t count;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, history_list(db, f->workspace_id, upload_id, (struct uuid){{0}}, 100, f->mem,
                              &entries, &count, &f->err));
    for (size_t i = 0; i < count; i++)
        text = arena_printf(f->mem, "%s%s%s", text, i > 0 ? "," : "", entries[i].action);
    return text;
}

/* ---- leasing ---- */

size_t lease(struct app_fixture *f, const char *kind, size_t count, struct job **out)
{
    struct lease_wish wish = {.kinds = &kind, .kind_count = 1, .count = count, .worker = "tester"};
    size_t leased;

    assert_ok(f, leases_take(f->app, &wish, f->mem, out, &leased, &f->err));
    return leased;
}

struct job lease_one(struct app_fixture *f, const char *kind)
{
    struct job *jobs;

    assert_int_equal(lease(f, kind, 1, &jobs), 1);
    return jobs[0];
}

bool end_as(struct app_fixture *f, const struct job *job, enum job_outcome outcome)
{
    struct job_end end = {.job = {job->workspace_id, job->id, job->lease_token},
                          .outcome = outcome,
                          .result = outcome == OUTCOME_COMPLETED ? "{\"n\":1}" : NULL,
                          .code = "went_wrong",
                          .message = "it did not work"};
    struct job after;

    return leases_end(f->app, &end, f->mem, &after, &f->err);
}
