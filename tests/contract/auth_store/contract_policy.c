#include "tests/contract/auth_store/auth_store_contract.h"

static void invite__use__ends_at_none(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_invite_row row = {
        .uses = 2, .uses_left = 2, .expires_ms = 1234, .name = contract_text("alice"), .creator = contract_text("init")
    };
    struct auth_invite_row got;
    memset(row.hash, 9, sizeof row.hash);
    assert_int_equal(auth_store_invite_get(store, row.hash, &got), ST_ENOTFOUND);
    assert_int_equal(auth_store_invite_use(store, row.hash), ST_ENOTFOUND);
    contract_ok(auth_store_invite_insert(store, &row));
    assert_int_equal(auth_store_invite_insert(store, &row), ST_EEXISTS);
    contract_ok(auth_store_invite_use(store, row.hash));
    contract_ok(auth_store_invite_get(store, row.hash, &got));
    assert_memory_equal(got.hash, row.hash, sizeof got.hash);
    assert_int_equal(got.uses, 2);
    assert_int_equal(got.uses_left, 1);
    assert_int_equal(got.expires_ms, 1234);
    assert_memory_equal(&got.name, &row.name, sizeof got.name);
    assert_memory_equal(&got.creator, &row.creator, sizeof got.creator);
    contract_ok(auth_store_invite_use(store, row.hash));
    assert_int_equal(auth_store_invite_use(store, row.hash), ST_ECONFLICT);
    contract_ok(auth_store_invite_get(store, row.hash, &got));
    assert_int_equal(got.uses_left, 0);
}

static void assert_recent_until(const struct auth_store *store, const uint8_t *key, struct auth_span span,
                                uint64_t count, int64_t newest_ms)
{
    uint64_t got;
    int64_t newest;
    contract_ok(auth_store_throttle_recent(store, key, span, &got, &newest));
    assert_int_equal(got, count);
    assert_int_equal(newest, newest_ms);
}

static void assert_recent(const struct auth_store *store, const uint8_t *key, int64_t after_ms, uint64_t count,
                          int64_t newest_ms)
{
    assert_recent_until(store, key, (struct auth_span) { after_ms, INT64_MAX }, count, newest_ms);
}

static void throttle__hit__counts_by_key_and_window(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    uint8_t one[ST_HASH_LEN] = { 1 };
    uint8_t two[ST_HASH_LEN] = { 2 };
    uint64_t count;
    assert_recent(store, one, 0, 0, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        contract_ok(auth_store_throttle_hit(store, one, 900, &count));
        assert_int_equal(count, i);
    }
    contract_ok(auth_store_throttle_hit(store, one, 1800, &count));
    assert_int_equal(count, 1);
    contract_ok(auth_store_throttle_hit(store, two, 900, &count));
    assert_int_equal(count, 1);
    assert_recent(store, one, 0, 6, 1800);
    assert_recent(store, one, 899, 6, 1800);
    assert_recent(store, one, 900, 1, 1800);
    assert_recent(store, one, 1799, 1, 1800);
    assert_recent(store, one, 1800, 0, 0);
    assert_recent_until(store, one, (struct auth_span) { 0, 1800 }, 6, 1800);
    assert_recent_until(store, one, (struct auth_span) { 0, 1799 }, 5, 900);
    assert_recent_until(store, one, (struct auth_span) { 0, 899 }, 0, 0);
    assert_recent(store, two, 0, 1, 900);
    contract_ok(auth_store_throttle_clear(store, one));
    contract_ok(auth_store_throttle_clear(store, one));
    assert_recent(store, one, 0, 0, 0);
    assert_recent(store, two, 0, 1, 900);
}

