#include "tests/contract/auth_store/auth_store_contract.h"

static bool has_account(const struct auth_store *store, uint8_t number)
{
    struct auth_account account = contract_account(number);
    struct auth_account got;
    enum st_err err = auth_store_account_by_id(store, account.acct, false, &got);
    assert_true(err == ST_OK || err == ST_ENOTFOUND);
    return err == ST_OK;
}

static void transaction__commit__keeps_all(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_store other;
    contract_ok(auth_store_begin(&db->store));
    contract_add_account(&db->store, 1);
    contract_add_account(&db->store, 2);
    contract_ok(auth_store_commit(&db->store));
    contract_ok(db->open(db, &other));
    assert_true(has_account(&other, 1));
    assert_true(has_account(&other, 2));
    auth_store_close(&other);
}

static void transaction__rollback__keeps_nothing(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_add_account(store, 1);
    contract_ok(auth_store_begin(store));
    contract_add_account(store, 2);
    contract_ok(auth_store_account_erase(store, contract_account(1).acct));
    assert_false(has_account(store, 1));
    auth_store_rollback(store);
    assert_true(has_account(store, 1));
    assert_false(has_account(store, 2));
    struct auth_device device;
    contract_ok(auth_store_device_by_tk(store, contract_device(1, 1).tk, &device));
    auth_store_rollback(store); /* without one: nothing happens */
    assert_true(has_account(store, 1));
}

static void transaction__nest__inner_is_undone_alone(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_ok(auth_store_begin(store));
    contract_add_account(store, 1);
    contract_ok(auth_store_begin(store));
    assert_int_equal(auth_store_begin(store), ST_EREFUSED);
    contract_add_account(store, 2);
    auth_store_rollback(store);
    contract_ok(auth_store_begin(store));
    contract_add_account(store, 3);
    contract_ok(auth_store_commit(store));
    contract_ok(auth_store_commit(store));
    assert_int_equal(auth_store_commit(store), ST_EREFUSED);
    assert_true(has_account(store, 1));
    assert_false(has_account(store, 2));
    assert_true(has_account(store, 3));
}

static void transaction__nest__outer_undoes_inner(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_ok(auth_store_begin(store));
    contract_ok(auth_store_begin(store));
    contract_add_account(store, 1);
    contract_ok(auth_store_commit(store));
    auth_store_rollback(store);
    assert_false(has_account(store, 1));
    contract_add_account(store, 1);
}

static void transaction__answers__leave_it_as_it_was(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_device device = contract_device(7, 1);
    struct auth_opk opk;
    contract_ok(auth_store_begin(store));
    contract_add_account(store, 1);
    assert_int_equal(auth_store_account_insert(store, &account), ST_EEXISTS);
    assert_int_equal(auth_store_device_insert(store, &device), ST_ENOTFOUND);
    assert_int_equal(auth_store_opk_take(store, account.acct, 1, &opk), ST_ENOTFOUND);
    contract_add_account(store, 2);
    contract_ok(auth_store_commit(store));
    assert_true(has_account(store, 1));
    assert_true(has_account(store, 2));
}

static void transaction__uncommitted__is_seen_by_nobody_else(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_store other;
    struct auth_account account = contract_account(1);
    contract_ok(db->open(db, &other));
    contract_ok(auth_store_begin(&db->store));
    contract_add_account(&db->store, 1);
    struct auth_account got;
    enum st_err err = auth_store_account_by_id(&other, account.acct, false, &got);
    assert_true(err == ST_ENOTFOUND || err == ST_EUNAVAILABLE);
    contract_ok(auth_store_commit(&db->store));
    assert_true(has_account(&other, 1));
    auth_store_close(&other);
}

static void transaction__close__undoes_it(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_store other;
    contract_ok(db->open(db, &other));
    contract_ok(auth_store_begin(&other));
    contract_add_account(&other, 1);
    auth_store_close(&other);
    assert_null(other.ops);
    auth_store_close(&other);
    assert_false(has_account(&db->store, 1));
    contract_add_account(&db->store, 1);
}

/* Many rows and many undone changes: what stays must be exactly what a plain model says. */
static void transaction__random__agrees_with_a_model(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    enum { ACCOUNTS = 40, ROUNDS = 120 };
    bool model[ACCOUNTS + 1] = { false };
    uint32_t seed = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        bool trial[ACCOUNTS + 1];
        memcpy(trial, model, sizeof trial);
        contract_ok(auth_store_begin(store));
        for (int step = 0; step < 8; step++) {
            seed = seed * 1664525u + 1013904223u;
            uint8_t number = (uint8_t)(1 + (seed >> 16) % ACCOUNTS);
            if (trial[number])
                contract_ok(auth_store_account_erase(store, contract_account(number).acct));
            else
                contract_add_account(store, number);
            trial[number] = !trial[number];
        }
        if ((seed >> 8) % 3 != 0) {
            contract_ok(auth_store_commit(store));
            memcpy(model, trial, sizeof model);
        } else {
            auth_store_rollback(store);
        }
    }
    uint64_t expected = 0;
    uint64_t count;
    for (uint8_t number = 1; number <= ACCOUNTS; number++) {
        assert_int_equal(has_account(store, number), model[number]);
        expected += model[number];
    }
    contract_ok(auth_store_account_count(store, &count));
    assert_int_equal(count, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int contract_run_transactions(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const struct CMUnitTest tests[] = {
        TEST(transaction__commit__keeps_all),
        TEST(transaction__rollback__keeps_nothing),
        TEST(transaction__nest__inner_is_undone_alone),
        TEST(transaction__nest__outer_undoes_inner),
        TEST(transaction__answers__leave_it_as_it_was),
        TEST(transaction__uncommitted__is_seen_by_nobody_else),
        TEST(transaction__close__undoes_it),
        TEST(transaction__random__agrees_with_a_model),
    };
    return cmocka_run_group_tests_name("transactions", tests, NULL, NULL);
}
