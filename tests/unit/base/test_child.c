/*
 * Nothing is left of what a run has started, wherever it went: in sessions of its own, adopted by
 * others, forking faster than it is killed. Programs are of the shell, and whatever they start has
 * an end of a socket as its standard input: at the other end it is seen when the last has gone.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/scoped.h"
#include "check.h"
#include "remove_tree.h"

#define WAIT_MS 120000 /* what takes no time takes long on a busy machine */
#define MIB ((uint64_t)1024 * 1024)

/* A daemon, in a session of its own and without a parent, that takes no SIGTERM; the file "up" says
 * that it is there. */
#define DAEMON                                                                                    \
    "(setsid sh -c 'trap \"\" TERM; : > up; sleep 1000; : > late' &); until [ -e up ]; do sleep " \
    "0.01; done; "

struct world {
    char folder[64];
    int ours, theirs;
    struct arena *mem;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    int pair[2];

    assert_non_null(world);
    strcpy(world->folder, "/tmp/test_child.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    world->ours = pair[0];
    world->theirs = pair[1];
    world->mem = arena_new();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    fd_close(&world->ours);
    fd_close(&world->theirs);
    remove_tree(world->folder);
    arena_free(world->mem);
    free(world);
    return 0;
}

static bool is_up(void *context)
{
    const struct world *world = context;
    char path[96];

    snprintf(path, sizeof path, "%s/up", world->folder);
    return access(path, F_OK) == 0;
}

static void run(const struct world *world, char *text, struct child_order order,
                struct child_report *out)
{
    char *arguments[] = {(char *)"/bin/sh", (char *)"-c", text, NULL};
    char *environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    struct error err;

    order.arguments = arguments;
    order.environment = environment;
    order.folder = world->folder;
    order.input = world->theirs;
    order.output_max = 1000;
    order.errors_max = 1000;
    if (order.limit_us == 0)
        order.limit_us = WAIT_MS * INT64_C(1000);
    check_ok(child_run(&order, world->mem, out, &err));
}

/* Whether nobody has the other end, within WITHIN_MS. */
static bool is_nobody_left(struct world *world, int within_ms)
{
    struct pollfd end = {.fd = world->ours};

    if (world->theirs >= 0)
        close(fd_take(&world->theirs));
    poll(&end, 1, within_ms);
    return end.revents & POLLHUP;
}

static void test_the_end_of_a_program_is_the_end_of_its_daemons(void **state)
{
    struct world *world = *state;
    struct child_report report;

    run(world, (char *)DAEMON "echo done; echo told >&2; exit 3", (struct child_order){0}, &report);
    assert_int_equal(report.end, CHILD_EXITED);
    assert_int_equal(report.code, 3);
    assert_string_equal(report.output.ptr, "done\n");
    assert_string_equal(report.errors.ptr, "told\n");
    assert_true(is_nobody_left(world, 0));
}

static void test_a_signal_that_killed_the_program_is_told(void **state)
{
    struct child_report report;

    run(*state, (char *)DAEMON "kill -USR1 $$", (struct child_order){0}, &report);
    assert_int_equal(report.end, CHILD_KILLED);
    assert_int_equal(report.code, SIGUSR1);
    assert_true(is_nobody_left(*state, 0));
}

static void test_who_takes_too_long_ends_with_its_daemons(void **state)
{
    struct child_report report;

    run(*state, (char *)DAEMON "sleep 1000", (struct child_order){.limit_us = US_PER_S / 2},
        &report);
    assert_int_equal(report.end, CHILD_TOO_LATE);
    assert_true(is_nobody_left(*state, 0));
}

static void test_who_is_unwanted_ends_with_its_daemons(void **state)
{
    struct child_report report;

    run(*state, (char *)DAEMON "sleep 1000",
        (struct child_order){.is_unwanted = is_up, .context = *state}, &report);
    assert_int_equal(report.end, CHILD_UNWANTED);
    assert_true(is_nobody_left(*state, 0));
}

/* Each goes on in a child of another session, and ends. */
static void test_who_forks_all_the_time_is_caught(void **state)
{
    struct child_report report;

    run(*state,
        (char *)"echo 'setsid sh ./comet & : > up' > comet; sh ./comet; sh ./comet; sleep 1000",
        (struct child_order){.is_unwanted = is_up, .context = *state}, &report);
    assert_int_equal(report.end, CHILD_UNWANTED);
    assert_true(is_nobody_left(*state, 0));
}

static void test_there_may_be_too_many(void **state)
{
    struct child_report report;

    run(*state, (char *)"while :; do setsid sleep 1000 & done", (struct child_order){0}, &report);
    assert_int_equal(report.end, CHILD_TOO_MANY);
    assert_true(is_nobody_left(*state, 0));
}

#define HOLD "python3 -c 'import time; x = bytearray(100 << 20); time.sleep(1000)'"

static void test_memory_counts_for_all_together(void **state)
{
    struct child_report report;

    run(*state, (char *)"setsid " HOLD " & setsid " HOLD " & " HOLD,
        (struct child_order){.memory_bytes = 250 * MIB}, &report);
    assert_int_equal(report.end, CHILD_TOO_BIG);
    assert_true(is_nobody_left(*state, 0));
}

static void test_memory_that_is_shared_counts_once(void **state)
{
    struct child_report report;

    run(*state,
        (char *)"python3 -c 'import os, time; x = bytearray(100 << 20); os.fork(); os.fork(); "
                "time.sleep(1)'",
        (struct child_order){.memory_bytes = 250 * MIB}, &report);
    assert_int_equal(report.end, CHILD_EXITED);
    assert_int_equal(report.code, 0);
}

static void test_a_program_that_is_not_there_leaves_nobody(void **state)
{
    struct world *world = *state;
    char *arguments[] = {(char *)"/nowhere/at-all", NULL}, *environment[] = {NULL};
    struct child_order order = {.arguments = arguments,
                                .environment = environment,
                                .folder = world->folder,
                                .input = world->theirs,
                                .limit_us = US_PER_S};
    struct child_report report;
    struct error err;

    check_fails(child_run(&order, world->mem, &report, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(error_detail(&err), "No such file"));
    assert_true(is_nobody_left(world, 0));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nor the guard */
}

static void test_a_killed_process_takes_all_with_it(void **state)
{
    struct world *world = *state;
    struct child_report unused;
    char said[8] = "";
    pid_t runner = fork();

    if (runner == 0) {
        close(world->ours);
        run(world, (char *)DAEMON "echo up >&0; sleep 1000", (struct child_order){0}, &unused);
        _exit(1);
    }
    close(fd_take(&world->theirs));
    assert_int_equal(read(world->ours, said, sizeof said), 3);
    kill(runner, SIGKILL);
    assert_int_equal(waitpid(runner, NULL, 0), runner);
    assert_true(is_nobody_left(world, WAIT_MS));
}

int main(void)
{
#define RUN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RUN(test_the_end_of_a_program_is_the_end_of_its_daemons),
        RUN(test_a_signal_that_killed_the_program_is_told),
        RUN(test_who_takes_too_long_ends_with_its_daemons),
        RUN(test_who_is_unwanted_ends_with_its_daemons),
        RUN(test_who_forks_all_the_time_is_caught),
        RUN(test_there_may_be_too_many),
        RUN(test_memory_counts_for_all_together),
        RUN(test_memory_that_is_shared_counts_once),
        RUN(test_a_program_that_is_not_there_leaves_nobody),
        RUN(test_a_killed_process_takes_all_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
