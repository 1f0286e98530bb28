#include "store/s3_xml_walk.h"

#include <assert.h>
#include <expat.h>
#include <string.h>

#include "store/s3_xml.h"

void s3_xml_walk_stop(struct s3_xml_walk *self)
{
    self->has_failed = true;
    XML_StopParser(self->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct s3_xml_walk *self = context;
    size_t length = strlen(name);

    (void)attributes;
    if (self->depth == S3_XML_DEPTH_MAX) {
        s3_xml_walk_stop(self);
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
    struct s3_xml_walk *self = context;

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
    struct s3_xml_walk *self = context;

    if ((size_t)length > S3_XML_TEXT_MAX - self->text_length) {
        s3_xml_walk_stop(self);
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
    s3_xml_walk_stop(context);
}

bool s3_xml_walk(struct s3_xml_walk *self, const char *bytes, size_t length)
{
    bool ok;

    /* Blanks that kept the connection alive may have come before the declaration. */
    for (; length > 0 && strchr(" \t\r\n", *bytes) && *bytes; bytes++)
        length--;
    if (length > S3_XML_MAX)
        return false;
    self->bytes = bytes;
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

const char *s3_xml_walk_at(const struct s3_xml_walk *self)
{
    return self->bytes + XML_GetCurrentByteIndex(self->parser);
}
