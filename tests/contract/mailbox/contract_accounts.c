/* Mailboxes, presence, generations. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <stdio.h>
#include <string.h>

/* ---- boxes ---- */

static void boxes__newer_list__opens_and_closes_with_everything_in_them(void **state)
{
    struct contract *contract = *state;
    const uint32_t devs[] = { 1, 2, 3 };
    uint8_t token[ST_TOKEN_LEN], again[ST_TOKEN_LEN];
    contract_open_boxes(contract, 1, 1, devs, 2);
    contract_append(contract, contract_item(1, 1, 1, 500), token);
    contract_append(contract, contract_item(1, 2, 2, 500), again);
    contract_open_boxes(contract, 1, 2, devs + 1, 2);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
    assert_int_equal(contract_length(contract, 1, 2), 1);
    assert_int_equal(contract_length(contract, 1, 3), 0);
    /* Opened anew it is empty, and knows nothing of the tokens of before. */
    contract_open_boxes(contract, 1, 3, devs, 3);
    assert_int_equal(contract_length(contract, 1, 1), 0);
    struct mailbox_append item = contract_item(1, 1, 1, 500);
    item.token = token;
    assert_int_equal(contract_append(contract, item, again), MAILBOX_STORED);
    assert_int_equal(contract_remove(contract, 1, 1, token, 1), 0);
    assert_int_equal(contract_length(contract, 1, 1), 1);
}

static void boxes__older_list__has_no_effect(void **state)
{
    struct contract *contract = *state;
    const uint32_t devs[] = { 1, 2 };
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_boxes old = { .seq = 4, .devs = devs, .dev_count = 2 };
    struct mailbox_look look = { .key = key };
    memcpy(old.acct, key.acct, ST_ACCT_LEN);
    contract_open_boxes(contract, 1, 5, devs, 1);
    contract_reopen(contract);
    assert_int_equal(mailbox_boxes_set(&contract->box, &old, 1), ST_OK);
    assert_int_equal(old.seq_r, 5);
    assert_int_equal(contract_length(contract, 1, 2), UINT64_MAX);
    assert_int_equal(mailbox_look(&contract->box, &look, 1), ST_OK);
    assert_int_equal(look.seq, 5);
}

static void boxes__same_list_again__keeps_what_is_there(void **state)
{
    struct contract *contract = *state;
    const uint32_t devs[] = { 1, 1, 2 }; /* a device named twice is one */
    uint8_t token[ST_TOKEN_LEN];
    contract_open_boxes(contract, 1, 5, devs, 3);
    contract_append(contract, contract_item(1, 1, 1, 500), token);
    contract_open_boxes(contract, 1, 5, devs, 3);
    assert_int_equal(contract_length(contract, 1, 1), 1);
    assert_int_equal(contract_length(contract, 1, 2), 0);
}

static void boxes__unknown_account__has_seq_0(void **state)
{
    struct contract *contract = *state;
    struct mailbox_look look = { .key = contract_key(9, 1), .seq = 99, .exists = true, .length = 9 };
    assert_int_equal(mailbox_look(&contract->box, &look, 1), ST_OK);
    assert_int_equal(look.seq, 0);
    assert_false(look.exists);
    assert_int_equal(look.length, 0);
}

