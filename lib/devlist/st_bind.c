#include "lib/devlist/st_bind.h"

#include <sodium.h>

#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum st_err st_bind_tk_sign(uint8_t sig[static ST_SIG_BYTES], const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                            const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                            const uint8_t keys[static 2 * ST_CURVE_KEY_BYTES])
{
    uint8_t dev[4];
    st_put_u32(dev, dev_id);
    const struct st_view parts[] = {
        st_view(acct_id, ST_ACCT_BYTES),
        st_view(dev, sizeof dev),
        st_view(keys, 2 * ST_CURVE_KEY_BYTES),
    };
    return st_label_sign(sig, dsk_secret, ST_LABEL_TK_BIND, parts, 3);
}

enum st_err st_bind_tk_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t dsk[static ST_SIGN_PUB_BYTES],
                             const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                             const uint8_t keys[static 2 * ST_CURVE_KEY_BYTES])
{
    uint8_t dev[4];
    st_put_u32(dev, dev_id);
    const struct st_view parts[] = {
        st_view(acct_id, ST_ACCT_BYTES),
        st_view(dev, sizeof dev),
        st_view(keys, 2 * ST_CURVE_KEY_BYTES),
    };
    return st_label_check(sig, dsk, ST_LABEL_TK_BIND, parts, 3);
}

void st_bind_link_mac(uint8_t out[static ST_LINK_MAC_BYTES], const uint8_t code[static ST_LINK_CODE_BYTES],
                      const uint8_t ak[static ST_SIGN_PUB_BYTES], const struct st_device *device)
{
    uint8_t acct_id[ST_ACCT_BYTES];
    uint8_t dev[4];
    st_devlist_acct_id(acct_id, ak);
    st_put_u32(dev, device->dev_id);
    const struct st_view parts[] = {
        st_label_view(ST_LABEL_LINK),
        st_view(acct_id, sizeof acct_id),
        st_view(ak, ST_SIGN_PUB_BYTES),
        st_view(dev, sizeof dev),
        st_view(device->dsk, sizeof device->dsk),
        st_view(device->dik, sizeof device->dik),
    };
    st_hmac_sha256(out, st_view(code, ST_LINK_CODE_BYTES), parts, 6);
}

enum st_err st_bind_link_check(const uint8_t mac[static ST_LINK_MAC_BYTES],
                               const uint8_t code[static ST_LINK_CODE_BYTES],
                               const uint8_t ak[static ST_SIGN_PUB_BYTES], const struct st_device *device)
{
    uint8_t expected[ST_LINK_MAC_BYTES];
    st_bind_link_mac(expected, code, ak, device);
    bool equal = sodium_memcmp(mac, expected, sizeof expected) == 0;
    ST_WIPE(expected);
    return equal ? ST_OK : ST_EINTEGRITY;
}
