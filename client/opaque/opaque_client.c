#include "client/opaque/opaque_client.h"

#include <sodium.h>

#include "client/opaque/opaque_client_vectors.h"
#include "client/opaque/opaque_envelope.h"
#include "client/opaque/opaque_ksf.h"
#include "lib/opaque/st_oprf.h"
#include "lib/st_wipe.h"

void opaque_client_registration_deinit(struct opaque_client_registration *registration)
{
    st_wipe(registration, sizeof *registration);
}

void opaque_client_login_deinit(struct opaque_client_login *login)
{
    st_wipe(login, sizeof *login);
}

void opaque_client_registered_deinit(struct opaque_client_registered *registered)
{
    st_wipe(registered, sizeof *registered);
}

void opaque_client_logged_in_deinit(struct opaque_client_logged_in *logged_in)
{
    st_wipe(logged_in, sizeof *logged_in);
}

enum st_err opaque_client_register_start(struct opaque_client_registration *registration,
                                         struct st_opaque_request *request, struct st_view password,
                                         const struct st_env *env)
{
    memset(request, 0, sizeof *request);
    opaque_client_registration_deinit(registration);
    enum st_err err = st_oprf_random_scalar(registration->blind, env);
    if (err == ST_OK)
        err = st_oprf_blind(request->blinded, password, registration->blind);
    registration->started = err == ST_OK;
    if (err != ST_OK)
        opaque_client_registration_deinit(registration);
    return err;
}

/* Section 5.2.3 and 4.1.2: the record out of the randomised password. */
static enum st_err make_record(struct opaque_client_registered *out, const uint8_t randomized[ST_OPAQUE_HASH_BYTES],
                               const uint8_t server_public_key[static ST_OPAQUE_KEY_BYTES],
                               const struct st_opaque_parties *parties, const struct st_env *env)
{
    struct st_opaque_record *record = &out->record;
    struct opaque_envelope_keys keys;
    st_env_random(env, record->envelope.nonce, sizeof record->envelope.nonce);
    enum st_err err = opaque_envelope_masking_key(record->masking_key, randomized);
    if (err == ST_OK)
        err = opaque_envelope_keys_derive(&keys, randomized, record->envelope.nonce);
    if (err == ST_OK) {
        opaque_envelope_tag(record->envelope.auth_tag, &keys, record->envelope.nonce, server_public_key, parties);
        memcpy(record->client_public_key, keys.public_key, sizeof record->client_public_key);
        memcpy(out->export_key, keys.export_key, sizeof out->export_key);
    }
    ST_WIPE(keys);
    return err;
}

static enum st_err finish_registration(struct opaque_client_registered *out,
                                       const struct opaque_client_registration *registration, struct st_view response,
                                       struct st_view password, const struct opaque_client_setup *setup,
                                       const struct st_env *env)
{
    struct st_opaque_response got;
    uint8_t randomized[ST_OPAQUE_HASH_BYTES];
    if (!registration->started)
        return ST_EREFUSED;
    enum st_err err = st_opaque_check_parties(&setup->parties);
    if (err == ST_OK && response.len != sizeof got)
        err = ST_EMALFORMED;
    if (err != ST_OK)
        return err;
    memcpy(&got, response.p, sizeof got);
    err = st_oprf_check_element(st_view(got.server_public_key, sizeof got.server_public_key));
    if (err == ST_OK)
        err = opaque_envelope_randomize(randomized, password, registration->blind, got.evaluated, &setup->ksf);
    if (err == ST_OK)
        err = make_record(out, randomized, got.server_public_key, &setup->parties, env);
    ST_WIPE(randomized);
    return err;
}

