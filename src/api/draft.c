#include "api/draft.h"

#include "http/structured.h"

/* Number 6 is of drafts -04 and -05, 7 of -06 to -08, 8 of -09 and later. */
static const struct draft_version versions[] = {
    {.number = 6, .age_limit = "expires", .appended_status = 201, .refuses_state_fields = true},
    {.number = 7,
     .age_limit = "max-age",
     .appended_status = 204,
     .fails_overlong = true,
     .tells_length_first = true},
    {.number = 8,
     .age_limit = "max-age",
     .appended_status = 204,
     .fails_overlong = true,
     .tells_length_first = true},
    {.number = 0,
     .age_limit = "max-age",
     .appended_status = 204,
     .fails_overlong = true,
     .tells_length_first = true},
};

static bool read_count(const struct request *req, const char *name, uint64_t *out)
{
    const char *value = request_header(req, name);

    return value && structured_count(str_from(value), out);
}

const struct draft_version *draft_version_of(const struct request *req)
{
    const struct draft_version *version = versions;
    uint64_t number = 0;

    if (!read_count(req, "Upload-Draft-Interop-Version", &number))
        number = 0;
    while (version->number != 0 && version->number != number)
        version++;
    return version;
}

void draft_fields_read(const struct request *req, struct draft_fields *out)
{
    const char *complete = request_header(req, "Upload-Complete");

    *out = (struct draft_fields){0};
    out->has_complete = complete && structured_boolean(str_from(complete), &out->complete);
    out->has_offset = read_count(req, "Upload-Offset", &out->offset);
    out->has_length = read_count(req, "Upload-Length", &out->length);
}

static bool read_counted(struct source *self, void *buf, size_t size, size_t *out,
                         struct error *err)
{
    struct draft *draft = container_of(self, struct draft, body);
    struct source *body = request_body(draft->req);

    if (!body->read(body, buf, size, out, err))
        return false;
    draft->received += *out;
    return true;
}

void draft_init(struct draft *draft, struct request *req, const struct caller *who,
                struct response *res)
{
    *draft = (struct draft){.req = req,
                            .res = res,
                            .who = who,
                            .version = draft_version_of(req),
                            .body = {read_counted}};
    draft_fields_read(req, &draft->fields);
}
