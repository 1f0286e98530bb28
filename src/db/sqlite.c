/* The SQLite driver: one file, one writer, a pool of readers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "db/sqlite.h"

struct sqlite_database {
    struct database base;
    struct sqlite_file file;
    struct sqlite_readers readers;
    struct sqlite_writer writer;
    char version[32];
};

static struct sqlite_database *sqlite_of(const struct database *database)
{
    return container_of(database, struct sqlite_database, base);
}

/* ---- opening ---- */

static void configure_library(void)
{
    /* Counting allocations would take one lock for all threads at each of them. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

/* "sqlite:/a/b", "sqlite:a/b" and "sqlite:///a/b". */
static bool path_of(const char *address, const char **out, struct error *err)
{
    const char *path = strncmp(address, "///", 3) == 0 ? address + 2 : address;

    if (path[0] == '\0' || path[0] == ':')
        return error_set(err, ERR_INVALID, "sqlite: the URL names no file");
    *out = path;
    return true;
}

/* Readable by its owner alone: it holds digests of tokens. O_EXCL, because closing a descriptor of
 * a file that SQLite has open would drop its locks. */
static bool make_file(const char *path, struct error *err)
{
    scoped(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0 || errno == EEXIST)
        return true;
    error_errno(err, "%s", path);
    if (err->kind == ERR_NOT_FOUND) /* its folder is missing */
        err->kind = ERR_UNAVAILABLE;
    return false;
}

static bool identify_file(struct sqlite_file *file, struct error *err)
{
    struct stat found;

    if (stat(file->path, &found) != 0)
        return error_errno(err, "%s", file->path);
    if (!S_ISREG(found.st_mode))
        return error_set(err, ERR_INVALID, "%s is not a file", file->path);
    file->device = found.st_dev;
    file->inode = found.st_ino;
    return true;
}

static void sqlite_free(struct sqlite_database *self)
{
    if (!self)
        return;
    free(self->file.path);
    free(self);
}
DEFINE_RELEASE(sqlite, struct sqlite_database)

static struct sqlite_database *sqlite_new(const struct database_options *options, const char *path,
                                          const struct sql_set *sql)
{
    struct sqlite_database *self = calloc(1, sizeof *self);
    char *copy = strdup(path);

    if (!self || !copy)
        abort();
    self->base = (struct database){.driver = &database_sqlite, .sql = sql};
    self->file = (struct sqlite_file){.path = copy, .busy_ms = (int)options->busy_ms, .sql = sql};
    snprintf(self->version, sizeof self->version, "sqlite %s", sqlite3_libversion());
    return self;
}

static bool start(struct sqlite_database *self, unsigned readers, struct sqlite_db *connection,
                  struct error *err)
{
    sqlite_readers_init(&self->readers, &self->file, readers);
    self->readers.surplus = sqlite_writer_shrink_readers;
    self->readers.surplus_context = &self->writer;
    if (sqlite_writer_start(&self->writer, &self->base, &self->file, &self->readers, connection,
                            err))
        return true;
    sqlite_readers_done(&self->readers);
    return false;
}

static bool sqlite_open(const struct database_options *options, const char *address,
                        const struct sql_set *sql, enum database_access access,
                        struct database **out, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *path = NULL;

    pthread_once(&once, configure_library);
    if (!path_of(address, &path, err))
        return false;
    scoped(sqlite_release) struct sqlite_database *self = sqlite_new(options, path, sql);
    scoped(sqlite_db_release) struct sqlite_db *connection = NULL;
    if (access == DATABASE_CREATE && !make_file(path, err))
        return false;
    if (!identify_file(&self->file, err))
        return false;
    if (access == DATABASE_CREATE &&
        !sqlite_connect(&self->file, SQLITE_MODE_WRITE, &connection, err))
        return error_context(err, "%s", path);
    if (!start(self, options->readers, take(connection), err))
        return false;
    *out = &take(self)->base;
    return true;
}

static void sqlite_close(struct database *database)
{
    struct sqlite_database *self = sqlite_of(database);

    /* The last connection to go moves the log into the file, and only the writer's can. */
    sqlite_writer_stop(&self->writer);
    sqlite_readers_done(&self->readers);
    sqlite_writer_done(&self->writer);
    sqlite_free(self);
}

static const char *sqlite_version(const struct database *database)
{
    return sqlite_of(database)->version;
}

/* ---- connections ---- */

static void sqlite_give_back(struct db *db)
{
    struct sqlite_db *connection = container_of(db, struct sqlite_db, base);
    struct error ignored; /* ends a transaction that only read */

    if (connection->in_snapshot)
        sqlite_control(connection, CONTROL_ROLLBACK, &ignored);
    connection->in_snapshot = false;
    sqlite_readers_return(&sqlite_of(db->database)->readers, connection);
}

static bool sqlite_borrow(struct database *database, bool snapshot, struct db **out,
                          struct error *err)
{
    struct sqlite_db *connection;

    if (!sqlite_readers_borrow(&sqlite_of(database)->readers, &connection, err))
        return false;
    if (snapshot && !sqlite_control(connection, CONTROL_BEGIN_READ, err)) {
        sqlite_readers_return(&sqlite_of(database)->readers, connection);
        return false;
    }
    connection->in_snapshot = snapshot;
    *out = &connection->base;
    return true;
}

static bool sqlite_write(struct database *database, db_work *work, void *context, struct error *err)
{
    return sqlite_writer_run(&sqlite_of(database)->writer, work, context, err);
}

const struct database_driver database_sqlite = {
    .scheme = "sqlite",
    .engine = SQL_ENGINE_SQLITE,
    .open = sqlite_open,
    .close = sqlite_close,
    .version = sqlite_version,
    .borrow = sqlite_borrow,
    .give_back = sqlite_give_back,
    .write = sqlite_write,
    .query = sqlite_query,
    .execute = sqlite_execute,
    .must = sqlite_must,
    .script = sqlite_script,
    .next = sqlite_next,
    .column = sqlite_column,
    .free_rows = sqlite_free_rows,
};
