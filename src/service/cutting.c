#include "service/cutting.h"

#include <stdio.h>
#include <string.h>

#include "catalog/chunk.h"
#include "service/cut_options.h"
#include "service/processing.h"

#define PIECES_FIRST 16

bool cutting_open(struct cutting *self, int *fd, struct error *err)
{
    self->began_us = clock_monotonic_us();
    return making_stage(&self->files, &self->stage, fd, err);
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

static bool put_chunk(struct db *tx, const struct cutting *self, size_t index, struct error *err)
{
    const struct made_file *file = &self->files.files[index];
    const struct cut_piece *piece = &self->pieces[index];
    const struct app *app = self->files.app;
    char name[CHUNK_FILENAME_SIZE];
    struct chunk chunk = {.id = app_new_id(app),
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

bool cutting_commit(struct db *tx, const struct cutting *self, struct error *err)
{
    const struct job *job = self->files.job;
    uint32_t count = (uint32_t)self->files.count, before;

    if (!making_keep(tx, &self->files, err) || !chunk_count(tx, job->upload_id, &before, err) ||
        !processing_drop_chunks(tx, job->upload_id, count, err) ||
        !chunk_trim(tx, job->upload_id, count, err))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!put_chunk(tx, self, i, err))
            return false;
    return processing_cut(tx, self->files.app, job, before, count, err) &&
           derived_note_recipe(tx, job->upload_id, DERIVED_CHUNK,
                               cut_options_write(&self->cut, self->files.mem),
                               app_now_us(self->files.app), err);
}

void cutting_release(struct cutting *self)
{
    stage_free(take(self->stage));
    making_release(&self->files);
}
