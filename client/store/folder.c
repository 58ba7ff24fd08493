#include "client/store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH_MAX = 8 };

enum st_err folder_error(int error)
{
    switch (error) {
    case 0:
        return ST_OK;
    case ENOENT:
    case ENOTDIR:
        return ST_ENOTFOUND;
    case EEXIST:
        return ST_EEXISTS;
    case ENOMEM:
        return ST_ENOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
    case EACCES:
    case EPERM:
        return ST_EFULL;
    default:
        return ST_EIO;
    }
}

enum st_err folder_join(char out[static FOLDER_PATH_MAX], const char *dir, const char *name)
{
    int len = snprintf(out, FOLDER_PATH_MAX, "%s/%s", dir, name);
    if (len > 0 && len < FOLDER_PATH_MAX)
        return ST_OK;
    out[0] = '\0';
    return ST_ELIMIT;
}

static enum st_err read_all(int fd, uint8_t *out, size_t cap, size_t *len_r)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return folder_error(errno);
    if (!S_ISREG(about.st_mode))
        return ST_EFOREIGN;
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, out + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return folder_error(errno);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *len_r = len;
    return ST_OK;
}

enum st_err folder_read(const char *path, uint8_t *out, size_t cap, size_t *len_r)
{
    *len_r = 0;
    /* Not blocking: a pipe in the file's place must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return folder_error(errno);
    enum st_err err = read_all(fd, out, cap, len_r);
    close(fd);
    return err;
}

static enum st_err write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, p, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return folder_error(errno);
        p += put;
        len -= (size_t)put;
    }
    return fsync(fd) == 0 ? ST_OK : folder_error(errno);
}

/* Opens with `flags`, writes, fsyncs, closes. */
static enum st_err write_file(const char *path, int flags, const uint8_t *p, size_t len)
{
    int fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return folder_error(errno);
    enum st_err err = write_all(fd, p, len);
    if (close(fd) != 0 && err == ST_OK)
        err = folder_error(errno);
    return err;
}

enum st_err folder_sync_parent(const char *path)
{
    char dir[FOLDER_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= sizeof dir)
        return ST_ELIMIT;
    memcpy(dir, path, len);
    dir[len] = '\0';
    const char *name = slash == NULL ? "." : len == 0 ? "/" : dir;
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return folder_error(errno);
    enum st_err err = fsync(fd) == 0 ? ST_OK : folder_error(errno);
    close(fd);
    return err;
}

enum st_err folder_replace(const char *path, struct st_view bytes)
{
    char fresh[FOLDER_PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.tmp", path);
    if (len < 0 || (size_t)len >= sizeof fresh)
        return ST_ELIMIT;
    /* One that a crash left behind goes first, so that the new one is ours and has our mode. */
    enum st_err err = folder_remove(fresh);
    if (err == ST_OK)
        err = write_file(fresh, O_CREAT | O_EXCL, bytes.p, bytes.len);
    if (err == ST_OK)
        err = folder_rename(fresh, path);
    if (err != ST_OK)
        unlink(fresh);
    return err;
}

enum st_err folder_touch(const char *path)
{
    return write_file(path, O_CREAT | O_EXCL, NULL, 0);
}

bool folder_has(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

enum st_err folder_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return folder_error(errno);
    return folder_sync_parent(to);
}

enum st_err folder_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? ST_OK : folder_error(errno);
}

enum st_err folder_shred(const char *path, const uint8_t *noise, size_t len)
{
    enum st_err written = write_file(path, 0, noise, len);
    if (written == ST_ENOTFOUND)
        return ST_OK;
    enum st_err removed = folder_remove(path);
    enum st_err synced = folder_sync_parent(path);
    if (removed != ST_OK)
        return removed;
    return written != ST_OK ? written : synced;
}

static enum st_err remove_entries(int dir_fd, unsigned depth);

static enum st_err remove_entry(int dir_fd, const char *name, unsigned depth)
{
    if (unlinkat(dir_fd, name, 0) == 0)
        return ST_OK;
    if (errno != EISDIR && errno != EPERM)
        return folder_error(errno);
    if (depth >= TREE_DEPTH_MAX)
        return ST_ELIMIT;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return folder_error(errno);
    enum st_err err = remove_entries(fd, depth + 1);
    if (err == ST_OK && unlinkat(dir_fd, name, AT_REMOVEDIR) != 0)
        err = folder_error(errno);
    return err;
}

/* Takes dir_fd. */
static enum st_err remove_entries(int dir_fd, unsigned depth)
{
    DIR *dir = fdopendir(dir_fd);
    if (dir == NULL) {
        enum st_err failed = folder_error(errno);
        close(dir_fd);
        return failed;
    }
    enum st_err err = ST_OK;
    for (struct dirent *entry; err == ST_OK && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            err = remove_entry(dirfd(dir), entry->d_name, depth);
    }
    closedir(dir);
    return err;
}

enum st_err folder_remove_tree(const char *path)
{
    if (!folder_has(path))
        return ST_OK;
    return remove_entry(AT_FDCWD, path, 0);
}
