/* Attachments: beginning, chunks, resuming, quota, who may do what. */
#include "tests/unit/relay/relay_world.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 65553, SID = 9 };

static const uint8_t blob_id[ST_BLOB_ID_LEN] = { 0xb1, 0x0b };

/* Begins; returns true and the bitmap, or false (an error waits to be taken). */
static bool begin(struct world *world, unsigned n, const uint8_t *blob, uint64_t size, uint64_t chunks,
                  uint8_t there_r[static ST_BLOB_BITMAP_MAX])
{
    struct st_msg_put_blob msg = { .blob = st_view(blob, ST_BLOB_ID_LEN), .size = size, .chunks = chunks };
    struct st_msg_put_blob_r r;
    world_device(world, 0, "gw-a", n, 1, SID, ST_PUT_BLOB, &msg);
    world_flush(world, 0);
    if (world_take(world, ST_PUT_BLOB_R, &r) == NULL)
        return false;
    assert_memory_equal(r.blob.p, blob, ST_BLOB_ID_LEN);
    assert_int_equal(r.there.len, (chunks + 7) / 8);
    memcpy(there_r, r.there.p, r.there.len);
    return true;
}

/* Puts a chunk of `len` bytes, all `fill`; false: an error waits. */
static bool put(struct world *world, unsigned n, const uint8_t *blob, uint64_t index, uint8_t fill, size_t len)
{
    uint8_t *data = malloc(len);
    struct st_msg_put_chunk_r r;
    assert_non_null(data);
    memset(data, fill, len);
    struct st_msg_put_chunk msg = { .blob = st_view(blob, ST_BLOB_ID_LEN), .index = index, .data = st_view(data, len) };
    world_device(world, 0, "gw-a", n, 1, SID, ST_PUT_CHUNK, &msg);
    free(data);
    world_flush(world, 0);
    if (world_take(world, ST_PUT_CHUNK_R, &r) == NULL)
        return false;
    assert_int_equal(r.index, index);
    return true;
}

/* Gets a chunk; returns its length and first byte, or 0 (an error waits). */
static size_t get(struct world *world, unsigned n, const uint8_t *blob, uint64_t index, uint8_t *first_r)
{
    struct st_msg_get_blob msg = { .blob = st_view(blob, ST_BLOB_ID_LEN), .index = index };
    struct st_msg_get_blob_r r;
    world_device(world, 0, "gw-a", n, 1, SID, ST_GET_BLOB, &msg);
    world_flush(world, 0);
    if (world_take(world, ST_GET_BLOB_R, &r) == NULL)
        return 0;
    assert_int_equal(r.index, index);
    *first_r = r.data.p[0];
    return r.data.len;
}

static void blob__uploaded__can_be_read_by_who_knows_its_id(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], first;
    assert_true(begin(world, 1, blob_id, CHUNK + 24 + 100, 2, there));
    assert_int_equal(there[0], 0);
    assert_true(put(world, 1, blob_id, 0, 0xa0, CHUNK + 24));
    assert_true(put(world, 1, blob_id, 1, 0xa1, 100));
    assert_int_equal(get(world, 5, blob_id, 0, &first), CHUNK + 24);
    assert_int_equal(first, 0xa0);
    assert_int_equal(get(world, 5, blob_id, 1, &first), 100);
    assert_int_equal(first, 0xa1);
    assert_int_equal(get(world, 5, blob_id, 2, &first), 0);
    world_expect_error(world, ST_CODE_NOT_FOUND);
}

static void blob__begun_again__says_what_is_there(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    const uint64_t size = 9 * CHUNK + 24 + 50;
    assert_true(begin(world, 1, blob_id, size, 10, there));
    assert_true(put(world, 1, blob_id, 0, 1, CHUNK + 24));
    assert_true(put(world, 1, blob_id, 3, 1, CHUNK));
    assert_true(put(world, 1, blob_id, 9, 1, 50));
    world_restart(world, 0);
    assert_true(begin(world, 1, blob_id, size, 10, there));
    assert_int_equal(there[0], 0x90);
    assert_int_equal(there[1], 0x40);
}

static void blob__chunk_that_is_there__stays_as_it_is(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], first;
    assert_true(begin(world, 1, blob_id, 100, 1, there));
    assert_true(put(world, 1, blob_id, 0, 0xaa, 100));
    assert_true(put(world, 1, blob_id, 0, 0xbb, 100));
    assert_int_equal(get(world, 5, blob_id, 0, &first), 100);
    assert_int_equal(first, 0xaa);
}

