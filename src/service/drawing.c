#include "service/drawing.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 32
#define DAT_HEAD_BYTES 24 /* of audiowaveform's .dat, version 2 */
#define FOUND_MAX 64

/* ---- as they are made ---- */

bool drawing_open(struct drawing *self, const struct media_output *output, int *fd,
                  struct error *err)
{
    self->zooms[output->index].number = self->files.stages;
    return making_stage(&self->files, &self->zooms[output->index].stage, fd, err);
}

bool drawing_written(const struct drawing *self, const struct media_output *output,
                     uint64_t size_bytes, struct error *err)
{
    return stage_written(self->zooms[output->index].stage, size_bytes, err);
}

static bool add(struct drawing *self, uint32_t zoom, uint32_t samples_per_pixel,
                uint64_t size_bytes, struct error *err)
{
    scoped(stage_release) struct stage *stage = take(self->zooms[zoom].stage);
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "waveform_%u.dat", samples_per_pixel);
    return making_add(&self->files, stage, self->zooms[zoom].number,
                      &(struct made_name){samples_per_pixel, name}, size_bytes, err);
}

bool drawing_done(struct drawing *self, const struct media_output *output, uint64_t size_bytes,
                  struct error *err)
{
    return add(self, output->index, output->samples_per_pixel, size_bytes, err);
}

/* ---- as they were made before ---- */

struct stage_sink {
    struct sink base;
    struct stage *stage;
    uint64_t at;
};

static bool write_stage(struct sink *self, const void *bytes, size_t size, struct error *err)
{
    struct stage_sink *sink = container_of(self, struct stage_sink, base);

    if (!stage_write(sink->stage, sink->at, bytes, size, err))
        return false;
    sink->at += size;
    return true;
}

/* What is damaged must not be taken for right by being given a digest anew. */
static bool is_the_same(const struct drawing *self, const struct derived *from, struct error *err)
{
    const struct made_file *copy = &self->files.files[self->files.count - 1];

    return strcmp(copy->checksum_sha256, from->checksum_sha256) == 0 ||
           error_set(err, ERR_NOT_FOUND, "the file is not what it was");
}

static bool copy_one(struct drawing *self, uint32_t zoom, const struct derived *from,
                     struct error *err)
{
    struct media_output output = {.index = zoom, .samples_per_pixel = from->number};
    struct stage_sink sink = {.base.write = write_stage};
    struct store *store;
    int fd;

    if (!app_find_store(self->files.app, from->storage_name, &store, err) ||
        !drawing_open(self, &output, &fd, err))
        return false;
    sink.stage = self->zooms[zoom].stage;
    return store_get(store, from->storage_path, (struct byte_range){0, BYTE_RANGE_REST}, &sink.base,
                     err) &&
           add(self, zoom, from->number, sink.at, err) && is_the_same(self, from, err);
}

/* The size of the file that the analysis tells of: of other bits or channels it would be another.
 */
static uint64_t size_of(const json_t *waveform)
{
    uint64_t length = (uint64_t)json_integer_value(json_object_get(waveform, "length"));
    uint64_t bits = (uint64_t)json_integer_value(json_object_get(waveform, "bits"));
    uint64_t channels = (uint64_t)json_integer_value(json_object_get(waveform, "channels"));

    return DAT_HEAD_BYTES + length * channels * 2 * (bits / 8);
}

static const struct derived *find_file(const json_t *waveform, const struct derived *files,
                                       size_t count)
{
    json_int_t zoom = json_integer_value(json_object_get(waveform, "samples_per_pixel"));

    for (size_t i = 0; i < count; i++)
        if (files[i].number == zoom && files[i].size == size_of(waveform))
            return &files[i];
    return NULL;
}

/* What is gone or damaged when it is read is as if it had not been found. */
static bool copy_all(struct drawing *self, const json_t *waveforms, const struct derived *files,
                     size_t count, bool *out, struct error *err)
{
    size_t i;
    json_t *waveform;

    *out = json_is_array(waveforms) && json_array_size(waveforms) <= MEDIA_ZOOMS_MAX;
    json_array_foreach(waveforms, i, waveform)
    {
        const struct derived *file = *out ? find_file(waveform, files, count) : NULL;

        *out = file && copy_one(self, (uint32_t)i, file, err);
        if (!*out)
            return !file || err->kind == ERR_NOT_FOUND;
    }
    return true;
}

static bool find_files(struct drawing *self, const struct upload *upload, struct derived **files,
                       size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(self->files.app->database, &db, err) &&
           derived_of_content(db, upload->workspace_id, upload->checksum_sha256, DERIVED_WAVEFORM,
                              FOUND_MAX, self->files.mem, files, count, err);
}

bool drawing_copy(struct drawing *self, const struct upload *upload, const char *found, bool *out,
                  struct error *err)
{
    json_t *root;
    struct derived *files;
    size_t count;
    bool ok;

    if (!find_files(self, upload, &files, &count, err))
        return false;
    root = json_loads(found, 0, NULL);
    ok = copy_all(self, json_object_get(root, "waveforms"), files, count, out, err);
    json_decref(root);
    return ok;
}

/* ---- ending ---- */

bool drawing_commit(struct db *tx, const struct drawing *self, struct error *err)
{
    const struct job *job = self->files.job;
    int64_t now_us = app_now_us(self->files.app);

    return making_keep(tx, &self->files, err) &&
           derived_note_recipe(tx, job->upload_id, DERIVED_WAVEFORM, job->options, now_us, err) &&
           upload_set_finding(tx, job->upload_id, "analysis", self->json, now_us, err);
}

void drawing_release(struct drawing *self)
{
    for (size_t i = 0; i < MEDIA_ZOOMS_MAX; i++)
        stage_free(take(self->zooms[i].stage));
    making_release(&self->files);
}
