/*
 * Uploads of several requests in which the nth operation of the store, or of the database, fails,
 * until none is left to fail. After each failure what was acknowledged is there, what is reported
 * was sent, the client's retry succeeds, whether or not the server was started again between, and
 * all adds up.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "db_fault.h"
#include "media/media.h"
#include "service/sweep.h"
#include "store_fault.h"

#define CHUNK ((uint64_t)16 * 1024)
#define SIZE ((size_t)(3 * CHUNK + 5000))
#define SESSIONS 3
#define NTH_MAX 400

enum faulty { STORE_BEFORE, STORE_AFTER, DATABASE, DATABASE_ANSWER };
static const char *const faulty_names[] = {"store", "store's answer", "database",
                                           "database's answer"};

struct sent {
    struct uuid id;
    const char *content;
    uint64_t size;
    struct part acked[4];
    size_t acked_count;
    bool is_ending; /* what was acknowledged may have become something else */
};

/* One upload, in which one operation fails. */
struct trial {
    struct service_fixture *f;
    const char *flow;
    enum faulty faulty;
    unsigned nth;
    bool restarts; /* after the failure */
    bool struck;
    char key[32];
    struct sent sent[SESSIONS];
    size_t sent_count;
    struct uuid upload;
};

/* ---- failing ---- */

static void arm(struct trial *t)
{
    switch (t->faulty) {
    case STORE_BEFORE:
    case STORE_AFTER:
        store_fault_arm(service_store(t->f), (int)t->nth - 1,
                        t->faulty == STORE_BEFORE ? FAULT_BEFORE : FAULT_AFTER);
        break;
    case DATABASE:
        db_fault_arm(t->nth, ERR_UNAVAILABLE);
        break;
    default:
        db_fault_arm_answer(t->nth, ERR_UNAVAILABLE);
    }
}

static void calm(struct trial *t)
{
    bool is_store = t->faulty == STORE_BEFORE || t->faulty == STORE_AFTER;
    bool struck = is_store ? store_fault_struck(service_store(t->f)) : db_fault_disarm();

    store_fault_calm(service_store(t->f));
    t->struck |= struck;
}

static void check_bytes(const struct trial *t, const struct sent *sent, struct part part)
{
    scoped(stage_release) struct stage *stage = NULL;
    size_t length = part.end - part.start, got = 0;
    char *bytes = arena_alloc(t->f->mem, length), id[UUID_TEXT_SIZE];
    struct error err;

    uuid_format(sent->id, id);
    if (!store_stage_open(t->f->inner, id, &stage, &err)) {
        struct resumable_state state = state_of(t->f, sent->id);
        struct store_object object; /* or it is published already */

        check_ok(store_head(t->f->inner, state.session.storage_path, &object, &err));
        assert_int_equal(object.size, state.session.file_size);
        return;
    }
    check_ok(stage_read(stage, part.start, bytes, length, &got, &err));
    assert_int_equal(got, length);
    assert_memory_equal(bytes, sent->content + part.start, length);
}

/* What is reported was sent, and is there; what was acknowledged is reported. */
static void check_kept(const struct trial *t)
{
    for (size_t i = 0; i < t->sent_count; i++) {
        const struct sent *sent = &t->sent[i];
        struct resumable_state state;

        if (sent->is_ending && is_gone(t->f, sent->id))
            continue;
        state = state_of(t->f, sent->id);
        if (sent->is_ending && state.session.status != SESSION_INITIATED)
            continue;
        assert_int_equal(state.session.status, SESSION_INITIATED);
        for (size_t j = 0; j < sent->acked_count; j++)
            assert_true(part_set_holds(&state.parts, sent->acked[j]));
        for (size_t j = 0; j < state.parts.count; j++)
            check_bytes(t, sent, state.parts.parts[j]);
    }
}

typedef bool step_work(struct trial *t, const void *what, struct error *err);

