#include "tests/contract/mailbox/mailbox_contract.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

const struct mailbox_limits contract_wide = { .entries_max = UINT64_MAX, .bytes_max = UINT64_MAX };

/* cmocka hands a fixture nothing but its own state, so the backend that is being run stands here. */
static const struct mailbox_contract_backend *running;

static int64_t wall_ms(void *ctx)
{
    return ((struct contract_clock *)ctx)->wall_ms;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct contract_clock *)ctx)->mono_ms;
}

static void fill_random(void *ctx, void *out, size_t len)
{
    struct contract_clock *clock = ctx;
    uint8_t *to = out;
    for (size_t i = 0; i < len; i++) {
        clock->seed = clock->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        to[i] = (uint8_t)(clock->seed >> 56);
    }
}

struct st_env contract_env(struct contract_clock *clock)
{
    struct st_env env = { .ctx = clock, .wall_ms = wall_ms, .mono_ms = mono_ms, .random = fill_random };
    return env;
}

int contract_setup(void **state)
{
    struct contract *contract = calloc(1, sizeof *contract);
    if (contract == NULL || sodium_init() < 0)
        return -1;
    contract->backend = running;
    contract->clock = (struct contract_clock) { .wall_ms = INT64_C(1800000000000), .mono_ms = 5000, .seed = 11 };
    contract->env = contract_env(&contract->clock);
    contract->db = running->make(&contract->env);
    if (contract->db == NULL)
        return -1;
    *state = contract;
    return running->open(contract->db, &contract->env, &contract->box) == ST_OK ? 0 : -1;
}

int contract_teardown(void **state)
{
    struct contract *contract = *state;
    mailbox_close(&contract->box);
    contract->backend->destroy(contract->db);
    free(contract);
    return 0;
}

void contract_reopen(struct contract *contract)
{
    mailbox_close(&contract->box);
    assert_int_equal(contract->backend->open(contract->db, &contract->env, &contract->box), ST_OK);
}

struct mailbox_key contract_key(unsigned n, uint32_t dev)
{
    uint8_t acct[ST_ACCT_LEN];
    memset(acct, (int)(n + 1), sizeof acct);
    return mailbox_key(acct, dev);
}

void contract_open_boxes(struct contract *contract, unsigned n, uint64_t seq, const uint32_t *devs, size_t count)
{
    struct mailbox_key key = contract_key(n, 0);
    struct mailbox_boxes boxes = { .seq = seq, .devs = devs, .dev_count = count };
    memcpy(boxes.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&contract->box, &boxes, 1), ST_OK);
    assert_true(boxes.seq_r >= seq);
}

void contract_open_box(struct contract *contract, unsigned n)
{
    const uint32_t dev = 1;
    contract_open_boxes(contract, n, 1, &dev, 1);
}

/* What every body looks like: all bytes are the low byte of the message number. */
static uint8_t body_byte(uint32_t id)
{
    return (uint8_t)(id + 1);
}

struct mailbox_append contract_item(unsigned n, uint32_t dev, uint32_t id, size_t body_len)
{
    static uint8_t ids[4096][ST_MSG_ID_LEN];
    static uint8_t bodies[256][ST_ENVELOPE_MAX];
    static size_t next;
    uint8_t *msg_id = ids[next++ % 4096];
    memset(msg_id, 0, ST_MSG_ID_LEN);
    st_put_u32(msg_id, id);
    uint8_t *body = bodies[body_byte(id)];
    memset(body, body_byte(id), body_len);
    struct mailbox_append item = { .to = contract_key(n, dev),
                                   .from = contract_key(40, 3),
                                   .msg_id = msg_id,
                                   .body = st_view(body, body_len),
                                   .at_ms = 1000 + (int64_t)id };
    return item;
}

enum mailbox_fate contract_append(struct contract *contract, struct mailbox_append item,
                                  uint8_t token_r[static ST_TOKEN_LEN])
{
    assert_int_equal(mailbox_append(&contract->box, &contract_wide, &item, 1), ST_OK);
    memcpy(token_r, item.token_r, ST_TOKEN_LEN);
    return item.fate;
}

struct listing {
    uint32_t *ids;
    size_t count, max;
};

static bool list_entry(void *sink_ctx, size_t index, const struct mailbox_entry *entry)
{
    struct listing *listing = sink_ctx;
    assert_int_equal(index, 0);
    if (listing->count == listing->max)
        return false;
    uint32_t id = st_get_u32(entry->msg_id);
    assert_int_equal(entry->at_ms, 1000 + (int64_t)id);
    for (size_t i = 0; i < entry->body.len; i++)
        assert_int_equal(entry->body.p[i], body_byte(id));
    listing->ids[listing->count++] = id;
    return true;
}

size_t contract_list(struct contract *contract, unsigned n, uint32_t dev, uint32_t *ids_r, size_t max)
{
    struct listing listing = { .ids = ids_r, .max = max };
    struct mailbox_read read = { .key = contract_key(n, dev), .entry_max = max };
    assert_int_equal(mailbox_read(&contract->box, &read, 1, list_entry, &listing), ST_OK);
    return listing.count;
}

uint64_t contract_length(struct contract *contract, unsigned n, uint32_t dev)
{
    struct mailbox_look look = { .key = contract_key(n, dev) };
    assert_int_equal(mailbox_look(&contract->box, &look, 1), ST_OK);
    return look.exists ? look.length : UINT64_MAX;
}

uint64_t contract_remove(struct contract *contract, unsigned n, uint32_t dev, const uint8_t *tokens, size_t count)
{
    struct mailbox_remove remove = { .key = contract_key(n, dev), .tokens = tokens, .token_count = count };
    assert_int_equal(mailbox_remove(&contract->box, &remove, 1), ST_OK);
    return remove.removed;
}

void contract_purge(struct contract *contract, unsigned n, int64_t until_ms)
{
    const uint32_t dev = 1;
    struct mailbox_key key = contract_key(n, 1);
    struct mailbox_purge item = { .devs = &dev, .dev_count = 1, .until_ms = until_ms };
    memcpy(item.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(mailbox_purge(&contract->box, &item, 1), ST_OK);
}

void contract_sweep(struct contract *contract, struct mailbox_sweep *step)
{
    uint64_t expired = 0;
    do {
        assert_int_equal(mailbox_sweep(&contract->box, step), ST_OK);
        expired += step->expired;
    } while (!step->done);
    step->expired = expired;
}

int mailbox_contract_run(const struct mailbox_contract_backend *backend)
{
    running = backend;
    int failed = _cmocka_run_group_tests("entries", contract_entry_tests, contract_entry_test_count, NULL, NULL);
    failed += _cmocka_run_group_tests("accounts", contract_account_tests, contract_account_test_count, NULL, NULL);
    failed += _cmocka_run_group_tests("keeping", contract_keeping_tests, contract_keeping_test_count, NULL, NULL);
    return failed;
}
