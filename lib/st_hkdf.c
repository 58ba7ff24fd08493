#include "lib/st_hkdf.h"

#include <sodium.h>

#include "lib/st_wipe.h"

/* libsodium wants a pointer even where there is nothing to read. */
static const uint8_t *some_bytes(struct st_view view)
{
    static const uint8_t nothing[1];
    return view.p != NULL ? view.p : nothing;
}

/* The two hash sizes are the same text twice, so that each can be read as it runs, without macros. */

void st_hmac_sha256(uint8_t out[static ST_SHA256_BYTES], struct st_view key, const struct st_view *parts, size_t count)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, some_bytes(key), key.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, some_bytes(parts[i]), parts[i].len);
    crypto_auth_hmacsha256_final(&state, out);
    ST_WIPE(state);
}

void st_hkdf_sha256_extract(uint8_t prk[static ST_SHA256_BYTES], struct st_view salt, struct st_view ikm)
{
    st_hmac_sha256(prk, salt, &ikm, 1);
}

enum st_err st_hkdf_sha256_expand(uint8_t *out, size_t out_len, struct st_view prk, const struct st_view *info,
                                  size_t info_count)
{
    if (out_len > 255 * (size_t)ST_SHA256_BYTES) {
        memset(out, 0, out_len);
        return ST_ELIMIT;
    }
    uint8_t block[ST_SHA256_BYTES]; /* T(i) of the RFC */
    size_t block_len = 0;           /* T(0) is empty */
    uint8_t counter = 0;
    for (size_t done = 0; done < out_len;) {
        counter++;
        crypto_auth_hmacsha256_state state;
        crypto_auth_hmacsha256_init(&state, some_bytes(prk), prk.len);
        crypto_auth_hmacsha256_update(&state, block, block_len);
        for (size_t i = 0; i < info_count; i++)
            crypto_auth_hmacsha256_update(&state, some_bytes(info[i]), info[i].len);
        crypto_auth_hmacsha256_update(&state, &counter, 1);
        crypto_auth_hmacsha256_final(&state, block);
        ST_WIPE(state);
        block_len = sizeof block;
        size_t take = out_len - done < block_len ? out_len - done : block_len;
        memcpy(out + done, block, take);
        done += take;
    }
    ST_WIPE(block);
    return ST_OK;
}

enum st_err st_hkdf_sha256(uint8_t *out, size_t out_len, struct st_view salt, struct st_view ikm,
                           const struct st_view *info, size_t info_count)
{
    uint8_t prk[ST_SHA256_BYTES];
    st_hkdf_sha256_extract(prk, salt, ikm);
    enum st_err err = st_hkdf_sha256_expand(out, out_len, st_view(prk, sizeof prk), info, info_count);
    ST_WIPE(prk);
    return err;
}

void st_hmac_sha512(uint8_t out[static ST_SHA512_BYTES], struct st_view key, const struct st_view *parts, size_t count)
{
    crypto_auth_hmacsha512_state state;
    crypto_auth_hmacsha512_init(&state, some_bytes(key), key.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha512_update(&state, some_bytes(parts[i]), parts[i].len);
    crypto_auth_hmacsha512_final(&state, out);
    ST_WIPE(state);
}

void st_hkdf_sha512_extract(uint8_t prk[static ST_SHA512_BYTES], struct st_view salt, struct st_view ikm)
{
    st_hmac_sha512(prk, salt, &ikm, 1);
}

enum st_err st_hkdf_sha512_expand(uint8_t *out, size_t out_len, struct st_view prk, const struct st_view *info,
                                  size_t info_count)
{
    if (out_len > 255 * (size_t)ST_SHA512_BYTES) {
        memset(out, 0, out_len);
        return ST_ELIMIT;
    }
    uint8_t block[ST_SHA512_BYTES]; /* T(i) of the RFC */
    size_t block_len = 0;           /* T(0) is empty */
    uint8_t counter = 0;
    for (size_t done = 0; done < out_len;) {
        counter++;
        crypto_auth_hmacsha512_state state;
        crypto_auth_hmacsha512_init(&state, some_bytes(prk), prk.len);
        crypto_auth_hmacsha512_update(&state, block, block_len);
        for (size_t i = 0; i < info_count; i++)
            crypto_auth_hmacsha512_update(&state, some_bytes(info[i]), info[i].len);
        crypto_auth_hmacsha512_update(&state, &counter, 1);
        crypto_auth_hmacsha512_final(&state, block);
        ST_WIPE(state);
        block_len = sizeof block;
        size_t take = out_len - done < block_len ? out_len - done : block_len;
        memcpy(out + done, block, take);
        done += take;
    }
    ST_WIPE(block);
    return ST_OK;
}

enum st_err st_hkdf_sha512(uint8_t *out, size_t out_len, struct st_view salt, struct st_view ikm,
                           const struct st_view *info, size_t info_count)
{
    uint8_t prk[ST_SHA512_BYTES];
    st_hkdf_sha512_extract(prk, salt, ikm);
    enum st_err err = st_hkdf_sha512_expand(out, out_len, st_view(prk, sizeof prk), info, info_count);
    ST_WIPE(prk);
    return err;
}
