/* What a media process does with one file: detects its form, reads it, states the facts. */
#ifndef MEDIA_PROBE_H
#define MEDIA_PROBE_H

#include "media/av.h"
#include "media/format.h"
#include "media/frames.h"
#include "media/picture.h"
#include "media/protocol.h"
#include "media/tags.h"

#define CHAPTERS_MAX 500
#define TAG_BUDGET_BYTES (8 << 20)

struct chapter {
    int64_t start_ms;
    int64_t end_ms;
    const char *title; /* may be NULL */
};

/* One file on its way through the probe: each reader adds what it knows. */
struct probe {
    const struct av *av;
    struct input *in;
    struct arena *mem;
    const struct format *format;
    uint64_t start; /* where the format begins: behind ID3v2 tags */
    uint64_t end;   /* where it ends: before ID3v1 and APE tags */

    /* Where the audio lies, for those who decode it, if libav's demuxer is not to be asked. */
    const struct frame_format *frames; /* a chain of frames like the first; NULL: none */
    struct frame_header first_frame;
    uint64_t audio_at;
    uint64_t audio_bytes; /* of plain samples; 0: none */

    struct media_facts facts;
    int64_t duration_us;
    bool truncated;      /* the file ends before what its header promises */
    bool header_wrong;   /* the header's length contradicts what is there */
    bool empty;          /* a sound recording without a single frame, and it says so */
    int64_t declared_us; /* what the header said, where that was wrong; 0: nothing */
    bool fragmented;     /* an MP4 whose fragments have times of their own */
    bool ends_on_time;   /* the times of its packets reach as far as its header promises */
    int64_t
        positions_us; /* up to where the file's own positions reach (Ogg, WavPack); 0: not known */
    size_t tag_bytes_left; /* what may still be read of tags: files can hold millions */
    struct tags tags;
    struct cover cover;
    size_t chapter_count;
    struct chapter chapters[CHAPTERS_MAX];
};

/* Takes LENGTH, and something for the trouble, off the probe's budget for tags. False, and nothing
 * is taken, if that is used up. */
bool probe_afford(struct probe *probe, size_t length);

/* Looks at IN: all of PROBE is set by it. *REASON says why not, for outcomes that are neither audio
 * nor video. Texts live in the arena. */
enum answer_outcome probe_inspect(struct probe *probe, const struct av *av, struct input *in,
                                  struct arena *mem, const char **reason);

/* Looks at IN. *REASON says why not, for outcomes that are neither audio nor video. FACTS and the
 * texts in it live in the arena. */
enum answer_outcome probe_file(const struct av *av, struct input *in, struct arena *mem,
                               struct media_facts *facts, const char **reason);

#endif
