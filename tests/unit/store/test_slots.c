/* The slot file: a vector made apart (Python: cryptography's Argon2id, XChaCha20 written out), every kind of damage,
 * and what is checked before Argon2 runs. */
#include "tests/unit/store/store_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <sodium.h>

#include "client/store/slots.h"

static const struct slots_cost cheap = { SLOTS_M_KIB_MIN, 1, 4 };

static const char vector_hex[] =
    "01000102030405060708090a0b0c0d0e0f00010000000000010000000400000000000000074161aedf05332dd398dc8e95f636067937d0ab83"
    "8b18a5fa63520dbcfb5d98fdc117df62dcdb9f886103c58b371161f097814af338b77f8c9a03dda93f2e459d3a480e5a9310ca93fff80d38c3"
    "0a8b337b75756fea5e8d9e1e029958f57dc3c2";
static const char vector_password[] = "correct horse \xc3\xa9";

static void read_vector(uint8_t file[static SLOTS_FILE_BYTES])
{
    size_t len = 0;
    assert_int_equal(sodium_hex2bin(file, SLOTS_FILE_BYTES, vector_hex, strlen(vector_hex), NULL, &len, NULL), 0);
    assert_int_equal(len, SLOTS_FILE_BYTES);
}

static void slots__unwrap__vector_made_apart(void **state)
{
    (void)state;
    uint8_t file[SLOTS_FILE_BYTES];
    read_vector(file);
    struct slots slots;
    assert_ok(slots_parse(&slots, st_view(file, sizeof file)));
    assert_int_equal(slots.writes, 7);
    assert_int_equal(slots.cost.m_kib, 65536);
    uint8_t *key = NULL;
    assert_ok(slots_unwrap(&key, &slots, st_view_text(vector_password)));
    for (size_t i = 0; i < SLOTS_KEY_BYTES; i++)
        assert_int_equal(key[i], 0x40 + i);
    sodium_free(key);
}

/* A random source that gives what the vector's salt is. */
static void count_up(void *ctx, void *out, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)i;
}

static void slots__wrap__vector_made_apart(void **state)
{
    struct fixture *fixture = *state;
    struct st_env env = fixture->env;
    env.random = count_up;
    uint8_t expected[SLOTS_FILE_BYTES];
    uint8_t file[SLOTS_FILE_BYTES];
    uint8_t key[SLOTS_KEY_BYTES];
    read_vector(expected);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(0x40 + i);
    assert_ok(slots_wrap(file, key, st_view_text(vector_password), &cheap, 7, &env));
    assert_memory_equal(file, expected, sizeof file);
}

static void slots__unwrap__wrong_password(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "correct horse", "correct horse \xc3\xa8", "correct horse \xc3\xa9 " };
    uint8_t file[SLOTS_FILE_BYTES];
    read_vector(file);
    struct slots slots;
    assert_ok(slots_parse(&slots, st_view(file, sizeof file)));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t *key = (uint8_t *)1;
        assert_int_equal(slots_unwrap(&key, &slots, st_view_text(wrong[i])), ST_EREFUSED);
        assert_null(key);
    }
}

static void slots__unwrap__each_field_is_under_the_tag(void **state)
{
    (void)state;
    uint8_t file[SLOTS_FILE_BYTES];
    read_vector(file);
    struct slots good;
    assert_ok(slots_parse(&good, st_view(file, sizeof file)));
    struct slots bad[5] = { good, good, good, good, good };
    bad[0].writes++;
    bad[1].wrapped[31] ^= 1;
    bad[2].tag[0] ^= 0x80;
    bad[3].salt[0] ^= 1;
    bad[4].cost.p = 3;
    for (size_t i = 0; i < 5; i++) {
        uint8_t *key = NULL;
        assert_int_equal(slots_unwrap(&key, &bad[i], st_view_text(vector_password)), ST_EREFUSED);
        assert_null(key);
    }
}

