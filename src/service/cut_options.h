/* How chunks are to be cut, as people say it in JSON: the options of jobs of the kind "chunk". */
#ifndef SERVICE_CUT_OPTIONS_H
#define SERVICE_CUT_OPTIONS_H

#include "media/work.h"

#define CUT_MAX_MS_MIN 1000
#define CUT_MAX_MS_MAX (24 * 3600 * 1000)

/*
 * Reads a JSON object; each member is optional:
 *   format        "wav" | "flac"
 *   sample_rate   Hz, or "source": the file's own; 16000
 *   channels      1 to 8, or "source"; 1
 *   bits          16 | 24, or "source"; 16
 *   boundaries    "fixed" | "silence"
 *   max_duration  seconds; MAX_MS if it is left out
 *   overlap       seconds, at most half of max_duration; 0
 *   max_bytes     of a chunk's file; no ceiling
 *
 * Fails with ERR_INVALID, naming the member.
 */
bool cut_options_read(const char *options, uint64_t max_ms, struct media_cut *out,
                      struct error *err);
/* All of CUT that can be said, as a JSON object: read again it gives the same cut. */
const char *cut_options_write(const struct media_cut *cut, struct arena *mem);

/* "wav", "flac": how the files are called. */
const char *cut_format_name(enum media_cut_format format);

#endif
