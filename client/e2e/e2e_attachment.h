/* Encrypted attachments (CRYPTO 14 and 15): one random key a blob, Padmé padding, libsodium's secretstream with
 * TAG_FINAL, chunk by chunk, so that a file of 64 MiB needs the memory of one chunk.
 *
 * A blob is a run of pieces, each one chunk of the wire. Piece 0 = stream header(24) ‖ sealed chunk, the others one
 * sealed chunk each; a sealed chunk is 17 bytes longer than the 65,536 bytes (fewer in the last) that it holds, and the
 * last one carries TAG_FINAL. The plaintext is the file, then zeros up to Padmé(size); an empty file has one empty
 * chunk. The size, the key and SHA-256 of all pieces travel inside one end-to-end message (payload.h). */
#ifndef E2E_ATTACHMENT_H
#define E2E_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "client/e2e/e2e_limits.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum {
    E2E_PIECE_PLAIN = 65536, /* plaintext of one piece, padding included */
    E2E_STREAM_HEADER_BYTES = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    E2E_SEAL_BYTES = crypto_secretstream_xchacha20poly1305_ABYTES,
    E2E_PIECE_MAX = E2E_STREAM_HEADER_BYTES + E2E_PIECE_PLAIN + E2E_SEAL_BYTES, /* bytes of a piece */
    E2E_FILE_MAX = 64 * 1024 * 1024                                             /* bytes of one file */
};

/* Padmé(size): at most 12 % more, and only O(log log) of the size shows. 0 stays 0. */
uint64_t e2e_attachment_padded(uint64_t size);

/* Bytes and pieces of the blob for a file of `size` bytes (at most E2E_FILE_MAX). */
uint64_t e2e_attachment_blob_bytes(uint64_t size);
uint32_t e2e_attachment_pieces(uint64_t size);

/* Where piece `index` lies: how many file bytes go into it (the rest is padding), so a caller knows what to read. */
size_t e2e_attachment_piece_file_bytes(uint64_t size, uint32_t index);

/* ---- Sealing ---- */

struct e2e_seal {
    crypto_secretstream_xchacha20poly1305_state stream; /* secret */
    crypto_hash_sha256_state digest;                    /* of the pieces */
    crypto_hash_sha256_state plain_digest;              /* of the file, without padding */
    uint8_t header[E2E_STREAM_HEADER_BYTES];
    uint64_t size;
    uint32_t next; /* index of the next piece */
    uint32_t pieces;
};

/* Begins a blob for a file of `size` bytes: draws the key (32 bytes to `key_r`), then the stream header. Never seal two
 * files with one key. ST_ELIMIT above E2E_FILE_MAX. */
enum st_err e2e_attachment_seal_begin(struct e2e_seal *seal, const struct st_env *env, uint64_t size,
                                      uint8_t key_r[static E2E_KEY_BYTES]) ST_MUST_CHECK;

/* Seals the next piece. `file` is exactly e2e_attachment_piece_file_bytes(size, index) bytes; appends the piece to
 * `piece` (clear it before). ST_EREFUSED after the last piece, ST_EMALFORMED on another length (the file changed while
 * it was read): then begin again with a new key. */
enum st_err e2e_attachment_seal_piece(struct e2e_seal *seal, struct st_view file, struct st_buf *piece) ST_MUST_CHECK;

/* After the last piece: SHA-256 of all pieces, and of the file. ST_EREFUSED before. Wipes the state. */
enum st_err e2e_attachment_seal_end(struct e2e_seal *seal, uint8_t digest_r[static E2E_HASH_BYTES],
                                    uint8_t plain_digest_r[static E2E_HASH_BYTES]) ST_MUST_CHECK;

/* Gives up; wipes the state. */
void e2e_attachment_seal_drop(struct e2e_seal *seal);

/* ---- Opening ---- */

struct e2e_unseal {
    crypto_secretstream_xchacha20poly1305_state stream; /* secret */
    crypto_hash_sha256_state digest;
    crypto_hash_sha256_state plain_digest;
    uint8_t key[E2E_KEY_BYTES]; /* until the stream header is read */
    uint64_t size;
    uint32_t next;
    uint32_t pieces;
    bool failed;
};

/* Begins to open a blob whose message gave `size` and `key`. ST_ELIMIT above E2E_FILE_MAX. */
enum st_err e2e_attachment_unseal_begin(struct e2e_unseal *unseal, uint64_t size,
                                        const uint8_t key[static E2E_KEY_BYTES]) ST_MUST_CHECK;

/* Opens the next piece, in order; appends the file bytes in it (no padding) to `file` (clear it before; its limit
 * is at least E2E_PIECE_MAX). ST_EMALFORMED on a wrong length, ST_EINTEGRITY if it does not open, is out of order, ends
 * too early or too late, or has padding that is not zero. After an error every further call fails. Nothing may appear
 * under the file's name before unseal_end said ok. */
enum st_err e2e_attachment_unseal_piece(struct e2e_unseal *unseal, struct st_view piece,
                                        struct st_buf *file) ST_MUST_CHECK;

/* After the last piece: are these the digests that the message gave? ST_EINTEGRITY if not, or if pieces are missing.
 * Wipes the state in every case. */
enum st_err e2e_attachment_unseal_end(struct e2e_unseal *unseal, const uint8_t digest[static E2E_HASH_BYTES],
                                      const uint8_t plain_digest[static E2E_HASH_BYTES]) ST_MUST_CHECK;

void e2e_attachment_unseal_drop(struct e2e_unseal *unseal);

#endif
