#include <string.h>

#include "api/members.h"
#include "base/json_text.h"

static bool type_is_json(struct request *req)
{
    return !request_header(req, "Content-Type") || request_has_type(req, "application/json") ||
           request_has_type(req, "application/merge-patch+json");
}

static bool parse_object(const char *text, size_t length, json_t **out, struct error *err)
{
    scoped(members_release) json_t *root = NULL;

    if (!json_text_read(text, length, &root, err))
        return false;
    if (!json_is_object(root))
        return error_tell(err, ERR_INVALID, "the body must be a JSON object");
    *out = take(root);
    return true;
}

bool members_read_large(struct request *req, size_t limit, json_t **out, struct error *err)
{
    size_t length = 0;
    char *text = NULL;

    if (!type_is_json(req))
        return error_tell(err, ERR_MEDIA_TYPE, "the body must be application/json");
    if (!request_read_small(req, limit, &text, &length, err))
        return false;
    return parse_object(text, length, out, err);
}

bool members_read(struct request *req, bool optional, json_t **out, struct error *err)
{
    if (optional && request_body_length(req) == 0) {
        *out = json_object();
        return true;
    }
    return members_read_large(req, MEMBERS_MAX_BYTES, out, err);
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool refuse_length(const struct member *member, struct error *err)
{
    if (member->min == member->max)
        return error_tell(err, ERR_INVALID, "%s must have %llu bytes", member->name,
                          (unsigned long long)member->min);
    return error_tell(err, ERR_INVALID, "%s must have %llu to %llu bytes", member->name,
                      (unsigned long long)member->min, (unsigned long long)member->max);
}

static bool read_prose(const json_t *value, const struct member *member, struct error *err)
{
    const char *text = json_string_value(value);

    if (!text)
        return error_tell(err, ERR_INVALID, "%s must be text", member->name);
    if (strlen(text) < member->min || strlen(text) > member->max)
        return refuse_length(member, err);
    member->out->text = text;
    return true;
}

static bool read_text(const json_t *value, const struct member *member, struct error *err)
{
    if (!read_prose(value, member, err))
        return false;
    if (has_controls(member->out->text))
        return error_tell(err, ERR_INVALID, "%s must not hold control characters", member->name);
    return true;
}

static bool read_count(const json_t *value, const struct member *member, struct error *err)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value))
        return error_tell(err, ERR_INVALID, "%s must be an integer", member->name);
    if (number < 0 || (uint64_t)number < member->min || (uint64_t)number > member->max)
        return error_tell(err, ERR_INVALID, "%s must be from %llu to %llu", member->name,
                          (unsigned long long)member->min, (unsigned long long)member->max);
    member->out->count = (uint64_t)number;
    return true;
}

static bool read_int(const json_t *value, const struct member *member, struct error *err)
{
    json_int_t number = json_integer_value(value);
    json_int_t most = (json_int_t)member->max;

    if (!json_is_integer(value))
        return error_tell(err, ERR_INVALID, "%s must be an integer", member->name);
    if (number < -most || number > most)
        return error_tell(err, ERR_INVALID, "%s must be from -%lld to %lld", member->name,
                          (long long)most, (long long)most);
    member->out->number = number;
    return true;
}

static bool read_milli(const json_t *value, const struct member *member, struct error *err)
{
    double number = json_number_value(value);

    if (!json_is_number(value))
        return error_tell(err, ERR_INVALID, "%s must be a number", member->name);
    if (number < (double)member->min || number > (double)member->max)
        return error_tell(err, ERR_INVALID, "%s must be from %llu to %llu", member->name,
                          (unsigned long long)member->min, (unsigned long long)member->max);
    member->out->number = (int64_t)(number * 1000 + 0.5);
    return true;
}

static bool read_bool(const json_t *value, const struct member *member, struct error *err)
{
    if (!json_is_boolean(value))
        return error_tell(err, ERR_INVALID, "%s must be true or false", member->name);
    member->out->yes = json_is_true(value);
    return true;
}

static bool read_uuid(const json_t *value, const struct member *member, struct error *err)
{
    if (!uuid_parse(str_from(json_string_value(value)), &member->out->uuid))
        return error_tell(err, ERR_INVALID, "%s must be a UUID", member->name);
    return true;
}

static bool read_time(const json_t *value, const struct member *member, struct error *err)
{
    if (!time_from_rfc3339(str_from(json_string_value(value)), &member->out->time_us))
        return error_tell(err, ERR_INVALID, "%s must be a time of RFC 3339", member->name);
    return true;
}

static bool read_object(const json_t *value, const struct member *member, struct error *err)
{
    if (!json_is_object(value))
        return error_tell(err, ERR_INVALID, "%s must be an object", member->name);
    member->out->object = (json_t *)value;
    return true;
}

static bool read_list(const json_t *value, const struct member *member, struct error *err)
{
    if (!json_is_array(value))
        return error_tell(err, ERR_INVALID, "%s must be a list", member->name);
    if (json_array_size(value) < member->min || json_array_size(value) > member->max)
        return error_tell(err, ERR_INVALID, "%s must have %llu to %llu items", member->name,
                          (unsigned long long)member->min, (unsigned long long)member->max);
    member->out->object = (json_t *)value;
    return true;
}

static bool read_member(const json_t *value, const struct member *member, struct error *err)
{
    static bool (*const readers[])(const json_t *, const struct member *, struct error *) = {
        [MEMBER_TEXT] = read_text, [MEMBER_PROSE] = read_prose, [MEMBER_COUNT] = read_count,
        [MEMBER_INT] = read_int,   [MEMBER_MILLI] = read_milli, [MEMBER_BOOL] = read_bool,
        [MEMBER_UUID] = read_uuid, [MEMBER_TIME] = read_time,   [MEMBER_OBJECT] = read_object,
        [MEMBER_LIST] = read_list,
    };

    member->out->given = true;
    member->out->null = json_is_null(value);
    if (!member->out->null)
        return readers[member->type](value, member, err);
    if (!member->nullable)
        return error_tell(err, ERR_INVALID, "%s must not be null", member->name);
    return true;
}

static const struct member *find_member(const char *name, const struct member *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

bool members_take(const json_t *object, const struct member *table, size_t count, struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        const struct member *member = find_member(name, table, count);

        if (!member)
            return error_tell(err, ERR_INVALID, "unknown member \"%.64s\"", name);
        if (!read_member(value, member, err))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (table[i].required && !table[i].out->given)
            return error_tell(err, ERR_INVALID, "%s is missing", table[i].name);
    return true;
}
