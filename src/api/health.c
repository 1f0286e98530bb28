#include <assert.h>
#include <string.h>

#include "api/emit.h"
#include "api/openapi.h"
#include "api/resources.h"
#include "api/views.h"
#include "service/readiness.h"
#include "service/store_ids.h"

#define READY_FREE_BYTES (UINT64_C(64) * 1024 * 1024)

bool get_health(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    static const char body[] = "{\"status\":\"ok\",\"version\":\"" AUDIOTRICKS_VERSION "\"}";

    (void)req;
    (void)who;
    return response_json(res, 200, body, sizeof(body) - 1, err);
}

static bool check_stores(struct app *app, struct error *err)
{
    for (size_t i = 0; i < app->store_count; i++)
        if (!store_check(app->stores[i], err))
            return false;
    return store_ids_check(app, err);
}

static bool check_database(struct app *app, struct error *err)
{
    return database_check(app->database, err);
}

/* Only the store that takes new uploads needs room. */
static bool check_space(struct app *app, struct error *err)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;

    if (!store_space(app->stores[0], &free_bytes, &total_bytes, err))
        return false;
    if (free_bytes < READY_FREE_BYTES)
        return error_tell(err, ERR_STORAGE_FULL, "the server is nearly out of disk space");
    return true;
}

static bool write_check(struct emitter *json, const char *name,
                        bool (*check)(struct app *, struct error *), struct app *app)
{
    struct error err;
    bool ok = check(app, &err);

    emit_open_object(json, name);
    emit_bool(json, "ok", ok);
    emit_text(json, "code", ok ? NULL : error_code(&err));
    emit_text(json, "detail", ok ? NULL : error_detail(&err));
    emit_close_object(json);
    return ok;
}

static void look(struct app *app, struct readiness_seen *out)
{
    scoped(buf_release) struct buf checks = {0};
    scoped(buf_release) struct buf text = {0};
    struct emitter json = emit_to(&checks);

    buf_init(&checks, READINESS_TEXT_MAX);
    buf_init(&text, READINESS_TEXT_MAX - 1);
    emit_open_object(&json, NULL);
    out->ok = write_check(&json, "database", check_database, app);
    out->ok = write_check(&json, "store", check_stores, app) && out->ok;
    out->ok = write_check(&json, "space", check_space, app) && out->ok;
    emit_close_object(&json);

    json = emit_to(&text);
    emit_open_object(&json, NULL);
    emit_text(&json, "status", out->ok ? "ok" : "unavailable");
    emit_raw(&json, "checks", checks.bytes);
    emit_close_object(&json);
    assert(!text.overflow);
    memcpy(out->text, text.bytes, text.length + 1);
}

/* Anyone may ask, and a look waits for the writer's lock and for the disk: one at a time. */
bool get_readiness(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    struct readiness_seen seen;

    (void)who;
    if (readiness_begin(req->app->readiness, &seen)) {
        look(req->app, &seen);
        readiness_tell(req->app->readiness, &seen);
    }
    return response_json(res, seen.ok ? 200 : 503, seen.text, strlen(seen.text), err);
}

bool get_openapi(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    (void)req;
    (void)who;
    response_header(res, "Cache-Control", "max-age=300");
    return response_json(res, 200, openapi_document, openapi_document_length, err);
}
