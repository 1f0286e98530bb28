/* The waveforms of an upload. */
#include <string.h>

#include "api/resources.h"
#include "catalog/derived.h"
#include "http/query.h"
#include "media/waveform_json.h"
#include "media/work.h"
#include "service/remaking.h"

#define TYPE_DAT "application/octet-stream"
#define TYPE_JSON "application/json"
#define TRIES 3 /* to find a file that others may be replacing */
#define COPY_BYTES ((size_t)64 * 1024)

struct wish {
    uint64_t zoom; /* samples per pixel; 0: the coarsest there is */
    bool is_json;
};

/* What ?format= says, else whether JSON is all that is asked for. */
static bool read_format(struct request *req, bool *is_json, struct error *err)
{
    const char *accept = request_header(req, "Accept");
    const char *format = NULL;

    if (!request_query(req, "format", &format, err))
        return false;
    if (format && strcmp(format, "dat") != 0 && strcmp(format, "json") != 0)
        return error_tell(err, ERR_INVALID, "format must be dat or json");
    *is_json = format ? strcmp(format, "json") == 0
                      : accept && strncmp(accept, TYPE_JSON, strlen(TYPE_JSON)) == 0;
    return true;
}

static bool read_wish(struct request *req, struct wish *out, struct error *err)
{
    const char *zoom = NULL;

    if (!request_query(req, "zoom", &zoom, err) || !read_format(req, &out->is_json, err))
        return false;
    out->zoom = 0;
    if (zoom && (!str_to_u64(str_from(zoom), UINT32_MAX, &out->zoom) || out->zoom == 0))
        return error_tell(err, ERR_INVALID, "zoom must be samples per pixel, from 1");
    return true;
}

/* The coarsest that is as fine as was asked for, or else the finest. */
static const struct derived *choose(const struct derived *files, size_t count, uint64_t zoom)
{
    size_t best = zoom == 0 ? count - 1 : 0;

    for (size_t i = 0; zoom > 0 && i < count; i++)
        if (files[i].number <= zoom)
            best = i;
    return &files[best];
}

/* *OUT is NULL if there is none. */
static bool find_waveform(struct request *req, const struct caller *who, uint64_t zoom,
                          struct upload *upload, const struct derived **out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct derived *files;
    size_t count;

    if (!endpoint_upload(req, who, upload, err))
        return false;
    if (upload->status == UPLOAD_DELETED)
        return error_tell(err, ERR_NOT_FOUND, "the upload is in the trash");
    if (!database_read(req->app->database, &db, err) ||
        !derived_kept(db, upload->id, DERIVED_WAVEFORM, 0, MEDIA_ZOOMS_MAX, req->mem, &files,
                      &count, err))
        return false;
    *out = count > 0 ? choose(files, count, zoom) : NULL;
    return true;
}

static bool should_end(void *request)
{
    return request_should_end(request);
}

/* One of another size than it had is as good as gone. */
static bool open_file(struct request *req, const struct derived *file, int *fd, uint64_t *size,
                      struct error *err)
{
    struct store *store;

    if (!app_find_store(req->app, file->storage_name, &store, err) ||
        !store_fetch(store, file->storage_path, fd, size, err))
        return false;
    if (*size == file->size)
        return true;
    fd_close(fd);
    return error_set(err, ERR_NOT_FOUND, "the waveform has %llu bytes, not %llu",
                     (unsigned long long)*size, (unsigned long long)file->size);
}

static bool draw_again(struct request *req, const struct upload *upload, const struct derived *file,
                       struct error *err)
{
    struct missing_file missing = {upload, DERIVED_WAVEFORM, file ? file->storage_name : NULL,
                                   file ? file->storage_path : NULL};

    return remake(req->app, &missing, should_end, req, req->mem, err) ||
           (err->kind == ERR_NOT_FOUND
                ? error_tell(err, ERR_NOT_FOUND,
                             "the upload has no waveform: it is not analyzed yet")
                : false);
}

/* One that is gone is drawn again. */
static bool open_waveform(struct request *req, const struct caller *who, uint64_t zoom,
                          const struct derived **out, int *fd, uint64_t *size, struct error *err)
{
    struct upload upload;

    for (int i = 0; i < TRIES; i++) {
        if (!find_waveform(req, who, zoom, &upload, out, err))
            return false;
        if (*out && open_file(req, *out, fd, size, err))
            return true;
        if ((*out && err->kind != ERR_NOT_FOUND) || !draw_again(req, &upload, *out, err))
            return false;
    }
    return error_tell(err, ERR_UNAVAILABLE, "the waveform is being made anew: ask again soon");
}

static bool send_json(struct response *res, int fd, uint64_t size, struct error *err)
{
    struct waveform_json json;
    struct file_source dat;
    struct sink *out;
    scoped(memory_free) char *bytes = malloc(COPY_BYTES);
    size_t got = 1;

    if (!bytes)
        abort();
    file_source_init(&dat, fd, 0, size);
    waveform_json_init(&json, &dat.base);
    response_header(res, "Content-Type", TYPE_JSON);
    if (!response_stream(res, 200, RESPONSE_LENGTH_UNKNOWN, &out, err))
        return false;
    while (got > 0)
        if (!json.base.read(&json.base, bytes, COPY_BYTES, &got, err) ||
            (got > 0 && !out->write(out, bytes, got, err)))
            return false;
    return true;
}

bool get_upload_waveform(struct request *req, const struct caller *who, struct response *res,
                         struct error *err)
{
    scoped(fd_close) int fd = -1;
    struct content content = {.type = TYPE_DAT};
    const struct derived *file;
    struct wish wish;

    if (!read_wish(req, &wish, err) ||
        !open_waveform(req, who, wish.zoom, &file, &fd, &content.size, err))
        return false;
    response_header(res, "Vary", "Accept");
    response_header(res, "Cache-Control", "private");
    response_header(res, "X-Content-Type-Options", "nosniff");
    if (wish.is_json)
        return send_json(res, fd, content.size, err);
    content.fd = fd;
    content.etag = arena_printf(req->mem, "\"sha256-%s\"", file->checksum_sha256);
    content.modified_us = file->created_at_us;
    return response_content(res, &content, err);
}
