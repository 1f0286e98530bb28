/*
 * Deliveries of webhooks in the catalog: made once for each event whatever fails meanwhile, one of
 * an upload due at a time; and how long they wait.
 */
#include "fixture.h"

#include "catalog/delivery.h"
#include "catalog/event.h"
#include "catalog/webhook.h"
#include "db_fault.h"
#include "jobs/webhook_fan_out.h"
#include "jobs/webhook_sender.h"
#include "service/trash.h"

#define EVENTS_OF_ONE 3
#define NTH_MAX 200

static bool insert_webhook(struct db *tx, void *context, struct error *err)
{
    return webhook_insert(tx, context, err);
}

static struct uuid add_webhook(struct app_fixture *f)
{
    struct webhook webhook = {.id = app_new_id(f->app),
                              .workspace_id = f->workspace_id,
                              .url = "https://hooks.invalid/",
                              .description = "",
                              .event_types = "",
                              .secret = {.length = 32},
                              .enabled = true,
                              .created_at_us = app_now_us(f->app)};

    assert_ok(f, database_write(f->app->database, insert_webhook, &webhook, &f->err));
    return webhook.id;
}

static bool fan_out(struct app_fixture *f, uint64_t *made)
{
    struct fan_out fan_out = {.app = f->app};
    bool ok = database_write(f->app->database, webhook_fan_out, &fan_out, &f->err);

    *made = fan_out.deliveries;
    return ok;
}

static int64_t last_event(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    int64_t last = 0;

    assert_ok(f, database_read(f->app->database, &db, &f->err) && event_last(db, &last, &f->err));
    return last;
}

static int64_t delivered(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    int64_t position = 0;

    assert_ok(f, database_read(f->app->database, &db, &f->err) &&
                     event_delivered(db, &position, &f->err));
    return position;
}

/* The newest first. */
static struct delivery *list(struct app_fixture *f, struct uuid webhook_id, size_t *count)
{
    scoped(db_release) struct db *db = NULL;
    struct delivery *found = NULL;

    assert_ok(f, database_read(f->app->database, &db, &f->err) &&
                     delivery_list(db, webhook_id, (struct uuid){{0}}, "", 100, f->mem, &found,
                                   count, &f->err));
    return found;
}

static void change_upload(struct app_fixture *f, const char *key)
{
    struct uuid id = app_fixture_add(f, "main", key, true);
    struct upload upload;

    assert_ok(f, trash_put(f->app, f->workspace_id, f->user_id, id, &f->err));
    assert_ok(f, trash_undelete(f->app, f->workspace_id, f->user_id, id, f->mem, &upload, &f->err));
}

/* Every event once, in order, and the first alone due. */
static void check_waiting(struct app_fixture *f, struct uuid webhook_id, size_t ended)
{
    size_t count = 0;
    struct delivery *found = list(f, webhook_id, &count);

    assert_int_equal(count, EVENTS_OF_ONE);
    for (size_t i = 0; i < count; i++) {
        const struct delivery *one = &found[count - 1 - i];

        if (i > 0)
            assert_int_equal(one->event_sequence, found[count - i].event_sequence + 1);
        assert_string_equal(one->status, i < ended ? DELIVERY_DELIVERED : DELIVERY_PENDING);
        assert_int_equal(one->next_attempt_at_us != 0, i == ended);
    }
}

static bool record_first(struct db *tx, void *context, struct error *err)
{
    struct delivery *delivery = context;

    delivery->status = DELIVERY_DELIVERED;
    delivery->next_attempt_at_us = 0;
    return delivery_attempted(tx, delivery, 1, err);
}

static void arm(bool answer, unsigned nth)
{
    if (answer)
        db_fault_arm_answer(nth, ERR_UNAVAILABLE);
    else
        db_fault_arm(nth, ERR_UNAVAILABLE);
}

/* True if the failure came before all was done. */
static bool try_with_failure(struct app_fixture *f, bool answer, unsigned nth)
{
    struct uuid webhook_id = add_webhook(f);
    size_t count = 0;
    uint64_t made;
    struct delivery first;
    bool struck;

    change_upload(f, arena_printf(f->mem, "uploads/%d-%u", answer, nth));
    arm(answer, nth);
    fan_out(f, &made);
    struck = db_fault_disarm();
    assert_ok(f, fan_out(f, &made));
    assert_int_equal(delivered(f), last_event(f));
    check_waiting(f, webhook_id, 0);

    first = list(f, webhook_id, &count)[EVENTS_OF_ONE - 1];
    arm(answer, nth);
    database_write(f->app->database, record_first, &first, &f->err);
    struck |= db_fault_disarm();
    assert_ok(f, database_write(f->app->database, record_first, &first, &f->err));
    check_waiting(f, webhook_id, 1);
    return struck;
}

