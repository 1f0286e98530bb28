/*
 * Results of chunks joined to one: their texts, and their segments with times of the whole. Pure.
 *
 * What is read of a result, a JSON object: "text"; "segments", objects with "start" and "end" in
 * seconds from the chunk's beginning, in which "words" have such times too (the form of Whisper's
 * JSON); or else "transcription", objects with "offsets" {"from", "to"} in milliseconds and "text"
 * (the form of whisper.cpp). Everything else in a result stays in the result.
 */
#ifndef SERVICE_JOINING_H
#define SERVICE_JOINING_H

#include "base/buf.h"
#include "catalog/result.h"

struct joining {
    struct buf text;     /* of all, a blank between them; read it when all were added */
    struct buf segments; /* JSON objects with commas between */
    bool has_text;       /* one of them had any, were it empty */
};

/* For at most LIMIT bytes of each. */
void joining_init(struct joining *self, size_t limit);
void joining_done(struct joining *self);

/* Adds the next one. Where its chunk overlaps its neighbours, each segment counts for the chunk in
 * which its middle is farther from the edge. */
void joining_add(struct joining *self, const struct result *result);

#endif
