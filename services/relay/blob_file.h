/* Attachments in a folder: the embedded server's own, or a volume that all relays share.
 *
 *   DIR/ab/abcdef…/info      owner, size, number of chunks
 *   DIR/ab/abcdef…/0000 …    one file a chunk, named by its index in hex
 *
 * A file is written under a temporary name, synced, and then given its own by a link that replaces nothing (a rename
 * where there are no links), so that a chunk is there whole or not at all, and for good. Paths are made from the hex
 * digits of the id and from nothing else. An attachment expires by the date of its folder. */
#ifndef BLOB_FILE_H
#define BLOB_FILE_H

#include "lib/st_env.h"
#include "services/relay/blob.h"

/* Opens the folder `path`, making it with mode 0700 if there is none. `env` is copied (randomness for temporary names).
 * ST_EREFUSED if others may read it, ST_EFULL, ST_ENOTFOUND (no parent). On failure *store_r is empty. */
enum st_err blob_file_open(struct blob_store *store_r, const char *path, const struct st_env *env) ST_MUST_CHECK;

#endif
