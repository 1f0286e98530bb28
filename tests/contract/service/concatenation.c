/* Partial uploads that become one: in which order, with what limits, and what becomes of them when
 * something is missing. Sizes are exact: what the partials reserve is what the final takes. */
#include "fixture.h"

#include <string.h>

#include "db_fault.h"
#include "media/media.h"
#include "service/sweep.h"
#include "store_fault.h"

#define SIZE ((uint64_t)50000)
#define FIRST ((uint64_t)20000) /* bytes of the first partial */
#define FAULTS_MAX 200

static struct uuid begin_partial(struct service_fixture *f, uint64_t size)
{
    struct resumable_request wish = wish_of(f, SESSION_TUS, size);

    wish.concatenation = SESSION_PARTIAL;
    return begin(f, &wish);
}

static struct resumable_request final_wish(struct service_fixture *f, const struct uuid *partials,
                                           size_t count)
{
    struct resumable_request wish = wish_of(f, SESSION_TUS, SESSION_SIZE_UNKNOWN);

    wish.concatenation = SESSION_FINAL;
    wish.partials = partials;
    wish.partial_count = count;
    return wish;
}

static struct uuid begin_final(struct service_fixture *f, const struct uuid *partials, size_t count)
{
    struct resumable_request wish = final_wish(f, partials, count);

    return begin(f, &wish);
}

/* Two partials of SIZE bytes in all. */
static void begin_two(struct service_fixture *f, struct uuid partials[static 2])
{
    partials[0] = begin_partial(f, FIRST);
    partials[1] = begin_partial(f, SIZE - FIRST);
}

static void bring_two(struct service_fixture *f, const struct uuid partials[static 2],
                      const char *content)
{
    check_brought(f, partials[0], content, FIRST);
    check_brought(f, partials[1], content + FIRST, SIZE - FIRST);
}

static bool join(struct service_fixture *f, struct uuid id, bool *joined, struct error *err)
{
    struct ingest_outcome outcome;

    return resumable_join(f->app, f->workspace, id, f->mem, joined, &outcome, err);
}

static void check_joined(struct service_fixture *f, struct uuid id, const char *content)
{
    struct resumable_state state = state_of(f, id);

    assert_int_equal(state.session.status, SESSION_COMPLETED);
    check_upload(f, state.session.upload_id, content, SIZE);
    check_reserved(f, 0, 0);
    assert_int_equal(quota_of(f).current_storage_bytes, SIZE);
    assert_int_equal(quota_of(f).current_file_count, 1);
    assert_int_equal(stages_of(f), 0);
    check_all_adds_up(f, true);
}

/* ---- the order of things ---- */

static void partials_that_are_there_before_the_final(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    check_reserved(f, SIZE, 0);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_reserved(f, SIZE, 1);
    check_ok(join(f, final, &joined, &err));
    assert_true(joined);
    assert_int_equal(state_of(f, partials[0]).session.status, SESSION_COMPLETED);
    assert_int_equal(state_of(f, partials[0]).offset, FIRST);
    assert_int_equal(state_of(f, partials[1]).session.status, SESSION_COMPLETED);
    check_joined(f, final, content);
    check_ok(join(f, final, &joined, &err)); /* once more changes nothing */
    assert_false(joined);
    check_joined(f, final, content);
}

static void partials_that_come_behind_the_final(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    check_brought(f, partials[1], content + FIRST, SIZE - FIRST);
    check_ok(resumable_join_with(f->app, f->workspace, partials[1], f->mem, &err));
    check_ok(join(f, final, &joined, &err));
    assert_false(joined);
    check_reserved(f, SIZE, 1);
    check_brought(f, partials[0], content, FIRST);
    check_ok(resumable_join_with(f->app, f->workspace, partials[0], f->mem, &err));
    check_joined(f, final, content);
}

/* Each of the finals that wait for a partial is tried, not only the first that is found; one has it
 * then, and nothing will come of the others. */
