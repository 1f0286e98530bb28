/* What an analysis is to make, as people say it in JSON: the options of jobs of the kind "analyze".
 */
#ifndef SERVICE_ANALYSIS_OPTIONS_H
#define SERVICE_ANALYSIS_OPTIONS_H

#include "media/work.h"

/*
 * Reads a JSON object; each member is optional:
 *   zooms              samples for each pair of peaks, the finest first, each a multiple of the one
 *                      before; 1 to MEDIA_ZOOMS_MAX of them; [256, 1024, 4096, 16384]
 *   waveform_bits      8 | 16
 *   waveform_split     a pair for each channel; false
 *   silence_threshold  dB below full scale; -50
 *   silence_min        seconds; 0.5
 *
 * Fails with ERR_INVALID, naming the member.
 */
bool analysis_options_read(const char *options, struct media_analysis *out, struct error *err);

#endif
