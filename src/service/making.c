#include "service/making.h"

#include <string.h>

#include "base/log.h"
#include "catalog/garbage.h"
#include "catalog/job_lease.h"
#include "crypto/digest.h"

#define ROWS_AT_ONCE 1000 /* in one transaction, for which others wait */
#define DROP_PAGE 256
#define FILES_FIRST 16
#define READ_BYTES ((size_t)256 * 1024)

/* ---- writing ---- */

bool making_stage(struct making *self, struct stage **out, int *fd, struct error *err)
{
    scoped(stage_release) struct stage *stage = NULL;
    char id[JOB_STAGE_ID_SIZE];

    job_stage_id(self->job, self->stages, id);
    if (!store_stage_create(self->store, id, STAGE_SIZE_UNKNOWN, &stage, err))
        return false;
    self->stages++;
    *fd = stage_writable_fd(stage);
    if (*fd < 0)
        return error_set(err, ERR_NOT_IMPLEMENTED, "store \"%s\" has no files to write to",
                         store_name(self->store));
    *out = take(stage);
    return true;
}

static bool digest_stage(struct stage *stage, uint64_t size, struct digests *out, struct error *err)
{
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    scoped(memory_free) char *bytes = malloc(READ_BYTES);
    uint64_t at = 0;
    size_t got = 1;

    if (!bytes)
        abort();
    for (; at < size && got > 0; at += got) {
        if (!stage_read(stage, at, bytes, READ_BYTES, &got, err))
            return false;
        digest_update(digest, bytes, got);
    }
    digest_peek(digest, out);
    return at == size || error_set(err, ERR_INTERNAL, "%llu bytes were written, not %llu",
                                   (unsigned long long)at, (unsigned long long)size);
}

static const char *hex_of(const uint8_t *bytes, size_t size, struct arena *mem)
{
    char *text = arena_alloc(mem, HEX_SIZE(size));

    hex_encode(bytes, size, text);
    return text;
}

static struct made_file *next_file(struct making *self)
{
    if (self->count == self->room) {
        size_t room = self->room > 0 ? self->room * 2 : FILES_FIRST;
        struct made_file *files = arena_array(self->mem, room, sizeof *files);

        if (self->count > 0)
            memcpy(files, self->files, self->count * sizeof *files);
        self->files = files;
        self->room = room;
    }
    return &self->files[self->count];
}

bool making_add(struct making *self, struct stage *stage, uint32_t stage_number,
                const struct made_name *name, uint64_t size, struct error *err)
{
    static const char *const folders[] = {
        [DERIVED_CHUNK] = "chunks", [DERIVED_WAVEFORM] = "waveforms"};
    struct made_file *file = next_file(self);
    char upload_id[UUID_TEXT_SIZE], job_id[UUID_TEXT_SIZE];
    struct digests digests;

    if (!digest_stage(stage, size, &digests, err))
        return false;
    uuid_format(self->job->upload_id, upload_id);
    uuid_format(self->job->id, job_id);
    *file = (struct made_file){
        .number = name->number,
        .stage = stage_number,
        .key = arena_printf(self->mem, "%s/%s/%s-%lld/%s", folders[self->kind], upload_id, job_id,
                            (long long)self->job->lease_token, name->name),
        .size = size,
        .checksum_md5 = hex_of(digests.md5, sizeof digests.md5, self->mem),
        .checksum_sha256 = hex_of(digests.sha256, sizeof digests.sha256, self->mem)};
    self->count++;
    return true;
}

/* ---- publishing ---- */

struct rows_step {
    const struct making *making;
    size_t from, to;
};

static bool add_rows(struct db *tx, void *context, struct error *err)
{
    const struct rows_step *step = context;
    const struct making *making = step->making;

    for (size_t i = step->from; i < step->to; i++) {
        const struct made_file *file = &making->files[i];
        struct derived row = {.storage_name = store_name(making->store),
                              .storage_path = file->key,
                              .upload_id = making->job->upload_id,
                              .kind = making->kind,
                              .number = file->number,
                              .size = file->size,
                              .checksum_md5 = file->checksum_md5,
                              .checksum_sha256 = file->checksum_sha256,
                              .job_id = making->job->id,
                              .lease_token = making->job->lease_token,
                              .created_at_us = app_now_us(making->app)};

        if (!derived_add(tx, &row, err))
            return false;
    }
    return true;
}

static const char *type_of(const char *key)
{
    struct str name = str_from(key);

    return str_ends_with(name, ".wav")    ? "audio/wav"
           : str_ends_with(name, ".flac") ? "audio/flac"
                                          : "application/octet-stream";
}

