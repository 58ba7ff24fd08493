/* Durable work with the few plain files of an account's folder. Paths are UTF-8 as the system takes them. */
#ifndef CLIENT_STORE_FOLDER_H
#define CLIENT_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum { FOLDER_PATH_MAX = 4096 /* bytes with the NUL */ };

/* The error that an errno of the file system means: ENOENT is ST_ENOTFOUND, EEXIST ST_EEXISTS, everything that says
 * "full" or "not writable" ST_EFULL, the rest ST_EIO. */
enum st_err folder_error(int error);

/* Joins `dir`, a slash and `name`. ST_ELIMIT: too long. */
enum st_err folder_join(char out[static FOLDER_PATH_MAX], const char *dir, const char *name) ST_MUST_CHECK;

/* Reads at most `cap` bytes from the beginning. A folder, or anything that is not a plain file, is ST_EFOREIGN. */
enum st_err folder_read(const char *path, uint8_t *out, size_t cap, size_t *len_r) ST_MUST_CHECK;

/* Puts `bytes` at `path`, mode 0600, so that after a crash either the old or the new file is there, whole: `path.tmp`,
 * fsync, rename, fsync of the folder. */
enum st_err folder_replace(const char *path, struct st_view bytes) ST_MUST_CHECK;

/* Makes an empty file, mode 0600. ST_EEXISTS. */
enum st_err folder_touch(const char *path) ST_MUST_CHECK;

bool folder_has(const char *path);

/* Renames within a folder, then fsyncs the folder. */
enum st_err folder_rename(const char *from, const char *to) ST_MUST_CHECK;

/* fsyncs the folder that `path` lies in. */
enum st_err folder_sync_parent(const char *path) ST_MUST_CHECK;

/* Removes a file; none is fine. Not durable before folder_sync_parent. */
enum st_err folder_remove(const char *path) ST_MUST_CHECK;

/* Overwrites a file in place with the `len` bytes, fsyncs, removes it, fsyncs the folder; none is fine. What the disk
 * keeps of the old blocks is its own affair. */
enum st_err folder_shred(const char *path, const uint8_t *noise, size_t len) ST_MUST_CHECK;

/* Removes a folder with all that is in it (at most 8 deep, links are not followed); none is fine. */
enum st_err folder_remove_tree(const char *path) ST_MUST_CHECK;

#endif
