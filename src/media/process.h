/* One media process as its parent sees it: started, asked, killed. */
#ifndef MEDIA_PROCESS_H
#define MEDIA_PROCESS_H

#include <sys/types.h>

#include "media/protocol.h"

struct media_process {
    int pid_fd; /* -1: not running */
    pid_t pid;  /* of a child that was not waited for, while it runs */
    int socket;
};

#define MEDIA_PROCESS_NONE ((struct media_process){.pid_fd = -1, .socket = -1})

/* Runs `PROGRAM media-worker` with a socket on descriptor 3 and an environment that holds no
 * secrets. Fails with ERR_UNAVAILABLE if it cannot be started or does not greet within 30 s. */
bool process_start(struct media_process *process, const struct media_options *options,
                   struct error *err);

/* Whether it runs and is silent, as one with nothing to do must be. Neither one that has died
 * meanwhile nor one that answers what nobody asked is worth a file. */
bool process_is_at_rest(const struct media_process *process);

/* How long it has computed since it was started; 0 if that cannot be told. */
uint64_t process_cpu_ms(const struct media_process *process);

/* Kills it if it runs, and waits until it is gone. */
void process_stop(struct media_process *process);

enum process_result {
    PROCESS_ANSWERED,
    PROCESS_DIED,   /* closed the socket, crashed, or was shot by the kernel */
    PROCESS_HUNG,   /* no answer within the limit */
    PROCESS_MADNESS /* an answer that makes no sense */
};

/* Hands the LENGTH bytes of a request and FD over. */
bool process_hand_over(const struct media_process *process, const void *request, size_t length,
                       int fd);

/* Waits for a message, as long as the deadline (of the monotonic clock) permits: OUT has ROOM
 * bytes, LENGTH of which it fills. */
enum process_result process_receive(const struct media_process *process, int64_t deadline_us,
                                    void *out, size_t room, size_t *length);

/* Hands REQUEST and FD over and waits. Whatever is not PROCESS_ANSWERED calls for process_stop. */
enum process_result process_ask(struct media_process *process, const struct media_request *request,
                                int fd, struct arena *mem, struct answer_view *out);

#endif
