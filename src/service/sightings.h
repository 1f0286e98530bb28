/*
 * What a sweep has seen that is nobody's, and since when: what was there only once may be something
 * that another node has just begun. Whoever is not seen again is forgotten. One sweep at a time.
 */
#ifndef SERVICE_SIGHTINGS_H
#define SERVICE_SIGHTINGS_H

#include <stdint.h>

struct sightings;

struct sightings *sightings_new(void);
void sightings_free(struct sightings *self);

/* A look begins, and ends: what was not seen in between is forgotten. */
void sightings_begin(struct sightings *self);
void sightings_end(struct sightings *self);
/* NAME is seen at NOW_US; since when it is, from one look to the next. Of too many some are as if
 * they were seen for the first time. */
int64_t sightings_note(struct sightings *self, const char *name, int64_t now_us);

#endif
