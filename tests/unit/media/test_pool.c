/* What the pool makes of processes that misbehave, and of many callers at once. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define TIMEOUT_MS 2000
#define TRIES 30

static int setup(void **state)
{
    struct fixture *fixture = fixture_new(2, TIMEOUT_MS);

    make(fixture, "sox -n -r 8000 -c 1 -b 16 good.wav synth 1 sine 440");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void goes_on_after(struct fixture *fixture, const char *magic)
{
    struct look look;

    make_file(fixture, "bad", magic, strlen(magic));
    for (int i = 0; i < TRIES; i++) {
        look = look_at(fixture, "bad");
        assert_false(look.taken);
        if (look.kind != ERR_UNAVAILABLE) /* where it has to wait for a processor */
            break;
    }
    assert_int_equal(look.kind, ERR_MEDIA_UNREADABLE);
    look = look_at(fixture, "good.wav");
    assert_true(look.taken);
    assert_int_equal(look.facts.duration_ms, 1000);
}

static void a_crash_costs_one_file(void **state)
{
    goes_on_after(*state, "AUDIOTRICKS-TEST-CRASH");
}

static void a_hang_costs_one_file(void **state)
{
    goes_on_after(*state, "AUDIOTRICKS-TEST-HANG");
}

/* Which says nothing of the file: it can be looked at again. */
static void what_waits_in_vain_is_not_refused(void **state)
{
    struct fixture *fixture = *state;
    struct look look;

    make_file(fixture, "waits", "AUDIOTRICKS-TEST-WAIT", 21);
    look = look_at(fixture, "waits");
    assert_false(look.taken);
    assert_int_equal(look.kind, ERR_UNAVAILABLE);
    assert_true(look_at(fixture, "good.wav").taken);
}

static void nothing_can_be_opened(void **state)
{
    goes_on_after(*state, "AUDIOTRICKS-TEST-OPEN");
}

static void memory_is_bounded(void **state)
{
    goes_on_after(*state, "AUDIOTRICKS-TEST-ALLOC");
}

/* Ends all children of this process, as the kernel does when memory runs out. */
static void kill_processes(void)
{
    char path[64], text[4096] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    for (char *at = text, *end; (int)strtol(at, &end, 10) > 0; at = end) {
        siginfo_t info;
        pid_t pid = (pid_t)strtol(at, NULL, 10);

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    }
}

static void a_death_at_rest_costs_no_file(void **state)
{
    struct look look = look_at(*state, "good.wav");

    assert_true(look.taken);
    kill_processes();
    look = look_at(*state, "good.wav");
    assert_true(look.taken);
    assert_int_equal(look.facts.duration_ms, 1000);
}

/* Without the variable in its environment a process has no such trapdoor. */
static void triggers_are_for_tests_alone(void **state)
{
    struct fixture *fixture = *state;
    struct media_options options = {
        .processes = 1, .memory_bytes = UINT64_C(256) << 20, .timeout_ms = 10000};
    scoped(media_pool_release) struct media_pool *pool = NULL;
    struct media_pool *first = fixture->pool;
    struct error err;
    struct look look;

    unsetenv("MEDIA_WORKER_TEST");
    assert_true(media_pool_open(&options, &pool, &err));
    setenv("MEDIA_WORKER_TEST", "1", 1);
    make_file(fixture, "bad", "AUDIOTRICKS-TEST-CRASH", 22);
    fixture->pool = pool;
    look = look_at(fixture, "bad");
    fixture->pool = first;
    assert_false(look.taken);
    assert_int_equal(look.kind, ERR_NOT_AUDIO);
}

struct caller {
    struct fixture *fixture;
    pthread_t thread;
    unsigned good;
    bool crashes;
};

static void *call_often(void *argument)
{
    struct caller *caller = argument;
    scoped(arena_release) struct arena *mem = arena_new();
    char path[128];

    snprintf(path, sizeof path, "%s/%s", caller->fixture->folder,
             caller->crashes ? "crash" : "good.wav");
    for (int i = 0; i < 20; i++) {
        scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct media_facts facts;
        struct error err;

        if (media_probe(caller->fixture->pool, fd, 1 << 20, NULL, mem, &facts, &err))
            caller->good += facts.duration_ms == 1000;
        else
            caller->good += caller->crashes && err.kind == ERR_MEDIA_UNREADABLE;
    }
    return NULL;
}

/* Eight callers, two processes, and one caller whose files kill them. */
static void callers_wait_for_their_turn(void **state)
{
    struct fixture *fixture = *state;
    struct caller callers[8] = {0};

    make_file(fixture, "crash", "AUDIOTRICKS-TEST-CRASH", 22);
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        callers[i].fixture = fixture;
        callers[i].crashes = i == 0;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].good, 20);
    }
}

static void a_program_that_cannot_run_is_told(void **state)
{
    static const char *const PROGRAMS[] = {"/nonexistent/program", "/bin/true"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(PROGRAMS); i++) {
        struct media_options options = {.program = PROGRAMS[i],
                                        .processes = 1,
                                        .memory_bytes = UINT64_C(256) << 20,
                                        .timeout_ms = 1000};
        struct media_pool *pool = NULL;
        struct error err;

        assert_false(media_pool_open(&options, &pool, &err));
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
        assert_null(pool);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_costs_one_file),
        cmocka_unit_test(a_hang_costs_one_file),
        cmocka_unit_test(what_waits_in_vain_is_not_refused),
        cmocka_unit_test(nothing_can_be_opened),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_death_at_rest_costs_no_file),
        cmocka_unit_test(triggers_are_for_tests_alone),
        cmocka_unit_test(callers_wait_for_their_turn),
        cmocka_unit_test(a_program_that_cannot_run_is_told),
    };

    FIXTURE_SERVE_AS_WORKER(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
