/*
 * One pass over a whole file, in a media process: its truth (validate), its chunks (cut) and its
 * looks and loudness (analyze), any of them together for the price of one decode.
 *
 * The process opens nothing and writes nothing: what it makes comes over the socket, is checked,
 * and is written by the thread that called, into descriptors that the caller hands out one by one.
 * So memory is the same for an hour and for a hundred, for one chunk and for a hundred thousand.
 *
 * Works have a pool of their own (media_options.for_works; of the other options timeout_ms does not
 * count), so that probes never wait for them. Each process uses up to three threads and, for files
 * of usual form, less than 64 MiB; memory_bytes should be 512 MiB, for those of unusual.
 */
#ifndef MEDIA_WORK_H
#define MEDIA_WORK_H

#include "media/media.h"

#define MEDIA_CHUNKS_MAX 100000
#define MEDIA_ZOOMS_MAX 8

enum media_cut_format { MEDIA_CUT_WAV, MEDIA_CUT_FLAC };

enum media_boundaries {
    MEDIA_FIXED,  /* chunk I begins at I times the step */
    MEDIA_SILENCE /* moved to the quietest point near the end of each chunk */
};

/*
 * How chunks are cut. No chunk is longer than MAX_MS, nor larger than MAX_BYTES, all counted: its
 * overlap, its header; FLAC counts as if it could not be made smaller. The step is what is left of
 * that after the overlap. The first chunk repeats nothing, and is as long as the others.
 *
 * With MEDIA_SILENCE a chunk ends in the middle of the quietest pause within WINDOW_MS to both
 * sides of the place that lies WINDOW_MS before the longest end: so it may be shorter by twice
 * WINDOW_MS at most. The window shrinks to a quarter of the step, and where it would take more than
 * 64 MiB of samples.
 */
struct media_cut {
    enum media_cut_format format;
    uint32_t sample_rate_hz; /* 0: the file's own */
    uint32_t channels;       /* 0: the file's own */
    /* 16 or 24; 0: as many as the file's samples have, 16 for lossy codecs and for less, 24 for
     * more. */
    uint32_t bits;
    enum media_boundaries boundaries;
    uint64_t max_ms;
    uint64_t overlap_ms; /* that each chunk repeats of the one before; at most half of MAX_MS */
    uint64_t max_bytes;  /* 0: no ceiling */
    uint64_t window_ms;  /* 0: 15,000 */
};

/* 16 kHz, mono, 16 bits, WAV, fixed, 300 s. */
#define MEDIA_CUT_DEFAULT \
    ((struct media_cut){  \
        .sample_rate_hz = 16000, .channels = 1, .bits = 16, .max_ms = UINT64_C(300000)})

struct media_analysis {
    /* Samples for each pair of peaks: the finest first, each a multiple of the one before; 0 ends
     * the list. None: no waveform. */
    uint32_t zooms[MEDIA_ZOOMS_MAX];
    uint32_t waveform_bits;      /* 8 or 16 */
    bool waveform_split;         /* a pair for each channel, not for all mixed to one */
    double silence_threshold_db; /* below full scale, so negative: silent is what stays under it */
    uint64_t silence_least_ms;
};

/* Zooms 256, 1,024, 4,096, 16,384 of 8 bits, mixed; silence is half a second under -50 dB. */
#define MEDIA_ANALYSIS_DEFAULT                                  \
    ((struct media_analysis){.zooms = {256, 1024, 4096, 16384}, \
                             .waveform_bits = 8,                \
                             .silence_threshold_db = -50,       \
                             .silence_least_ms = 500})

/* A chunk as it was cut. Times of START and END are rounded to ms; END is past the last. */
struct media_chunk {
    uint32_t index;
    uint64_t start_samples; /* in samples of the output, its overlap counted */
    uint64_t end_samples;
    uint64_t overlap_samples; /* that it repeats; 0 for the first. The rest, joined, is the whole */
    int64_t start_ms;
    int64_t end_ms;
    uint64_t size_bytes; /* of the file: header and samples */
};

enum media_output_kind { MEDIA_OUTPUT_CHUNK, MEDIA_OUTPUT_WAVEFORM };

/* What is about to be written. */
struct media_output {
    enum media_output_kind kind;
    uint32_t index;             /* of the chunk, or of the zoom */
    uint32_t samples_per_pixel; /* waveforms */
};

/* The caller's side. All are called on the thread that called media_work, and none while another
 * runs; the time they take does not count towards the limit. False (with ERR set) ends the work
 * with that error, and a fresh process takes the place of the one that was at it. */
struct media_sink {
    void *context;

