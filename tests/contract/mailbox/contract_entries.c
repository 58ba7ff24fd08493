/* Entries: append, read, remove, quota, tokens. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <stdlib.h>
#include <string.h>

static void append__closed_mailbox__is_absent(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    assert_int_equal(contract_append(contract, contract_item(2, 1, 1, 500), token), MAILBOX_ABSENT);
    assert_int_equal(contract_append(contract, contract_item(1, 2, 1, 500), token), MAILBOX_ABSENT);
    assert_int_equal(contract_append(contract, contract_item(1, 1, 1, 500), token), MAILBOX_STORED);
    assert_int_equal(contract_length(contract, 1, 1), 1);
    assert_int_equal(contract_length(contract, 1, 2), UINT64_MAX);
}

static void append__batch__gives_rising_ids_and_lengths(void **state)
{
    struct contract *contract = *state;
    struct mailbox_append items[20];
    uint8_t epoch[ST_EPOCH_LEN];
    struct mailbox_key key = contract_key(1, 1);
    contract_open_box(contract, 1);
    contract_open_box(contract, 2);
    for (uint32_t i = 0; i < 20; i++)
        items[i] = contract_item(1 + i % 2, 1, i, 500);
    assert_int_equal(mailbox_epochs(&contract->box, key.acct, 1, epoch), ST_OK);
    assert_int_equal(mailbox_append(&contract->box, &contract_wide, items, 20), ST_OK);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(items[i].fate, MAILBOX_STORED);
        assert_int_equal(items[i].length, i / 2 + 1);
        assert_memory_equal(items[i].token_r, epoch, ST_EPOCH_LEN);
        assert_false(items[i].present);
        if (i >= 2)
            assert_true(
                memcmp(items[i].token_r + ST_EPOCH_LEN, items[i - 2].token_r + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN) > 0);
    }
    uint32_t ids[20];
    assert_int_equal(contract_list(contract, 1, 1, ids, 20), 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(ids[i], 2 * i);
}

static void append__mixed_fates__each_item_has_its_own(void **state)
{
    struct contract *contract = *state;
    struct mailbox_append items[4];
    const struct mailbox_limits tight = { .entries_max = 1, .bytes_max = UINT64_MAX };
    contract_open_box(contract, 1);
    contract_open_box(contract, 3);
    items[0] = contract_item(1, 1, 1, 500);
    items[1] = contract_item(2, 1, 2, 500);
    items[2] = contract_item(1, 1, 3, 500);
    items[3] = contract_item(3, 1, 4, 500);
    assert_int_equal(mailbox_append(&contract->box, &tight, items, 4), ST_OK);
    assert_int_equal(items[0].fate, MAILBOX_STORED);
    assert_int_equal(items[1].fate, MAILBOX_ABSENT);
    assert_int_equal(items[2].fate, MAILBOX_FULL);
    assert_int_equal(items[3].fate, MAILBOX_STORED);
}

static void append__sizes_from_smallest_to_largest__are_read_back(void **state)
{
    struct contract *contract = *state;
    static const size_t sizes[] = { ST_ENVELOPE_MIN, 1000, 4000, 4096, 5000, 40000, ST_ENVELOPE_MAX };
    uint8_t token[ST_TOKEN_LEN];
    uint32_t ids[8];
    contract_open_box(contract, 1);
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(contract_append(contract, contract_item(1, 1, i, sizes[i]), token), MAILBOX_STORED);
    assert_int_equal(contract_list(contract, 1, 1, ids, 8), 7); /* contract_list looks at every byte */
}

static void append__thousand_to_many_mailboxes__all_are_there(void **state)
{
    struct contract *contract = *state;
    struct mailbox_append *items = calloc(1040, sizeof *items);
    assert_non_null(items);
    for (unsigned n = 0; n < 40; n++)
        contract_open_box(contract, n);
    for (uint32_t i = 0; i < 1040; i++)
        items[i] = contract_item(i % 40, 1, i, 500);
    assert_int_equal(mailbox_append(&contract->box, &contract_wide, items, 1040), ST_OK);
    free(items);
    for (unsigned n = 0; n < 40; n++)
        assert_int_equal(contract_length(contract, n, 1), 26);
}

/* ---- quota ---- */

