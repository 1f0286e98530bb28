/* Where in a stretch of samples a cut hurts least. */
#ifndef MEDIA_PAUSE_H
#define MEDIA_PAUSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The middle of the quietest pause among the mean squares of COUNT short stretches, as an index
 * from 0 to COUNT: the longest of those that are about as quiet as anything in it; of equal ones
 * the nearest to the middle.
 */
size_t pause_find(const double *energy, size_t count);

#endif
