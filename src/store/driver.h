/*
 * What a provider implements. Only files in store/ include this, and wrappers in tests.
 *
 * Callers reach a driver through store.c alone, which has already checked names, keys and stage
 * ids, and which adds the store's name and the operation to every error; a driver says only what
 * went wrong at its provider. Methods keep the contracts of store.h. Those marked optional may be
 * NULL.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/store.h"

#define STORE_NAME_MAX 63 /* bytes, without the NUL */
#define STAGE_ID_MAX 128  /* bytes, without the NUL */

struct store_driver {
    const char *name; /* as in the configuration: "local", "s3", "gcs", "azure" */

    /* The keys of its section in the configuration besides "provider"; NULL ends them. */
    const char *const *keys;
    /* Optional: whether CONFIG is complete. Opens nothing. */
    bool (*config_check)(const struct store_config *config, struct error *err);
    /* Optional: whether two configurations that have passed lead to the same objects. Without it
     * they never do. */
    bool (*configs_overlap)(const struct store_config *one, const struct store_config *other);
    /* CONFIG has passed. Allocates the driver's own struct, of which struct store is the head;
     * store.c fills that, and the head of a stage likewise. */
    bool (*open)(const struct store_config *config, bool create, struct store **out,
                 struct error *err);
    void (*free)(struct store *self);            /* never called with NULL */
    const char *(*id)(const struct store *self); /* optional: "" */
    /* Optional: whether the keys of OTHER, of the same driver and another id, are keys of SELF
     * too. */
    bool (*holds)(struct store *self, struct store *other, bool *out, struct error *err);

    bool (*stage_create)(struct store *self, const char *id, uint64_t expected, struct stage **out,
                         struct error *err);
    bool (*stage_open)(struct store *self, const char *id, struct stage **out, struct error *err);
    void (*stage_free)(struct stage *stage); /* never called with NULL */
    bool (*stage_write)(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                        struct error *err);
    bool (*stage_sync)(struct stage *stage, struct error *err);
    bool (*stage_read)(struct stage *stage, uint64_t offset, void *bytes, size_t length,
                       size_t *out, struct error *err);
    int (*stage_fd)(struct stage *stage);                                        /* optional: -1 */
    int (*stage_writable_fd)(struct stage *stage);                               /* optional: -1 */
    bool (*stage_written)(struct stage *stage, uint64_t end, struct error *err); /* optional */
    bool (*stage_truncate)(struct stage *stage, uint64_t size, struct error *err);
    void (*stage_announce)(struct stage *stage, uint64_t size, const char *key,
                           const struct object_facts *facts); /* optional: nothing */
    bool (*stage_publish)(struct stage *stage, uint64_t size, const char *key, struct error *err);
    bool (*stage_discard)(struct store *self, const char *id, struct error *err);

    /* Optional: made of a stage. */
    bool (*put)(struct store *self, const char *stage_id, const char *key, struct source *content,
                uint64_t length, struct error *err);
    /* Optional where open_fd is given: read from the descriptor. */
    bool (*get)(struct store *self, const char *key, struct byte_range range, struct sink *dest,
                struct error *err);
    bool (*open_fd)(struct store *self, const char *key, int *fd, uint64_t *size,
                    struct error *err); /* optional: ERR_NOT_IMPLEMENTED */
    /* A nameless file on this machine with room for SIZE bytes, for a copy: *FD writes, *READ_FD
     * only reads. Optional where open_fd is given. */
    bool (*scratch)(struct store *self, uint64_t size, int *fd, int *read_fd, struct error *err);
    /* OUT's key is filled by store.c. */
    bool (*head)(struct store *self, const char *key, struct store_object *out, struct error *err);
    bool (*remove)(struct store *self, const char *key, struct error *err);

