#include "api/claims.h"
#include "api/receive.h"
#include "api/views.h"
#include "base/log.h"
#include "http/multipart.h"

#define FORM_FILES_MAX 1000
#define FORM_FIELD_MAX_BYTES ((size_t)64 * 1024)
#define FORM_ANSWER_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct form {
    struct request *req;
    const struct ingest_request *wish;
    struct multipart *parts;
    struct receipt *receipts; /* in the order of the files */
    size_t count;
    size_t room;
    bool broken; /* the body itself failed: nothing can follow */
};

/* Tells a failure of the form's body from one of the file in it. */
struct watched_source {
    struct source base;
    struct source *inner;
    bool failed;
};

static bool watched_read(struct source *self, void *bytes, size_t size, size_t *out,
                         struct error *err)
{
    struct watched_source *watched = container_of(self, struct watched_source, base);

    if (watched->inner->read(watched->inner, bytes, size, out, err))
        return true;
    watched->failed = true;
    return false;
}

static struct receipt *form_receipt(struct form *form)
{
    if (form->count == form->room) {
        size_t room = form->room ? 2 * form->room : 4;
        struct receipt *grown = arena_array(form->req->mem, room, sizeof(*grown));

        if (form->count)
            memcpy(grown, form->receipts, form->count * sizeof(*grown));
        form->receipts = grown;
        form->room = room;
    }
    form->receipts[form->count] = (struct receipt){0};
    return &form->receipts[form->count++];
}

/* Each file of a form needs a key of its own: the first has the request's. */
static const char *file_key(const struct form *form, size_t index)
{
    uint8_t hash[SHA256_BYTES];
    char hex[HEX_SIZE(SHA256_BYTES)];
    const char *text;

    if (!form->wish->idempotency_key || index == 0)
        return form->wish->idempotency_key;
    text = arena_printf(form->req->mem, "%s %zu", form->wish->idempotency_key, index);
    sha256_of(text, strlen(text), hash);
    hex_encode(hash, sizeof(hash), hex);
    return arena_strdup(form->req->mem, hex);
}

static const char *part_header(const void *from, const char *name)
{
    return multipart_header(from, name);
}

static void receive_part(struct form *form, const struct multipart_part *part)
{
    struct watched_source body = {.base = {watched_read}, .inner = part->body};
    struct ingest_request wish = *form->wish;
    size_t index = form->count;
    struct receipt *receipt = form_receipt(form);

    if (index >= FORM_FILES_MAX) {
        form->broken = true;
        error_tell(&receipt->error, ERR_INVALID, "the form has more than %d files", FORM_FILES_MAX);
        return;
    }
    wish.filename = part->filename;
    wish.declared_type = receive_declared_type(part->type, form->req->mem);
    wish.size = INGEST_SIZE_UNKNOWN;
    wish.idempotency_key = file_key(form, index);
    if (!claims_read(form->parts, part_header, &wish.claims, &receipt->error))
        return;
    receive_file(form->req, &wish, &body.base, false, receipt);
    form->broken = body.failed;
}

/* A field that is no file is read past, as far as it is small. */
static bool skip_field(struct source *body, struct error *err)
{
    char bytes[4096];
    size_t total = 0, length;

    do {
        if (!body->read(body, bytes, sizeof(bytes), &length, err))
            return false;
        total += length;
        if (total > FORM_FIELD_MAX_BYTES)
            return error_tell(err, ERR_BODY_TOO_LARGE, "a form field is longer than %zu bytes",
                              FORM_FIELD_MAX_BYTES);
    } while (length > 0);
    return true;
}

static bool receive_parts(struct form *form, struct error *err)
{
    struct multipart_part part;
    bool found = true;

    while (!form->broken) {
        if (!multipart_next(form->parts, &found, &part, err))
            return false;
        if (!found)
            return true;
        if (part.filename)
            receive_part(form, &part);
        else if (!skip_field(part.body, err))
            return false;
    }
    return true;
}

static void write_receipt(struct emitter *json, const struct receipt *receipt, struct request *req)
{
    emit_open_object(json, NULL);
    emit_int(json, "status", receipt_status(receipt));
    if (receipt->stored)
        view_upload(json, "upload", &receipt->outcome.upload);
    else
        emit_raw(json, "problem", receipt_problem(receipt, req));
    emit_close_object(json);
}

/* The request as a whole succeeds, so its log line does not say which files were refused. */
static void log_refusal(const struct receipt *receipt, struct request *req)
{
    int status = error_status(&receipt->error);

    log_event(status >= 500 ? LOG_ERROR : LOG_INFO, "file of form refused",
              log_text("request_id", req->id), log_int("status", status),
              log_text("code", error_code(&receipt->error)), log_text("error", receipt->error.log));
}

static bool answer_list(const struct form *form, struct response *res, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, FORM_ANSWER_MAX_BYTES);
    emit_open_object(&json, NULL);
    emit_open_list(&json, "items");
    for (size_t i = 0; i < form->count; i++) {
        if (!form->receipts[i].stored)
            log_refusal(&form->receipts[i], form->req);
        write_receipt(&json, &form->receipts[i], form->req);
    }
    emit_close_list(&json);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

/* A digest in the request's head speaks of the form as a whole, which is not kept. */
static bool refuse_digests(struct request *req, struct error *err)
{
    static const char *const names[] = {"Content-MD5", "Repr-Digest", "Content-Digest"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (request_header(req, names[i]))
            return error_tell(err, ERR_INVALID,
                              "%s of a form belongs into the headers of its parts", names[i]);
    return true;
}

static bool open_form(struct form *form, struct error *err)
{
    const char *type = request_header(form->req, "Content-Type");
    const char *boundary = NULL;

    if (!refuse_digests(form->req, err) ||
        !multipart_boundary(str_from(type), form->req->mem, &boundary, err))
        return false;
    form->parts = multipart_new(request_body(form->req), boundary, form->req->mem);
    return true;
}

bool receive_form(struct request *req, const struct ingest_request *wish, struct response *res,
                  struct error *err)
{
    struct form form = {.req = req, .wish = wish};

    if (!open_form(&form, err))
        return false;
    /* A form that breaks off behind files that were judged still answers for them. */
    if (!receive_parts(&form, err)) {
        if (form.count == 0)
            return false;
        form_receipt(&form)->error = *err;
    }
    if (form.count == 0)
        return error_tell(err, ERR_INVALID, "the form holds no file");
    return form.count == 1 ? receipt_answer(&form.receipts[0], res, err)
                           : answer_list(&form, res, err);
}
