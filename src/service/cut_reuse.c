#include "service/cut_reuse.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "catalog/chunk.h"
#include "service/cut_options.h"
#include "service/object_digest.h"

#define OWNERS_MAX 8 /* cuts whose files are looked at */

const char *cut_reuse_options(const struct cutting *self)
{
    return cut_options_write(&self->cut, self->files.mem);
}

/* ---- what is known ---- */

static json_t *write_chunk(const struct cut_piece *piece, const struct made_file *file)
{
    return json_pack("{s:I, s:I, s:I, s:s}", "start_ms", (json_int_t)piece->start_ms, "end_ms",
                     (json_int_t)piece->end_ms, "size", (json_int_t)file->size, "sha256",
                     file->checksum_sha256);
}

const char *cut_reuse_write(const struct cutting *self, const struct cut_form *form)
{
    scoped(json_decrefp) json_t *root =
        json_pack("{s:i, s:i, s:i}", "sample_rate", form->sample_rate_hz, "channels",
                  form->channels, "bits", form->bits);
    json_t *chunks = json_array();
    scoped(memory_free) char *text = NULL;

    for (size_t i = 0; i < self->files.count; i++)
        json_array_append_new(chunks, write_chunk(&self->pieces[i], &self->files.files[i]));
    json_object_set_new(root, "chunks", chunks);
    text = json_text_write(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!text)
        abort();
    return arena_strdup(self->files.mem, text);
}

/* A cut as the cache tells of it, and then as it is found. */
struct known_cut {
    struct cut_piece *pieces;
    struct made_file *files; /* their keys once they are found */
    size_t count;
};

static bool read_chunk(const json_t *chunk, size_t index, struct known_cut *known,
                       struct arena *mem)
{
    json_int_t start_ms, end_ms, size;
    const char *sha256;

    if (json_unpack((json_t *)chunk, "{s:I, s:I, s:I, s:s}", "start_ms", &start_ms, "end_ms",
                    &end_ms, "size", &size, "sha256", &sha256) != 0 ||
        start_ms < 0 || end_ms <= start_ms || size < 0)
        return false;
    known->pieces[index] = (struct cut_piece){.start_ms = start_ms, .end_ms = end_ms};
    known->files[index] = (struct made_file){.number = (uint32_t)index,
                                             .size = (uint64_t)size,
                                             .checksum_sha256 = arena_strdup(mem, sha256)};
    return true;
}

/* False if the text is of another make, and so of no use. */
static bool read_known(const char *text, struct arena *mem, struct known_cut *known,
                       struct cut_form *form)
{
    scoped(json_decrefp) json_t *root = json_loads(text, 0, NULL);
    json_t *chunks = NULL;
    size_t count;

    if (json_unpack(root, "{s:i, s:i, s:i, s:o}", "sample_rate", &form->sample_rate_hz, "channels",
                    &form->channels, "bits", &form->bits, "chunks", &chunks) != 0)
        return false;
    count = json_array_size(chunks);
    if (count == 0 || count > CHUNKS_MAX)
        return false;
    *known = (struct known_cut){.pieces = arena_array(mem, count, sizeof *known->pieces),
                                .files = arena_array(mem, count, sizeof *known->files),
                                .count = count};
    for (size_t i = 0; i < count; i++)
        if (!read_chunk(json_array_get(chunks, i), i, known, mem))
            return false;
    return true;
}

/* ---- who has it ---- */

/* Cuts that may be like this, by the first file of each: one of the uploads that share it. */
static bool find_owners(const struct cutting *self, const struct upload *upload,
                        const struct known_cut *known, struct derived **out, size_t *count,
                        struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct derived like = {
        .kind = DERIVED_CHUNK, .number = 0, .checksum_sha256 = known->files[0].checksum_sha256};

    return database_read(self->files.app->database, &db, err) &&
           derived_alike(db, upload->workspace_id, upload->checksum_sha256, &like, OWNERS_MAX,
                         self->files.mem, out, count, err);
}

static bool find_files(const struct cutting *self, const struct derived *first, size_t limit,
                       struct derived **out, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(self->files.app->database, &db, err) &&
           derived_kept(db, first->upload_id, DERIVED_CHUNK, 0, limit, self->files.mem, out, count,
                        err);
}

/* Whether FILE is the chunk INDEX, of the same cut as FIRST. */
static bool is_the_chunk(const struct known_cut *known, size_t index, const struct derived *first,
                         const struct derived *file)
{
    return file->number == index && file->size == known->files[index].size &&
           strcmp(file->checksum_sha256, known->files[index].checksum_sha256) == 0 &&
           uuid_equal(file->job_id, first->job_id) && file->lease_token == first->lease_token &&
           strcmp(file->storage_name, first->storage_name) == 0;
}

/* What is gone or damaged must not become another upload's too. */
static bool is_unharmed(const struct cutting *self, struct store *store, const struct derived *file)
{
    struct error err;
    bool is_right = false;

    if (object_digest_is(store, file->storage_path, file->checksum_sha256, self->files.should_end,
                         &is_right, &err))
        return is_right;
    if (err.kind != ERR_NOT_FOUND && !atomic_load(self->files.should_end))
        log_event(LOG_WARN, "a chunk that was cut before could not be read",
                  log_text("error", err.log));
    return false;
}

/* Whether the files of the upload that has FIRST are those that are KNOWN; then KNOWN says where
 * they are. */
static bool compare(const struct cutting *self, struct known_cut *known, struct store *store,
                    const struct derived *first, bool *out, struct error *err)
{
    struct derived *files;
    size_t count;

    if (!find_files(self, first, known->count + 1, &files, &count, err))
        return false;
    *out = count == known->count;
    for (size_t i = 0; i < count && *out; i++) {
        *out = is_the_chunk(known, i, first, &files[i]) && is_unharmed(self, store, &files[i]);
        if (*out) {
            known->files[i].key = files[i].storage_path;
            known->files[i].checksum_md5 = files[i].checksum_md5;
        }
        if (atomic_load(self->files.should_end))
            return error_set(err, ERR_CONFLICT, "the files are not wanted any more");
    }
    return true;
}

static bool take_from(struct cutting *self, struct known_cut *known, const struct derived *first,
                      bool *out, struct error *err)
{
    struct store *store = app_store(self->files.app, first->storage_name);

    *out = false;
    if (!store)
        return true;
    if (!compare(self, known, store, first, out, err))
        return false;
    if (!*out)
        return true;
    if (!making_share(&self->files, first, known->count, out, err))
        return false;
    if (*out) {
        self->files.store = store;
        self->files.files = known->files;
        self->files.count = self->files.room = known->count;
        self->pieces = known->pieces;
        self->room = known->count;
    }
    return true;
}

bool cut_reuse_take(struct cutting *self, const struct upload *upload, const char *known_text,
                    struct cut_form *form, bool *out, struct error *err)
{
    struct known_cut known;
    struct derived *owners;
    size_t count;

    *out = false;
    if (!read_known(known_text, self->files.mem, &known, form))
        return true;
    if (!find_owners(self, upload, &known, &owners, &count, err))
        return false;
    for (size_t i = 0; i < count && !*out; i++)
        if (!take_from(self, &known, &owners[i], out, err))
            return false;
    return true;
}
