#include "tests/contract/auth_store/auth_store_contract.h"

/* Compares field by field: padding is nobody's business. */
static void assert_account(const struct auth_account *a, const struct auth_account *b)
{
    assert_memory_equal(a->acct, b->acct, sizeof a->acct);
    assert_memory_equal(&a->name, &b->name, sizeof a->name);
    assert_int_equal(a->state, b->state);
    assert_memory_equal(a->ak, b->ak, sizeof a->ak);
    assert_memory_equal(a->record, b->record, sizeof a->record);
    assert_int_equal(a->list_seq, b->list_seq);
    assert_int_equal(a->next_dev, b->next_dev);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->last_seen_ms, b->last_seen_ms);
}

static void account__insert__is_found_by_name_and_id(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_account got;
    contract_ok(auth_store_account_insert(store, &account));
    contract_ok(auth_store_account_by_name(store, st_view_text("user1"), &got));
    assert_account(&got, &account);
    contract_ok(auth_store_account_by_id(store, account.acct, false, &got));
    assert_account(&got, &account);
    uint64_t count;
    contract_ok(auth_store_account_count(store, &count));
    assert_int_equal(count, 1);
    struct auth_account decoy = contract_account(2);
    decoy.state = AUTH_ACCOUNT_DECOY;
    contract_ok(auth_store_account_insert(store, &decoy));
    contract_ok(auth_store_account_by_id(store, decoy.acct, false, &got));
    assert_account(&got, &decoy);
    contract_ok(auth_store_account_count(store, &count));
    assert_int_equal(count, 1);
}

static void account__look__absent_is_not_found_and_zero(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account got;
    struct auth_account zero = { 0 };
    memset(&got, 1, sizeof got);
    assert_int_equal(auth_store_account_by_name(store, st_view_text("nobody"), &got), ST_ENOTFOUND);
    assert_account(&got, &zero);
    memset(&got, 1, sizeof got);
    assert_int_equal(auth_store_account_by_id(store, (const uint8_t *)"0123456789abcdef", true, &got), ST_ENOTFOUND);
    assert_account(&got, &zero);
}

