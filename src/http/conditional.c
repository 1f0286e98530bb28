#include "http/conditional.h"

#include "base/clock.h"
#include "http/text.h"

/* Cuts an entity-tag (section 8.8.3) off the start of TEXT. */
static bool take_etag(struct str *text, struct str *out)
{
    size_t at = str_starts_with(*text, "W/") ? 2 : 0;

    if (text->len <= at || text->ptr[at] != '"')
        return false;
    for (at++; at < text->len && text->ptr[at] != '"'; at++) {
        if ((unsigned char)text->ptr[at] <= ' ' || text->ptr[at] == 0x7f)
            return false;
    }
    if (at == text->len)
        return false;
    *out = (struct str){text->ptr, at + 1};
    text->ptr += at + 1;
    text->len -= at + 1;
    return true;
}

static struct str opaque(struct str etag)
{
    return str_starts_with(etag, "W/") ? (struct str){etag.ptr + 2, etag.len - 2} : etag;
}

static bool etag_matches(struct str a, struct str b, bool strong)
{
    if (strong)
        return !str_starts_with(a, "W/") && str_equal(a, b);
    return str_equal(opaque(a), opaque(b));
}

bool etag_list_has(struct str header, struct str etag, bool strong)
{
    bool found = false, wants_comma = false;
    struct str rest = str_trim(header), one;

    if (str_equal_text(rest, "*"))
        return true;
    for (text_skip_blanks(&rest); rest.len > 0; text_skip_blanks(&rest)) {
        if (text_skip(&rest, ',')) {
            wants_comma = false;
            continue;
        }
        if (wants_comma || !take_etag(&rest, &one))
            return false;
        wants_comma = true;
        found = found || etag_matches(one, etag, strong);
    }
    return found;
}

static bool list_matches(const char *header, const struct validators *validators, bool strong)
{
    if (!validators->exists)
        return false;
    if (str_equal_text(str_trim(str_from(header)), "*"))
        return true;
    return validators->etag && etag_list_has(str_from(header), str_from(validators->etag), strong);
}

/* Whether the representation was changed after the date; FALLBACK if either is not known. HTTP
 * dates have no fractions of a second, so neither has the comparison. */
static bool modified_after(const char *header, const struct validators *validators, bool fallback)
{
    int64_t date_us;

    if (!validators->exists || validators->modified_us == 0 ||
        !time_from_http(str_from(header), &date_us))
        return fallback;
    return validators->modified_us / US_PER_S > date_us / US_PER_S;
}

enum condition_result conditions_evaluate(const struct conditions *conditions,
                                          const struct validators *validators, bool is_read)
{
    if (conditions->if_match) {
        if (!list_matches(conditions->if_match, validators, true))
            return CONDITION_FAILED;
    } else if (conditions->if_unmodified_since) {
        if (modified_after(conditions->if_unmodified_since, validators, false))
            return CONDITION_FAILED;
    }
    if (conditions->if_none_match) {
        if (list_matches(conditions->if_none_match, validators, false))
            return is_read ? CONDITION_NOT_MODIFIED : CONDITION_FAILED;
    } else if (conditions->if_modified_since && is_read) {
        if (!modified_after(conditions->if_modified_since, validators, true))
            return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_PROCEED;
}

bool if_range_holds(const char *if_range, const struct validators *validators)
{
    struct str text;
    int64_t date_us;

    if (!if_range)
        return true;
    text = str_trim(str_from(if_range));
    if (str_starts_with(text, "\"") || str_starts_with(text, "W/"))
        return validators->etag && etag_matches(text, str_from(validators->etag), true);
    return validators->modified_us != 0 && time_from_http(text, &date_us) &&
           validators->modified_us / US_PER_S == date_us / US_PER_S;
}
