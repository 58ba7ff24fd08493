/* Exposed keys, quota of attachments, sweeps, clock and epochs. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <string.h>

/* ---- exposed keys ---- */

static bool expose(struct contract *contract, unsigned n, uint32_t hash, uint8_t key, int64_t at_ms)
{
    uint8_t hash_bytes[ST_HASH_LEN] = { 0 }, key_bytes[ST_KEY_LEN];
    st_put_u32(hash_bytes, hash);
    memset(key_bytes, key, sizeof key_bytes);
    struct mailbox_exposed_put put = {
        .key = contract_key(n, 1), .hash = hash_bytes, .mac_key = key_bytes, .at_ms = at_ms
    };
    assert_int_equal(mailbox_exposed_put(&contract->box, &put, 1), ST_OK);
    return put.stored;
}

/* The first byte of the key under this hash, or -1. */
static int exposed(struct contract *contract, unsigned n, uint32_t hash)
{
    uint8_t hash_bytes[ST_HASH_LEN] = { 0 };
    st_put_u32(hash_bytes, hash);
    struct mailbox_exposed_get get = { .key = contract_key(n, 1), .hash = hash_bytes };
    assert_int_equal(mailbox_exposed_get(&contract->box, &get, 1), ST_OK);
    return get.found ? get.mac_key[31] : -1;
}

static void exposed__key__is_found_by_hash_and_first_one_wins(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    contract_open_box(contract, 2);
    assert_false(expose(contract, 3, 1, 10, 0));
    assert_true(expose(contract, 1, 1, 10, 0));
    assert_true(expose(contract, 1, 1, 11, 0));
    contract_reopen(contract);
    assert_int_equal(exposed(contract, 1, 1), 10);
    assert_int_equal(exposed(contract, 1, 2), -1);
    assert_int_equal(exposed(contract, 2, 1), -1);
    assert_int_equal(exposed(contract, 3, 1), -1);
}

static void exposed__thousand_and_one__forgets_the_oldest(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    for (uint32_t i = 0; i < MAILBOX_EXPOSED_MAX + 5; i++)
        assert_true(expose(contract, 1, i, (uint8_t)i, 0));
    assert_int_equal(exposed(contract, 1, 4), -1);
    assert_int_equal(exposed(contract, 1, 5), 5);
    assert_int_equal(exposed(contract, 1, MAILBOX_EXPOSED_MAX + 4), (MAILBOX_EXPOSED_MAX + 4) % 256);
}

static void exposed__old_or_of_a_closed_mailbox__are_gone(void **state)
{
    struct contract *contract = *state;
    const uint32_t dev = 1;
    contract_open_box(contract, 1);
    expose(contract, 1, 1, 10, 100);
    expose(contract, 1, 2, 20, 200);
    struct mailbox_sweep step = { .exposed_before_ms = 200, .box_max = 10 };
    contract_sweep(contract, &step);
    assert_int_equal(exposed(contract, 1, 1), -1);
    assert_int_equal(exposed(contract, 1, 2), 20);
    contract_open_boxes(contract, 1, 2, &dev, 0);
    contract_open_boxes(contract, 1, 3, &dev, 1);
    assert_int_equal(exposed(contract, 1, 2), -1);
}

/* ---- attachments ---- */

static enum mailbox_blob_fate add_blob(struct contract *contract, unsigned n, uint8_t id, uint64_t size, int64_t now_ms)
{
    struct mailbox_key key = contract_key(n, 1);
    struct mailbox_blob_add add = {
        .size = size, .chunks = 2, .now_ms = now_ms, .expires_ms = now_ms + 100, .account_bytes_max = 1000000
    };
    memcpy(add.acct, key.acct, ST_ACCT_LEN);
    memset(add.blob, id, ST_BLOB_ID_LEN);
    assert_int_equal(mailbox_blob_add(&contract->box, &add, 1), ST_OK);
    return add.fate;
}

