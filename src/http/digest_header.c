#include "http/digest_header.h"

#include <stdio.h>

#include "http/structured.h"

static bool decode_exactly(struct str text, uint8_t *out, size_t size)
{
    uint8_t decoded[32];
    size_t length;

    if (!base64_decode(text, decoded, size, &length) || length != size)
        return false;
    memcpy(out, decoded, size);
    return true;
}

static bool merge(bool *has, uint8_t *into, const uint8_t *digest, size_t size, struct error *err)
{
    if (*has && memcmp(into, digest, size) != 0)
        return error_tell(err, ERR_INVALID, "two digests of one algorithm contradict each other");
    memcpy(into, digest, size);
    *has = true;
    return true;
}

static bool merge_fields(const struct digest_fields *from, struct digest_fields *into,
                         struct error *err)
{
    struct digest_fields merged = *into;

    if (from->has_md5 && !merge(&merged.has_md5, merged.md5, from->md5, sizeof merged.md5, err))
        return false;
    if (from->has_sha256 &&
        !merge(&merged.has_sha256, merged.sha256, from->sha256, sizeof merged.sha256, err))
        return false;
    *into = merged;
    return true;
}

bool digest_fields_parse(struct str header, struct digest_fields *out, struct error *err)
{
    struct digest_fields found = {0};
    struct str rest = str_trim(header), key;

    while (rest.len > 0) {
        struct structured_item value;
        bool good = structured_member(&rest, &key, &value);

        if (good && str_equal_text(key, "sha-256"))
            good = found.has_sha256 =
                value.is_bytes && decode_exactly(value.text, found.sha256, sizeof found.sha256);
        else if (good && str_equal_text(key, "md5"))
            good = found.has_md5 =
                value.is_bytes && decode_exactly(value.text, found.md5, sizeof found.md5);
        if (!good)
            return error_tell(err, ERR_INVALID, "the digest header is malformed");
    }
    return merge_fields(&found, out, err);
}

bool content_md5_parse(struct str header, struct digest_fields *out, struct error *err)
{
    struct digest_fields found = {.has_md5 = true};

    if (!decode_exactly(str_trim(header), found.md5, sizeof found.md5))
        return error_tell(err, ERR_INVALID, "Content-MD5 is not 16 bytes of base64");
    return merge_fields(&found, out, err);
}

void digest_fields_format(const struct digest_fields *fields, char out[static DIGEST_HEADER_SIZE])
{
    char sha256[BASE64_SIZE(32)] = "", md5[BASE64_SIZE(16)] = "";

    base64_encode(fields->sha256, sizeof fields->sha256, sha256);
    base64_encode(fields->md5, sizeof fields->md5, md5);
    if (fields->has_sha256 && fields->has_md5)
        snprintf(out, DIGEST_HEADER_SIZE, "sha-256=:%s:, md5=:%s:", sha256, md5);
    else if (fields->has_sha256)
        snprintf(out, DIGEST_HEADER_SIZE, "sha-256=:%s:", sha256);
    else
        snprintf(out, DIGEST_HEADER_SIZE, "md5=:%s:", md5);
}

bool want_digest_parse(struct str header, int *sha256, int *md5)
{
    int wants_sha256 = 0, wants_md5 = 0;
    struct str rest = str_trim(header), key;

    while (rest.len > 0) {
        struct structured_item value;
        uint64_t preference;

        if (!structured_member(&rest, &key, &value) || value.is_bytes ||
            !str_to_u64(value.text, 10, &preference))
            return false;
        if (str_equal_text(key, "sha-256"))
            wants_sha256 = (int)preference;
        else if (str_equal_text(key, "md5"))
            wants_md5 = (int)preference;
    }
    *sha256 = wants_sha256;
    *md5 = wants_md5;
    return true;
}
