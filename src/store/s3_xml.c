#include "store/s3_xml.h"

#include <assert.h>
#include <expat.h>
#include <string.h>

#include "base/clock.h"
#include "base/percent.h"
#include "base/str.h"

#define DEPTH_MAX 16
#define TEXT_MAX ((size_t)4096) /* bytes of one element: a key of 1,024 bytes, each encoded */

/* One walk over an answer. Element names are compared without their namespace, which providers
 * leave out or spell in several ways. */
struct reading {
    XML_Parser parser;
    struct arena *mem;
    /* Told of the end of each element: DEPTH of it (the root's is 1), its PARENT's name, its own,
     * and the text directly in it. */
    void (*ended)(struct reading *self, unsigned depth, const char *parent, const char *name,
                  const char *text);
    void (*begun)(struct reading *self, unsigned depth, const char *name); /* may be NULL */
    char names[DEPTH_MAX + 1][32]; /* cut; of the elements that are open */
    unsigned depth;
    char text[TEXT_MAX + 1];
    size_t text_length;
    bool has_failed;
    char root[32];

    const char *entry_name; /* "Contents" or "Upload" */
    struct s3_page *page;
    struct s3_entry entry;
    bool has_size, has_key;
    char code[S3_CODE_SIZE];
    const char *upload_id;
};

static void stop(struct reading *self)
{
    self->has_failed = true;
    XML_StopParser(self->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *self = context;
    size_t length = strlen(name);

    (void)attributes;
    if (self->depth == DEPTH_MAX) {
        stop(self);
        return;
    }
    self->depth++;
    char *kept = self->names[self->depth];
    if (length >= sizeof self->names[0])
        length = sizeof self->names[0] - 1;
    memcpy(kept, name, length);
    kept[length] = '\0';
    if (self->depth == 1)
        memcpy(self->root, kept, sizeof self->root);
    self->text_length = 0;
    if (self->begun)
        self->begun(self, self->depth, kept);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reading *self = context;

    (void)name;
    self->text[self->text_length] = '\0';
    if (!self->has_failed)
        self->ended(self, self->depth, self->names[self->depth - 1], self->names[self->depth],
                    self->text);
    self->depth--;
    self->text_length = 0;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int length)
{
    struct reading *self = context;

    if ((size_t)length > TEXT_MAX - self->text_length) {
        stop(self);
        return;
    }
    memcpy(self->text + self->text_length, text, (size_t)length);
    self->text_length += (size_t)length;
}

/* S3 sends no document types: what declares entities is not from one. */
static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    stop(context);
}

static bool read_all(struct reading *self, const char *bytes, size_t length)
{
    bool ok;

    /* Blanks that kept the connection alive may have come before the declaration. */
    for (; length > 0 && strchr(" \t\r\n", *bytes) && *bytes; bytes++)
        length--;
    if (length > S3_XML_MAX)
        return false;
    self->parser = XML_ParserCreate(NULL);
    assert(self->parser);
    XML_SetUserData(self->parser, self);
    XML_SetElementHandler(self->parser, on_start, on_end);
    XML_SetCharacterDataHandler(self->parser, on_text);
    XML_SetStartDoctypeDeclHandler(self->parser, on_doctype);
    ok = XML_Parse(self->parser, bytes, (int)length, 1) == XML_STATUS_OK && !self->has_failed;
    XML_ParserFree(self->parser);
    return ok;
}

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERR_UNAVAILABLE, "the provider's answer is not a readable %s", what);
}

/* ---- pages ---- */

static void entry_begun(struct reading *self, unsigned depth, const char *name)
{
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
        stop(self);
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

static void page_ended(struct reading *self, unsigned depth, const char *parent, const char *name,
                       const char *text)
{
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
    struct reading reading = {
        .mem = mem, .ended = page_ended, .begun = entry_begun, .entry_name = entry, .page = &page};

    if (!read_all(&reading, bytes, length) || strcmp(reading.root, root) != 0 ||
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

static void fact_ended(struct reading *self, unsigned depth, const char *parent, const char *name,
                       const char *text)
{
    if (depth != 2)
        return;
    if (strcmp(parent, "Error") == 0 && strcmp(name, "Code") == 0) {
        size_t room = sizeof self->code - 1, length = strnlen(text, room);

        memcpy(self->code, text, length);
        self->code[length] = '\0';
    } else if (strcmp(name, "UploadId") == 0 && self->mem && *text &&
               strlen(text) <= S3_UPLOAD_ID_MAX) {
        self->upload_id = arena_strdup(self->mem, text);
    }
}

bool s3_xml_error(const char *bytes, size_t length, char code[static S3_CODE_SIZE])
{
    struct reading reading = {.ended = fact_ended};
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
    struct reading reading = {.mem = mem, .ended = fact_ended};

    if (!read_all(&reading, bytes, length) ||
        strcmp(reading.root, "InitiateMultipartUploadResult") != 0 || !reading.upload_id)
        return refuse(err, "beginning of a multipart upload");
    *upload_id = reading.upload_id;
    return true;
}

bool s3_xml_completed(const char *bytes, size_t length, char code[static S3_CODE_SIZE],
                      struct error *err)
{
    struct reading reading = {.ended = fact_ended};
    bool ok = read_all(&reading, bytes, length);

    if (!ok || (strcmp(reading.root, "CompleteMultipartUploadResult") != 0 &&
                (strcmp(reading.root, "Error") != 0 || !reading.code[0])))
        return refuse(err, "end of a multipart upload");
    memcpy(code, reading.code, S3_CODE_SIZE);
    return true;
}
