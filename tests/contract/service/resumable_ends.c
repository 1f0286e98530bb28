/* How sessions end: what they published meanwhile, what they are told, what they leave. */
#include "fixture.h"

#include <string.h>
#include <unistd.h>

#include "db_fault.h"
#include "media/media.h"
#include "service/sweep.h"
#include "store_fault.h"

#define SIZE ((size_t)50000)
#define FAULTS_MAX 100

/* ---- tries to finish that fail behind the publishing ---- */

static bool try_finish(struct service_fixture *f, struct uuid id, struct ingest_outcome *outcome,
                       struct error *err)
{
    return resumable_finish(f->app, f->workspace, id, f->mem, outcome, err);
}

/* A whole session whose content stands at its place already, but is not committed. */
static struct uuid published(struct service_fixture *f, const char *content,
                             enum on_duplicate on_duplicate)
{
    struct resumable_request wish = wish_of(f, SESSION_CHUNKED, SIZE);
    struct ingest_outcome outcome;
    struct error err;
    struct uuid id;

    wish.chunk_size = SIZE;
    wish.on_duplicate = on_duplicate;
    id = begin(f, &wish);
    check_ok(bring(f, id, content, (struct part){0, SIZE}, false, &err));
    for (unsigned nth = 1; objects_of(f) == 0; nth++) {
        assert_true(nth < FAULTS_MAX);
        db_fault_arm(nth, ERR_UNAVAILABLE);
        check_fails(try_finish(f, id, &outcome, &err), ERR_UNAVAILABLE);
        assert_true(db_fault_disarm());
    }
    assert_int_equal(state_of(f, id).session.status, SESSION_INITIATED);
    check_all_adds_up(f, true);
    return id;
}

static void check_left(struct service_fixture *f, size_t objects)
{
    check_reserved(f, 0, 0);
    assert_int_equal(stages_of(f), 0);
    assert_int_equal(objects_of(f), objects);
    check_all_adds_up(f, true);
}

static void a_refused_duplicate_leaves_no_object(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = published(f, content, ON_DUPLICATE_REJECT), other;
    struct resumable_request wish = wish_of(f, SESSION_TUS, SIZE);
    struct ingest_outcome outcome;
    struct error err;

    other = begin(f, &wish);
    check_brought(f, other, content, SIZE);
    check_ok(try_finish(f, other, &outcome, &err));
    check_fails(try_finish(f, id, &outcome, &err), ERR_DUPLICATE);
    assert_int_equal(state_of(f, id).session.status, SESSION_FAILED);
    check_upload(f, state_of(f, other).session.upload_id, content, SIZE);
    check_left(f, 1);
}

static void a_cancelled_upload_leaves_no_object(void **state)
{
    struct service_fixture *f = *state;
    struct uuid id = published(f, wav(f, SIZE, 1), ON_DUPLICATE_LINK);
    struct error err;

    check_ok(resumable_abort(f->app, f->workspace, id, &err));
    assert_true(is_gone(f, id));
    check_left(f, 0);
}

static void an_upload_that_was_published_is_finished_after_a_crash(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = published(f, content, ON_DUPLICATE_LINK);
    struct ingest_outcome outcome;
    struct error err;

    service_restart(f);
    check_ok(try_finish(f, id, &outcome, &err));
    check_upload(f, outcome.upload.id, content, SIZE);
    check_left(f, 1);
}

/* Before the commit as behind it. */
static void what_was_published_is_compared_with_what_comes_again(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = published(f, content, ON_DUPLICATE_LINK);
    char *other = arena_alloc(f->mem, SIZE);
    struct part all = {0, SIZE}, rest = {SIZE - 1, SIZE};
    struct ingest_outcome outcome;
    struct error err;

    memcpy(other, content, SIZE);
    other[SIZE - 1] ^= 1;
    for (unsigned i = 0; i < 2; i++) {
        check_ok(bring(f, id, content, all, false, &err));
        check_fails(bring(f, id, other, all, false, &err), ERR_BYTES_DIFFER);
        check_fails(bring(f, id, other, rest, false, &err), ERR_BYTES_DIFFER);
        check_ok(try_finish(f, id, &outcome, &err));
    }
    check_upload(f, outcome.upload.id, content, SIZE);
    check_left(f, 1);
}

