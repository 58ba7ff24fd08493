#include "lib/st_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sodium.h>

enum { READ_CHUNK = 65536, PATH_BYTES = 4096 };

enum st_err st_file_err(int error)
{
    switch (error) {
    case 0:
        return ST_OK;
    case ENOENT:
    case ENOTDIR:
        return ST_ENOTFOUND;
    case EEXIST:
        return ST_EEXISTS;
    case EACCES:
    case EPERM:
        return ST_EREFUSED;
    case ENOMEM:
        return ST_ENOMEM;
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EFBIG:
        return ST_EFULL;
    default:
        return ST_EIO;
    }
}

/* Closes once (Linux closes the descriptor even when it reports EINTR) and keeps errno. */
static void close_quietly(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

/* Reads up to `len` bytes; less only at the end of the file. -1 with errno. */
static ssize_t read_up_to(int fd, uint8_t *to, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, to + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Appends what `fd` gives, at most `limit` bytes. The first piece has room for a file of `size` bytes, so that an
 * ordinary file makes the buffer grow once. */
static enum st_err read_all(int fd, size_t size, size_t limit, struct st_buf *out)
{
    size_t piece = size > 0 ? size : READ_CHUNK;
    for (;;) {
        size_t room = limit < out->limit - out->len ? limit : out->limit - out->len;
        size_t want = piece < room ? piece : room;
        if (want > 0) {
            uint8_t *to = st_buf_extend(out, want);
            if (to == NULL)
                return st_buf_error(out);
            ssize_t n = read_up_to(fd, to, want);
            if (n < 0)
                return st_file_err(errno);
            out->len -= want - (size_t)n;
            limit -= (size_t)n;
            if ((size_t)n < want)
                return ST_OK;
        }
        /* Full so far: is there more? */
        uint8_t next;
        ssize_t n = read_up_to(fd, &next, 1);
        if (n < 0)
            return st_file_err(errno);
        if (n == 0)
            return ST_OK;
        if (limit == 0 || st_buf_append(out, &next, 1) != ST_OK)
            return limit == 0 ? ST_ELIMIT : st_buf_error(out);
        limit--;
        piece = READ_CHUNK;
    }
}

/* Whether nobody but this user (and root) can have read or written it. */
static bool is_private(const struct stat *st)
{
    bool ours = st->st_uid == geteuid() || st->st_uid == 0 || geteuid() == 0;
    return ours && (st->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static enum st_err read_path(const char *path, size_t limit, struct st_buf *out, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return st_file_err(errno);
    size_t before = out->len;
    enum st_err before_err = st_buf_error(out);
    struct stat st;
    enum st_err err;
    if (fstat(fd, &st) != 0)
        err = st_file_err(errno);
    else if (S_ISDIR(st.st_mode))
        err = ST_EFOREIGN;
    else if (secret && (!is_private(&st) || (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))))
        err = ST_EREFUSED;
    else if (st.st_size > 0 && (uint64_t)st.st_size > limit)
        err = ST_ELIMIT;
    else
        err = read_all(fd, st.st_size > 0 ? (size_t)st.st_size : 0, limit, out);
    if (err != ST_OK && out->len > before) {
        sodium_memzero(out->p + before, out->len - before);
        out->len = before;
    }
    if (err != ST_OK)
        out->err = before_err;
    close_quietly(fd);
    return err;
}

enum st_err st_file_read(const char *path, size_t limit, struct st_buf *out)
{
    return read_path(path, limit, out, false);
}

enum st_err st_file_read_secret(const char *path, size_t limit, struct st_buf *out)
{
    return read_path(path, limit, out, true);
}

/* The folder that `path` lies in. */
static enum st_err folder_of(char out[static PATH_BYTES], const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len >= PATH_BYTES)
        return ST_EIO;
    if (len == 0) {
        memcpy(out, ".", 2);
        return ST_OK;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return ST_OK;
}

enum st_err st_file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return st_file_err(errno);
    enum st_err err = ST_OK;
    /* Some file systems have nothing to write for a folder and say EINVAL. */
    if (fsync(fd) != 0 && errno != EINVAL)
        err = st_file_err(errno);
    close_quietly(fd);
    return err;
}

static enum st_err write_all(int fd, struct st_view contents)
{
    size_t done = 0;
    while (done < contents.len) {
        ssize_t n = write(fd, contents.p + done, contents.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return st_file_err(errno);
        done += (size_t)n;
    }
    return ST_OK;
}

/* Makes the temporary file complete and durable. */
static enum st_err fill_temporary(int fd, struct st_view contents, mode_t mode)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return st_file_err(errno);
    enum st_err err = write_all(fd, contents);
    if (err == ST_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        err = st_file_err(errno);
    return err;
}

enum st_err st_file_write(const char *path, struct st_view contents, mode_t mode)
{
    char folder[PATH_BYTES];
    char temporary[PATH_BYTES];
    enum st_err err = folder_of(folder, path);
    if (err != ST_OK)
        return err;
    int len = snprintf(temporary, sizeof temporary, "%s/.new-XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof temporary)
        return ST_EIO;
    int fd = mkstemp(temporary);
    if (fd < 0)
        return st_file_err(errno);
    err = fill_temporary(fd, contents, mode);
    /* Network file systems report a full disk only here. */
    if (close(fd) != 0 && err == ST_OK)
        err = st_file_err(errno);
    if (err == ST_OK && rename(temporary, path) != 0)
        err = st_file_err(errno);
    if (err != ST_OK) {
        unlink(temporary);
        return err;
    }
    return st_file_sync_folder(folder) == ST_OK ? ST_OK : ST_EUNCERTAIN;
}

/* Makes one folder, durably. ST_EEXISTS if anything has that name. */
static enum st_err make_one(const char *path)
{
    char folder[PATH_BYTES];
    enum st_err err = folder_of(folder, path);
    if (err != ST_OK)
        return err;
    if (mkdir(path, S_IRWXU) != 0)
        return st_file_err(errno);
    return st_file_sync_folder(folder);
}

enum st_err st_file_make_folder(const char *path)
{
    char part[PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return len == 0 ? ST_ENOTFOUND : ST_EIO;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        part[i] = '\0';
        struct stat there;
        enum st_err err = stat(part, &there) == 0 ? ST_OK : make_one(part);
        if (err != ST_OK && err != ST_EEXISTS)
            return err;
        part[i] = '/';
    }
    enum st_err err = make_one(path);
    if (err != ST_EEXISTS)
        return err;
    struct stat st;
    if (stat(path, &st) != 0)
        return st_file_err(errno);
    if (!S_ISDIR(st.st_mode))
        return ST_EEXISTS;
    return is_private(&st) ? ST_OK : ST_EREFUSED;
}

/* "512 bytes free", "412.3 MB free": powers of 1,000, as disks are sold. */
static void format_room(char out[static ST_FILE_FREE_TEXT_SIZE], uint64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    if (bytes < 1000) {
        snprintf(out, ST_FILE_FREE_TEXT_SIZE, "%u bytes free", (unsigned)bytes);
        return;
    }
    size_t unit = 0;
    uint64_t tenths = bytes / 100;
    for (; tenths >= 10000; unit++)
        tenths /= 1000;
    snprintf(out, ST_FILE_FREE_TEXT_SIZE, "%u.%u %s free", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
             units[unit]);
}

void st_file_free_text(char out[static ST_FILE_FREE_TEXT_SIZE], const char *path)
{
    char at[PATH_BYTES];
    struct statvfs fs;
    size_t len = strlen(path);
    memcpy(out, "unknown room", sizeof "unknown room");
    if (len >= sizeof at)
        return;
    memcpy(at, path, len + 1);
    while (statvfs(at, &fs) != 0) {
        char up[PATH_BYTES];
        if (errno != ENOENT || folder_of(up, at) != ST_OK || strcmp(up, at) == 0)
            return;
        memcpy(at, up, strlen(up) + 1);
    }
    if ((fs.f_flag & ST_RDONLY) != 0)
        memcpy(out, "read-only", sizeof "read-only");
    else if (fs.f_files > 0 && fs.f_favail == 0)
        memcpy(out, "no room for another file", sizeof "no room for another file");
    else
        format_room(out, (uint64_t)fs.f_bavail * fs.f_frsize);
}
