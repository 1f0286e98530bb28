/* Turns of requests on one session: who waits for whom, who cuts whom, who has the digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "service/live.h"

#define WAITERS 5
#define SLOTS 16
#define THREADS 8
#define ROUNDS 400

static const struct uuid one = {{1}}, other = {{2}};

/* Set when this thread begins to wait: its turn stands in the row by then. */
static _Thread_local atomic_bool *is_waiting;

int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    if (is_waiting)
        atomic_store(is_waiting, true);
    return __real_pthread_cond_timedwait(condition, mutex, until);
}

static int set_up(void **state)
{
    *state = live_new();
    return 0;
}

static int tear_down(void **state)
{
    int left = (int)live_count(*state);

    if (left == 0)
        live_free(*state);
    return left;
}

static void count_cut(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
}

static struct live_turn turn_of(uint64_t start, uint64_t end)
{
    return (struct live_turn){.range = {start, end}};
}

static void enter(struct live *live, struct live_turn *turn)
{
    struct error err;

    if (!live_enter(live, one, turn, &err))
        fail_msg("%s", err.log);
}

/* ---- a turn in a thread of its own ---- */

#define CROWD 17 /* with the one that does not end */

struct visitor {
    struct live *live;
    struct live_turn turn;
    pthread_t thread;
    atomic_bool is_waiting;
    atomic_uint *order; /* of those who have entered, counted up */
    unsigned came_as;
    bool has_entered;
    enum error_kind why_not;
};

static void *visit(void *context)
{
    struct visitor *visitor = context;
    struct error err;

    is_waiting = &visitor->is_waiting;
    visitor->has_entered = live_enter(visitor->live, one, &visitor->turn, &err);
    if (!visitor->has_entered) {
        visitor->why_not = err.kind;
        return NULL;
    }
    visitor->came_as = atomic_fetch_add(visitor->order, 1);
    live_leave(&visitor->turn);
    return NULL;
}

/* Returns once it waits. */
static void start_waiting(struct visitor *visitor)
{
    assert_int_equal(pthread_create(&visitor->thread, NULL, visit, visitor), 0);
    while (!atomic_load(&visitor->is_waiting))
        sched_yield();
}

/* ---- who waits for whom ---- */

static void turns_that_share_no_bytes_run_beside_each_other(void **state)
{
    struct live_turn turns[] = {turn_of(0, 10), turn_of(10, 20), turn_of(20, LIVE_END)};

    for (size_t i = 0; i < COUNT_OF(turns); i++)
        enter(*state, &turns[i]);
    assert_int_equal(live_count(*state), 1);
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        assert_false(atomic_load(&turns[i].is_cut));
        live_leave(&turns[i]);
    }
    assert_int_equal(live_count(*state), 0);
}

static void sessions_do_not_mind_each_other(void **state)
{
    struct live_turn here = {.is_exclusive = true}, there = {.is_exclusive = true, .cuts = true};
    struct error err;

    enter(*state, &here);
    assert_false(live_is_busy(*state, other));
    assert_true(live_enter(*state, other, &there, &err));
    assert_true(live_is_busy(*state, one) && live_is_busy(*state, other));
    assert_int_equal(live_count(*state), 2);
    live_leave(&here);
    assert_false(live_is_busy(*state, one));
    live_leave(&there);
}

static void overlapping_turns_follow_in_the_order_in_which_they_came(void **state)
{
    struct live_turn first = turn_of(0, 10);
    struct visitor visitors[WAITERS];
    atomic_uint order = 0;

    enter(*state, &first);
    for (unsigned i = 0; i < WAITERS; i++) {
        visitors[i] = (struct visitor){.live = *state, .turn = turn_of(9 - i, 12), .order = &order};
        start_waiting(&visitors[i]);
    }
    assert_int_equal(atomic_load(&order), 0);
    live_leave(&first);
    for (unsigned i = 0; i < WAITERS; i++) {
        pthread_join(visitors[i].thread, NULL);
        assert_int_equal(visitors[i].came_as, i);
    }
}

/* 1 is in; 2 is exclusive and waits for it; 3 shares no byte with 1, and comes after 2 all the
 * same.
 */
