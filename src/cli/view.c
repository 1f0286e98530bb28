#include "cli/view.h"

#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/scoped.h"
#include "base/str.h"
#include "cli/text.h"

#define NAME_COLUMN 20

void view_json(const json_t *json)
{
    scoped(memory_free) char *text = NULL;

    if (json && (text = json_text_write(json, JSON_COMPACT | JSON_ENCODE_ANY)))
        puts(text);
}

const char *view_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

json_int_t view_int(const json_t *object, const char *name, json_int_t fallback)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

char *view_bytes(struct arena *mem, const json_t *object, const char *name)
{
    json_int_t bytes = view_int(object, name, -1);
    char text[32];

    if (bytes < 0)
        return NULL;
    str_format_bytes((uint64_t)bytes, text);
    return arena_strdup(mem, text);
}

char *view_limit(struct arena *mem, const json_t *object, const char *name)
{
    if (!json_is_integer(json_object_get(object, name)))
        return arena_strdup(mem, "unlimited");
    return arena_printf(mem, "%" JSON_INTEGER_FORMAT, view_int(object, name, 0));
}

char *view_limit_bytes(struct arena *mem, const json_t *object, const char *name)
{
    if (!json_is_integer(json_object_get(object, name)))
        return arena_strdup(mem, "unlimited");
    return view_bytes(mem, object, name);
}

char *view_time(struct arena *mem, const json_t *object, const char *name)
{
    const char *text = view_text(object, name);
    char local[TEXT_TIME_SIZE];

    if (!text)
        return NULL;
    text_local_time(text, local);
    return arena_strdup(mem, local);
}

char *view_duration(struct arena *mem, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    char text[TEXT_DURATION_SIZE];

    if (!json_is_number(value))
        return NULL;
    text_duration(json_number_value(value), text);
    return arena_strdup(mem, text);
}

char *view_visible(struct arena *mem, const char *text)
{
    size_t size = TEXT_VISIBLE_SIZE(strlen(text));
    char *out = arena_alloc(mem, size);

    text_visible(text, out, size);
    return out;
}

char *view_value(struct arena *mem, const json_t *value)
{
    scoped(memory_free) char *dumped = NULL;

    if (!value || json_is_null(value))
        return NULL;
    if (json_is_string(value))
        return view_visible(mem, json_string_value(value));
    dumped = json_text_write(value, JSON_COMPACT | JSON_ENCODE_ANY);
    return view_visible(mem, dumped);
}

void view_pair(const char *name, const char *value)
{
    if (value)
        printf("%-*s %s\n", NAME_COLUMN, name, value);
}
