#include "client/e2e/e2e_identity.h"

#include <sodium.h>

#include "lib/st_wipe.h"

enum st_err e2e_identity_pair_of(const uint8_t secret[static E2E_KEY_BYTES], struct e2e_pair *pair_r)
{
    memcpy(pair_r->secret, secret, E2E_KEY_BYTES);
    if (crypto_scalarmult_base(pair_r->pub, pair_r->secret) == 0)
        return ST_OK;
    ST_WIPE(*pair_r);
    return ST_EINTEGRITY;
}

enum st_err e2e_identity_pair(const struct st_env *env, struct e2e_pair *pair_r)
{
    uint8_t secret[E2E_KEY_BYTES];
    st_env_random(env, secret, sizeof secret);
    enum st_err err = e2e_identity_pair_of(secret, pair_r);
    ST_WIPE(secret);
    return err;
}

enum st_err e2e_identity_sign_pair_of(const uint8_t seed[static ST_SIGN_SEED_BYTES], struct e2e_sign_pair *pair_r)
{
    if (crypto_sign_seed_keypair(pair_r->pub, pair_r->secret, seed) == 0)
        return ST_OK;
    ST_WIPE(*pair_r);
    return ST_EINTEGRITY;
}

enum st_err e2e_identity_sign_pair(const struct st_env *env, struct e2e_sign_pair *pair_r)
{
    uint8_t seed[ST_SIGN_SEED_BYTES];
    st_env_random(env, seed, sizeof seed);
    enum st_err err = e2e_identity_sign_pair_of(seed, pair_r);
    ST_WIPE(seed);
    return err;
}

void e2e_identity_write(const struct e2e_ident *ident, uint8_t out[static E2E_IDENT_BYTES])
{
    memcpy(out, ident->acct_id, ST_ACCT_BYTES);
    st_put_u32(out + 16, ident->dev_id);
    memcpy(out + 20, ident->ak, 32);
    memcpy(out + 52, ident->dsk, 32);
    memcpy(out + 84, ident->dik, 32);
}

void e2e_identity_read(const uint8_t in[static E2E_IDENT_BYTES], struct e2e_ident *ident_r)
{
    memcpy(ident_r->acct_id, in, ST_ACCT_BYTES);
    ident_r->dev_id = st_get_u32(in + 16);
    memcpy(ident_r->ak, in + 20, 32);
    memcpy(ident_r->dsk, in + 52, 32);
    memcpy(ident_r->dik, in + 84, 32);
}

enum st_err e2e_identity_of_listed(const struct st_devlist *list, const uint8_t ak[static ST_SIGN_PUB_BYTES],
                                   uint32_t dev_id, struct e2e_ident *ident_r)
{
    memset(ident_r, 0, sizeof *ident_r);
    const struct st_device *device = st_devlist_find(list, dev_id);
    if (device == NULL)
        return ST_ENOTFOUND;
    memcpy(ident_r->acct_id, list->acct_id, ST_ACCT_BYTES);
    ident_r->dev_id = dev_id;
    memcpy(ident_r->ak, ak, sizeof ident_r->ak);
    memcpy(ident_r->dsk, device->dsk, sizeof ident_r->dsk);
    memcpy(ident_r->dik, device->dik, sizeof ident_r->dik);
    return ST_OK;
}
