/* An app with a clock that stands where the test puts it, and short words for what goes into its
 * queue. */
#ifndef TESTS_JOBS_QUEUE_FIXTURE_H
#define TESTS_JOBS_QUEUE_FIXTURE_H

#include "fixture.h"

#include "catalog/upload.h"
#include "service/leases.h"

#define SECOND_US US_PER_S
#define LEASE_US (60 * SECOND_US) /* as configured, unless a test says otherwise */

/* Puts the app's clock at a fixed time, from which clock_advance moves it; otherwise it hardly goes
 * on: by a microsecond each time it is read. */
void clock_take(struct app_fixture *f);
void clock_advance(int64_t us);
int64_t clock_time_us(void);
/* TIME_US is now, but for what the clock went on by itself. */
#define assert_is_now(time_us) assert_in_range((time_us), clock_time_us() - 1000, clock_time_us())

/* A pending job, of UPLOAD_ID unless that is nil; max_retries is 3. */
struct uuid add_job(struct app_fixture *f, const char *kind, int32_t priority,
                    struct uuid upload_id);
struct uuid add_job_as(struct app_fixture *f, const struct job *job);
/* A record with the jobs that are planned for it. */
struct uuid add_upload(struct app_fixture *f);
/* The same with COUNT chunks of ten seconds. */
struct uuid add_upload_in_chunks(struct app_fixture *f, uint32_t count);

struct job job_of(struct app_fixture *f, struct uuid id);
struct upload upload_of(struct app_fixture *f, struct uuid id);
/* The only job of that kind that the upload has. */
struct job job_of_upload(struct app_fixture *f, struct uuid upload_id, const char *kind);
size_t count_jobs(struct app_fixture *f, struct uuid upload_id, const char *kind,
                  enum job_status status);
/* "uploaded,validating,processing": the actions in the upload's history. */
const char *history_of(struct app_fixture *f, struct uuid upload_id);

/* Leases at most COUNT jobs of KIND, as "tester". */
size_t lease(struct app_fixture *f, const char *kind, size_t count, struct job **out);
/* One of KIND, which must be due. */
struct job lease_one(struct app_fixture *f, const char *kind);
bool end_as(struct app_fixture *f, const struct job *job, enum job_outcome outcome);
#define complete(f, job) assert_ok(f, end_as(f, job, OUTCOME_COMPLETED))

#define assert_status(f, id, expected) \
    assert_string_equal(job_status_name(job_of(f, id).status), job_status_name(expected))
#define assert_upload_status(f, id, expected) \
    assert_string_equal(upload_status_name(upload_of(f, id).status), expected)

#endif
