#include "tests/contract/auth_store/auth_store_contract.h"

static void assert_device(const struct auth_device *a, const struct auth_device *b)
{
    assert_memory_equal(a->acct, b->acct, sizeof a->acct);
    assert_int_equal(a->dev, b->dev);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->has_tk, b->has_tk);
    assert_memory_equal(a->tk, b->tk, sizeof a->tk);
    assert_memory_equal(a->dsk, b->dsk, sizeof a->dsk);
    assert_memory_equal(a->dik, b->dik, sizeof a->dik);
    assert_memory_equal(&a->name, &b->name, sizeof a->name);
    assert_int_equal(a->spk_id, b->spk_id);
    assert_memory_equal(a->spk, b->spk, sizeof a->spk);
    assert_memory_equal(a->spk_sig, b->spk_sig, sizeof a->spk_sig);
    assert_int_equal(a->spk_created_s, b->spk_created_s);
    assert_int_equal(a->opk_hi, b->opk_hi);
    assert_int_equal(a->last_seen_ms, b->last_seen_ms);
}

static void device__insert__is_found_by_number_and_key(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_device device = contract_device(1, UINT32_MAX);
    struct auth_device got;
    assert_int_equal(auth_store_device_insert(store, &device), ST_ENOTFOUND);
    contract_add_account(store, 1);
    contract_ok(auth_store_device_insert(store, &device));
    contract_ok(auth_store_device_get(store, device.acct, UINT32_MAX, &got));
    assert_device(&got, &device);
    contract_ok(auth_store_device_by_tk(store, device.tk, &got));
    assert_device(&got, &device);
    assert_int_equal(auth_store_device_get(store, device.acct, 2, &got), ST_ENOTFOUND);
    assert_int_equal(got.dev, 0);
}

static void device__insert__twice_exists(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    struct auth_device device = contract_device(1, 1);
    assert_int_equal(auth_store_device_insert(store, &device), ST_EEXISTS);
    /* Another device with a transport key that is taken. */
    struct auth_device thief = contract_device(2, 2);
    memcpy(thief.tk, device.tk, sizeof thief.tk);
    assert_int_equal(auth_store_device_insert(store, &thief), ST_EEXISTS);
    struct auth_device got;
    assert_int_equal(auth_store_device_get(store, thief.acct, 2, &got), ST_ENOTFOUND);
    contract_ok(auth_store_device_by_tk(store, device.tk, &got));
    assert_memory_equal(got.acct, device.acct, sizeof got.acct);
}

static void device__update__moves_the_key(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    struct auth_device device = contract_device(1, 1);
    struct auth_device other = contract_device(2, 1);
    struct auth_device got;
    uint8_t old[ST_KEY_LEN];
    memcpy(old, device.tk, sizeof old);
    device.tk[9] ^= 1;
    device.name = contract_text("a \xc3\xbc name");
    device.opk_hi = UINT32_MAX;
    device.spk_id = 0;
    device.last_seen_ms = -1;
    contract_ok(auth_store_device_update(store, &device));
    contract_ok(auth_store_device_get(store, device.acct, 1, &got));
    assert_device(&got, &device);
    assert_int_equal(auth_store_device_by_tk(store, old, &got), ST_ENOTFOUND);
    /* Taken: nothing of the row changes. */
    struct auth_device thief = device;
    memcpy(thief.tk, other.tk, sizeof thief.tk);
    thief.opk_hi = 1;
    assert_int_equal(auth_store_device_update(store, &thief), ST_EEXISTS);
    contract_ok(auth_store_device_get(store, device.acct, 1, &got));
    assert_device(&got, &device);
    /* Logged out: two devices without a key do not disturb each other. */
    device.has_tk = false;
    memset(device.tk, 0, sizeof device.tk);
    other.has_tk = false;
    memset(other.tk, 0, sizeof other.tk);
    contract_ok(auth_store_device_update(store, &device));
    contract_ok(auth_store_device_update(store, &other));
    contract_ok(auth_store_device_get(store, device.acct, 1, &got));
    assert_device(&got, &device);
    assert_int_equal(auth_store_device_by_tk(store, device.tk, &got), ST_ENOTFOUND);
    struct auth_device absent = contract_device(1, 5);
    assert_int_equal(auth_store_device_update(store, &absent), ST_ENOTFOUND);
}

