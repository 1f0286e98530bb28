/* The headers by which tus tells of an upload. */
#include <jansson.h>

#include "api/tus.h"

static const char *const repeated[] = {"Upload-Metadata", "Upload-Concat"};

void tus_put_expiry(struct response *res, const struct session *session)
{
    char text[TIME_HTTP_SIZE];

    if (session->status != SESSION_INITIATED)
        return;
    time_to_http(session->expires_at_us, text);
    response_header(res, "Upload-Expires", text);
}

void tus_put_upload(struct response *res, struct uuid upload_id)
{
    char id[UUID_TEXT_SIZE];

    uuid_format(upload_id, id);
    response_header(res, "Upload-Id", id);
    response_header_printf(res, "Content-Location", "/v1/uploads/%s", id);
}

/* ---- what is repeated as it was sent ---- */

const char *tus_repeated_headers(const struct request *req, struct error *err)
{
    json_t *object = json_object();
    const char *copy = NULL;
    char *text;

    for (size_t i = 0; i < COUNT_OF(repeated); i++) {
        const char *value = request_header(req, repeated[i]);

        if (value)
            json_object_set_new(object, repeated[i], json_string(value));
    }
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text)
        copy = arena_strdup(req->mem, text);
    else
        error_set(err, ERR_INTERNAL, "headers cannot be written as JSON");
    free(text);
    return copy;
}

static void repeat(struct request *req, struct response *res, const struct session *session)
{
    json_t *object =
        session->protocol_headers ? json_loads(session->protocol_headers, 0, NULL) : NULL;

    for (size_t i = 0; i < COUNT_OF(repeated); i++) {
        const char *value = json_string_value(json_object_get(object, repeated[i]));

        if (value)
            response_header(res, repeated[i], value);
    }
    if (!object)
        response_header(res, "Upload-Metadata", tus_metadata_write(session, req->mem));
    json_decref(object);
}

/* ---- HEAD ---- */

static void put_count(struct response *res, const char *name, uint64_t count)
{
    response_header_printf(res, name, "%llu", (unsigned long long)count);
}

void tus_put_state(struct request *req, struct response *res, const struct resumable_state *state,
                   uint64_t final_size)
{
    const struct session *session = &state->session;
    bool is_complete = session->status == SESSION_COMPLETED;
    bool is_final = session->concatenation == SESSION_FINAL;
    uint64_t size = is_final && !is_complete ? final_size : session->file_size;

    if (is_complete || !is_final) /* Concatenation: not before the final is whole */
        put_count(res, "Upload-Offset", state->offset);
    if (size != SESSION_SIZE_UNKNOWN)
        put_count(res, "Upload-Length", size);
    else if (!is_final)
        response_header(res, "Upload-Defer-Length", "1");
    tus_put_expiry(res, session);
    if (is_complete && session->concatenation != SESSION_PARTIAL)
        tus_put_upload(res, session->upload_id);
    repeat(req, res, session);
}
