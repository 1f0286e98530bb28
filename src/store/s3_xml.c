#include "store/s3_xml.h"

#include <string.h>

#include "base/clock.h"
#include "base/percent.h"
#include "base/str.h"
#include "store/s3_credentials.h"
#include "store/s3_xml_walk.h"

struct reading {
    struct s3_xml_walk walk;
    struct arena *mem;
    const char *entry_name; /* "Contents" or "Upload" */
    struct s3_page *page;
    struct s3_entry entry;
    bool has_size, has_key;
    char code[S3_CODE_SIZE];
    const char *upload_id, *etag;
    struct s3_identity identity;
};

static struct reading *reading_of(struct s3_xml_walk *walk)
{
    return container_of(walk, struct reading, walk);
}

static bool read_all(struct reading *self, const char *bytes, size_t length)
{
    return s3_xml_walk(&self->walk, bytes, length);
}

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERR_UNAVAILABLE, "the provider's answer is not a readable %s", what);
}

/* ---- pages ---- */

static void entry_begun(struct s3_xml_walk *walk, unsigned depth, const char *name)
{
    struct reading *self = reading_of(walk);

    if (depth != 2 || strcmp(name, self->entry_name) != 0)
        return;
    self->entry = (struct s3_entry){0};
    self->has_size = self->has_key = false;
}

static void entry_ended(struct reading *self)
{
    bool is_upload = strcmp(self->entry_name, "Upload") == 0;

    if (!self->has_key || (is_upload ? !self->entry.upload_id : !self->has_size) ||
        self->page->count == S3_PAGE_MAX) {
        s3_xml_walk_stop(&self->walk);
        return;
    }
    self->page->entries[self->page->count++] = self->entry;
}

static void entry_part_ended(struct reading *self, const char *name, const char *text)
{
    struct error ignored;
    char *key;

    if (strcmp(name, "Key") == 0) {
        self->has_key = percent_decode(str_from(text), true, self->mem, &key, &ignored) && *key;
        self->entry.key = key;
    } else if (strcmp(name, "Size") == 0) {
        self->has_size = str_to_u64(str_from(text), INT64_MAX, &self->entry.size);
    } else if (strcmp(name, "LastModified") == 0 || strcmp(name, "Initiated") == 0) {
        if (!time_from_rfc3339(str_from(text), &self->entry.modified_us))
            self->entry.modified_us = 0;
    } else if (strcmp(name, "UploadId") == 0 && *text && strlen(text) <= S3_UPLOAD_ID_MAX) {
        self->entry.upload_id = arena_strdup(self->mem, text);
    }
}

static void page_ended(struct s3_xml_walk *walk, unsigned depth, const char *parent,
                       const char *name, const char *text)
{
    struct reading *self = reading_of(walk);

    if (depth == 3 && strcmp(parent, self->entry_name) == 0)
        entry_part_ended(self, name, text);
    else if (depth == 2 && strcmp(name, self->entry_name) == 0)
        entry_ended(self);
    else if (depth == 2 && strcmp(name, "IsTruncated") == 0)
        self->page->is_cut = strcmp(text, "true") == 0;
}

static bool read_page(const char *bytes, size_t length, const char *root, const char *entry,
                      struct arena *mem, struct s3_page *out, struct error *err)
{
    struct s3_page page = {.entries = arena_array(mem, S3_PAGE_MAX, sizeof *page.entries)};
    struct reading reading = {.walk = {.ended = page_ended, .begun = entry_begun},
                              .mem = mem,
                              .entry_name = entry,
                              .page = &page};

    if (!read_all(&reading, bytes, length) || strcmp(reading.walk.root, root) != 0 ||
        (page.is_cut && page.count == 0))
        return refuse(err, "list");
    *out = page;
    return true;
}

bool s3_xml_objects(const char *bytes, size_t length, struct arena *mem, struct s3_page *out,
                    struct error *err)
{
    return read_page(bytes, length, "ListBucketResult", "Contents", mem, out, err);
}

bool s3_xml_uploads(const char *bytes, size_t length, struct arena *mem, struct s3_page *out,
                    struct error *err)
{
    return read_page(bytes, length, "ListMultipartUploadsResult", "Upload", mem, out, err);
}

/* ---- errors and multipart ---- */

