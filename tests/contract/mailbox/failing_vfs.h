/* An SQLite VFS around the system's own that makes the n-th call of one kind fail. */
#ifndef FAILING_VFS_H
#define FAILING_VFS_H

#include <stdbool.h>

enum failing_call { FAILING_READ, FAILING_WRITE, FAILING_SYNC, FAILING_TRUNCATE };

/* Makes it the default VFS of this process; returns an SQLite code. */
int failing_vfs_install(void);
void failing_vfs_remove(void);

/* The n-th call of this kind from now (1 = the next) answers `rc`, and so do all later ones if `for_good`. */
void failing_vfs_arm(enum failing_call call, unsigned n, int rc, bool for_good);

/* Calls it off; whether any call was made to fail. */
bool failing_vfs_disarm(void);

/* Writes since the last sync: what a power cut would take away. */
unsigned failing_vfs_unsynced(void);

#endif
