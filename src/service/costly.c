#include "service/costly.h"

static bool refresh(struct costly *self,
                    bool (*find)(void *context, uint64_t *out, struct error *err), void *context,
                    struct error *err)
{
    int64_t began_us = self->now_us(), ended_us;

    if (began_us < self->until_us)
        return true;
    if (!find(context, &self->figure, err))
        return false;
    ended_us = self->now_us();
    if (ended_us - began_us >= COSTLY_CHEAP_US)
        self->until_us = ended_us + COSTLY_KEPT_TIMES * (ended_us - began_us);
    return true;
}

bool costly_ask(struct costly *self, bool (*find)(void *context, uint64_t *out, struct error *err),
                void *context, uint64_t *out, struct error *err)
{
    bool known;

    pthread_mutex_lock(&self->lock);
    known = refresh(self, find, context, err);
    if (known)
        *out = self->figure;
    pthread_mutex_unlock(&self->lock);
    return known;
}
