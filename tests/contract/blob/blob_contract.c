#include "tests/contract/blob/blob_contract.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

struct contract {
    int64_t wall_ms;
    struct st_env env;
    void *place;
    struct blob_store store;
};

/* cmocka hands a fixture nothing but its own state, so the backend that is being run stands here. */
static const struct blob_contract_backend *running;

static const uint8_t id_a[ST_BLOB_ID_LEN] = { 0xab, 0xcd, 1 };
static const uint8_t id_b[ST_BLOB_ID_LEN] = { 0xab, 0xcd, 2 };

static int64_t wall_ms(void *ctx)
{
    return ((struct contract *)ctx)->wall_ms;
}

static void fill_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static int setup(void **state)
{
    struct contract *contract = calloc(1, sizeof *contract);
    if (contract == NULL || sodium_init() < 0)
        return -1;
    contract->wall_ms = 5000;
    contract->env = (struct st_env) { .ctx = contract, .wall_ms = wall_ms, .mono_ms = wall_ms, .random = fill_random };
    contract->place = running->make(&contract->env);
    *state = contract;
    if (contract->place == NULL)
        return -1;
    return running->open(contract->place, &contract->env, &contract->store) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct contract *contract = *state;
    blob_close(&contract->store);
    running->destroy(contract->place);
    free(contract);
    return 0;
}

static struct blob_info info_of(uint8_t owner, uint64_t size, uint32_t chunks)
{
    struct blob_info info = { .size = size, .chunks = chunks };
    memset(info.owner, owner, ST_ACCT_LEN);
    return info;
}

static void begin(struct contract *contract, const uint8_t *blob, uint32_t chunks)
{
    struct blob_info info = info_of(1, 1000, chunks);
    uint8_t there[ST_BLOB_BITMAP_MAX];
    assert_int_equal(blob_begin(&contract->store, blob, &info, there), ST_OK);
}

static enum st_err put(struct contract *contract, const uint8_t *blob, uint32_t index, uint8_t fill, size_t len)
{
    static uint8_t data[ST_BLOB_CHUNK_MAX];
    memset(data, fill, len);
    return blob_put(&contract->store, blob, index, st_view(data, len));
}