static void blob__of_another_account__cannot_be_filled_or_taken_over(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], first;
    assert_true(begin(world, 1, blob_id, CHUNK + 24 + 100, 2, there));
    assert_false(put(world, 2, blob_id, 0, 0xbb, 100));
    world_expect_error(world, ST_CODE_NOT_FOUND);
    assert_false(begin(world, 2, blob_id, CHUNK + 24 + 100, 2, there));
    world_expect_error(world, ST_CODE_CONFLICT);
    assert_false(put(world, 2, blob_id, 0, 0xbb, 100));
    world_expect_error(world, ST_CODE_NOT_FOUND);
    assert_int_equal(get(world, 2, blob_id, 0, &first), 0);
    world_expect_error(world, ST_CODE_NOT_FOUND);
    /* And what the other tried does not count against it. */
    struct mailbox_blob_get row = { .found = true };
    memcpy(row.acct, world_acct(2), ST_ACCT_LEN);
    memcpy(row.blob, blob_id, ST_BLOB_ID_LEN);
    assert_int_equal(mailbox_blob_get(&world->box, &row, 1), ST_OK);
    assert_false(row.found);
}

static void blob__begun_with_another_size__is_a_conflict(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    assert_true(begin(world, 1, blob_id, 100, 1, there));
    assert_false(begin(world, 1, blob_id, 101, 1, there));
    world_expect_error(world, ST_CODE_CONFLICT);
    assert_true(begin(world, 1, blob_id, 100, 1, there));
}

static void blob__size_that_does_not_fit_its_chunks__is_malformed(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    const struct {
        uint64_t size, chunks;
    } bad[] = { { 1025, 1025 }, { 65536, 2 }, { ST_BLOB_CHUNK_MAX + 1, 1 }, { 3 * 65536, 4 }, { 1, 2 } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(begin(world, 1, blob_id, bad[i].size, bad[i].chunks, there));
        world_expect_error(world, ST_CODE_MALFORMED);
    }
    assert_true(begin(world, 1, blob_id, 65537, 2, there));
}

static void blob__beyond_the_quota__is_refused(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], id[ST_BLOB_ID_LEN] = { 0 };
    world->options.blob_bytes_max = UINT64_C(3) * 1024 * 1024;
    world_restart(world, 0);
    for (uint8_t i = 0; i < 3; i++) {
        id[0] = i;
        assert_true(begin(world, 1, id, 1000 * 1000, 16, there));
    }
    id[0] = 3;
    assert_false(begin(world, 1, id, 1000 * 1000, 16, there));
    world_expect_error(world, ST_CODE_QUOTA);
    assert_true(begin(world, 2, id, 1000 * 1000, 16, there)); /* per account */
    id[0] = 0;
    assert_true(begin(world, 1, id, 1000 * 1000, 16, there)); /* one that counts already */
}

static void blob__tiny_ones__count_as_a_chunk_each(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], id[ST_BLOB_ID_LEN] = { 0 };
    world->options.blob_bytes_max = 10 * MAILBOX_BLOB_CHARGE_MIN;
    world_restart(world, 0);
    for (uint8_t i = 0; i < 10; i++) {
        id[0] = i;
        assert_true(begin(world, 1, id, 1, 1, there));
    }
    id[0] = 10;
    assert_false(begin(world, 1, id, 1, 1, there));
    world_expect_error(world, ST_CODE_QUOTA);
}

static void blob__never_begun__is_not_found(void **state)
{
    struct world *world = *state;
    uint8_t first;
    assert_false(put(world, 1, blob_id, 0, 1, 10));
    world_expect_error(world, ST_CODE_NOT_FOUND);
    assert_int_equal(get(world, 1, blob_id, 0, &first), 0);
    world_expect_error(world, ST_CODE_NOT_FOUND);
}

static void blob__chunk_number_beyond_the_last__is_refused(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    assert_true(begin(world, 1, blob_id, 100, 1, there));
    assert_false(put(world, 1, blob_id, 1, 1, 10));
    world_expect_error(world, ST_CODE_NOT_FOUND);
}

