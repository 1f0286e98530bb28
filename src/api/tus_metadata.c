/* Upload-Metadata: "key base64,key base64,key" (tus 1.0, "Creation"). */
#include <jansson.h>
#include <string.h>

#include "api/tus.h"
#include "base/json_text.h"

/* A value, decoded. */
struct value {
    struct str base64; /* as it was sent */
    char *bytes;       /* NUL-terminated */
    size_t length;
};

static bool is_text(const struct value *value)
{
    return !memchr(value->bytes, '\0', value->length) &&
           utf8_is_valid((struct str){value->bytes, value->length});
}

static bool is_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return false;
    return key.len > 0;
}

static bool read_pair(struct str pair, struct arena *mem, struct str *key, struct value *out,
                      struct error *err)
{
    struct str rest = str_trim(pair);
    size_t room;

    if (!str_split(&rest, ' ', key) || !is_key(*key))
        return error_tell(err, ERR_INVALID, "Upload-Metadata has a key that is none");
    out->base64 = str_trim(rest);
    room = out->base64.len / 4 * 3;
    out->bytes = arena_alloc(mem, room + 1);
    if (!base64_decode(out->base64, out->bytes, room, &out->length))
        return error_tell(err, ERR_INVALID, "Upload-Metadata: the value of %.*s is not Base64",
                          (int)(key->len < 64 ? key->len : 64), key->ptr);
    out->bytes[out->length] = '\0';
    return true;
}

/* ---- what the keys mean ---- */

/* Clients differ in how they call name and type; some send both. */
struct meaning {
    const char *key;
    bool is_first_choice;
    bool is_name;
};
static const struct meaning meanings[] = {{"filename", true, true},
                                          {"name", false, true},
                                          {"filetype", true, false},
                                          {"type", false, false}};

static const struct meaning *meaning_of(struct str key)
{
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (str_equal_text(key, meanings[i].key))
            return &meanings[i];
    return NULL;
}

static bool refuse_text(const struct meaning *meaning, const struct value *value, struct error *err)
{
    if (!meaning->is_name)
        return error_tell(err, ERR_INVALID, "Upload-Metadata: %s is no text", meaning->key);
    if (memchr(value->bytes, '\0', value->length))
        return error_tell(err, ERR_FILENAME, "the file name holds a control character");
    return error_tell(err, ERR_FILENAME, "the file name is not valid UTF-8");
}

static bool take_meaning(const struct meaning *meaning, const struct value *value,
                         struct tus_metadata *out, struct error *err)
{
    const char **place = meaning->is_name ? &out->filename : &out->filetype;

    if (!is_text(value))
        return refuse_text(meaning, value, err);
    if (value->length > 0 && (meaning->is_first_choice || !*place))
        *place = value->bytes;
    return true;
}

static void keep(json_t *rest, const char *key, const struct value *value)
{
    json_object_set_new(rest, key,
                        is_text(value) ? json_stringn(value->bytes, value->length)
                                       : json_stringn(value->base64.ptr, value->base64.len));
}

static bool read_pairs(const char *header, struct arena *mem, json_t *seen, json_t *rest,
                       struct tus_metadata *out, struct error *err)
{
    struct str left = str_from(header), pair, key;
    struct value value;

    while (str_split(&left, ',', &pair)) {
        const struct meaning *meaning;
        const char *name;

        if (!read_pair(pair, mem, &key, &value, err))
            return false;
        name = arena_strndup(mem, key.ptr, key.len);
        if (json_object_get(seen, name))
            return error_tell(err, ERR_INVALID, "Upload-Metadata has the key %.64s twice", name);
        json_object_set_new(seen, name, json_true());
        meaning = meaning_of(key);
        if (!meaning)
            keep(rest, name, &value);
        else if (!take_meaning(meaning, &value, out, err))
            return false;
    }
    return true;
}

bool tus_metadata_read(const char *header, struct arena *mem, struct tus_metadata *out,
                       struct error *err)
{
    json_t *seen = json_object(), *rest = json_object();
    struct tus_metadata read = {0};
    bool ok = read_pairs(header && *header ? header : NULL, mem, seen, rest, &read, err);
    char *text = json_text_write(rest, JSON_COMPACT);

    json_decref(seen);
    json_decref(rest);
    if (ok) {
        read.rest = arena_strdup(mem, text ? text : "{}");
        *out = read;
    }
    free(text);
    return ok;
}

/* ---- for others' sessions ---- */

static const char *base64_of(const char *text, struct arena *mem)
{
    size_t length = strlen(text);
    char *out = arena_alloc(mem, BASE64_SIZE(length));

    base64_encode(text, length, out);
    return out;
}

const char *tus_metadata_write(const struct session *session, struct arena *mem)
{
    const char *name = base64_of(session->filename, mem);

    if (!session->declared_type)
        return arena_printf(mem, "filename %s", name);
    return arena_printf(mem, "filename %s,filetype %s", name,
                        base64_of(session->declared_type, mem));
}
