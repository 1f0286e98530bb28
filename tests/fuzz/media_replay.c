/*
 * Runs a fuzz target over seed files and over changed copies of them, the same ones every time: so
 * that each test run exercises the target without a fuzzing engine. With one, link the target
 * alone.
 *
 *   TARGET [-n CHANGES] FILE…
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scoped.h"

#define SEED_MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state = 1;

static uint32_t chance(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* An exact copy, so that the sanitizer sees a read past its end. */
static void run(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length + (length == 0));

    if (!exact)
        abort();
    memcpy(exact, bytes, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static size_t change(uint8_t *bytes, size_t length)
{
    static const uint8_t EXTREMES[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    size_t at = chance((uint32_t)length);
    size_t run_length = 1 + chance(8);

    switch (chance(4)) {
    case 0:
        bytes[at] = (uint8_t)chance(256);
        return length;
    case 1:
        for (size_t i = at; i < length && i < at + run_length; i++)
            bytes[i] = EXTREMES[chance(sizeof EXTREMES)];
        return length;
    case 2:
        return chance(4) == 0 ? at + 1 : length;
    default:
        if (run_length > length - at)
            return length;
        memmove(bytes + at, bytes + at + run_length, length - at - run_length);
        return length > run_length ? length - run_length : 1;
    }
}

static bool replay(const char *path, unsigned changes)
{
    static uint8_t seed[SEED_MAX_BYTES];
    static uint8_t changed[SEED_MAX_BYTES];
    FILE *file = fopen(path, "re");
    size_t length;

    if (!file)
        return false;
    length = fread(seed, 1, sizeof seed, file);
    fclose(file);
    run(seed, length);
    for (unsigned i = 0; i < changes && length > 0; i++) {
        size_t now = length;

        memcpy(changed, seed, length);
        for (unsigned times = 1 + chance(6); times > 0; times--)
            now = change(changed, now);
        run(changed, now);
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned changes = 1000;
    int option;

    while ((option = getopt(argc, argv, "n:")) == 'n')
        changes = (unsigned)atoi(optarg);
    for (int i = optind; i < argc; i++)
        if (!replay(argv[i], changes)) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    printf("%d seeds, %u changes of each\n", argc - optind, changes);
    return optind < argc ? 0 : 1;
}
