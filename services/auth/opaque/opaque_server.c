#include "services/auth/opaque/opaque_server.h"

#include <sodium.h>

#include "lib/opaque/st_oprf.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum { STAGE_NONE = 0, STAGE_FAKE = 1, STAGE_REAL = 2 };

/* What lies under the mask of KE2. */
struct masked {
    uint8_t server_public_key[ST_OPAQUE_KEY_BYTES];
    struct st_opaque_envelope envelope;
};
_Static_assert(sizeof(struct masked) == ST_OPAQUE_MASKED_BYTES, "no padding");

/* An account's OPRF key, section 5.2.2 of RFC 9807. */
static enum st_err derive_oprf_key(uint8_t oprf_key[static ST_OPRF_SCALAR_BYTES], const struct opaque_server_keys *keys,
                                   struct st_view credential_id)
{
    uint8_t seed[ST_OPAQUE_SEED_BYTES];
    struct st_view info[] = { credential_id, st_view_text("OprfKey") };
    enum st_err err =
        st_hkdf_sha512_expand(seed, sizeof seed, st_view(keys->oprf_seed, sizeof keys->oprf_seed), info, 2);
    if (err == ST_OK)
        err = st_oprf_derive_key(oprf_key, st_view(seed, sizeof seed), st_view_text("OPAQUE-DeriveKeyPair"));
    ST_WIPE(seed);
    return err;
}

static enum st_err evaluate(uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES], const struct opaque_server_keys *keys,
                            struct st_view credential_id, const uint8_t blinded[static ST_OPRF_ELEMENT_BYTES])
{
    uint8_t oprf_key[ST_OPRF_SCALAR_BYTES];
    enum st_err err = derive_oprf_key(oprf_key, keys, credential_id);
    if (err == ST_OK)
        err = st_oprf_evaluate(evaluated, oprf_key, blinded);
    ST_WIPE(oprf_key);
    return err;
}

enum st_err opaque_server_register(struct st_opaque_response *response, const struct opaque_server_keys *keys,
                                   struct st_view request, struct st_view credential_id)
{
    memset(response, 0, sizeof *response);
    if (request.len != ST_OPAQUE_REQUEST_BYTES)
        return ST_EMALFORMED;
    enum st_err err = evaluate(response->evaluated, keys, credential_id, request.p);
    if (err == ST_OK)
        memcpy(response->server_public_key, keys->public_key, sizeof response->server_public_key);
    return err;
}

enum st_err opaque_server_check_record(struct st_view record)
{
    if (record.len != ST_OPAQUE_RECORD_BYTES)
        return ST_EMALFORMED;
    return st_oprf_check_element(st_view(record.p, ST_OPAQUE_KEY_BYTES));
}

enum st_err opaque_server_fake_record(struct st_opaque_record *record, const struct opaque_server_keys *keys,
                                      struct st_view credential_id)
{
    struct {
        uint8_t point[ST_OPRF_WIDE_BYTES];
        uint8_t masking_key[ST_OPAQUE_HASH_BYTES];
    } okm;
    memset(record, 0, sizeof *record);
    /* The extraction under a salt of its own keeps these values apart from the OPRF keys, which are expanded from the
     * same seed without one. */
    enum st_err err = st_hkdf_sha512((uint8_t *)&okm, sizeof okm, st_view_text("SafeTalk OPAQUE fake record"),
                                     st_view(keys->oprf_seed, sizeof keys->oprf_seed), &credential_id, 1);
    if (err == ST_OK)
        err = st_oprf_element_from_wide(record->client_public_key, okm.point);
    if (err == ST_OK)
        memcpy(record->masking_key, okm.masking_key, sizeof record->masking_key);
    ST_WIPE(okm);
    return err;
}

/* The record to answer with: the stored one if there is one, else the fake one, chosen without a branch. The fake one
 * is made in either case, so that both cost the same. */
static enum st_err choose_record(struct st_opaque_record *out, uint8_t *stage, const struct opaque_server_keys *keys,
                                 const struct opaque_server_attempt *attempt)
{
    static const uint8_t nothing[ST_OPAQUE_RECORD_BYTES];
    uint8_t stored[ST_OPAQUE_RECORD_BYTES];
    struct st_opaque_record fake;
    if (attempt->record.len != 0 && attempt->record.len != sizeof stored)
        return ST_EFOREIGN;
    enum st_err err = opaque_server_fake_record(&fake, keys, attempt->credential_id);
    if (err != ST_OK)
        return err;
    uint8_t real = attempt->record.len != 0;
    memcpy(stored, real ? attempt->record.p : nothing, sizeof stored);
    uint8_t mask = (uint8_t)-real;
    const uint8_t *from_fake = (const uint8_t *)&fake;
    uint8_t *to = (uint8_t *)out;
    for (size_t i = 0; i < sizeof *out; i++)
        to[i] = (uint8_t)((stored[i] & mask) | (from_fake[i] & (uint8_t)~mask));
    *stage = (uint8_t)(STAGE_FAKE + real);
    ST_WIPE(stored);
    ST_WIPE(fake);
    return ST_OK;
}

