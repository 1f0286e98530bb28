/*
 * The S3 store: objects lie in a bucket under the store's prefix, stages in a local store of this
 * machine (the staging folder, which may never be lost or shared between nodes). Publishing sends
 * the stage: short ones with one PUT, longer ones as a multipart upload of parallel parts.
 *
 *  - The object PREFIX.audiotricks-store marks bucket and prefix as this store and holds its id. It
 *    is made once; wherever something is not found, or a list ends, it is looked at again, so that
 *    a bucket that vanished, or another one in its place, never passes for an empty store.
 *  - Objects are never overwritten: PUT and completion carry If-None-Match: *, and where the
 *    provider does not honour that, HEAD comes first. Keys have the id of an upload or of a lease
 *    in them, so that nobody else wants the same.
 *  - Each object names its stage in its metadata, and its digest, unless its parts were sent while
 *    it was still arriving and nobody had told the digest before (s3_early.h). By the stage a
 *    publisher whose answer was lost, or who died before it could discard the stage, knows its own
 *    object again.
 *  - What was written is looked at (HEAD) before it is acknowledged. The digest of record is ours:
 *    an ETag is an MD5 for some objects of some providers only.
 *
 * Only s3*.c include this.
 */
#ifndef STORE_S3_H
#define STORE_S3_H

#include <stdatomic.h>

#include "store/driver.h"
#include "store/s3_client.h"

#define S3_MARKER ".audiotricks-store"
#define S3_PROBE ".audiotricks-probe" /* store_check writes it */
#define S3_ID_SIZE 33                 /* 32 hex digits and a NUL */
#define S3_KEY_MAX 1024               /* bytes, with the prefix: S3's own limit */

struct s3_store {
    struct store base;
    struct arena *mem; /* of SETTINGS */
    struct s3_settings settings;
    struct s3_client *client;
    struct store *spool; /* the local store that has the stages */
    struct s3_early_pool *early;
    char id[S3_ID_SIZE];     /* the marker's; set while the store is opened */
    atomic_llong seen_at_us; /* when the marker was last seen, by the monotonic clock */
};

static inline struct s3_store *s3_store(struct store *self)
{
    return container_of(self, struct s3_store, base);
}

/* ---- keys and the marker: s3_marker.c ---- */

/* The key in the bucket. ERR_INVALID if it is too long with the prefix, or one of our own names. */
bool s3_full_key(const struct s3_store *self, const char *key, char out[static S3_KEY_MAX + 1],
                 struct error *err);
bool s3_is_own_name(const char *key);
/* Makes the marker, if MAKE and there is none, and learns the store's id from it; with an id
 * already known (from the staging folder) it must be the same. ERR_NOT_FOUND if there is none and
 * none is to be made. */
bool s3_marker_open(struct s3_store *self, bool make, struct error *err);
/* Whether bucket, prefix and marker are those that were opened, as seen at most MAX_AGE_US ago.
 * ERR_UNAVAILABLE if not. */
bool s3_marker_check(struct s3_store *self, int64_t max_age_us, struct error *err);
/* Whether INNER's marker stands under its prefix in SELF's bucket. What the provider does not let
 * SELF look at is another's. */
bool s3_marker_seen(struct s3_store *self, const struct s3_store *inner, bool *out,
                    struct error *err);
/* ERR_NOT_FOUND, once it is sure that this is still the store. */
bool s3_absent(struct s3_store *self, struct error *err);

/* ---- objects: s3_objects.c ---- */

/* HEAD of KEY (with the prefix). *FOUND is false if there is no such object. */
bool s3_look(struct s3_store *self, const char *key, bool *found, struct s3_reply *reply,
             struct error *err);
bool s3_get(struct store *store, const char *key, struct byte_range range, struct sink *dest,
            struct error *err);
bool s3_head(struct store *store, const char *key, struct store_object *out, struct error *err);
bool s3_remove(struct store *store, const char *key, struct error *err);

/* ---- copies, classes, restoring: s3_copy.c; restore states: s3_archive.c ---- */

bool s3_copy(struct store *store, const char *stage_id, const char *from, const char *to,
             struct error *err);
bool s3_set_class(struct store *store, const char *key, const char *storage_class,
                  struct error *err);
bool s3_restore(struct store *store, const char *key, unsigned days, const char *tier,
                struct error *err);
