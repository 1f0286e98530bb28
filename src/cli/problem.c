#include "cli/problem.h"

#include <string.h>

#include "base/str.h"
#include "cli/text.h"

static enum error_kind kind_of_code(const char *code)
{
    enum error_kind kind;
    const char *known, *words;
    int status;

    for (unsigned i = 0; error_kind_at(i, &kind, &status, &known, &words); i++) {
        if (strcmp(code, known) == 0)
            return kind;
    }
    return ERR_UNAVAILABLE;
}

/* What stands between, or in the place of, the server answers so: a proxy, a network's sign-in
 * page. */
static bool answer_of_a_stranger(long status, struct error *err)
{
    if (status >= 500)
        return error_tell(err, ERR_UNAVAILABLE, "the server answered with status %ld", status);
    return error_tell(err, ERR_UNAVAILABLE,
                      "status %ld was answered, but not by an AudioTricks server: is a proxy or a "
                      "sign-in page in between?",
                      status);
}

static bool is_in_bytes(enum error_kind kind)
{
    return kind == ERR_QUOTA_STORAGE || kind == ERR_FILE_TOO_LARGE || kind == ERR_BODY_TOO_LARGE;
}

/* "; 1.5 MiB of 10 GiB remain" where the server told. */
static void describe_limit(enum error_kind kind, const json_t *problem, char out[static 96])
{
    const json_t *limit = json_object_get(problem, "limit");
    const json_t *remaining = json_object_get(problem, "remaining");
    char limit_text[32], remaining_text[32];

    out[0] = '\0';
    if (!json_is_integer(limit) || !json_is_integer(remaining))
        return;
    if (is_in_bytes(kind)) {
        str_format_bytes((uint64_t)json_integer_value(limit), limit_text);
        str_format_bytes((uint64_t)json_integer_value(remaining), remaining_text);
    } else {
        snprintf(limit_text, sizeof limit_text, "%" JSON_INTEGER_FORMAT, json_integer_value(limit));
        snprintf(remaining_text, sizeof remaining_text, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(remaining));
    }
    snprintf(out, 96, "; %s of %s remain", remaining_text, limit_text);
}

bool problem_to_error(long status, const json_t *problem, struct error *err)
{
    const char *code = json_string_value(json_object_get(problem, "code"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    enum error_kind kind;
    char visible[320], visible_code[64], limit[96];

    if (!code)
        return answer_of_a_stranger(status, err);
    kind = kind_of_code(code);
    if (detail && strstr(detail, "?workspace_id=")) /* what that is on the command line */
        detail = "there are several workspaces: say which with --workspace";
    text_visible(detail ? detail : "the server refused", visible, sizeof visible);
    text_visible(code, visible_code, sizeof visible_code);
    describe_limit(kind, problem, limit);
    error_set(err, kind, "%s%s (%s)", visible, limit, visible_code);
    return error_client(err, "%s%s", visible, limit);
}

bool problem_of_head(long status, struct error *err)
{
    enum error_kind kind;
    const char *code, *words;
    int its_status;

    for (unsigned i = 0; error_kind_at(i, &kind, &its_status, &code, &words); i++) {
        if (its_status == status)
            return error_tell(err, kind, "%s (%s)", words, code);
    }
    return answer_of_a_stranger(status, err);
}