static void finals_that_share_a_partial(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid whole = begin_partial(f, SIZE), rest = begin_partial(f, 1000), finals[3];
    struct error err;

    finals[0] = begin_final(f, (struct uuid[]){whole, rest}, 2);
    finals[1] = begin_final(f, (struct uuid[]){whole}, 1);
    finals[2] = begin_final(f, (struct uuid[]){rest, whole}, 2);
    check_brought(f, whole, content, SIZE);
    check_fails(resumable_join_with(f->app, f->workspace, whole, f->mem, &err), ERR_NOT_FOUND);
    assert_int_equal(state_of(f, finals[1]).session.status, SESSION_COMPLETED);
    check_brought(f, rest, content, 1000);
    check_fails(resumable_join_with(f->app, f->workspace, rest, f->mem, &err), ERR_NOT_FOUND);
    assert_int_equal(state_of(f, finals[0]).session.status, SESSION_FAILED);
    assert_int_equal(state_of(f, finals[2]).session.status, SESSION_FAILED);
    check_reserved(f, 1000, 0);
    check_ok(resumable_abort(f->app, f->workspace, rest, &err));
    check_joined(f, finals[1], content);
}

/* Whoever has not heard of the final asks for it again. */
static void the_same_list_is_the_same_final(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct resumable_request wish;
    struct resumable_state begun;
    struct error err;
    bool joined;

    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    assert_true(uuid_equal(begin_final(f, partials, 2), final));
    check_reserved(f, SIZE, 1);
    bring_two(f, partials, content);
    check_ok(join(f, final, &joined, &err));
    assert_true(joined);
    assert_true(uuid_equal(begin_final(f, partials, 2), final));
    wish = final_wish(f, (struct uuid[]){partials[1], partials[0]}, 2);
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_CONFLICT);
    wish = final_wish(f, partials, 1);
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_CONFLICT);
    wish = final_wish(f, partials, 2);
    wish.user_id = partials[0]; /* another one, whoever */
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_CONFLICT);
    check_joined(f, final, content);
    check_ok(resumable_abort(f->app, f->workspace, partials[0], &err));
    assert_true(uuid_equal(begin_final(f, partials, 2), final));
}

static void a_list_that_was_refused_with_its_content_is_refused_again(void **state)
{
    struct service_fixture *f = *state;
    char *content = arena_alloc(f->mem, SIZE);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    memset(content, 0, SIZE);
    memcpy(content, "fLaC", 4);
    begin_two(f, partials);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_fails(join(f, final, &joined, &err), ERR_MEDIA_UNREADABLE);
    assert_true(uuid_equal(begin_final(f, partials, 2), final));
    assert_int_equal(state_of(f, final).session.status, SESSION_FAILED);
    check_reserved(f, 0, 0);
    assert_int_equal(stages_of(f), 0);
    check_all_adds_up(f, true);
}

/* ---- what is missing ---- */

static void a_partial_that_is_deleted_meanwhile(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct resumable_state failed;
    struct error err;
    bool joined;

    begin_two(f, partials);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_ok(resumable_abort(f->app, f->workspace, partials[0], &err));
    check_reserved(f, SIZE - FIRST, 1);
    check_fails(join(f, final, &joined, &err), ERR_NOT_FOUND);
    failed = state_of(f, final);
    assert_int_equal(failed.session.status, SESSION_FAILED);
    assert_string_equal(failed.session.error_code, "not_found");
    check_reserved(f, SIZE - FIRST, 0);
    assert_int_equal(stages_of(f), 1);
    /* The other one is as it was, and good for another final. */
    partials[0] = begin_partial(f, FIRST);
    check_brought(f, partials[0], content, FIRST);
    final = begin_final(f, partials, 2);
    check_ok(join(f, final, &joined, &err));
    check_joined(f, final, content);
}

static void a_partial_that_is_deleted_while_others_are_on_their_way(void **state)
{
    struct service_fixture *f = *state;
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    check_ok(resumable_abort(f->app, f->workspace, partials[1], &err));
    check_fails(join(f, final, &joined, &err), ERR_NOT_FOUND);
    check_reserved(f, FIRST, 0);
    assert_int_equal(state_of(f, final).session.status, SESSION_FAILED);
}

