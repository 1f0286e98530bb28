#include "service/cutting.h"

#include <stdio.h>
#include <string.h>

#include "catalog/chunk.h"
#include "catalog/quota.h"
#include "service/cut_options.h"
#include "service/processing.h"

#define PIECES_FIRST 16
#define CHUNK_PAGE 256

/* What was cut like this before is made again as it was, whatever is configured by now. */
static bool is_the_recipe(struct db *db, const struct cutting *self, bool *out, struct error *err)
{
    const struct job *job = self->files.job;
    const char *recipe;

    *out = false;
    if (!derived_recipe(db, job->upload_id, DERIVED_CHUNK, self->files.mem, &recipe, err))
        return err->kind == ERR_NOT_FOUND;
    *out = strcmp(recipe, job->options) == 0;
    return true;
}

/* Files that can be made again are not charged to the quota, which is of what people upload; but
 * nobody fills the store with what is made of little: one cut takes no more than the quota has
 * left, and all files of a workspace together no more than the quota is. Cuts that are made at the
 * same time know nothing of each other: each may take what was left when it began.
 *
 * What all files take stands in no row. It is added up from those of the files, all that the
 * workspace has, for every cut that has a limit and room under it. */
static bool find_most(struct db *db, struct cutting *self, struct error *err)
{
    const struct job *job = self->files.job;
    struct quota_limit left, whole;
    struct quota quota;
    uint64_t others;

    if (!quota_read(db, job->workspace_id, app_now_us(self->files.app), self->files.mem, &quota,
                    err))
        return false;
    left = quota_remaining_bytes(&quota);
    whole = quota.limits.max_storage_bytes;
    if (!whole.limited)
        return true;
    self->most_bytes = 0;
    if (left.value == 0)
        return true;
    if (!derived_bytes_beside(db, job->workspace_id, job->upload_id, DERIVED_CHUNK, &others, err))
        return false;
    self->most_bytes = others < whole.value ? whole.value - others : 0;
    if (left.value < self->most_bytes)
        self->most_bytes = left.value;
    return true;
}

static bool refuse_so_many(struct error *err)
{
    return error_tell(err, ERR_TOO_MANY_CHUNKS, "it would be more than %d chunks", CHUNKS_MAX);
}

/* The most that a chunk can last. How many bits the file has is known where it is decoded: as few
 * as there can be. */
static uint64_t longest_ms(const struct media_cut *cut, const struct upload *upload)
{
    uint64_t rate =
        cut->sample_rate_hz > 0 ? cut->sample_rate_hz : (uint64_t)upload->sample_rate_hz;
    uint64_t channels = cut->channels > 0 ? cut->channels : (uint64_t)upload->channels;
    uint64_t bytes = rate * channels * ((cut->bits > 0 ? cut->bits : 16) / 8); /* of a second */
    uint64_t s, ms;

    if (cut->max_bytes == 0 || bytes == 0)
        return cut->max_ms;
    s = cut->max_bytes / bytes;
    if (s > cut->max_ms / 1000)
        return cut->max_ms;
    ms = s * 1000 + (cut->max_bytes % bytes) * 1000 / bytes + 1;
    return ms < cut->max_ms ? ms : cut->max_ms;
}

/* Where it is not pauses that make them so many. A ceiling that leaves nothing beside the overlap
 * is told of by who cuts. */
static bool check_count(const struct media_cut *cut, const struct upload *upload, struct error *err)
{
    uint64_t longest = longest_ms(cut, upload);

    return longest <= cut->overlap_ms ||
           (uint64_t)upload->duration_ms <=
               CHUNKS_MAX * (longest - cut->overlap_ms) + cut->overlap_ms ||
           refuse_so_many(err);
}

static void cap(struct media_cut *cut, const struct app *app, const struct upload *upload)
{
    cut_options_cap(cut, &app->settings.cut, (uint32_t)upload->sample_rate_hz,
                    (uint32_t)upload->channels);
}

bool cutting_fits(const struct app *app, const char *options, const struct upload *upload,
                  struct error *err)
{
    struct media_cut cut;

    if (!cut_options_read(options, &app->settings.cut, &cut, err))
        return false;
    cap(&cut, app, upload);
    return check_count(&cut, upload, err);
}

bool cutting_prepare(struct cutting *self, const struct upload *upload, struct error *err)
{
    const struct media_cut *configured = &self->files.app->settings.cut;
    scoped(db_release) struct db *db = NULL;

    self->most_bytes = UINT64_MAX;
    if (!cut_options_read(self->files.job->options, configured, &self->cut, err) ||
        !database_read(self->files.app->database, &db, err) ||
        !is_the_recipe(db, self, &self->is_again, err))
        return false;
    if (!self->is_again)
        cap(&self->cut, self->files.app, upload);
    return check_count(&self->cut, upload, err);
}

bool cutting_find_room(struct cutting *self, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return self->is_again ||
           (database_read(self->files.app->database, &db, err) && find_most(db, self, err));
}

bool cutting_open(struct cutting *self, int *fd, struct error *err)
{
    if (self->files.count == CHUNKS_MAX)
        return refuse_so_many(err);
    self->began_us = clock_monotonic_us();
    return making_stage(&self->files, &self->stage, fd, err);
}

bool cutting_written(const struct cutting *self, uint64_t size_bytes, struct error *err)
{
    if (size_bytes <= self->most_bytes && self->bytes <= self->most_bytes - size_bytes)
        return stage_written(self->stage, size_bytes, err);
    error_tell(err, ERR_QUOTA_STORAGE,
               "the chunks would take more than the %llu bytes that the quota leaves them",
               (unsigned long long)self->most_bytes);
    return error_limit(err, self->most_bytes, 0);
}