/* CreateCredentialResponse, section 6.3.2.2. */
static enum st_err credential_response(struct st_opaque_ke2 *ke2, const struct opaque_server_keys *keys,
                                       const struct st_opaque_record *record, const struct st_opaque_ke1 *ke1,
                                       const struct opaque_server_attempt *attempt)
{
    struct masked plain;
    memcpy(plain.server_public_key, keys->public_key, sizeof plain.server_public_key);
    plain.envelope = record->envelope;
    enum st_err err = evaluate(ke2->evaluated, keys, attempt->credential_id, ke1->blinded);
    if (err == ST_OK)
        err = st_opaque_mask(ke2->masked, (const uint8_t *)&plain, record->masking_key, ke2->masking_nonce);
    ST_WIPE(plain);
    return err;
}

/* AuthServerRespond, section 6.4.4. The key share in `ke2` belongs to `keyshare_secret`. */
static enum st_err respond(struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                           const struct opaque_server_keys *keys, const uint8_t keyshare_secret[ST_OPAQUE_KEY_BYTES],
                           const struct st_opaque_transcript *transcript)
{
    struct st_opaque_dh dh;
    struct st_opaque_keys derived;
    enum st_err err = st_oprf_multiply(dh.dh1, keyshare_secret, transcript->ke1->client_keyshare);
    if (err == ST_OK)
        err = st_oprf_multiply(dh.dh2, keys->private_key, transcript->ke1->client_keyshare);
    if (err == ST_OK && st_oprf_multiply(dh.dh3, keyshare_secret, transcript->client_public_key) != ST_OK)
        err = ST_EFOREIGN; /* registration checked this key: the store is damaged */
    if (err == ST_OK)
        err = st_opaque_derive_keys(&derived, &dh, transcript);
    if (err == ST_OK) {
        memcpy(ke2->server_mac, derived.server_mac, sizeof ke2->server_mac);
        memcpy(login->expected_client_mac, derived.client_mac, sizeof login->expected_client_mac);
        memcpy(login->session_key, derived.session_key, sizeof login->session_key);
    }
    ST_WIPE(dh);
    ST_WIPE(derived);
    return err;
}

/* GenerateKE2, section 6.2.3 */
static enum st_err generate_ke2(struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                                const struct opaque_server_keys *keys, const struct opaque_server_attempt *attempt,
                                const struct st_env *env)
{
    struct st_opaque_ke1 ke1;
    enum st_err err = st_opaque_check_parties(&attempt->parties);
    if (err == ST_OK && attempt->ke1.len != sizeof ke1)
        err = ST_EMALFORMED;
    if (err != ST_OK)
        return err;
    memcpy(&ke1, attempt->ke1.p, sizeof ke1);

    struct st_opaque_record record;
    uint8_t seed[ST_OPAQUE_SEED_BYTES];
    uint8_t keyshare_secret[ST_OPAQUE_KEY_BYTES];
    err = choose_record(&record, &login->stage, keys, attempt);
    st_env_random(env, ke2->masking_nonce, sizeof ke2->masking_nonce);
    st_env_random(env, ke2->server_nonce, sizeof ke2->server_nonce);
    st_env_random(env, seed, sizeof seed);
    if (err == ST_OK)
        err = credential_response(ke2, keys, &record, &ke1, attempt);
    if (err == ST_OK)
        err = st_opaque_derive_dh_pair(keyshare_secret, ke2->server_keyshare, seed);
    if (err == ST_OK) {
        struct st_opaque_transcript transcript = { &attempt->parties, &ke1, ke2, record.client_public_key,
                                                   keys->public_key };
        err = respond(login, ke2, keys, keyshare_secret, &transcript);
    }
    ST_WIPE(record);
    ST_WIPE(seed);
    ST_WIPE(keyshare_secret);
    return err;
}

enum st_err opaque_server_login_start(struct opaque_server_login *login, struct st_opaque_ke2 *ke2,
                                      const struct opaque_server_keys *keys,
                                      const struct opaque_server_attempt *attempt, const struct st_env *env)
{
    memset(ke2, 0, sizeof *ke2);
    opaque_server_login_deinit(login);
    enum st_err err = generate_ke2(login, ke2, keys, attempt, env);
    if (err != ST_OK) {
        st_wipe(ke2, sizeof *ke2);
        opaque_server_login_deinit(login);
    }
    return err;
}

enum st_err opaque_server_login_finish(uint8_t session_key[static ST_OPAQUE_HASH_BYTES],
                                       struct opaque_server_login *login, struct st_view ke3)
{
    memset(session_key, 0, ST_OPAQUE_HASH_BYTES);
    enum st_err err = ST_EREFUSED;
    if (login->stage == STAGE_NONE)
        goto out;
    err = ST_EMALFORMED;
    if (ke3.len != ST_OPAQUE_KE3_BYTES)
        goto out;
    int differs = sodium_memcmp(ke3.p, login->expected_client_mac, sizeof login->expected_client_mac);
    err = differs == 0 && login->stage == STAGE_REAL ? ST_OK : ST_EINTEGRITY;
    if (err == ST_OK)
        memcpy(session_key, login->session_key, ST_OPAQUE_HASH_BYTES);
out:
    opaque_server_login_deinit(login);
    return err;
}

void opaque_server_login_deinit(struct opaque_server_login *login)
{
    st_wipe(login, sizeof *login);
}
