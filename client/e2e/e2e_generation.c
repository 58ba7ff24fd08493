#include "client/e2e/e2e_generation.h"

#include <sodium.h>

#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum st_err e2e_generation_make(uint8_t out[static E2E_GENERATION_BYTES], const uint8_t k_db[static E2E_DB_KEY_BYTES],
                                const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id, uint64_t gen)
{
    static const uint8_t salt[ST_SHA256_BYTES]; /* RFC 5869: no salt is a salt of zeros */
    uint8_t key[ST_SHA256_BYTES];
    uint8_t dev[4];
    const struct st_view info = st_view_text("SafeTalk/1 generation");
    memset(out, 0, E2E_GENERATION_BYTES);
    enum st_err err =
        st_hkdf_sha256(key, sizeof key, st_view(salt, sizeof salt), st_view(k_db, E2E_DB_KEY_BYTES), &info, 1);
    if (err != ST_OK)
        return err;
    st_put_u64(out, gen);
    st_put_u32(dev, dev_id);
    const struct st_view parts[] = { st_view(acct_id, ST_ACCT_BYTES), st_view(dev, sizeof dev), st_view(out, 8) };
    st_hmac_sha256(out + 8, st_view(key, sizeof key), parts, 3);
    ST_WIPE(key);
    return ST_OK;
}

enum st_err e2e_generation_read(const uint8_t in[static E2E_GENERATION_BYTES],
                                const uint8_t k_db[static E2E_DB_KEY_BYTES],
                                const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id, uint64_t *gen_r)
{
    uint8_t expected[E2E_GENERATION_BYTES];
    uint64_t gen = st_get_u64(in);
    *gen_r = 0;
    enum st_err err = e2e_generation_make(expected, k_db, acct_id, dev_id, gen);
    if (err == ST_OK && sodium_memcmp(expected, in, sizeof expected) != 0)
        err = ST_EINTEGRITY;
    if (err == ST_OK)
        *gen_r = gen;
    ST_WIPE(expected);
    return err;
}
