#include "client/e2e/x3dh.h"

#include <sodium.h>

#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum { SUITE = 1, DH_COUNT_MAX = 4 };

void x3dh_transcript(const struct x3dh_public *pub, uint8_t th[static E2E_HASH_BYTES],
                     uint8_t sid[static E2E_SID_BYTES])
{
    static const uint8_t no_opk[E2E_KEY_BYTES];
    static const uint8_t suite = SUITE;
    uint8_t ident_a[E2E_IDENT_BYTES];
    uint8_t ident_b[E2E_IDENT_BYTES];
    uint8_t spk_id[4];
    uint8_t opk_id[4];
    e2e_identity_write(pub->a, ident_a);
    e2e_identity_write(pub->b, ident_b);
    st_put_u32(spk_id, pub->spk_id);
    st_put_u32(opk_id, pub->opk_id);
    const struct st_view parts[] = {
        st_view(&suite, 1),
        st_view(ident_a, sizeof ident_a),
        st_view(ident_b, sizeof ident_b),
        st_view(pub->ek, E2E_KEY_BYTES),
        st_view(spk_id, sizeof spk_id),
        st_view(pub->spk, E2E_KEY_BYTES),
        st_view(opk_id, sizeof opk_id),
        st_view(pub->opk_id != 0 ? pub->opk : no_opk, E2E_KEY_BYTES),
    };
    st_label_hash(th, ST_LABEL_TRANSCRIPT, parts, sizeof parts / sizeof parts[0]);
    uint8_t hash[E2E_HASH_BYTES];
    const struct st_view part = st_view(th, E2E_HASH_BYTES);
    st_label_hash(hash, ST_LABEL_SESSION_ID, &part, 1);
    memcpy(sid, hash, E2E_SID_BYTES);
}

/* One Diffie-Hellman of the list: a private key of ours and a public one of theirs. */
struct dh {
    const uint8_t *secret;
    const uint8_t *pub;
};

/* FF^32 ‖ DH1 ‖ DH2 ‖ DH3 [‖ DH4] -> SK. */
static enum st_err agree(const struct dh *list, size_t count, struct x3dh_result *out)
{
    uint8_t ikm[(1 + DH_COUNT_MAX) * E2E_KEY_BYTES];
    enum st_err err = ST_OK;
    memset(ikm, 0xff, E2E_KEY_BYTES);
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        if (crypto_scalarmult(ikm + (1 + i) * E2E_KEY_BYTES, list[i].secret, list[i].pub) != 0)
            err = ST_EREFUSED;
    }
    if (err == ST_OK) {
        static const uint8_t salt[ST_SHA256_BYTES];
        const struct st_view info[] = { st_view_text("SafeTalk/1 x3dh"), st_view(out->th, sizeof out->th) };
        err = st_hkdf_sha256(out->sk, sizeof out->sk, st_view(salt, sizeof salt),
                             st_view(ikm, (1 + count) * E2E_KEY_BYTES), info, 2);
    }
    ST_WIPE(ikm);
    return err;
}

static enum st_err finish(const struct x3dh_public *pub, const struct dh *list, struct x3dh_result *out)
{
    memset(out, 0, sizeof *out);
    x3dh_transcript(pub, out->th, out->sid);
    enum st_err err = agree(list, pub->opk_id != 0 ? 4 : 3, out);
    if (err != ST_OK)
        ST_WIPE(*out);
    return err;
}

enum st_err x3dh_initiate(const struct x3dh_public *pub, const uint8_t dik_a[static E2E_KEY_BYTES],
                          const uint8_t ek[static E2E_KEY_BYTES], struct x3dh_result *out_r)
{
    const struct dh list[DH_COUNT_MAX] = {
        { dik_a, pub->spk },
        { ek, pub->b->dik },
        { ek, pub->spk },
        { ek, pub->opk },
    };
    return finish(pub, list, out_r);
}

enum st_err x3dh_respond(const struct x3dh_public *pub, const struct x3dh_secrets *secrets, struct x3dh_result *out_r)
{
    const struct dh list[DH_COUNT_MAX] = {
        { secrets->spk, pub->a->dik },
        { secrets->dik, pub->ek },
        { secrets->spk, pub->ek },
        { secrets->opk, pub->ek },
    };
    return finish(pub, list, out_r);
}