/* Takes a step, and once more after it has failed. */
static void insist(struct trial *t, step_work *step, const void *what)
{
    struct error err;

    if (step(t, what, &err))
        return;
    calm(t);
    if (!t->struck)
        fail_msg("%s: failed by itself: %s", t->flow, err.log);
    if (err.kind != ERR_UNAVAILABLE)
        fail_msg("%s: operation %u of the %s: failed with %s: %s", t->flow, t->nth,
                 faulty_names[t->faulty], error_code(&err), err.log);
    check_kept(t);
    if (t->restarts)
        service_restart(t->f);
    check_kept(t);
    if (!step(t, what, &err))
        fail_msg("%s: operation %u of the %s: the retry failed: %s", t->flow, t->nth,
                 faulty_names[t->faulty], err.log);
}

/* ---- steps ---- */

static struct sent *last_sent(struct trial *t)
{
    return &t->sent[t->sent_count - 1];
}

static bool begin_step(struct trial *t, const void *what, struct error *err)
{
    const struct resumable_request *wish = what;
    struct resumable_state state;

    if (!resumable_begin(t->f->app, wish, t->f->mem, &state, err))
        return false;
    t->sent[t->sent_count++] = (struct sent){.id = state.session.id, .size = wish->size};
    return true;
}

static struct sent *begin_sent(struct trial *t, struct resumable_request wish, const char *content)
{
    snprintf(t->key, sizeof t->key, "%.8s-%d-%u-%d-%zu", t->flow, (int)t->faulty, t->nth,
             t->restarts, t->sent_count);
    wish.idempotency_key = t->key;
    insist(t, begin_step, &wish);
    last_sent(t)->content = content;
    last_sent(t)->size = wish.size;
    return last_sent(t);
}

struct bringing {
    struct sent *sent;
    struct part part;
};

static void acknowledge(struct sent *sent, struct part part)
{
    sent->acked[sent->acked_count++] = part;
}

static bool chunk_step(struct trial *t, const void *what, struct error *err)
{
    const struct bringing *bringing = what;

    return bring(t->f, bringing->sent->id, bringing->sent->content, bringing->part, false, err);
}

static void bring_chunk(struct trial *t, struct sent *sent, uint64_t index)
{
    struct part part = {index * CHUNK, (index + 1) * CHUNK};
    struct bringing bringing;

    part.end = part.end < sent->size ? part.end : sent->size;
    bringing = (struct bringing){sent, part};
    insist(t, chunk_step, &bringing);
    acknowledge(sent, part);
}

/* A client that was not answered asks where the upload stands, and goes on from there. */
static bool append_step(struct trial *t, const void *what, struct error *err)
{
    const struct bringing *bringing = what;
    struct part part = bringing->part;
    struct resumable_state state;

    if (!resumable_look(t->f->app, t->f->workspace, bringing->sent->id, t->f->mem, &state, err))
        return false;
    assert_true(state.offset >= part.start && state.offset <= part.end);
    part.start = state.offset;
    return part.start == part.end ||
           bring(t->f, bringing->sent->id, bringing->sent->content, part, true, err);
}

static void append_to(struct trial *t, struct sent *sent, uint64_t from, uint64_t end)
{
    struct bringing bringing = {sent, {from, end}};

    insist(t, append_step, &bringing);
    acknowledge(sent, bringing.part);
}

static bool size_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *sent = what;
    struct resumable_state state;

    if (!resumable_read(t->f->app, t->f->workspace, sent->id, t->f->mem, &state, err))
        return false;
    return state.session.file_size == SIZE ||
           resumable_set_size(t->f->app, t->f->workspace, sent->id, SIZE, err);
}

static bool finish_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *sent = what;
    struct ingest_outcome outcome;

    if (!resumable_finish(t->f->app, t->f->workspace, sent->id, t->f->mem, &outcome, err))
        return false;
    t->upload = outcome.upload.id;
    return true;
}

static void finish(struct trial *t, struct sent *sent)
{
    sent->is_ending = true;
    insist(t, finish_step, sent);
    insist(t, finish_step, sent); /* whoever asks, and however often */
    calm(t);
    check_upload(t->f, t->upload, sent->content, SIZE);
}

