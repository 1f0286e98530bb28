/*
 * Durable row inserts a second through database_write, at 1, 8 and 64 callers, with the waits of
 * single callers. Usage: db_writes FOLDER [SECONDS]; FOLDER lies on the disk to be measured.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/driver.h"

#define CALLERS_MOST 64
#define WAITS_MOST (1 << 20)

extern const struct sql_set sql_set_shelf;

struct bench {
    struct database *database;
    int64_t until_us;
    atomic_llong next_id;
    atomic_uint count;
    atomic_uint failed;
    int32_t *waits_us; /* WAITS_MOST of them */
};

/* A row about as long as a catalog's. */
static bool add_row(struct db *tx, void *context, struct error *err)
{
    struct bench *bench = context;
    int64_t id = atomic_fetch_add(&bench->next_id, 1);
    struct uuid mark = {{(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16)}};
    char words[200];

    snprintf(words, sizeof words, "uploads/somebody/2026/11/24/%020lld-a-name-of-a-file.flac",
             (long long)id);
    return db_execute(tx, SQL_SAMPLE_ADD,
                      DB_ARGS(db_int(id), db_int(id), db_milli(id), db_text(words), db_uuid(mark),
                              db_time(id), db_bool(true), db_bytes(words, 64)),
                      NULL, err);
}

static void *call(void *context)
{
    struct bench *bench = context;

    for (int64_t now = clock_monotonic_us(); now < bench->until_us;) {
        struct error err;
        if (!database_write(bench->database, add_row, bench, &err))
            atomic_fetch_add(&bench->failed, 1);
        int64_t done = clock_monotonic_us();
        unsigned index = atomic_fetch_add(&bench->count, 1);
        if (index < WAITS_MOST)
            bench->waits_us[index] = (int32_t)(done - now);
        now = done;
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void report(struct bench *bench, unsigned callers, int64_t took_us)
{
    unsigned count = atomic_load(&bench->count);
    unsigned kept = count < WAITS_MOST ? count : WAITS_MOST;

    qsort(bench->waits_us, kept, sizeof *bench->waits_us, by_size);
    printf("| %u | %.0f | %.2f | %.2f | %.2f | %u |\n", callers,
           (double)count * (double)US_PER_S / (double)took_us, bench->waits_us[kept / 2] / 1000.0,
           bench->waits_us[kept - 1 - kept / 100] / 1000.0, bench->waits_us[kept - 1] / 1000.0,
           atomic_load(&bench->failed));
}

static void measure(struct bench *bench, unsigned callers, int64_t seconds)
{
    pthread_t threads[CALLERS_MOST];
    int64_t start_us = clock_monotonic_us();

    bench->until_us = start_us + seconds * US_PER_S;
    atomic_store(&bench->count, 0);
    for (unsigned i = 0; i < callers; i++)
        pthread_create(&threads[i], NULL, call, bench);
    for (unsigned i = 0; i < callers; i++)
        pthread_join(threads[i], NULL);
    report(bench, callers, clock_monotonic_us() - start_us);
}

static void remove_database(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

int main(int argc, char **argv)
{
    static const unsigned callers[] = {1, 8, CALLERS_MOST};
    struct bench bench = {0};
    char url[4096];
    struct error err;

    if (argc < 2) {
        fprintf(stderr, "usage: db_writes FOLDER [SECONDS]\n");
        return 2;
    }
    snprintf(url, sizeof url, "sqlite:%s/db_writes.db", argv[1]);
    remove_database(url + strlen("sqlite:"));
    struct database_options options = {.url = url, .readers = 1, .busy_ms = 1000};
    if (!database_open_set(&options, &sql_set_shelf, DATABASE_CREATE, &bench.database, &err)) {
        fprintf(stderr, "db_writes: %s\n", err.log);
        return 1;
    }
    bench.waits_us = calloc(WAITS_MOST, sizeof *bench.waits_us);
    if (!bench.waits_us)
        abort();
    printf("| callers | inserts/s | median ms | p99 ms | worst ms | failed |\n|-|-|-|-|-|-|\n");
    for (size_t i = 0; i < COUNT_OF(callers); i++)
        measure(&bench, callers[i], argc > 2 ? atoi(argv[2]) : 3);
    free(bench.waits_us);
    database_free(bench.database);
    remove_database(url + strlen("sqlite:"));
    return 0;
}
