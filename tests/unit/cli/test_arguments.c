/* The parser of the command line, its hints, and the exit codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/configuration.h"
#include "cli/hint.h"
#include "cli/lookup.h"

static enum cli_exit run_nothing(struct invocation *in)
{
    (void)in;
    return CLI_OK;
}

static const struct command_option copy_options[] = {
    {"force", 'f', NULL, "replace"},     {"quiet", 'q', NULL, "say nothing"},
    {"output", 'o', "FILE", "where to"}, {"mode", 0, "fast|safe", "how"},
    {"count", 'n', "N", "how many"},     {0},
};
static const struct command copy = {
    .name = "copy",
    .summary = "copy things",
    .usage = "FROM [TO]",
    .options = copy_options,
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run_nothing,
};
static const struct command server = {
    .name = "server", .takes = TAKES_CONFIGURATION, .run = run_nothing};
static const struct command list = {.name = "ls", .run = run_nothing};
static const struct command add = {.name = "add", .run = run_nothing};
static const struct command things = {
    .name = "things", .children = (const struct command *const[]){&list, &add, NULL}};
static const struct command secret = {.name = "secret", .hidden = true, .run = run_nothing};
static const struct program program = {
    .name = "p", .commands = (const struct command *const[]){&copy, &things, &secret, NULL}};

struct reading {
    struct arena *mem;
    struct config *config;
    struct invocation in;
    struct error err;
};

static int start(void **state)
{
    struct reading *reading = calloc(1, sizeof *reading);

    reading->mem = arena_new();
    *state = reading;
    return 0;
}

static int stop(void **state)
{
    struct reading *reading = *state;

    config_free(reading->config);
    arena_free(reading->mem);
    free(reading);
    return 0;
}

static bool read_as(struct reading *reading, const struct command *command, const char **words)
{
    size_t count = 0;

    while (words[count])
        count++;
    reading->in = (struct invocation){.program = &program,
                                      .command = command,
                                      .path = command->name,
                                      .mem = reading->mem,
                                      .config = reading->config};
    return arguments_read(&reading->in, (char **)words, count, &reading->err);
}
#define READ(...) read_as(reading, &copy, (const char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void options_stand_anywhere(void **state)
{
    struct reading *reading = *state;

    assert_true(READ("a", "--output", "x", "-f", "b", "--json"));
    assert_int_equal(reading->in.argument_count, 2);
    assert_string_equal(reading->in.arguments[0], "a");
    assert_string_equal(reading->in.arguments[1], "b");
    assert_string_equal(option_text(&reading->in, "output"), "x");
    assert_true(option_given(&reading->in, "force"));
    assert_false(option_given(&reading->in, "quiet"));
    assert_true(reading->in.json);
}

static void values_are_read_in_every_form(void **state)
{
    struct reading *reading = *state;

    assert_true(READ("a", "--output=x=y"));
    assert_string_equal(option_text(&reading->in, "output"), "x=y");
    assert_true(READ("a", "-ox"));
    assert_string_equal(option_text(&reading->in, "output"), "x");
    assert_true(READ("a", "-fqo", "x"));
    assert_string_equal(option_text(&reading->in, "output"), "x");
    assert_true(option_given(&reading->in, "force") && option_given(&reading->in, "quiet"));
    assert_true(READ("a", "--output", "-", "-o", "--force"));
    assert_string_equal(option_text(&reading->in, "output"), "--force"); /* the last one wins */
    assert_true(READ("a", "--output="));
    assert_string_equal(option_text(&reading->in, "output"), "");
}

static void dashes_end_options(void **state)
{
    struct reading *reading = *state;

    assert_true(READ("--", "--force", "-f"));
    assert_int_equal(reading->in.argument_count, 2);
    assert_false(option_given(&reading->in, "force"));
    assert_true(READ("-"));
    assert_string_equal(reading->in.arguments[0], "-");
}

static void expect_refusal(struct reading *reading, bool accepted, const char *words)
{
    assert_false(accepted);
    assert_int_equal(reading->err.kind, ERR_INVALID);
    if (!strstr(reading->err.log, words))
        fail_msg("\"%s\" does not say \"%s\"", reading->err.log, words);
}

static void refusals_say_what_is_wrong(void **state)
{
    struct reading *reading = *state;

    expect_refusal(reading, READ("a", "--forse"), "did you mean --force?");
    expect_refusal(reading, READ("a", "--outptu=x"), "did you mean --output?");
    expect_refusal(reading, READ("a", "--jsno"), "did you mean --json?");
    expect_refusal(reading, READ("a", "--zebra"), "unknown option --zebra");
    assert_null(strstr(reading->err.log, "mean"));
    expect_refusal(reading, READ("a", "-z"), "unknown option -z");
    expect_refusal(reading, READ("a", "--output"), "needs a value: FILE");
    expect_refusal(reading, READ("a", "-o"), "needs a value: FILE");
    expect_refusal(reading, READ("a", "--force=1"), "takes no value");
    expect_refusal(reading, READ("a", "--mode", "slow"), "one of fast|safe");
    expect_refusal(reading, READ("a", "--mode", "fast|safe"), "one of fast|safe");
    expect_refusal(reading, READ(), "something is missing");
    expect_refusal(reading, READ("a", "b", "c"), "\"c\" is one argument too many");
}

static void help_needs_no_arguments(void **state)
{
    struct reading *reading = *state;

    assert_true(READ("--help"));
    assert_true(READ("-h"));
    assert_true(option_given(&reading->in, "help"));
}

