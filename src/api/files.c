/* The bytes of uploads: by id, by storage path, and by links that need no token. */
#include "api/content.h"
#include "api/members.h"
#include "api/resources.h"
#include "api/views.h"
#include "crypto/signed_link.h"
#include "http/query.h"

#define LINK_SHORTEST_S 60
#define LINK_LONGEST_S 604800
#define LINK_USUAL_S 3600

bool get_upload_content(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    struct upload upload;

    return endpoint_upload(req, who, &upload, err) && content_send(req, &upload, 0, res, err);
}

/* The signature covers the path as it was sent, and the expiry. *LEFT_S is for how long it holds
 * yet: 1 at least. */
static bool check_link(struct request *req, uint64_t *left_s, struct response *res,
                       struct error *err)
{
    const char *expires = NULL;
    const char *signature = NULL;
    uint64_t expires_s = 0, now_s;

    if (!request_query(req, "expires", &expires, err) ||
        !request_query(req, "signature", &signature, err))
        return false;
    if (!expires && !signature)
        return endpoint_refuse(res, "neither token nor link", err);
    if (!expires || !signature ||
        !str_to_u64(str_from(expires), INT64_MAX / US_PER_S, &expires_s) ||
        !signed_link_verify(req->app->link_key, str_from(req->path), (int64_t)expires_s,
                            str_from(signature)))
        return error_set(err, ERR_LINK_INVALID, "the signature is wrong");
    now_s = (uint64_t)(app_now_us(req->app) / US_PER_S);
    if (now_s >= expires_s)
        return error_set(err, ERR_LINK_INVALID, "the link has expired");
    *left_s = expires_s - now_s;
    return true;
}

/* Whoever holds a link holds it for one path, of whatever workspace. */
static bool find_file(struct request *req, const struct caller *who, bool linked,
                      struct upload *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    const char *path = request_param(req, "storage_path");

    if (!utf8_is_valid(str_from(path)))
        return error_tell(err, ERR_NOT_FOUND, "there is no such file");
    if (!database_read(req->app->database, &db, err))
        return false;
    return linked ? upload_by_signed_path(db, path, req->mem, out, err)
                  : upload_by_path(db, who->workspace_id, path, req->mem, out, err);
}

bool get_file(struct request *req, const struct caller *who, struct response *res,
              struct error *err)
{
    bool linked = uuid_is_nil(who->token_id);
    uint64_t left_s = 0; /* a token holds on */
    struct upload upload;

    if (linked && !check_link(req, &left_s, res, err))
        return false;
    return find_file(req, who, linked, &upload, err) &&
           content_send(req, &upload, left_s, res, err);
}

static bool read_lifetime(struct request *req, uint64_t *out, struct error *err)
{
    struct member_value expires = {0};
    const struct member table[] = {
        {"expires_in_s", MEMBER_COUNT, false, false, LINK_SHORTEST_S, LINK_LONGEST_S, &expires}};
    scoped(members_release) json_t *body = NULL;

    if (!members_read(req, true, &body, err) || !members_take(body, table, COUNT_OF(table), err))
        return false;
    *out = expires.given ? expires.count : LINK_USUAL_S;
    return true;
}

/* /files/…?expires=…&signature=…, behind the configured address of the server if there is one. */
static const char *make_link(struct request *req, const struct upload *upload, int64_t expires_s)
{
    const char *base = config_text(req->app->config, "server", "base_url");
    const char *path =
        arena_printf(req->mem, "/files/%s", percent_encode(upload->storage_path, true, req->mem));
    char signature[SIGNED_LINK_TEXT_SIZE];

    signed_link_sign(req->app->link_key, str_from(path), expires_s, signature);
    if (base && str_ends_with(str_from(base), "/"))
        base = arena_strndup(req->mem, base, strlen(base) - 1);
    return arena_printf(req->mem, "%s%s?expires=%lld&signature=%s", base ? base : "", path,
                        (long long)expires_s, signature);
}

static bool answer_link(struct request *req, const struct upload *upload, uint64_t lifetime_s,
                        struct response *res, struct error *err)
{
    int64_t expires_s = app_now_us(req->app) / US_PER_S + (int64_t)lifetime_s;
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_SMALL_BYTES);
    emit_open_object(&json, NULL);
    emit_text(&json, "url", make_link(req, upload, expires_s));
    emit_time(&json, "expires_at", expires_s * US_PER_S);
    emit_close_object(&json);
    return view_send(res, 201, &out, err);
}

bool post_upload_links(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    struct upload upload;
    uint64_t lifetime_s = 0;

    if (!endpoint_upload(req, who, &upload, err) || !read_lifetime(req, &lifetime_s, err))
        return false;
    if (upload.status == UPLOAD_DELETED)
        return error_tell(err, ERR_NOT_FOUND, "the upload is in the trash");
    return answer_link(req, &upload, lifetime_s, res, err);
}
