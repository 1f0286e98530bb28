/*
 * The local store: objects are files under PATH by their keys, stages are files in PATH/.staging by
 * their ids, and PATH/.audiotricks-store marks the folder as a store and holds the store's id.
 *
 * What reaches stable storage, and when (a test holds this order):
 *  - publish: fdatasync of the content; then every folder on the way that is not known to be
 * durable, from the root down, fsyncs the folder that got it as an entry; then the rename from
 * .staging to the key, which refuses to replace; then fsync of the object's folder. Only then is it
 * answered.
 *  - the removal of the stage's old name needs no fsync of .staging: the rename is one change, and
 * a file system that could bring the old name back after a power loss brings back a stage without a
 *    session, which is listed and discarded like any other left-over.
 *  - stage_sync: fdatasync of the content, and once per handle fsync of .staging for the name.
 *    Making, filling and discarding a stage sync nothing.
 *  - remove: fsync of the nearest folder that is left, so that nothing removed comes back.
 *
 * Many threads publish at once without a lock between them, so the file system's journal can gather
 * their syncs. Only local*.c include this.
 */
#ifndef STORE_LOCAL_H
#define STORE_LOCAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "store/driver.h"

#define LOCAL_MARKER ".audiotricks-store"
#define LOCAL_STAGING ".staging"
#define LOCAL_PROBE ".probe" /* in the staging folder; store_check writes it */
#define LOCAL_ID_SIZE 33     /* 32 hex digits and a NUL */
#define LOCAL_SEGMENT_MAX 255
#define LOCAL_FOLDER_SLOTS 2048

/* ---- the root: local_root.c ---- */

/* The store's folder as it was found at PATH; shared, and closed by the last who holds it. */
struct local_root {
    int fd;
    int staging_fd;
    dev_t device;
    ino_t inode;
    atomic_uint holders;
};

/* Which folder this is, for as long as it exists: an inode number alone may be given out again. */
struct local_folder_id {
    uint64_t device;
    uint64_t inode;
    int64_t born_s;
    uint32_t born_ns;
};

struct local_store {
    struct store base;
    char *path;
    char id[LOCAL_ID_SIZE]; /* the marker's; another id at PATH is another store */
    uint64_t largest;       /* bytes of one file that its file system takes */

    /* Guards ROOT and FOLDERS; never held across I/O. ROOT is NULL while the store is away. A
     * folder stands in FOLDERS only after its whole way from the root has reached stable storage.
     */
    pthread_mutex_t lock;
    struct local_root *root;
    struct local_folder_id folders[LOCAL_FOLDER_SLOTS];
};

static inline struct local_store *local_store(struct store *self)
{
    return container_of(self, struct local_store, base);
}

/* Makes the folder, if its parent exists, and its marker, unless they are there. */
bool local_root_create(struct local_store *self, struct error *err);
/*
 * Gives the root, which the caller releases. With VERIFY it was seen just now at PATH with its
 * marker; without, the one last seen will do. A root that was replaced or came back is opened anew.
 *
 * Fails with ERR_UNAVAILABLE if the folder or its marker is not there, or it is another store's.
 */
bool local_root_enter(struct local_store *self, bool verify, struct local_root **out,
                      struct error *err);
/* Forgets ROOT, so that the next who enters opens PATH anew. */
void local_root_retire(struct local_store *self, struct local_root *root);
struct local_root *local_root_share(struct local_root *root);
void local_root_free(struct local_root *root);
DEFINE_RELEASE(local_root, struct local_root)

/* ---- names and folders: local_path.c, local_folder.c ---- */

/* A key as folder and name. */
struct local_place {
    char folder[STORE_KEY_MAX + 1]; /* "" for the root */
    const char *name;               /* points into the key */
};

/* ERR_INVALID if a file system cannot hold KEY, or if it is one of the store's own names. */
bool local_place_of(const char *key, struct local_place *out, struct error *err);
/* openat of PATH ("" is DIR_FD itself) that neither leaves DIR_FD nor follows a symbolic link. -1
 * with errno on failure: EXDEV or ELOOP where that was tried. */
int local_open(int dir_fd, const char *path, int flags);
/* Renames without replacing; -1 with errno EEXIST if TO is taken. */
int local_rename(int from_fd, const char *from, int to_fd, const char *to);
/* Fills ERR for a failed system call with the store's view of errno: whatever is missing or barred
 * where it must not be is ERR_UNAVAILABLE, what outgrows the file system is ERR_STORAGE_FULL. */