static void an_exclusive_turn_waits_for_all_and_all_wait_for_it(void **state)
{
    struct live_turn first = turn_of(0, 10);
    atomic_uint order = 0;
    struct visitor alone = {.live = *state, .turn = {.is_exclusive = true}, .order = &order};
    struct visitor behind = {.live = *state, .turn = turn_of(50, 60), .order = &order};

    enter(*state, &first);
    start_waiting(&alone);
    start_waiting(&behind);
    live_leave(&first);
    pthread_join(alone.thread, NULL);
    pthread_join(behind.thread, NULL);
    assert_int_equal(alone.came_as, 0);
    assert_int_equal(behind.came_as, 1);
}

static void a_turn_that_was_not_entered_can_be_left(void **state)
{
    struct live_turn turn = turn_of(0, 1);

    live_leave(&turn);
    enter(*state, &turn);
    live_leave(&turn);
    live_leave(&turn);
    assert_int_equal(live_count(*state), 0);
}

/* ---- who cuts whom ---- */

static void a_newcomer_cuts_what_overlaps_once_and_nothing_else(void **state)
{
    atomic_uint cut = 0, spared = 0, order = 0;
    struct live_turn old = turn_of(0, 10), beside = turn_of(10, 20);
    struct visitor newer[2];

    old.interrupt = beside.interrupt = count_cut;
    old.context = &cut;
    beside.context = &spared;
    enter(*state, &old);
    enter(*state, &beside);
    for (unsigned i = 0; i < 2; i++) {
        newer[i] = (struct visitor){.live = *state, .turn = turn_of(5, 10), .order = &order};
        newer[i].turn.cuts = true;
        start_waiting(&newer[i]);
    }
    assert_true(atomic_load(&old.is_cut));
    assert_int_equal(atomic_load(&cut), 1);
    assert_false(atomic_load(&beside.is_cut));
    assert_int_equal(atomic_load(&spared), 0);
    assert_int_equal(atomic_load(&order), 0); /* cut is not gone */
    live_leave(&old);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(newer[i].thread, NULL);
        assert_true(newer[i].has_entered);
        assert_int_equal(newer[i].came_as, i);
    }
    live_leave(&beside);
}

static void who_has_no_interrupt_is_waited_for(void **state)
{
    atomic_uint order = 0;
    struct live_turn old = turn_of(0, 10);
    struct visitor newer = {.live = *state, .turn = turn_of(0, 1), .order = &order};

    newer.turn.cuts = true;
    enter(*state, &old);
    start_waiting(&newer);
    assert_false(atomic_load(&old.is_cut));
    live_leave(&old);
    pthread_join(newer.thread, NULL);
    assert_true(newer.has_entered);
}

static void who_does_not_cut_cuts_nobody(void **state)
{
    atomic_uint cut = 0, order = 0;
    struct live_turn old = {.range = {0, 10}, .interrupt = count_cut, .context = &cut};
    struct visitor newer = {.live = *state, .turn = turn_of(0, 1), .order = &order};

    enter(*state, &old);
    start_waiting(&newer);
    assert_false(atomic_load(&old.is_cut));
    live_leave(&old);
    pthread_join(newer.thread, NULL);
    assert_int_equal(atomic_load(&cut), 0);
}

static void who_waits_is_cut_too_and_goes_at_once(void **state)
{
    atomic_uint cut = 0, order = 0;
    struct live_turn old = turn_of(0, 10);
    struct visitor waiting = {.live = *state, .order = &order};
    struct visitor newest = {.live = *state, .order = &order};

    waiting.turn = (struct live_turn){.range = {5, 15}, .interrupt = count_cut, .context = &cut};
    newest.turn = (struct live_turn){.range = {8, 9}, .cuts = true};
    enter(*state, &old);
    start_waiting(&waiting);
    start_waiting(&newest);
    pthread_join(waiting.thread, NULL); /* though the first is still in */
    assert_false(waiting.has_entered);
    assert_int_equal(waiting.why_not, ERR_SUPERSEDED);
    assert_int_equal(atomic_load(&cut), 1);
    assert_int_equal(atomic_load(&order), 0);
    live_leave(&old);
    pthread_join(newest.thread, NULL);
    assert_true(newest.has_entered);
}

