#include "service/shared_stage.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "catalog/node.h"
#include "catalog/piece.h"
#include "service/node.h"

#define KNOWN_MAX 1024 /* sessions; of one that is forgotten all is fetched again */
/* Longer than storing one can take: the store gives up before. */
#define LATE_US (3600 * US_PER_S)
#define FINISH_WAIT_US (60 * US_PER_S)
#define FINISH_LOOK_NS \
    100000000L /* at first; each look is a transaction, and the next comes later */
#define FINISH_LOOK_MOST_NS 900000000L

/* ---- what is here ---- */

struct known {
    struct uuid id;
    struct part *parts; /* in order, apart from one another */
    size_t count;
};

struct shared_stages {
    pthread_mutex_t lock;
    struct known known[KNOWN_MAX]; /* under LOCK */
    unsigned next;                 /* is overwritten next */
};

struct shared_stages *shared_stages_new(void)
{
    struct shared_stages *stages = calloc(1, sizeof *stages);

    if (!stages)
        abort();
    pthread_mutex_init(&stages->lock, NULL);
    return stages;
}

void shared_stages_free(struct shared_stages *stages)
{
    if (!stages)
        return;
    for (size_t i = 0; i < KNOWN_MAX; i++)
        free(stages->known[i].parts);
    pthread_mutex_destroy(&stages->lock);
    free(stages);
}

/* Under the lock, as the next two. */
static struct known *find(struct shared_stages *stages, struct uuid id)
{
    for (size_t i = 0; i < KNOWN_MAX; i++)
        if (uuid_equal(stages->known[i].id, id))
            return &stages->known[i];
    return NULL;
}

static struct known *find_or_make(struct shared_stages *stages, struct uuid id)
{
    struct known *known = find(stages, id);

    if (known)
        return known;
    known = &stages->known[stages->next];
    stages->next = (stages->next + 1) % KNOWN_MAX;
    free(known->parts);
    *known = (struct known){.id = id};
    return known;
}

static void add(struct known *known, struct part part)
{
    struct part *parts = malloc((known->count + 1) * sizeof *parts);
    size_t n = 0, i = 0;

    assert(parts);
    for (; i < known->count && known->parts[i].end < part.start; i++)
        parts[n++] = known->parts[i];
    for (; i < known->count && known->parts[i].start <= part.end; i++) {
        if (known->parts[i].start < part.start)
            part.start = known->parts[i].start;
        if (known->parts[i].end > part.end)
            part.end = known->parts[i].end;
    }
    parts[n++] = part;
    for (; i < known->count; i++)
        parts[n++] = known->parts[i];
    free(known->parts);
    known->parts = parts;
    known->count = n;
}

static bool is_here(struct app *app, struct uuid id, struct part part)
{
    struct shared_stages *stages = app->shared_stages;
    struct known *known;
    bool here;

    pthread_mutex_lock(&stages->lock);
    known = find(stages, id);
    here = known && part_set_holds(&(struct part_set){known->parts, known->count}, part);
    pthread_mutex_unlock(&stages->lock);
    return here;
}

/* One that is on the disks of this node alone, though others have the store too. */
static bool stages_are_apart(const struct app *app, const char *store_name)
{
    const struct store *store = app_store(app, store_name);

    return node_is_shared(app) && store && !store_has_files(store);
}

bool shared_stage_is_wanted(const struct app *app, const char *store_name)
{
    return app->settings.shared_staging && stages_are_apart(app, store_name);
}

bool shared_stage_is_used(const struct app *app, const struct session *session)
{
    return session->is_shared && node_is_shared(app);
}

bool shared_stage_is_elsewhere(const struct app *app, const struct session *session)
{
    return !session->is_shared && stages_are_apart(app, session->storage_name) &&
           !uuid_is_nil(session->node_id) && !uuid_equal(session->node_id, app->node_id);
}

void shared_stage_note(struct app *app, const struct session *session, struct part part)
{
    struct shared_stages *stages = app->shared_stages;

    if (!shared_stage_is_used(app, session) || part.end <= part.start)
        return;
    pthread_mutex_lock(&stages->lock);
    add(find_or_make(stages, session->id), part);
    pthread_mutex_unlock(&stages->lock);
}

