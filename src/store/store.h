/*
 * A store keeps the bytes of objects under keys. It knows nothing of uploads, users or SQL.
 *
 * Content arrives in a *stage*: a nameless-to-readers place beside the objects, known by the id of
 * the session that fills it, written at offsets, readable meanwhile, and surviving a crash of the
 * server. Publishing makes a stage an object under its key without copying where the provider
 * allows it. Objects are never overwritten. All calls may be made from any thread; a struct stage
 * belongs to one thread at a time.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scoped.h"
#include "base/stream.h"

struct store;
struct stage;

struct store_config {
    const char *name;     /* "main": letters, digits, '-' and '_' */
    const char *provider; /* "local" */
    const char *path;     /* local: the folder, made if its parent exists */
    /* Where a store whose objects lie elsewhere keeps what is on its way to it: a folder on this
     * machine, made if its parent exists. A local store has no use for it. */
    const char *staging;
    /* It was not yet accepted on this machine: what an attempt left in STAGING does not decide
     * which store it is. */
    bool is_new;
    /* Others have it: with CREATE only what is this machine's alone is made, no marker. */
    bool is_made;
    /* Looks up any other key of the store's section; NULL if unset. */
    const char *(*option)(const struct store_config *self, const char *key);
};

struct byte_range {
    uint64_t start;
    uint64_t length; /* bytes; BYTE_RANGE_REST for all that follows */
};
#define BYTE_RANGE_REST UINT64_MAX
#define STAGE_SIZE_UNKNOWN UINT64_MAX
#define STORE_KEY_MAX 1024 /* bytes of a key, UTF-8; without the NUL */

/* Whether an object can be read. */
enum store_availability {
    STORE_AT_HAND,
    STORE_ARCHIVED,  /* not before it was restored */
    STORE_RESTORING, /* which was asked for */
    STORE_RESTORED   /* there is a copy to read, for a time */
};

#define STORE_CLASS_SIZE 40

struct store_object {
    const char *key;
    uint64_t size; /* bytes */
    int64_t modified_us;
    /* Of store_head alone: */
    enum store_availability availability;
    int64_t available_until_us;           /* of STORE_RESTORED; 0: not known */
    char storage_class[STORE_CLASS_SIZE]; /* "STANDARD", "GLACIER" …; "" where there are none */
};

/*
 * Opens the store that CONFIG describes. A local store's folder gets a marker file when it is made;
 * a folder that lost its marker while CREATE is false is ERR_UNAVAILABLE, never an empty store.
 *
 * Fails with ERR_INVALID if no driver has that name or the configuration is not complete,
 * ERR_NOT_FOUND if others have made it and nothing is there, ERR_UNAVAILABLE if the provider does
 * not answer.
 */
bool store_open(const struct store_config *config, bool create, struct store **out,
                struct error *err);
/* Whether stores of PROVIDER, which may be NULL or unknown, have the setting KEY. */
bool store_provider_takes(const char *provider, const char *key);
/* Whether CONFIG names a store that could be opened, without doing it. Fails with ERR_INVALID. */
bool store_config_check(const struct store_config *config, struct error *err);
/* Whether the stores of two such configurations would hold the same objects, or one those of the
 * other. */
bool store_configs_overlap(const struct store_config *one, const struct store_config *other);
void store_free(struct store *store);
DEFINE_RELEASE(store, struct store)

const char *store_name(const struct store *store);
const char *store_provider(const struct store *store);
/* Which store it is, wherever it is reached: by its marker, read when it was opened. "" where there
 * are no markers. */
const char *store_id(const struct store *store);
/* Whether what stands in the one store is found in the other, by whatever addresses they were
 * opened. */
bool store_overlaps(struct store *one, struct store *other, bool *out, struct error *err);

/* Whether KEY may name an object: 1 to STORE_KEY_MAX bytes of UTF-8, no control characters, no
 * empty,
 * "." or ".." segment, no leading or trailing '/'. */
bool store_key_is_valid(const char *key);

/* ---- receiving ---- */

/*
 * Makes the stage ID (letters, digits, '-'), for content of EXPECTED bytes, for which there must be
 * room now, or STAGE_SIZE_UNKNOWN. After a failure there is no stage that it made.
 * Fails with ERR_EXISTS, ERR_STORAGE_FULL, ERR_UNAVAILABLE.
 */
bool store_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                        struct error *err);
/* Opens a stage again, after a restart or for another part. ERR_NOT_FOUND if there is none. */
bool store_stage_open(struct store *store, const char *id, struct stage **out, struct error *err);
/* Closes the handle; the stage itself stays until it is published or discarded. */
void stage_free(struct stage *stage);
DEFINE_RELEASE(stage, struct stage)

/* Writes at OFFSET, with early writeback so that the final sync is short. */
bool stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                 struct error *err);
/* Everything written so far reaches stable storage, with the stage's own name. */
bool stage_sync(struct stage *stage, struct error *err);
/* Reads back; *OUT is short only at the end of what was written. */
bool stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                struct error *err);
/* A descriptor to read the content from, for the media process: it cannot be written through. The
 * stage keeps it. -1 where the stage is not on this machine's disks, or is gone. */
