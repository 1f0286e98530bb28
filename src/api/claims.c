#include "api/claims.h"
#include "http/digest_header.h"

static bool read_fields(const void *from, claims_field *field, struct digest_fields *out,
                        struct error *err)
{
    static const char *const names[] = {"Repr-Digest", "Content-Digest"};
    const char *md5 = field(from, "Content-MD5");

    if (md5 && !content_md5_parse(str_from(md5), out, err))
        return error_context(err, "Content-MD5");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = field(from, names[i]);

        if (value && !digest_fields_parse(str_from(value), out, err))
            return error_context(err, "%s", names[i]);
    }
    return true;
}

bool claims_read(const void *from, claims_field *field, struct digest_claims *out,
                 struct error *err)
{
    struct digest_fields fields = {0};

    if (!read_fields(from, field, &fields, err))
        return false;
    *out = (struct digest_claims){.has_md5 = fields.has_md5, .has_sha256 = fields.has_sha256};
    memcpy(out->digests.md5, fields.md5, sizeof(out->digests.md5));
    memcpy(out->digests.sha256, fields.sha256, sizeof(out->digests.sha256));
    return true;
}

const char *claims_header(const void *from, const char *name)
{
    return request_header(from, name);
}

static bool is_of_whole(const char *name)
{
    return strcmp(name, "Repr-Digest") == 0;
}

const char *claims_header_of_whole(const void *from, const char *name)
{
    return is_of_whole(name) ? request_header(from, name) : NULL;
}

const char *claims_header_of_part(const void *from, const char *name)
{
    return is_of_whole(name) ? NULL : request_header(from, name);
}

static const char *trailer(const void *from, const char *name)
{
    return request_trailer(from, name);
}

static const char *trailer_of_whole(const void *from, const char *name)
{
    return is_of_whole(name) ? request_trailer(from, name) : NULL;
}

static const char *trailer_of_part(const void *from, const char *name)
{
    return is_of_whole(name) ? NULL : request_trailer(from, name);
}

bool claims_of_trailers(const struct request *req, bool *found, struct digest_claims *out,
                        struct error *err)
{
    if (!claims_read(req, trailer, out, err))
        return false;
    *found = out->has_md5 || out->has_sha256;
    return true;
}

bool claims_of_trailers_of_whole(const struct request *req, struct digest_claims *out,
                                 struct error *err)
{
    return claims_read(req, trailer_of_whole, out, err);
}

void claims_checks(const struct digest_claims *claims, struct checksum **md5,
                   struct checksum **sha256)
{
    *md5 = *sha256 = NULL;
    if (claims->has_md5)
        *md5 = checksum_new(STR_LITERAL("md5"), claims->digests.md5, MD5_BYTES);
    if (claims->has_sha256)
        *sha256 = checksum_new(STR_LITERAL("sha256"), claims->digests.sha256, SHA256_BYTES);
}

static bool late_check(const struct request *req, claims_field *field, struct checksum **out,
                       struct error *err)
{
    struct checksum *md5, *sha256;
    struct digest_claims claims;

    if (!claims_read(req, field, &claims, err))
        return false;
    if (claims.has_sha256)
        claims.has_md5 = false; /* the stronger of the two is enough */
    claims_checks(&claims, &md5, &sha256);
    *out = sha256 ? sha256 : md5;
    return true;
}

bool claims_late_check(const struct request *req, struct checksum **out, struct error *err)
{
    return late_check(req, trailer, out, err);
}

bool claims_late_check_of_part(const struct request *req, struct checksum **out, struct error *err)
{
    return late_check(req, trailer_of_part, out, err);
}

bool claims_hold_for_nothing(const struct digest_claims *claims, struct error *err)
{
    scoped(checksum_release) struct checksum *md5 = NULL, *sha256 = NULL;

    claims_checks(claims, &md5, &sha256);
    return ((!md5 || checksum_holds(md5)) && (!sha256 || checksum_holds(sha256))) ||
           error_set(err, ERR_CHECKSUM, "digest of a part without bytes");
}