static void who_is_cut_hears_whether_the_session_goes(void **state)
{
    atomic_uint cut = 0, order = 0;
    struct live_turn in = {.range = {0, 10}, .interrupt = count_cut, .context = &cut};
    struct visitor waiting = {.live = *state, .order = &order};
    struct visitor newer = {.live = *state, .order = &order};
    struct visitor remover = {.live = *state, .order = &order};
    struct error err;

    waiting.turn = (struct live_turn){.range = {0, 5}, .interrupt = count_cut, .context = &cut};
    newer.turn = (struct live_turn){.range = {9, 10}, .cuts = true};
    remover.turn = (struct live_turn){.is_exclusive = true, .cuts = true, .removes = true};
    enter(*state, &in);
    start_waiting(&waiting);
    start_waiting(&newer);
    assert_false(live_cut(&in, &err));
    assert_int_equal(err.kind, ERR_SUPERSEDED);
    start_waiting(&remover);
    pthread_join(waiting.thread, NULL);
    assert_int_equal(waiting.why_not, ERR_NOT_FOUND);
    assert_false(live_cut(&in, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_int_equal(atomic_load(&cut), 2); /* each once */
    live_leave(&in);
    pthread_join(newer.thread, NULL); /* cannot be cut */
    pthread_join(remover.thread, NULL);
    assert_true(newer.has_entered && remover.has_entered);
}

/* ---- the digest ---- */

static void digest_is(const struct digest *digest, const char *text)
{
    uint8_t expected[SHA256_BYTES];
    struct digests found;

    sha256_of(text, strlen(text), expected);
    digest_peek(digest, &found);
    assert_memory_equal(found.sha256, expected, sizeof expected);
}

static void the_digest_is_lent_to_one_at_a_time(void **state)
{
    struct live_turn first = turn_of(0, 10), second = turn_of(10, 20);
    struct session row = {0};
    struct digest *digest;

    enter(*state, &first);
    enter(*state, &second);
    digest = live_digest_borrow(&first, &row);
    assert_int_equal(digest_length(digest), 0);
    assert_null(live_digest_borrow(&second, &row));
    digest_update(digest, "abc", 3);
    live_digest_return(&first, digest);

    digest = live_digest_borrow(&second, &row);
    digest_is(digest, "abc");
    digest_update(digest, "wrong", 5);
    live_digest_return(&second, NULL); /* as it was */
    digest_free(digest);
    digest = live_digest_borrow(&first, &row);
    digest_is(digest, "abc");
    live_digest_return(&first, digest);
    live_leave(&first);
    live_leave(&second);
}

static void give_digest_of(struct live *live, const char *text, const struct session *row)
{
    struct live_turn turn = turn_of(0, 10);
    struct digest *digest;

    enter(live, &turn);
    digest = live_digest_borrow(&turn, row);
    digest_update(digest, text, strlen(text));
    live_digest_return(&turn, digest);
    live_leave(&turn);
}

static void the_digest_is_kept_between_turns(void **state)
{
    struct live_turn turn = turn_of(0, 10);
    struct session row = {0};
    struct digest *digest;

    give_digest_of(*state, "abc", &row);
    assert_false(live_is_busy(*state, one));
    give_digest_of(*state, "def", &row);
    enter(*state, &turn);
    digest = live_digest_borrow(&turn, &row);
    digest_is(digest, "abcdef");
    live_digest_return(&turn, digest);
    live_leave(&turn);
}

static void the_digest_goes_on_from_the_row(void **state)
{
    uint8_t saved[DIGEST_SAVED_BYTES];
    struct live_turn turn = turn_of(0, 10);
    struct live *after_restart;
    struct session row = {0};
    struct digest *digest;
    uint64_t length = 0;

    enter(*state, &turn);
    assert_false(live_digest_save(&turn, saved, &length)); /* not known yet */
    digest = live_digest_borrow(&turn, &row);
    digest_update(digest, "abc", 3);
    live_digest_return(&turn, digest);
    if (!live_digest_save(&turn, saved, &length)) {
        live_leave(&turn);
        skip(); /* OpenSSL's cannot be written down */
    }
    assert_int_equal(length, 3);
    live_leave(&turn);

    row.digest_state = saved;
    row.digest_state_bytes = sizeof saved;
    row.hashed_bytes = 3;
    after_restart = live_new();
    enter(after_restart, &turn);
    digest = live_digest_borrow(&turn, &row);
    digest_is(digest, "abc");
    live_digest_return(&turn, digest);
    live_leave(&turn);

    row.hashed_bytes = 4; /* of other bytes than the row says: not to be trusted */
    enter(*state, &turn);
    digest = live_digest_borrow(&turn, &row);
    assert_int_equal(digest_length(digest), 0);
    live_digest_return(&turn, digest);
    live_leave(&turn);
    live_free(after_restart);
}

/* ---- all at once ---- */

/* Bytes that only their turns keep apart; the thread sanitizer looks on as well. */
struct field {
    struct live *live;
    unsigned slots[SLOTS];
    atomic_uint cuts;
    unsigned seed;
    atomic_uint written[SLOTS];
};

static void *work(void *context)
{
    struct field *field = context;
    unsigned random = field->seed;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t start = (random = random * 1103515245 + 12345) / 65536 % SLOTS;
        uint64_t end = start + 1 + (random = random * 1103515245 + 12345) / 65536 % 4;
        struct live_turn turn = turn_of(start, end < SLOTS ? end : SLOTS);
        struct error err;

        turn.cuts = random / 1024 % 3 == 0;
        turn.is_exclusive = random / 4096 % 16 == 0;
        turn.interrupt = random / 8192 % 2 ? count_cut : NULL;
        turn.context = &field->cuts;
        if (!live_enter(field->live, one, &turn, &err)) {
            assert_int_equal(err.kind, ERR_SUPERSEDED);
            assert_true(atomic_load(&turn.is_cut));
            continue;
        }
        for (uint64_t at = turn.range.start; at < turn.range.end; at++) {
            field->slots[at]++;
            atomic_fetch_add(&field->written[at], 1);
        }
        live_leave(&turn);
    }
    return NULL;
}

static void turns_keep_writers_apart(void **state)
{
    struct field field = {.live = *state};
    pthread_t threads[THREADS];

    field.seed = 7;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &field), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++) {
        assert_true(field.slots[i] > 0);
        assert_int_equal(field.slots[i], atomic_load(&field.written[i]));
    }
    assert_int_equal(live_count(*state), 0);
}

