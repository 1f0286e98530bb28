/* The status of uploads and chunks as their jobs go on. */
#include "queue_fixture.h"

#include "catalog/chunk.h"
#include "service/enqueue.h"
#include "service/queue.h"
#include "service/trash.h"

static const struct queue_kind kinds[] = {
    {.name = "validate",
     .group = "decode",
     .is_built_in = true,
     .is_run = true,
     .per = PER_UPLOAD,
     .max_retries = 1},
    {.name = "chunk",
     .group = "decode",
     .is_built_in = true,
     .is_run = true,
     .per = PER_UPLOAD,
     .max_retries = 1},
    {.name = "transcription", .per = PER_CHUNK, .after = "chunk", .max_retries = 1},
    {.name = "summary", .per = PER_UPLOAD, .after = "transcription", .max_retries = 1},
};

static int set_up(void **state)
{
    int code = app_fixture_set_up(state);
    struct app_fixture *f = *state;

    if (code != 0)
        return code;
    clock_take(f);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        queue_add_kind(f->app->queue, &kinds[i]);
    return 0;
}

static struct chunk chunk_of(struct app_fixture *f, struct uuid upload_id, uint32_t index)
{
    scoped(db_release) struct db *db = NULL;
    struct chunk *chunks;
    size_t count;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    assert_ok(f, chunk_list(db, upload_id, index, 1, f->mem, &chunks, &count, &f->err));
    assert_int_equal(count, 1);
    return chunks[0];
}

/* validate and chunk, which are companions, leased together. */
static struct job *lease_decoding(struct app_fixture *f)
{
    static const char *const names[] = {"validate", "chunk"};
    struct lease_wish wish = {.kinds = names, .kind_count = 2, .count = 1, .worker = "tester"};
    struct job *jobs;
    size_t count;

