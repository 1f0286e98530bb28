/* /v1/job-kinds: what waits and runs of each kind, and whether it is paused. */
#include "api/lists.h"
#include "api/resources.h"
#include "service/enqueue.h"
#include "service/queue.h"

#define FIGURES_MAX 1000

static const char *const statuses[] = {"waiting", "pending", "leased", "failed"};

/* One kind, with a count of each status. */
struct row {
    const char *kind;
    uint64_t counts[COUNT_OF(statuses)];
};

struct table {
    struct row *rows;
    size_t count, room;
    struct job_pause *pauses;
    size_t pause_count;
};

static struct row *row_of(struct table *table, const char *kind)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].kind, kind) == 0)
            return &table->rows[i];
    if (table->count == table->room)
        return NULL;
    table->rows[table->count].kind = kind;
    return &table->rows[table->count++];
}

static void add_figure(struct table *table, const struct job_figure *figure)
{
    struct row *row = row_of(table, figure->kind);

    for (size_t i = 0; row && i < COUNT_OF(statuses); i++)
        if (strcmp(statuses[i], figure->status) == 0)
            row->counts[i] = figure->count;
}

static bool read_table(struct request *req, const struct caller *who, struct table *table,
                       struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    const struct queue_kind *known;
    struct job_figure *figures;
    size_t count;

    if (!database_read(req->app->database, &db, err) ||
        !job_figures(db, who->workspace_id, FIGURES_MAX, req->mem, &figures, &count, err) ||
        !job_pauses(db, req->mem, &table->pauses, &table->pause_count, err))
        return false;
    table->room = FIGURES_MAX + table->pause_count;
    table->rows = arena_array(req->mem, table->room, sizeof *table->rows);
    for (size_t i = 0; queue_kind_at(req->app->queue, i, &known); i++)
        row_of(table, known->name);
    for (size_t i = 0; i < count; i++)
        add_figure(table, &figures[i]);
    return true;
}

/* In the workspace, or everywhere. */
static bool is_paused(const struct table *table, const char *kind, struct uuid workspace_id)
{
    for (size_t i = 0; i < table->pause_count; i++)
        if (strcmp(table->pauses[i].kind, kind) == 0 &&
            (uuid_is_nil(table->pauses[i].workspace_id) ||
             uuid_equal(table->pauses[i].workspace_id, workspace_id)))
            return true;
    return false;
}

static void write_row(struct emitter *json, const struct request *req, const struct table *table,
                      const struct row *row, struct uuid workspace_id)
{
    const struct queue_kind *known = queue_kind(req->app->queue, row->kind);

    emit_open_object(json, NULL);
    emit_text(json, "kind", row->kind);
    emit_bool(json, "built_in", known && known->is_built_in);
    emit_bool(json, "paused", is_paused(table, row->kind, workspace_id));
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        emit_count(json, statuses[i], row->counts[i]);
    emit_close_object(json);
}

bool get_job_kinds(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct table table = {0};

    if (!read_table(req, who, &table, err))
        return false;
    for (size_t i = 0; i < table.pause_count; i++)
        if (is_paused(&table, table.pauses[i].kind, who->workspace_id))
            row_of(&table, table.pauses[i].kind);
    listing_open(&listing);
    for (size_t i = 0; i < table.count; i++)
        write_row(&listing.json, req, &table, &table.rows[i], who->workspace_id);
    return listing_send(&listing, NULL, res, err);
}

static bool set_paused(struct request *req, const struct caller *who, bool paused,
                       struct response *res, struct error *err)
{
    return enqueue_pause(req->app, request_param(req, "kind"), who->workspace_id, who->user_id,
                         paused, err) &&
           response_empty(res, 204, err);
}

bool post_job_kind_pause(struct request *req, const struct caller *who, struct response *res,
                         struct error *err)
{
    return set_paused(req, who, true, res, err);
}

bool post_job_kind_resume(struct request *req, const struct caller *who, struct response *res,
                          struct error *err)
{
    return set_paused(req, who, false, res, err);
}