static void quota__entries__is_checked_before_each_append(void **state)
{
    struct contract *contract = *state;
    const struct mailbox_limits limits = { .entries_max = 3, .bytes_max = UINT64_MAX };
    struct mailbox_append items[5];
    contract_open_box(contract, 1);
    for (uint32_t i = 0; i < 5; i++)
        items[i] = contract_item(1, 1, i, 500);
    assert_int_equal(mailbox_append(&contract->box, &limits, items, 5), ST_OK);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(items[i].fate, i < 3 ? MAILBOX_STORED : MAILBOX_FULL);
    assert_int_equal(contract_remove(contract, 1, 1, items[0].token_r, 1), 1);
    assert_int_equal(mailbox_append(&contract->box, &limits, items + 3, 2), ST_OK);
    assert_int_equal(items[3].fate, MAILBOX_STORED);
    assert_int_equal(items[4].fate, MAILBOX_FULL);
}

static void quota__bytes__the_entry_that_crosses_is_taken(void **state)
{
    struct contract *contract = *state;
    const struct mailbox_limits limits = { .entries_max = UINT64_MAX, .bytes_max = 1200 };
    struct mailbox_append items[4];
    contract_open_box(contract, 1);
    for (uint32_t i = 0; i < 4; i++)
        items[i] = contract_item(1, 1, i, 500);
    assert_int_equal(mailbox_append(&contract->box, &limits, items, 4), ST_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(items[i].fate, i < 3 ? MAILBOX_STORED : MAILBOX_FULL);
    contract_reopen(contract); /* and is known after a restart */
    assert_int_equal(mailbox_append(&contract->box, &limits, items + 3, 1), ST_OK);
    assert_int_equal(items[3].fate, MAILBOX_FULL);
    assert_int_equal(contract_remove(contract, 1, 1, items[1].token_r, 1), 1);
    assert_int_equal(mailbox_append(&contract->box, &limits, items + 3, 1), ST_OK);
    assert_int_equal(items[3].fate, MAILBOX_STORED);
}

/* ---- tokens ---- */

static void token__entry_is_there__is_found_and_not_repeated(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN], again[ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    contract_append(contract, contract_item(1, 1, 7, 500), token);
    struct mailbox_append item = contract_item(1, 1, 7, 500);
    item.token = token;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_THERE);
    assert_memory_equal(token, again, ST_TOKEN_LEN);
    /* Even if the mailbox is full. */
    const struct mailbox_limits none = { .entries_max = 1, .bytes_max = UINT64_MAX };
    assert_int_equal(mailbox_append(&contract->box, &none, &item, 1), ST_OK);
    assert_int_equal(item.fate, MAILBOX_THERE);
    assert_int_equal(contract_length(contract, 1, 1), 1);
}

static void token__entry_is_gone__is_appended(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN], again[ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    contract_append(contract, contract_item(1, 1, 7, 500), token);
    contract_remove(contract, 1, 1, token, 1);
    struct mailbox_append item = contract_item(1, 1, 7, 500);
    item.token = token;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    assert_memory_not_equal(token, again, ST_TOKEN_LEN);
}

static void token__of_another_message_sender_mailbox_or_epoch__is_appended(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN], other[ST_TOKEN_LEN], again[ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    contract_open_box(contract, 2);
    contract_append(contract, contract_item(1, 1, 7, 500), token);
    struct mailbox_append item = contract_item(1, 1, 8, 500);
    item.token = token;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    item = contract_item(1, 1, 7, 500);
    item.token = token;
    item.from.dev++;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    item = contract_item(1, 1, 7, 500);
    item.token = token;
    item.from.acct[3] ^= 1;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    item = contract_item(2, 1, 7, 500);
    item.token = token;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    assert_int_equal(contract_length(contract, 2, 1), 1);
    memcpy(other, token, sizeof other);
    other[2] ^= 0x40;
    item = contract_item(1, 1, 7, 500);
    item.token = other;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    memset(other, 0xff, sizeof other);
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    memcpy(other, token, ST_EPOCH_LEN);
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    assert_int_equal(contract_length(contract, 1, 1), 7);
}