    /* Optional: got and put. */
    bool (*copy)(struct store *self, const char *stage_id, const char *from, const char *to,
                 struct error *err);
    bool (*set_class)(struct store *self, const char *key, const char *storage_class,
                      struct error *err); /* optional: ERR_NOT_IMPLEMENTED, as the next */
    bool (*restore)(struct store *self, const char *key, unsigned days, const char *tier,
                    struct error *err);
    /* Optional, both or none. */
    bool (*gives_links)(const struct store *self);
    bool (*link)(struct store *self, const char *key, const struct store_link *wish,
                 struct arena *mem, const char **out, struct error *err);

    bool (*list)(struct store *self, const char *prefix, const char *after,
                 bool (*visit)(void *context, const struct store_object *object), void *context,
                 struct error *err);
    bool (*list_stages)(struct store *self,
                        bool (*visit)(void *context, const struct store_object *stage),
                        void *context, struct error *err);
    /* Optional, both or none: nothing is ever unfinished. */
    bool (*list_unfinished)(struct store *self,
                            bool (*visit)(void *context, const struct store_unfinished *transfer),
                            void *context, struct error *err);
    bool (*abort_unfinished)(struct store *self, const char *key, const char *id,
                             struct error *err);
    bool (*check)(struct store *self, struct error *err);
    bool (*space)(struct store *self, uint64_t *free_bytes, uint64_t *total_bytes,
                  struct error *err);             /* optional: no bound */
    uint64_t (*largest)(struct store *self);      /* optional: not known */
    int64_t (*late_us)(const struct store *self); /* optional: 0 */
    /* Optional, both or none. */
    bool (*lifecycle_read)(struct store *self, struct arena *mem, struct store_lifecycle *out,
                           struct error *err);
    bool (*lifecycle_write)(struct store *self, const struct store_lifecycle *wanted,
                            struct error *err);
};

/* The head of every driver's own store. */
struct store {
    const struct store_driver *driver;
    char name[STORE_NAME_MAX + 1]; /* in the configuration, for errors and metrics */
};

/* The head of every driver's own stage. */
struct stage {
    struct store *store;
    char id[STAGE_ID_MAX + 1];
    bool published;                   /* may only be freed */
    bool is_read_again;               /* soon: it had better stay in memory, all of it */
    const struct object_facts *facts; /* NULL: none were told */
    const struct stage_source *sources;
    size_t source_count;
};

/* Fills the head of a store that a driver made. NAME has at most STORE_NAME_MAX bytes. */
void store_init(struct store *self, const struct store_driver *driver, const char *name);
/* Fills the head of a stage that a driver made. ID has at most STAGE_ID_MAX bytes. */
void stage_init(struct stage *self, struct store *store, const char *id);

/* How many bytes RANGE takes of an object of SIZE bytes. ERR_RANGE if it starts past the end; the
 * whole of an empty object is 0 bytes. */
bool store_range_length(struct byte_range range, uint64_t size, uint64_t *out, struct error *err);

/* For the callers' side, in store.c and beside it: whether KEY and ID are valid, and the store's
 * name, VERB and KEY in front of what went wrong. All but the last are true if all is well; that is
 * always false. */
bool store_key_check(const struct store *store, const char *verb, const char *key,
                     struct error *err);
bool store_id_check(const struct store *store, const char *id, struct error *err);
bool store_key_context(const struct store *store, const char *verb, const char *key,
                       struct error *err);

/* The fallbacks for drivers without a put or a get of their own. */
bool store_put_staged(struct store *self, const char *stage_id, const char *key,
                      struct source *content, uint64_t length, struct error *err);
bool store_copy_staged(struct store *self, const char *stage_id, const char *from, const char *to,
                       struct error *err);
bool store_get_opened(struct store *self, const char *key, struct byte_range range,
                      struct sink *dest, struct error *err);
/* For drivers without descriptors: a copy in what their scratch gives. */
bool store_fetch_copy(struct store *self, const char *key, int *fd, uint64_t *size,
                      struct error *err);

extern const struct store_driver store_driver_local;
extern const struct store_driver store_driver_s3;

#endif