/* Expects a chunk of `len` bytes, all `fill`. */
static void expect(struct contract *contract, const uint8_t *blob, uint32_t index, uint8_t fill, size_t len)
{
    struct st_buf buf;
    st_buf_init(&buf, ST_BLOB_CHUNK_MAX + 3);
    assert_int_equal(st_buf_append(&buf, "pre", 3), ST_OK);
    assert_int_equal(blob_get(&contract->store, blob, index, &buf), ST_OK);
    assert_int_equal(buf.len, 3 + len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(buf.p[3 + i], fill);
    st_buf_free(&buf);
}

static enum st_err try_get(struct contract *contract, const uint8_t *blob, uint32_t index)
{
    struct st_buf buf;
    st_buf_init(&buf, ST_BLOB_CHUNK_MAX);
    enum st_err err = blob_get(&contract->store, blob, index, &buf);
    if (err != ST_OK)
        assert_int_equal(buf.len, 0);
    st_buf_free(&buf);
    return err;
}

static void blob__chunks__are_kept_and_read_back(void **state)
{
    struct contract *contract = *state;
    begin(contract, id_a, ST_BLOB_CHUNKS_MAX);
    assert_int_equal(put(contract, id_a, 0, 1, ST_BLOB_CHUNK_MAX), ST_OK);
    assert_int_equal(put(contract, id_a, 1, 2, 1), ST_OK);
    assert_int_equal(put(contract, id_a, ST_BLOB_CHUNKS_MAX - 1, 3, 100), ST_OK);
    expect(contract, id_a, 0, 1, ST_BLOB_CHUNK_MAX);
    expect(contract, id_a, 1, 2, 1);
    expect(contract, id_a, ST_BLOB_CHUNKS_MAX - 1, 3, 100);
    assert_int_equal(try_get(contract, id_a, 2), ST_ENOTFOUND);
    assert_int_equal(try_get(contract, id_b, 0), ST_ENOTFOUND);
    assert_int_equal(try_get(contract, id_a, UINT32_MAX), ST_ENOTFOUND);
    assert_int_equal(try_get(contract, id_a, 65536), ST_ENOTFOUND);
}

static void blob__begun_again__tells_what_is_there(void **state)
{
    struct contract *contract = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    struct blob_info info = info_of(1, 1000, 20);
    begin(contract, id_a, 20);
    put(contract, id_a, 0, 1, 10);
    put(contract, id_a, 7, 1, 10);
    put(contract, id_a, 8, 1, 10);
    put(contract, id_a, 19, 1, 10);
    memset(there, 0xff, sizeof there);
    blob_close(&contract->store);
    assert_int_equal(running->open(contract->place, &contract->env, &contract->store), ST_OK);
    assert_int_equal(blob_begin(&contract->store, id_a, &info, there), ST_OK);
    assert_int_equal(there[0], 0x81);
    assert_int_equal(there[1], 0x80);
    assert_int_equal(there[2], 0x10);
    assert_int_equal(blob_bitmap_len(20), 3);
}

static void blob__begun_differently__is_a_conflict(void **state)
{
    struct contract *contract = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    const struct blob_info others[] = { info_of(2, 1000, 20), info_of(1, 1001, 20), info_of(1, 1000, 21) };
    struct blob_info stored;
    begin(contract, id_a, 20);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(blob_begin(&contract->store, id_a, &others[i], there), ST_ECONFLICT);
    assert_int_equal(blob_info(&contract->store, id_a, &stored), ST_OK);
    assert_int_equal(stored.size, 1000);
    assert_int_equal(stored.chunks, 20);
    assert_int_equal(stored.owner[5], 1);
    assert_int_equal(blob_info(&contract->store, id_b, &stored), ST_ENOTFOUND);
    assert_int_equal(stored.chunks, 0);
}

static void blob__chunk_that_is_there__is_never_replaced(void **state)
{
    struct contract *contract = *state;
    begin(contract, id_a, 2);
    assert_int_equal(put(contract, id_a, 0, 1, 50), ST_OK);
    assert_int_equal(put(contract, id_a, 0, 2, 60), ST_OK);
    expect(contract, id_a, 0, 1, 50);
}

static void blob__not_begun__takes_no_chunk(void **state)
{
    struct contract *contract = *state;
    assert_int_equal(put(contract, id_a, 0, 1, 50), ST_ENOTFOUND);
    assert_int_equal(try_get(contract, id_a, 0), ST_ENOTFOUND);
}

static void blob__erased__is_gone_and_may_be_begun_by_another(void **state)
{
    struct contract *contract = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    struct blob_info other = info_of(2, 500, 3);
    begin(contract, id_a, 2);
    begin(contract, id_b, 2);
    put(contract, id_a, 0, 1, 50);
    put(contract, id_b, 0, 9, 50);
    assert_int_equal(blob_erase(&contract->store, id_a), ST_OK);
    assert_int_equal(blob_erase(&contract->store, id_a), ST_OK);
    assert_int_equal(try_get(contract, id_a, 0), ST_ENOTFOUND);
    assert_int_equal(put(contract, id_a, 1, 1, 50), ST_ENOTFOUND);
    assert_int_equal(blob_begin(&contract->store, id_a, &other, there), ST_OK);
    assert_int_equal(there[0], 0);
    expect(contract, id_b, 0, 9, 50);
}

static void blob__two_stores_on_one_place__see_the_same(void **state)
{
    struct contract *contract = *state;
    struct contract second = { .env = contract->env, .place = contract->place };
    uint8_t there[ST_BLOB_BITMAP_MAX];
    struct blob_info info = info_of(1, 1000, 4), other = info_of(2, 1000, 4);
    assert_int_equal(running->open(second.place, &second.env, &second.store), ST_OK);
    begin(contract, id_a, 4);
    assert_int_equal(put(&second, id_a, 2, 5, 10), ST_OK);
    assert_int_equal(put(contract, id_a, 2, 6, 10), ST_OK);
    expect(contract, id_a, 2, 5, 10);
    assert_int_equal(blob_begin(&second.store, id_a, &info, there), ST_OK);
    assert_int_equal(there[0], 0x20);
    assert_int_equal(blob_begin(&second.store, id_a, &other, there), ST_ECONFLICT);
    blob_close(&second.store);
}

static uint64_t sweep_all(struct contract *contract, int64_t before_ms, size_t blob_max)
{
    struct blob_sweep step = { .before_ms = before_ms, .blob_max = blob_max };
    uint64_t expired = 0;
    for (unsigned steps = 0; !step.done; steps++) {
        assert_int_equal(blob_sweep(&contract->store, &step), ST_OK);
        assert_true(step.expired <= blob_max);
        assert_true(steps < 2000);
        expired += step.expired;
    }
    return expired;
}

static void sweep__old_attachments__go_in_bounded_steps(void **state)
{
    struct contract *contract = *state;
    uint8_t id[ST_BLOB_ID_LEN] = { 0 };
    for (uint8_t i = 0; i < 40; i++) {
        id[0] = (uint8_t)(i % 3); /* several in one place */
        id[1] = i;
        contract->wall_ms = i < 25 ? 1000000 : 2000000;
        begin(contract, id, 2);
        assert_int_equal(put(contract, id, 0, i, 10), ST_OK);
        running->age(contract->place, id, &contract->wall_ms, i < 25 ? 1000000 : 2000000);
    }
    assert_int_equal(sweep_all(contract, 1000000, 4), 0);
    assert_int_equal(sweep_all(contract, 1500000, 4), 25);
    for (uint8_t i = 0; i < 40; i++) {
        id[0] = (uint8_t)(i % 3);
        id[1] = i;
        assert_int_equal(try_get(contract, id, 0), i < 25 ? ST_ENOTFOUND : ST_OK);
    }
    assert_int_equal(sweep_all(contract, 2000001, 100), 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int blob_contract_run(const struct blob_contract_backend *backend)
{
    const struct CMUnitTest tests[] = {
        TEST(blob__chunks__are_kept_and_read_back),
        TEST(blob__begun_again__tells_what_is_there),
        TEST(blob__begun_differently__is_a_conflict),
        TEST(blob__chunk_that_is_there__is_never_replaced),
        TEST(blob__not_begun__takes_no_chunk),
        TEST(blob__erased__is_gone_and_may_be_begun_by_another),
        TEST(blob__two_stores_on_one_place__see_the_same),
        TEST(sweep__old_attachments__go_in_bounded_steps),
    };
    running = backend;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
