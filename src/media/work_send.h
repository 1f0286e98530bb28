/* What a media process sends while it works. If nobody listens any more, the process ends. Any
 * thread may send; each message goes out whole. */
#ifndef MEDIA_WORK_SEND_H
#define MEDIA_WORK_SEND_H

#include "media/work_protocol.h"

void work_send_progress(double done);
void work_send_open(enum media_output_kind kind, uint32_t index, uint32_t samples_per_pixel);
void work_send_data(enum media_output_kind kind, uint32_t index, const void *bytes, size_t length);
/* CHUNK, whose samples are of RATE_HZ, is NULL for waveforms. */
void work_send_close(enum media_output_kind kind, uint32_t index, const struct media_chunk *chunk,
                     uint32_t rate_hz, const uint8_t *head, size_t head_length);
/* KIND is WORK_REPORT or WORK_ANALYSIS. */
void work_send_text(enum work_kind kind, const char *text);
void work_send_end(const struct work_end *end);

#endif
