#include "service/sightings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000 /* they are walked through for each */

struct sighting {
    char *name;
    int64_t since_us;
    bool is_new; /* seen in this look */
};

struct sightings {
    struct sighting all[MOST];
    size_t count;
};

struct sightings *sightings_new(void)
{
    struct sightings *self = calloc(1, sizeof *self);

    if (!self)
        abort();
    return self;
}

void sightings_free(struct sightings *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free(self->all[i].name);
    free(self);
}

void sightings_begin(struct sightings *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->all[i].is_new = false;
}

void sightings_end(struct sightings *self)
{
    size_t left = 0;

    for (size_t i = 0; i < self->count; i++)
        if (self->all[i].is_new)
            self->all[left++] = self->all[i];
        else
            free(self->all[i].name);
    self->count = left;
}

static struct sighting *find(struct sightings *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].name, name) == 0)
            return &self->all[i];
    return NULL;
}

static struct sighting *add(struct sightings *self, const char *name, int64_t now_us)
{
    struct sighting *added = &self->all[self->count++];

    *added = (struct sighting){.name = strdup(name), .since_us = now_us};
    if (!added->name)
        abort();
    return added;
}

int64_t sightings_note(struct sightings *self, const char *name, int64_t now_us)
{
    struct sighting *seen = find(self, name);

    if (!seen && self->count == MOST)
        return now_us;
    if (!seen)
        seen = add(self, name, now_us);
    seen->is_new = true;
    return seen->since_us;
}
