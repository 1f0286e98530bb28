/* Chunks of an upload: cutting them anew, and their bytes. */
#include "api/idempotent.h"
#include "api/job_view.h"
#include "api/members.h"
#include "api/object.h"
#include "api/redirect.h"
#include "api/resources.h"
#include "base/json_text.h"
#include "catalog/chunk.h"
#include "catalog/upload_progress.h"
#include "http/digest_header.h"
#include "http/disposition.h"
#include "service/enqueue.h"
#include "service/remaking.h"

#define TRIES 3 /* to find a file that others may be replacing */

/* ---- cutting ---- */

/* For which upload it is counts as well. */
static bool read_once(struct request *req, const struct caller *who, json_t *options,
                      struct enqueue_request *out, struct error *err)
{
    char id[UUID_TEXT_SIZE];
    scoped(members_release) json_t *said = NULL;

    uuid_format(out->upload_id, id);
    said = json_pack("{s:s, s:O}", "upload_id", id, "options", options);
    return idempotent_entry(req, who, said, app_new_id(req->app), &out->once, err);
}

/* The body is the job's options. */
static bool read_wish(struct request *req, const struct caller *who, struct enqueue_request *out,
                      struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    scoped(memory_free) char *text = NULL;

    *out = (struct enqueue_request){.workspace_id = who->workspace_id,
                                    .user_id = who->user_id,
                                    .kind = JOB_KIND_CHUNK,
                                    .max_retries = -1};
    if (!endpoint_id(req, &out->upload_id, err) || !members_read(req, true, &body, err))
        return false;
    text = json_text_write(body, JSON_COMPACT);
    if (!text || strlen(text) > JOB_OPTIONS_MAX)
        return error_tell(err, ERR_INVALID, "options must have at most %zu bytes", JOB_OPTIONS_MAX);
    out->options = arena_strdup(req->mem, text);
    return read_once(req, who, body, out, err);
}

bool post_upload_chunks(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    struct enqueue_request wish;
    struct upload upload;
    struct job *jobs;
    size_t count;

    if (!read_wish(req, who, &wish, err) || !endpoint_upload(req, who, &upload, err))
        return false;
    if (!upload.has_facts)
        return error_tell(err, ERR_CONFLICT, "the upload is no audio");
    if (!enqueue(req->app, &wish, req->mem, &jobs, &count, err))
        return false;
    if (count == 0)
        return error_tell(err, ERR_CONFLICT, "the job that this Idempotency-Key has made is gone");
    return view_answer_job(res, 202, &jobs[0], false, err);
}

/* ---- bytes ---- */

static bool find_chunk(struct request *req, const struct caller *who, struct upload *upload,
                       struct chunk *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    uint64_t index;

    if (!endpoint_upload(req, who, upload, err))
        return false;
    if (upload->status == UPLOAD_DELETED)
        return error_tell(err, ERR_NOT_FOUND, "the upload is in the trash");
    if (!str_to_u64(str_from(request_param(req, "index")), CHUNKS_MAX - 1, &index))
        return error_tell(err, ERR_NOT_FOUND, "the upload has no such chunk");
    return database_read(req->app->database, &db, err) &&
           chunk_by_index(db, upload->id, (uint32_t)index, req->mem, out, err);
}

static bool should_end(void *request)
{
    return request_should_end(request);
}

/* One of another size than it had is as good as gone. */
static bool open_file(struct request *req, const struct chunk *chunk, struct object_content *object,
                      struct content *content, struct error *err)
{
    if (!object_content_open(req->app, chunk->storage_name, chunk->chunk_path, object, content,
                             err))
        return false;
    if (content->size == chunk->chunk_size)
        return true;
    object_content_done(object);
    *object = OBJECT_CONTENT_NONE;
    return error_set(err, ERR_NOT_FOUND, "the chunk has %llu bytes, not %llu",
                     (unsigned long long)content->size, (unsigned long long)chunk->chunk_size);
}

static bool cut_again(struct request *req, const struct upload *upload, const struct chunk *chunk,
                      struct error *err)
{
    struct missing_file file = {upload, DERIVED_CHUNK, chunk->storage_name, chunk->chunk_path};

    return remake(req->app, &file, should_end, req, req->mem, err) ||
           (err->kind == ERR_NOT_FOUND
                ? error_tell(err, ERR_CONFLICT, "the chunk has not been cut yet")
                : false);
}

/* One that is gone is cut again; what it is then may be another, if somebody cuts anew. */
static bool open_chunk(struct request *req, const struct caller *who, struct chunk *out,
                       struct object_content *object, struct content *content, struct error *err)
{
    struct upload upload;

    for (int i = 0; i < TRIES; i++) {
        if (!find_chunk(req, who, &upload, out, err))
            return false;
        if (out->has_file && open_file(req, out, object, content, err))
            return true;
        if ((out->has_file && err->kind != ERR_NOT_FOUND) || !cut_again(req, &upload, out, err))
            return false;
    }
    return error_tell(err, ERR_UNAVAILABLE, "the chunk is being cut anew: ask again soon");
}

/* When the file was made, whatever was done with the chunk since. */
static bool find_made_at(struct request *req, const struct chunk *chunk, int64_t *out,
                         struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct derived file;

    *out = 0;
    if (!database_read(req->app->database, &db, err))
        return false;
    if (!derived_at(db, chunk->storage_name, chunk->chunk_path, req->mem, &file, err))
        return err->kind == ERR_NOT_FOUND; /* another took its place just now */
    *out = file.created_at_us;
    return true;
}

static void add_headers(const struct chunk *chunk, const char *disposition, struct response *res)
{
    struct digest_fields fields = {.has_sha256 = true};
    char header[DIGEST_HEADER_SIZE];

    if (hex_decode(str_from(chunk->checksum_sha256), fields.sha256, sizeof fields.sha256)) {
        digest_fields_format(&fields, header);
        response_header(res, "Repr-Digest", header);
    }
    response_header(res, "Content-Disposition", disposition);
    response_header(res, "Cache-Control", "private");
    response_header(res, "X-Content-Type-Options", "nosniff");
}

static bool send_link(struct request *req, struct store *store, const struct chunk *chunk,
                      const struct content *content, const char *disposition, struct response *res,
                      struct error *err)
{
    const struct store_link wish = {
        .content_type = content->type, .disposition = disposition, .cache_control = "private"};

    return redirect_send(req, store, chunk->chunk_path, &wish, content->etag, content->modified_us,
                         res, err);
}

bool get_chunk_content(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    scoped(object_content_done) struct object_content object = OBJECT_CONTENT_NONE;
    struct content content = {0};
    struct chunk chunk;
    const char *disposition;

    if (!open_chunk(req, who, &chunk, &object, &content, err) ||
        !find_made_at(req, &chunk, &content.modified_us, err))
        return false;
    disposition = disposition_format("inline", chunk.chunk_filename, req->mem);
    content.type =
        str_ends_with(str_from(chunk.chunk_filename), ".flac") ? "audio/flac" : "audio/wav";
    content.etag = arena_printf(req->mem, "\"sha256-%s\"", chunk.checksum_sha256);
    if (redirect_suits(req, object.store))
        return send_link(req, object.store, &chunk, &content, disposition, res, err);
    add_headers(&chunk, disposition, res);
    return response_content(res, &content, err);
}
