#include "api/upload_change.h"

#include "api/emit.h"
#include "api/members.h"
#include "base/json_text.h"
#include "catalog/history.h"

bool upload_change_check(const struct upload_change *change, struct error *err)
{
    static const char *const own[] = {
        "duration_source", "container", "bits_per_sample",   "chapters",    "cover",
        "report",          "truncated", "declared_duration", "header_wrong"};

    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (json_object_get(change->metadata, own[i]))
            return error_tell(err, ERR_INVALID, "metadata.%s is the server's own", own[i]);
    return true;
}

json_t *upload_change_merge(const json_t *target, const json_t *patch)
{
    json_t *merged;
    const char *name;
    json_t *value;

    if (!json_is_object(patch))
        return json_deep_copy(patch);
    merged = json_is_object(target) ? json_copy((json_t *)target) : json_object();
    json_object_foreach((json_t *)patch, name, value)
    {
        if (json_is_null(value))
            json_object_del(merged, name);
        else
            json_object_set_new(merged, name,
                                upload_change_merge(json_object_get(target, name), value));
    }
    return merged;
}

/* The change as it runs in the transaction. */
struct change_run {
    const struct app *app;
    const struct upload_change *change;
    struct arena *mem;
    struct upload after;
};

static bool merge_metadata(const struct change_run *run, const char *before, const char **out,
                           struct error *err)
{
    scoped(members_release) json_t *target = json_loads(before ? before : "{}", 0, NULL);
    scoped(members_release) json_t *merged = upload_change_merge(target, run->change->metadata);
    scoped(memory_free) char *text = json_text_write(merged, JSON_COMPACT);

    if (!text)
        return error_set(err, ERR_INTERNAL, "metadata cannot be written as JSON");
    if (strlen(text) > METADATA_MAX_BYTES)
        return error_tell(err, ERR_INVALID, "the metadata would exceed %zu bytes",
                          METADATA_MAX_BYTES);
    *out = arena_strdup(run->mem, text);
    return true;
}

static bool note(struct db *tx, const struct change_run *run, const char *action,
                 const char *detail, struct error *err)
{
    struct history_entry entry = {.id = app_new_id(run->app),
                                  .workspace_id = run->change->workspace_id,
                                  .upload_id = run->change->id,
                                  .user_id = run->change->user_id,
                                  .action = action,
                                  .detail = detail,
                                  .created_at_us = run->after.updated_at_us};

    return history_add(tx, &entry, err);
}

/* {"from": …, "to": …} */
static const char *rename_detail(const struct change_run *run, const char *from)
{
    scoped(buf_release) struct buf text = {0};
    struct emitter json = emit_to(&text);

    buf_init(&text, 16 * 1024);
    emit_open_object(&json, NULL);
    emit_text(&json, "from", from);
    emit_text(&json, "to", run->after.original_filename);
    emit_close_object(&json);
    return arena_strdup(run->mem, text.bytes);
}

static bool note_changes(struct db *tx, const struct change_run *run, const struct upload *before,
                         struct error *err)
{
    if (run->change->original_filename &&
        !note(tx, run, "renamed", rename_detail(run, before->original_filename), err))
        return false;
    return !run->change->metadata || note(tx, run, "metadata_changed", "{}", err);
}

static bool change_work(struct db *tx, void *context, struct error *err)
{
    struct change_run *run = context;
    const struct upload_change *change = run->change;
    struct upload before;

    if (!upload_by_id(tx, change->workspace_id, change->id, run->mem, &before, err) ||
        !change->allowed(change->context, &before, err))
        return false;
    run->after = before;
    run->after.updated_at_us = app_now_us(run->app);
    if (change->original_filename)
        run->after.original_filename = change->original_filename;
    if (change->metadata && !merge_metadata(run, before.metadata, &run->after.metadata, err))
        return false;
    return upload_change(tx, change->id, run->after.original_filename, run->after.metadata,
                         run->after.updated_at_us, err) &&
           note_changes(tx, run, &before, err);
}

bool upload_change_apply(struct app *app, const struct upload_change *change, struct arena *mem,
                         struct upload *out, struct error *err)
{
    struct change_run run = {.app = app, .change = change, .mem = mem};

    if (!database_write(app->database, change_work, &run, err))
        return false;
    *out = run.after;
    return true;
}
