#include "lib/opaque/st_opaque.h"

#include <sodium.h>

#include "lib/opaque/st_sha512.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

_Static_assert((int)ST_OPAQUE_HASH_BYTES == (int)ST_SHA512_BYTES, "one hash for all");
_Static_assert(sizeof(struct st_opaque_dh) == 3 * ST_OPAQUE_KEY_BYTES, "no padding");

enum { KE2_SIGNED_BYTES = offsetof(struct st_opaque_ke2, server_mac) }; /* the part of KE2 that the preamble holds */

enum st_err st_opaque_check_parties(const struct st_opaque_parties *parties)
{
    if (parties->client_identity.len > ST_OPAQUE_IDENTITY_MAX ||
        parties->server_identity.len > ST_OPAQUE_IDENTITY_MAX || parties->context.len > ST_OPAQUE_CONTEXT_MAX)
        return ST_ELIMIT;
    return ST_OK;
}

struct st_opaque_ksf st_opaque_ksf_default(void)
{
    struct st_opaque_ksf ksf = { ST_OPAQUE_KSF_ARGON2ID, .m_kib = 64 * 1024, .t = 3, .p = 4 };
    return ksf;
}

struct st_opaque_ksf st_opaque_ksf_paranoid(void)
{
    struct st_opaque_ksf ksf = { ST_OPAQUE_KSF_ARGON2ID, .m_kib = 2 * 1024 * 1024, .t = 1, .p = 4 };
    return ksf;
}

enum st_err st_opaque_login_context(uint8_t out[static ST_OPAQUE_LOGIN_CONTEXT_BYTES],
                                    const uint8_t client_tk[static ST_OPAQUE_CURVE_KEY_BYTES],
                                    const uint8_t gateway_key[static ST_OPAQUE_CURVE_KEY_BYTES],
                                    const struct st_opaque_ksf *ksf)
{
    static const char label[] = "SafeTalk-OPAQUE-v1";
    enum { LABEL_BYTES = sizeof label - 1, KSF_AT = 2 * ST_OPAQUE_CURVE_KEY_BYTES, BODY_BYTES = KSF_AT + 13 };
    _Static_assert(LABEL_BYTES + crypto_hash_sha256_BYTES == ST_OPAQUE_LOGIN_CONTEXT_BYTES, "label and digest");

    uint8_t body[BODY_BYTES];
    memcpy(body, client_tk, ST_OPAQUE_CURVE_KEY_BYTES);
    memcpy(body + ST_OPAQUE_CURVE_KEY_BYTES, gateway_key, ST_OPAQUE_CURVE_KEY_BYTES);
    body[KSF_AT] = (uint8_t)ksf->kind;
    st_put_u32(body + KSF_AT + 1, ksf->m_kib);
    st_put_u32(body + KSF_AT + 5, ksf->t);
    st_put_u32(body + KSF_AT + 9, ksf->p);
    memcpy(out, label, LABEL_BYTES);
    if (crypto_hash_sha256(out + LABEL_BYTES, body, sizeof body) != 0) {
        memset(out, 0, ST_OPAQUE_LOGIN_CONTEXT_BYTES);
        return ST_EIO;
    }
    return ST_OK;
}

enum st_err st_opaque_derive_dh_pair(uint8_t private_key[static ST_OPAQUE_KEY_BYTES],
                                     uint8_t public_key[static ST_OPAQUE_KEY_BYTES],
                                     const uint8_t seed[static ST_OPAQUE_SEED_BYTES])
{
    return st_oprf_derive_key_pair(private_key, public_key, st_view(seed, ST_OPAQUE_SEED_BYTES),
                                   st_view_text("OPAQUE-DeriveDiffieHellmanKeyPair"));
}

enum st_err st_opaque_mask(uint8_t out[static ST_OPAQUE_MASKED_BYTES], const uint8_t in[static ST_OPAQUE_MASKED_BYTES],
                           const uint8_t masking_key[static ST_OPAQUE_HASH_BYTES],
                           const uint8_t masking_nonce[static ST_OPAQUE_NONCE_BYTES])
{
    uint8_t pad[ST_OPAQUE_MASKED_BYTES];
    struct st_view info[] = { st_view(masking_nonce, ST_OPAQUE_NONCE_BYTES), st_view_text("CredentialResponsePad") };
    enum st_err err = st_hkdf_sha512_expand(pad, sizeof pad, st_view(masking_key, ST_OPAQUE_HASH_BYTES), info, 2);
    for (size_t i = 0; i < sizeof pad; i++)
        out[i] = err == ST_OK ? in[i] ^ pad[i] : 0;
    ST_WIPE(pad);
    return err;
}

