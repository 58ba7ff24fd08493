#include "client/e2e/e2e_safety.h"

#include <string.h>

#include <sodium.h>

enum { HASH_BYTES = crypto_hash_sha512_BYTES, GROUPS = 6, GROUP_BYTES = 5, GROUP_DIGITS = 5 };

_Static_assert(GROUPS *GROUP_DIGITS == E2E_SAFETY_HALF_DIGITS, "six groups of five digits");

/* h1 = SHA-512( L("SafeTalk/1 safety-number") ‖ AK ‖ acct_id ‖ L(login name) ‖ AK ); then SHA-512(h ‖ AK) again and
 * again. */
static enum st_err fingerprint(uint8_t hash[static HASH_BYTES], const uint8_t *ak, const char *login_name)
{
    uint8_t name[1 + E2E_SAFETY_NAME_MAX];
    uint8_t acct_id[ST_ACCT_BYTES];
    size_t name_len;
    enum st_err err = st_label_put(name, sizeof name, login_name, &name_len);
    if (err != ST_OK)
        return err;
    st_devlist_acct_id(acct_id, ak);
    struct st_view label = st_label_view(ST_LABEL_SAFETY_NUMBER);
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, label.p, label.len);
    crypto_hash_sha512_update(&state, ak, ST_SIGN_PUB_BYTES);
    crypto_hash_sha512_update(&state, acct_id, sizeof acct_id);
    crypto_hash_sha512_update(&state, name, name_len);
    crypto_hash_sha512_update(&state, ak, ST_SIGN_PUB_BYTES);
    crypto_hash_sha512_final(&state, hash);
    for (int i = 1; i < E2E_SAFETY_ROUNDS; i++) {
        crypto_hash_sha512_init(&state);
        crypto_hash_sha512_update(&state, hash, HASH_BYTES);
        crypto_hash_sha512_update(&state, ak, ST_SIGN_PUB_BYTES);
        crypto_hash_sha512_final(&state, hash);
    }
    return ST_OK;
}

static void put_group(char *out, const uint8_t *in)
{
    uint64_t value = 0;
    for (int i = 0; i < GROUP_BYTES; i++)
        value = value << 8 | in[i];
    value %= 100000;
    for (int i = GROUP_DIGITS; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
}

enum st_err e2e_safety_half(char out[static E2E_SAFETY_HALF_DIGITS + 1], const uint8_t ak[static ST_SIGN_PUB_BYTES],
                            const char *login_name)
{
    uint8_t hash[HASH_BYTES];
    out[0] = '\0';
    enum st_err err = fingerprint(hash, ak, login_name);
    if (err != ST_OK)
        return err;
    for (int i = 0; i < GROUPS; i++)
        put_group(out + i * GROUP_DIGITS, hash + i * GROUP_BYTES);
    out[E2E_SAFETY_HALF_DIGITS] = '\0';
    return ST_OK;
}

void e2e_safety_number(char out[static E2E_SAFETY_DIGITS + 1], const char half_a[static E2E_SAFETY_HALF_DIGITS + 1],
                       const char half_b[static E2E_SAFETY_HALF_DIGITS + 1])
{
    bool a_first = memcmp(half_a, half_b, E2E_SAFETY_HALF_DIGITS) <= 0;
    memcpy(out, a_first ? half_a : half_b, E2E_SAFETY_HALF_DIGITS);
    memcpy(out + E2E_SAFETY_HALF_DIGITS, a_first ? half_b : half_a, E2E_SAFETY_HALF_DIGITS);
    out[E2E_SAFETY_DIGITS] = '\0';
}
