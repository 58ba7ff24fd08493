#include "services/allinone/daemon_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/st_file.h"
#include "lib/st_hex.h"
#include "lib/st_num.h"

enum { KEY_TEXT_LEN = 2 * DAEMON_KEY_LEN + 1 /* hex and a newline */, PID_TEXT_MAX = 32 };

void daemon_dir_path(char out[static DAEMON_PATH_MAX], const char *dir, enum daemon_file file)
{
    static const char *const names[] = {
        [DAEMON_CONFIG_FILE] = "safetalkd.conf",
        [DAEMON_ENROL_KEY] = "enrol.key",
        [DAEMON_DEVICE_KEY] = "device.key",
        [DAEMON_OPAQUE_KEY] = "opaque.key",
        [DAEMON_AUTH_DB] = "auth.db",
        [DAEMON_MAILBOX_DB] = "mailbox.db",
        [DAEMON_BLOBS] = "blobs",
        [DAEMON_FIRST_INVITE] = "first-invite",
        [DAEMON_LOCK] = "lock",
    };
    int len = snprintf(out, DAEMON_PATH_MAX, "%s/%s", dir, names[file]);
    if (len < 0 || len >= DAEMON_PATH_MAX)
        out[0] = '\0'; /* such a name was refused before */
}

enum st_err daemon_dir_check(const char *dir, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    if (strlen(dir) > DAEMON_DIR_MAX) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "the name of the folder is too long");
        daemon_error_why(error, "--dir takes at most %d bytes", (int)DAEMON_DIR_MAX);
        daemon_error_next(error, "cd there, then safetalkd run --dir .");
        return ST_EMALFORMED;
    }
    daemon_dir_path(path, dir, DAEMON_CONFIG_FILE);
    if (access(path, F_OK) == 0)
        return ST_OK;
    if (errno == EACCES) {
        daemon_error_file(error, ST_EREFUSED, dir, "opened", dir);
        return ST_EREFUSED;
    }
    daemon_error_what(error, ST_EXIT_USAGE, "no_server", "there is no server in %s", dir);
    daemon_error_why(error, "%s does not exist", path);
    daemon_error_next(error, "safetalkd init --dir %s", dir);
    return ST_ENOTFOUND;
}

enum st_err daemon_dir_make_key(const char *dir, enum daemon_file file, uint8_t public_key[static DAEMON_KEY_LEN],
                                struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX], text[KEY_TEXT_LEN + 1];
    uint8_t secret_key[DAEMON_KEY_LEN];
    daemon_dir_path(path, dir, file);
    enum st_err err = crypto_box_keypair(public_key, secret_key) == 0 ? ST_OK : ST_EIO;
    st_hex_encode(text, secret_key, sizeof secret_key);
    text[KEY_TEXT_LEN - 1] = '\n';
    if (err == ST_OK)
        err = st_file_write(path, st_view(text, KEY_TEXT_LEN), 0600);
    sodium_memzero(secret_key, sizeof secret_key);
    sodium_memzero(text, sizeof text);
    if (err != ST_OK)
        daemon_error_file(error, err, path, "written", dir);
    return err;
}

enum st_err daemon_dir_read_key(const char *dir, enum daemon_file file, uint8_t public_key[static DAEMON_KEY_LEN],
                                uint8_t secret_key[static DAEMON_KEY_LEN], struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    struct st_buf text;
    memset(public_key, 0, DAEMON_KEY_LEN);
    memset(secret_key, 0, DAEMON_KEY_LEN);
    daemon_dir_path(path, dir, file);
    st_buf_init(&text, KEY_TEXT_LEN);
    enum st_err err = st_file_read_secret(path, KEY_TEXT_LEN, &text);
    if (err == ST_ELIMIT)
        err = ST_EFOREIGN;
    if (err == ST_OK && (text.len != KEY_TEXT_LEN || text.p[KEY_TEXT_LEN - 1] != '\n'))
        err = ST_EFOREIGN;
    if (err == ST_OK) {
        text.p[KEY_TEXT_LEN - 1] = '\0';
        if (st_hex_decode(secret_key, DAEMON_KEY_LEN, (const char *)text.p) != ST_OK ||
            sodium_is_zero(secret_key, DAEMON_KEY_LEN) || crypto_scalarmult_base(public_key, secret_key) != 0)
            err = ST_EFOREIGN;
    }
    st_buf_wipe_free(&text);
    if (err != ST_OK)
        daemon_error_file(error, err, path, "read", dir);
    return err;
}

