#include "service/readiness.h"

#include <pthread.h>
#include <stdlib.h>

struct readiness {
    pthread_mutex_t lock; /* guards all below */
    bool is_looking;
    struct readiness_seen seen;
};

struct readiness *readiness_new(void)
{
    struct readiness *readiness = calloc(1, sizeof *readiness);

    if (!readiness)
        abort();
    pthread_mutex_init(&readiness->lock, NULL);
    readiness->seen = (struct readiness_seen){.text = "{\"status\":\"unavailable\",\"checks\":{}}"};
    return readiness;
}

void readiness_free(struct readiness *readiness)
{
    if (!readiness)
        return;
    pthread_mutex_destroy(&readiness->lock);
    free(readiness);
}

bool readiness_begin(struct readiness *readiness, struct readiness_seen *out)
{
    bool is_first;

    pthread_mutex_lock(&readiness->lock);
    is_first = !readiness->is_looking;
    readiness->is_looking = true;
    *out = readiness->seen;
    pthread_mutex_unlock(&readiness->lock);
    return is_first;
}

void readiness_tell(struct readiness *readiness, const struct readiness_seen *seen)
{
    pthread_mutex_lock(&readiness->lock);
    readiness->is_looking = false;
    readiness->seen = *seen;
    pthread_mutex_unlock(&readiness->lock);
}