static void slots__parse__every_flipped_bit(void **state)
{
    (void)state;
    uint8_t file[SLOTS_FILE_BYTES];
    read_vector(file);
    for (size_t bit = 0; bit < 8 * sizeof file; bit++) {
        struct slots slots;
        file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum st_err err = slots_parse(&slots, st_view(file, sizeof file));
        assert_int_equal(err, bit < 8 ? ST_EFOREIGN : ST_EINTEGRITY);
        assert_int_equal(slots.cost.m_kib, 0);
        file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void slots__parse__every_length(void **state)
{
    (void)state;
    uint8_t file[2 * SLOTS_FILE_BYTES] = { 0 };
    read_vector(file);
    for (size_t len = 0; len <= sizeof file; len++) {
        struct slots slots;
        enum st_err expected = len == SLOTS_FILE_BYTES ? ST_OK : ST_EFOREIGN;
        assert_int_equal(slots_parse(&slots, st_view(file, len)), expected);
    }
}

/* Gives a file of these costs the digest that it should have, as somebody would who wants us to work hard. */
static enum st_err parse_with_cost(uint32_t m_kib, uint32_t t, uint32_t p)
{
    uint8_t file[SLOTS_FILE_BYTES];
    uint8_t with_label[17 + 101] = "\x10SafeTalk/1 slots";
    struct slots slots;
    read_vector(file);
    st_put_u32(file + 17, m_kib);
    st_put_u32(file + 21, t);
    st_put_u32(file + 25, p);
    memcpy(with_label + 17, file, 101);
    crypto_hash_sha256(file + 101, with_label, sizeof with_label);
    return slots_parse(&slots, st_view(file, sizeof file));
}

static void slots__parse__cost_out_of_limits(void **state)
{
    (void)state;
    static const struct slots_cost bad[] = {
        { 65535, 3, 4 },  { 0, 3, 4 },     { 2097153, 3, 4 }, { UINT32_MAX, 3, 4 },     { 65536, 0, 4 },
        { 65536, 17, 4 }, { 65536, 3, 0 }, { 65536, 3, 17 },  { 65536, UINT32_MAX, 4 }, { 65536, 3, UINT32_MAX },
        { 8, 1, 1 },
    };
    assert_int_equal(parse_with_cost(65536, 1, 1), ST_OK);
    assert_int_equal(parse_with_cost(2097152, 16, 16), ST_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_with_cost(bad[i].m_kib, bad[i].t, bad[i].p), ST_EFOREIGN);
}

static void slots__wrap__limits(void **state)
{
    struct fixture *fixture = *state;
    static const struct slots_cost weak = { SLOTS_M_KIB_MIN - 1, 3, 4 };
    static const uint8_t zeros[SLOTS_FILE_BYTES];
    uint8_t file[SLOTS_FILE_BYTES];
    uint8_t password[SLOTS_PASSWORD_MAX + 1] = { 0 };
    memset(password, 'x', sizeof password);
    struct st_view longest = st_view(password, SLOTS_PASSWORD_MAX);
    assert_int_equal(slots_wrap(file, fixture->key, st_view(password, sizeof password), &cheap, 1, &fixture->env),
                     ST_ELIMIT);
    assert_memory_equal(file, zeros, sizeof file);
    assert_int_equal(slots_wrap(file, fixture->key, longest, &weak, 1, &fixture->env), ST_ELIMIT);
    assert_ok(slots_wrap(file, fixture->key, longest, &cheap, 1, &fixture->env));
}

static void slots__wrap__fresh_salt_each_time(void **state)
{
    struct fixture *fixture = *state;
    uint8_t a[SLOTS_FILE_BYTES];
    uint8_t b[SLOTS_FILE_BYTES];
    assert_ok(slots_wrap(a, fixture->key, st_view_text("password"), &cheap, 1, &fixture->env));
    assert_ok(slots_wrap(b, fixture->key, st_view_text("password"), &cheap, 1, &fixture->env));
    assert_memory_not_equal(a + 1, b + 1, SLOTS_SALT_BYTES);
    assert_memory_not_equal(a + 37, b + 37, SLOTS_KEY_BYTES);
}

static void slots__default_cost__is_rfc_9106_second_option(void **state)
{
    (void)state;
    struct slots_cost cost = slots_cost_default();
    assert_int_equal(cost.m_kib, 64 * 1024);
    assert_int_equal(cost.t, 3);
    assert_int_equal(cost.p, 4);
}

static void slots__write__whole_private_and_read_back(void **state)
{
    struct fixture *fixture = *state;
    char path[FIXTURE_PATH];
    uint8_t file[SLOTS_FILE_BYTES];
    struct slots slots;
    struct stat about;
    fixture_join(path, fixture->dir, "slots");
    read_vector(file);
    assert_int_equal(slots_read(&slots, path), ST_ENOTFOUND);
    umask(0);
    for (int i = 0; i < 2; i++) {
        assert_ok(slots_write(path, file));
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
        assert_ok(slots_read(&slots, path));
        assert_int_equal(slots.writes, 7);
    }
}

static void slots__read__foreign_files(void **state)
{
    struct fixture *fixture = *state;
    char path[FIXTURE_PATH];
    uint8_t file[SLOTS_FILE_BYTES + 100] = { 0 };
    struct slots slots;
    fixture_join(path, fixture->dir, "slots");
    read_vector(file);
    fixture_write(path, file, sizeof file);
    assert_int_equal(slots_read(&slots, path), ST_EFOREIGN);
    fixture_write(path, file, 0);
    assert_int_equal(slots_read(&slots, path), ST_EFOREIGN);
    file[50] ^= 1;
    fixture_write(path, file, SLOTS_FILE_BYTES);
    assert_int_equal(slots_read(&slots, path), ST_EINTEGRITY);
    assert_int_equal(slots_read(&slots, fixture->dir), ST_EFOREIGN);
}

static void slots__write__folder_missing(void **state)
{
    struct fixture *fixture = *state;
    char path[FIXTURE_PATH];
    uint8_t file[SLOTS_FILE_BYTES] = { 0 };
    fixture_join(path, fixture->dir, "none/slots");
    assert_int_equal(slots_write(path, file), ST_ENOTFOUND);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots__unwrap__vector_made_apart),
        cmocka_unit_test_setup_teardown(slots__wrap__vector_made_apart, fixture_set_up, fixture_tear_down),
        cmocka_unit_test(slots__unwrap__wrong_password),
        cmocka_unit_test(slots__unwrap__each_field_is_under_the_tag),
        cmocka_unit_test(slots__parse__every_flipped_bit),
        cmocka_unit_test(slots__parse__every_length),
        cmocka_unit_test(slots__parse__cost_out_of_limits),
        cmocka_unit_test_setup_teardown(slots__wrap__limits, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(slots__wrap__fresh_salt_each_time, fixture_set_up, fixture_tear_down),
        cmocka_unit_test(slots__default_cost__is_rfc_9106_second_option),
        cmocka_unit_test_setup_teardown(slots__write__whole_private_and_read_back, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(slots__read__foreign_files, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(slots__write__folder_missing, fixture_set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
