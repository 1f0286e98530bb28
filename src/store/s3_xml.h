/*
 * Readers of what S3 answers in XML. Pure: bytes in, values out. Whatever a provider sends, they
 * take bounded time and memory; elements that they do not know are passed over.
 *
 * All fail with ERR_UNAVAILABLE if the text is not well-formed, is not the answer asked for, lacks
 * what must be there, or exceeds a limit: to who asked, an answer that cannot be read is none.
 */
#ifndef STORE_S3_XML_H
#define STORE_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define S3_XML_MAX ((size_t)8 << 20) /* bytes of an answer: 1,000 keys of 3,072 bytes, and room */
#define S3_PAGE_MAX 1000             /* keys or uploads in one answer */
#define S3_UPLOAD_ID_MAX 1024        /* bytes */

struct s3_entry {
    const char *key;
    uint64_t size;         /* 0 for an unfinished upload */
    int64_t modified_us;   /* for an unfinished upload: when it was begun */
    const char *upload_id; /* of an unfinished upload; else NULL */
};

/* A page of ListObjectsV2 or of ListMultipartUploads, both asked for with encoding-type=url. */
struct s3_page {
    struct s3_entry *entries; /* in the order of the answer */
    size_t count;
    bool is_cut; /* there are more */
};

/* BYTES need not end with a NUL. OUT's texts are in MEM. */
bool s3_xml_objects(const char *bytes, size_t length, struct arena *mem, struct s3_page *out,
                    struct error *err);
bool s3_xml_uploads(const char *bytes, size_t length, struct arena *mem, struct s3_page *out,
                    struct error *err);

#define S3_CODE_SIZE 64

/* The code of an error ("NoSuchKey"); false, and CODE empty, if the text is no error of S3's. */
bool s3_xml_error(const char *bytes, size_t length, char code[static S3_CODE_SIZE]);

/* The id of a multipart upload that has just been begun. */
bool s3_xml_initiated(const char *bytes, size_t length, struct arena *mem, const char **upload_id,
                      struct error *err);

/* How a multipart upload was completed: an answer of status 200 may tell of a failure all the
 * same. CODE is then the error's, and the result true; CODE is empty if it is complete. */
bool s3_xml_completed(const char *bytes, size_t length, char code[static S3_CODE_SIZE],
                      struct error *err);

/* How the copying of an object, or of a part, ended: CODE as above; if it is empty, *ETAG is the
 * copy's. */
bool s3_xml_copied(const char *bytes, size_t length, bool is_part, struct arena *mem,
                   const char **etag, char code[static S3_CODE_SIZE], struct error *err);

struct s3_identity;

/* The keys that STS gave for a token. */
bool s3_xml_assumed(const char *bytes, size_t length, struct arena *mem, struct s3_identity *out,
                    struct error *err);

#endif
