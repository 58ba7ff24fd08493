/* A temporary folder with one SQLite mailbox database in it. */
#ifndef SQLITE_FOLDER_H
#define SQLITE_FOLDER_H

#include <stdbool.h>

struct sqlite_folder {
    char dir[200];
    char path[240];
};

/* Makes it; false if that fails. */
bool sqlite_folder_make(struct sqlite_folder *folder);

/* The same in memory where the system has such a place, for tests that open thousands of times and need no disk. */
bool sqlite_folder_make_fast(struct sqlite_folder *folder);

/* Removes it with all files in it. */
void sqlite_folder_remove(const struct sqlite_folder *folder);

#endif
