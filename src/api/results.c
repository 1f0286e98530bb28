/* What processors have made of an upload: of each kind, how far it is, and all of it joined. */
#include "api/lists.h"
#include "api/resources.h"
#include "catalog/job.h"
#include "catalog/result.h"
#include "service/joining.h"

#define ORDER_PARTS "part"
#define KINDS_MAX 1000
#define PAGE_BYTES ((size_t)16 * 1024 * 1024)
#define JOINED_BYTES (2 * (PAGE_BYTES + JOB_RESULT_MAX))

/* ---- the kinds ---- */

static void write_kind(struct emitter *json, const struct result_kind *kind)
{
    emit_text(json, "kind", kind->kind);
    emit_bool(json, "complete", kind->parts == kind->parts_total);
    emit_count(json, "parts", kind->parts);
    emit_count(json, "parts_total", kind->parts_total);
    emit_time(json, "completed_at", kind->completed_at_us);
}

static bool find_kinds(struct request *req, struct uuid upload_id, const char *kind,
                       struct result_kind **out, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           result_kinds(db, upload_id, kind, KINDS_MAX, req->mem, out, count, err);
}

bool get_upload_results(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    scoped(listing_release) struct listing listing = {0};
    struct result_kind *kinds;
    struct upload upload;
    size_t count;

    if (!endpoint_upload(req, who, &upload, err) ||
        !find_kinds(req, upload.id, NULL, &kinds, &count, err))
        return false;
    listing_open(&listing);
    for (size_t i = 0; i < count; i++) {
        emit_open_object(&listing.json, NULL);
        write_kind(&listing.json, &kinds[i]);
        emit_close_object(&listing.json);
    }
    return listing_send(&listing, NULL, res, err);
}

/* ---- one of them ---- */

static bool read_page(struct request *req, struct page *page, struct result_page *out,
                      struct error *err)
{
    if (!page_read(req, ORDER_PARTS, page, err))
        return false;
    *out = (struct result_page){.from_part = page->continued ? page->cursor.number : RESULT_WHOLE,
                                .limit = page->limit,
                                .bytes = PAGE_BYTES};
    return true;
}

static void write_part(struct emitter *json, const struct result *part)
{
    emit_open_object(json, NULL);
    emit_uuid(json, "id", part->id);
    emit_uuid_or_null(json, "chunk_id", part->chunk_id);
    if (part->part == RESULT_WHOLE)
        emit_null(json, "chunk_index");
    else
        emit_int(json, "chunk_index", part->part);
    emit_milli(json, "start_time", part->start_ms);
    emit_milli(json, "end_time", part->end_ms);
    emit_uuid(json, "job_id", part->job_id);
    emit_raw(json, "options", part->options);
    emit_bool(json, "from_cache", part->from_cache);
    emit_int(json, "processing_time_ms", part->processing_time_ms);
    emit_time(json, "completed_at", part->completed_at_us);
    emit_raw(json, "result", part->json);
    emit_close_object(json);
}

static void write_joined(struct emitter *json, const struct joining *joining, struct arena *mem)
{
    const char *segments = joining->segments.length > 0 ? joining->segments.bytes : "";
    const char *text = joining->text.length > 0 ? joining->text.bytes : "";

    emit_text(json, "text", joining->has_text ? text : NULL);
    emit_raw(json, "segments", arena_printf(mem, "[%s]", segments));
}

struct answer {
    struct uuid upload_id;
    const struct result_kind *kind;
    const struct result *parts;
    size_t count;
    const char *next; /* cursor */
};

static bool send_joined(struct request *req, const struct answer *answer, struct response *res,
                        struct error *err)
{
    scoped(joining_done) struct joining joining;
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    joining_init(&joining, JOINED_BYTES);
    for (size_t i = 0; i < answer->count; i++)
        joining_add(&joining, &answer->parts[i]);
    buf_init(&out, VIEW_PAGE_BYTES);
    emit_open_object(&json, NULL);
    emit_uuid(&json, "upload_id", answer->upload_id);
    write_kind(&json, answer->kind);
    write_joined(&json, &joining, req->mem);
    emit_open_list(&json, "items");
    for (size_t i = 0; i < answer->count; i++)
        write_part(&json, &answer->parts[i]);
    emit_close_list(&json);
    emit_text(&json, "next_cursor", answer->next);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

static bool find_parts(struct request *req, struct uuid upload_id, const char *kind,
                       const struct result_page *page, struct result **out, size_t *count,
                       bool *more, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           result_list(db, upload_id, kind, page, req->mem, out, count, more, err);
}

bool get_upload_result(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    const char *name = request_param(req, "kind");
    struct result_kind *kinds;
    struct result_page page;
    struct page asked;
    struct result *parts;
    struct upload upload;
    size_t kind_count, count;
    bool more;

    if (!endpoint_upload(req, who, &upload, err) || !read_page(req, &asked, &page, err) ||
        !find_kinds(req, upload.id, name, &kinds, &kind_count, err))
        return false;
    if (kind_count == 0)
        return error_tell(err, ERR_NOT_FOUND, "the upload has no results of that kind");
    if (!find_parts(req, upload.id, name, &page, &parts, &count, &more, err))
        return false;
    struct answer answer = {
        .upload_id = upload.id, .kind = &kinds[0], .parts = parts, .count = count};
    if (more)
        answer.next = cursor_encode(
            &(struct cursor){.order = ORDER_PARTS, .number = parts[count - 1].part + 1}, req->mem);
    return send_joined(req, &answer, res, err);
}
