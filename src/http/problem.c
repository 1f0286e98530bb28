#include "http/problem.h"

#include <stdio.h>

#include "base/str.h"

struct phrase {
    int status;
    const char *text;
};

static const struct phrase phrases[] = {
    {100, "Continue"},
    {104, "Upload Resumption Supported"}, /* draft-ietf-httpbis-resumable-upload */
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {460, "Checksum Mismatch"}, /* tus 1.0 */
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *status_phrase(int status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].text;
    }
    return "Error";
}

/* The registered problem types; every other kind is told by its code alone. */
static const char *type_of(enum error_kind kind)
{
    switch (kind) {
    case ERR_OFFSET:
        return "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
    case ERR_COMPLETED:
        return "https://iana.org/assignments/http-problem-types#completed-upload";
    case ERR_LENGTH:
        return "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";
    default:
        return "about:blank";
    }
}

/* TEXT as the inside of a JSON string. What is not UTF-8 is cut off. */
static char *json_escape(const char *text, struct arena *mem)
{
    struct str all = str_from(text);
    char *out, *to;

    while (!utf8_is_valid(all))
        all.len--;
    out = to = arena_alloc(mem, 6 * all.len + 1);
    for (size_t i = 0; i < all.len; i++) {
        unsigned char c = (unsigned char)all.ptr[i];

        if (c < 0x20) {
            to += snprintf(to, 7, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            *to++ = '\\';
        *to++ = (char)c;
    }
    return out;
}

char *problem_json(const struct error *err, const char *request_id, struct arena *mem,
                   size_t *length)
{
    int status = error_status(err);
    char *limits = "", *upload = "", *json, id[UUID_TEXT_SIZE];

    if (err->has_limit)
        limits = arena_printf(mem, ",\"limit\":%ju,\"remaining\":%ju", (uintmax_t)err->limit,
                              (uintmax_t)err->remaining);
    if (err->has_upload) {
        uuid_format(err->upload_id, id);
        upload = arena_printf(mem, ",\"upload_id\":\"%s\"", id);
    }
    json = arena_printf(mem,
                        "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%d,"
                        "\"code\":\"%s\",\"detail\":\"%s\",\"request_id\":\"%s\"%s%s}",
                        type_of(err->kind), status_phrase(status), status, error_code(err),
                        json_escape(error_detail(err), mem), json_escape(request_id, mem), limits,
                        upload);
    *length = strlen(json);
    return json;
}