static void a_final_of_what_is_no_partial(void **state)
{
    struct service_fixture *f = *state;
    struct resumable_request wish = wish_of(f, SESSION_TUS, SIZE);
    struct resumable_state begun;
    struct uuid partials[2];
    struct error err;

    begin_two(f, partials);
    wish = final_wish(f, (struct uuid[]){partials[0], begin(f, &wish)}, 2);
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_CONFLICT);
    wish = final_wish(f, (struct uuid[]){partials[0], partials[1], partials[0]}, 3);
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_CONFLICT);
    check_ok(resumable_abort(f->app, f->workspace, partials[1], &err));
    wish = final_wish(f, partials, 2);
    check_fails(resumable_begin(f->app, &wish, f->mem, &begun, &err), ERR_NOT_FOUND);
    check_reserved(f, FIRST + SIZE, 1);
}

/* Its partials hold what it takes: it would be reserved twice. */
static void a_final_is_told_no_length(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    check_fails(resumable_set_size(f->app, f->workspace, final, SIZE, &err), ERR_FORBIDDEN);
    check_reserved(f, SIZE, 1);
    bring_two(f, partials, content);
    check_ok(join(f, final, &joined, &err));
    check_joined(f, final, content);
}

static void a_final_that_is_cancelled(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    check_ok(resumable_abort(f->app, f->workspace, final, &err));
    check_reserved(f, SIZE, 0);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_ok(join(f, final, &joined, &err));
    check_joined(f, final, content);
}

static void a_partial_that_fails_is_the_end_of_its_finals(void **state)
{
    struct service_fixture *f = *state;
    struct uuid partials[2], finals[2], other;
    struct resumable_state failed;
    struct error cause, err;

    begin_two(f, partials);
    other = begin_partial(f, 1000);
    finals[0] = begin_final(f, partials, 2);
    finals[1] = begin_final(f, (struct uuid[]){other, partials[1]}, 2);
    other = begin_final(f, &other, 1);
    error_tell(&cause, ERR_LENGTH, "too long");
    check_ok(resumable_reject(f->app, f->workspace, partials[1], &cause, &err));
    for (size_t i = 0; i < 2; i++) {
        failed = state_of(f, finals[i]);
        assert_string_equal(failed.session.error_code, "inconsistent_length");
        assert_non_null(strstr(failed.session.error_message, "too long"));
    }
    assert_int_equal(state_of(f, other).session.status, SESSION_INITIATED);
    check_reserved(f, FIRST + 1000, 1);
    check_all_adds_up(f, true);
}

/* ---- expiry ---- */

static int64_t moved_us; /* to be set to 0 by who uses it */

static int64_t moved_now(const struct clock *self)
{
    (void)self;
    return clock_now_us(&clock_system) + moved_us;
}

static const struct clock moved = {moved_now};

static void move_hours(struct service_fixture *f, int hours)
{
    struct error err;

    moved_us += hours * 3600 * US_PER_S;
    check_ok(sweep_run(f->app, NULL, &err));
}

static void a_final_and_its_partials_live_as_long_as_one_of_them(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    moved_us = 0;
    f->app->clock = &moved;
    begin_two(f, partials);
    check_brought(f, partials[0], content, FIRST);
    move_hours(f, 20);
    final = begin_final(f, partials, 2); /* needs them from now on */
    for (uint64_t at = 0; at < 3000; at += 1000) {
        move_hours(f, 20);
        check_ok(bring(f, partials[1], content + FIRST, (struct part){at, at + 1000}, true, &err));
    }
    move_hours(f, 20);
    check_ok(bring(f, partials[1], content + FIRST, (struct part){3000, SIZE - FIRST}, true, &err));
    check_ok(join(f, final, &joined, &err));
    assert_true(joined);
    check_joined(f, final, content);
}

static void they_expire_together(void **state)
{
    struct service_fixture *f = *state;
    struct uuid partials[2], final;

    moved_us = 0;
    f->app->clock = &moved;
    begin_two(f, partials);
    final = begin_final(f, partials, 2);
    move_hours(f, 25);
    assert_true(is_gone(f, final));
    assert_int_equal(stages_of(f), 2); /* they were needed until just now */
    move_hours(f, 0);
    check_reserved(f, 0, 0);
    assert_int_equal(stages_of(f), 0);
}

/* ---- a crash between the copy and the commit ---- */

