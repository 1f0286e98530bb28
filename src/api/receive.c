#include <ctype.h>

#include "api/claims.h"
#include "api/receive.h"
#include "api/views.h"
#include "http/disposition.h"
#include "http/problem.h"

bool receive_on_duplicate(const char *text, enum on_duplicate *out, struct error *err)
{
    static const char *const names[] = {[ON_DUPLICATE_LINK] = "link",
                                        [ON_DUPLICATE_RETURN] = "return",
                                        [ON_DUPLICATE_REJECT] = "reject"};

    *out = ON_DUPLICATE_LINK;
    if (!text)
        return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum on_duplicate)i;
            return true;
        }
    return error_tell(err, ERR_INVALID, "on_duplicate must be link, return or reject");
}

static bool is_visible_ascii(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

bool receive_idempotency_key(struct request *req, const char **out, struct error *err)
{
    const char *key = request_header(req, "Idempotency-Key");

    if (key && (!*key || strlen(key) > IDEMPOTENCY_KEY_MAX || !is_visible_ascii(key)))
        return error_tell(err, ERR_INVALID, "Idempotency-Key must be 1 to %d visible characters",
                          IDEMPOTENCY_KEY_MAX);
    *out = key;
    return true;
}

bool receive_check_coding(struct request *req, struct error *err)
{
    const char *coding = request_header(req, "Content-Encoding");

    return !coding || str_equal_nocase(str_from(coding), "identity") ||
           error_tell(err, ERR_MEDIA_TYPE, "a Content-Encoding is not supported here");
}

bool receive_wish(struct request *req, const struct caller *who, struct ingest_request *out,
                  struct error *err)
{
    struct ingest_request wish = {.workspace_id = who->workspace_id,
                                  .user_id = who->user_id,
                                  .token_id =
                                      who->is_remembered ? who->token_id : (struct uuid){{0}}};
    const char *on_duplicate = NULL;

    if (!receive_check_coding(req, err) ||
        !request_query(req, "on_duplicate", &on_duplicate, err) ||
        !receive_on_duplicate(on_duplicate, &wish.on_duplicate, err) ||
        !receive_idempotency_key(req, &wish.idempotency_key, err))
        return false;
    *out = wish;
    return true;
}

bool receive_filename(struct request *req, const char *fallback, const char **out,
                      struct error *err)
{
    const char *header = request_header(req, "Content-Disposition");
    struct disposition disposition = {0};

    if (!request_query(req, "filename", out, err))
        return false;
    if (*out)
        return true;
    if (header && !disposition_parse(str_from(header), req->mem, &disposition, err)) {
        err->kind = ERR_FILENAME;
        return false;
    }
    *out = disposition.filename ? disposition.filename : fallback;
    return *out || error_tell(err, ERR_FILENAME,
                              "name the file with ?filename= or a Content-Disposition header");
}

const char *receive_declared_type(const char *type, struct arena *mem)
{
    struct str rest = str_from(type);
    struct str essence;
    char *out;

    if (!type || !str_split(&rest, ';', &essence))
        return NULL;
    essence = str_trim(essence);
    out = arena_strndup(mem, essence.ptr, essence.len);
    for (char *c = out; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return *out && strcmp(out, "application/x-www-form-urlencoded") != 0 ? out : NULL;
}

static bool receive_body(struct request *req, struct ingest *ingest, struct source *body,
                         bool trailers, struct error *err)
{
    struct digest_claims claims;
    bool found = false;

    if (!ingest_receive(ingest, body, err))
        return false;
    if (!trailers)
        return true;
    if (!claims_of_trailers(req, &found, &claims, err))
        return false;
    if (found)
        ingest_claim(ingest, &claims);
    return true;
}

static bool run_ingest(struct request *req, const struct ingest_request *wish, struct source *body,
                       bool trailers, struct receipt *out)
{
    scoped(ingest_release) struct ingest *ingest = NULL;
    bool replay = false;

    if (!ingest_begin(req->app, wish, req->mem, &ingest, &replay, &out->outcome, &out->error))
        return false;
    return replay || (receive_body(req, ingest, body, trailers, &out->error) &&
                      ingest_finish(ingest, req->mem, &out->outcome, &out->error));
}

void receive_file(struct request *req, const struct ingest_request *wish, struct source *body,
                  bool trailers, struct receipt *out)
{
    *out = (struct receipt){0};
    out->stored = run_ingest(req, wish, body, trailers, out);
    if (!out->stored && error_status(&out->error) < 500 && out->error.kind != ERR_UNAUTHORIZED)
        atomic_fetch_add(&req->app->counters.uploads_refused, 1);
}

int receipt_status(const struct receipt *receipt)
{
    if (!receipt->stored)
        return error_status(&receipt->error);
    return receipt->outcome.result == INGEST_EXISTING ? 200 : 201;
}

const char *receipt_problem(const struct receipt *receipt, struct request *req)
{
    size_t length;

    return problem_json(&receipt->error, req->id, req->mem, &length);
}

bool receipt_answer(const struct receipt *receipt, struct response *res, struct error *err)
{
    char id[UUID_TEXT_SIZE];

    if (receipt->stored) {
        uuid_format(receipt->outcome.upload.id, id);
        response_header_printf(res, "Location", "/v1/uploads/%s", id);
        return view_answer_upload(res, receipt_status(receipt), &receipt->outcome.upload, err);
    }
    *err = receipt->error;
    return false;
}
