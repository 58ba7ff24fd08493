#include "tests/contract/mailbox/sqlite_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool make_in(struct sqlite_folder *folder, const char *base)
{
    int len = snprintf(folder->dir, sizeof folder->dir, "%s/mailbox-XXXXXX", base);
    if (len < 0 || (size_t)len >= sizeof folder->dir || mkdtemp(folder->dir) == NULL)
        return false;
    return (size_t)snprintf(folder->path, sizeof folder->path, "%s/mailbox.db", folder->dir) < sizeof folder->path;
}

bool sqlite_folder_make(struct sqlite_folder *folder)
{
    const char *base = getenv("TMPDIR");
    return make_in(folder, base != NULL ? base : "/tmp");
}

bool sqlite_folder_make_fast(struct sqlite_folder *folder)
{
    return make_in(folder, "/dev/shm") || sqlite_folder_make(folder);
}

void sqlite_folder_remove(const struct sqlite_folder *folder)
{
    char file[600];
    DIR *dir = opendir(folder->dir);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", folder->dir, entry->d_name);
        unlink(file);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(folder->dir);
}