static void erase__due__gives_the_oldest(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_erase one = { .acct = { 1 }, .next_ms = 200, .dev_count = 3, .devs = { 1, 2, UINT32_MAX } };
    struct auth_erase two = { .acct = { 2 }, .next_ms = 100, .dev_count = 0, .tries = 4 };
    struct auth_erase got;
    assert_int_equal(auth_store_erase_due(store, 1000, &got), ST_ENOTFOUND);
    contract_ok(auth_store_erase_insert(store, &one));
    contract_ok(auth_store_erase_insert(store, &two));
    assert_int_equal(auth_store_erase_insert(store, &one), ST_EEXISTS);
    assert_int_equal(auth_store_erase_due(store, 99, &got), ST_ENOTFOUND);
    contract_ok(auth_store_erase_due(store, 1000, &got));
    assert_int_equal(got.acct[0], 2);
    assert_int_equal(got.dev_count, 0);
    assert_int_equal(got.tries, 4);
    contract_ok(auth_store_erase_later(store, got.acct, 5000, 5));
    contract_ok(auth_store_erase_due(store, 1000, &got));
    assert_int_equal(got.acct[0], 1);
    assert_int_equal(got.dev_count, 3);
    assert_int_equal(got.devs[2], UINT32_MAX);
    assert_int_equal(got.next_ms, 200);
    contract_ok(auth_store_erase_done(store, got.acct));
    contract_ok(auth_store_erase_done(store, got.acct));
    contract_ok(auth_store_erase_later(store, got.acct, 1, 1));
    assert_int_equal(auth_store_erase_due(store, 1000, &got), ST_ENOTFOUND);
    contract_ok(auth_store_erase_due(store, 5000, &got));
    assert_int_equal(got.tries, 5);
    struct auth_erase many = { .acct = { 3 }, .dev_count = AUTH_ERASE_DEVS_MAX };
    for (uint32_t i = 0; i < AUTH_ERASE_DEVS_MAX; i++)
        many.devs[i] = i + 1;
    contract_ok(auth_store_erase_insert(store, &many));
    contract_ok(auth_store_erase_due(store, 0, &got));
    assert_int_equal(got.dev_count, AUTH_ERASE_DEVS_MAX);
    assert_int_equal(got.devs[AUTH_ERASE_DEVS_MAX - 1], AUTH_ERASE_DEVS_MAX);
    many.dev_count = AUTH_ERASE_DEVS_MAX + 1;
    assert_int_equal(auth_store_erase_insert(store, &many), ST_ELIMIT);
}