    assert_ok(f, leases_take(f->app, &wish, f->mem, &jobs, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(jobs[0].kind, "validate");
    assert_string_equal(jobs[1].kind, "chunk");
    assert_true(uuid_equal(jobs[0].upload_id, jobs[1].upload_id));
    return jobs;
}

static void an_upload_goes_from_uploaded_to_completed(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload_in_chunks(f, 2);
    struct upload upload = upload_of(f, id);
    struct job *jobs, job;

    assert_string_equal(upload_status_name(upload.status), "uploaded");
    jobs = lease_decoding(f);
    assert_upload_status(f, id, "validating");
    assert_is_now(upload_of(f, id).validation_started_at_us);
    clock_advance(SECOND_US);
    complete(f, &jobs[0]);
    upload = upload_of(f, id);
    assert_string_equal(upload_status_name(upload.status), "processing");
    assert_is_now(upload.validation_completed_at_us);
    assert_is_now(upload.processing_started_at_us);
    assert_int_equal(count_jobs(f, id, "transcription", JOB_PENDING), 0);
    complete(f, &jobs[1]);
    assert_int_equal(count_jobs(f, id, "transcription", JOB_PENDING), 2);

    job = lease_one(f, "transcription");
    assert_string_equal(chunk_of(f, id, job.chunk_index).status, "processing");
    assert_true(uuid_equal(chunk_of(f, id, job.chunk_index).processing_job_id, job.id));
    clock_advance(SECOND_US / 2);
    complete(f, &job);
    assert_string_equal(chunk_of(f, id, job.chunk_index).status, "completed");
    assert_int_equal(chunk_of(f, id, job.chunk_index).processing_time_ms, 500);
    assert_int_equal(count_jobs(f, id, "summary", JOB_PENDING), 0);
    job = lease_one(f, "transcription");
    complete(f, &job);
    assert_upload_status(f, id, "processing");
    job = lease_one(f, "summary");
    clock_advance(SECOND_US);
    complete(f, &job);
    upload = upload_of(f, id);
    assert_string_equal(upload_status_name(upload.status), "completed");
    assert_is_now(upload.processing_completed_at_us);
    assert_string_equal(history_of(f, id), "validating,processing,completed");
}

static void a_job_that_fails_fails_the_processing_until_it_is_retried(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload_in_chunks(f, 2);
    struct job *jobs = lease_decoding(f), job, other;
    struct upload upload;

    complete(f, &jobs[0]);
    complete(f, &jobs[1]);
    job = lease_one(f, "transcription");
    other = lease_one(f, "transcription");
    assert_ok(f, end_as(f, &job, OUTCOME_RETRYABLE));
    assert_upload_status(f, id, "processing");
    assert_int_equal(upload_of(f, id).retry_count, 1);
    assert_string_equal(chunk_of(f, id, job.chunk_index).status, "pending");
    clock_advance(3600 * SECOND_US);
    assert_ok(f, leases_expire(f->app, &f->err)); /* the other one's */
    clock_advance(3600 * SECOND_US);
    job = lease_one(f, "transcription");
    assert_ok(f, end_as(f, &job, OUTCOME_RETRYABLE)); /* max_retries is 1 */
    upload = upload_of(f, id);
    assert_string_equal(upload_status_name(upload.status), "failed");
    assert_string_equal(upload.error_code, "went_wrong");
    assert_string_equal(upload.error_message, "it did not work");
    assert_string_equal(chunk_of(f, id, job.chunk_index).status, "failed");

    other = lease_one(f, "transcription"); /* what is well goes on */
    complete(f, &other);
    assert_upload_status(f, id, "failed");
    assert_ok(
        f, enqueue_retry_upload(f->app, f->workspace_id, id, f->user_id, f->mem, &upload, &f->err));
    assert_string_equal(upload_status_name(upload.status), "processing");
    assert_null(upload.error_code);
    assert_string_equal(chunk_of(f, id, job.chunk_index).status, "pending");
    job = lease_one(f, "transcription");
    complete(f, &job);
    job = lease_one(f, "summary");
    complete(f, &job);
    assert_upload_status(f, id, "completed");
    assert_string_equal(history_of(f, id), "validating,processing,failed,job_retried,completed");
    assert_false(
        enqueue_retry_upload(f->app, f->workspace_id, id, f->user_id, f->mem, &upload, &f->err));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
}

static void an_upload_without_chunks_is_one_chunk(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload(f);
    struct job *jobs = lease_decoding(f), job;

    complete(f, &jobs[1]); /* the other first: it is still being validated */
    assert_upload_status(f, id, "validating");
    complete(f, &jobs[0]);
    job = lease_one(f, "transcription");
    assert_false(job.has_chunk);
    assert_true(uuid_equal(job.upload_id, id));
}

static void a_deleted_upload_takes_its_jobs_along_and_brings_them_back(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload(f);
    struct job *jobs = lease_decoding(f), *none;
    struct upload upload;

    assert_ok(f, trash_put(f->app, f->workspace_id, f->user_id, id, &f->err));
    assert_false(end_as(f, &jobs[0], OUTCOME_COMPLETED));
    assert_int_equal(f->err.kind, ERR_JOB_CANCELLED);
    assert_int_equal(lease(f, "validate", 9, &none), 0);
    assert_ok(f, trash_undelete(f->app, f->workspace_id, f->user_id, id, f->mem, &upload, &f->err));
    assert_string_equal(upload_status_name(upload.status), "uploaded");
    assert_false(end_as(f, &jobs[0], OUTCOME_COMPLETED)); /* whoever held it does no more */
    assert_int_equal(f->err.kind, ERR_LEASE_LOST);
    jobs = lease_decoding(f);
    complete(f, &jobs[0]);
    assert_upload_status(f, id, "processing");
    assert_ok(f, trash_purge(f->app, f->workspace_id, f->user_id, id, &f->err));
    assert_false(end_as(f, &jobs[1], OUTCOME_COMPLETED));
    assert_int_equal(f->err.kind, ERR_NOT_FOUND);
}

static void what_was_asked_for_does_not_move_the_upload(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload(f);
    struct enqueue_request request = {.workspace_id = f->workspace_id,
                                      .upload_id = id,
                                      .kind = "translation",
                                      .after = AFTER_UPLOAD,
                                      .max_retries = 0};
    struct job *beside, *jobs, job;
    size_t count;

    assert_ok(f, enqueue(f->app, &request, f->mem, &beside, &count, &f->err));
    assert_status(f, beside[0].id, JOB_WAITING);
    jobs = lease_decoding(f);
    complete(f, &jobs[0]);
    complete(f, &jobs[1]);
    job = lease_one(f, "transcription");
    complete(f, &job);
    job = lease_one(f, "summary");
    complete(f, &job);
    assert_upload_status(f, id, "completed");
    job = lease_one(f, "translation");
    assert_ok(f, end_as(f, &job, OUTCOME_FAILED));
    assert_upload_status(f, id, "completed");
}

static void cancelling_the_rest_completes_what_was_done(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = add_upload(f);
    struct job *jobs = lease_decoding(f), after;

    complete(f, &jobs[0]);
    assert_ok(f, enqueue_cancel(f->app, f->workspace_id, jobs[1].id, f->user_id, f->mem, &after,
                                &f->err));
    assert_upload_status(f, id, "completed");
    assert_string_equal(history_of(f, id), "validating,processing,job_cancelled,completed");
}

/* What nobody can run waits, and nothing pretends to happen. */
static void without_a_runner_an_upload_stays_uploaded(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id;

    assert_ok(f, app_fixture_reopen(f, NULL));
    id = add_upload(f);
    assert_upload_status(f, id, "uploaded");
    assert_string_equal(job_status_name(job_of_upload(f, id, "validate").status), "pending");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(an_upload_goes_from_uploaded_to_completed),
        test(a_job_that_fails_fails_the_processing_until_it_is_retried),
        test(an_upload_without_chunks_is_one_chunk),
        test(a_deleted_upload_takes_its_jobs_along_and_brings_them_back),
        test(what_was_asked_for_does_not_move_the_upload),
        test(cancelling_the_rest_completes_what_was_done),
        test(without_a_runner_an_upload_stays_uploaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
