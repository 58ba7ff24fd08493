#include "tests/vectors_tool/runners.h"

#include <sodium.h>

#include "lib/st_hkdf.h"
#include "tests/vectors_tool/vector.h"

/* What the suite says of a case: must the call succeed? */
static bool is_valid(const cJSON *test)
{
    return vector_text_is(test, "result", "valid");
}

typedef void (*case_fn)(struct vector_run *run, const cJSON *group, const cJSON *test);

/* Runs a function over every test of every group. */
static void each_test(struct vector_run *run, const cJSON *root, case_fn run_case)
{
    const cJSON *groups = vector_get(run, root, "testGroups");
    const cJSON *group;
    cJSON_ArrayForEach(group, groups)
    {
        const cJSON *test;
        cJSON_ArrayForEach(test, cJSON_GetObjectItemCaseSensitive(group, "tests"))
        {
            const cJSON *id = cJSON_GetObjectItemCaseSensitive(test, "tcId");
            vector_case(run, "tcId %d", cJSON_IsNumber(id) ? id->valueint : -1);
            run_case(run, group, test);
        }
    }
}

static void x25519_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    (void)group;
    uint8_t private_key[crypto_scalarmult_SCALARBYTES];
    uint8_t public_key[crypto_scalarmult_BYTES];
    uint8_t want[crypto_scalarmult_BYTES];
    uint8_t got[crypto_scalarmult_BYTES] = { 0 };
    if (!vector_hex_into(run, test, "private", private_key, sizeof private_key) ||
        !vector_hex_into(run, test, "public", public_key, sizeof public_key) ||
        !vector_hex_into(run, test, "shared", want, sizeof want))
        return;
    int result = crypto_scalarmult(got, private_key, public_key);
    if (sodium_is_zero(want, sizeof want)) {
        vector_expect(run, result == -1, "an all-zero result must be refused");
        return;
    }
    vector_expect(run, result == 0, "crypto_scalarmult refuses");
    vector_expect_bytes(run, st_view(got, sizeof got), st_view(want, sizeof want), "shared");
}

void run_wycheproof_x25519(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, x25519_case);
}

static void ed25519_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    const cJSON *key = vector_get(run, group, "publicKey");
    if (!vector_hex_into(run, key, "pk", public_key, sizeof public_key))
        return;
    struct st_view message = vector_hex(run, test, "msg");
    struct st_view signature = vector_hex(run, test, "sig");
    bool accepted = signature.len == crypto_sign_BYTES &&
                    crypto_sign_verify_detached(signature.p, message.p, message.len, public_key) == 0;
    vector_expect(run, accepted == is_valid(test), accepted ? "wrongly accepted" : "wrongly refused");
}

void run_wycheproof_ed25519(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, ed25519_case);
}

typedef enum st_err (*hkdf_fn)(uint8_t *out, size_t out_len, struct st_view salt, struct st_view ikm,
                               const struct st_view *info, size_t info_count);

static void hkdf_case(struct vector_run *run, const cJSON *test, hkdf_fn hkdf)
{
    struct st_view info = vector_hex(run, test, "info");
    size_t size = (size_t)vector_number(run, test, "size");
    uint8_t *out = vector_alloc(run, size);
    enum st_err err = hkdf(out, size, vector_hex(run, test, "salt"), vector_hex(run, test, "ikm"), &info, 1);
    vector_expect(run, (err == ST_OK) == is_valid(test), "the size is judged wrongly");
    if (is_valid(test))
        vector_expect_bytes(run, st_view(out, size), vector_hex(run, test, "okm"), "okm");
}

static void hkdf_sha256_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    (void)group;
    hkdf_case(run, test, st_hkdf_sha256);
}

static void hkdf_sha512_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    (void)group;
    hkdf_case(run, test, st_hkdf_sha512);
}

void run_wycheproof_hkdf_sha256(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, hkdf_sha256_case);
}

void run_wycheproof_hkdf_sha512(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, hkdf_sha512_case);
}

/* `mac` is the whole tag; the suite also has tags that are cut short. */
static void hmac_case(struct vector_run *run, const cJSON *group, const cJSON *test, struct st_view mac)
{
    struct st_view tag = vector_hex(run, test, "tag");
    size_t tag_len = (size_t)vector_number(run, group, "tagSize") / 8;
    bool equal = tag.len == tag_len && tag_len <= mac.len && sodium_memcmp(tag.p, mac.p, tag_len) == 0;
    vector_expect(run, equal == is_valid(test), equal ? "wrongly accepted" : "wrongly refused");
}

static void hmac_sha256_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    uint8_t mac[ST_SHA256_BYTES];
    struct st_view message = vector_hex(run, test, "msg");
    st_hmac_sha256(mac, vector_hex(run, test, "key"), &message, 1);
    hmac_case(run, group, test, st_view(mac, sizeof mac));
}

static void hmac_sha512_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    uint8_t mac[ST_SHA512_BYTES];
    struct st_view message = vector_hex(run, test, "msg");
    st_hmac_sha512(mac, vector_hex(run, test, "key"), &message, 1);
    hmac_case(run, group, test, st_view(mac, sizeof mac));
}

void run_wycheproof_hmac_sha256(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, hmac_sha256_case);
}

void run_wycheproof_hmac_sha512(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, hmac_sha512_case);
}

static void xchacha_case(struct vector_run *run, const cJSON *group, const cJSON *test)
{
    (void)group;
    struct st_view key = vector_hex(run, test, "key");
    struct st_view nonce = vector_hex(run, test, "iv");
    struct st_view ad = vector_hex(run, test, "aad");
    struct st_view ciphertext = vector_hex(run, test, "ct");
    struct st_view tag = vector_hex(run, test, "tag");
    uint8_t *plain = vector_alloc(run, ciphertext.len);
    /* A nonce of another length never reaches the call: the type of the argument refuses it. */
    bool accepted = key.len == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
                    nonce.len == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                    tag.len == crypto_aead_xchacha20poly1305_ietf_ABYTES &&
                    crypto_aead_xchacha20poly1305_ietf_decrypt_detached(plain, NULL, ciphertext.p, ciphertext.len,
                                                                        tag.p, ad.p, ad.len, nonce.p, key.p) == 0;
    vector_expect(run, accepted == is_valid(test), accepted ? "wrongly accepted" : "wrongly refused");
    if (accepted)
        vector_expect_bytes(run, st_view(plain, ciphertext.len), vector_hex(run, test, "msg"), "msg");
}

void run_wycheproof_xchacha20_poly1305(struct vector_run *run, const cJSON *root)
{
    each_test(run, root, xchacha_case);
}