    /*
     * Gives a descriptor to write OUTPUT to: empty, open for writing, where pwrite works. It stays
     * the caller's, who keeps it open until the output is done or the work has ended. Chunks come
     * one after the other, in order; the waveforms of all zooms are open at once.
     *
     * Needed for cut, and for analyze with zooms.
     */
    bool (*open)(void *context, const struct media_output *output, int *fd, struct error *err);
    /* The chunk is written; its bytes are not synced. Its first bytes came last (the header holds
     * its length), so a digest is to be made of the file, not of what was written to it. */
    bool (*chunk_done)(void *context, const struct media_chunk *chunk, struct error *err);
    /* The waveform is written: SIZE bytes of audiowaveform's .dat, version 2, of which
     * waveform_json.h makes JSON. */
    bool (*waveform_done)(void *context, const struct media_output *output, uint64_t size_bytes,
                          struct error *err);
    /* How much is done, 0 to 1 and never less than before: about twice a second. May be NULL.
     * False cancels. */
    bool (*progress)(void *context, double done, struct error *err);
    /* SIZE bytes of OUTPUT are written: every 64 KiB at most. May be NULL. */
    bool (*written)(void *context, const struct media_output *output, uint64_t size_bytes,
                    struct error *err);
};

struct media_order {
    bool validate;
    const struct media_cut *cut;           /* NULL: no chunks */
    const struct media_analysis *analysis; /* NULL: none */
    uint64_t limit_ms;                     /* after which the process is killed */
};

/* A limit that no honest file of that duration reaches: LEAST_MS, and a tenth of the duration. */
uint64_t media_work_limit_ms(uint64_t least_ms, int64_t duration_ms);

enum media_verdict {
    MEDIA_WHOLE,
    MEDIA_TRUNCATED, /* it ends before what its header promises, or in the middle of a frame */
    MEDIA_DAMAGED,   /* some spans could not be decoded */
    MEDIA_CORRUPT    /* nothing, or less than a twentieth of it, could be decoded */
};

struct media_result {
    enum media_verdict verdict;
    uint64_t samples; /* of each channel, at the file's rate, as decoded */
    int64_t duration_ms;
    int32_t sample_rate_hz; /* of what was decoded first */
    int32_t channels;

    /*
     * With validate: an object for metadata.report.
     *   verdict           "whole" | "truncated" | "damaged" | "corrupt"
     *   samples, sample_rate, channels, duration (s)
     *                     what is there, as decoded
     *   declared          {duration, sample_rate, channels, duration_matches}: what the header
     *                     says, in Ogg the last position; its duration is null where it says none
     *   truncated         whether the end is missing, whatever the verdict; in MP3 also whether
     *                     frames are, wherever, that its summary counts
     *   truncated_by      seconds that are missing there; only where that is known
     *   damage            [{start, end (s), start_sample, samples, bytes, reason}]: at most 200
     *                     spans, at their place in what was decoded; samples are those that are
     *                     missing, 0 if not known, bytes those of the file that could not be used,
     *                     0 if not known; a frame that was decoded with errors is a span of its own
     *                     length, of which no samples are missing
     *   damage_spans      how many there are
     *   clipping          {samples, runs, longest_run, per_channel: [{samples, runs}]}
     *   peak_db, rms_db   null for digital silence
     *   levels            [{peak_db, rms_db, silent}] for each channel
     *   silent_channels   [index of each channel that is silent all through]
     *   format_changes    [{at (s), sample_rate, channels}]: at most 50
     */
    const char *report_json;

    uint32_t chunk_count;
    int32_t chunk_rate_hz;
    int32_t chunk_channels;
    int32_t chunk_bits;

    /*
     * With analysis: an object.
     *   loudness       {integrated_lufs, range_lu, true_peak_dbtp, sample_peak_db,
     *                  max_momentary_lufs, max_short_term_lufs}: null where there was too little
     *                  of it or only silence
     *   silence        [{start, end (s)}]: at most 10,000
     *   silence_spans  how many there are
     *   silence_total  seconds of them all
     *   fingerprint    {algorithm: "chromaprint", text, duration (s, whole)}: what fpcalc prints;
     *                  null if there was too little
     *   waveforms      [{samples_per_pixel, length, bits, channels}] as in their files
     */
    const char *analysis_json;
};

/*
 * Decodes all of the SIZE bytes of FD (a regular file; its position is not used) once, and makes
 * what ORDER asks for. Texts of OUT live in the arena.
 *
 * Fails with ERR_AUDIO_CORRUPT if nothing or nearly nothing could be decoded (with validate OUT
 * is filled all the same, report and all); ERR_NOT_AUDIO as media_probe does; ERR_MEDIA_UNREADABLE
 * if the process died over it or sent nonsense; ERR_PROCESSING_TIMEOUT if it did not finish within
 * the limit; ERR_INVALID if the order makes no sense, or not for this file (more chunks than
 * MEDIA_CHUNKS_MAX, more channels than FLAC has); ERR_UNAVAILABLE if no media process could be
 * had; whatever error a callback set, and that of a write (ERR_STORAGE_FULL).
 * After a failure outputs that were opened are the caller's to discard.
 *
 * Waits while as many works as the pool has processes are running.
 *
 * The same file and the same media_cut give the same chunks, byte for byte. To make a few of them
 * again, give descriptors of /dev/null for the others, and end the work by refusing what comes
 * after the last one.
 */
bool media_work(struct media_pool *pool, int fd, uint64_t size, const struct media_order *order,
                const struct media_sink *sink, struct arena *mem, struct media_result *out,
                struct error *err);

#endif
