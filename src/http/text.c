#include "http/text.h"

bool text_is_tchar(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c);
}

bool text_is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!text_is_tchar(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

bool text_is_field_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool text_parse_field(struct str line, struct str *name, struct str *value)
{
    if (!text_take_token(&line, name) || !text_skip(&line, ':') || !text_is_field_value(line))
        return false;
    *value = str_trim(line);
    return true;
}

void text_skip_blanks(struct str *text)
{
    while (text->len > 0 && (*text->ptr == ' ' || *text->ptr == '\t')) {
        text->ptr++;
        text->len--;
    }
}

bool text_skip(struct str *text, char c)
{
    if (text->len == 0 || *text->ptr != c)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

bool text_take_token(struct str *text, struct str *out)
{
    size_t length = 0;

    while (length < text->len && text_is_tchar(text->ptr[length]))
        length++;
    if (length == 0)
        return false;
    *out = (struct str){text->ptr, length};
    text->ptr += length;
    text->len -= length;
    return true;
}

bool text_take_quoted(struct str *text, bool lenient, struct arena *mem, char **out)
{
    struct str rest = *text;
    char *to;

    if (!text_skip(&rest, '"'))
        return false;
    to = *out = arena_alloc(mem, rest.len + 1);
    while (rest.len > 0 && *rest.ptr != '"') {
        bool escapes = *rest.ptr == '\\' && rest.len > 1 &&
                       (!lenient || rest.ptr[1] == '"' || rest.ptr[1] == '\\');

        if (escapes)
            text_skip(&rest, '\\');
        *to++ = *rest.ptr++;
        rest.len--;
    }
    if (!text_skip(&rest, '"'))
        return false;
    *text = rest;
    return true;
}

int text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}