static void blob__after_thirty_days__is_gone_and_frees_its_quota(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], first, other[ST_BLOB_ID_LEN] = { 7 };
    world->options.blob_bytes_max = 1000 * 1000;
    world_restart(world, 0);
    assert_true(begin(world, 1, blob_id, 900 * 1000, 14, there));
    assert_true(put(world, 1, blob_id, 0, 1, 100));
    for (int day = 0; day < 29; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_int_equal(get(world, 5, blob_id, 0, &first), 100);
    for (int day = 0; day < 2; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_int_equal(get(world, 5, blob_id, 0, &first), 0);
    world_expect_error(world, ST_CODE_NOT_FOUND);
    assert_true(begin(world, 1, other, 900 * 1000, 14, there));
}

static void blob__store_fails__is_unavailable_at_every_call(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], first;
    const enum st_err errors[] = { ST_EFULL, ST_EUNAVAILABLE, ST_EIO, ST_EFOREIGN };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        blob_mem_fail(world->blobs, 1, errors[i]);
        assert_false(begin(world, 1, blob_id, 100, 1, there));
        world_expect_error(world, ST_CODE_UNAVAILABLE);
        assert_true(begin(world, 1, blob_id, 100, 1, there));
        blob_mem_fail(world->blobs, 1, errors[i]);
        assert_false(put(world, 1, blob_id, 0, 1, 100));
        world_expect_error(world, ST_CODE_UNAVAILABLE);
        assert_true(put(world, 1, blob_id, 0, 1, 100));
        for (uint64_t n = 1; n <= 2; n++) {
            blob_mem_fail(world->blobs, n, errors[i]);
            assert_int_equal(get(world, 1, blob_id, 0, &first), 0);
            world_expect_error(world, ST_CODE_UNAVAILABLE);
        }
        mailbox_mem_fail(world->mem, 1, errors[i], false, 0);
        assert_false(put(world, 1, blob_id, 0, 1, 100));
        world_expect_error(world, ST_CODE_UNAVAILABLE);
        mailbox_mem_fail(world->mem, 1, errors[i], false, 0);
        assert_false(begin(world, 1, blob_id, 100, 1, there));
        world_expect_error(world, ST_CODE_UNAVAILABLE);
    }
}

static void purge(struct world *world, unsigned n)
{
    struct st_int_purge msg = { .acct = st_view(world_acct(n), ST_ACCT_LEN), .devs = { .items = "" } };
    world_service(world, 0, "gw-a", ST_PURGE, &msg);
    world_flush(world, 0);
}

static void blob__account_purged__attachments_go_too(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], id[ST_BLOB_ID_LEN] = { 0 }, first;
    for (uint8_t i = 0; i < 150; i++) {
        id[3] = i;
        assert_true(begin(world, 1, id, 100, 1, there));
        assert_true(put(world, 1, id, 0, i, 100));
    }
    assert_true(begin(world, 2, blob_id, 100, 1, there));
    assert_true(put(world, 2, blob_id, 0, 7, 100));
    purge(world, 1);
    assert_non_null(world_take(world, ST_PURGE_R, NULL));
    for (uint8_t i = 0; i < 150; i++) {
        id[3] = i;
        assert_int_equal(get(world, 5, id, 0, &first), 0);
        world_expect_error(world, ST_CODE_NOT_FOUND);
    }
    assert_int_equal(get(world, 5, blob_id, 0, &first), 100);
}

static void blob__purge_that_fails_in_the_middle__is_finished_by_the_next(void **state)
{
    struct world *world = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX], id[ST_BLOB_ID_LEN] = { 0 }, first;
    world_open(world, 1, 1);
    for (uint8_t i = 0; i < 100; i++) {
        id[3] = i;
        assert_true(begin(world, 1, id, 100, 1, there));
        assert_true(put(world, 1, id, 0, i, 100));
    }
    blob_mem_fail(world->blobs, 40, ST_EIO);
    purge(world, 1);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
    assert_null(world_take(world, ST_PURGE_R, NULL));
    purge(world, 1);
    assert_non_null(world_take(world, ST_PURGE_R, NULL));
    for (uint8_t i = 0; i < 100; i++) {
        id[3] = i;
        assert_int_equal(get(world, 5, id, 0, &first), 0);
    }
    assert_int_equal(world_length(world, 1, 1), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blob__uploaded__can_be_read_by_who_knows_its_id),
        TEST(blob__begun_again__says_what_is_there),
        TEST(blob__chunk_that_is_there__stays_as_it_is),
        TEST(blob__of_another_account__cannot_be_filled_or_taken_over),
        TEST(blob__begun_with_another_size__is_a_conflict),
        TEST(blob__size_that_does_not_fit_its_chunks__is_malformed),
        TEST(blob__beyond_the_quota__is_refused),
        TEST(blob__tiny_ones__count_as_a_chunk_each),
        TEST(blob__never_begun__is_not_found),
        TEST(blob__chunk_number_beyond_the_last__is_refused),
        TEST(blob__after_thirty_days__is_gone_and_frees_its_quota),
        TEST(blob__store_fails__is_unavailable_at_every_call),
        TEST(blob__account_purged__attachments_go_too),
        TEST(blob__purge_that_fails_in_the_middle__is_finished_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