enum st_err opaque_client_register_finish_any_ksf(struct opaque_client_registered *out,
                                                  struct opaque_client_registration *registration,
                                                  struct st_view response, struct st_view password,
                                                  const struct opaque_client_setup *setup, const struct st_env *env)
{
    memset(out, 0, sizeof *out);
    enum st_err err = finish_registration(out, registration, response, password, setup, env);
    opaque_client_registration_deinit(registration);
    if (err != ST_OK)
        opaque_client_registered_deinit(out);
    return err;
}

enum st_err opaque_client_register_finish(struct opaque_client_registered *out,
                                          struct opaque_client_registration *registration, struct st_view response,
                                          struct st_view password, const struct opaque_client_setup *setup,
                                          const struct st_env *env)
{
    enum st_err err = opaque_ksf_check_registration(&setup->ksf);
    if (err != ST_OK) {
        memset(out, 0, sizeof *out);
        opaque_client_registration_deinit(registration);
        return err;
    }
    return opaque_client_register_finish_any_ksf(out, registration, response, password, setup, env);
}

enum st_err opaque_client_login_start(struct opaque_client_login *login, struct st_opaque_ke1 *ke1,
                                      struct st_view password, const struct st_env *env)
{
    uint8_t seed[ST_OPAQUE_SEED_BYTES];
    memset(ke1, 0, sizeof *ke1);
    opaque_client_login_deinit(login);
    enum st_err err = st_oprf_random_scalar(login->blind, env);
    if (err == ST_OK)
        err = st_oprf_blind(login->ke1.blinded, password, login->blind);
    if (err == ST_OK) {
        st_env_random(env, login->ke1.client_nonce, sizeof login->ke1.client_nonce);
        st_env_random(env, seed, sizeof seed);
        err = st_opaque_derive_dh_pair(login->keyshare_secret, login->ke1.client_keyshare, seed);
    }
    ST_WIPE(seed);
    if (err != ST_OK) {
        opaque_client_login_deinit(login);
        return err;
    }
    login->started = true;
    *ke1 = login->ke1;
    return ST_OK;
}

/* What the client finds under the mask of KE2. */
struct unmasked {
    uint8_t server_public_key[ST_OPAQUE_KEY_BYTES];
    struct st_opaque_envelope envelope;
};
_Static_assert(sizeof(struct unmasked) == ST_OPAQUE_MASKED_BYTES, "no padding");

/* RecoverCredentials (6.3.2.3) and Recover (4.1.3): the client's keys and the server's public key, if the envelope is
 * ours. Under a wrong password the mask gives noise, so that whatever fails here means the same. */
static enum st_err recover(struct opaque_envelope_keys *keys, uint8_t server_public_key[static ST_OPAQUE_KEY_BYTES],
                           const uint8_t randomized[static ST_OPAQUE_HASH_BYTES], const struct st_opaque_ke2 *ke2,
                           const struct st_opaque_parties *parties)
{
    uint8_t masking_key[ST_OPAQUE_HASH_BYTES];
    uint8_t tag[ST_OPAQUE_HASH_BYTES];
    struct unmasked unmasked;
    enum st_err err = opaque_envelope_masking_key(masking_key, randomized);
    if (err == ST_OK)
        err = st_opaque_mask((uint8_t *)&unmasked, ke2->masked, masking_key, ke2->masking_nonce);
    if (err == ST_OK)
        err = opaque_envelope_keys_derive(keys, randomized, unmasked.envelope.nonce);
    if (err == ST_OK) {
        opaque_envelope_tag(tag, keys, unmasked.envelope.nonce, unmasked.server_public_key, parties);
        memcpy(server_public_key, unmasked.server_public_key, ST_OPAQUE_KEY_BYTES);
        if (sodium_memcmp(tag, unmasked.envelope.auth_tag, sizeof tag) != 0)
            err = ST_EINTEGRITY;
    }
    ST_WIPE(masking_key);
    ST_WIPE(tag);
    ST_WIPE(unmasked);
    return err;
}

