/* What all requests of tus have in common; looking at an upload, and ending it. */
#include "api/tus.h"

#include <string.h>

#include "api/resources.h"
#include "api/sessions.h"
#include "api/views.h"

#define TUS_PATH "/v1/tus"
#define TUS_EXTENSIONS                                                         \
    "creation,creation-with-upload,creation-defer-length,expiration,checksum," \
    "checksum-trailer,termination,concatenation,concatenation-unfinished"

/* ---- every request ---- */

static bool is_tus(const char *path)
{
    size_t length = strlen(TUS_PATH);

    return strncmp(path, TUS_PATH, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Needs no token and no version (tus 1.0 core, "OPTIONS"). */
bool options_tus(struct request *req, const struct caller *who, struct response *res,
                 struct error *err)
{
    uint64_t most = ingest_largest_file(req->app);

    (void)who;
    response_header(res, "Tus-Version", TUS_VERSION);
    response_header(res, "Tus-Extension", TUS_EXTENSIONS);
    response_header(res, "Tus-Checksum-Algorithm", CHECKSUM_NAMES);
    if (most < INGEST_SIZE_LARGEST)
        response_header_printf(res, "Tus-Max-Size", "%llu", (unsigned long long)most);
    return response_empty(res, 204, err);
}

void tus_before(struct request *req, struct response *res)
{
    const char *override;

    if (!is_tus(req->path))
        return;
    response_header_always(res, "Tus-Resumable", TUS_VERSION);
    response_header_always(res, "Cache-Control", "no-store");
    override = request_header(req, "X-HTTP-Method-Override");
    if (override)
        req->method = method_from(str_from(override));
}

bool tus_check_version(const struct request *req, struct response *res, struct error *err)
{
    const char *version = request_header(req, "Tus-Resumable");

    if (version ? strcmp(version, TUS_VERSION) == 0 : req->method == METHOD_GET)
        return true;
    response_header_always(res, "Tus-Version", TUS_VERSION);
    return error_set(err, ERR_TUS_VERSION, "Tus-Resumable \"%s\"", version ? version : "");
}

bool tus_count(const struct request *req, const char *name, bool *given, uint64_t *out,
               struct error *err)
{
    const char *text = request_header(req, name);

    *given = text != NULL;
    return !text || str_to_u64(str_from(text), INT64_MAX, out) ||
           error_tell(err, ERR_INVALID, "%s must be a number of bytes", name);
}

/* ---- HEAD ---- */

static bool is_unfinished_final(const struct session *session)
{
    return session->concatenation == SESSION_FINAL && session->status == SESSION_INITIATED;
}

/* What could not be made of the bytes when the last of them came is tried again by whoever looks.
 * Clients take an offset at the end for success: they must not read one before the upload is made.
 */
static bool look(struct request *req, const struct caller *who, struct resumable_state *out,
                 struct error *err)
{
    struct uuid id;

    return endpoint_id(req, &id, err) &&
           resumable_look(req->app, who->workspace_id, id, req->mem, out, err) &&
           resumable_conclude(req->app, out, req->mem, err);
}

bool head_tus(struct request *req, const struct caller *who, struct response *res,
              struct error *err)
{
    uint64_t final_size = SESSION_SIZE_UNKNOWN;
    struct resumable_state state;

    if (!tus_check_version(req, res, err) || !look(req, who, &state, err))
        return false;
    if (state.session.status == SESSION_FAILED)
        return resumable_failure(&state.session, err);
    if (is_unfinished_final(&state.session) &&
        !resumable_final_size(req->app, &state, req->mem, &final_size, err))
        return false;
    tus_put_state(req, res, &state, final_size);
    return response_empty(res, 200, err);
}

/* ---- GET, DELETE ---- */

bool get_tus(struct request *req, const struct caller *who, struct response *res, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    struct resumable_state state;

    if (!tus_check_version(req, res, err) || !session_of_request(req, who, &state, err))
        return false;
    if (state.session.status == SESSION_FAILED)
        return resumable_failure(&state.session, err);
    buf_init(&out, VIEW_SMALL_BYTES);
    view_session(&json, NULL, &state);
    return view_send(res, 200, &out, err);
}

bool delete_tus(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    struct uuid id;

    return tus_check_version(req, res, err) && endpoint_id(req, &id, err) &&
           resumable_abort(req->app, who->workspace_id, id, err) && response_empty(res, 204, err);
}