static void counts_are_checked(void **state)
{
    struct reading *reading = *state;
    uint64_t count = 0;

    assert_true(READ("a"));
    assert_true(option_count(&reading->in, "count", 4, 1, 10, &count, &reading->err));
    assert_int_equal(count, 4);
    assert_true(READ("a", "-n", "10"));
    assert_true(option_count(&reading->in, "count", 4, 1, 10, &count, &reading->err));
    assert_int_equal(count, 10);
    static const char *const wrong[] = {"0", "11", "-1", "x", "", "1.5", "99999999999999999999"};

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_true(READ("a", "--count", wrong[i]));
        expect_refusal(reading,
                       option_count(&reading->in, "count", 4, 1, 10, &count, &reading->err),
                       "from 1 to 10");
    }
}

static void configuration_flags_are_taken(void **state)
{
    struct reading *reading = *state;

    reading->config = configuration_new();
    assert_true(read_as(reading, &server,
                        (const char *[]){"--listen", "127.0.0.1:1", "--uploads-accept=any",
                                         "--config", "f", "--json", NULL}));
    assert_string_equal(config_text(reading->config, "server", "listen"), "127.0.0.1:1");
    assert_string_equal(config_text(reading->config, "uploads", "accept"), "any");
    assert_string_equal(option_text(&reading->in, "config"), "f");
    expect_refusal(reading,
                   read_as(reading, &server, (const char *[]){"--uploads-acept", "any", NULL}),
                   "did you mean --uploads-accept?");
}

static void commands_are_found(void **state)
{
    struct reading *reading = *state;
    const struct command *command = NULL;
    const char *path = NULL;
    size_t used = 0;

    assert_true(lookup_command(&program, (char *[]){"things", "add", "x"}, 3, reading->mem,
                               &command, &path, &used, &reading->err));
    assert_ptr_equal(command, &add);
    assert_string_equal(path, "things add");
    assert_int_equal(used, 2);
    assert_true(lookup_command(&program, (char *[]){"things", "--json"}, 2, reading->mem, &command,
                               &path, &used, &reading->err));
    assert_ptr_equal(command, &things);
    assert_true(lookup_command(&program, (char *[]){"secret"}, 1, reading->mem, &command, &path,
                               &used, &reading->err));
    expect_refusal(reading,
                   lookup_command(&program, (char *[]){"cpoy"}, 1, reading->mem, &command, &path,
                                  &used, &reading->err),
                   "did you mean \"copy\"?");
    expect_refusal(reading,
                   lookup_command(&program, (char *[]){"things", "ad"}, 2, reading->mem, &command,
                                  &path, &used, &reading->err),
                   "did you mean \"things add\"?");
    expect_refusal(reading,
                   lookup_command(&program, (char *[]){"secre"}, 1, reading->mem, &command, &path,
                                  &used, &reading->err),
                   "unknown command \"secre\"");
    assert_null(strstr(reading->err.log, "mean")); /* hidden commands are no suggestion */
}

static void distances_are_edits(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"upload", "upload", 0},
        {"uplaod", "upload", 1},
        {"uload", "upload", 1},
        {"uploads", "upload", 1},
        {"upl0ad", "upload", 1},
        {"ca", "abc", 3},
        {"kitten", "sitting", 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(hint_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(hint_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
    assert_int_equal(
        hint_distance("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        64);
}

static void exit_codes_follow_the_error(void **state)
{
    static const struct {
        enum error_kind kind;
        enum cli_exit code;
    } cases[] = {
        {ERR_INVALID, CLI_USAGE},         {ERR_UNAVAILABLE, CLI_UNREACHABLE},
        {ERR_TOO_MANY, CLI_UNREACHABLE},  {ERR_UNAUTHORIZED, CLI_DENIED},
        {ERR_FORBIDDEN, CLI_DENIED},      {ERR_NOT_FOUND, CLI_NOT_FOUND},
        {ERR_QUOTA_STORAGE, CLI_REFUSED}, {ERR_NOT_AUDIO, CLI_REFUSED},
        {ERR_EXISTS, CLI_REFUSED},        {ERR_DUPLICATE, CLI_REFUSED},
        {ERR_CHECKSUM, CLI_FAILED},       {ERR_INTERNAL, CLI_FAILED},
        {ERR_STORAGE_FULL, CLI_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {.kind = cases[i].kind};

        assert_int_equal(cli_exit_of(&err), cases[i].code);
    }
}

static void exit_codes_join(void **state)
{
    (void)state;
    assert_int_equal(cli_exit_join(CLI_OK, CLI_OK), CLI_OK);
    assert_int_equal(cli_exit_join(CLI_OK, CLI_REFUSED), CLI_REFUSED);
    assert_int_equal(cli_exit_join(CLI_REFUSED, CLI_OK), CLI_REFUSED);
    assert_int_equal(cli_exit_join(CLI_REFUSED, CLI_REFUSED), CLI_REFUSED);
    assert_int_equal(cli_exit_join(CLI_REFUSED, CLI_NOT_FOUND), CLI_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_stand_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(values_are_read_in_every_form, start, stop),
        cmocka_unit_test_setup_teardown(dashes_end_options, start, stop),
        cmocka_unit_test_setup_teardown(refusals_say_what_is_wrong, start, stop),
        cmocka_unit_test_setup_teardown(help_needs_no_arguments, start, stop),
        cmocka_unit_test_setup_teardown(counts_are_checked, start, stop),
        cmocka_unit_test_setup_teardown(configuration_flags_are_taken, start, stop),
        cmocka_unit_test_setup_teardown(commands_are_found, start, stop),
        cmocka_unit_test(distances_are_edits),
        cmocka_unit_test(exit_codes_follow_the_error),
        cmocka_unit_test(exit_codes_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
