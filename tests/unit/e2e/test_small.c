/* The small parts: padding, identities, safety numbers, exposing, generations, budgets. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

#include "client/e2e/e2e_expose.h"
#include "client/e2e/e2e_generation.h"
#include "client/e2e/e2e_padding.h"
#include "client/e2e/e2e_safety.h"

static void padding__bucket__is_the_smallest_that_leaves_a_byte(void **state)
{
    (void)state;
    assert_int_equal(e2e_padding_bucket(0), 256);
    assert_int_equal(e2e_padding_bucket(255), 256);
    assert_int_equal(e2e_padding_bucket(256), 512);
    assert_int_equal(e2e_padding_bucket(65535), 65536);
    assert_int_equal(e2e_padding_bucket(65536), 0);
    assert_int_equal(e2e_padding_bucket(SIZE_MAX), 0);
    size_t buckets = 0;
    for (size_t len = 0; len <= 140000; len++)
        buckets += e2e_padding_is_bucket(len) ? 1 : 0;
    assert_int_equal(buckets, 9);
    assert_true(e2e_padding_is_bucket(256));
    assert_true(e2e_padding_is_bucket(65536));
}

static void padding__strip__gives_back_every_length(void **state)
{
    (void)state;
    static uint8_t buf[1024];
    for (size_t len = 0; len < 1024; len++) {
        memset(buf, 0x80, sizeof buf); /* what looks like padding inside the text must not be taken for it */
        e2e_padding_add(buf, len);
        size_t got;
        assert_int_equal(e2e_padding_strip(buf, e2e_padding_bucket(len), &got), ST_OK);
        assert_int_equal(got, len);
    }
}

static void padding__strip__refuses_what_is_none(void **state)
{
    (void)state;
    uint8_t buf[256] = { 0 };
    size_t len = 7;
    assert_int_equal(e2e_padding_strip(buf, sizeof buf, &len), ST_EMALFORMED);
    assert_int_equal(len, 0);
    buf[200] = 0x81;
    assert_int_equal(e2e_padding_strip(buf, sizeof buf, &len), ST_EMALFORMED);
    buf[200] = 0x80;
    buf[255] = 1;
    assert_int_equal(e2e_padding_strip(buf, sizeof buf, &len), ST_EMALFORMED);
    buf[255] = 0;
    assert_int_equal(e2e_padding_strip(buf, 255, &len), ST_EMALFORMED);
    assert_int_equal(e2e_padding_strip(buf, sizeof buf, &len), ST_OK);
    assert_int_equal(len, 200);
}

static void identity__read__gives_back_what_was_written(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[E2E_IDENT_BYTES];
    struct e2e_ident ident;
    e2e_identity_write(&f->a.self.ident, bytes);
    e2e_identity_read(bytes, &ident);
    assert_memory_equal(&ident, &f->a.self.ident, sizeof ident);
}

static void identity__of_listed__takes_keys_from_the_list(void **state)
{
    struct fixture *f = *state;
    struct e2e_ident ident;
    assert_int_equal(e2e_identity_of_listed(&f->b.list, f->b.ak.pub, 7, &ident), ST_OK);
    assert_memory_equal(&ident, &f->b.self.ident, sizeof ident);
    assert_int_equal(e2e_identity_of_listed(&f->b.list, f->b.ak.pub, 8, &ident), ST_ENOTFOUND);
    assert_true(sodium_is_zero((const uint8_t *)&ident, sizeof ident));
}

static void safety__half__depends_on_key_and_name(void **state)
{
    struct fixture *f = *state;
    char one[E2E_SAFETY_HALF_DIGITS + 1];
    char two[E2E_SAFETY_HALF_DIGITS + 1];
    char long_name[E2E_SAFETY_NAME_MAX + 2];
    assert_int_equal(e2e_safety_half(one, f->a.ak.pub, "alice"), ST_OK);
    assert_int_equal(strspn(one, "0123456789"), E2E_SAFETY_HALF_DIGITS);
    assert_int_equal(e2e_safety_half(two, f->a.ak.pub, "alicf"), ST_OK);
    assert_string_not_equal(one, two);
    assert_int_equal(e2e_safety_half(two, f->b.ak.pub, "alice"), ST_OK);
    assert_string_not_equal(one, two);
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(e2e_safety_half(two, f->a.ak.pub, long_name), ST_ELIMIT);
    assert_string_equal(two, "");
    long_name[E2E_SAFETY_NAME_MAX] = '\0';
    assert_int_equal(e2e_safety_half(two, f->a.ak.pub, long_name), ST_OK);
}

static void expose__hash__is_sha256_over_label_sid_r_n(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "x");
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    uint8_t bytes[1 + 18 + 16 + 32 + 4];
    uint8_t hash[32];
    bytes[0] = 18;
    memcpy(bytes + 1, "SafeTalk/1 exposed", 18);
    memcpy(bytes + 19, f->wire.p + 4, 16);
    memcpy(bytes + 35, f->wire.p + 28, 32);
    memcpy(bytes + 67, f->wire.p + 24, 4);
    crypto_hash_sha256(hash, bytes, sizeof bytes);
    assert_memory_equal(hash, f->received.exposed_hash, sizeof hash);
}

/* What the deny command shows: the exposed key makes any text of that length pass for the one that was sent, and is
 * the right one for the bytes that were. */
