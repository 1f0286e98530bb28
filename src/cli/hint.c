#include "cli/hint.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance: three rows of the usual table are kept. */
size_t hint_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_length = strlen(a), b_length = strlen(b);

    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return WORD_MAX + 1;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void hint_init(struct hint *hint, const char *word)
{
    size_t third = strlen(word) / 3;

    /* A third of the letters may be wrong, but at least one and at most three. */
    third = third < 1 ? 1 : third > 3 ? 3 : third;
    *hint = (struct hint){.word = word, .distance = third + 1};
}

void hint_offer(struct hint *hint, const char *candidate)
{
    size_t distance = hint_distance(hint->word, candidate);
    size_t length = strlen(hint->word);

    /* A beginning of at least three letters counts as one edit: "perm" for "permanent". */
    if (length >= 3 && strncmp(hint->word, candidate, length) == 0)
        distance = least(distance, 1);
    if (distance < hint->distance) {
        hint->distance = distance;
        hint->best = candidate;
    }
}