/* What class and x-amz-restore say of an object. */
void s3_read_availability(const struct s3_store *self, const struct s3_reply *reply,
                          struct store_object *out);

/* ---- the bucket's lifecycle: s3_lifecycle.c ---- */

bool s3_lifecycle_read(struct store *store, struct arena *mem, struct store_lifecycle *out,
                       struct error *err);
bool s3_lifecycle_write(struct store *store, const struct store_lifecycle *wanted,
                        struct error *err);

/* ---- stages: s3_stage.c; becoming objects: s3_publish.c, s3_multipart.c ---- */

struct s3_stage {
    struct stage base;
    struct stage *inner;
    uint64_t in_order; /* so many bytes, from the first on, have been written since it was made */
    struct s3_early *early; /* its parts go while it is written; NULL: they do not */
};

static inline struct s3_stage *s3_stage(struct stage *stage)
{
    return container_of(stage, struct s3_stage, base);
}

bool s3_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                     struct error *err);
bool s3_stage_open(struct store *store, const char *id, struct stage **out, struct error *err);
void s3_stage_free(struct stage *stage);
bool s3_stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                    struct error *err);
bool s3_stage_sync(struct stage *stage, struct error *err);
bool s3_stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                   struct error *err);
int s3_stage_fd(struct stage *stage);
int s3_stage_writable_fd(struct stage *stage);
bool s3_stage_written(struct stage *stage, uint64_t end, struct error *err);
bool s3_stage_truncate(struct stage *stage, uint64_t size, struct error *err);
void s3_stage_announce(struct stage *stage, uint64_t size, const char *key,
                       const struct object_facts *facts);
bool s3_stage_discard(struct store *store, const char *id, struct error *err);
bool s3_list_stages(struct store *store,
                    bool (*visit)(void *context, const struct store_object *stage), void *context,
                    struct error *err);
bool s3_scratch(struct store *store, uint64_t size, int *fd, int *read_fd, struct error *err);
bool s3_stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err);

#define S3_OBJECT_HEADERS_MAX 12

/* What is to become an object, and how it is known again. */
struct s3_outgoing {
    struct s3_store *self;
    const char *key; /* with the prefix */
    const char *stage_id;
    const char *sha256; /* hex; NULL: not known yet */
    int fd;
    uint64_t size;
    struct s3_field headers[S3_OBJECT_HEADERS_MAX]; /* the object's own */
    size_t header_count;

    /* Of a copy: x-amz-copy-source, and the ETag that the source must still have. Else NULL, and
     * the bytes are FD's. */
    const char *source, *source_etag;
    bool replaces; /* the object at KEY is the source */

    /* Where the provider has some of the bytes already: as stage_sources. */
    const struct stage_source *pieces;
    size_t piece_count;
};

void s3_outgoing_say(struct s3_outgoing *outgoing, const char *name, const char *value);
/* Storage class and encryption, as the settings want them; STORAGE_CLASS, if it is not NULL, in
 * place of theirs. */
void s3_outgoing_place(struct s3_outgoing *outgoing, const char *storage_class);

/* What the object is to say of itself, placement included; of the digest OUTGOING's own, if it is
 * known. Texts are in MEM. */
void s3_outgoing_describe(struct s3_outgoing *outgoing, const struct object_facts *facts,
                          struct arena *mem);

/* Whether the object that REPLY tells of is what OUTGOING was to become: nobody else writes with
 * the same stage. Where it says its digest, that too is compared. */
bool s3_is_ours(const struct s3_outgoing *outgoing, const struct s3_reply *reply);
/* Sends it in parts. Fails with ERR_EXISTS if another has the key; after a failure the multipart
 * upload is given up, as far as the provider can be reached, unless it may yet be completed. */
bool s3_send_parts(const struct s3_outgoing *outgoing, struct error *err);

/* ---- lists: s3_list.c ---- */

bool s3_list(struct store *store, const char *prefix, const char *after,
             bool (*visit)(void *context, const struct store_object *object), void *context,
             struct error *err);
bool s3_list_unfinished(struct store *store,
                        bool (*visit)(void *context, const struct store_unfinished *transfer),
                        void *context, struct error *err);
bool s3_abort_unfinished(struct store *store, const char *key, const char *id, struct error *err);
/* The same for a key with the prefix and for who has an answer to give: tried once, for seconds.
 * What it leaves the sweep finds. */
void s3_abort_soon(struct s3_store *self, const char *key, const char *id);

#endif
