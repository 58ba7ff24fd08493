/* The same random calls to both backends must have the same results: what one of them does wrong, the other shows. Ids
 * differ, so entries are named by the order in which they were stored. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "services/relay/mailbox_mem.h"
#include "services/relay/mailbox_sqlite.h"
#include "tests/contract/mailbox/sqlite_folder.h"

enum { ACCOUNTS = 4, DEVS = 3, TOKENS_MAX = 4000, CALLS = 1500, SEEDS = 6, BOTH = 2 };

struct twins {
    struct contract_clock clock;
    struct st_env env;
    struct mailbox_mem *mem;
    struct sqlite_folder folder;
    struct mailbox boxes[BOTH];
    uint8_t tokens[BOTH][TOKENS_MAX][ST_TOKEN_LEN];
    struct mailbox_key owners[TOKENS_MAX];
    uint32_t ids[TOKENS_MAX];
    size_t token_count;
    uint64_t dice;
    const struct mailbox_limits *limits;
};

static uint32_t roll(struct twins *twins, uint32_t n)
{
    twins->dice = twins->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(twins->dice >> 33) % n;
}

static struct mailbox_key any_key(struct twins *twins)
{
    return contract_key(roll(twins, ACCOUNTS), 1 + roll(twins, DEVS));
}

static void append_some(struct twins *twins)
{
    struct mailbox_append items[BOTH][8];
    size_t count = 1 + roll(twins, 8);
    for (size_t i = 0; i < count; i++) {
        struct mailbox_key to = any_key(twins);
        size_t known =
            twins->token_count > 0 && roll(twins, 3) == 0 ? 1 + roll(twins, (uint32_t)twins->token_count) : 0;
        uint32_t id = known > 0 && roll(twins, 4) > 0 ? twins->ids[known - 1] : roll(twins, 1000);
        items[0][i] = contract_item(0, 1, id, ST_ENVELOPE_MIN + roll(twins, 2000));
        items[0][i].to = known > 0 && roll(twins, 4) > 0 ? twins->owners[known - 1] : to;
        items[1][i] = items[0][i];
        for (size_t k = 0; k < BOTH && known > 0; k++)
            items[k][i].token = twins->tokens[k][known - 1];
    }
    for (size_t k = 0; k < BOTH; k++)
        assert_int_equal(mailbox_append(&twins->boxes[k], twins->limits, items[k], count), ST_OK);
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_append *a = &items[0][i], *b = &items[1][i];
        assert_int_equal(a->fate, b->fate);
        assert_int_equal(a->length, b->length);
        assert_int_equal(a->present, b->present);
        if (a->present)
            assert_true(mailbox_presence_equal(&a->presence, &b->presence));
        if (a->fate != MAILBOX_STORED || twins->token_count == TOKENS_MAX)
            continue;
        memcpy(twins->tokens[0][twins->token_count], a->token_r, ST_TOKEN_LEN);
        memcpy(twins->tokens[1][twins->token_count], b->token_r, ST_TOKEN_LEN);
        twins->owners[twins->token_count] = a->to;
        twins->ids[twins->token_count++] = st_get_u32(a->msg_id);
    }
}

static void remove_some(struct twins *twins)
{
    uint8_t tokens[BOTH][12][ST_TOKEN_LEN];
    struct mailbox_remove removes[BOTH];
    size_t count = 1 + roll(twins, 12);
    if (twins->token_count == 0)
        return;
    size_t at = roll(twins, (uint32_t)twins->token_count);
    struct mailbox_key key = roll(twins, 5) > 0 ? twins->owners[at] : any_key(twins);
    for (size_t i = 0; i < count; i++) {
        if (roll(twins, 4) == 0)
            at = roll(twins, (uint32_t)twins->token_count);
        for (size_t k = 0; k < BOTH; k++)
            memcpy(tokens[k][i], twins->tokens[k][at], ST_TOKEN_LEN);
        at = (at + 1) % twins->token_count;
    }
    for (size_t k = 0; k < BOTH; k++) {
        removes[k] = (struct mailbox_remove) { .key = key, .tokens = tokens[k][0], .token_count = count };
        assert_int_equal(mailbox_remove(&twins->boxes[k], &removes[k], 1), ST_OK);
    }
    assert_int_equal(removes[0].removed, removes[1].removed);
}

struct listing {
    uint32_t ids[200];
    int64_t at_ms[200];
    size_t lens[200];
    size_t count;
};

static bool list_entry(void *sink_ctx, size_t index, const struct mailbox_entry *entry)
{
    struct listing *listing = sink_ctx;
    (void)index;
    listing->ids[listing->count] = st_get_u32(entry->msg_id);
    listing->at_ms[listing->count] = entry->at_ms;
    listing->lens[listing->count++] = entry->body.len;
    return true;
}

static void read_some(struct twins *twins)
{
    struct listing listings[BOTH];
    struct mailbox_read reads[BOTH];
    struct mailbox_key key = any_key(twins);
    size_t at = twins->token_count > 0 ? roll(twins, (uint32_t)twins->token_count) : 0;
    bool behind = twins->token_count > 0 && roll(twins, 2) == 0 && mailbox_key_equal(&twins->owners[at], &key);
    size_t max = 1 + roll(twins, 200);
    memset(listings, 0, sizeof listings);
    for (size_t k = 0; k < BOTH; k++) {
        reads[k] = (struct mailbox_read) { .key = key, .entry_max = max };
        if (behind)
            memcpy(reads[k].after, twins->tokens[k][at] + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
        assert_int_equal(mailbox_read(&twins->boxes[k], &reads[k], 1, list_entry, &listings[k]), ST_OK);
    }
    assert_int_equal(reads[0].exists, reads[1].exists);
    /* A cursor of a mailbox that was closed in between means nothing, and each backend reads that in its way. */
    if (behind)
        return;
    assert_int_equal(reads[0].more, reads[1].more);
    assert_memory_equal(&listings[0], &listings[1], sizeof listings[0]);
}