static void setting__put__replaces(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    uint8_t value[AUTH_SETTING_MAX + 1] = { 0 };
    size_t len;
    assert_int_equal(auth_store_setting_get(store, "server_id", value, &len), ST_ENOTFOUND);
    contract_ok(auth_store_setting_put(store, "server_id", st_view("abc", 3)));
    contract_ok(auth_store_setting_put(store, "server_id", st_view("de", 2)));
    contract_ok(auth_store_setting_get(store, "server_id", value, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(value, "de", 2);
    contract_ok(auth_store_setting_put(store, "empty", st_view(NULL, 0)));
    contract_ok(auth_store_setting_get(store, "empty", value, &len));
    assert_int_equal(len, 0);
    assert_int_equal(auth_store_setting_get(store, "server", value, &len), ST_ENOTFOUND);
    assert_int_equal(auth_store_setting_put(store, "k", st_view(value, AUTH_SETTING_MAX + 1)), ST_ELIMIT);
    contract_ok(auth_store_setting_put(store, "k", st_view(value, AUTH_SETTING_MAX)));
    assert_int_equal(auth_store_setting_put(store, "a_key_of_more_than_thirty_two_bytes", st_view("x", 1)), ST_ELIMIT);
    contract_ok(auth_store_audit(store, 5, "operator", "made an invite"));
    char text[1000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    contract_ok(auth_store_audit(store, 6, text, text));
}

static size_t sweep(const struct auth_store *store, enum auth_sweep what, int64_t before)
{
    size_t removed;
    contract_ok(auth_store_sweep(store, what, before, &removed));
    return removed;
}

static void sweep__throttle__goes_in_steps(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    uint64_t count;
    for (uint32_t i = 0; i < AUTH_SWEEP_ROWS + 10; i++) {
        uint8_t key[ST_HASH_LEN] = { 0 };
        st_put_u32(key, i);
        contract_ok(auth_store_throttle_hit(store, key, 100 + (i % 2), &count));
    }
    assert_int_equal(sweep(store, AUTH_SWEEP_THROTTLE, 100), 0);
    assert_int_equal(sweep(store, AUTH_SWEEP_THROTTLE, 101), AUTH_SWEEP_ROWS / 2 + 5);
    assert_int_equal(sweep(store, AUTH_SWEEP_THROTTLE, 101), 0);
    for (uint32_t i = 0; i < AUTH_SWEEP_ROWS + 10; i++) {
        uint8_t key[ST_HASH_LEN] = { 1 };
        st_put_u32(key + 4, i);
        contract_ok(auth_store_throttle_hit(store, key, 50, &count));
    }
    assert_int_equal(sweep(store, AUTH_SWEEP_THROTTLE, 100), AUTH_SWEEP_ROWS);
    assert_int_equal(sweep(store, AUTH_SWEEP_THROTTLE, 100), 10);
}

static void sweep__rest__takes_what_is_due_only(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    struct auth_device pending = contract_device(1, 2);
    struct auth_offer offer = contract_offer(1, 2, 500);
    struct auth_grant grant = contract_grant(1, 1, 2, 10);
    struct auth_invite_row invite = { .uses = 1, .uses_left = 1, .expires_ms = 700 };
    struct auth_device got;
    pending.state = AUTH_DEVICE_PENDING;
    contract_ok(auth_store_device_insert(store, &pending));
    contract_ok(auth_store_offer_put(store, &offer));
    contract_ok(auth_store_grant_insert(store, &grant));
    grant.day = 11;
    contract_ok(auth_store_grant_insert(store, &grant));
    contract_ok(auth_store_invite_insert(store, &invite));

    assert_int_equal(sweep(store, AUTH_SWEEP_GRANTS, 11), 1);
    contract_ok(auth_store_grant_get(store, &grant));
    grant.day = 10;
    assert_int_equal(auth_store_grant_get(store, &grant), ST_ENOTFOUND);
    assert_int_equal(sweep(store, AUTH_SWEEP_INVITES, 700), 0);
    assert_int_equal(sweep(store, AUTH_SWEEP_INVITES, 701), 1);
    assert_int_equal(sweep(store, AUTH_SWEEP_OFFERS, 500), 0);

    /* Active devices lose their key, pending ones go altogether; all were last seen at 3000. */
    assert_int_equal(sweep(store, AUTH_SWEEP_UNSEEN, 3000), 0);
    assert_int_equal(sweep(store, AUTH_SWEEP_PENDING, 3000), 0);
    contract_ok(auth_store_session_touch(store, contract_account(2).acct, 1, 4000));
    assert_int_equal(sweep(store, AUTH_SWEEP_UNSEEN, 3001), 1);
    assert_int_equal(sweep(store, AUTH_SWEEP_UNSEEN, 3001), 0);
    contract_ok(auth_store_device_get(store, pending.acct, 1, &got));
    assert_false(got.has_tk);
    assert_int_equal(got.state, AUTH_DEVICE_ACTIVE);
    assert_int_equal(auth_store_device_by_tk(store, contract_device(1, 1).tk, &got), ST_ENOTFOUND);
    contract_ok(auth_store_device_by_tk(store, contract_device(2, 1).tk, &got));
    contract_ok(auth_store_device_get(store, pending.acct, 2, &got));
    assert_int_equal(sweep(store, AUTH_SWEEP_PENDING, 3001), 1);
    assert_int_equal(auth_store_device_get(store, pending.acct, 2, &got), ST_ENOTFOUND);
    assert_int_equal(sweep(store, AUTH_SWEEP_OFFERS, 501), 0); /* went with its device */
    contract_ok(auth_store_device_insert(store, &pending));
    contract_ok(auth_store_offer_put(store, &offer));
    assert_int_equal(sweep(store, AUTH_SWEEP_OFFERS, 501), 1);
    contract_ok(auth_store_device_get(store, pending.acct, 2, &got));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int contract_run_policy(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const struct CMUnitTest tests[] = {
        TEST(invite__use__ends_at_none),      TEST(throttle__hit__counts_by_key_and_window),
        TEST(erase__due__gives_the_oldest),   TEST(setting__put__replaces),
        TEST(sweep__throttle__goes_in_steps), TEST(sweep__rest__takes_what_is_due_only),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
