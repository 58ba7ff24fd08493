/* Encrypted blobs as files of one folder, named by their id in hexadecimal. Ciphertext only. */
#ifndef BLOB_FOLDER_H
#define BLOB_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"

struct blob_folder;

/* `path` exists; copied. Returns new. */
enum st_err blob_folder_new(struct blob_folder **folder_r, const char *path) ST_MUST_CHECK;
/* NULL is fine; NULLs the pointer. */
void blob_folder_free(struct blob_folder **folder);

/* Reads up to *len bytes at `offset`; *len becomes what there was. ST_ENOTFOUND: no such blob. */
enum st_err blob_folder_read(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                             uint8_t *out, size_t *len) ST_MUST_CHECK;
/* Writes at `offset`, making the file (mode 0600) if it is not there. ST_EFULL: the disk is full or not writable. */
enum st_err blob_folder_write(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                              struct st_view data) ST_MUST_CHECK;
/* What was written is on disk when this returns ST_OK, its name too. */
enum st_err blob_folder_sync(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN]) ST_MUST_CHECK;
/* None is fine. */
void blob_folder_delete(struct blob_folder *folder, const uint8_t id[static ST_BLOB_ID_LEN]);

#endif
