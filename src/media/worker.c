/* The inside of a media process: one request after the other until the socket is closed. */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "base/clock.h"
#include "media/footprint.h"
#include "media/probe.h"
#include "media/sandbox.h"
#include "media/work_run.h"
#include "media/work_send.h"
#include "media/worker_test.h"

#define MEMORY_DEFAULT_BYTES (UINT64_C(512) << 20)
#define CPU_LIMIT_S 600
#define WORK_CPU_LIMIT_S (UINT64_C(7) * 24 * 3600) /* works have a time limit each */
#define WORK_NICENESS 5
#define CPU_RETIRE_S 300 /* a process that has worked this long makes room for a fresh one */

struct worker {
    struct work_tools tools; /* of which a process for probes has av alone */
    struct input input;
    bool testing;
    bool for_works;
};

/* What a request begins with, whichever it is. */
union request {
    uint32_t magic;
    struct media_request probe;
    struct work_request work;
};

static uint64_t memory_limit(void)
{
    const char *text = getenv("MEDIA_WORKER_MEMORY");
    uint64_t bytes;

    if (!text || !str_to_u64(str_from(text), UINT64_C(1) << 40, &bytes) || bytes == 0)
        return MEMORY_DEFAULT_BYTES;
    return bytes;
}

/* The next request and its file, -1 when there are no more. */
static int request_receive(union request *request)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = request, .iov_len = sizeof *request};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *header;
    ssize_t got;
    int fd;

    do
        got = recvmsg(MEDIA_SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || got < (ssize_t)sizeof request->magic ||
        got != (request->magic == REQUEST_MAGIC ? (ssize_t)sizeof request->probe
                                                : (ssize_t)sizeof request->work))
        return -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* Should the server be gone, nobody else ends a process that hangs. */
static void alarm_set(uint32_t limit_ms)
{
    struct itimerval timer = {.it_value.tv_sec = limit_ms ? limit_ms / 1000 + 2 : 0};

    setitimer(ITIMER_REAL, &timer, NULL);
}

static bool is_worn(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec >= CPU_RETIRE_S;
}

/* sendmsg alone is on the sandbox's list. */
static bool greet(void)
{
    uint32_t greeting = ANSWER_MAGIC;
    struct iovec part = {.iov_base = &greeting, .iov_len = sizeof greeting};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return sendmsg(MEDIA_SOCKET_FD, &message, MSG_NOSIGNAL) > 0;
}

static bool answer_send(const struct media_answer *answer, const char *metadata)
{
    struct iovec parts[] = {
        {.iov_base = (void *)answer, .iov_len = sizeof *answer},
        {.iov_base = (void *)metadata, .iov_len = answer->metadata_bytes},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = COUNT_OF(parts)};

    return sendmsg(MEDIA_SOCKET_FD, &message, MSG_NOSIGNAL) > 0;
}

static bool serve(struct worker *worker, const struct media_request *request, int fd)
{
    scoped(arena_release) struct arena *mem = arena_new();
    /* Walks stop early enough for an answer within the limit. */
    int64_t deadline_us = clock_monotonic_us() + (int64_t)request->limit_ms * 700;
    const char *reason = NULL;
    struct media_facts facts = {0};
    struct media_answer answer;
    enum answer_outcome outcome;

    input_init(&worker->input, fd, request->size_bytes, deadline_us);
    if (worker->testing)
        worker_test(&worker->input);
    outcome = probe_file(&worker->tools.av, &worker->input, mem, &facts, &reason);
    answer_fill(&answer, outcome, &facts, reason);
    if (facts.metadata_json)
        answer.metadata_bytes = (uint32_t)strlen(facts.metadata_json);
    answer.retiring = is_worn();
    return answer_send(&answer, facts.metadata_json ? facts.metadata_json : "") && !answer.retiring;
}

static bool work(struct worker *worker, const struct work_request *request, int fd)
{
    struct work_end end;

    input_init(&worker->input, fd, request->size_bytes, INT64_MAX);
    if (worker->testing)
        worker_test(&worker->input);
    work_run(&worker->tools, request, &worker->input, &end);
    if (worker->testing)
        worker_test_late(&worker->input, request->cuts);
    end.retiring = is_worn();
    work_send_end(&end);
    return !end.retiring;
}

static void run(struct worker *worker)
{
    union request request;
    bool going_on = true;
    int fd;

    while (going_on && (fd = request_receive(&request)) >= 0) {
        if (request.magic == WORK_REQUEST_MAGIC && worker->for_works) {
            alarm_set(request.work.limit_ms);
            going_on = work(worker, &request.work, fd);
        } else if (request.magic == REQUEST_MAGIC) {
            alarm_set(request.probe.limit_ms);
            going_on = serve(worker, &request.probe, fd);
        } else {
            going_on = false;
        }
        alarm_set(0);
        close(fd);
    }
}

/* Whatever a library would open on first use is opened before the sandbox shuts: the time
 * zone, jansson's random seed. Freed memory goes back to the system, since the process may rest for
 * days. */
static void settle(struct worker *worker)
{
    setenv("TZ", "UTC0", 1);
    tzset();
    json_object_seed(0);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
    worker->tools.av.av_log_set_level(AV_LOG_QUIET);
    worker->tools.av.av_max_alloc(memory_limit() / 4);
}

/* Works are nobody's hurry, and their threads cannot be started any more once the sandbox is shut.
 */
static bool prepare_for_works(struct worker *worker)
{
    struct error err;

    setpriority(PRIO_PROCESS, 0, WORK_NICENESS);
    mallopt(M_ARENA_MAX, 1);
    return chromaprint_load(&worker->tools.chromaprint, &err) &&
           relay_open(&worker->tools.relay, &worker->tools.av);
}

int media_worker_main(void)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct error err;
    bool is_apart;

    sandbox_close_files();
    if (!worker || !av_load(&worker->tools.av, &err))
        _exit(1);
    worker->testing = getenv("MEDIA_WORKER_TEST") != NULL;
    worker->for_works = getenv("MEDIA_WORKER_WORKS") != NULL;
    settle(worker);
    is_apart = sandbox_leave_namespaces();
    if (worker->for_works && !prepare_for_works(worker))
        _exit(1);
    footprint_shrink();
    if (!sandbox_enter(memory_limit(), worker->for_works ? WORK_CPU_LIMIT_S : CPU_LIMIT_S,
                       is_apart))
        _exit(1);
    if (greet())
        run(worker);
    /* No handlers at exit: what they would do is forbidden here. */
    _exit(0);
}