static void set_boxes(struct twins *twins)
{
    uint32_t devs[DEVS];
    struct mailbox_key key = contract_key(roll(twins, ACCOUNTS), 0);
    struct mailbox_boxes boxes[BOTH];
    size_t count = 0;
    uint64_t seq = roll(twins, 40);
    for (uint32_t dev = 1; dev <= DEVS; dev++) {
        if (roll(twins, 5) > 0)
            devs[count++] = dev;
    }
    for (size_t k = 0; k < BOTH; k++) {
        boxes[k] = (struct mailbox_boxes) { .seq = seq, .devs = devs, .dev_count = count };
        memcpy(boxes[k].acct, key.acct, ST_ACCT_LEN);
        assert_int_equal(mailbox_boxes_set(&twins->boxes[k], &boxes[k], 1), ST_OK);
    }
    assert_int_equal(boxes[0].seq_r, boxes[1].seq_r);
}

static void move_presence(struct twins *twins)
{
    struct mailbox_presence_set sets[BOTH];
    struct mailbox_key key = any_key(twins);
    uint64_t attach = 1 + roll(twins, 5);
    for (size_t k = 0; k < BOTH; k++) {
        sets[k] = (struct mailbox_presence_set) { .key = key, .lease_ms = 50000 };
        sets[k].presence.attach = attach;
        assert_int_equal(mailbox_presence_set(&twins->boxes[k], &sets[k], 1), ST_OK);
    }
    assert_int_equal(sets[0].exists, sets[1].exists);
    assert_int_equal(sets[0].had_old, sets[1].had_old);
    assert_int_equal(sets[0].length, sets[1].length);
    twins->clock.mono_ms += roll(twins, 20000);
    struct mailbox_presence_keep keeps[BOTH];
    key = any_key(twins);
    for (size_t k = 0; k < BOTH; k++) {
        keeps[k] = (struct mailbox_presence_keep) { .key = key, .attach = attach, .lease_ms = 50000 };
        assert_int_equal(mailbox_presence_keep(&twins->boxes[k], &keeps[k], 1), ST_OK);
    }
    assert_int_equal(keeps[0].exists, keeps[1].exists);
    assert_int_equal(keeps[0].present, keeps[1].present);
    assert_int_equal(keeps[0].kept, keeps[1].kept);
    assert_int_equal(keeps[0].length, keeps[1].length);
}

static void put_generation(struct twins *twins)
{
    uint8_t bytes[ST_GENERATION_LEN] = { 0 };
    struct mailbox_generation items[BOTH];
    struct mailbox_key key = any_key(twins);
    st_put_u64(bytes, roll(twins, 10));
    bytes[30] = (uint8_t)roll(twins, 3);
    for (size_t k = 0; k < BOTH; k++) {
        items[k] = (struct mailbox_generation) { .key = key, .put = bytes };
        assert_int_equal(mailbox_generation(&twins->boxes[k], &items[k], 1), ST_OK);
    }
    assert_int_equal(items[0].had_old, items[1].had_old);
    assert_memory_equal(items[0].old, items[1].old, ST_GENERATION_LEN);
}

static void reopen(struct twins *twins)
{
    mailbox_close(&twins->boxes[1]);
    assert_int_equal(mailbox_sqlite_open(&twins->boxes[1], twins->folder.path, &twins->env, NULL), ST_OK);
    /* Presence ends with it. */
    mailbox_mem_drop_presences(twins->mem);
}

static void run(uint64_t seed)
{
    static void (*const calls[])(struct twins *) = { append_some,   append_some, append_some,    remove_some,
                                                     remove_some,   read_some,   set_boxes,      move_presence,
                                                     move_presence, read_some,   put_generation, reopen };
    static const struct mailbox_limits tight = { .entries_max = 60, .bytes_max = 80000 };
    struct twins *twins = calloc(1, sizeof *twins);
    assert_non_null(twins);
    twins->clock = (struct contract_clock) { .wall_ms = 1000000, .mono_ms = 1000, .seed = seed };
    twins->env = contract_env(&twins->clock);
    twins->dice = seed;
    twins->limits = seed % 2 == 0 ? &tight : &contract_wide;
    assert_true(sqlite_folder_make(&twins->folder));
    assert_int_equal(mailbox_mem_new(&twins->mem, &twins->env), ST_OK);
    mailbox_mem_open(twins->mem, &twins->boxes[0]);
    assert_int_equal(mailbox_sqlite_open(&twins->boxes[1], twins->folder.path, &twins->env, NULL), ST_OK);
    for (size_t i = 0; i < CALLS; i++) {
        size_t which = roll(twins, 50) == 0 ? 11 : roll(twins, 11);
        calls[which](twins);
    }
    for (size_t k = 0; k < BOTH; k++)
        mailbox_close(&twins->boxes[k]);
    mailbox_mem_free(&twins->mem);
    sqlite_folder_remove(&twins->folder);
    free(twins);
}

static void differential__random_calls__have_the_same_results(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(differential__random_calls__have_the_same_results) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
