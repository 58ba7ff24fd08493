#include "client/opaque/opaque_envelope.h"

#include "client/opaque/opaque_ksf.h"
#include "lib/opaque/st_oprf.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum st_err opaque_envelope_randomize(uint8_t randomized[static ST_OPAQUE_HASH_BYTES], struct st_view password,
                                      const uint8_t blind[static ST_OPRF_SCALAR_BYTES],
                                      const uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES],
                                      const struct st_opaque_ksf *ksf)
{
    memset(randomized, 0, ST_OPAQUE_HASH_BYTES);
    uint8_t ikm[ST_OPRF_OUTPUT_BYTES + ST_OPAQUE_HASH_BYTES];
    enum st_err err = st_oprf_finalize(ikm, password, blind, evaluated);
    if (err == ST_OK)
        err = opaque_ksf_stretch(ikm + ST_OPRF_OUTPUT_BYTES, ikm, ksf);
    if (err == ST_OK)
        st_hkdf_sha512_extract(randomized, st_view_text(""), st_view(ikm, sizeof ikm));
    ST_WIPE(ikm);
    return err;
}

enum st_err opaque_envelope_masking_key(uint8_t masking_key[static ST_OPAQUE_HASH_BYTES],
                                        const uint8_t randomized[static ST_OPAQUE_HASH_BYTES])
{
    struct st_view info = st_view_text("MaskingKey");
    return st_hkdf_sha512_expand(masking_key, ST_OPAQUE_HASH_BYTES, st_view(randomized, ST_OPAQUE_HASH_BYTES), &info,
                                 1);
}

static enum st_err expand(uint8_t *out, size_t out_len, const uint8_t randomized[static ST_OPAQUE_HASH_BYTES],
                          const uint8_t nonce[static ST_OPAQUE_NONCE_BYTES], const char *label)
{
    struct st_view info[] = { st_view(nonce, ST_OPAQUE_NONCE_BYTES), st_view_text(label) };
    return st_hkdf_sha512_expand(out, out_len, st_view(randomized, ST_OPAQUE_HASH_BYTES), info, 2);
}

enum st_err opaque_envelope_keys_derive(struct opaque_envelope_keys *keys,
                                        const uint8_t randomized[static ST_OPAQUE_HASH_BYTES],
                                        const uint8_t nonce[static ST_OPAQUE_NONCE_BYTES])
{
    uint8_t seed[ST_OPAQUE_SEED_BYTES];
    enum st_err err = expand(keys->auth_key, sizeof keys->auth_key, randomized, nonce, "AuthKey");
    if (err == ST_OK)
        err = expand(keys->export_key, sizeof keys->export_key, randomized, nonce, "ExportKey");
    if (err == ST_OK)
        err = expand(seed, sizeof seed, randomized, nonce, "PrivateKey");
    if (err == ST_OK)
        err = st_opaque_derive_dh_pair(keys->private_key, keys->public_key, seed);
    ST_WIPE(seed);
    if (err != ST_OK)
        st_wipe(keys, sizeof *keys);
    return err;
}

void opaque_envelope_tag(uint8_t tag[static ST_OPAQUE_HASH_BYTES], const struct opaque_envelope_keys *keys,
                         const uint8_t nonce[static ST_OPAQUE_NONCE_BYTES],
                         const uint8_t server_public_key[static ST_OPAQUE_KEY_BYTES],
                         const struct st_opaque_parties *parties)
{
    struct st_view server = parties->server_identity;
    struct st_view client = parties->client_identity;
    if (server.len == 0)
        server = st_view(server_public_key, ST_OPAQUE_KEY_BYTES);
    if (client.len == 0)
        client = st_view(keys->public_key, sizeof keys->public_key);
    uint8_t server_len[2];
    uint8_t client_len[2];
    st_put_u16(server_len, (uint16_t)server.len);
    st_put_u16(client_len, (uint16_t)client.len);
    struct st_view parts[] = { st_view(nonce, ST_OPAQUE_NONCE_BYTES),
                               st_view(server_public_key, ST_OPAQUE_KEY_BYTES),
                               st_view(server_len, 2),
                               server,
                               st_view(client_len, 2),
                               client };
    st_hmac_sha512(tag, st_view(keys->auth_key, sizeof keys->auth_key), parts, sizeof parts / sizeof parts[0]);
}
