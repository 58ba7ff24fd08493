#include "tests/contract/mailbox/failing_vfs.h"

#include <string.h>

#include <sqlite3.h>

/* The file of the system's VFS follows in memory. */
struct failing_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods;
    enum failing_call call;
    unsigned left; /* calls until one fails, 0 = not armed */
    int rc;
    bool for_good, fired;
    unsigned unsynced;
} shim;

/* The code with which this call fails, or SQLITE_OK. */
static int fate(enum failing_call call)
{
    if (shim.left == 0 || call != shim.call || --shim.left > 0)
        return SQLITE_OK;
    shim.fired = true;
    if (shim.for_good)
        shim.left = 1;
    return shim.rc;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct failing_file *)file)->real;
}

static int shim_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    int rc = fate(FAILING_READ);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xRead(real_of(file), to, len, at);
}

static int shim_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
    int rc = fate(FAILING_WRITE);
    shim.unsynced++;
    if (rc == SQLITE_OK)
        return real_of(file)->pMethods->xWrite(real_of(file), from, len, at);
    if (len > 1) /* what fails may have been done in part */
        (void)real_of(file)->pMethods->xWrite(real_of(file), from, len / 2, at);
    return rc;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = fate(FAILING_TRUNCATE);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    int rc = fate(FAILING_SYNC);
    if (rc == SQLITE_OK)
        shim.unsynced = 0;
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct failing_file *shimmed = (struct failing_file *)file;
    (void)vfs;
    shimmed->real = (sqlite3_file *)(void *)(shimmed + 1);
    int rc = shim.real->xOpen(shim.real, name, shimmed->real, flags, out_flags);
    shimmed->base.pMethods = shimmed->real->pMethods != NULL ? &shim.methods : NULL;
    return rc;
}

int failing_vfs_install(void)
{
    memset(&shim, 0, sizeof shim);
    shim.real = sqlite3_vfs_find(NULL);
    if (shim.real == NULL)
        return SQLITE_ERROR;
    /* Version 1 has no shared memory: with exclusive locking a WAL needs none. */
    shim.methods = (sqlite3_io_methods) { .iVersion = 1,
                                          .xClose = shim_close,
                                          .xRead = shim_read,
                                          .xWrite = shim_write,
                                          .xTruncate = shim_truncate,
                                          .xSync = shim_sync,
                                          .xFileSize = shim_size,
                                          .xLock = shim_lock,
                                          .xUnlock = shim_unlock,
                                          .xCheckReservedLock = shim_reserved,
                                          .xFileControl = shim_control,
                                          .xSectorSize = shim_sector,
                                          .xDeviceCharacteristics = shim_characteristics };
    shim.vfs = *shim.real;
    shim.vfs.zName = "failing";
    shim.vfs.szOsFile = (int)sizeof(struct failing_file) + shim.real->szOsFile;
    shim.vfs.xOpen = shim_open;
    shim.vfs.pNext = NULL;
    return sqlite3_vfs_register(&shim.vfs, 1);
}

void failing_vfs_remove(void)
{
    sqlite3_vfs_unregister(&shim.vfs);
}

void failing_vfs_arm(enum failing_call call, unsigned n, int rc, bool for_good)
{
    shim.call = call;
    shim.left = n;
    shim.rc = rc;
    shim.for_good = for_good;
    shim.fired = false;
}

bool failing_vfs_disarm(void)
{
    shim.left = 0;
    return shim.fired;
}

unsigned failing_vfs_unsynced(void)
{
    return shim.unsynced;
}
