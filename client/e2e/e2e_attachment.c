#include "client/e2e/e2e_attachment.h"

#include "lib/st_wipe.h"

uint64_t e2e_attachment_padded(uint64_t size)
{
    /* Padmé (Nikitin et al., PURBs, 2019): keep only the first log2(log2(size)) + 1 bits of precision. */
    if (size < 2)
        return size;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(size);
    unsigned bits = exponent == 0 ? 0 : 32 - (unsigned)__builtin_clz(exponent);
    unsigned low = exponent - bits;
    uint64_t mask = (UINT64_C(1) << low) - 1;
    return (size + mask) & ~mask;
}

uint32_t e2e_attachment_pieces(uint64_t size)
{
    uint64_t padded = e2e_attachment_padded(size);
    return padded == 0 ? 1 : (uint32_t)((padded + E2E_PIECE_PLAIN - 1) / E2E_PIECE_PLAIN);
}

uint64_t e2e_attachment_blob_bytes(uint64_t size)
{
    return E2E_STREAM_HEADER_BYTES + e2e_attachment_padded(size) +
           (uint64_t)E2E_SEAL_BYTES * e2e_attachment_pieces(size);
}

/* Bytes of piece `index` out of a run of `total`. */
static size_t share(uint64_t total, uint32_t index)
{
    uint64_t before = (uint64_t)index * E2E_PIECE_PLAIN;
    if (before >= total)
        return 0;
    return total - before < E2E_PIECE_PLAIN ? (size_t)(total - before) : (size_t)E2E_PIECE_PLAIN;
}

size_t e2e_attachment_piece_file_bytes(uint64_t size, uint32_t index)
{
    return share(size, index);
}

/* ---- sealing ---- */

enum st_err e2e_attachment_seal_begin(struct e2e_seal *seal, const struct st_env *env, uint64_t size,
                                      uint8_t key_r[static E2E_KEY_BYTES])
{
    memset(seal, 0, sizeof *seal);
    memset(key_r, 0, E2E_KEY_BYTES);
    if (size > E2E_FILE_MAX)
        return ST_ELIMIT;
    st_env_random(env, key_r, E2E_KEY_BYTES);
    st_env_random(env, seal->header, sizeof seal->header);
    /* libsodium's init_push draws the header by itself; init_pull sets up the very same state from a header that is
     * given. */
    if (crypto_secretstream_xchacha20poly1305_init_pull(&seal->stream, seal->header, key_r) != 0) {
        ST_WIPE(*seal);
        return ST_EINTEGRITY;
    }
    crypto_hash_sha256_init(&seal->digest);
    crypto_hash_sha256_init(&seal->plain_digest);
    seal->size = size;
    seal->pieces = e2e_attachment_pieces(size);
    return ST_OK;
}

enum st_err e2e_attachment_seal_piece(struct e2e_seal *seal, struct st_view file, struct st_buf *piece)
{
    if (seal->next >= seal->pieces)
        return ST_EREFUSED;
    if (file.len != share(seal->size, seal->next))
        return ST_EMALFORMED;
    size_t plain_len = share(e2e_attachment_padded(seal->size), seal->next);
    size_t head_len = seal->next == 0 ? sizeof seal->header : 0;
    uint8_t *p = st_buf_extend(piece, head_len + plain_len + E2E_SEAL_BYTES);
    if (p == NULL)
        return st_buf_error(piece);
    memcpy(p, seal->header, head_len);
    /* secretstream seals in place: the plaintext lies where its ciphertext goes, one byte further on. */
    uint8_t *plain = p + head_len + 1;
    if (file.len > 0)
        memcpy(plain, file.p, file.len);
    memset(plain + file.len, 0, plain_len - file.len);
    bool last = seal->next + 1 == seal->pieces;
    uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;
    if (crypto_secretstream_xchacha20poly1305_push(&seal->stream, p + head_len, NULL, plain, plain_len, NULL, 0, tag) !=
        0) {
        st_wipe(p, head_len + plain_len + E2E_SEAL_BYTES);
        return ST_EINTEGRITY;
    }
    crypto_hash_sha256_update(&seal->digest, p, head_len + plain_len + E2E_SEAL_BYTES);
    crypto_hash_sha256_update(&seal->plain_digest, file.p, file.len);
    seal->next++;
    return ST_OK;
}

enum st_err e2e_attachment_seal_end(struct e2e_seal *seal, uint8_t digest_r[static E2E_HASH_BYTES],
                                    uint8_t plain_digest_r[static E2E_HASH_BYTES])
{
    memset(digest_r, 0, E2E_HASH_BYTES);
    memset(plain_digest_r, 0, E2E_HASH_BYTES);
    if (seal->pieces == 0 || seal->next != seal->pieces)
        return ST_EREFUSED;
    crypto_hash_sha256_final(&seal->digest, digest_r);
    crypto_hash_sha256_final(&seal->plain_digest, plain_digest_r);
    ST_WIPE(*seal);
    return ST_OK;
}