/* AuthClientFinalize (6.4.3): the server proves that it knows the record's key; only then is there a KE3. */
static enum st_err authenticate(struct opaque_client_logged_in *out, const struct opaque_client_login *login,
                                const struct st_opaque_ke2 *ke2, const struct opaque_envelope_keys *keys,
                                const struct st_opaque_transcript *transcript)
{
    struct st_opaque_dh dh;
    struct st_opaque_keys derived;
    enum st_err err = st_oprf_multiply(dh.dh1, login->keyshare_secret, ke2->server_keyshare);
    if (err == ST_OK)
        err = st_oprf_multiply(dh.dh2, login->keyshare_secret, transcript->server_public_key);
    if (err == ST_OK)
        err = st_oprf_multiply(dh.dh3, keys->private_key, ke2->server_keyshare);
    if (err == ST_OK)
        err = st_opaque_derive_keys(&derived, &dh, transcript);
    if (err == ST_OK && sodium_memcmp(derived.server_mac, ke2->server_mac, sizeof derived.server_mac) != 0)
        err = ST_EINTEGRITY;
    if (err == ST_OK) {
        memcpy(out->ke3.client_mac, derived.client_mac, sizeof out->ke3.client_mac);
        memcpy(out->session_key, derived.session_key, sizeof out->session_key);
        memcpy(out->export_key, keys->export_key, sizeof out->export_key);
    }
    ST_WIPE(dh);
    ST_WIPE(derived);
    return err;
}

static enum st_err finish_login(struct opaque_client_logged_in *out, const struct opaque_client_login *login,
                                struct st_view ke2_bytes, struct st_view password,
                                const struct opaque_client_setup *setup)
{
    struct st_opaque_ke2 ke2;
    if (!login->started)
        return ST_EREFUSED;
    enum st_err err = st_opaque_check_parties(&setup->parties);
    if (err == ST_OK && ke2_bytes.len != sizeof ke2)
        err = ST_EMALFORMED;
    if (err != ST_OK)
        return err;
    memcpy(&ke2, ke2_bytes.p, sizeof ke2);

    uint8_t randomized[ST_OPAQUE_HASH_BYTES];
    uint8_t server_public_key[ST_OPAQUE_KEY_BYTES];
    struct opaque_envelope_keys keys;
    err = st_oprf_check_element(st_view(ke2.server_keyshare, sizeof ke2.server_keyshare));
    if (err == ST_OK)
        err = opaque_envelope_randomize(randomized, password, login->blind, ke2.evaluated, &setup->ksf);
    if (err == ST_OK)
        err = recover(&keys, server_public_key, randomized, &ke2, &setup->parties);
    if (err == ST_OK) {
        struct st_opaque_transcript transcript = { &setup->parties, &login->ke1, &ke2, keys.public_key,
                                                   server_public_key };
        err = authenticate(out, login, &ke2, &keys, &transcript);
    }
    ST_WIPE(randomized);
    ST_WIPE(server_public_key);
    ST_WIPE(keys);
    return err;
}

enum st_err opaque_client_login_finish_any_ksf(struct opaque_client_logged_in *out, struct opaque_client_login *login,
                                               struct st_view ke2, struct st_view password,
                                               const struct opaque_client_setup *setup)
{
    memset(out, 0, sizeof *out);
    enum st_err err = finish_login(out, login, ke2, password, setup);
    opaque_client_login_deinit(login);
    if (err != ST_OK)
        opaque_client_logged_in_deinit(out);
    return err;
}

enum st_err opaque_client_login_finish(struct opaque_client_logged_in *out, struct opaque_client_login *login,
                                       struct st_view ke2, struct st_view password,
                                       const struct opaque_client_setup *setup)
{
    enum st_err err = opaque_ksf_check(&setup->ksf);
    if (err != ST_OK) {
        memset(out, 0, sizeof *out);
        opaque_client_login_deinit(login);
        return err;
    }
    return opaque_client_login_finish_any_ksf(out, login, ke2, password, setup);
}
