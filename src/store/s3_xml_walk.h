/* One walk over a text of XML. Pure. Element names are compared without their namespace, which
 * providers leave out or spell in several ways: a prefix stays, a default one is not looked at.
 * Whatever the text is, a walk takes bounded time and memory. */
#ifndef STORE_S3_XML_WALK_H
#define STORE_S3_XML_WALK_H

#include <stdbool.h>
#include <stddef.h>

#define S3_XML_DEPTH_MAX 16
#define S3_XML_TEXT_MAX \
    ((size_t)4096)          /* bytes of one element: a key of 1,024 bytes, each encoded */
#define S3_XML_NAME_SIZE 40 /* names are cut */

struct XML_ParserStruct;

struct s3_xml_walk {
    /* Told of the end of each element: DEPTH of it (the root's is 1), its PARENT's name, its own,
     * and the text directly in it. */
    void (*ended)(struct s3_xml_walk *self, unsigned depth, const char *parent, const char *name,
                  const char *text);
    void (*begun)(struct s3_xml_walk *self, unsigned depth, const char *name); /* may be NULL */

    /* Filled by the walk: */
    char root[S3_XML_NAME_SIZE];
    struct XML_ParserStruct *parser;
    const char *bytes;                                  /* what the walk began with */
    char names[S3_XML_DEPTH_MAX + 1][S3_XML_NAME_SIZE]; /* of the elements that are open */
    unsigned depth;
    char text[S3_XML_TEXT_MAX + 1];
    size_t text_length;
    bool has_failed;
};

/* BYTES need not end with a NUL. False if they are not well-formed, exceed a limit, or a callback
 * stopped the walk. */
bool s3_xml_walk(struct s3_xml_walk *self, const char *bytes, size_t length);
/* Ends the walk, which has then failed. */
void s3_xml_walk_stop(struct s3_xml_walk *self);
/* In a callback: where the tag begins that it is called for. */
const char *s3_xml_walk_at(const struct s3_xml_walk *self);

#endif
