#include "tests/vectors_tool/runners.h"

#include <argon2.h>

#include "lib/st_hkdf.h"
#include "tests/vectors_tool/vector.h"

/* Begins the case of one element of an array, by its name if it has one. */
static void begin_case(struct vector_run *run, const cJSON *test, int index)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(test, "name");
    if (cJSON_IsString(name))
        vector_case(run, "%s", name->valuestring);
    else
        vector_case(run, "case %d", index);
}

/* One of the RFC's cases gives the first 16 bytes of the tag only. */
static void expect_tag(struct vector_run *run, const cJSON *test, const char *name, const uint8_t *mac, size_t mac_len)
{
    struct st_view want = vector_hex(run, test, name);
    vector_expect(run, want.len >= 16 && want.len <= mac_len, "length of the tag");
    vector_expect_bytes(run, st_view(mac, want.len < mac_len ? want.len : mac_len), want, name);
}

void run_hmac(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        begin_case(run, test, index++);
        uint8_t mac256[ST_SHA256_BYTES];
        uint8_t mac512[ST_SHA512_BYTES];
        struct st_view key = vector_hex(run, test, "key");
        struct st_view data = vector_hex(run, test, "data");
        st_hmac_sha256(mac256, key, &data, 1);
        st_hmac_sha512(mac512, key, &data, 1);
        expect_tag(run, test, "hmac_sha256", mac256, sizeof mac256);
        expect_tag(run, test, "hmac_sha512", mac512, sizeof mac512);
    }
}

static void hkdf_sha256_case(struct vector_run *run, const cJSON *test, uint8_t *okm, size_t len)
{
    uint8_t prk[ST_SHA256_BYTES];
    struct st_view info = vector_hex(run, test, "info");
    st_hkdf_sha256_extract(prk, vector_hex(run, test, "salt"), vector_hex(run, test, "ikm"));
    vector_expect_bytes(run, st_view(prk, sizeof prk), vector_hex(run, test, "prk"), "prk");
    vector_expect_ok(run, st_hkdf_sha256_expand(okm, len, st_view(prk, sizeof prk), &info, 1), "expand");
}

static void hkdf_sha512_case(struct vector_run *run, const cJSON *test, uint8_t *okm, size_t len)
{
    uint8_t prk[ST_SHA512_BYTES];
    struct st_view info = vector_hex(run, test, "info");
    st_hkdf_sha512_extract(prk, vector_hex(run, test, "salt"), vector_hex(run, test, "ikm"));
    vector_expect_bytes(run, st_view(prk, sizeof prk), vector_hex(run, test, "prk"), "prk");
    vector_expect_ok(run, st_hkdf_sha512_expand(okm, len, st_view(prk, sizeof prk), &info, 1), "expand");
}

void run_hkdf(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        begin_case(run, test, index++);
        size_t len = (size_t)vector_number(run, test, "L");
        uint8_t *okm = vector_alloc(run, len);
        if (vector_text_is(test, "hash", "SHA-256"))
            hkdf_sha256_case(run, test, okm, len);
        else if (vector_text_is(test, "hash", "SHA-512"))
            hkdf_sha512_case(run, test, okm, len);
        else
            vector_expect(run, false, "unknown hash");
        vector_expect_bytes(run, st_view(okm, len), vector_hex(run, test, "okm"), "okm");
    }
}

/* libargon2 takes pointers that it does not write through, without const: each gets a copy. */
static uint8_t *copy_of(struct vector_run *run, struct st_view bytes)
{
    uint8_t *copy = vector_alloc(run, bytes.len);
    if (bytes.len > 0)
        memcpy(copy, bytes.p, bytes.len);
    return copy;
}

void run_argon2id(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        begin_case(run, test, index++);
        struct st_view password = vector_hex(run, test, "pw");
        struct st_view salt = vector_hex(run, test, "salt");
        struct st_view secret = vector_hex_or_empty(run, test, "secret");
        struct st_view ad = vector_hex_or_empty(run, test, "ad");
        struct st_view want = vector_hex(run, test, "tag");
        uint8_t *tag = vector_alloc(run, want.len);
        uint32_t p = (uint32_t)vector_number(run, test, "p");
        argon2_context context = { .out = tag,
                                   .outlen = (uint32_t)want.len,
                                   .pwd = copy_of(run, password),
                                   .pwdlen = (uint32_t)password.len,
                                   .salt = copy_of(run, salt),
                                   .saltlen = (uint32_t)salt.len,
                                   .secret = copy_of(run, secret),
                                   .secretlen = (uint32_t)secret.len,
                                   .ad = copy_of(run, ad),
                                   .adlen = (uint32_t)ad.len,
                                   .t_cost = (uint32_t)vector_number(run, test, "t"),
                                   .m_cost = (uint32_t)vector_number(run, test, "m_kib"),
                                   .lanes = p,
                                   .threads = p,
                                   .version = ARGON2_VERSION_13 };
        vector_expect(run, argon2id_ctx(&context) == ARGON2_OK, "argon2id_ctx");
        vector_expect_bytes(run, st_view(tag, want.len), want, "tag");
    }
}