int stage_fd(struct stage *stage);
/* A descriptor to write the content through with pwrite, at any offset, in place of stage_write:
 * for who can only write to one. The stage keeps it. -1 as above. */
int stage_writable_fd(struct stage *stage);
/* END bytes were written through it, from the first on: to be told every few MB, as they come. Like
 * those of stage_write they begin to reach the disk early, where there must be room for more.
 * ERR_STORAGE_FULL. */
bool stage_written(struct stage *stage, uint64_t end, struct error *err);
/* Cuts the stage to SIZE bytes. ERR_INVALID if there are fewer. */
bool stage_truncate(struct stage *stage, uint64_t size, struct error *err);

/* What is known of content beside its bytes. Each may be NULL or 0. */
struct object_facts {
    const char *content_type;
    const char *original_filename; /* UTF-8 */
    const char *sha256;            /* hex, of the content */
    int64_t uploaded_at_us;
};

/*
 * What STAGE, which was just made, is likely to become: the object KEY of SIZE bytes, or
 * STAGE_SIZE_UNKNOWN, and what is known of it by now. A store may use that to send what is written,
 * front to back, while more of it arrives; no object is there before stage_publish. If things turn
 * out otherwise by then, or it is not published at all, what was sent is given up: at the latest
 * when STAGE is freed. FACTS and their texts stay the caller's.
 */
void stage_announce(struct stage *stage, uint64_t size, const char *key,
                    const struct object_facts *facts);
/* Bytes of a stage that stand in its store as the object KEY already, all of it. */
struct stage_source {
    const char *key;
    uint64_t start, end; /* in the stage */
};

/* Objects of the stage's own store with bytes that the stage has too, in the order of their starts:
 * where it can the provider takes them from there, and they need not be sent. Those that are gone
 * by then are done without. SOURCES live until stage_publish, which follows, has returned. */
void stage_sources(struct stage *stage, const struct stage_source *sources, size_t count);
/* What the object is to say of itself, where a store keeps such things. FACTS and their texts stay
 * the caller's and live until stage_publish, which follows, has returned. */
void stage_describe(struct stage *stage, const struct object_facts *facts);
/*
 * Makes the stage's SIZE bytes (all that were written) the object KEY, durable when it returns: the
 * content, its name and every folder on the way. The stage is gone afterwards, STAGE may only be
 * freed. After a failure the stage is as it was, or the object is there: ask store_head.
 *
 * Where the object KEY is what this stage has become before, in an attempt that was cut off, it
 * succeeds. Fails with ERR_EXISTS if KEY is taken otherwise (for folders on a disk also if "a/b" is
 * wanted where there is "a", or the reverse), ERR_INCOMPLETE if the stage holds fewer than SIZE
 * bytes, ERR_NOT_FOUND if it was discarded meanwhile, ERR_INVALID if KEY is not valid here,
 * ERR_STORAGE_FULL, ERR_UNAVAILABLE.
 */
bool stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err);
/* Removes the stage ID and its bytes; succeeds if there is none. */
bool store_stage_discard(struct store *store, const char *id, struct error *err);

/* ---- objects ---- */

/* Stores LENGTH bytes of CONTENT under KEY, by way of a stage named STAGE_ID; durable on success.
 * Fails as stage_publish, with ERR_INCOMPLETE if CONTENT ends before LENGTH bytes, and with
 * ERR_CONFLICT if there is a stage of that id already: discard it first. */
bool store_put(struct store *store, const char *stage_id, const char *key, struct source *content,
               uint64_t length, struct error *err);
/* Writes RANGE of the object to DEST. ERR_NOT_FOUND if there is none, ERR_RANGE if RANGE starts
 * past its end. */
bool store_get(struct store *store, const char *key, struct byte_range range, struct sink *dest,
               struct error *err);
/*
 * A descriptor of the whole object, for sendfile, that the caller closes; *SIZE is its length.
 * Stores that are not on this machine's disks fail with ERR_NOT_IMPLEMENTED: use store_get.
 * ERR_NOT_FOUND if there is none; ERR_UNAVAILABLE if the store itself is gone.
 */
bool store_open_fd(struct store *store, const char *key, int *fd, uint64_t *size,
                   struct error *err);
/* Whether objects are files of this machine, which store_open_fd opens. */
bool store_has_files(const struct store *store);
/*
 * A descriptor to read the whole object from, at any place: the object itself or, where
 * store_has_files is false, a copy that goes with the descriptor, which the caller closes. Fails as
 * store_open_fd, and with ERR_STORAGE_FULL if there is no room for a copy.
 */
bool store_fetch(struct store *store, const char *key, int *fd, uint64_t *size, struct error *err);
bool store_head(struct store *store, const char *key, struct store_object *out, struct error *err);
/* Removes the object, and folders that it leaves empty; succeeds if there was none. ERR_UNAVAILABLE
 * if the store itself is gone. */
bool store_remove(struct store *store, const char *key, struct error *err);