static bool publish_one(const struct making *self, const struct made_file *file, struct error *err)
{
    scoped(stage_release) struct stage *stage = NULL;
    struct object_facts facts = {.content_type = type_of(file->key),
                                 .sha256 = file->checksum_sha256,
                                 .uploaded_at_us = app_now_us(self->app)};
    char id[JOB_STAGE_ID_SIZE];

    job_stage_id(self->job, file->stage, id);
    if (!store_stage_open(self->store, id, &stage, err))
        return false;
    stage_describe(stage, &facts);
    return stage_publish(stage, file->size, file->key, err);
}

/* The rows come first: a file whose lease has ended meanwhile has lost its stage too, and does not
 * become an object behind the sweep's back. */
bool making_publish(const struct making *self, struct error *err)
{
    for (size_t from = 0; from < self->count; from += ROWS_AT_ONCE) {
        struct rows_step step = {self, from, from + ROWS_AT_ONCE};

        if (step.to > self->count)
            step.to = self->count;
        if (!database_write(self->app->database, add_rows, &step, err))
            return false;
        for (size_t i = step.from; i < step.to; i++) {
            if (atomic_load(self->should_end))
                return error_set(err, ERR_CONFLICT, "the files are not wanted any more");
            if (!publish_one(self, &self->files[i], err))
                return false;
        }
    }
    return true;
}

/* ---- taking over ---- */

struct share_step {
    const struct making *making;
    const struct derived *from;
    size_t expected;
    bool taken;
};

/* All or none: what is there in part is another's that goes at this moment. */
static bool share_rows(struct db *tx, void *context, struct error *err)
{
    struct share_step *step = context;
    const struct job *job = step->making->job;
    struct derived_owner owner = {job->upload_id, job->id, job->lease_token};
    uint64_t count;

    if (!derived_share(tx, step->from, &owner, &count, err))
        return false;
    step->taken = count == step->expected;
    return step->taken || count == 0 ||
           error_set(err, ERR_INTERNAL, "%llu files are kept, not %zu", (unsigned long long)count,
                     step->expected);
}

bool making_share(struct making *self, const struct derived *from, size_t count, bool *taken,
                  struct error *err)
{
    struct share_step step = {self, from, count, false};

    if (!database_write(self->app->database, share_rows, &step, err))
        return false;
    *taken = step.taken;
    return true;
}

void making_release(const struct making *self)
{
    char id[JOB_STAGE_ID_SIZE];
    struct error err;

    for (uint32_t i = 0; i < self->stages; i++) {
        job_stage_id(self->job, i, id);
        if (!store_stage_discard(self->store, id, &err)) {
            log_event(LOG_WARN, "stages of a job are left to the sweep",
                      log_text("error", err.log));
            return;
        }
    }
}

/* ---- in the catalog ---- */

static bool drop(struct db *tx, const struct app *app, const struct derived *file,
                 struct error *err)
{
    struct garbage garbage = {.id = app_new_id(app),
                              .storage_name = file->storage_name,
                              .storage_path = file->storage_path,
                              .bytes = file->size,
                              .reason = file->kept ? "replaced" : "left over",
                              .created_at_us = app_now_us(app)};
    bool is_last;

    return derived_remove(tx, file, &is_last, err) && (!is_last || garbage_add(tx, &garbage, err));
}

static bool drop_page(struct db *tx, const struct app *app, const struct derived *files,
                      size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!drop(tx, app, &files[i], err))
            return false;
    return true;
}

static bool drop_earlier(struct db *tx, const struct making *self, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct derived *files;
    size_t count;

    do {
        arena_reset(mem);
        if (!derived_kept(tx, self->job->upload_id, self->kind, 0, DROP_PAGE, mem, &files, &count,
                          err) ||
            !drop_page(tx, self->app, files, count, err))
            return false;
    } while (count == DROP_PAGE);
    return true;
}

bool making_keep(struct db *tx, const struct making *self, struct error *err)
{
    return drop_earlier(tx, self, err) &&
           derived_keep(tx, self->job->id, self->job->lease_token, self->kind, err);
}

bool making_drop_all(struct db *tx, const struct app *app, struct uuid upload_id, uint64_t *count,
                     struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct derived *files;
    size_t found;

    *count = 0;
    do {
        arena_reset(mem);
        if (!derived_of_upload(tx, upload_id, DROP_PAGE, mem, &files, &found, err) ||
            !drop_page(tx, app, files, found, err))
            return false;
        *count += found;
    } while (found == DROP_PAGE);
    return true;
}

bool making_drop_loose(struct db *tx, const struct app *app, uint64_t *count, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct derived *files;
    size_t found;

    if (!derived_loose(tx, DROP_PAGE, mem, &files, &found, err) ||
        !drop_page(tx, app, files, found, err))
        return false;
    *count = found;
    return true;
}
