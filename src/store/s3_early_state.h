/* Uploads that are sent early: what the pool and the stage's side share. Private to s3_early*.c. */
#ifndef STORE_S3_EARLY_STATE_H
#define STORE_S3_EARLY_STATE_H

#include <pthread.h>

#include "store/s3_early.h"
#include "store/s3_multipart.h"

/*
 * Under LOCK: an upload stands in the queue, once, if it is QUEUED, which is when there is a part
 * of it that may be sent now. Lists and states of all uploads of the pool are guarded by it.
 */
struct s3_early_pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* the queue is not empty, or the end has come */
    struct s3_early *first, **last;
    unsigned started, most, waiting;
    bool ending;
    pthread_t *threads;
};

enum part_state { UNSENT, BUSY, SENT };

struct s3_early {
    struct s3_early_pool *pool;
    struct arena *mem;
    struct s3_outgoing outgoing; /* as it was begun */
    uint64_t part_bytes;
    uint64_t written; /* so many bytes, from the first on; the stage's thread alone looks at it */
    bool is_spoilt;   /* likewise */
    atomic_bool stop; /* requests under way are to end */

    /* Under the pool's lock: */
    struct s3_early *next;
    bool queued;
    const char *id;       /* of the multipart upload; NULL: it has not begun */
    bool is_beginning;    /* a thread is about to */
    bool is_over;         /* the pool takes no more of it */
    bool is_ending;       /* all has come, and what is left is sent: failures count from now on */
    bool is_refused;      /* the provider does not take what is left */
    bool is_complete;     /* the object came about, or may have: nothing is given up */
    size_t ready;         /* parts of which all bytes have come */
    size_t unsent;        /* no part before this one is UNSENT */
    size_t room;          /* in the two below */
    unsigned char *parts; /* enum part_state */
    char (*etags)[S3_ETAG_SIZE];
    unsigned busy;       /* threads that are at it */
    unsigned failures;   /* of parts */
    size_t patience;     /* after a failure nothing is sent before more than so many are READY */
    struct error failed; /* why a part could not be sent, the last time */
    pthread_cond_t idle; /* BUSY has become 0 */
};

/* All below are called with the pool's lock held. */

/* The first part that has come and that nobody has sent or is sending; READY if there is none. */
size_t s3_early_next(struct s3_early *early);
/* More parts have come: so many are there now. */
void s3_early_set_ready(struct s3_early *early, size_t count);
/* Sends the next such part, with the lock let go meanwhile. False if there is none. */
bool s3_early_send_next(struct s3_early *early);
/* For who has raised BUSY. */
void s3_early_leave(struct s3_early *early);
void s3_early_wait_until_idle(struct s3_early *early);
/* Puts it in the queue, if there is something to be done, and sees that there is a thread for it.
 */
void s3_early_enqueue(struct s3_early *early);
void s3_early_dequeue(struct s3_early *early);

#endif