static void account__look__hostile_names_find_nobody(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    static const char *const names[] = { "",
                                         "user1' OR '1'='1",
                                         "user1\"; DROP TABLE account; --",
                                         "USER1",
                                         "user1 ",
                                         "user%",
                                         "us_r1",
                                         "%s%n",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    struct auth_account account = contract_account(1);
    struct auth_account got;
    contract_ok(auth_store_account_insert(store, &account));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(auth_store_account_by_name(store, st_view_text(names[i]), &got), ST_ENOTFOUND);
    assert_int_equal(auth_store_account_by_name(store, st_view("user1\0x", 7), &got), ST_ENOTFOUND);
    contract_ok(auth_store_account_by_name(store, st_view_text("user1"), &got));
}

static void account__insert__twice_exists(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_account other = contract_account(2);
    contract_ok(auth_store_account_insert(store, &account));
    assert_int_equal(auth_store_account_insert(store, &account), ST_EEXISTS);
    other.name = account.name;
    assert_int_equal(auth_store_account_insert(store, &other), ST_EEXISTS);
    other = contract_account(2);
    memcpy(other.acct, account.acct, sizeof other.acct);
    assert_int_equal(auth_store_account_insert(store, &other), ST_EEXISTS);
    /* Neither half of a refused row stays. */
    struct auth_account got;
    assert_int_equal(auth_store_account_by_name(store, st_view_text("user2"), &got), ST_ENOTFOUND);
    other = contract_account(2);
    contract_ok(auth_store_account_insert(store, &other));
}

static void account__update__writes_and_never_sinks(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_account got;
    contract_ok(auth_store_account_insert(store, &account));
    account.state = AUTH_ACCOUNT_DISABLED;
    memset(account.record, 7, sizeof account.record);
    account.list_seq = 5;
    account.next_dev = UINT64_C(1) << 32;
    account.flags = 3;
    account.last_seen_ms = 99;
    contract_ok(auth_store_account_update(store, &account));
    contract_ok(auth_store_account_by_id(store, account.acct, false, &got));
    assert_account(&got, &account);
    contract_ok(auth_store_account_update(store, &account));
    account.list_seq = 4;
    assert_int_equal(auth_store_account_update(store, &account), ST_ECONFLICT);
    struct auth_account absent = contract_account(9);
    assert_int_equal(auth_store_account_update(store, &absent), ST_ENOTFOUND);
    contract_ok(auth_store_account_by_id(store, account.acct, false, &got));
    assert_int_equal(got.list_seq, 5);
}

static void account__erase__takes_everything_of_it_and_nothing_else(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account one = contract_account(1);
    struct auth_account two = contract_account(2);
    struct auth_opk opk = contract_opk(1);
    struct auth_offer offer = contract_offer(1, 1, 1000);
    struct auth_grant on_one = contract_grant(1, 1, 2, 5);
    struct auth_grant by_one = contract_grant(2, 1, 1, 5);
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    contract_ok(auth_store_opk_put(store, one.acct, 1, &opk));
    contract_ok(auth_store_opk_put(store, two.acct, 1, &opk));
    contract_ok(auth_store_offer_put(store, &offer));
    contract_ok(auth_store_grant_insert(store, &on_one));
    contract_ok(auth_store_grant_insert(store, &by_one));

    contract_ok(auth_store_account_erase(store, one.acct));
    assert_int_equal(auth_store_account_erase(store, one.acct), ST_ENOTFOUND);

    struct auth_account account;
    struct auth_device device = contract_device(1, 1);
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    struct auth_offer offers[ST_DEVICES_MAX];
    struct auth_list list;
    size_t count;
    uint64_t number;
    assert_int_equal(auth_store_account_by_id(store, one.acct, false, &account), ST_ENOTFOUND);
    assert_int_equal(auth_store_account_by_name(store, st_view_text("user1"), &account), ST_ENOTFOUND);
    assert_int_equal(auth_store_device_by_tk(store, device.tk, &device), ST_ENOTFOUND);
    contract_ok(auth_store_device_all(store, one.acct, devices, &count));
    assert_int_equal(count, 0);
    assert_int_equal(auth_store_list_get(store, one.acct, 1, &list), ST_ENOTFOUND);
    contract_ok(auth_store_opk_count(store, one.acct, 1, &number));
    assert_int_equal(number, 0);
    contract_ok(auth_store_offer_all(store, one.acct, 0, offers, &count));
    assert_int_equal(count, 0);
    assert_int_equal(auth_store_grant_get(store, &on_one), ST_ENOTFOUND);
    assert_int_equal(auth_store_grant_get(store, &by_one), ST_ENOTFOUND);
    bool known;
    contract_ok(auth_store_grant_targets(store, &by_one, &known, &number));
    assert_false(known);

    contract_ok(auth_store_account_by_id(store, two.acct, false, &account));
    contract_ok(auth_store_opk_count(store, two.acct, 1, &number));
    assert_int_equal(number, 1);
    contract_ok(auth_store_list_get(store, two.acct, 1, &list));
    contract_ok(auth_store_device_get(store, two.acct, 1, &device));
    /* The name is free for the store; that it is not for people is the tombstone's task. */
    contract_add_account(store, 1);
}

static void tombstone__put__stays(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    uint8_t hash[ST_HASH_LEN] = { 1 };
    uint8_t other[ST_HASH_LEN] = { 2 };
    assert_int_equal(auth_store_tombstone_get(store, hash), ST_ENOTFOUND);
    contract_ok(auth_store_tombstone_put(store, hash, 10));
    contract_ok(auth_store_tombstone_put(store, hash, 11));
    contract_ok(auth_store_tombstone_get(store, hash));
    assert_int_equal(auth_store_tombstone_get(store, other), ST_ENOTFOUND);
}

static void list__put__comes_back_whole(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_list list = contract_list(2, ST_LIST_MAX);
    struct auth_list got;
    assert_int_equal(auth_store_list_put(store, account.acct, &list), ST_ENOTFOUND);
    contract_add_account(store, 1);
    contract_ok(auth_store_list_put(store, account.acct, &list));
    assert_int_equal(auth_store_list_put(store, account.acct, &list), ST_EEXISTS);
    contract_ok(auth_store_list_get(store, account.acct, 2, &got));
    assert_int_equal(got.seq, 2);
    assert_int_equal(got.len, list.len);
    assert_memory_equal(got.wire, list.wire, list.len);
    contract_ok(auth_store_list_get(store, account.acct, 1, &got));
    assert_int_equal(got.len, ST_LIST_MIN);
    assert_int_equal(auth_store_list_get(store, account.acct, 3, &got), ST_ENOTFOUND);
    assert_int_equal(got.len, 0);
    assert_int_equal(auth_store_list_get(store, account.acct, UINT64_MAX, &got), ST_ENOTFOUND);
    list = contract_list(UINT64_C(1) << 53, ST_LIST_MIN);
    contract_ok(auth_store_list_put(store, account.acct, &list));
    contract_ok(auth_store_list_get(store, account.acct, list.seq, &got));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int contract_run_accounts(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const struct CMUnitTest tests[] = {
        TEST(account__insert__is_found_by_name_and_id),
        TEST(account__look__absent_is_not_found_and_zero),
        TEST(account__look__hostile_names_find_nobody),
        TEST(account__insert__twice_exists),
        TEST(account__update__writes_and_never_sinks),
        TEST(account__erase__takes_everything_of_it_and_nothing_else),
        TEST(tombstone__put__stays),
        TEST(list__put__comes_back_whole),
    };
    return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