static void boxes__all_eight_devices_replaced__works(void **state)
{
    struct contract *contract = *state;
    const uint32_t first[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, second[] = { 11, 12, 13, 14, 15, 16, 17, UINT32_MAX };
    contract_open_boxes(contract, 1, 1, first, 8);
    contract_open_boxes(contract, 1, 2, second, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(contract_length(contract, 1, first[i]), UINT64_MAX);
        assert_int_equal(contract_length(contract, 1, second[i]), 0);
    }
}

static void purge__account__is_closed_for_any_later_list_until_it_is_forgotten(void **state)
{
    struct contract *contract = *state;
    const uint32_t devs[] = { 1, 2 };
    uint8_t token[ST_TOKEN_LEN];
    contract_open_boxes(contract, 1, 5, devs, 2);
    contract_open_box(contract, 2);
    contract_append(contract, contract_item(1, 1, 1, 500), token);
    contract_purge(contract, 1, 5000);
    contract_reopen(contract);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
    assert_int_equal(contract_length(contract, 1, 2), UINT64_MAX);
    assert_int_equal(contract_length(contract, 2, 1), 0);
    contract_open_boxes(contract, 1, 6, devs, 2);
    contract_open_boxes(contract, 1, MAILBOX_SEQ_PURGED, devs, 2);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
    struct mailbox_look look = { .key = contract_key(1, 1) };
    assert_int_equal(mailbox_look(&contract->box, &look, 1), ST_OK);
    assert_int_equal(look.seq, MAILBOX_SEQ_PURGED);
    struct mailbox_sweep step = { .now_ms = 4999, .box_max = 10 };
    contract_sweep(contract, &step);
    contract_open_boxes(contract, 1, 6, devs, 2);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
    step = (struct mailbox_sweep) { .now_ms = 5001, .box_max = 10 };
    contract_sweep(contract, &step);
    contract_open_boxes(contract, 1, 6, devs, 2);
    assert_int_equal(contract_length(contract, 1, 1), 0);
}

static void purge__unknown_account__is_remembered_too(void **state)
{
    struct contract *contract = *state;
    const uint32_t dev = 1;
    contract_purge(contract, 1, 5000);
    contract_open_boxes(contract, 1, 1, &dev, 1);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
}

/* ---- presence ---- */

static struct mailbox_presence somebody(const char *relay, uint64_t attach)
{
    struct mailbox_presence presence = { .sid = 100 + attach, .attach = attach };
    snprintf(presence.relay.name, sizeof presence.relay.name, "%s", relay);
    snprintf(presence.gateway.name, sizeof presence.gateway.name, "gw-%s", relay);
    return presence;
}

static struct mailbox_presence_set set_presence(struct contract *contract, unsigned n, uint64_t attach)
{
    struct mailbox_presence_set set = { .key = contract_key(n, 1),
                                        .presence = somebody("r1", attach),
                                        .lease_ms = 90000 };
    assert_int_equal(mailbox_presence_set(&contract->box, &set, 1), ST_OK);
    return set;
}

static bool is_present(struct contract *contract, unsigned n, uint64_t attach)
{
    struct mailbox_presence_get get = { .key = contract_key(n, 1) };
    struct mailbox_presence expected = somebody("r1", attach);
    assert_int_equal(mailbox_presence_get(&contract->box, &get, 1), ST_OK);
    return get.present && mailbox_presence_equal(&get.presence, &expected);
}

static void presence__set__replaces_and_tells_whom(void **state)
{
    struct contract *contract = *state;
    uint8_t token[ST_TOKEN_LEN];
    contract_open_box(contract, 1);
    contract_append(contract, contract_item(1, 1, 1, 500), token);
    struct mailbox_presence_set set = set_presence(contract, 1, 7);
    assert_true(set.exists);
    assert_false(set.had_old);
    assert_int_equal(set.length, 1);
    assert_memory_equal(set.epoch, token, ST_EPOCH_LEN);
    set = set_presence(contract, 1, 8);
    assert_true(set.had_old);
    assert_int_equal(set.old.attach, 7);
    assert_string_equal(set.old.gateway.name, "gw-r1");
    assert_true(is_present(contract, 1, 8));
    assert_false(is_present(contract, 2, 8));
}

static void presence__without_mailbox__is_not_set(void **state)
{
    struct contract *contract = *state;
    struct mailbox_presence_set set = set_presence(contract, 1, 7);
    assert_false(set.exists);
    assert_false(set.had_old);
    contract_open_box(contract, 1);
    assert_false(is_present(contract, 1, 7));
}

static void presence__append__tells_who_is_there(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    contract_open_box(contract, 2);
    set_presence(contract, 1, 7);
    struct mailbox_append items[2] = { contract_item(1, 1, 1, 500), contract_item(2, 1, 2, 500) };
    assert_int_equal(mailbox_append(&contract->box, &contract_wide, items, 2), ST_OK);
    assert_true(items[0].present);
    assert_int_equal(items[0].presence.attach, 7);
    assert_int_equal(items[0].presence.sid, 107);
    assert_false(items[1].present);
}

static void presence__lease__ends_unless_it_is_kept(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    set_presence(contract, 1, 7);
    contract->clock.mono_ms += 60000;
    struct mailbox_presence_keep keep = { .key = contract_key(1, 1), .attach = 7, .lease_ms = 90000 };
    assert_int_equal(mailbox_presence_keep(&contract->box, &keep, 1), ST_OK);
    assert_true(keep.exists && keep.kept && keep.present);
    contract->clock.mono_ms += 60000;
    assert_true(is_present(contract, 1, 7));
    keep.attach = 6; /* somebody else's */
    assert_int_equal(mailbox_presence_keep(&contract->box, &keep, 1), ST_OK);
    assert_true(keep.exists && keep.present && !keep.kept);
    assert_int_equal(keep.presence.attach, 7);
    contract->clock.mono_ms += 30001;
    assert_false(is_present(contract, 1, 7));
    keep.attach = 7;
    assert_int_equal(mailbox_presence_keep(&contract->box, &keep, 1), ST_OK);
    assert_true(keep.exists && !keep.present && !keep.kept);
    keep.key = contract_key(2, 1);
    assert_int_equal(mailbox_presence_keep(&contract->box, &keep, 1), ST_OK);
    assert_false(keep.exists);
}

static void presence__clear__only_if_it_is_the_same_in_all_its_parts(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    set_presence(contract, 1, 7);
    struct mailbox_presence_clear clear = { .key = contract_key(1, 1), .presence = somebody("r1", 7) };
    for (int part = 0; part < 4; part++) {
        clear.presence = somebody("r1", 7);
        clear.presence.sid += part == 0;
        clear.presence.attach += part == 1;
        clear.presence.relay.name[0] = part == 2 ? 'x' : 'r';
        clear.presence.gateway.name[0] = part == 3 ? 'x' : 'g';
        assert_int_equal(mailbox_presence_clear(&contract->box, &clear, 1), ST_OK);
        assert_false(clear.cleared);
        assert_true(is_present(contract, 1, 7));
    }
    clear.presence = somebody("r1", 7);
    assert_int_equal(mailbox_presence_clear(&contract->box, &clear, 1), ST_OK);
    assert_true(clear.cleared);
    assert_false(is_present(contract, 1, 7));
    assert_int_equal(mailbox_presence_clear(&contract->box, &clear, 1), ST_OK);
    assert_false(clear.cleared);
}

static void presence__mailbox_closed__ends_with_it(void **state)
{
    struct contract *contract = *state;
    const uint32_t dev = 1;
    contract_open_box(contract, 1);
    set_presence(contract, 1, 7);
    contract_open_boxes(contract, 1, 2, &dev, 0);
    assert_false(is_present(contract, 1, 7));
    contract_open_boxes(contract, 1, 3, &dev, 1);
    assert_false(is_present(contract, 1, 7));
    set_presence(contract, 1, 8);
    contract_purge(contract, 1, 5000);
    assert_false(is_present(contract, 1, 8));
}

/* ---- generation ---- */

static struct mailbox_generation generation(struct contract *contract, unsigned n, uint64_t counter, uint8_t tag)
{
    uint8_t bytes[ST_GENERATION_LEN];
    memset(bytes, tag, sizeof bytes);
    st_put_u64(bytes, counter);
    struct mailbox_generation item = { .key = contract_key(n, 1), .put = counter > 0 ? bytes : NULL };
    assert_int_equal(mailbox_generation(&contract->box, &item, 1), ST_OK);
    item.put = NULL;
    return item;
}

static void generation__counter__never_goes_back(void **state)
{
    struct contract *contract = *state;
    contract_open_box(contract, 1);
    assert_false(generation(contract, 1, 0, 0).had_old);
    assert_false(generation(contract, 1, 5, 1).had_old);
    struct mailbox_generation item = generation(contract, 1, 9, 2);
    assert_true(item.had_old);
    assert_int_equal(st_get_u64(item.old), 5);
    assert_int_equal(item.old[20], 1);
    assert_int_equal(st_get_u64(generation(contract, 1, 7, 3).old), 9);
    contract_reopen(contract);
    item = generation(contract, 1, 9, 4); /* the same counter with a new tag is taken: a new key */
    assert_int_equal(st_get_u64(item.old), 9);
    assert_int_equal(item.old[20], 2);
    assert_int_equal(generation(contract, 1, 0, 0).old[20], 4);
    assert_false(generation(contract, 2, 3, 0).had_old);
    contract_open_box(contract, 2);
    assert_false(generation(contract, 2, 0, 0).had_old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

const struct CMUnitTest contract_account_tests[] = {
    TEST(boxes__newer_list__opens_and_closes_with_everything_in_them),
    TEST(boxes__older_list__has_no_effect),
    TEST(boxes__same_list_again__keeps_what_is_there),
    TEST(boxes__unknown_account__has_seq_0),
    TEST(boxes__all_eight_devices_replaced__works),
    TEST(purge__account__is_closed_for_any_later_list_until_it_is_forgotten),
    TEST(purge__unknown_account__is_remembered_too),
    TEST(presence__set__replaces_and_tells_whom),
    TEST(presence__without_mailbox__is_not_set),
    TEST(presence__append__tells_who_is_there),
    TEST(presence__lease__ends_unless_it_is_kept),
    TEST(presence__clear__only_if_it_is_the_same_in_all_its_parts),
    TEST(presence__mailbox_closed__ends_with_it),
    TEST(generation__counter__never_goes_back),
};
const size_t contract_account_test_count = sizeof contract_account_tests / sizeof contract_account_tests[0];
