/* How chunks are to be cut, as people say it in JSON: the options of jobs of the kind "chunk". */
#ifndef SERVICE_CUT_OPTIONS_H
#define SERVICE_CUT_OPTIONS_H

#include "base/config.h"
#include "media/work.h"

/* What is configured: [chunks], with MAX_MS for the longest chunk. Fails with ERR_INVALID, naming
 * the option. */
bool cut_settings_read(const struct config *config, uint64_t max_ms, struct media_cut *out,
                       struct error *err);

/*
 * Reads a JSON object; of what is left out DEFAULTS hold:
 *   format        "wav" | "flac"
 *   sample_rate   Hz, or "source": the file's own
 *   channels      1 to 8, or "source"
 *   bits          16 | 24, or "source"
 *   boundaries    "fixed" | "silence"
 *   max_duration  seconds
 *   overlap       seconds, at most half of max_duration
 *   max_bytes     of a chunk's file; 0: no ceiling
 *
 * Fails with ERR_INVALID, naming the member.
 */
bool cut_options_read(const char *options, const struct media_cut *defaults, struct media_cut *out,
                      struct error *err);
/*
 * Files of a better form than what they are made of are only larger: where CUT asks for a rate,
 * channels or bits beyond what is CONFIGURED it gets the file's own at most. SAMPLE_RATE_HZ and
 * CHANNELS are the file's.
 */
void cut_options_cap(struct media_cut *cut, const struct media_cut *configured,
                     uint32_t sample_rate_hz, uint32_t channels);
/* All of CUT that can be said, as a JSON object: read again it gives the same cut. */
const char *cut_options_write(const struct media_cut *cut, struct arena *mem);

/* "wav", "flac": how the files are called. */
const char *cut_format_name(enum media_cut_format format);

#endif