static uint64_t blob_size(struct contract *contract, unsigned n, uint8_t id)
{
    struct mailbox_key key = contract_key(n, 1);
    struct mailbox_blob_get get = { .found = true };
    memcpy(get.acct, key.acct, ST_ACCT_LEN);
    memset(get.blob, id, ST_BLOB_ID_LEN);
    assert_int_equal(mailbox_blob_get(&contract->box, &get, 1), ST_OK);
    assert_int_equal(get.chunks, get.found ? 2 : 0);
    return get.found ? get.size : 0;
}

static void blob__added__counts_until_it_expires_or_is_dropped(void **state)
{
    struct contract *contract = *state;
    struct mailbox_key key = contract_key(1, 1);
    assert_int_equal(add_blob(contract, 1, 1, 600000, 0), MAILBOX_BLOB_OK);
    assert_int_equal(add_blob(contract, 1, 1, 600000, 0), MAILBOX_BLOB_OK);
    assert_int_equal(add_blob(contract, 1, 1, 600001, 0), MAILBOX_BLOB_CONFLICT);
    assert_int_equal(add_blob(contract, 1, 2, 500000, 0), MAILBOX_BLOB_QUOTA);
    assert_int_equal(add_blob(contract, 1, 2, 400000, 0), MAILBOX_BLOB_OK); /* exactly full */
    assert_int_equal(add_blob(contract, 1, 3, 1, 0), MAILBOX_BLOB_QUOTA);
    assert_int_equal(add_blob(contract, 2, 3, 1000000, 0), MAILBOX_BLOB_OK);
    contract_reopen(contract);
    assert_int_equal(blob_size(contract, 1, 1), 600000);
    assert_int_equal(blob_size(contract, 1, 3), 0);
    assert_int_equal(blob_size(contract, 2, 1), 0);
    struct mailbox_blob_drop drop;
    memcpy(drop.acct, key.acct, ST_ACCT_LEN);
    memset(drop.blob, 1, ST_BLOB_ID_LEN);
    assert_int_equal(mailbox_blob_drop(&contract->box, &drop, 1), ST_OK);
    assert_int_equal(mailbox_blob_drop(&contract->box, &drop, 1), ST_OK);
    assert_int_equal(blob_size(contract, 1, 1), 0);
    assert_int_equal(add_blob(contract, 1, 3, 600000, 99), MAILBOX_BLOB_OK);
    assert_int_equal(add_blob(contract, 1, 4, 400000, 99), MAILBOX_BLOB_QUOTA);
    assert_int_equal(add_blob(contract, 1, 4, 400000, 100), MAILBOX_BLOB_OK); /* number 2 has expired */
}

static void blob__tiny__counts_as_a_chunk(void **state)
{
    struct contract *contract = *state;
    uint8_t added = 0;
    while (add_blob(contract, 1, added, 1, 0) == MAILBOX_BLOB_OK)
        added++;
    assert_int_equal(added, 1000000 / MAILBOX_BLOB_CHARGE_MIN);
}