static bool remove_webhook(struct db *tx, void *context, struct error *err)
{
    const struct app_fixture *f = context;
    struct webhook *webhooks;
    size_t count;

    return webhook_list(tx, f->workspace_id, (struct uuid){{0}}, 1, f->mem, &webhooks, &count,
                        err) &&
           webhook_remove(tx, f->workspace_id, webhooks[0].id, 1, err);
}

static void every_failure_is_got_over(void **state)
{
    struct app_fixture *f = *state;

    db_fault_wrap(f->app->database);
    for (int answer = 0; answer < 2; answer++) {
        unsigned nth = 1;

        while (try_with_failure(f, answer, nth)) {
            assert_ok(f, database_write(f->app->database, remove_webhook, f, &f->err));
            assert_true(++nth < NTH_MAX);
        }
        assert_true(nth > 1); /* something did fail */
        assert_ok(f, database_write(f->app->database, remove_webhook, f, &f->err));
    }
}

static void nobody_is_told_of_what_was_before(void **state)
{
    struct app_fixture *f = *state;
    struct uuid webhook_id;
    size_t count = 0;
    uint64_t made;

    change_upload(f, "uploads/before");
    assert_ok(f, fan_out(f, &made));
    assert_int_equal(made, 0);
    webhook_id = add_webhook(f);
    assert_ok(f, fan_out(f, &made));
    assert_int_equal(made, 0);
    list(f, webhook_id, &count);
    assert_int_equal(count, 0);
}

static bool forget_all(struct db *tx, void *context, struct error *err)
{
    return event_remove(tx, INT64_MAX, 1000, context, err);
}

/* What is not said to be removed is all there. */
static void check_log(struct app_fixture *f)
{
    scoped(db_release) struct db *db = NULL;
    struct event *events = NULL;
    int64_t removed = 0, last = 0;
    size_t count = 0;

    assert_ok(f, database_read(f->app->database, &db, &f->err) &&
                     event_removed(db, &removed, &f->err) && event_last(db, &last, &f->err) &&
                     event_list(db, 0, 1000, f->mem, &events, &count, &f->err));
    assert_int_equal(count, last - removed);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(events[i].sequence, removed + 1 + (int64_t)i);
}

static void removing_events_is_all_or_nothing(void **state)
{
    struct app_fixture *f = *state;
    uint64_t removed = 0;

    db_fault_wrap(f->app->database);
    for (int answer = 0; answer < 2; answer++) {
        unsigned nth = 1;
        bool struck;

        do {
            change_upload(f, arena_printf(f->mem, "uploads/%d-%u", answer, nth));
            arm(answer, nth);
            database_write(f->app->database, forget_all, &removed, &f->err);
            struck = db_fault_disarm();
            check_log(f);
            assert_ok(f, database_write(f->app->database, forget_all, &removed, &f->err));
            check_log(f);
            assert_true(++nth < NTH_MAX);
        } while (struck);
        assert_true(nth > 2); /* something did fail */
    }
}

/* Events that were removed unread are passed over, and their numbers not given again. */
static void removed_events_hold_up_nothing(void **state)
{
    struct app_fixture *f = *state;
    uint64_t removed = 0, made;
    int64_t last;

    add_webhook(f);
    change_upload(f, "uploads/removed");
    last = last_event(f);
    assert_ok(f, database_write(f->app->database, forget_all, &removed, &f->err));
    assert_int_equal(removed, EVENTS_OF_ONE);
    assert_int_equal(last_event(f), last);
    assert_ok(f, fan_out(f, &made));
    assert_int_equal(delivered(f), last);
    change_upload(f, "uploads/after");
    assert_int_equal(last_event(f), last + EVENTS_OF_ONE);
    assert_ok(f, fan_out(f, &made));
    assert_int_equal(made, EVENTS_OF_ONE);
}

static void back_off_doubles_up_to_a_limit(void **state)
{
    const int64_t first_us = 5 * US_PER_S, most_us = 3 * 3600 * US_PER_S;
    int64_t total_us = 0;

    (void)state;
    for (int64_t attempts = 1; attempts < 30; attempts++) {
        int64_t least_us = webhook_backoff_us(first_us, attempts, 0);
        int64_t longest_us = webhook_backoff_us(first_us, attempts, UINT32_MAX);
        int64_t plain_us = attempts <= 12 ? first_us << (attempts - 1) : most_us;

        assert_true(plain_us <= most_us);
        assert_int_equal(least_us, plain_us * 4 / 5);
        assert_true(longest_us > plain_us && longest_us < plain_us * 6 / 5 + 1);
        total_us += attempts <= 18 ? plain_us : 0;
    }
    assert_true(total_us > 20 * 3600 * US_PER_S); /* a day needs few attempts */
}

#define ON_APP(test) \
    cmocka_unit_test_setup_teardown(test, app_fixture_set_up, app_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_APP(every_failure_is_got_over),
        ON_APP(nobody_is_told_of_what_was_before),
        ON_APP(removed_events_hold_up_nothing),
        ON_APP(removing_events_is_all_or_nothing),
        cmocka_unit_test(back_off_doubles_up_to_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
