/* The contract over memory, and what only memory has: faults, crashes, backups. */
#include "tests/contract/auth_store/auth_store_contract.h"

#include <stdlib.h>

#include "services/auth/store_mem.h"

static enum st_err open_more(struct contract_db *db, struct auth_store *store_r)
{
    return auth_mem_open(db->ctx, store_r);
}

static int setup(void **state)
{
    struct contract_db *db = calloc(1, sizeof *db);
    struct auth_mem *mem;
    if (db == NULL || auth_mem_new(&mem) != ST_OK)
        return -1;
    db->ctx = mem;
    db->open = open_more;
    *state = db;
    return db->open(db, &db->store) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct contract_db *db = *state;
    struct auth_mem *mem = db->ctx;
    auth_store_close(&db->store);
    auth_mem_free(&mem);
    free(db);
    return 0;
}

struct plan {
    uint64_t at;
    enum auth_mem_fault fault;
};

static enum auth_mem_fault carry_out(void *ctx, uint64_t call)
{
    const struct plan *plan = ctx;
    return call == plan->at ? plan->fault : AUTH_MEM_OK;
}

/* Two accounts in one transaction; the first error, or the commit's. */
static enum st_err add_two(const struct auth_store *store)
{
    struct auth_account one = contract_account(1);
    struct auth_account two = contract_account(2);
    enum st_err err = auth_store_begin(store);
    if (err != ST_OK)
        return err;
    err = auth_store_account_insert(store, &one);
    if (err == ST_OK)
        err = auth_store_account_insert(store, &two);
    if (err != ST_OK) {
        auth_store_rollback(store);
        return err;
    }
    return auth_store_commit(store);
}

static uint64_t accounts(struct contract_db *db)
{
    struct auth_store store;
    uint64_t count;
    contract_ok(db->open(db, &store));
    contract_ok(auth_store_account_count(&store, &count));
    auth_store_close(&store);
    return count;
}

static void fault__fail__at_every_call_leaves_all_or_nothing(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    static const enum auth_mem_fault faults[] = { AUTH_MEM_FAIL, AUTH_MEM_FULL, AUTH_MEM_CRASH, AUTH_MEM_CRASH_AFTER };
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint64_t n = 1; n <= 4; n++) {
            struct auth_store store;
            struct plan plan = { auth_mem_calls(db->ctx) + n, faults[f] };
            contract_ok(db->open(db, &store));
            auth_mem_set_fault(db->ctx, carry_out, &plan);
            enum st_err err = add_two(&store);
            auth_mem_set_fault(db->ctx, NULL, NULL);
            assert_true(auth_store_failed(err));
            /* Only a commit that was carried out before the crash is there. */
            bool there = faults[f] == AUTH_MEM_CRASH_AFTER && n == 4;
            assert_int_equal(accounts(db), there ? 2 : 0);
            if (there) {
                assert_int_equal(err, ST_EUNCERTAIN);
                contract_ok(auth_store_account_erase(&db->store, contract_account(1).acct));
                contract_ok(auth_store_account_erase(&db->store, contract_account(2).acct));
            }
            if (faults[f] == AUTH_MEM_CRASH || faults[f] == AUTH_MEM_CRASH_AFTER)
                assert_int_equal(add_two(&store), ST_EUNAVAILABLE); /* dead until it is opened anew */
            auth_store_close(&store);
        }
    }
    contract_ok(add_two(&db->store));
    assert_int_equal(accounts(db), 2);
}

static void fault__fail__loses_the_batch_it_is_in(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    const struct auth_store *store = &db->store;
    struct auth_account one = contract_account(1);
    struct auth_account two = contract_account(2);
    contract_ok(auth_store_begin(store));
    contract_ok(auth_store_begin(store));
    contract_ok(auth_store_account_insert(store, &one));
    contract_ok(auth_store_commit(store));
    contract_ok(auth_store_begin(store));
    struct plan plan = { auth_mem_calls(db->ctx) + 1, AUTH_MEM_FAIL };
    auth_mem_set_fault(db->ctx, carry_out, &plan);
    assert_int_equal(auth_store_account_insert(store, &two), ST_EUNAVAILABLE);
    auth_store_rollback(store);
    assert_int_equal(auth_store_account_insert(store, &two), ST_EUNAVAILABLE);
    assert_int_equal(auth_store_commit(store), ST_EUNAVAILABLE);
    assert_int_equal(accounts(db), 0);
    contract_ok(add_two(store));
}

static void snapshot__restore__goes_back_in_time(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_mem *copy;
    struct auth_opk opk = contract_opk(1);
    struct auth_opk got;
    contract_add_account(&db->store, 1);
    contract_ok(auth_store_opk_put(&db->store, contract_account(1).acct, 1, &opk));
    contract_ok(auth_mem_snapshot(db->ctx, &copy));
    contract_ok(auth_store_opk_take(&db->store, contract_account(1).acct, 1, &got));
    contract_add_account(&db->store, 2);
    contract_ok(auth_store_begin(&db->store));
    assert_int_equal(auth_mem_restore(db->ctx, copy), ST_EUNAVAILABLE);
    auth_store_rollback(&db->store);
    contract_ok(auth_mem_restore(db->ctx, copy));
    contract_ok(auth_store_opk_take(&db->store, contract_account(1).acct, 1, &got));
    assert_int_equal(accounts(db), 1);
    contract_ok(auth_mem_restore(db->ctx, copy));
    contract_ok(auth_store_opk_take(&db->store, contract_account(1).acct, 1, &got));
    auth_mem_free(&copy);
    auth_mem_free(&copy);
}

static void table__many_rows__stay_sorted(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    enum { ROWS = 3000 };
    struct auth_account account = contract_account(1);
    contract_add_account(store, 1);
    uint32_t seed = 99;
    uint32_t id = 0;
    for (int i = 0; i < ROWS; i++) {
        struct auth_opk opk = contract_opk(1);
        do {
            seed = seed * 1664525u + 1013904223u;
            opk.id = 1 + (seed >> 4);
        } while (auth_store_opk_put(store, account.acct, 1, &opk) != ST_OK);
    }
    for (int i = 0; i < ROWS; i++) {
        struct auth_opk opk;
        contract_ok(auth_store_opk_take(store, account.acct, 1, &opk));
        assert_true(opk.id > id);
        id = opk.id;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fault__fail__at_every_call_leaves_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(fault__fail__loses_the_batch_it_is_in, setup, teardown),
        cmocka_unit_test_setup_teardown(snapshot__restore__goes_back_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(table__many_rows__stay_sorted, setup, teardown),
    };
    return contract_run_all(setup, teardown) + cmocka_run_group_tests_name("memory only", tests, NULL, NULL);
}