static void token__never_given_twice__not_even_after_a_restart(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[300][ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(contract_append(contract, contract_item(1, 1, i, 500), tokens[i]), MAILBOX_STORED);
        assert_int_equal(contract_remove(contract, 1, 1, tokens[i], 1), 1);
        if (i % 10 == 9)
            contract_reopen(contract);
        if (i > 0)
            assert_true(memcmp(tokens[i] + ST_EPOCH_LEN, tokens[i - 1] + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN) > 0);
        if (i > 0)
            assert_memory_equal(tokens[i], tokens[i - 1], ST_EPOCH_LEN);
    }
}

/* However a backend sets ids aside, those of thousands of entries that came and went are not given again. */
static void token__after_thousands_and_a_restart__is_higher_than_all_before(void **state)
{
    struct contract *contract = *state;
    struct mailbox_append *items = calloc(500, sizeof *items);
    uint8_t last[ST_TOKEN_LEN] = { 0 };
    assert_non_null(items);
    contract_open_box(contract, 1);
    for (uint32_t round = 0; round < 6; round++) {
        for (uint32_t i = 0; i < 500; i++)
            items[i] = contract_item(1, 1, i, ST_ENVELOPE_MIN);
        assert_int_equal(mailbox_append(&contract->box, &contract_wide, items, 500), ST_OK);
        for (uint32_t i = 0; i < 500; i++) {
            assert_true(memcmp(items[i].token_r + ST_EPOCH_LEN, last + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN) > 0);
            memcpy(last, items[i].token_r, sizeof last);
            assert_int_equal(contract_remove(contract, 1, 1, last, 1), 1);
        }
        if (round >= 4)
            contract_reopen(contract);
    }
    free(items);
}

/* ---- read ---- */

struct reading {
    uint32_t ids[64];
    size_t indexes[64];
    uint8_t tokens[64][ST_TOKEN_LEN];
    size_t count, stop_at;
};

static bool take_entry(void *sink_ctx, size_t index, const struct mailbox_entry *entry)
{
    struct reading *reading = sink_ctx;
    if (reading->count == reading->stop_at)
        return false;
    reading->ids[reading->count] = st_get_u32(entry->msg_id);
    reading->indexes[reading->count] = index;
    memcpy(reading->tokens[reading->count++], entry->token, ST_TOKEN_LEN);
    return true;
}

static void fill(struct contract *contract, unsigned n, uint32_t count, uint8_t (*tokens_r)[ST_TOKEN_LEN])
{
    contract_open_box(contract, n);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(contract_append(contract, contract_item(n, 1, i, 500), tokens_r[i]), MAILBOX_STORED);
}

static void read__from_the_beginning__gives_all_in_order(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[10][ST_TOKEN_LEN];
    struct reading reading = { .stop_at = 64 };
    struct mailbox_read read = { .key = contract_key(1, 1), .entry_max = 64 };
    fill(contract, 1, 10, tokens);
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_true(read.exists);
    assert_false(read.more);
    assert_memory_equal(read.epoch, tokens[0], ST_EPOCH_LEN);
    assert_int_equal(reading.count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(reading.ids[i], i);
        assert_memory_equal(reading.tokens[i], tokens[i], ST_TOKEN_LEN);
    }
}

static void read__behind_a_cursor__goes_on_even_if_that_entry_is_gone(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[10][ST_TOKEN_LEN];
    struct reading reading = { .stop_at = 64 };
    struct mailbox_read read = { .key = contract_key(1, 1), .entry_max = 64 };
    fill(contract, 1, 10, tokens);
    memcpy(read.after, tokens[4] + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
    contract_remove(contract, 1, 1, tokens[4], 1);
    contract_remove(contract, 1, 1, tokens[6], 1);
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 4);
    assert_int_equal(reading.ids[0], 5);
    assert_int_equal(reading.ids[1], 7);
    memcpy(read.after, tokens[9] + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
    reading.count = 0;
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 0);
    assert_false(read.more);
}

static void read__entry_max_and_sink__end_it_early_and_say_so(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[10][ST_TOKEN_LEN];
    struct reading reading = { .stop_at = 64 };
    struct mailbox_read read = { .key = contract_key(1, 1), .entry_max = 4 };
    fill(contract, 1, 10, tokens);
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 4);
    assert_true(read.more);
    read.entry_max = 10;
    reading.count = 0;
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 10);
    assert_false(read.more);
    reading.count = 0;
    reading.stop_at = 3;
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 3);
    assert_true(read.more);
}