/*
 * Makes TO a copy of the object FROM, with all that it says of itself, of the class of new objects;
 * where the provider cannot do that by itself, by way of a stage named STAGE_ID. Fails as store_put
 * (but where a provider knows TO for a copy of FROM, made before, it succeeds), with ERR_NOT_FOUND
 * if there is no FROM, and with ERR_CONFLICT if FROM is archived.
 */
bool store_copy(struct store *store, const char *stage_id, const char *from, const char *to,
                struct error *err);
/* Moves the object to another STORAGE_CLASS of the provider's. ERR_NOT_IMPLEMENTED where there are
 * no classes, ERR_NOT_FOUND, ERR_CONFLICT if the object is archived. */
bool store_set_class(struct store *store, const char *key, const char *storage_class,
                     struct error *err);
/* Asks for a copy of an archived object that can be read for DAYS; store_head tells when it is
 * there. TIER is how fast, in the provider's words; NULL: as it likes. Succeeds if that was asked
 * for before. ERR_NOT_IMPLEMENTED where nothing is archived, ERR_NOT_FOUND, ERR_CONFLICT if the
 * object is not archived. */
bool store_restore(struct store *store, const char *key, unsigned days, const char *tier,
                   struct error *err);

/* ---- links ---- */

/* What the provider is to answer with, to whoever follows a link. Each may be NULL. */
struct store_link {
    const char *content_type;
    const char *disposition;
    const char *cache_control;
    uint64_t longest_s; /* the link holds no longer; 0: as long as the configuration says */
};

/* Whether the configuration wants downloads to be sent to the provider, by links. */
bool store_gives_links(const struct store *store);
/* A link by which anyone may read the object KEY for a while. Nothing is asked of the provider, so
 * KEY may not be there. ERR_NOT_IMPLEMENTED where there are no links. */
bool store_link(struct store *store, const char *key, const struct store_link *wish,
                struct arena *mem, const char **out, struct error *err);

/* ---- looking after it ---- */

/*
 * Calls VISIT for every object whose key begins with PREFIX, in the order of the keys' bytes, from
 * the first key greater than AFTER (NULL: from the start), until VISIT returns false or all were
 * visited. False only on failure. The object's strings live until VISIT returns. What is in the
 * store and is no object of ours (a link, a name that is no valid key) is visited all the same.
 */
bool store_list(struct store *store, const char *prefix, const char *after,
                bool (*visit)(void *context, const struct store_object *object), void *context,
                struct error *err);
/* The same for stages; KEY is the stage's id. In no order. */
bool store_list_stages(struct store *store,
                       bool (*visit)(void *context, const struct store_object *stage),
                       void *context, struct error *err);
/* A transfer to the provider that was begun for KEY and has not become an object: it takes room
 * there, and no list of objects shows it. */
struct store_unfinished {
    const char *key;
    const char *id; /* the provider's */
    int64_t begun_us;
};

/* Calls VISIT for each, in no order, until it returns false; stores that have no such transfers
 * visit nothing. The texts live until VISIT returns. */
bool store_list_unfinished(struct store *store,
                           bool (*visit)(void *context, const struct store_unfinished *transfer),
                           void *context, struct error *err);
/* Gives the transfer up, with what it has brought; succeeds if there is none. Who still publishes
 * it fails. */
bool store_abort_unfinished(struct store *store, const char *key, const char *id,
                            struct error *err);
/* Whether the store is there and can be written to (it writes, syncs and removes a probe).
 * ERR_UNAVAILABLE or ERR_STORAGE_FULL. */
bool store_check(struct store *store, struct error *err);
/* How long a write that was given up may still be carried out: an object may appear as late as
 * that, and is then nobody's. 0 where nothing is late. */
int64_t store_late_us(const struct store *store);

#define STORE_TRANSITIONS_MAX 8

struct store_transition {
    unsigned days; /* after the object was made */
    const char *storage_class;
};

/* Which objects the provider moves to other classes by itself. */
struct store_lifecycle {
    const char *prefix;                                         /* of their keys */
    struct store_transition transitions[STORE_TRANSITIONS_MAX]; /* in the order of their days */
    size_t count;                                               /* 0: none */
};

/* This store's own lifecycle, as the provider has it, in MEM. ERR_NOT_IMPLEMENTED where there is no
 * such thing, ERR_CONFLICT if there is one that this server would not have made. */
bool store_lifecycle_read(struct store *store, struct arena *mem, struct store_lifecycle *out,
                          struct error *err);
/* Puts WANTED in its place; what others have set for the bucket stays. Whoever else changes that
 * meanwhile may lose it. ERR_NOT_IMPLEMENTED, ERR_UNAVAILABLE also if others were seen to. */
bool store_lifecycle_write(struct store *store, const struct store_lifecycle *wanted,
                           struct error *err);
/* Bytes that may still be written (some are kept free), and of how many; STAGE_SIZE_UNKNOWN where
 * there is no bound. */
bool store_space(struct store *store, uint64_t *free_bytes, uint64_t *total_bytes,
                 struct error *err);
/* The most bytes that one object may have, however much room there is; STAGE_SIZE_UNKNOWN where
 * that is not known. */
uint64_t store_largest(struct store *store);

#endif