void e2e_attachment_seal_drop(struct e2e_seal *seal)
{
    ST_WIPE(*seal);
}

/* ---- opening ---- */

enum st_err e2e_attachment_unseal_begin(struct e2e_unseal *unseal, uint64_t size,
                                        const uint8_t key[static E2E_KEY_BYTES])
{
    memset(unseal, 0, sizeof *unseal);
    unseal->failed = true;
    if (size > E2E_FILE_MAX)
        return ST_ELIMIT;
    memcpy(unseal->key, key, E2E_KEY_BYTES);
    crypto_hash_sha256_init(&unseal->digest);
    crypto_hash_sha256_init(&unseal->plain_digest);
    unseal->size = size;
    unseal->pieces = e2e_attachment_pieces(size);
    unseal->failed = false;
    return ST_OK;
}

/* Opens a sealed chunk of the right length into `plain`. TAG_FINAL must stand on the last one, and only there. */
static enum st_err pull(struct e2e_unseal *unseal, struct st_view sealed, uint8_t *plain)
{
    uint8_t tag = 0xff;
    bool last = unseal->next + 1 == unseal->pieces;
    if (crypto_secretstream_xchacha20poly1305_pull(&unseal->stream, plain, NULL, &tag, sealed.p, sealed.len, NULL, 0) !=
        0)
        return ST_EINTEGRITY;
    return tag == (last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0) ? ST_OK : ST_EINTEGRITY;
}

static enum st_err unseal_piece(struct e2e_unseal *unseal, struct st_view piece, struct st_buf *file)
{
    if (unseal->failed || unseal->next >= unseal->pieces)
        return ST_EINTEGRITY;
    size_t plain_len = share(e2e_attachment_padded(unseal->size), unseal->next);
    size_t head_len = unseal->next == 0 ? E2E_STREAM_HEADER_BYTES : 0;
    if (piece.len != head_len + plain_len + E2E_SEAL_BYTES)
        return ST_EMALFORMED;
    if (head_len > 0) {
        int bad = crypto_secretstream_xchacha20poly1305_init_pull(&unseal->stream, piece.p, unseal->key);
        ST_WIPE(unseal->key);
        if (bad != 0)
            return ST_EINTEGRITY;
    }
    size_t before = file->len;
    size_t file_len = share(unseal->size, unseal->next);
    /* One byte more, so that an empty chunk has a place too. */
    uint8_t *plain = st_buf_extend(file, plain_len + 1);
    if (plain == NULL)
        return st_buf_error(file);
    plain[plain_len] = 0;
    enum st_err err = pull(unseal, st_view(piece.p + head_len, piece.len - head_len), plain);
    if (err == ST_OK && sodium_is_zero(plain + file_len, plain_len - file_len) != 1)
        err = ST_EINTEGRITY;
    if (err != ST_OK) {
        st_wipe(plain, plain_len);
        file->len = before;
        return err;
    }
    file->len = before + file_len;
    crypto_hash_sha256_update(&unseal->digest, piece.p, piece.len);
    crypto_hash_sha256_update(&unseal->plain_digest, plain, file_len);
    unseal->next++;
    return ST_OK;
}

enum st_err e2e_attachment_unseal_piece(struct e2e_unseal *unseal, struct st_view piece, struct st_buf *file)
{
    enum st_err err = unseal_piece(unseal, piece, file);
    if (err != ST_OK)
        unseal->failed = true;
    return err;
}

enum st_err e2e_attachment_unseal_end(struct e2e_unseal *unseal, const uint8_t digest[static E2E_HASH_BYTES],
                                      const uint8_t plain_digest[static E2E_HASH_BYTES])
{
    uint8_t hash[E2E_HASH_BYTES];
    uint8_t plain_hash[E2E_HASH_BYTES];
    bool complete = !unseal->failed && unseal->pieces != 0 && unseal->next == unseal->pieces;
    bool right = false;
    if (complete) {
        crypto_hash_sha256_final(&unseal->digest, hash);
        crypto_hash_sha256_final(&unseal->plain_digest, plain_hash);
        right = sodium_memcmp(hash, digest, sizeof hash) == 0 &&
                sodium_memcmp(plain_hash, plain_digest, sizeof plain_hash) == 0;
    }
    ST_WIPE(*unseal);
    return right ? ST_OK : ST_EINTEGRITY;
}

void e2e_attachment_unseal_drop(struct e2e_unseal *unseal)
{
    ST_WIPE(*unseal);
}
