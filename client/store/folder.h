/* The few plain files of an account's folder: what lib/st_file.h does not have. Errors are those of folder_error. */
#ifndef CLIENT_STORE_FOLDER_H
#define CLIENT_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum { FOLDER_PATH_MAX = 4096 /* bytes with the NUL */ };

/* As st_file_err, but what may not be read or written is ST_EFULL ("full or not writable"): in the store, ST_EREFUSED
 * is a wrong password. */
enum st_err folder_error(int error);

/* The same for a code that a call of lib/st_file.h gave. */
enum st_err folder_error_of(enum st_err err);

/* Joins `dir`, a slash and `name`. ST_ELIMIT: too long. */
enum st_err folder_join(char out[static FOLDER_PATH_MAX], const char *dir, const char *name) ST_MUST_CHECK;

/* Reads the first `cap` bytes, or fewer if there are fewer. ST_EFOREIGN: not a plain file. */
enum st_err folder_read_start(const char *path, uint8_t *out, size_t cap, size_t *len_r) ST_MUST_CHECK;

/* Makes an empty file, mode 0600. ST_EEXISTS. */
enum st_err folder_touch(const char *path) ST_MUST_CHECK;

/* Anything of that name is there. */
bool folder_has(const char *path);

/* Renames within a folder, durably. */
enum st_err folder_rename(const char *from, const char *to) ST_MUST_CHECK;

/* Writes the names in the folder that `path` lies in to the disk. */
enum st_err folder_sync_parent(const char *path) ST_MUST_CHECK;

/* Removes a file; none is fine. Not durable before folder_sync_parent. */
enum st_err folder_remove(const char *path) ST_MUST_CHECK;

/* Overwrites a file in place with as many zeros as it has bytes (at most 4,096), fsyncs and removes it; none is fine.
 * What the disk keeps of the old blocks is its own affair. */
enum st_err folder_shred(const char *path) ST_MUST_CHECK;

/* Removes a folder with all that is in it (at most 8 deep, links are not followed); none is fine. */
enum st_err folder_remove_tree(const char *path) ST_MUST_CHECK;

/* Tells `fn` the name of everything in the folder that begins with `beginning`. */
typedef enum st_err (*folder_fn)(void *ctx, const char *name);
enum st_err folder_each(const char *path, const char *beginning, folder_fn fn, void *ctx) ST_MUST_CHECK;

#endif