bool shared_stage_has(struct app *app, const struct session *session, struct part part)
{
    return part.end <= part.start || !shared_stage_is_used(app, session) ||
           is_here(app, session->id, part);
}

/* ---- storing ---- */

struct adding {
    struct app *app;
    struct piece piece;
};

static bool add_work(struct db *tx, void *context, struct error *err)
{
    struct adding *adding = context;
    int64_t now_us = app_now_us(adding->app);

    return piece_add(tx, &adding->piece, now_us, now_us + LATE_US, err);
}

static bool store_piece(struct app *app, const struct piece *piece, struct stage *stage,
                        struct error *err)
{
    struct store *store = app_store(app, piece->storage_name);
    uint64_t length = piece->part.end - piece->part.start;
    struct file_source source;
    char id[UUID_TEXT_SIZE];
    struct error ignored;
    int fd = stage_fd(stage);

    if (fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "the stage has no file");
    uuid_format(piece->id, id);
    file_source_init(&source, fd, piece->part.start, length);
    if (store_put(store, id, piece->storage_path, &source.base, length, err))
        return true;
    store_stage_discard(store, id, &ignored); /* or the sweep does, once the session has ended */
    return false;
}

bool shared_stage_store(struct app *app, const struct session *session, struct stage *stage,
                        struct part part, struct uuid *piece, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct adding adding = {.app = app};
    char session_id[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];

    *piece = (struct uuid){{0}};
    if (!shared_stage_is_used(app, session))
        return true;
    adding.piece = (struct piece){.id = app_new_id(app),
                                  .session_id = session->id,
                                  .part = part,
                                  .storage_name = session->storage_name};
    uuid_format(session->id, session_id);
    uuid_format(adding.piece.id, id);
    adding.piece.storage_path = arena_printf(mem, "staged/%s/%s", session_id, id);
    if (!database_write(app->database, add_work, &adding, err))
        return err->kind == ERR_CONFLICT
                   ? error_tell(err, ERR_NOT_FOUND, "there is no such upload session")
                   : false;
    if (!store_piece(app, &adding.piece, stage, err))
        return false;
    *piece = adding.piece.id;
    return true;
}

/* ---- fetching ---- */

struct stage_sink {
    struct sink base;
    struct stage *stage;
    uint64_t at, end;
};

static bool write_stage(struct sink *base, const void *bytes, size_t size, struct error *err)
{
    struct stage_sink *sink = container_of(base, struct stage_sink, base);

    if (size > sink->end - sink->at)
        return error_set(err, ERR_UNAVAILABLE, "a piece is longer than it should be");
    if (!stage_write(sink->stage, sink->at, bytes, size, err))
        return false;
    sink->at += size;
    return true;
}

static bool fetch_piece(struct app *app, const struct session *session, const struct piece *piece,
                        struct stage *stage, struct error *err)
{
    struct stage_sink sink = {
        .base.write = write_stage, .stage = stage, .at = piece->part.start, .end = piece->part.end};
    struct store *store;

    if (!app_find_store(app, piece->storage_name, &store, err) ||
        !store_get(store, piece->storage_path, (struct byte_range){0, BYTE_RANGE_REST}, &sink.base,
                   err)) {
        if (err->kind == ERR_NOT_FOUND) /* its session has ended; or verify tells of it */
            err->kind = ERR_UNAVAILABLE;
        return false;
    }
    if (sink.at != sink.end)
        return error_set(err, ERR_UNAVAILABLE, "a piece is shorter than it should be");
    shared_stage_note(app, session, piece->part);
    return true;
}

static bool read_pieces(struct app *app, struct uuid id, struct arena *mem, struct piece **out,
                        size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) && piece_list(db, id, mem, out, count, err);
}

static bool overlap(struct part a, struct part b)
{
    return a.start < b.end && b.start < a.end;
}