/* Whoever looks for what was published must hear that the store does not answer, not that the
 * content is lost. */
static void a_store_that_does_not_answer_has_lost_nothing(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = published(f, content, ON_DUPLICATE_LINK);
    struct ingest_outcome outcome;
    struct error err;

    for (int nth = 0;; nth++) {
        store_fault_arm(service_store(f), nth, FAULT_BEFORE);
        if (try_finish(f, id, &outcome, &err))
            break;
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
        assert_true(nth < FAULTS_MAX);
    }
    store_fault_calm(service_store(f));
    check_upload(f, outcome.upload.id, content, SIZE);
    check_left(f, 1);
}

/* ---- what has all come, and nobody finishes ---- */

static struct uuid whole_of(struct service_fixture *f, enum session_kind kind, const char *content)
{
    struct resumable_request wish = wish_of(f, kind, SIZE);
    struct uuid id = begin(f, &wish);

    check_brought(f, id, content, SIZE);
    return id;
}

static void what_has_all_come_is_finished_by_itself(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1), *more = wav(f, SIZE, 2);
    struct uuid id = whole_of(f, SESSION_TUS, content), other = whole_of(f, SESSION_CHUNKED, more);
    struct resumable_request wish = wish_of(f, SESSION_TUS, SIZE);
    struct uuid begun = begin(f, &wish), undeclared = whole_of(f, SESSION_DRAFT, content);
    struct error err;

    check_brought(f, begun, content, SIZE - 1);
    service_restart(f);
    check_ok(resumable_conclude_left(f->app, &err));
    check_upload(f, state_of(f, id).session.upload_id, content, SIZE);
    check_upload(f, state_of(f, other).session.upload_id, more, SIZE);
    assert_int_equal(state_of(f, begun).session.status, SESSION_INITIATED);
    /* The IETF draft's client has not said that this was all. */
    assert_int_equal(state_of(f, undeclared).session.status, SESSION_INITIATED);
    check_all_adds_up(f, true);
}

static void what_is_refused_for_good_holds_up_nothing(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    char *broken = arena_alloc(f->mem, SIZE);
    struct uuid bad, good;
    struct error err;

    memcpy(broken, "fLaC", 4);
    memset(broken + 4, 0, SIZE - 4);
    bad = whole_of(f, SESSION_TUS, broken);
    good = whole_of(f, SESSION_TUS, content);
    check_ok(resumable_conclude_left(f->app, &err));
    assert_string_equal(state_of(f, bad).session.error_code, "media_unreadable");
    check_upload(f, state_of(f, good).session.upload_id, content, SIZE);
    check_left(f, 1);
}

/* ---- expiry ---- */

static int64_t in_a_day(const struct clock *self)
{
    (void)self;
    return clock_now_us(&clock_system) + US_PER_DAY + US_PER_S;
}

static int64_t in_a_week(const struct clock *self)
{
    (void)self;
    return clock_now_us(&clock_system) + 7 * US_PER_DAY;
}

static const struct clock tomorrow = {in_a_day}, later = {in_a_week};

static int64_t in_half_a_day(const struct clock *self)
{
    (void)self;
    return clock_now_us(&clock_system) + US_PER_DAY / 2;
}

/* Nothing of a chunk counts that breaks off, but that somebody is there. */
static void a_chunk_that_breaks_off_puts_the_expiry_off(void **state)
{
    static const struct clock later_today = {in_half_a_day};
    struct service_fixture *f = *state;
    struct resumable_request wish = wish_of(f, SESSION_CHUNKED, SIZE);
    struct uuid id = begin(f, &wish);
    int64_t before_us = state_of(f, id).session.expires_at_us;
    struct memory_source body;
    struct resumable_write write = {.length = SIZE, .all_or_nothing = true, .body = &body.base};
    struct resumable_state now;
    struct error err;

    f->app->clock = &later_today;
    memory_source_init(&body, wav(f, SIZE, 1), 1000);
    check_fails(resumable_write(f->app, f->workspace, id, &write, f->mem, &now, &err),
                ERR_INCOMPLETE);
    now = state_of(f, id);
    assert_int_equal(now.offset, 0);
    assert_true(now.session.expires_at_us >= before_us + US_PER_DAY / 2);
}