/* Each that waits holds a thread: one session must not hold them all. */
static void a_crowd_is_turned_away(void **state)
{
    struct live_turn finish = {.is_exclusive = true}, late = {.is_exclusive = true};
    struct visitor crowd[CROWD - 1];
    atomic_uint order = 0;
    struct error err;

    enter(*state, &finish);
    for (unsigned i = 0; i < COUNT_OF(crowd); i++) {
        crowd[i] =
            (struct visitor){.live = *state, .turn = {.is_exclusive = true}, .order = &order};
        start_waiting(&crowd[i]);
    }
    assert_false(live_enter(*state, one, &late, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    live_leave(&finish);
    for (unsigned i = 0; i < COUNT_OF(crowd); i++) {
        pthread_join(crowd[i].thread, NULL);
        assert_true(crowd[i].has_entered);
    }
    enter(*state, &late);
    live_leave(&late);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(turns_that_share_no_bytes_run_beside_each_other),
        CASE(sessions_do_not_mind_each_other),
        CASE(overlapping_turns_follow_in_the_order_in_which_they_came),
        CASE(an_exclusive_turn_waits_for_all_and_all_wait_for_it),
        CASE(a_turn_that_was_not_entered_can_be_left),
        CASE(a_newcomer_cuts_what_overlaps_once_and_nothing_else),
        CASE(who_has_no_interrupt_is_waited_for),
        CASE(who_does_not_cut_cuts_nobody),
        CASE(who_waits_is_cut_too_and_goes_at_once),
        CASE(who_is_cut_hears_whether_the_session_goes),
        CASE(the_digest_is_lent_to_one_at_a_time),
        CASE(the_digest_is_kept_between_turns),
        CASE(the_digest_goes_on_from_the_row),
        CASE(a_crowd_is_turned_away),
        CASE(turns_keep_writers_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