static bool fetch_pieces(struct app *app, const struct session *session, struct stage *stage,
                         struct part part, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct piece *pieces;
    size_t count;

    if (!read_pieces(app, session->id, mem, &pieces, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (overlap(pieces[i].part, part) && !is_here(app, session->id, pieces[i].part) &&
            !fetch_piece(app, session, &pieces[i], stage, err))
            return false;
    return true;
}

/* Of PARTS, what lies in PART: false where some of it is not here. */
static bool all_here(struct app *app, const struct session *session, const struct part_set *parts,
                     struct part part)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct part one = parts->parts[i];

        if (!overlap(one, part))
            continue;
        if (one.start < part.start)
            one.start = part.start;
        if (one.end > part.end)
            one.end = part.end;
        if (!is_here(app, session->id, one))
            return false;
    }
    return true;
}

bool shared_stage_fetch(struct app *app, const struct session *session,
                        const struct part_set *parts, struct stage *stage, struct part part,
                        struct error *err)
{
    if (!shared_stage_is_used(app, session) || all_here(app, session, parts, part))
        return true;
    if (!fetch_pieces(app, session, stage, part, err))
        return false;
    return all_here(app, session, parts, part) ||
           error_set(err, ERR_UNAVAILABLE, "pieces of a session are missing");
}

bool shared_stage_tell(struct app *app, const struct session *session, struct stage *stage,
                       struct arena *mem, struct error *err)
{
    struct stage_source *sources;
    struct piece *pieces;
    size_t count, n = 0;

    if (!shared_stage_is_used(app, session))
        return true;
    if (!read_pieces(app, session->id, mem, &pieces, &count, err))
        return false;
    sources = arena_array(mem, count, sizeof *sources);
    for (size_t i = 0; i < count; i++)
        if (strcmp(pieces[i].storage_name, session->storage_name) == 0)
            sources[n++] = (struct stage_source){pieces[i].storage_path, pieces[i].part.start,
                                                 pieces[i].part.end};
    stage_sources(stage, sources, n);
    return true;
}

/* ---- making the upload ---- */

struct taking {
    struct finish_turn *turn;
    bool has_ended;
};

static bool take_work(struct db *tx, void *context, struct error *err)
{
    struct taking *taking = context;
    struct finish_turn *turn = taking->turn;
    int64_t now_us;
    bool is_open;

    if (!node_clock(tx, &now_us, err) || !session_exists(tx, turn->id, &is_open, err))
        return false;
    taking->has_ended = !is_open;
    return session_take_finish(tx, turn->id, node_instance(turn->app), now_us, &turn->is_held, err);
}

bool finish_turn_enter(struct app *app, const struct session *session, struct finish_turn *turn,
                       struct error *err)
{
    struct timespec pause = {.tv_nsec = FINISH_LOOK_NS};
    int64_t end_us = clock_monotonic_us() + FINISH_WAIT_US;
    struct taking taking = {.turn = turn};

    *turn = (struct finish_turn){.app = app, .id = session->id};
    if (!shared_stage_is_used(app, session))
        return true;
    for (;;) {
        if (!database_write(app->database, take_work, &taking, err))
            return false;
        if (turn->is_held || taking.has_ended)
            return true;
        if (clock_monotonic_us() > end_us)
            return error_tell(err, ERR_UNAVAILABLE,
                              "an earlier request for this upload still runs");
        nanosleep(&pause, NULL);
        pause.tv_nsec =
            pause.tv_nsec * 2 < FINISH_LOOK_MOST_NS ? pause.tv_nsec * 2 : FINISH_LOOK_MOST_NS;
    }
}

static bool leave_work(struct db *tx, void *context, struct error *err)
{
    const struct finish_turn *turn = context;

    return session_leave_finish(tx, turn->id, node_instance(turn->app), err);
}

void finish_turn_release(struct finish_turn *turn)
{
    struct error err;

    if (!turn->is_held)
        return;
    turn->is_held = false;
    if (!database_write(turn->app->database, leave_work, turn, &err))
        log_event(LOG_WARN, "other nodes cannot finish an upload yet", log_text("error", err.log));
}
