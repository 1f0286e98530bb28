/* Uploads of several requests where requests come between one another. */
#include "fixture.h"

#include <unistd.h>

#include "catalog/idempotency.h"
#include "service/resumable.h"

#define DECLARED 50 /* bytes */

/* A body during which another request says how long the upload is. */
struct late_length {
    struct source base;
    struct app_fixture *f;
    struct uuid id;
    unsigned reads;
};

static bool read_late(struct source *source, void *bytes, size_t size, size_t *out,
                      struct error *err)
{
    struct late_length *self = container_of(source, struct late_length, base);
    static const size_t lengths[] = {40, 60, 0};

    (void)err;
    if (self->reads == 1)
        assert_ok(self->f, resumable_set_size(self->f->app, self->f->workspace_id, self->id,
                                              DECLARED, &self->f->err));
    *out = lengths[self->reads++];
    assert_true(*out <= size);
    memset(bytes, 'x', *out);
    return true;
}

static struct uuid begin_unknown(struct app_fixture *f)
{
    struct resumable_request request = {.workspace_id = f->workspace_id,
                                        .user_id = f->user_id,
                                        .kind = SESSION_TUS,
                                        .filename = "a.wav",
                                        .size = SESSION_SIZE_UNKNOWN};
    struct resumable_state state = {0};

    assert_ok(f, resumable_begin(f->app, &request, f->mem, &state, &f->err));
    return state.session.id;
}

static void nothing_counts_behind_a_length_that_came_meanwhile(void **state)
{
    struct app_fixture *f = *state;
    struct late_length body = {.base.read = read_late, .f = f, .id = begin_unknown(f)};
    struct resumable_write write = {
        .length = RESUMABLE_REST, .is_append = true, .body = &body.base};
    struct resumable_state now;

    assert_false(resumable_write(f->app, f->workspace_id, body.id, &write, f->mem, &now, &f->err));
    assert_int_equal(f->err.kind, ERR_INVALID);
    assert_ok(f, resumable_read(f->app, f->workspace_id, body.id, f->mem, &now, &f->err));
    assert_true(now.offset <= DECLARED);
    assert_int_equal(now.session.file_size, DECLARED);
    assert_int_equal(now.session.reserved_bytes, DECLARED);
}

static bool use_key(struct db *tx, void *context, struct error *err)
{
    struct app_fixture *f = context;
    struct idempotency used = {.workspace_id = f->workspace_id,
                               .user_id = f->user_id,
                               .key = "k",
                               .fingerprint = "another",
                               .created_at_us = 1};

    return idempotency_add(tx, &used, err);
}

static void the_key_of_another_request_is_refused(void **state)
{
    struct app_fixture *f = *state;
    struct resumable_request request = {.workspace_id = f->workspace_id,
                                        .user_id = f->user_id,
                                        .kind = SESSION_CHUNKED,
                                        .filename = "a.wav",
                                        .size = DECLARED,
                                        .idempotency_key = "k"};
    struct resumable_state now;

    assert_ok(f, database_write(f->app->database, use_key, f, &f->err));
    assert_false(resumable_begin(f->app, &request, f->mem, &now, &f->err));
    assert_int_equal(f->err.kind, ERR_IDEMPOTENCY_REUSED);
}

static struct uuid begin_of(struct app_fixture *f, enum session_concatenation concatenation,
                            const struct uuid *partials, size_t count)
{
    struct resumable_request request = {.workspace_id = f->workspace_id,
                                        .user_id = f->user_id,
                                        .kind = SESSION_TUS,
                                        .filename = "a.wav",
                                        .size = SESSION_SIZE_UNKNOWN,
                                        .concatenation = concatenation,
                                        .partials = partials,
                                        .partial_count = count};
    struct resumable_state state = {0};

    assert_ok(f, resumable_begin(f->app, &request, f->mem, &state, &f->err));
    return state.session.id;
}

static void a_failed_upload_leaves_no_object_behind(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = begin_unknown(f);
    struct resumable_state now;
    struct error cause;

    /* As after a crash between publishing and the commit. */
    assert_ok(f, resumable_read(f->app, f->workspace_id, id, f->mem, &now, &f->err));
    app_fixture_add(f, "main", now.session.storage_path, false);
    error_tell(&cause, ERR_CHECKSUM, "not what was announced");
    assert_ok(f, resumable_reject(f->app, f->workspace_id, id, &cause, &f->err));
    assert_ok(f, resumable_read(f->app, f->workspace_id, id, f->mem, &now, &f->err));
    assert_int_equal(now.session.status, SESSION_FAILED);
    assert_false(app_fixture_has(f, "main", now.session.storage_path));
}

