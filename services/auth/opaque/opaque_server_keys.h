/* The secrets of an OPAQUE server: the OPRF seed, from which each account's OPRF key comes, and the key pair of the
 * handshake. They live in a file of their own, never in the database: a stolen database alone then gives nothing to
 * guess passwords against. All auth processes of one server share the file. Losing it loses every login. */
#ifndef OPAQUE_SERVER_KEYS_H
#define OPAQUE_SERVER_KEYS_H

#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum { OPAQUE_SERVER_OPRF_SEED_BYTES = 64 };

struct opaque_server_keys {
    uint8_t oprf_seed[OPAQUE_SERVER_OPRF_SEED_BYTES];
    uint8_t private_key[ST_OPAQUE_KEY_BYTES];
    uint8_t public_key[ST_OPAQUE_KEY_BYTES]; /* made from private_key */
};

/* Makes a new set; two draws from `env`: 64 bytes for the OPRF seed, 32 for the key pair. Zeros on failure. */
enum st_err opaque_server_keys_generate(struct opaque_server_keys *keys, const struct st_env *env) ST_MUST_CHECK;

/* A set from its parts, which are copied. ST_EMALFORMED if the private key is no valid scalar; zeros then. */
enum st_err opaque_server_keys_init(struct opaque_server_keys *keys,
                                    const uint8_t oprf_seed[static OPAQUE_SERVER_OPRF_SEED_BYTES],
                                    const uint8_t private_key[static ST_OPAQUE_KEY_BYTES]) ST_MUST_CHECK;

/* Wipes the set. */
void opaque_server_keys_deinit(struct opaque_server_keys *keys);

/* The file: "STOPAQK1" (8) ‖ oprf_seed (64) ‖ private_key (32) ‖ SHA-256 of these 104 bytes (32). */
enum { OPAQUE_SERVER_KEYS_FILE_BYTES = 136 };

/* Writes the set to a new file, mode 0600, whole or not at all. ST_EEXISTS if there is a file already: a set of keys is
 * never overwritten. Else as st_file_write. */
enum st_err opaque_server_keys_save(const struct opaque_server_keys *keys, const char *path) ST_MUST_CHECK;

/* Reads a set. ST_EREFUSED if others than this user may read or write the file, ST_EFOREIGN if it is damaged, of
 * another kind or newer than this program; else as st_file_read_secret. Zeros on failure. */
enum st_err opaque_server_keys_load(struct opaque_server_keys *keys, const char *path) ST_MUST_CHECK;

#endif
