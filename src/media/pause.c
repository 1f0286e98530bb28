#include "media/pause.h"

#include <stdbool.h>

/* Lengths of pauses that are looked for, in stretches: with those of 10 ms, half a second is the
 * pause between sentences, 60 ms the least that can be one. */
static const size_t LENGTHS[] = {50, 25, 12, 6};

/* A pause may be louder by this than the quietest 60 ms there are (10 dB), and what is below this
 * is silence (-80 dB). */
#define LOUDER 10.0
#define NOTHING 1e-8

static double distance(size_t at, size_t count)
{
    double middle = (double)count / 2;

    return (double)at > middle ? (double)at - middle : middle - (double)at;
}

/* The start of the quietest run of LENGTH; its mean. */
static size_t quietest(const double *energy, size_t count, size_t length, double *mean)
{
    double sum = 0;
    double least;
    size_t found = 0;

    for (size_t i = 0; i < length; i++)
        sum += energy[i];
    least = sum;
    for (size_t at = 1; at + length <= count; at++) {
        sum += energy[at + length - 1] - energy[at - 1];
        if (sum < least * (1 - 1e-9) ||
            (sum <= least * (1 + 1e-9) + NOTHING * 1e-3 &&
             distance(at + length / 2, count) < distance(found + length / 2, count))) {
            least = sum < least ? sum : least;
            found = at;
        }
    }
    *mean = least > 0 ? least / (double)length : 0;
    return found;
}

size_t pause_find(const double *energy, size_t count)
{
    size_t shortest = LENGTHS[sizeof LENGTHS / sizeof *LENGTHS - 1];
    double floor;

    if (count <= shortest)
        return count / 2;
    quietest(energy, count, shortest, &floor);
    floor = (floor > NOTHING ? floor : NOTHING) * LOUDER;
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        size_t start, end;
        double mean;

        if (LENGTHS[i] >= count)
            continue;
        start = quietest(energy, count, LENGTHS[i], &mean);
        if (mean > floor)
            continue;
        end = start + LENGTHS[i];
        /* All of the pause, so that its middle is the middle. */
        while (start > 0 && energy[start - 1] <= floor)
            start--;
        while (end < count && energy[end] <= floor)
            end++;
        return start == 0 && end == count ? count / 2 : (start + end) / 2;
    }
    return count / 2;
}
