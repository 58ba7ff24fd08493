#include "client/shell/blob_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

struct blob_folder {
    int fd; /* of the folder */
};

enum { NAME_BYTES = 2 * ST_BLOB_ID_LEN + 1 };

static enum st_err from_errno(int number)
{
    switch (number) {
    case ENOENT:
        return ST_ENOTFOUND;
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EACCES:
    case EFBIG:
        return ST_EFULL;
    case ENOMEM:
        return ST_ENOMEM;
    default:
        return ST_EIO;
    }
}

enum st_err blob_folder_new(struct blob_folder **folder_r, const char *path)
{
    *folder_r = NULL;
    struct blob_folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL)
        return ST_ENOMEM;
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        enum st_err err = from_errno(errno);
        free(folder);
        return err;
    }
    *folder_r = folder;
    return ST_OK;
}

void blob_folder_free(struct blob_folder **folder)
{
    if (*folder == NULL)
        return;
    close((*folder)->fd);
    free(*folder);
    *folder = NULL;
}

static int open_blob(struct blob_folder *folder, const uint8_t *id, int flags)
{
    char name[NAME_BYTES];
    sodium_bin2hex(name, sizeof name, id, ST_BLOB_ID_LEN);
    return openat(folder->fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

enum st_err blob_folder_read(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                             uint8_t *out, size_t *len)
{
    size_t room = *len;
    *len = 0;
    int fd = open_blob(folder, id, O_RDONLY);
    if (fd < 0)
        return from_errno(errno);
    enum st_err err = ST_OK;
    while (*len < room && err == ST_OK) {
        ssize_t got = pread(fd, out + *len, room - *len, (off_t)(offset + *len));
        if (got == 0)
            break;
        if (got > 0)
            *len += (size_t)got;
        else if (errno != EINTR)
            err = from_errno(errno);
    }
    close(fd);
    return err;
}

enum st_err blob_folder_write(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                              struct st_view data)
{
    int fd = open_blob(folder, id, O_WRONLY | O_CREAT);
    if (fd < 0)
        return from_errno(errno);
    enum st_err err = ST_OK;
    size_t done = 0;
    while (done < data.len && err == ST_OK) {
        ssize_t put = pwrite(fd, data.p + done, data.len - done, (off_t)(offset + done));
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            err = from_errno(errno);
    }
    if (close(fd) != 0 && err == ST_OK)
        err = from_errno(errno);
    return err;
}

enum st_err blob_folder_sync(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN])
{
    int fd = open_blob(folder, id, O_RDONLY);
    if (fd < 0)
        return from_errno(errno);
    enum st_err err = fsync(fd) == 0 && fsync(folder->fd) == 0 ? ST_OK : from_errno(errno);
    close(fd);
    return err;
}

void blob_folder_delete(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN])
{
    char name[NAME_BYTES];
    sodium_bin2hex(name, sizeof name, id, ST_BLOB_ID_LEN);
    /* One that stays is ciphertext without a key any more, and is found by the next sweep of the folder. */
    (void)unlinkat(folder->fd, name, 0);
}
