#include "tests/vectors_tool/runners.h"

#include <stdlib.h>

#include <sodium.h>

#include "lib/opaque/st_oprf.h"
#include "lib/opaque/st_xmd.h"
#include "tests/vectors_tool/vector.h"

static void expand_case(struct vector_run *run, struct st_view message, struct st_view dst, struct st_view want)
{
    uint8_t *out = vector_alloc(run, want.len);
    vector_expect_ok(run, st_xmd_sha512(out, want.len, dst, &message, 1), "expand_message_xmd");
    vector_expect_bytes(run, st_view(out, want.len), want, "uniform_bytes");
}

/* The RFC's form: one tag for all, texts, a length in hexadecimal. */
static void expand_rfc_form(struct vector_run *run, const cJSON *root)
{
    struct st_view dst = st_view_text(vector_text(run, root, "DST"));
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, vector_get(run, root, "tests"))
    {
        vector_case(run, "case %d", index++);
        struct st_view want = vector_hex(run, test, "uniform_bytes");
        vector_expect(run, want.len == strtoul(vector_text(run, test, "len_in_bytes"), NULL, 16), "len_in_bytes");
        expand_case(run, st_view_text(vector_text(run, test, "msg")), dst, want);
    }
}

static void expand_list_form(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d", index++);
        struct st_view want = vector_hex(run, test, "uniform_bytes");
        vector_expect(run, want.len == vector_number(run, test, "len"), "len");
        expand_case(run, vector_hex(run, test, "msg"), vector_hex(run, test, "dst"), want);
    }
}

void run_expand_message(struct vector_run *run, const cJSON *root)
{
    if (cJSON_IsObject(root))
        expand_rfc_form(run, root);
    else
        expand_list_form(run, root);
}

/* One evaluation: `key` holds seed, keyInfo and skSm, `test` the rest. */
static void oprf_case(struct vector_run *run, const cJSON *key, const cJSON *test)
{
    uint8_t private_key[ST_OPRF_SCALAR_BYTES];
    uint8_t public_key[ST_OPRF_ELEMENT_BYTES];
    uint8_t blind[ST_OPRF_SCALAR_BYTES];
    uint8_t blinded[ST_OPRF_ELEMENT_BYTES];
    uint8_t evaluated[ST_OPRF_ELEMENT_BYTES];
    uint8_t output[ST_OPRF_OUTPUT_BYTES];
    struct st_view input = vector_hex(run, test, "Input");
    enum st_err err =
        st_oprf_derive_key_pair(private_key, public_key, vector_hex(run, key, "seed"), vector_hex(run, key, "keyInfo"));
    vector_expect_ok(run, err, "DeriveKeyPair");
    vector_expect_bytes(run, st_view(private_key, sizeof private_key), vector_hex(run, key, "skSm"), "skSm");
    if (vector_has(key, "pkSm"))
        vector_expect_bytes(run, st_view(public_key, sizeof public_key), vector_hex(run, key, "pkSm"), "pkSm");

    vector_hex_into(run, test, "Blind", blind, sizeof blind);
    vector_expect_ok(run, st_oprf_blind(blinded, input, blind), "Blind");
    vector_expect_bytes(run, st_view(blinded, sizeof blinded), vector_hex(run, test, "BlindedElement"),
                        "BlindedElement");
    vector_expect_ok(run, st_oprf_evaluate(evaluated, private_key, blinded), "BlindEvaluate");
    vector_expect_bytes(run, st_view(evaluated, sizeof evaluated), vector_hex(run, test, "EvaluationElement"),
                        "EvaluationElement");
    vector_expect_ok(run, st_oprf_finalize(output, input, blind, evaluated), "Finalize");
    vector_expect_bytes(run, st_view(output, sizeof output), vector_hex(run, test, "Output"), "Output");
}

void run_oprf(struct vector_run *run, const cJSON *root)
{
    /* The RFC's form has one key for all vectors, ours a key in each. */
    bool one_key = cJSON_IsObject(root);
    const cJSON *tests = one_key ? vector_get(run, root, "vectors") : root;
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, tests)
    {
        vector_case(run, "case %d", index++);
        if (one_key) {
            vector_expect(run, vector_number(run, root, "mode") == 0, "mode");
            vector_expect(run, vector_number(run, test, "Batch") == 1, "Batch");
        }
        oprf_case(run, one_key ? root : test, test);
    }
}

void run_ristretto_bad_encodings(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d (%s)", index++, vector_text(run, test, "why"));
        static const uint8_t two[ST_OPRF_SCALAR_BYTES] = { 2 };
        uint8_t element[ST_OPRF_ELEMENT_BYTES];
        uint8_t out[ST_OPRF_ELEMENT_BYTES];
        vector_hex_into(run, test, "element", element, sizeof element);
        vector_expect(run, vector_text_is(test, "verdict", "reject"), "unknown verdict");
        vector_expect(run, st_oprf_check_element(st_view(element, sizeof element)) == ST_EMALFORMED,
                      "st_oprf_check_element accepts");
        vector_expect(run, st_oprf_multiply(out, two, element) == ST_EMALFORMED, "st_oprf_multiply accepts");
        vector_expect(run, sodium_is_zero(out, sizeof out) == 1, "the refused result is not zero");
    }
}

void run_ristretto_from_hash_mul(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d", index++);
        uint8_t wide[ST_OPRF_WIDE_BYTES];
        uint8_t scalar[ST_OPRF_SCALAR_BYTES];
        uint8_t element[ST_OPRF_ELEMENT_BYTES];
        uint8_t product[ST_OPRF_ELEMENT_BYTES];
        vector_hex_into(run, test, "hash", wide, sizeof wide);
        vector_hex_into(run, test, "scalar", scalar, sizeof scalar);
        vector_expect_ok(run, st_oprf_check_scalar(scalar), "scalar");
        vector_expect_ok(run, st_oprf_element_from_wide(element, wide), "from hash");
        vector_expect_bytes(run, st_view(element, sizeof element), vector_hex(run, test, "element"), "element");
        vector_expect_ok(run, st_oprf_check_element(st_view(element, sizeof element)), "its own encoding");
        vector_expect_ok(run, st_oprf_multiply(product, scalar, element), "multiply");
        vector_expect_bytes(run, st_view(product, sizeof product), vector_hex(run, test, "product"), "product");
    }
}

void run_x25519(struct vector_run *run, const cJSON *root)
{
    int index = 0;
    const cJSON *test;
    cJSON_ArrayForEach(test, root)
    {
        vector_case(run, "case %d", index++);
        uint8_t private_key[crypto_scalarmult_SCALARBYTES];
        uint8_t public_key[crypto_scalarmult_BYTES];
        uint8_t shared[crypto_scalarmult_BYTES];
        vector_hex_into(run, test, "private", private_key, sizeof private_key);
        vector_hex_into(run, test, "public", public_key, sizeof public_key);
        vector_expect(run, crypto_scalarmult(shared, private_key, public_key) == 0, "crypto_scalarmult");
        vector_expect_bytes(run, st_view(shared, sizeof shared), vector_hex(run, test, "shared"), "shared");
    }
}