/* ---- the first invite: code and expiry, one line each ---- */

enum st_err daemon_dir_write_invite(const char *dir, const struct st_invite *invite, int64_t expires_ms,
                                    struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX], code[ST_INVITE_TEXT_BYTES], text[ST_INVITE_TEXT_BYTES + ST_NUM_TEXT_SIZE];
    daemon_dir_path(path, dir, DAEMON_FIRST_INVITE);
    st_invite_format(code, invite);
    int len = snprintf(text, sizeof text, "%s\n%lld\n", code, (long long)expires_ms);
    enum st_err err = st_file_write(path, st_view(text, (size_t)len), 0600);
    if (err != ST_OK)
        daemon_error_file(error, err, path, "written", dir);
    return err;
}

enum st_err daemon_dir_read_invite(const char *dir, struct st_invite *invite)
{
    char path[DAEMON_PATH_MAX];
    struct st_buf text;
    memset(invite, 0, sizeof *invite);
    daemon_dir_path(path, dir, DAEMON_FIRST_INVITE);
    st_buf_init(&text, 256);
    enum st_err err = st_file_read_secret(path, 256, &text);
    if (err == ST_OK) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        err = st_invite_parse(invite, st_view(text.p, end != NULL ? (size_t)(end - text.p) : text.len));
    }
    st_buf_wipe_free(&text);
    return err;
}

void daemon_dir_remove_invite(const char *dir)
{
    char path[DAEMON_PATH_MAX];
    daemon_dir_path(path, dir, DAEMON_FIRST_INVITE);
    /* If it cannot be removed it is only shown again; the code itself is bounded by its uses and its time. */
    (void)unlink(path);
}

/* ---- the lock ---- */

static int64_t read_pid(int fd)
{
    char text[PID_TEXT_MAX] = "";
    int64_t pid = 0;
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    if (len <= 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return st_num_parse(text, 1, INT32_MAX, &pid) == ST_OK ? pid : 0;
}

/* Waits a little for a server that was just killed: its worker ends with it, but not in the same instant. */
static bool lock_patiently(int fd)
{
    enum { TRIES = 40 };
    const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

enum st_err daemon_dir_lock(const char *dir, int *fd_r, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX], text[PID_TEXT_MAX];
    daemon_dir_path(path, dir, DAEMON_LOCK);
    *fd_r = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd_r < 0) {
        enum st_err err = st_file_err(errno);
        daemon_error_file(error, err, path, "opened", dir);
        return err;
    }
    if (!lock_patiently(*fd_r)) {
        int64_t pid = read_pid(*fd_r);
        daemon_error_what(error, ST_EXIT_HELD, "held", "%s is in use", dir);
        daemon_error_why(error, "a server runs in it: pid %lld", (long long)pid);
        daemon_error_next(error, "kill %lld && safetalkd run --dir %s", (long long)pid, dir);
        close(*fd_r);
        *fd_r = -1;
        return ST_EEXISTS;
    }
    int len = snprintf(text, sizeof text, "%lld\n", (long long)getpid());
    /* The pid is for people; the lock is what counts. */
    if (ftruncate(*fd_r, 0) == 0 && pwrite(*fd_r, text, (size_t)len, 0) == len)
        return ST_OK;
    enum st_err err = st_file_err(errno);
    daemon_error_file(error, err, path, "written", dir);
    close(*fd_r);
    *fd_r = -1;
    return err;
}