/* Fails at the last operation before the partials are the final's: all has been copied. */
static void fail_behind_the_copy(struct service_fixture *f, struct uuid final)
{
    struct resumable_state state;
    struct error err;
    bool joined;

    for (unsigned nth = 1; stages_of(f) < 3; nth++) {
        assert_true(nth < FAULTS_MAX);
        db_fault_arm(nth, ERR_UNAVAILABLE);
        check_fails(join(f, final, &joined, &err), ERR_UNAVAILABLE);
        assert_true(db_fault_disarm());
    }
    state = state_of(f, final);
    assert_int_equal(state.session.status, SESSION_INITIATED);
    assert_int_equal(state.offset, 0);
}

static void a_crash_between_copy_and_commit(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    begin_two(f, partials);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    fail_behind_the_copy(f, final);
    service_restart(f);
    check_reserved(f, SIZE, 1);
    check_all_adds_up(f, true);
    assert_int_equal(state_of(f, partials[0]).offset, FIRST);
    assert_int_equal(state_of(f, partials[1]).offset, SIZE - FIRST);
    check_ok(join(f, final, &joined, &err));
    assert_true(joined);
    check_joined(f, final, content);
}

/* ---- limits ---- */

struct limiting {
    struct service_fixture *f;
    struct quota_limits limits;
};

static bool limit_work(struct db *tx, void *context, struct error *err)
{
    const struct limiting *limiting = context;
    struct quota_lifecycle lifecycle = {0};

    return quota_set(tx, limiting->f->workspace, &limiting->limits, &lifecycle,
                     app_now_us(limiting->f->app), err);
}

static void set_limits(struct service_fixture *f, struct quota_limits limits)
{
    struct limiting limiting = {f, limits};
    struct error err;

    check_ok(database_write(f->app->database, limit_work, &limiting, &err));
}

static void a_quota_of_just_that(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct resumable_request more = wish_of(f, SESSION_TUS, 1);
    struct resumable_state begun;
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    set_limits(f, (struct quota_limits){.max_storage_bytes = quota_limit_of(SIZE),
                                        .max_file_count = quota_limit_of(1)});
    begin_two(f, partials);
    check_fails(resumable_begin(f->app, &more, f->mem, &begun, &err), ERR_QUOTA_STORAGE);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_fails(resumable_begin(f->app, &more, f->mem, &begun, &err), ERR_QUOTA_STORAGE);
    check_ok(join(f, final, &joined, &err));
    check_joined(f, final, content);
    check_fails(resumable_begin(f->app, &more, f->mem, &begun, &err), ERR_QUOTA_STORAGE);
}

static void partials_that_are_too_large_together(void **state)
{
    struct service_fixture *f = *state;
    const char *content = wav(f, SIZE, 1);
    struct uuid partials[2], final;
    struct error err;
    bool joined;

    set_limits(f, (struct quota_limits){.max_file_size = quota_limit_of(SIZE - 1)});
    begin_two(f, partials);
    bring_two(f, partials, content);
    final = begin_final(f, partials, 2);
    check_fails(join(f, final, &joined, &err), ERR_FILE_TOO_LARGE);
    assert_int_equal(state_of(f, final).session.status, SESSION_FAILED);
    check_reserved(f, SIZE, 0);
    assert_int_equal(stages_of(f), 2);
    check_all_adds_up(f, true);
}

int main(int argc, char **argv)
{
#define with_app(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_up, service_fixture_down)
    const struct CMUnitTest tests[] = {
        with_app(partials_that_are_there_before_the_final),
        with_app(partials_that_come_behind_the_final),
        with_app(finals_that_share_a_partial),
        with_app(the_same_list_is_the_same_final),
        with_app(a_list_that_was_refused_with_its_content_is_refused_again),
        with_app(a_partial_that_is_deleted_meanwhile),
        with_app(a_partial_that_is_deleted_while_others_are_on_their_way),
        with_app(a_final_of_what_is_no_partial),
        with_app(a_final_is_told_no_length),
        with_app(a_partial_that_fails_is_the_end_of_its_finals),
        with_app(a_final_and_its_partials_live_as_long_as_one_of_them),
        with_app(they_expire_together),
        with_app(a_final_that_is_cancelled),
        with_app(a_crash_between_copy_and_commit),
        with_app(a_quota_of_just_that),
        with_app(partials_that_are_too_large_together),
    };

    SERVE_AS_MEDIA_WORKER(argc, argv);
    return cmocka_run_group_tests_name("concatenation", tests, NULL, NULL);
}