/* Hash(preamble), section 6.4.2.1. */
static enum st_err hash_preamble(uint8_t out[static ST_OPAQUE_HASH_BYTES], const struct st_opaque_transcript *t,
                                 struct st_view server_mac)
{
    const struct st_opaque_parties *parties = t->parties;
    struct st_view client = parties->client_identity;
    struct st_view server = parties->server_identity;
    if (client.len == 0)
        client = st_view(t->client_public_key, ST_OPAQUE_KEY_BYTES);
    if (server.len == 0)
        server = st_view(t->server_public_key, ST_OPAQUE_KEY_BYTES);

    uint8_t context_len[2];
    uint8_t client_len[2];
    uint8_t server_len[2];
    st_put_u16(context_len, (uint16_t)parties->context.len);
    st_put_u16(client_len, (uint16_t)client.len);
    st_put_u16(server_len, (uint16_t)server.len);
    struct st_view parts[] = { st_view_text("OPAQUEv1-"),
                               st_view(context_len, 2),
                               parties->context,
                               st_view(client_len, 2),
                               client,
                               st_view(t->ke1, sizeof *t->ke1),
                               st_view(server_len, 2),
                               server,
                               st_view(t->ke2, KE2_SIGNED_BYTES),
                               server_mac };
    return st_sha512_parts(out, parts, sizeof parts / sizeof parts[0]);
}

/* Derive-Secret(secret, label, hash) = Expand-Label(secret, label, hash, 64): HKDF-Expand under
 * length (2) || 1-byte-prefixed "OPAQUE-" label || 1-byte-prefixed hash. */
static enum st_err derive_secret(uint8_t out[static ST_OPAQUE_HASH_BYTES],
                                 const uint8_t secret[static ST_OPAQUE_HASH_BYTES], const char *label,
                                 struct st_view hash)
{
    static const char prefix[] = "OPAQUE-";
    uint8_t head[3] = { 0, ST_OPAQUE_HASH_BYTES, (uint8_t)(sizeof prefix - 1 + strlen(label)) };
    uint8_t hash_len = (uint8_t)hash.len;
    struct st_view info[] = { st_view(head, sizeof head), st_view_text(prefix), st_view_text(label),
                              st_view(&hash_len, 1), hash };
    return st_hkdf_sha512_expand(out, ST_OPAQUE_HASH_BYTES, st_view(secret, ST_OPAQUE_HASH_BYTES), info, 5);
}

/* The secrets of DeriveKeys, and the two digests that the MACs are over. */
struct schedule {
    uint8_t prk[ST_OPAQUE_HASH_BYTES];
    uint8_t handshake_secret[ST_OPAQUE_HASH_BYTES];
    uint8_t km2[ST_OPAQUE_HASH_BYTES];
    uint8_t km3[ST_OPAQUE_HASH_BYTES];
    uint8_t digest[ST_OPAQUE_HASH_BYTES]; /* Hash(preamble), then Hash(preamble || server_mac) */
};

static enum st_err run_schedule(struct st_opaque_keys *out, struct schedule *s, const struct st_opaque_dh *dh,
                                const struct st_opaque_transcript *transcript)
{
    struct st_view digest = st_view(s->digest, sizeof s->digest);
    struct st_view none = st_view_text("");
    enum st_err err = hash_preamble(s->digest, transcript, none);
    st_hkdf_sha512_extract(s->prk, none, st_view(dh, sizeof *dh));
    if (err == ST_OK)
        err = derive_secret(s->handshake_secret, s->prk, "HandshakeSecret", digest);
    if (err == ST_OK)
        err = derive_secret(out->session_key, s->prk, "SessionKey", digest);
    if (err == ST_OK)
        err = derive_secret(s->km2, s->handshake_secret, "ServerMAC", none);
    if (err == ST_OK)
        err = derive_secret(s->km3, s->handshake_secret, "ClientMAC", none);
    if (err != ST_OK)
        return err;
    st_hmac_sha512(out->server_mac, st_view(s->km2, sizeof s->km2), &digest, 1);
    err = hash_preamble(s->digest, transcript, st_view(out->server_mac, sizeof out->server_mac));
    if (err == ST_OK)
        st_hmac_sha512(out->client_mac, st_view(s->km3, sizeof s->km3), &digest, 1);
    return err;
}

enum st_err st_opaque_derive_keys(struct st_opaque_keys *out, const struct st_opaque_dh *dh,
                                  const struct st_opaque_transcript *transcript)
{
    struct schedule schedule;
    enum st_err err = st_opaque_check_parties(transcript->parties);
    if (err == ST_OK)
        err = run_schedule(out, &schedule, dh, transcript);
    ST_WIPE(schedule);
    if (err != ST_OK)
        st_wipe(out, sizeof *out);
    return err;
}