static void fact_ended(struct s3_xml_walk *walk, unsigned depth, const char *parent,
                       const char *name, const char *text)
{
    struct reading *self = reading_of(walk);

    if (depth != 2)
        return;
    if (strcmp(parent, "Error") == 0 && strcmp(name, "Code") == 0) {
        size_t room = sizeof self->code - 1, length = strnlen(text, room);

        memcpy(self->code, text, length);
        self->code[length] = '\0';
    } else if (strcmp(name, "UploadId") == 0 && self->mem && *text &&
               strlen(text) <= S3_UPLOAD_ID_MAX) {
        self->upload_id = arena_strdup(self->mem, text);
    } else if (strcmp(name, "ETag") == 0 && self->mem && *text) {
        self->etag = arena_strdup(self->mem, text);
    }
}

bool s3_xml_error(const char *bytes, size_t length, char code[static S3_CODE_SIZE])
{
    struct reading reading = {.walk.ended = fact_ended};
    bool ok = read_all(&reading, bytes, length) && reading.code[0] != '\0';

    if (ok)
        memcpy(code, reading.code, S3_CODE_SIZE);
    else
        code[0] = '\0';
    return ok;
}

bool s3_xml_initiated(const char *bytes, size_t length, struct arena *mem, const char **upload_id,
                      struct error *err)
{
    struct reading reading = {.walk.ended = fact_ended, .mem = mem};

    if (!read_all(&reading, bytes, length) ||
        strcmp(reading.walk.root, "InitiateMultipartUploadResult") != 0 || !reading.upload_id)
        return refuse(err, "beginning of a multipart upload");
    *upload_id = reading.upload_id;
    return true;
}

/* ROOT, or an error in its place, whose CODE is then not empty. */
static bool read_end(struct reading *reading, const char *bytes, size_t length, const char *root,
                     char code[static S3_CODE_SIZE])
{
    if (!read_all(reading, bytes, length) ||
        (strcmp(reading->walk.root, root) != 0 &&
         (strcmp(reading->walk.root, "Error") != 0 || !reading->code[0])))
        return false;
    memcpy(code, reading->code, S3_CODE_SIZE);
    return true;
}

bool s3_xml_completed(const char *bytes, size_t length, char code[static S3_CODE_SIZE],
                      struct error *err)
{
    struct reading reading = {.walk.ended = fact_ended};

    return read_end(&reading, bytes, length, "CompleteMultipartUploadResult", code) ||
           refuse(err, "end of a multipart upload");
}

bool s3_xml_copied(const char *bytes, size_t length, bool is_part, struct arena *mem,
                   const char **etag, char code[static S3_CODE_SIZE], struct error *err)
{
    struct reading reading = {.walk.ended = fact_ended, .mem = mem};
    const char *root = is_part ? "CopyPartResult" : "CopyObjectResult";

    if (!read_end(&reading, bytes, length, root, code) || (!*code && !reading.etag))
        return refuse(err, "end of a copy");
    *etag = reading.etag;
    return true;
}

/* ---- credentials ---- */

static void key_ended(struct s3_xml_walk *walk, unsigned depth, const char *parent,
                      const char *name, const char *text)
{
    struct reading *self = reading_of(walk);

    if (depth != 4 || strcmp(parent, "Credentials") != 0 || !*text)
        return;
    if (strcmp(name, "AccessKeyId") == 0)
        self->identity.access_key = arena_strdup(self->mem, text);
    else if (strcmp(name, "SecretAccessKey") == 0)
        self->identity.secret_key = arena_strdup(self->mem, text);
    else if (strcmp(name, "SessionToken") == 0)
        self->identity.session_token = arena_strdup(self->mem, text);
    else if (strcmp(name, "Expiration") == 0 &&
             !time_from_rfc3339(str_from(text), &self->identity.expires_us))
        self->identity.expires_us = 0;
}

bool s3_xml_assumed(const char *bytes, size_t length, struct arena *mem, struct s3_identity *out,
                    struct error *err)
{
    struct reading reading = {.walk.ended = key_ended, .mem = mem};
    const struct s3_identity *found = &reading.identity;

    if (!read_all(&reading, bytes, length) || !found->access_key || !found->secret_key ||
        !found->session_token || found->expires_us == 0)
        return refuse(err, "set of keys");
    *out = *found;
    return true;
}
