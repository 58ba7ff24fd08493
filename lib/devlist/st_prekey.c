#include "lib/devlist/st_prekey.h"

#include <sodium.h>

#include "lib/st_wipe.h"

bool st_prekey_usable(const uint8_t pub[static ST_X25519_BYTES])
{
    /* Any clamped scalar is a multiple of 8, so it takes every point of low order to zero, on the curve and its twist.
     */
    static const uint8_t scalar[ST_X25519_BYTES] = { 8 };
    uint8_t shared[ST_X25519_BYTES];
    bool usable = crypto_scalarmult(shared, scalar, pub) == 0;
    ST_WIPE(shared);
    return usable;
}

/* The numbers of a prekey as they are signed: dev ‖ spk_id ‖ created. */
enum { NUMBERS_BYTES = 16 };

static void put_numbers(uint8_t out[static NUMBERS_BYTES], const struct st_spk *spk, uint32_t dev_id)
{
    st_put_u32(out, dev_id);
    st_put_u32(out + 4, spk->spk_id);
    st_put_u64(out + 8, spk->created);
}

enum st_err st_prekey_sign(struct st_spk *spk, const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                           const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id)
{
    uint8_t numbers[NUMBERS_BYTES];
    put_numbers(numbers, spk, dev_id);
    const struct st_view parts[] = {
        st_view(acct_id, ST_ACCT_BYTES),
        st_view(numbers, sizeof numbers),
        st_view(spk->pub, sizeof spk->pub),
    };
    return st_label_sign(spk->sig, dsk_secret, ST_LABEL_SIGNED_PREKEY, parts, 3);
}

enum st_err st_prekey_check(const struct st_spk *spk, const uint8_t dsk[static ST_SIGN_PUB_BYTES],
                            const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id)
{
    uint8_t numbers[NUMBERS_BYTES];
    put_numbers(numbers, spk, dev_id);
    const struct st_view parts[] = {
        st_view(acct_id, ST_ACCT_BYTES),
        st_view(numbers, sizeof numbers),
        st_view(spk->pub, sizeof spk->pub),
    };
    return st_label_check(spk->sig, dsk, ST_LABEL_SIGNED_PREKEY, parts, 3);
}

/* Account, key, device and its keys are those of the verified list. */
static bool listed(const struct st_bundle *bundle, const struct st_devlist *list, const uint8_t *ak)
{
    const struct st_device *device = st_devlist_find(list, bundle->device.dev_id);
    return device != NULL && memcmp(bundle->acct_id, list->acct_id, ST_ACCT_BYTES) == 0 &&
           memcmp(bundle->ak, ak, ST_SIGN_PUB_BYTES) == 0 &&
           memcmp(bundle->device.dsk, device->dsk, sizeof device->dsk) == 0 &&
           memcmp(bundle->device.dik, device->dik, sizeof device->dik) == 0;
}

static bool fresh(const struct st_spk *spk, uint64_t now_s)
{
    if (spk->created > now_s)
        return spk->created - now_s <= ST_SPK_AHEAD_MAX_S;
    return now_s - spk->created <= ST_SPK_AGE_MAX_S;
}

enum st_err st_prekey_bundle_check(const struct st_bundle *bundle, const struct st_devlist *list,
                                   const uint8_t ak[static ST_SIGN_PUB_BYTES], uint64_t now_s)
{
    if (!listed(bundle, list, ak) || !fresh(&bundle->spk, now_s))
        return ST_EREFUSED;
    if (!st_prekey_usable(bundle->spk.pub) || (bundle->opk_id != 0 && !st_prekey_usable(bundle->opk)))
        return ST_EREFUSED;
    return st_prekey_check(&bundle->spk, bundle->device.dsk, bundle->acct_id, bundle->device.dev_id);
}
