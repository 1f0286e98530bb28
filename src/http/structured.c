#include "http/structured.h"

#include "http/text.h"

static bool is_key_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || c == '*')
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
}

static bool take_key(struct str *text, struct str *out)
{
    size_t length = 0;

    while (length < text->len && is_key_char(text->ptr[length], length == 0))
        length++;
    *out = (struct str){text->ptr, length};
    text->ptr += length;
    text->len -= length;
    return length > 0;
}

static bool take_until(struct str *text, char end, struct str *out)
{
    const char *found = memchr(text->ptr, end, text->len);

    if (!found)
        return false;
    *out = (struct str){text->ptr, (size_t)(found - text->ptr)};
    text->ptr += out->len + 1;
    text->len -= out->len + 1;
    return true;
}

/* An sf-string; its text does not matter here. */
static bool skip_string(struct str *text)
{
    while (text->len > 0) {
        char c = *text->ptr;

        if ((unsigned char)c < 0x20 || (unsigned char)c > 0x7e)
            return false;
        text_skip(text, c);
        if (c == '"')
            return true;
        if (c == '\\' && !text_skip(text, '"') && !text_skip(text, '\\'))
            return false;
    }
    return false;
}

static bool is_bare_char(char c)
{
    return text_is_tchar(c) || c == ':' || c == '/';
}

/* A token, number or boolean: characters only, which is enough to step over it. */
static bool take_bare(struct str *text, struct str *out)
{
    size_t length = 0;

    text_skip(text, '?');
    while (length < text->len && is_bare_char(text->ptr[length]))
        length++;
    *out = (struct str){text->ptr, length};
    text->ptr += length;
    text->len -= length;
    return length > 0;
}

static bool take_item(struct str *text, struct structured_item *out)
{
    *out = (struct structured_item){false, {"", 0}};
    if (text_skip(text, ':')) {
        out->is_bytes = true;
        return take_until(text, ':', &out->text);
    }
    if (text_skip(text, '"'))
        return skip_string(text);
    return take_bare(text, &out->text);
}

static bool skip_parameters(struct str *text)
{
    while (text_skip(text, ';')) {
        struct structured_item value;
        struct str key;

        while (text_skip(text, ' '))
            ;
        if (!take_key(text, &key) || (text_skip(text, '=') && !take_item(text, &value)))
            return false;
    }
    return true;
}

bool structured_member(struct str *text, struct str *key, struct structured_item *value)
{
    *value = (struct structured_item){false, {"?1", 2}};
    if (!take_key(text, key) || (text_skip(text, '=') && !take_item(text, value)) ||
        !skip_parameters(text))
        return false;
    text_skip_blanks(text);
    if (text->len == 0)
        return true;
    if (!text_skip(text, ','))
        return false;
    text_skip_blanks(text);
    return text->len > 0; /* no comma at the end */
}

/* ---- items ---- */

/* What stands behind an item that is a field by itself: parameters, which are not looked at. */
static bool ends_item(struct str *text)
{
    return skip_parameters(text) && text->len == 0;
}

bool structured_boolean(struct str field, bool *out)
{
    struct str rest = str_trim(field);
    bool value;

    if (!text_skip(&rest, '?'))
        return false;
    value = text_skip(&rest, '1');
    if ((!value && !text_skip(&rest, '0')) || !ends_item(&rest))
        return false;
    *out = value;
    return true;
}

bool structured_count(struct str field, uint64_t *out)
{
    struct str rest = str_trim(field), digits;
    bool is_negative = text_skip(&rest, '-');
    uint64_t value;

    digits = (struct str){rest.ptr, 0};
    while (digits.len < rest.len && rest.ptr[digits.len] >= '0' && rest.ptr[digits.len] <= '9')
        digits.len++;
    rest = (struct str){rest.ptr + digits.len, rest.len - digits.len};
    if (digits.len > STRUCTURED_DIGITS_MAX || !str_to_u64(digits, UINT64_MAX, &value) ||
        (is_negative && value > 0) || !ends_item(&rest))
        return false;
    *out = value;
    return true;
}