/* ---- uploads ---- */

static void chunks(struct trial *t)
{
    struct resumable_request wish = wish_of(t->f, SESSION_CHUNKED, SIZE);
    static const uint64_t order[] = {2, 0, 3, 1, 2};
    struct sent *sent;

    wish.chunk_size = CHUNK;
    sent = begin_sent(t, wish, wav(t->f, SIZE, t->nth));
    for (size_t i = 0; i < COUNT_OF(order) - 1; i++)
        bring_chunk(t, sent, order[i]);
    insist(t, chunk_step, &(struct bringing){sent, {2 * CHUNK, 3 * CHUNK}}); /* once more */
    finish(t, sent);
}

static void appends_of_unknown_length(struct trial *t)
{
    struct sent *sent =
        begin_sent(t, wish_of(t->f, SESSION_TUS, SESSION_SIZE_UNKNOWN), wav(t->f, SIZE, t->nth));

    append_to(t, sent, 0, 10000);
    append_to(t, sent, 10000, 30000);
    insist(t, size_step, sent);
    append_to(t, sent, 30000, SIZE);
    finish(t, sent);
}

/* Everything is there already, in another upload. */
static void content_that_is_there(struct trial *t)
{
    struct sent *sent =
        begin_sent(t, wish_of(t->f, SESSION_DRAFT, SIZE), wav(t->f, SIZE, NTH_MAX + 1));

    append_to(t, sent, 0, SIZE);
    finish(t, sent);
}

static bool join_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *final = what;
    struct resumable_state state;
    struct ingest_outcome outcome;
    bool joined;

    if (!resumable_join(t->f->app, t->f->workspace, final->id, t->f->mem, &joined, &outcome, err) ||
        !resumable_read(t->f->app, t->f->workspace, final->id, t->f->mem, &state, err))
        return false;
    assert_int_equal(state.session.status, SESSION_COMPLETED);
    t->upload = state.session.upload_id;
    return true;
}

/* A final, made when its partials are on their way. */
static void concatenation(struct trial *t)
{
    struct resumable_request wish = wish_of(t->f, SESSION_TUS, CHUNK);
    const char *content = wav(t->f, SIZE, t->nth);
    struct uuid partials[2];

    wish.concatenation = SESSION_PARTIAL;
    begin_sent(t, wish, content);
    wish.size = SIZE - CHUNK;
    begin_sent(t, wish, content + CHUNK);
    partials[0] = t->sent[0].id;
    partials[1] = t->sent[1].id;
    append_to(t, &t->sent[1], 0, SIZE - CHUNK);
    wish = wish_of(t->f, SESSION_TUS, SESSION_SIZE_UNKNOWN);
    wish.concatenation = SESSION_FINAL;
    wish.partials = partials;
    wish.partial_count = 2;
    begin_sent(t, wish, content)->size = SIZE;
    append_to(t, &t->sent[0], 0, CHUNK);
    for (size_t i = 0; i < t->sent_count; i++)
        t->sent[i].is_ending = true;
    insist(t, join_step, &t->sent[2]);
    calm(t);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(state_of(t->f, partials[i]).session.status, SESSION_COMPLETED);
    check_upload(t->f, t->upload, content, SIZE);
}

static bool abort_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *sent = what;

    return resumable_abort(t->f->app, t->f->workspace, sent->id, err) || err->kind == ERR_NOT_FOUND;
}

static void cancelled(struct trial *t)
{
    struct resumable_request wish = wish_of(t->f, SESSION_CHUNKED, SIZE);
    struct sent *sent;

    wish.chunk_size = CHUNK;
    sent = begin_sent(t, wish, wav(t->f, SIZE, t->nth));
    bring_chunk(t, sent, 1);
    sent->is_ending = true;
    sent->acked_count = 0;
    insist(t, abort_step, sent);
    calm(t);
    assert_true(is_gone(t->f, sent->id));
}