static void expose__mac_key__verifies_the_recorded_bytes(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "x");
    struct e2e_sent sent = f->sent;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    assert_memory_equal(sent.th, f->received.th, E2E_HASH_BYTES);
    uint8_t tag[32];
    crypto_auth_hmacsha256_state mac;
    crypto_auth_hmacsha256_init(&mac, f->received.mac_key, E2E_KEY_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->received.th, E2E_HASH_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->wire.p, f->wire.len - E2E_TAG_BYTES);
    crypto_auth_hmacsha256_final(&mac, tag);
    assert_memory_equal(tag, f->wire.p + f->wire.len - E2E_TAG_BYTES, sizeof tag);
    /* A forgery under it is dropped by (R, n), before any MAC work. */
    f->wire.p[E2E_HEADER_BYTES] ^= 1;
    crypto_auth_hmacsha256_init(&mac, f->received.mac_key, E2E_KEY_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->received.th, E2E_HASH_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->wire.p, f->wire.len - E2E_TAG_BYTES);
    crypto_auth_hmacsha256_final(&mac, f->wire.p + f->wire.len - E2E_TAG_BYTES);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
}

static void generation__read__only_what_was_made_here(void **state)
{
    (void)state;
    static const uint8_t k_db[E2E_DB_KEY_BYTES] = { 1, 2, 3 };
    static const uint8_t other[E2E_DB_KEY_BYTES] = { 1, 2, 4 };
    static const uint8_t acct[ST_ACCT_BYTES] = { 9 };
    uint8_t tag[E2E_GENERATION_BYTES];
    uint64_t gen;
    assert_int_equal(e2e_generation_make(tag, k_db, acct, 3, 77), ST_OK);
    assert_int_equal(e2e_generation_read(tag, k_db, acct, 3, &gen), ST_OK);
    assert_int_equal(gen, 77);
    assert_int_equal(e2e_generation_read(tag, other, acct, 3, &gen), ST_EINTEGRITY);
    assert_int_equal(gen, 0);
    assert_int_equal(e2e_generation_read(tag, k_db, acct, 4, &gen), ST_EINTEGRITY);
    for (size_t i = 0; i < sizeof tag; i++) {
        tag[i] ^= 1;
        assert_int_equal(e2e_generation_read(tag, k_db, acct, 3, &gen), ST_EINTEGRITY);
        tag[i] ^= 1;
    }
    assert_int_equal(e2e_generation_read(tag, k_db, acct, 3, &gen), ST_OK);
}

static void budget__fail__pauses_a_minute_after_twenty_in_a_minute(void **state)
{
    (void)state;
    struct e2e_budget budget = { 0, 0, 0 };
    for (int i = 0; i < 19; i++)
        e2e_budget_fail(&budget, 1000);
    assert_false(e2e_budget_paused(&budget, 1000));
    e2e_budget_fail(&budget, 1059);
    assert_true(e2e_budget_paused(&budget, 1059));
    assert_true(e2e_budget_paused(&budget, 1118));
    assert_false(e2e_budget_paused(&budget, 1119));
}

static void budget__fail__starts_anew_each_minute(void **state)
{
    (void)state;
    struct e2e_budget budget = { 0, 0, 0 };
    for (int minute = 0; minute < 10; minute++)
        for (int i = 0; i < 19; i++)
            e2e_budget_fail(&budget, (uint64_t)(1000 + 60 * minute));
    assert_false(e2e_budget_paused(&budget, 1540));
}

static void budget__paused__not_for_ever_when_the_clock_is_set_back(void **state)
{
    (void)state;
    struct e2e_budget budget = { 0, 0, 0 };
    for (int i = 0; i < 20; i++)
        e2e_budget_fail(&budget, 1000000);
    assert_true(e2e_budget_paused(&budget, 1000000));
    assert_false(e2e_budget_paused(&budget, 500));
}

static void verdict__text__for_each(void **state)
{
    (void)state;
    for (int i = 0; i < E2E_VERDICT_COUNT; i++)
        assert_non_null(e2e_verdict_text((enum e2e_verdict)i));
    assert_string_equal(e2e_verdict_text((enum e2e_verdict)99), "unknown verdict");
    assert_true(e2e_verdict_is_held(E2E_BEYOND_SKIP));
    assert_true(e2e_verdict_is_held(E2E_PAUSED));
    assert_true(e2e_verdict_is_held(E2E_LIST_MISSING));
    assert_false(e2e_verdict_is_held(E2E_WRONG_TAG));
    assert_false(e2e_verdict_is_held(E2E_UNKNOWN_PREKEY));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padding__bucket__is_the_smallest_that_leaves_a_byte),
        cmocka_unit_test(padding__strip__gives_back_every_length),
        cmocka_unit_test(padding__strip__refuses_what_is_none),
        TEST(identity__read__gives_back_what_was_written),
        TEST(identity__of_listed__takes_keys_from_the_list),
        TEST(safety__half__depends_on_key_and_name),
        TEST(expose__hash__is_sha256_over_label_sid_r_n),
        TEST(expose__mac_key__verifies_the_recorded_bytes),
        cmocka_unit_test(generation__read__only_what_was_made_here),
        cmocka_unit_test(budget__fail__pauses_a_minute_after_twenty_in_a_minute),
        cmocka_unit_test(budget__fail__starts_anew_each_minute),
        cmocka_unit_test(budget__paused__not_for_ever_when_the_clock_is_set_back),
        cmocka_unit_test(verdict__text__for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