static void read__several_mailboxes__one_after_the_other(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[5][ST_TOKEN_LEN];
    struct reading reading = { .stop_at = 64 };
    struct mailbox_read reads[4];
    fill(contract, 1, 3, tokens);
    fill(contract, 2, 5, tokens);
    contract_open_box(contract, 3);
    memset(reads, 0, sizeof reads);
    for (unsigned i = 0; i < 4; i++) {
        reads[i].key = contract_key(1 + i, 1);
        reads[i].entry_max = 4;
    }
    assert_int_equal(mailbox_read(&contract->box, reads, 4, take_entry, &reading), ST_OK);
    assert_int_equal(reading.count, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(reading.indexes[i], i < 3 ? 0 : 1);
    assert_false(reads[0].more);
    assert_true(reads[1].more);
    assert_true(reads[2].exists && !reads[2].more);
    assert_false(reads[3].exists);
}

static void read__cursor_of_another_mailbox__never_shows_other_entries(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[5][ST_TOKEN_LEN], others[5][ST_TOKEN_LEN];
    struct reading reading = { .stop_at = 64 };
    struct mailbox_read read = { .key = contract_key(2, 1), .entry_max = 64 };
    fill(contract, 1, 5, tokens);
    fill(contract, 2, 2, others);
    memcpy(read.after, tokens[0] + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    for (size_t i = 0; i < reading.count; i++)
        assert_true(memcmp(reading.tokens[i], others[0], ST_TOKEN_LEN) == 0 ||
                    memcmp(reading.tokens[i], others[1], ST_TOKEN_LEN) == 0);
    memset(read.after, 0xff, sizeof read.after);
    reading.count = 0;
    assert_int_equal(mailbox_read(&contract->box, &read, 1, take_entry, &reading), ST_OK);
    for (size_t i = 0; i < reading.count; i++)
        assert_true(memcmp(reading.tokens[i], others[0], ST_TOKEN_LEN) == 0 ||
                    memcmp(reading.tokens[i], others[1], ST_TOKEN_LEN) == 0);
}

/* ---- remove ---- */

static void remove__any_order_and_repeats__removes_each_once(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[10][ST_TOKEN_LEN], acked[8][ST_TOKEN_LEN];
    static const size_t order[8] = { 5, 3, 4, 3, 9, 0, 1, 2 };
    uint32_t ids[10];
    fill(contract, 1, 10, tokens);
    for (size_t i = 0; i < 8; i++)
        memcpy(acked[i], tokens[order[i]], ST_TOKEN_LEN);
    assert_int_equal(contract_remove(contract, 1, 1, acked[0], 8), 7);
    assert_int_equal(contract_list(contract, 1, 1, ids, 10), 3);
    assert_int_equal(ids[0], 6);
    assert_int_equal(ids[2], 8);
    assert_int_equal(contract_remove(contract, 1, 1, acked[0], 8), 0);
    assert_int_equal(contract_length(contract, 1, 1), 3);
}

static void remove__stretches_with_gaps__are_counted_right(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[10][ST_TOKEN_LEN];
    const struct mailbox_limits limits = { .entries_max = UINT64_MAX, .bytes_max = 10 * 500 };
    fill(contract, 1, 10, tokens);
    contract_remove(contract, 1, 1, tokens[3], 1);
    contract_remove(contract, 1, 1, tokens[5], 1);
    assert_int_equal(contract_remove(contract, 1, 1, tokens[0], 10), 8);
    assert_int_equal(contract_length(contract, 1, 1), 0);
    /* Nothing of the bytes is left on the account. */
    for (uint32_t i = 0; i < 11; i++) {
        struct mailbox_append item = contract_item(1, 1, i, 500);
        assert_int_equal(mailbox_append(&contract->box, &limits, &item, 1), ST_OK);
        assert_int_equal(item.fate, i < 10 ? MAILBOX_STORED : MAILBOX_FULL);
    }
}

static void remove__foreign_tokens__remove_nothing(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[3][ST_TOKEN_LEN], others[3][ST_TOKEN_LEN], bad[ST_TOKEN_LEN];
    fill(contract, 1, 3, tokens);
    fill(contract, 2, 3, others);
    assert_int_equal(contract_remove(contract, 1, 1, others[0], 3), 0);
    memcpy(bad, tokens[0], sizeof bad);
    bad[7] ^= 1;
    assert_int_equal(contract_remove(contract, 1, 1, bad, 1), 0);
    memset(bad + ST_EPOCH_LEN, 0, MAILBOX_ENTRY_LEN);
    assert_int_equal(contract_remove(contract, 1, 1, bad, 1), 0);
    memset(bad + ST_EPOCH_LEN, 0xff, MAILBOX_ENTRY_LEN);
    memcpy(bad, tokens[0], ST_EPOCH_LEN);
    assert_int_equal(contract_remove(contract, 1, 1, bad, 1), 0);
    assert_int_equal(contract_remove(contract, 5, 1, tokens[0], 3), 0);
    assert_int_equal(contract_length(contract, 1, 1), 3);
    assert_int_equal(contract_length(contract, 2, 1), 3);
}

static void remove__many_mailboxes_in_one_call__each_has_its_count(void **state)
{
    struct contract *contract = *state;
    uint8_t first[4][ST_TOKEN_LEN], second[4][ST_TOKEN_LEN];
    fill(contract, 1, 4, first);
    fill(contract, 2, 4, second);
    struct mailbox_remove removes[3] = {
        { .key = contract_key(1, 1), .tokens = first[0], .token_count = 2 },
        { .key = contract_key(2, 1), .tokens = second[1], .token_count = 3 },
        { .key = contract_key(1, 1), .tokens = first[0], .token_count = 4 },
    };
    assert_int_equal(mailbox_remove(&contract->box, removes, 3), ST_OK);
    assert_int_equal(removes[0].removed, 2);
    assert_int_equal(removes[1].removed, 3);
    assert_int_equal(removes[2].removed, 2);
    assert_memory_equal(removes[0].epoch, first[0], ST_EPOCH_LEN);
    assert_int_equal(contract_length(contract, 1, 1), 0);
    assert_int_equal(contract_length(contract, 2, 1), 1);
}

/* ---- durability ---- */

static void reopened__database__holds_everything_in_order(void **state)
{
    struct contract *contract = *state;
    uint8_t tokens[20][ST_TOKEN_LEN], token[ST_TOKEN_LEN];
    uint32_t ids[32];
    fill(contract, 1, 20, tokens);
    contract_remove(contract, 1, 1, tokens[0], 5);
    contract_reopen(contract);
    assert_int_equal(contract_length(contract, 1, 1), 15);
    assert_int_equal(contract_append(contract, contract_item(1, 1, 20, 500), token), MAILBOX_STORED);
    assert_int_equal(contract_list(contract, 1, 1, ids, 32), 16);
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(ids[i], 5 + i);
    assert_int_equal(contract_remove(contract, 1, 1, tokens[0], 20), 15); /* the old tokens still count */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

const struct CMUnitTest contract_entry_tests[] = {
    TEST(append__closed_mailbox__is_absent),
    TEST(append__batch__gives_rising_ids_and_lengths),
    TEST(append__mixed_fates__each_item_has_its_own),
    TEST(append__sizes_from_smallest_to_largest__are_read_back),
    TEST(append__thousand_to_many_mailboxes__all_are_there),
    TEST(quota__entries__is_checked_before_each_append),
    TEST(quota__bytes__the_entry_that_crosses_is_taken),
    TEST(token__entry_is_there__is_found_and_not_repeated),
    TEST(token__entry_is_gone__is_appended),
    TEST(token__of_another_message_sender_mailbox_or_epoch__is_appended),
    TEST(token__never_given_twice__not_even_after_a_restart),
    TEST(token__after_thousands_and_a_restart__is_higher_than_all_before),
    TEST(read__from_the_beginning__gives_all_in_order),
    TEST(read__behind_a_cursor__goes_on_even_if_that_entry_is_gone),
    TEST(read__entry_max_and_sink__end_it_early_and_say_so),
    TEST(read__several_mailboxes__one_after_the_other),
    TEST(read__cursor_of_another_mailbox__never_shows_other_entries),
    TEST(remove__any_order_and_repeats__removes_each_once),
    TEST(remove__stretches_with_gaps__are_counted_right),
    TEST(remove__foreign_tokens__remove_nothing),
    TEST(remove__many_mailboxes_in_one_call__each_has_its_count),
    TEST(reopened__database__holds_everything_in_order),
};
const size_t contract_entry_test_count = sizeof contract_entry_tests / sizeof contract_entry_tests[0];
