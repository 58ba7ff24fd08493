/* A server's folder (mode 0700):
 *
 *   safetalkd.conf  settings            auth.db      accounts (SQLite)
 *   enrol.key       CURVE key, secret   mailbox.db   mailboxes (SQLite), mailbox.db.count
 *   device.key      CURVE key, secret   blobs/       attachments
 *   opaque.key      OPAQUE secrets      first-invite the first code, until there is an account
 *   lock            held while a server runs; its pid
 *
 * opaque.key and the databases should be kept in different backups: with both, weak passwords can be guessed. */
#ifndef DAEMON_DIR_H
#define DAEMON_DIR_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/st_err.h"
#include "lib/st_invite.h"
#include "services/allinone/daemon_error.h"

enum { DAEMON_PATH_MAX = 1024, DAEMON_DIR_MAX = 960 /* bytes of DIR itself */, DAEMON_KEY_LEN = 32 };

enum daemon_file {
    DAEMON_CONFIG_FILE,
    DAEMON_ENROL_KEY,
    DAEMON_DEVICE_KEY,
    DAEMON_OPAQUE_KEY,
    DAEMON_AUTH_DB,
    DAEMON_MAILBOX_DB,
    DAEMON_BLOBS,
    DAEMON_FIRST_INVITE,
    DAEMON_LOCK
};

/* The path of a file in DIR. DIR has at most DAEMON_DIR_MAX bytes (daemon_dir_check). */
void daemon_dir_path(char out[static DAEMON_PATH_MAX], const char *dir, enum daemon_file file);

/* Is the name short enough, and is there a server in it (a configuration)? */
enum st_err daemon_dir_check(const char *dir, struct daemon_error *error) ST_MUST_CHECK;

/* A CURVE key pair: made and written (0600), or read. The public key is computed. `secret_key` is the caller's to
 * wipe. */
enum st_err daemon_dir_make_key(const char *dir, enum daemon_file file, uint8_t public_key[static DAEMON_KEY_LEN],
                                struct daemon_error *error) ST_MUST_CHECK;
enum st_err daemon_dir_read_key(const char *dir, enum daemon_file file, uint8_t public_key[static DAEMON_KEY_LEN],
                                uint8_t secret_key[static DAEMON_KEY_LEN], struct daemon_error *error) ST_MUST_CHECK;

/* The first invite's file. Reading gives ST_ENOTFOUND when it is gone. Removing one that is not there is fine. */
enum st_err daemon_dir_write_invite(const char *dir, const struct st_invite *invite, int64_t expires_ms,
                                    struct daemon_error *error) ST_MUST_CHECK;
enum st_err daemon_dir_read_invite(const char *dir, struct st_invite *invite) ST_MUST_CHECK;
void daemon_dir_remove_invite(const char *dir);

/* Takes the folder for this process and those that it forks, until all of them have ended. ST_EEXISTS: another server
 * runs in it; the error names its pid. *fd_r stays open for ever. */
enum st_err daemon_dir_lock(const char *dir, int *fd_r, struct daemon_error *error) ST_MUST_CHECK;

#endif
