/* The key slots: the small file beside the store that holds the store's key K_db, wrapped under the password
 * (CRYPTO 14 and 15). Changing the password rewrites this file and never the database; an old copy of the file
 * together with the old password therefore still opens today's database until `account passwd --rekey`.
 *
 * The file, 133 bytes, integers big-endian:
 *
 *   offset size
 *        0    1  version, 1
 *        1   16  salt
 *       17    4  m, Argon2id memory in KiB   (65,536 to 2,097,152)
 *       21    4  t, passes                   (1 to 16)
 *       25    4  p, lanes                    (1 to 16)
 *       29    8  writes: how often the file has been written, from 1
 *       37   32  wrapped K_db
 *       69   32  tag
 *      101   32  SHA-256( L("SafeTalk/1 slots") ‖ bytes 0 to 100 )
 *
 *   okm     = Argon2id(password, salt, m, t, p, 88 bytes) = enc_key(32) ‖ mac_key(32) ‖ nonce(24)
 *   wrapped = K_db xor XChaCha20(enc_key, nonce)
 *   tag     = HMAC-SHA-256(mac_key, bytes 0 to 68)     (commits to the key)
 *
 * The closing digest keeps no secret. It tells a damaged file from a mistyped password, which the tag alone cannot,
 * so that nobody types a right password again and again. Every check that needs no password comes before Argon2.
 * sodium_init has been called. */
#ifndef CLIENT_STORE_SLOTS_H
#define CLIENT_STORE_SLOTS_H

#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum {
    SLOTS_FILE_BYTES = 133,
    SLOTS_SALT_BYTES = 16,
    SLOTS_KEY_BYTES = 32,        /* K_db */
    SLOTS_PASSWORD_MAX = 1024,   /* bytes, in Unicode form NFC; the caller normalises and judges the quality */
    SLOTS_M_KIB_MIN = 64 * 1024, /* RFC 9106 section 4, second recommended option */
    SLOTS_M_KIB_MAX = 2 * 1024 * 1024,
    SLOTS_T_MAX = 16,
    SLOTS_P_MAX = 16
};

/* What one guess of the password costs. */
struct slots_cost {
    uint32_t m_kib; /* memory */
    uint32_t t;     /* passes */
    uint32_t p;     /* lanes */
};

/* 64 MiB, 3 passes, 4 lanes. */
struct slots_cost slots_cost_default(void);

/* The fields of a slot file, as read without a password. */
struct slots {
    uint8_t salt[SLOTS_SALT_BYTES];
    struct slots_cost cost;
    uint64_t writes;
    uint8_t wrapped[SLOTS_KEY_BYTES];
    uint8_t tag[32];
};

/* Reads the bytes of a slot file. ST_EFOREIGN: another length or version, or a cost outside the limits;
 * ST_EINTEGRITY: damaged. `out` is then zeroed. Needs no password and costs nothing. */
enum st_err slots_parse(struct slots *out, struct st_view file) ST_MUST_CHECK;

/* Wraps `key` under `password` with a fresh salt, as write number `writes`, and gives the file's bytes. Runs
 * Argon2id. ST_ELIMIT: a password longer than SLOTS_PASSWORD_MAX or a cost outside the limits; ST_ENOMEM. */
enum st_err slots_wrap(uint8_t out[static SLOTS_FILE_BYTES], const uint8_t key[static SLOTS_KEY_BYTES],
                       struct st_view password, const struct slots_cost *cost, uint64_t writes,
                       const struct st_env *env) ST_MUST_CHECK;

/* Unwraps K_db. Returns new in *key_r: SLOTS_KEY_BYTES in sodium_malloc memory, to be given to sodium_free; NULL on
 * failure. Runs Argon2id. ST_EREFUSED: wrong password. ST_ENOMEM: Argon2 found too little memory. */
enum st_err slots_unwrap(uint8_t **key_r, const struct slots *slots, struct st_view password) ST_MUST_CHECK;

/* Reads and parses the file at `path`. ST_ENOTFOUND: there is none; ST_EFOREIGN and ST_EINTEGRITY as slots_parse;
 * ST_EIO. */
enum st_err slots_read(struct slots *out, const char *path) ST_MUST_CHECK;

/* Puts the bytes at `path`, mode 0600, so that after a crash either the old or the new file is there, whole
 * (st_file_write; a crash may leave a `.new-XXXXXX` beside it). ST_EFULL: disk full or not writable; ST_EIO;
 * ST_EUNCERTAIN: it stands, but may not survive a power cut. */
enum st_err slots_write(const char *path, const uint8_t file[static SLOTS_FILE_BYTES]) ST_MUST_CHECK;

#endif