static void a_final_takes_each_partial_once(void **state)
{
    struct app_fixture *f = *state;
    struct uuid partial = begin_of(f, SESSION_PARTIAL, NULL, 0);
    struct uuid other = begin_of(f, SESSION_PARTIAL, NULL, 0);
    const struct uuid twice[] = {partial, other, partial};
    struct resumable_request request = {.workspace_id = f->workspace_id,
                                        .user_id = f->user_id,
                                        .kind = SESSION_TUS,
                                        .filename = "a.wav",
                                        .size = SESSION_SIZE_UNKNOWN,
                                        .concatenation = SESSION_FINAL,
                                        .partials = twice,
                                        .partial_count = COUNT_OF(twice)};
    struct resumable_state now;

    assert_false(resumable_begin(f->app, &request, f->mem, &now, &f->err));
    assert_int_equal(f->err.kind, ERR_CONFLICT);
}

static void the_finals_of_a_partial_are_found(void **state)
{
    struct app_fixture *f = *state;
    const struct uuid partials[] = {begin_of(f, SESSION_PARTIAL, NULL, 0),
                                    begin_of(f, SESSION_PARTIAL, NULL, 0),
                                    begin_of(f, SESSION_PARTIAL, NULL, 0)};
    struct uuid finals[] = {begin_of(f, SESSION_FINAL, partials, 2),
                            begin_of(f, SESSION_FINAL, partials + 1, 1)};
    scoped(db_release) struct db *db = NULL;
    struct uuid *found;
    size_t count;

    assert_ok(f, database_read(f->app->database, &db, &f->err));
    for (size_t i = 0; i < 2; i++) {
        assert_ok(f, session_finals_of(db, f->workspace_id, partials[i], f->mem, &found, &count,
                                       &f->err));
        assert_int_equal(count, i + 1);
        for (size_t j = 0; j < count; j++)
            assert_true(uuid_equal(found[j], finals[j]));
    }
    assert_ok(f,
              session_finals_of(db, f->workspace_id, partials[2], f->mem, &found, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, session_finals_of(db, f->user_id, partials[0], f->mem, &found, &count, &f->err));
    assert_int_equal(count, 0);
}

#define HEAD 10                        /* bytes */
#define LONG_APPEND ((size_t)40 << 20) /* more than is recorded at once */
#define HANG_S 120

/* COUNT times x; in the middle of a long one, the head of the upload is sent once more. */
struct letters {
    struct source base;
    struct app_fixture *f;
    struct uuid id;
    size_t left;
    bool is_long;
};

static void send_head_again(struct app_fixture *f, struct uuid id);

static bool read_letters(struct source *source, void *bytes, size_t size, size_t *out,
                         struct error *err)
{
    struct letters *self = container_of(source, struct letters, base);

    (void)err;
    if (self->is_long && self->left == 0)
        send_head_again(self->f, self->id);
    *out = size < self->left ? size : self->left;
    memset(bytes, 'x', *out);
    self->left -= *out;
    return true;
}

static void send_head_again(struct app_fixture *f, struct uuid id)
{
    struct letters body = {.base.read = read_letters, .left = HEAD};
    struct resumable_write write = {.length = HEAD, .all_or_nothing = true, .body = &body.base};
    struct resumable_state now;

    assert_ok(f, resumable_write(f->app, f->workspace_id, id, &write, f->mem, &now, &f->err));
    assert_true(now.offset > HEAD);
}

static void a_retry_does_not_wait_for_an_append_behind_it(void **state)
{
    struct app_fixture *f = *state;
    struct uuid id = begin_of(f, SESSION_PARTIAL, NULL, 0);
    struct letters head = {.base.read = read_letters, .left = HEAD};
    struct letters rest = {
        .base.read = read_letters, .f = f, .id = id, .left = LONG_APPEND, .is_long = true};
    struct resumable_write write = {
        .length = RESUMABLE_REST, .is_append = true, .body = &head.base};
    struct resumable_state now;

    alarm(HANG_S);
    assert_ok(f, resumable_write(f->app, f->workspace_id, id, &write, f->mem, &now, &f->err));
    write.offset = HEAD;
    write.body = &rest.base;
    assert_ok(f, resumable_write(f->app, f->workspace_id, id, &write, f->mem, &now, &f->err));
    alarm(0);
    assert_int_equal(now.offset, HEAD + LONG_APPEND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_counts_behind_a_length_that_came_meanwhile),
        CASE(the_key_of_another_request_is_refused),
        CASE(a_failed_upload_leaves_no_object_behind),
        CASE(a_final_takes_each_partial_once),
        CASE(the_finals_of_a_partial_are_found),
        CASE(a_retry_does_not_wait_for_an_append_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