static void device__all__comes_in_order_and_bounded(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    size_t count;
    struct auth_device device = contract_device(1, 1);
    contract_ok(auth_store_device_all(store, device.acct, devices, &count));
    assert_int_equal(count, 0);
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    static const uint32_t numbers[] = { 300, 2, UINT32_MAX, 256 };
    for (size_t i = 0; i < 4; i++) {
        device = contract_device(1, numbers[i]);
        contract_ok(auth_store_device_insert(store, &device));
    }
    contract_ok(auth_store_device_all(store, device.acct, devices, &count));
    assert_int_equal(count, 5);
    static const uint32_t sorted[] = { 1, 2, 256, 300, UINT32_MAX };
    for (size_t i = 0; i < count; i++)
        assert_int_equal(devices[i].dev, sorted[i]);
    for (uint32_t dev = 1000; dev < 1020; dev++) {
        device = contract_device(1, dev);
        contract_ok(auth_store_device_insert(store, &device));
    }
    contract_ok(auth_store_device_all(store, device.acct, devices, &count));
    assert_int_equal(count, AUTH_DEVICE_ROWS_MAX);
}

static void device__delete__takes_what_hangs_on_it(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    contract_add_account(store, 1);
    contract_add_account(store, 2);
    struct auth_device device = contract_device(1, 2);
    struct auth_device got;
    struct auth_opk opk = contract_opk(4);
    struct auth_offer offer = contract_offer(1, 2, 50);
    struct auth_offer offers[ST_DEVICES_MAX];
    struct auth_grant grant = contract_grant(1, 2, 2, 9);
    struct auth_grant kept = contract_grant(1, 1, 2, 9);
    size_t count;
    uint64_t left;
    contract_ok(auth_store_device_insert(store, &device));
    contract_ok(auth_store_opk_put(store, device.acct, 2, &opk));
    contract_ok(auth_store_opk_put(store, device.acct, 1, &opk));
    contract_ok(auth_store_offer_put(store, &offer));
    contract_ok(auth_store_grant_insert(store, &grant));
    contract_ok(auth_store_grant_insert(store, &kept));
    contract_ok(auth_store_device_delete(store, device.acct, 2));
    assert_int_equal(auth_store_device_delete(store, device.acct, 2), ST_ENOTFOUND);
    assert_int_equal(auth_store_device_get(store, device.acct, 2, &got), ST_ENOTFOUND);
    assert_int_equal(auth_store_device_by_tk(store, device.tk, &got), ST_ENOTFOUND);
    contract_ok(auth_store_opk_count(store, device.acct, 2, &left));
    assert_int_equal(left, 0);
    contract_ok(auth_store_offer_all(store, device.acct, 0, offers, &count));
    assert_int_equal(count, 0);
    assert_int_equal(auth_store_grant_get(store, &grant), ST_ENOTFOUND);
    contract_ok(auth_store_grant_get(store, &kept));
    contract_ok(auth_store_opk_count(store, device.acct, 1, &left));
    assert_int_equal(left, 1);
    contract_ok(auth_store_device_insert(store, &device));
}

static void session__get__joins_device_account_and_list(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_session session;
    struct auth_device device = contract_device(1, 1);
    struct auth_account account = contract_account(1);
    assert_int_equal(auth_store_session_get(store, device.tk, &session), ST_ENOTFOUND);
    contract_add_account(store, 1);
    for (uint32_t id = 1; id <= 3; id++) {
        struct auth_opk opk = contract_opk(id);
        contract_ok(auth_store_opk_put(store, account.acct, 1, &opk));
    }
    contract_ok(auth_store_session_get(store, device.tk, &session));
    assert_memory_equal(session.acct, account.acct, sizeof session.acct);
    assert_int_equal(session.dev, 1);
    assert_int_equal(session.account_state, AUTH_ACCOUNT_ACTIVE);
    assert_int_equal(session.device_state, AUTH_DEVICE_ACTIVE);
    assert_int_equal(session.last_seen_ms, 3000);
    assert_int_equal(session.list.seq, 1);
    assert_int_equal(session.list.len, ST_LIST_MIN);
    assert_int_equal(session.list.wire[0], 1);
    assert_int_equal(session.opk_left, 3);
    /* The newest list is the one that the account names. */
    struct auth_list list = contract_list(2, ST_LIST_MIN + 1);
    contract_ok(auth_store_list_put(store, account.acct, &list));
    contract_ok(auth_store_session_get(store, device.tk, &session));
    assert_int_equal(session.list.seq, 1);
    account.list_seq = 2;
    account.state = AUTH_ACCOUNT_DISABLED;
    contract_ok(auth_store_account_update(store, &account));
    contract_ok(auth_store_session_get(store, device.tk, &session));
    assert_int_equal(session.list.seq, 2);
    assert_int_equal(session.list.len, ST_LIST_MIN + 1);
    assert_int_equal(session.account_state, AUTH_ACCOUNT_DISABLED);
    /* A list that the account names and nobody has is damage, not absence. */
    account.list_seq = 3;
    contract_ok(auth_store_account_update(store, &account));
    assert_int_equal(auth_store_session_get(store, device.tk, &session), ST_EFOREIGN);
}

