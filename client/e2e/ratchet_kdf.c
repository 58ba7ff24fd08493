#include "client/e2e/ratchet_kdf.h"

#include <sodium.h>

#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

_Static_assert(sizeof(struct ratchet_root) == 64, "KDF_ROOT fills the struct in one go");
_Static_assert(sizeof(struct ratchet_message_keys) == 88, "okm fills the struct in one go");
_Static_assert(crypto_stream_xchacha20_NONCEBYTES == 24, "XChaCha20 has 24-byte nonces");

enum st_err ratchet_kdf_root(struct ratchet_root *out_r, const uint8_t rk[static E2E_KEY_BYTES], struct ratchet_dh dh)
{
    uint8_t shared[E2E_KEY_BYTES];
    enum st_err err = ST_EREFUSED;
    if (crypto_scalarmult(shared, dh.secret, dh.pub) == 0) {
        const struct st_view info = st_view_text("SafeTalk/1 root");
        err = st_hkdf_sha256((uint8_t *)out_r, sizeof *out_r, st_view(rk, E2E_KEY_BYTES),
                             st_view(shared, sizeof shared), &info, 1);
    }
    if (err != ST_OK)
        ST_WIPE(*out_r);
    ST_WIPE(shared);
    return err;
}

void ratchet_kdf_chain(uint8_t ck[static E2E_KEY_BYTES], uint8_t p_r[static E2E_KEY_BYTES])
{
    static const uint8_t one = 1;
    static const uint8_t two = 2;
    uint8_t next[E2E_KEY_BYTES];
    const struct st_view key = st_view(ck, E2E_KEY_BYTES);
    const struct st_view part_one = st_view(&one, 1);
    const struct st_view part_two = st_view(&two, 1);
    st_hmac_sha256(p_r, key, &part_one, 1);
    st_hmac_sha256(next, key, &part_two, 1);
    memcpy(ck, next, E2E_KEY_BYTES);
    ST_WIPE(next);
}

enum st_err ratchet_kdf_message(struct ratchet_message_keys *out_r, const uint8_t p[static E2E_KEY_BYTES],
                                struct ratchet_dh dh, const struct ratchet_message_info *info)
{
    uint8_t shared[E2E_KEY_BYTES];
    enum st_err err = ST_EREFUSED;
    if (crypto_scalarmult(shared, dh.secret, dh.pub) == 0) {
        uint8_t n[4];
        st_put_u32(n, info->n);
        const struct st_view parts[] = {
            st_view_text("SafeTalk/1 message"), st_view(info->th, E2E_HASH_BYTES),
            st_view(info->r, E2E_KEY_BYTES),    st_view(n, sizeof n),
            st_view(info->e, E2E_KEY_BYTES),    st_view(info->m, E2E_KEY_BYTES),
        };
        err = st_hkdf_sha256((uint8_t *)out_r, sizeof *out_r, st_view(p, E2E_KEY_BYTES), st_view(shared, sizeof shared),
                             parts, sizeof parts / sizeof parts[0]);
    }
    if (err != ST_OK)
        ST_WIPE(*out_r);
    ST_WIPE(shared);
    return err;
}

void ratchet_kdf_tag(uint8_t tag[static E2E_TAG_BYTES], const uint8_t mac_key[static E2E_KEY_BYTES],
                     const uint8_t th[static E2E_HASH_BYTES], struct st_view header, struct st_view ct)
{
    const struct st_view parts[] = { st_view(th, E2E_HASH_BYTES), header, ct };
    st_hmac_sha256(tag, st_view(mac_key, E2E_KEY_BYTES), parts, 3);
}