static void expiry_leaves_nothing(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 2);
    struct resumable_request wish = wish_of(f, SESSION_TUS, SESSION_SIZE_UNKNOWN);
    struct uuid begun = begin(f, &wish), failed = whole_of(f, SESSION_TUS, content);
    struct sweep_report report;
    struct error err;

    error_tell(&err, ERR_NOT_AUDIO, "no");
    check_ok(resumable_reject(f->app, f->workspace, failed, &err, &err));
    check_brought(f, begun, content, 10000);
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.sessions, 0);
    f->app->clock = &later;
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.sessions, 2);
    assert_true(is_gone(f, begun) && is_gone(f, failed));
    check_left(f, 0);
}

static void expiry_makes_uploads_of_what_has_all_come(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1), *more = wav(f, SIZE, 2);
    struct uuid id = published(f, content, ON_DUPLICATE_LINK);
    struct uuid other = whole_of(f, SESSION_DRAFT, more);
    struct sweep_report report;
    struct error err;

    f->app->clock = &later;
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.sessions, 0);
    check_upload(f, state_of(f, id).session.upload_id, content, SIZE);
    check_upload(f, state_of(f, other).session.upload_id, more, SIZE);
    check_left(f, 2);
}

/* Whatever fails while an expired one is finished: it is not deleted for that. */
static void expiry_deletes_nothing_for_a_failure(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = whole_of(f, SESSION_TUS, content);
    struct error err;
    unsigned nth = 1;

    f->app->clock = &tomorrow;
    f->app->opened_at_us = app_now_us(f->app); /* it is tried at every sweep */
    for (;; nth++) {
        assert_true(nth < 2 * FAULTS_MAX);
        db_fault_arm(nth, ERR_UNAVAILABLE);
        sweep_run(f->app, NULL, &err);
        if (!db_fault_disarm())
            break;
        assert_false(is_gone(f, id));
    }
    assert_true(nth > 5);
    check_upload(f, state_of(f, id).session.upload_id, content, SIZE);
    check_left(f, 1);
}

/* The store takes no object where a link stands in the place of its folder. */
static void block_store(struct service_fixture *f)
{
    char *path = arena_printf(f->mem, "%s/store/uploads", f->folder);

    assert_int_equal(symlink("elsewhere", path), 0);
}

static void unblock_store(struct service_fixture *f)
{
    assert_int_equal(unlink(arena_printf(f->mem, "%s/store/uploads", f->folder)), 0);
}

static void what_cannot_be_finished_is_kept_as_long_again(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = whole_of(f, SESSION_TUS, content);
    struct sweep_report report;
    struct error err;

    block_store(f);
    check_fails(resumable_conclude_left(f->app, &err), ERR_UNAVAILABLE);
    f->app->clock = &tomorrow;
    f->app->opened_at_us = app_now_us(f->app);
    check_fails(sweep_run(f->app, &report, &err), ERR_UNAVAILABLE);
    assert_int_equal(report.sessions, 0);
    assert_int_equal(state_of(f, id).offset, SIZE);
    /* Later it is not tried at each of them. */
    f->app->opened_at_us -= 11 * 60 * US_PER_S;
    check_ok(sweep_run(f->app, &report, &err));
    assert_int_equal(report.sessions, 0);
    f->app->clock = &later;
    check_fails(sweep_run(f->app, &report, &err), ERR_UNAVAILABLE); /* what may stand there */
    assert_int_equal(report.sessions, 1);
    assert_true(is_gone(f, id));
    unblock_store(f);
    check_ok(sweep_run(f->app, NULL, &err));
    check_left(f, 0);
}

static void what_could_not_be_finished_is_when_it_can(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid id = whole_of(f, SESSION_TUS, content);
    struct error err;

    block_store(f);
    check_fails(resumable_conclude_left(f->app, &err), ERR_UNAVAILABLE);
    unblock_store(f);
    check_ok(resumable_conclude_left(f->app, &err));
    check_upload(f, state_of(f, id).session.upload_id, content, SIZE);
    check_left(f, 1);
}

/* ---- stages that could not be discarded ---- */