bool local_fail(struct error *err, const char *what);

/* Opens FOLDER, makes what is missing of it, and sees that its way from the root is on stable
 * storage. FOLDER is unchanged on return. -1 with errno; ENOENT if another removed a folder
 * meanwhile: try again. */
int local_folder_settle(struct local_store *self, const struct local_root *root, char *folder);
/* Removes FOLDER and those above it as far as they are empty, and fsyncs what is left of the way.
 * Cuts FOLDER. */
bool local_folder_prune(const struct local_root *root, char *folder, struct error *err);

/* ---- stages: local_stage.c, local_publish.c ---- */

struct local_stage {
    struct stage base;
    struct local_root *root; /* that it was made or opened under */
    int fd;
    int read_fd;        /* for others, who may not write; -1 until it is asked for */
    bool named;         /* the stage's name is on stable storage */
    bool spoilt;        /* the system reported lost writes once; it will not do so again */
    bool has_reserve;   /* there may be blocks behind the end */
    bool in_run;        /* a first write came */
    uint64_t expected;  /* its size in the end, or STAGE_SIZE_UNKNOWN */
    uint64_t aside_end; /* blocks were set aside up to here, for the run that is being written */
    /* What was written in one run, from run_at to dirty_end: from flushing_at on it is being
     * written back, from dirty_at on not yet. */
    uint64_t run_at;
    uint64_t flushing_at;
    uint64_t dirty_at;
    uint64_t dirty_end;
};

static inline struct local_stage *local_stage(struct stage *stage)
{
    return container_of(stage, struct local_stage, base);
}

bool local_stage_create(struct store *store, const char *id, uint64_t expected, struct stage **out,
                        struct error *err);
bool local_stage_open(struct store *store, const char *id, struct stage **out, struct error *err);
void local_stage_free(struct stage *stage);
bool local_stage_write(struct stage *stage, uint64_t offset, const void *bytes, size_t length,
                       struct error *err);
bool local_stage_sync(struct stage *stage, struct error *err);
/* The content alone reaches stable storage. */
bool local_stage_sync_content(struct local_stage *self, struct error *err);
bool local_stage_read(struct stage *stage, uint64_t offset, void *bytes, size_t length, size_t *out,
                      struct error *err);
int local_stage_fd(struct stage *stage);
int local_stage_writable_fd(struct stage *stage);
bool local_stage_written(struct stage *stage, uint64_t end, struct error *err);
bool local_stage_truncate(struct stage *stage, uint64_t size, struct error *err);
/* A nameless file in the staging folder: see driver.h. */
bool local_scratch(struct store *store, uint64_t size, int *fd, int *read_fd, struct error *err);
bool local_stage_discard(struct store *store, const char *id, struct error *err);
bool local_stage_publish(struct stage *stage, uint64_t size, const char *key, struct error *err);

/* ---- room: local_room.c ---- */

/* What no upload may take of the disk: the catalog may be on the same, and whoever clears up needs
 * it. */
#define LOCAL_KEPT_FREE_PART 20 /* one part in so many, but at most */
#define LOCAL_KEPT_FREE_BYTES (UINT64_C(1) << 30)

/* What can still be written to FD's file system, without what is kept free, and its size. */
bool local_room(int fd, uint64_t *free_bytes, uint64_t *total_bytes, struct error *err);
/* ERR_STORAGE_FULL if fewer than SIZE bytes can be written. It sets nothing aside: what many were
 * promised may not be there when they come to write. */
bool local_has_room(int fd, uint64_t size, struct error *err);
/* Between two windows of a run: sets aside as many bytes ahead as the run has already, within
 * limits, so that a file lies in few pieces and idle ones hold no room. ERR_STORAGE_FULL when the
 * disk has no more than what is kept free. */
bool local_stage_set_aside(struct local_stage *self, struct error *err);

/* ---- lists: local_list.c ---- */

bool local_list(struct store *store, const char *prefix, const char *after,
                bool (*visit)(void *context, const struct store_object *object), void *context,
                struct error *err);
bool local_list_stages(struct store *store,
                       bool (*visit)(void *context, const struct store_object *stage),
                       void *context, struct error *err);
/* Size and time of a file. */
void local_object_fill(struct store_object *out, const struct stat *st);

#endif
