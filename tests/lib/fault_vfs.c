#include "fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

static struct {
    sqlite3_vfs *real;
    atomic_uint operations; /* a set of enum fault_operations; 0: disarmed */
    atomic_int left;        /* operations until the one that fails */
    atomic_int code;
    atomic_bool lasting;
    atomic_bool fired;
} disk;

/* The ordinary VFS's file lies behind it in the same memory. */
struct fault_file {
    sqlite3_file base;
    void *real[]; /* SQLite aligns files by 8 */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)((struct fault_file *)file)->real;
}

/* The code to fail with, or SQLITE_OK. */
static int fault(enum fault_operations operation)
{
    if (!(atomic_load(&disk.operations) & operation))
        return SQLITE_OK;
    int left = atomic_fetch_sub(&disk.left, 1) - 1;
    if (left > 0 || (left < 0 && !atomic_load(&disk.lasting)))
        return SQLITE_OK;
    atomic_store(&disk.fired, true);
    return atomic_load(&disk.code);
}

/* ---- what may fail ---- */

static int file_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    int code = fault(FAULT_READS);

    return code ? code : real_of(file)->pMethods->xRead(real_of(file), out, amount, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    int code = fault(FAULT_WRITES);

    return code ? code : real_of(file)->pMethods->xWrite(real_of(file), bytes, amount, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = fault(FAULT_WRITES);

    return code ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    int code = fault(FAULT_WRITES);

    return code ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    int code = extend ? fault(FAULT_WRITES) : SQLITE_OK;

    return code ? code : real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

/* ---- what is only handed on ---- */

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    file->pMethods = NULL;
    int code = fault(FAULT_OPENS);
    if (!code)
        code = disk.real->xOpen(disk.real, name, real_of(file), flags, out);
    if (!code)
        file->pMethods = &file_methods;
    return code;
}

/* ---- arming ---- */

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;

    sqlite3_initialize();
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.xOpen = fault_open;
    vfs.szOsFile = disk.real->szOsFile + (int)sizeof(struct fault_file);
    sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_arm(unsigned operations, unsigned nth, int code, bool lasting)
{
    atomic_store(&disk.operations, 0);
    atomic_store(&disk.left, (int)nth);
    atomic_store(&disk.code, code);
    atomic_store(&disk.lasting, lasting);
    atomic_store(&disk.fired, false);
    atomic_store(&disk.operations, operations);
}

bool fault_vfs_disarm(void)
{
    atomic_store(&disk.operations, 0);
    return atomic_load(&disk.fired);
}