static void what_cannot_be_discarded_now_is_by_the_next_sweep(void **state)
{
    struct service_fixture *f = *state;
    struct resumable_request wish = wish_of(f, SESSION_TUS, SIZE);
    struct uuid id = begin(f, &wish);
    struct error err;

    check_brought(f, id, wav(f, SIZE, 1), 10000);
    store_fault_arm(service_store(f), 1, FAULT_BEFORE); /* it looks for an object, then discards */
    check_ok(resumable_abort(f->app, f->workspace, id, &err));
    assert_true(store_fault_struck(service_store(f)));
    assert_true(is_gone(f, id));
    check_reserved(f, 0, 0);
    assert_int_equal(stages_of(f), 1);
    check_ok(sweep_run(f->app, NULL, &err));
    check_left(f, 0);
}

/* ---- a length that becomes known while bytes arrive ---- */

struct sizing_source {
    struct source base;
    struct memory_source content;
    struct service_fixture *f;
    struct uuid id;
    uint64_t size; /* 0: was told */
};

static bool read_and_size(struct source *base, void *buf, size_t size, size_t *out,
                          struct error *err)
{
    struct sizing_source *source = container_of(base, struct sizing_source, base);

    if (!source->content.base.read(&source->content.base, buf, size, out, err))
        return false;
    if (source->size == 0)
        return true;
    if (!resumable_set_size(source->f->app, source->f->workspace, source->id, source->size, err))
        return false;
    source->size = 0;
    return true;
}

/* An append from BEFORE on, that brings 1000 bytes too many, fails with KIND; nothing of it that
 * lies behind the end counts, and the upload can be completed. */
static void check_too_much(struct service_fixture *f, uint64_t before, enum error_kind kind)
{
    const char *content = wav(f, SIZE, 1);
    struct resumable_request wish = wish_of(f, SESSION_TUS, SESSION_SIZE_UNKNOWN);
    struct uuid id = begin(f, &wish);
    struct sizing_source source = {.base.read = read_and_size, .f = f, .id = id, .size = SIZE};
    struct resumable_write write = {
        .offset = before, .length = RESUMABLE_REST, .is_append = true, .body = &source.base};
    char *longer = arena_alloc(f->mem, SIZE + 1000);
    struct resumable_state now;
    struct ingest_outcome outcome;
    struct error err;

    memcpy(longer, content, SIZE);
    memset(longer + SIZE, 'x', 1000);
    memory_source_init(&source.content, longer + before, SIZE + 1000 - before);
    if (before > 0)
        check_brought(f, id, content, before);
    check_fails(resumable_write(f->app, f->workspace, id, &write, f->mem, &now, &err), kind);
    assert_true(state_of(f, id).offset <= SIZE);
    check_reserved(f, SIZE, 1);
    check_ok(bring(f, id, content, (struct part){state_of(f, id).offset, SIZE}, true, &err));
    check_ok(try_finish(f, id, &outcome, &err));
    check_upload(f, outcome.upload.id, content, SIZE);
    check_left(f, 1);
}

static void no_more_is_reserved_than_there_is(void **state)
{
    check_too_much(*state, 0, ERR_CONFLICT);
}

static void no_more_is_recorded_than_there_is(void **state)
{
    check_too_much(*state, 10, ERR_INVALID); /* what was drawn for those 10 is enough */
}

int main(int argc, char **argv)
{
#define with_app(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_up, service_fixture_down)
    const struct CMUnitTest tests[] = {
        with_app(a_refused_duplicate_leaves_no_object),
        with_app(a_cancelled_upload_leaves_no_object),
        with_app(an_upload_that_was_published_is_finished_after_a_crash),
        with_app(what_was_published_is_compared_with_what_comes_again),
        with_app(a_store_that_does_not_answer_has_lost_nothing),
        with_app(what_has_all_come_is_finished_by_itself),
        with_app(what_is_refused_for_good_holds_up_nothing),
        with_app(a_chunk_that_breaks_off_puts_the_expiry_off),
        with_app(expiry_leaves_nothing),
        with_app(expiry_makes_uploads_of_what_has_all_come),
        with_app(expiry_deletes_nothing_for_a_failure),
        with_app(what_cannot_be_finished_is_kept_as_long_again),
        with_app(what_could_not_be_finished_is_when_it_can),
        with_app(what_cannot_be_discarded_now_is_by_the_next_sweep),
        with_app(no_more_is_reserved_than_there_is),
        with_app(no_more_is_recorded_than_there_is),
    };

    SERVE_AS_MEDIA_WORKER(argc, argv);
    return cmocka_run_group_tests_name("uploads of several requests: ends", tests, NULL, NULL);
}