static void session__touch__is_seen_in_both(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_account account = contract_account(1);
    struct auth_device device;
    contract_ok(auth_store_session_touch(store, account.acct, 1, 7000));
    contract_add_account(store, 1);
    contract_ok(auth_store_session_touch(store, account.acct, 1, 7000));
    contract_ok(auth_store_session_touch(store, account.acct, 2, 8000));
    struct auth_account got;
    contract_ok(auth_store_account_by_id(store, account.acct, false, &got));
    contract_ok(auth_store_device_get(store, account.acct, 1, &device));
    assert_int_equal(got.last_seen_ms, 7000);
    assert_int_equal(device.last_seen_ms, 7000);
    assert_true(device.has_tk);
}

static void offer__put__replaces_and_expires(void **state)
{
    const struct auth_store *store = &CONTRACT_DB(state)->store;
    struct auth_offer offers[ST_DEVICES_MAX];
    size_t count;
    struct auth_offer offer = contract_offer(1, 1, 100);
    assert_int_equal(auth_store_offer_put(store, &offer), ST_ENOTFOUND);
    contract_add_account(store, 1);
    contract_ok(auth_store_offer_put(store, &offer));
    offer.tag[0] = 77;
    offer.name = contract_text("tablet");
    offer.expires_ms = 200;
    contract_ok(auth_store_offer_put(store, &offer));
    contract_ok(auth_store_offer_all(store, offer.acct, 199, offers, &count));
    assert_int_equal(count, 1);
    assert_int_equal(offers[0].dev, 1);
    assert_memory_equal(offers[0].dsk, offer.dsk, sizeof offer.dsk);
    assert_memory_equal(offers[0].dik, offer.dik, sizeof offer.dik);
    assert_memory_equal(offers[0].accept, offer.accept, sizeof offer.accept);
    assert_memory_equal(offers[0].tag, offer.tag, sizeof offer.tag);
    assert_memory_equal(&offers[0].name, &offer.name, sizeof offer.name);
    assert_int_equal(offers[0].expires_ms, 200);
    contract_ok(auth_store_offer_all(store, offer.acct, 200, offers, &count));
    assert_int_equal(count, 0);
    contract_ok(auth_store_offer_delete(store, offer.acct, 1));
    contract_ok(auth_store_offer_delete(store, offer.acct, 1));
    contract_ok(auth_store_offer_all(store, offer.acct, 0, offers, &count));
    assert_int_equal(count, 0);
    for (uint32_t dev = 2; dev < 14; dev++) {
        struct auth_device device = contract_device(1, dev);
        contract_ok(auth_store_device_insert(store, &device));
        offer = contract_offer(1, dev, 100);
        contract_ok(auth_store_offer_put(store, &offer));
    }
    contract_ok(auth_store_offer_all(store, offer.acct, 0, offers, &count));
    assert_int_equal(count, ST_DEVICES_MAX);
    assert_int_equal(offers[0].dev, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int contract_run_devices(CMFixtureFunction setup, CMFixtureFunction teardown)
{
    const struct CMUnitTest tests[] = {
        TEST(device__insert__is_found_by_number_and_key),
        TEST(device__insert__twice_exists),
        TEST(device__update__moves_the_key),
        TEST(device__all__comes_in_order_and_bounded),
        TEST(device__delete__takes_what_hangs_on_it),
        TEST(session__get__joins_device_account_and_list),
        TEST(session__touch__is_seen_in_both),
        TEST(offer__put__replaces_and_expires),
    };
    return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
