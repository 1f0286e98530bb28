#include "media/relay.h"

#include <assert.h>
#include <string.h>

#include "media/dsp.h"

/* How many frames are ready for this user: it waits for some, or for the end. */
static uint64_t wait_for_frames(struct relay_thread *self)
{
    struct relay *relay = self->relay;
    uint64_t ready;

    pthread_mutex_lock(&relay->lock);
    while (relay->made == self->used && !relay->ended)
        pthread_cond_wait(&relay->changed, &relay->lock);
    ready = relay->made - self->used;
    pthread_mutex_unlock(&relay->lock);
    return ready;
}

static void done_with(struct relay_thread *self, uint64_t count)
{
    pthread_mutex_lock(&self->relay->lock);
    self->used += count;
    pthread_cond_signal(&self->relay->freed);
    pthread_mutex_unlock(&self->relay->lock);
}

static void do_work(struct relay_thread *self)
{
    uint64_t at = 0;
    uint64_t ready;

    while ((ready = wait_for_frames(self)) > 0) {
        if (ready > RELAY_FRAMES / 4)
            ready = RELAY_FRAMES / 4;
        for (uint64_t i = 0; i < ready; i++, at++)
            self->user.frame(self->user.context, self->relay->frames[at % RELAY_FRAMES]);
        done_with(self, ready);
    }
    self->user.finish(self->user.context);
}

/* Done with what was before, be it only the start. */
static void wait_for_work(struct relay_thread *self)
{
    struct relay *relay = self->relay;

    pthread_mutex_lock(&relay->lock);
    self->at_work = false;
    pthread_cond_signal(&relay->freed);
    while (!self->at_work)
        pthread_cond_wait(&relay->changed, &relay->lock);
    pthread_mutex_unlock(&relay->lock);
}

static void *run(void *argument)
{
    struct relay_thread *self = argument;

    dsp_flush_tiny_numbers();
    for (;;) {
        wait_for_work(self);
        do_work(self);
    }
    return NULL;
}

static bool is_at_work(const struct relay *relay)
{
    for (size_t i = 0; i < RELAY_USERS; i++)
        if (relay->users[i].at_work)
            return true;
    return false;
}

static void wait_until_all_rest(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    while (is_at_work(relay))
        pthread_cond_wait(&relay->freed, &relay->lock);
    pthread_mutex_unlock(&relay->lock);
}

bool relay_open(struct relay *relay, const struct av *av)
{
    *relay = (struct relay){.av = av};
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->changed, NULL);
    pthread_cond_init(&relay->freed, NULL);
    for (size_t i = 0; i < RELAY_FRAMES; i++)
        if (!(relay->frames[i] = av->av_frame_alloc()))
            return false;
    for (size_t i = 0; i < RELAY_USERS; i++) {
        relay->users[i].relay = relay;
        relay->users[i].at_work = true;
        if (pthread_create(&relay->users[i].thread, NULL, run, &relay->users[i]) != 0)
            return false;
    }
    wait_until_all_rest(relay);
    return true;
}

void relay_begin(struct relay *relay, const struct relay_user users[RELAY_USERS])
{
    pthread_mutex_lock(&relay->lock);
    relay->made = 0;
    relay->put = 0;
    relay->room_up_to = 0;
    relay->places = RELAY_FRAMES;
    relay->ended = false;
    for (size_t i = 0; i < RELAY_USERS; i++) {
        relay->users[i].user = users[i];
        relay->users[i].used = 0;
        relay->users[i].at_work = users[i].frame != NULL;
    }
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}

/* The users that have finished, or had nothing to do, hold nothing up. */
static uint64_t least_used(const struct relay *relay)
{
    uint64_t least = relay->made;

    for (size_t i = 0; i < RELAY_USERS; i++)
        if (relay->users[i].at_work && relay->users[i].used < least)
            least = relay->users[i].used;
    return least;
}

static void hand_on(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->made = relay->put;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}

/* All frames of a file are about as large as its largest. */
static void count_places(struct relay *relay, const AVFrame *frame)
{
    uint64_t bytes = 1;

    for (size_t i = 0; i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        bytes += frame->buf[i]->size;
    for (int i = 0; i < frame->nb_extended_buf; i++)
        bytes += frame->extended_buf[i]->size;
    if (relay->places > 2 && relay->places * bytes > RELAY_BYTES)
        relay->places = RELAY_BYTES / bytes > 2 ? RELAY_BYTES / bytes : 2;
}

/* Everything that was put has been handed on: else it would be waited for here for ever. */
static void wait_for_room(struct relay *relay)
{
    hand_on(relay);
    pthread_mutex_lock(&relay->lock);
    while (relay->made - least_used(relay) >= relay->places)
        pthread_cond_wait(&relay->freed, &relay->lock);
    relay->room_up_to = least_used(relay) + relay->places;
    pthread_mutex_unlock(&relay->lock);
}

void relay_put(struct relay *relay, AVFrame *frame)
{
    uint64_t places = relay->places;
    AVFrame *place;

    count_places(relay, frame);
    if (relay->put >= relay->room_up_to || relay->places < places)
        wait_for_room(relay);
    place = relay->frames[relay->put++ % RELAY_FRAMES];
    relay->av->av_frame_unref(place);
    relay->av->av_frame_move_ref(place, frame);
    if (relay->put - relay->made >= RELAY_BATCH)
        hand_on(relay);
}

void relay_end(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->made = relay->put;
    relay->ended = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
    wait_until_all_rest(relay);
    for (size_t i = 0; i < RELAY_FRAMES; i++)
        relay->av->av_frame_unref(relay->frames[i]);
}
