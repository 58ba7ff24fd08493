/* Mailboxes, presence, generations, exposed keys, quota of attachments, sweeps. */
#include "mailbox_contract.h"

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

static void purge(struct contract *contract, unsigned n, int64_t until_ms)
{
    const uint32_t dev = 1;
    struct mailbox_key key = contract_key(n, 1);
    struct mailbox_purge item = { .devs = &dev, .dev_count = 1, .until_ms = until_ms };
    memcpy(item.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(mailbox_purge(&contract->box, &item, 1), ST_OK);
}

static void sweep_all(struct contract *contract, struct mailbox_sweep *step)
{
    uint64_t expired = 0;
    do {
        assert_int_equal(mailbox_sweep(&contract->box, step), ST_OK);
        expired += step->expired;
    } while (!step->done);
    step->expired = expired;
}

static void purge__account__is_closed_for_any_later_list_until_it_is_forgotten(void **state)
{
    struct contract *contract = *state;
    const uint32_t devs[] = { 1, 2 };
    uint8_t token[ST_TOKEN_LEN];
    contract_open_boxes(contract, 1, 5, devs, 2);
    contract_open_box(contract, 2);
    contract_append(contract, contract_item(1, 1, 1, 500), token);
    purge(contract, 1, 5000);
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
    sweep_all(contract, &step);
    contract_open_boxes(contract, 1, 6, devs, 2);
    assert_int_equal(contract_length(contract, 1, 1), UINT64_MAX);
    step = (struct mailbox_sweep) { .now_ms = 5001, .box_max = 10 };
    sweep_all(contract, &step);
    contract_open_boxes(contract, 1, 6, devs, 2);
    assert_int_equal(contract_length(contract, 1, 1), 0);
}

static void purge__unknown_account__is_remembered_too(void **state)
{
    struct contract *contract = *state;
    const uint32_t dev = 1;
    purge(contract, 1, 5000);
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
    purge(contract, 1, 5000);
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
    sweep_all(contract, &step);
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
    purge(contract, 1, 5000);
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
    sweep_all(contract, &step);
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
const size_t contract_account_test_count = sizeof contract_account_tests / sizeof contract_account_tests[0];
