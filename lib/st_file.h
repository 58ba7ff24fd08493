/* Files, as a program does them that must not lose or leak anything: whole or not at all, private, bounded. */
#ifndef ST_FILE_H
#define ST_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

/* What an errno of a file operation means to us: ENOSPC, EDQUOT, EROFS and EFBIG are ST_EFULL, ENOENT and ENOTDIR
 * ST_ENOTFOUND, EEXIST ST_EEXISTS, EACCES and EPERM ST_EREFUSED, ENOMEM ST_ENOMEM, all others ST_EIO. 0 is ST_OK. */
enum st_err st_file_err(int error);

/* Appends the whole file to `out`. ST_ELIMIT if it has more than `limit` bytes or more than fit the buffer (what
 * does not stop, like a device, is found out in the reading), ST_EFOREIGN if it is a folder; else as st_file_err.
 * After an error `out` holds what it held before. */
enum st_err st_file_read(const char *path, size_t limit, struct st_buf *out) ST_MUST_CHECK;

/* The same for a secret: ST_EREFUSED unless it is a regular file or a pipe that belongs to this user or to root (for
 * root: to anybody) and gives group and others no right. The buffer grows once for all of an ordinary file; the caller
 * ends with st_buf_wipe_free. */
enum st_err st_file_read_secret(const char *path, size_t limit, struct st_buf *out) ST_MUST_CHECK;

/* Replaces or makes the file so that a crash at any moment leaves either the old contents or the new: temporary file
 * ".new-XXXXXX" in the same folder, fsync, rename, fsync of the folder. `mode` is 0600 for anything private. A symbolic
 * link of that name is replaced, not followed. ST_EFULL when the disk is; else as st_file_err. After an error the old
 * file is untouched; only if the last fsync failed, the new one stands already but may not survive a power cut:
 * ST_EUNCERTAIN. */
enum st_err st_file_write(const char *path, struct st_view contents, mode_t mode) ST_MUST_CHECK;

/* Makes a folder, mode 0700, with the parents it lacks. One that exists already is ST_OK if it is ours and closed to
 * group and others, else ST_EREFUSED; if it is no folder, ST_EEXISTS. */
enum st_err st_file_make_folder(const char *path) ST_MUST_CHECK;

/* Writes the names in a folder to the disk, after a file in it was made, renamed or removed. */
enum st_err st_file_sync_folder(const char *path) ST_MUST_CHECK;

enum { ST_FILE_FREE_TEXT_SIZE = 64 };

/* How much room there is where `path` lies (it need not exist itself), for an error's "why": "0 bytes free",
 * "412.3 MB free", "read-only", "no room for another file" (no inode left). If nobody can say: "unknown room". */
void st_file_free_text(char out[static ST_FILE_FREE_TEXT_SIZE], const char *path);

#endif
