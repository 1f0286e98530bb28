#include "api/content.h"
#include "api/object.h"
#include "api/redirect.h"
#include "http/conditional.h"
#include "http/digest_header.h"
#include "http/disposition.h"
#include "http/query.h"
#include "service/app.h"

/* Types that a browser plays and does not run; all else is bytes. */
static const char *safe_type(const char *type)
{
    if (type && (strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0))
        return type;
    return "application/octet-stream";
}

static const char *make_etag(const struct upload *upload, struct arena *mem)
{
    return arena_printf(mem, "\"sha256-%s\"", upload->checksum_sha256);
}

static void add_digest(struct response *res, const struct upload *upload)
{
    struct digest_fields fields = {.has_sha256 = true};
    char header[DIGEST_HEADER_SIZE];

    if (!hex_decode(str_from(upload->checksum_sha256), fields.sha256, sizeof(fields.sha256)))
        return;
    digest_fields_format(&fields, header);
    response_header(res, "Repr-Digest", header);
}

static void add_headers(const struct upload *upload, const char *disposition, struct response *res)
{
    add_digest(res, upload);
    response_header(res, "Content-Disposition", disposition);
    response_header(res, "Cache-Control", "private");
    response_header(res, "X-Content-Type-Options", "nosniff");
    response_header(res, "Content-Security-Policy", "sandbox");
}

/* The front server reads the file, cuts the ranges and sends it; preconditions are judged here, as
 * the ETag is ours. nginx judges If-Match and If-Unmodified-Since again, before it knows that ETag,
 * and would refuse: what has one of them is sent from here. */
static bool send_by_proxy(struct request *req, const struct upload *upload, const char *prefix,
                          const char *etag, struct response *res, struct error *err)
{
    struct validators validators = {
        .exists = true, .etag = etag, .modified_us = upload->uploaded_at_us};
    struct conditions conditions;
    enum condition_result result;
    char modified[TIME_HTTP_SIZE];

    request_conditions(req, &conditions);
    result = conditions_evaluate(&conditions, &validators, true);
    if (result == CONDITION_FAILED)
        return error_set(err, ERR_PRECONDITION, "content of upload");
    response_header(res, "ETag", etag);
    if (result == CONDITION_NOT_MODIFIED)
        return response_empty(res, 304, err);
    time_to_http(upload->uploaded_at_us, modified);
    response_header(res, "Last-Modified", modified);
    response_header(res, "Content-Type", safe_type(upload->mime_type));
    response_header_printf(res, "X-Accel-Redirect", "%s%s%s", prefix,
                           str_ends_with(str_from(prefix), "/") ? "" : "/",
                           percent_encode(upload->storage_path, true, req->mem));
    return response_empty(res, 200, err);
}

/* The prefix leads to the first store's folder, if it has one, and to no other's. */
static bool proxy_may_send(const struct request *req, const struct upload *upload)
{
    return strcmp(upload->storage_name, store_name(req->app->stores[0])) == 0 &&
           store_has_files(req->app->stores[0]) && !request_header(req, "If-Match") &&
           !request_header(req, "If-Unmodified-Since");
}

/* The record is there, so what is missing of the content is a loss. */
static bool is_whole(const struct upload *upload, uint64_t size, struct error *err)
{
    uint64_t expected = upload->has_compressed_size ? upload->compressed_size : upload->file_size;

    if (size == expected)
        return true;
    error_set(err, ERR_INTERNAL, "object \"%s\" has %llu bytes, not %llu", upload->storage_path,
              (unsigned long long)size, (unsigned long long)expected);
    return error_client(err, "the content in the store is damaged");
}

static bool open_object(const struct app *app, const struct upload *upload,
                        struct object_content *object, struct content *content, struct error *err)
{
    if (object_content_open(app, upload->storage_name, upload->storage_path, object, content, err))
        return is_whole(upload, content->size, err);
    if (err->kind == ERR_NOT_FOUND) {
        err->kind = ERR_INTERNAL; /* the record is there, so this is a loss, not a wrong id */
        error_client(err, "the content is missing from the store");
    }
    return false;
}

static bool send_from_store(struct request *req, const struct upload *upload, const char *etag,
                            struct response *res, struct error *err)
{
    struct content content = {
        .type = safe_type(upload->mime_type), .etag = etag, .modified_us = upload->uploaded_at_us};
    scoped(object_content_done) struct object_content object = OBJECT_CONTENT_NONE;

    return open_object(req->app, upload, &object, &content, err) &&
           response_content(res, &content, err);
}

/* The store that is to send the content itself; NULL if none is. */
static struct store *linking_store(const struct request *req, const struct upload *upload)
{
    struct store *store = app_store(req->app, upload->storage_name);

    return store && redirect_suits(req, store) ? store : NULL;
}

static bool send_link(struct request *req, struct store *store, const struct upload *upload,
                      const struct store_link *wish, const char *etag, struct response *res,
                      struct error *err)
{
    scoped(object_content_done) struct object_content object = OBJECT_CONTENT_NONE;
    struct content content = {0};

    /* What is missing, damaged or archived is told here, in our words. */
    if (!open_object(req->app, upload, &object, &content, err))
        return false;
    return redirect_send(req, store, upload->storage_path, wish, etag, upload->uploaded_at_us, res,
                         err);
}

bool content_send(struct request *req, const struct upload *upload, uint64_t longest_s,
                  struct response *res, struct error *err)
{
    const char *prefix = config_text(req->app->config, "server", "accel_prefix");
    const char *etag = make_etag(upload, req->mem), *disposition;
    struct store *linking = linking_store(req, upload);
    bool download = false;

    if (!request_query_bool(req, "download", false, &download, err))
        return false;
    if (upload->status == UPLOAD_DELETED)
        return error_tell(err, ERR_NOT_FOUND, "the upload is in the trash");
    disposition =
        disposition_format(download ? "attachment" : "inline", upload->original_filename, req->mem);
    if (linking) {
        const struct store_link wish = {.content_type = safe_type(upload->mime_type),
                                        .disposition = disposition,
                                        .cache_control = "private",
                                        .longest_s = longest_s};

        return send_link(req, linking, upload, &wish, etag, res, err);
    }
    add_headers(upload, disposition, res);
    if (prefix && *prefix && proxy_may_send(req, upload))
        return send_by_proxy(req, upload, prefix, etag, res, err);
    return send_from_store(req, upload, etag, res, err);
}