static void add_piece(struct cutting *self, const struct cut_piece *piece)
{
    size_t count = self->files.count - 1;

    if (count == self->room) {
        size_t room = self->room > 0 ? self->room * 2 : PIECES_FIRST;
        struct cut_piece *pieces = arena_array(self->files.mem, room, sizeof *pieces);

        if (count > 0)
            memcpy(pieces, self->pieces, count * sizeof *pieces);
        self->pieces = pieces;
        self->room = room;
    }
    self->pieces[count] = *piece;
}

static void name_chunk(const struct cutting *self, uint32_t index, char out[CHUNK_FILENAME_SIZE])
{
    chunk_name(self->files.job->upload_id, index, cut_format_name(self->cut.format), out);
}

bool cutting_chunk_done(struct cutting *self, const struct media_chunk *chunk, struct error *err)
{
    scoped(stage_release) struct stage *stage = take(self->stage);
    char name[CHUNK_FILENAME_SIZE];

    name_chunk(self, chunk->index, name);
    self->bytes += chunk->size_bytes;
    if (!making_add(&self->files, stage, self->files.stages - 1,
                    &(struct made_name){chunk->index, name}, chunk->size_bytes, err))
        return false;
    add_piece(self,
              &(struct cut_piece){
                  .start_ms = chunk->start_ms,
                  /* A row's end lies behind its start, however few samples there are. */
                  .end_ms = chunk->end_ms > chunk->start_ms ? chunk->end_ms : chunk->start_ms + 1,
                  .run_ms = (clock_monotonic_us() - self->began_us) / 1000,
              });
    return true;
}

static bool put_chunk(struct db *tx, const struct cutting *self, struct uuid id, size_t index,
                      struct error *err)
{
    const struct made_file *file = &self->files.files[index];
    const struct cut_piece *piece = &self->pieces[index];
    char name[CHUNK_FILENAME_SIZE];
    struct chunk chunk = {.id = id,
                          .upload_id = self->files.job->upload_id,
                          .chunk_index = (uint32_t)index,
                          .total_chunks = (uint32_t)self->files.count,
                          .start_time_ms = piece->start_ms,
                          .end_time_ms = piece->end_ms,
                          .duration_ms = piece->end_ms - piece->start_ms,
                          .chunk_filename = name,
                          .has_file = true,
                          .chunk_size = file->size,
                          .storage_name = store_name(self->files.store),
                          .chunk_path = file->key,
                          .checksum_md5 = file->checksum_md5,
                          .checksum_sha256 = file->checksum_sha256,
                          .processing_time_ms = piece->run_ms};

    name_chunk(self, (uint32_t)index, name);
    return chunk_cut(tx, &chunk, err);
}

static bool is_still_a_chunk(const struct cutting *self, const struct chunk *chunk)
{
    const struct cut_piece *piece;

    if (chunk->chunk_index >= self->files.count)
        return false;
    piece = &self->pieces[chunk->chunk_index];
    return chunk->start_time_ms == piece->start_ms && chunk->end_time_ms == piece->end_ms;
}

/* A row is of one span for life: jobs, results and leases that refer to it are about that audio.
 * IS_KEPT of those that stay. */
static bool drop_page(struct db *tx, const struct cutting *self, const struct chunk *chunks,
                      size_t count, bool *is_kept, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (is_still_a_chunk(self, &chunks[i]))
            is_kept[chunks[i].chunk_index] = true;
        else if (!processing_drop_chunk(tx, chunks[i].id, err) ||
                 !chunk_remove(tx, chunks[i].id, err))
            return false;
    return true;
}

static bool drop_earlier(struct db *tx, const struct cutting *self, bool *is_kept,
                         struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct chunk *chunks;
    uint32_t from = 0;
    size_t count;

    do {
        arena_reset(mem);
        if (!chunk_list(tx, self->files.job->upload_id, from, CHUNK_PAGE, mem, &chunks, &count,
                        err) ||
            !drop_page(tx, self, chunks, count, is_kept, err))
            return false;
        if (count > 0)
            from = chunks[count - 1].chunk_index + 1;
    } while (count == CHUNK_PAGE);
    return true;
}

/* Gives the ids of those that are new. */
static bool put_chunks(struct db *tx, const struct cutting *self, const bool *is_kept,
                       struct uuid *ids, size_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < self->files.count; i++) {
        struct uuid id = app_new_id(self->files.app);

        if (!put_chunk(tx, self, id, i, err))
            return false;
        if (!is_kept[i])
            ids[(*count)++] = id;
    }
    return true;
}

bool cutting_commit(struct db *tx, const struct cutting *self, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const struct app *app = self->files.app;
    const struct job *job = self->files.job;
    bool *is_kept = arena_array(mem, self->files.count + 1, sizeof *is_kept);
    struct uuid *ids = arena_array(mem, self->files.count + 1, sizeof *ids);
    struct fresh_chunks fresh = {.ids = ids};
    struct chunk_jobs *jobs;

    return making_keep(tx, &self->files, err) &&
           processing_cut_begin(tx, app, job->upload_id, mem, &jobs, err) &&
           drop_earlier(tx, self, is_kept, err) &&
           put_chunks(tx, self, is_kept, ids, &fresh.count, err) &&
           processing_cut_end(tx, app, job, jobs, &fresh, err) &&
           derived_note_recipe(tx, job->upload_id, DERIVED_CHUNK,
                               cut_options_write(&self->cut, self->files.mem), app_now_us(app),
                               err);
}

void cutting_release(struct cutting *self)
{
    stage_free(take(self->stage));
    making_release(&self->files);
}