static void blob__list__gives_all_and_purge_forgets_them(void **state)
{
    struct contract *contract = *state;
    uint8_t ids[4][ST_BLOB_ID_LEN];
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_blob_list list = { .blobs = ids, .blob_max = 4 };
    memcpy(list.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(mailbox_blob_list(&contract->box, &list), ST_OK);
    assert_int_equal(list.blob_count, 0);
    for (uint8_t i = 0; i < 5; i++)
        add_blob(contract, 1, i, 1000, 0);
    add_blob(contract, 2, 9, 1000, 0);
    assert_int_equal(mailbox_blob_list(&contract->box, &list), ST_OK);
    assert_int_equal(list.blob_count, 4);
    struct mailbox_blob_drop drops[4];
    for (size_t i = 0; i < 4; i++) {
        memcpy(drops[i].acct, key.acct, ST_ACCT_LEN);
        memcpy(drops[i].blob, ids[i], ST_BLOB_ID_LEN);
    }
    assert_int_equal(mailbox_blob_drop(&contract->box, drops, 4), ST_OK);
    assert_int_equal(mailbox_blob_list(&contract->box, &list), ST_OK);
    assert_int_equal(list.blob_count, 1);
    contract_purge(contract, 1, 5000);
    assert_int_equal(mailbox_blob_list(&contract->box, &list), ST_OK);
    assert_int_equal(list.blob_count, 0);
    assert_int_equal(blob_size(contract, 2, 9), 1000);
}

static void blob__sweep__drops_what_has_expired(void **state)
{
    struct contract *contract = *state;
    add_blob(contract, 1, 1, 1000, 0);
    add_blob(contract, 1, 2, 1000, 50);
    struct mailbox_sweep step = { .now_ms = 101, .box_max = 10 };
    contract_sweep(contract, &step);
    assert_int_equal(blob_size(contract, 1, 1), 0);
    assert_int_equal(blob_size(contract, 1, 2), 1000);
}

/* ---- sweep, clock ---- */

static void sweep__old_entries__go_in_bounded_steps(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN];
    uint32_t ids[8];
    for (unsigned n = 0; n < 30; n++) {
        contract_open_box(contract, n);
        for (uint32_t i = 0; i < 4; i++)
            contract_append(contract, contract_item(n, 1, 10 * i, 500), token); /* at 1000, 1010, 1020, 1030 */
    }
    struct mailbox_sweep step = { .entries_before_ms = 1020, .box_max = 7 };
    unsigned steps = 0;
    uint64_t expired = 0;
    do {
        assert_int_equal(mailbox_sweep(&contract->box, &step), ST_OK);
        assert_true(step.expired <= 7 * 2);
        expired += step.expired;
        steps++;
    } while (!step.done);
    assert_int_equal(expired, 60);
    assert_true(steps >= 30 / 7);
    for (unsigned n = 0; n < 30; n++) {
        assert_int_equal(contract_length(contract, n, 1), 2);
        assert_int_equal(contract_list(contract, n, 1, ids, 8), 2);
        assert_int_equal(ids[0], 20);
    }
    /* Room was made, and the bytes are off the account. */
    const struct mailbox_limits limits = { .entries_max = 3, .bytes_max = 2 * 500 + 1 };
    struct mailbox_append item = contract_item(0, 1, 5, 500);
    assert_int_equal(mailbox_append(&contract->box, &limits, &item, 1), ST_OK);
    assert_int_equal(item.fate, MAILBOX_STORED);
    assert_int_equal(item.length, 3);
}

static void clock__is_the_wall_clock_at_first(void **state)
{
    struct contract *contract = *state;
    int64_t now_ms = 0;
    assert_int_equal(mailbox_time_ms(&contract->box, &now_ms), ST_OK);
    assert_int_equal(now_ms, contract->clock.wall_ms);
}

static void epochs__unchanged__stay_over_a_restart(void **state)
{
    struct contract *contract = *state;
    struct mailbox_key key = contract_key(1, 1);
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    uint64_t before = 0, after = 1;
    contract_open_box(contract, 1);
    assert_int_equal(mailbox_changes(&contract->box, &before), ST_OK);
    assert_int_equal(mailbox_epochs(&contract->box, key.acct, 1, first), ST_OK);
    for (int i = 0; i < 3; i++) {
        contract_reopen(contract);
        assert_int_equal(mailbox_epochs(&contract->box, key.acct, 1, second), ST_OK);
        assert_memory_equal(first, second, ST_EPOCH_LEN);
    }
    assert_int_equal(mailbox_changes(&contract->box, &after), ST_OK);
    assert_int_equal(before, after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

const struct CMUnitTest contract_keeping_tests[] = {
    TEST(exposed__key__is_found_by_hash_and_first_one_wins),
    TEST(exposed__thousand_and_one__forgets_the_oldest),
    TEST(exposed__old_or_of_a_closed_mailbox__are_gone),
    TEST(blob__added__counts_until_it_expires_or_is_dropped),
    TEST(blob__tiny__counts_as_a_chunk),
    TEST(blob__list__gives_all_and_purge_forgets_them),
    TEST(blob__sweep__drops_what_has_expired),
    TEST(sweep__old_entries__go_in_bounded_steps),
    TEST(clock__is_the_wall_clock_at_first),
    TEST(epochs__unchanged__stay_over_a_restart),
};
const size_t contract_keeping_test_count = sizeof contract_keeping_tests / sizeof contract_keeping_tests[0];
