/* The readers of audio formats that are our own, without libav and without the sandbox's shelter.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "media/boxes.h"
#include "media/describe.h"
#include "media/flac.h"
#include "media/id3.h"
#include "media/length.h"
#include "media/wave.h"
#include "media/wavpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct probe *probe_new(struct arena *mem, struct input *in)
{
    struct probe *probe = arena_alloc(mem, sizeof *probe);

    probe->in = in;
    probe->mem = mem;
    probe->end = in->size;
    probe->tag_bytes_left = TAG_BUDGET_BYTES;
    probe->facts.container = "mp3";
    tags_init(&probe->tags, mem);
    return probe;
}

static void read_outlines(struct input *in)
{
    struct mp4_outline mp4;
    struct matroska_outline matroska;
    struct ogg_outline ogg;
    struct asf_outline asf;
    struct wave_data wave;
    struct wavpack_block block;
    uint64_t at;

    mp4_outline(in, 0, in->size, &mp4);
    matroska_outline(in, 0, in->size, &matroska);
    ogg_outline(in, 0, in->size, &ogg);
    asf_outline(in, 0, in->size, &asf);
    wave_find_data(in, 0, in->size, &wave);
    at = wavpack_find_block(in, 0, in->size);
    if (at > in->size || (at < in->size && !wavpack_read_block(in, at, in->size, &block)))
        abort();
    format_detect(in, 0);
}

static void read_frames(struct probe *probe)
{
    static const struct frame_format *const FORMATS[] = {&frame_mpeg, &frame_adts, &frame_ac3};

    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        struct frame_header first;
        uint64_t at;

        if (frames_find(probe->in, FORMATS[i], probe->start, probe->end, &at, &first))
            length_of_frames(probe, FORMATS[i], at, &first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(fd_close) int fd = memfd_create("input", MFD_CLOEXEC);
    struct input *in = arena_alloc(mem, sizeof *in);
    struct probe *probe;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    input_init(in, fd, size, clock_monotonic_us() + 60 * US_PER_S);
    read_outlines(in);
    probe = probe_new(mem, in);
    id3v2_read(probe);
    trailing_tags_read(probe);
    if (probe->start > probe->end || probe->end > size)
        abort();
    flac_probe(probe);
    read_frames(probe);
    if (!describe(probe) || in->late)
        abort();
    return 0;
}
