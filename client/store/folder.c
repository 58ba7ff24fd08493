#include "client/store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/st_file.h"

enum { TREE_DEPTH_MAX = 8, SHRED_BYTES = 4096 };

enum st_err folder_error_of(enum st_err err)
{
    return err == ST_EREFUSED ? ST_EFULL : err;
}

enum st_err folder_error(int error)
{
    return folder_error_of(st_file_err(error));
}

enum st_err folder_join(char out[static FOLDER_PATH_MAX], const char *dir, const char *name)
{
    int len = snprintf(out, FOLDER_PATH_MAX, "%s/%s", dir, name);
    if (len > 0 && len < FOLDER_PATH_MAX)
        return ST_OK;
    out[0] = '\0';
    return ST_ELIMIT;
}

static enum st_err read_up_to(int fd, uint8_t *out, size_t cap, size_t *len_r)
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

enum st_err folder_read_start(const char *path, uint8_t *out, size_t cap, size_t *len_r)
{
    *len_r = 0;
    /* Not blocking: a pipe in the file's place must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return folder_error(errno);
    enum st_err err = read_up_to(fd, out, cap, len_r);
    close(fd);
    return err;
}

enum st_err folder_touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return folder_error(errno);
    close(fd);
    return ST_OK;
}

bool folder_has(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
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
    return folder_error_of(st_file_sync_folder(name));
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

/* Writes zeros over the file's bytes. */
static enum st_err overwrite(int fd)
{
    static const uint8_t zeros[SHRED_BYTES];
    struct stat about;
    if (fstat(fd, &about) != 0)
        return folder_error(errno);
    size_t len = about.st_size < SHRED_BYTES ? (size_t)about.st_size : SHRED_BYTES;
    ssize_t put = pwrite(fd, zeros, len, 0);
    if (put < 0 || (size_t)put != len)
        return put < 0 ? folder_error(errno) : ST_EFULL;
    return fsync(fd) == 0 ? ST_OK : folder_error(errno);
}

enum st_err folder_shred(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ST_OK;
    enum st_err err = fd < 0 ? folder_error(errno) : overwrite(fd);
    if (fd >= 0)
        close(fd);
    /* It goes even if it could not be overwritten. */
    enum st_err removed = folder_remove(path);
    return removed != ST_OK ? removed : err;
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

enum st_err folder_each(const char *path, const char *beginning, folder_fn fn, void *ctx)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return folder_error(errno);
    enum st_err err = ST_OK;
    for (struct dirent *entry; err == ST_OK && (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
            err = fn(ctx, entry->d_name);
    }
    closedir(dir);
    return err;
}