/* Told with each request, whether or not it could be written down. */
static bool refusal_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *sent = what;

    if (bring(t->f, sent->id, sent->content, (struct part){0, 8192}, true, err))
        fail_msg("a page was taken for audio");
    return err->kind == ERR_NOT_AUDIO;
}

static bool failed_step(struct trial *t, const void *what, struct error *err)
{
    const struct sent *sent = what;
    struct resumable_state state;

    if (!resumable_read(t->f->app, t->f->workspace, sent->id, t->f->mem, &state, err))
        return false;
    assert_int_equal(state.session.status, SESSION_FAILED);
    return true;
}

static void no_audio(struct trial *t)
{
    char *page = arena_alloc(t->f->mem, SIZE);
    struct sent *sent = begin_sent(t, wish_of(t->f, SESSION_TUS, SIZE), page);

    memset(page, ' ', SIZE);
    memcpy(page, "<!DOCTYPE html><html>", 21);
    sent->is_ending = true;
    insist(t, refusal_step, sent);
    insist(t, refusal_step, sent);
    insist(t, failed_step, sent);
    insist(t, abort_step, sent);
    calm(t);
    assert_true(is_gone(t->f, sent->id));
}

/* ---- until none is left to fail ---- */

struct sums {
    uint64_t files, bytes;
};

static void check_end(struct trial *t, struct sums *sums)
{
    struct quota quota;
    struct error err;

    calm(t);
    check_ok(sweep_run(t->f->app, NULL, &err));
    check_ok(sweep_start(t->f->app, NULL, &err));
    check_all_adds_up(t->f, false);
    check_reserved(t->f, 0, 0);
    assert_int_equal(stages_of(t->f), 0);
    sums->files += uuid_is_nil(t->upload) ? 0 : 1;
    sums->bytes += uuid_is_nil(t->upload) ? 0 : SIZE;
    quota = quota_of(t->f);
    assert_int_equal(quota.current_file_count, sums->files);
    assert_int_equal(quota.current_storage_bytes, sums->bytes);
}

/* Every other time the server is started again after the failure, beginning with the first or the
 * second. */
static void play(const char *name, void (*flow)(struct trial *t), enum faulty faulty, bool first)
{
    struct service_fixture *f = NULL;
    struct sums sums = {0};
    bool struck = true;
    unsigned nth;

    service_fixture_up((void **)&f);
    for (nth = 1; struck; nth++) {
        struct trial trial = {.f = f,
                              .flow = name,
                              .faulty = faulty,
                              .nth = nth,
                              .restarts = (nth % 2 == 1) == first};

        assert_true(nth < NTH_MAX);
        arena_reset(f->mem);
        arm(&trial);
        flow(&trial);
        check_end(&trial, &sums);
        struck = trial.struck;
    }
    assert_true(nth > 3);
    print_message("%s: %u operations of the %s\n", name, nth - 2, faulty_names[faulty]);
    check_all_adds_up(f, true);
    service_fixture_down((void **)&f);
}

static void play_all(const char *name, void (*flow)(struct trial *t))
{
    play(name, flow, STORE_BEFORE, false);
    play(name, flow, STORE_AFTER, true);
    play(name, flow, DATABASE, false);
    play(name, flow, DATABASE_ANSWER, true);
}

#define FLOW(name)                           \
    static void each_of_##name(void **state) \
    {                                        \
        (void)state;                         \
        play_all(#name, name);               \
    }
FLOW(chunks)
FLOW(appends_of_unknown_length)
FLOW(content_that_is_there)
FLOW(concatenation)
FLOW(cancelled)
FLOW(no_audio)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_chunks),
        cmocka_unit_test(each_of_appends_of_unknown_length),
        cmocka_unit_test(each_of_content_that_is_there),
        cmocka_unit_test(each_of_concatenation),
        cmocka_unit_test(each_of_cancelled),
        cmocka_unit_test(each_of_no_audio),
    };

    SERVE_AS_MEDIA_WORKER(argc, argv);
    return cmocka_run_group_tests_name("uploads of several requests: faults", tests, NULL, NULL);
}
