#include "tests/contract/auth_store/auth_store_contract.h"

static void opk__take__gives_each_once_lowest_first(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_opk opk = contract_opk(300);
    struct auth_opk got;
    uint64_t count;
    assert_int_equal(auth_store_opk_put(store, account.acct, 1, &opk), ST_ENOTFOUND);
    assert_int_equal(auth_store_opk_take(store, account.acct, 1, &got), ST_ENOTFOUND);
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    static const uint32_t ids[] = { 300, 2, UINT32_MAX, 256 };
    for (size_t i = 0; i < 4; i++) {
        opk = contract_opk(ids[i]);
        contract_ok(auth_store_opk_put(store, account.acct, 1, &opk));
    }
    assert_int_equal(auth_store_opk_put(store, account.acct, 1, &opk), ST_EEXISTS);
    contract_ok(auth_store_opk_count(store, account.acct, 1, &count));
    assert_int_equal(count, 4);
    static const uint32_t sorted[] = { 2, 256, 300, UINT32_MAX };
    for (size_t i = 0; i < 4; i++) {
        contract_ok(auth_store_opk_take(store, account.acct, 1, &got));
        opk = contract_opk(sorted[i]);
        assert_int_equal(got.id, opk.id);
        assert_memory_equal(got.pub, opk.pub, sizeof got.pub);
    }
    assert_int_equal(auth_store_opk_take(store, account.acct, 1, &got), ST_ENOTFOUND);
    assert_int_equal(got.id, 0);
    contract_ok(auth_store_opk_count(store, account.acct, 1, &count));
    assert_int_equal(count, 0);
}

static void opk__take__is_undone_with_its_transaction(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_opk opk = contract_opk(5);
    struct auth_opk got;
    contract_add_account(store, 1);
    contract_ok(auth_store_opk_put(store, account.acct, 1, &opk));
    contract_ok(auth_store_begin(store));
    contract_ok(auth_store_opk_take(store, account.acct, 1, &got));
    auth_store_rollback(store);
    contract_ok(auth_store_opk_take(store, account.acct, 1, &got));
    assert_int_equal(got.id, 5);
}

static void grant__insert__once_a_day_and_device(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_grant grant = contract_grant(1, 1, 2, 100);
    struct auth_grant got = grant;
    assert_int_equal(auth_store_grant_insert(store, &grant), ST_ENOTFOUND);
    contract_add_account(store, 1);
    assert_int_equal(auth_store_grant_insert(store, &grant), ST_ENOTFOUND); /* nobody asks */
    contract_add_account(store, 2);
    assert_int_equal(auth_store_grant_get(store, &got), ST_ENOTFOUND);
    assert_int_equal(got.opk.id, 0);
    contract_ok(auth_store_grant_insert(store, &grant));
    assert_int_equal(auth_store_grant_insert(store, &grant), ST_EEXISTS);
    contract_ok(auth_store_grant_get(store, &got));
    assert_memory_equal(got.nonce, grant.nonce, sizeof got.nonce);
    assert_int_equal(got.opk.id, grant.opk.id);
    assert_memory_equal(got.opk.pub, grant.opk.pub, sizeof got.opk.pub);
    got.day = 99;
    assert_int_equal(auth_store_grant_get(store, &got), ST_ENOTFOUND);
    got.day = 100;
    got.dev = 2;
    assert_int_equal(auth_store_grant_get(store, &got), ST_ENOTFOUND);
    grant.day = 101;
    contract_ok(auth_store_grant_insert(store, &grant));
}

static void grant__targets__counts_other_accounts(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    bool known;
    uint64_t others;
    for (uint8_t number = 1; number <= 6; number++)
        contract_add_account(store, number);
    struct auth_device second = contract_device(2, 2);
    contract_ok(auth_store_device_insert(store, &second));
    /* Account 1 takes bundles of both devices of 2, of 3, of itself; of 4 yesterday; 5 takes one of 6. */
    static const struct {
        uint8_t target;
        uint32_t dev;
        uint8_t requester;
        uint32_t day;
    } rows[] = { { 2, 1, 1, 50 }, { 2, 2, 1, 50 }, { 3, 1, 1, 50 }, { 1, 1, 1, 50 }, { 4, 1, 1, 49 }, { 6, 1, 5, 50 } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_grant grant = contract_grant(rows[i].target, rows[i].dev, rows[i].requester, rows[i].day);
        contract_ok(auth_store_grant_insert(store, &grant));
    }
    struct auth_grant ask = contract_grant(4, 1, 1, 50);
    contract_ok(auth_store_grant_targets(store, &ask, &known, &others));
    assert_false(known);
    assert_int_equal(others, 2);
    ask = contract_grant(2, 9, 1, 50);
    contract_ok(auth_store_grant_targets(store, &ask, &known, &others));
    assert_true(known);
    assert_int_equal(others, 1);
    ask = contract_grant(1, 1, 1, 50);
    contract_ok(auth_store_grant_targets(store, &ask, &known, &others));
    assert_true(known);
    assert_int_equal(others, 2);
    ask = contract_grant(2, 1, 6, 50);
    contract_ok(auth_store_grant_targets(store, &ask, &known, &others));
    assert_false(known);
    assert_int_equal(others, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int contract_run_prekeys(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const struct CMUnitTest tests[] = {
        TEST(opk__take__gives_each_once_lowest_first),
        TEST(opk__take__is_undone_with_its_transaction),
        TEST(grant__insert__once_a_day_and_device),
        TEST(grant__targets__counts_other_accounts),
    };
    return cmocka_run_group_tests_name("prekeys", tests, NULL, NULL);
}
