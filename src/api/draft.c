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

/* Digits that are no structured integer, or no number here, tell of a length all the same: one that
 * is larger than anything that is taken. */
static bool read_long_count(const char *value, uint64_t *out)
{
    struct str digits = str_trim(str_from(value));

    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
    if (!str_to_u64(digits, DRAFT_LENGTH_MAX, out))
        *out = DRAFT_LENGTH_MAX;
    return digits.len > 0;
}

static void read_length(const struct request *req, struct draft_fields *out)
{
    const char *value = request_header(req, "Upload-Length");

    out->has_length = value && (structured_count(str_from(value), &out->length) ||
                                read_long_count(value, &out->length));
    out->is_length_malformed = value && !out->has_length;
}

void draft_fields_read(const struct request *req, struct draft_fields *out)
{
    const char *complete = request_header(req, "Upload-Complete");

    *out = (struct draft_fields){0};
    out->has_complete = complete && structured_boolean(str_from(complete), &out->complete);
    out->has_offset = read_count(req, "Upload-Offset", &out->offset);
    read_length(req, out);
}

bool draft_check_length(const struct draft *draft, struct error *err)
{
    return !draft->fields.is_length_malformed ||
           error_tell(err, ERR_INVALID, "Upload-Length must be a number of bytes");
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
