#include "client/cli/account_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/paths.h"
#include "lib/st_file.h"
#include "lib/st_num.h"

enum { POLL_MS = 50, TEXT_BYTES = 512 };

/* The value of the line `key VALUE`, cut at its end, into `out`. */
static void line_value(char *out, size_t cap, const char *text, const char *key)
{
    size_t key_len = strlen(key);
    out[0] = '\0';
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (len > key_len && strncmp(text, key, key_len) == 0 && text[key_len] == ' ') {
            size_t value_len = len - key_len - 1;
            (void)snprintf(out, cap, "%.*s", (int)value_len, text + key_len + 1);
            return;
        }
        text += len + (text[len] == '\n');
    }
}

void account_lock_parse(struct account_lock_holder *holder, const char *text)
{
    char number[32];
    memset(holder, 0, sizeof *holder);
    line_value(number, sizeof number, text, "pid");
    if (st_num_parse(number, 1, INT32_MAX, &holder->pid) != ST_OK)
        holder->pid = 0;
    line_value(number, sizeof number, text, "since");
    if (st_num_parse(number, 1, INT64_MAX, &holder->since_ms) != ST_OK)
        holder->since_ms = 0;
    line_value(holder->command, sizeof holder->command, text, "command");
}

static void read_holder(struct account_lock_holder *holder, int fd)
{
    char text[TEXT_BYTES];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    account_lock_parse(holder, text);
}

static enum st_err write_holder(int fd, const char *command, int64_t now_ms)
{
    char text[TEXT_BYTES];
    int len = snprintf(text, sizeof text, "pid %ld\nsince %" PRId64 "\ncommand %.*s\n", (long)getpid(), now_ms,
                       ACCOUNT_LOCK_COMMAND_BYTES - 1, command);
    if (ftruncate(fd, 0) != 0)
        return st_file_err(errno);
    ssize_t done = pwrite(fd, text, (size_t)len, 0);
    if (done < 0)
        return st_file_err(errno);
    return done == len ? ST_OK : ST_EFULL;
}

/* Opens the file without following a link, and only if it is a plain file of this user. */
static enum st_err open_lock(int *fd_r, const char *folder, int flags)
{
    char path[PATHS_MAX];
    struct stat info;
    *fd_r = -1;
    enum st_err err = paths_join(path, folder, "lock");
    if (err != ST_OK)
        return err;
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return errno == ELOOP ? ST_EREFUSED : st_file_err(errno);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid()) {
        close(fd);
        return ST_EREFUSED;
    }
    *fd_r = fd;
    return ST_OK;
}

static void pause_a_little(void)
{
    struct timespec pause = { 0, POLL_MS * 1000000L };
    (void)nanosleep(&pause, NULL);
}

/* Tries until it has the lock, `wait_ms` are over, or a signal comes. */
static enum st_err lock_within(int fd, int64_t wait_ms)
{
    for (int64_t waited_ms = 0;; waited_ms += POLL_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return ST_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ST_EIO;
        if (waited_ms >= wait_ms)
            return ST_EUNAVAILABLE;
        pause_a_little();
    }
}

enum st_err account_lock_take(struct account_lock *lock, const char *folder, const char *command, int64_t now_ms,
                              int64_t wait_ms, struct account_lock_holder *holder)
{
    lock->fd = -1;
    memset(holder, 0, sizeof *holder);
    int fd;
    enum st_err err = open_lock(&fd, folder, O_RDWR | O_CREAT);
    if (err != ST_OK)
        return err;
    err = lock_within(fd, wait_ms);
    if (err == ST_EUNAVAILABLE)
        read_holder(holder, fd);
    if (err == ST_OK)
        err = write_holder(fd, command, now_ms);
    if (err == ST_OK)
        lock->fd = fd;
    else
        close(fd);
    return err;
}

void account_lock_release(struct account_lock *lock)
{
    if (lock->fd < 0)
        return;
    /* The file stays: removing it would let two processes lock two files of one name. It says nothing now. */
    if (ftruncate(lock->fd, 0) != 0)
        errno = 0;
    close(lock->fd);
    lock->fd = -1;
}

enum st_err account_lock_who(struct account_lock_holder *holder, const char *folder)
{
    memset(holder, 0, sizeof *holder);
    int fd;
    enum st_err err = open_lock(&fd, folder, O_RDONLY);
    if (err != ST_OK)
        return err;
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        err = ST_ENOTFOUND;
    else
        read_holder(holder, fd);
    close(fd);
    return err;
}
