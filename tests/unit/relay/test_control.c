/* What gateways ask of a relay besides sessions: ping, boxes, purge, notify; exposed keys; expiry. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <string.h>

static void service(struct world *world, enum st_type type, const void *msg)
{
    world_service(world, 0, "gw-a", type, msg);
    world_flush(world, 0);
}

/* boxes_set for account n; returns the seq that is stored then. */
static uint64_t boxes_set(struct world *world, unsigned n, uint64_t seq, const uint32_t *devs, size_t count)
{
    uint8_t bytes[4 * ST_DEVICES_MAX];
    struct st_int_boxes_set_r r;
    for (size_t i = 0; i < count; i++)
        st_put_u32(bytes + 4 * i, devs[i]);
    struct st_int_boxes_set msg = { .acct = st_view(world_acct(n), ST_ACCT_LEN),
                                    .seq = seq,
                                    .devs = { .count = count, .items = bytes } };
    service(world, ST_BOXES_SET, &msg);
    assert_non_null(world_take(world, ST_BOXES_SET_R, &r));
    assert_memory_equal(r.acct.p, world_acct(n), ST_ACCT_LEN);
    return r.seq;
}

static void purge(struct world *world, unsigned n, uint32_t dev)
{
    uint8_t bytes[4];
    st_put_u32(bytes, dev);
    struct st_int_purge msg = { .acct = st_view(world_acct(n), ST_ACCT_LEN), .devs = { .count = 1, .items = bytes } };
    service(world, ST_PURGE, &msg);
}

/* ---- ping ---- */

static void ping__is_answered_with_boot_and_draining(void **state)
{
    struct world *world = *state;
    struct st_int_svc_ping msg = { .boot = 3 };
    struct st_int_svc_pong first, second;
    service(world, ST_SVC_PING, &msg);
    const struct world_sent *sent = world_take(world, ST_SVC_PONG, &first);
    assert_non_null(sent);
    assert_int_equal(sent->hop.kind, ST_HOP_SERVICE);
    assert_int_equal(sent->frame.request, world->request);
    assert_int_equal(first.draining, 0);
    relay_core_drain(world->relays[0]);
    service(world, ST_SVC_PING, &msg);
    assert_non_null(world_take(world, ST_SVC_PONG, &second));
    assert_int_equal(second.boot, first.boot);
    assert_int_equal(second.draining, 1);
    world_restart(world, 0);
    service(world, ST_SVC_PING, &msg);
    assert_non_null(world_take(world, ST_SVC_PONG, &second));
    assert_true(second.boot != first.boot);
    assert_int_equal(second.draining, 0);
}

/* ---- boxes, purge ---- */

static void boxes_set__newer_list__opens_and_closes(void **state)
{
    struct world *world = *state;
    const uint32_t devs[] = { 1, 2, 3 };
    assert_int_equal(boxes_set(world, 2, 1, devs, 2), 1);
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_int_equal(world_length(world, 2, 2), 0);
    assert_int_equal(world_length(world, 2, 3), UINT64_MAX);
    world_send(world, 0, 1, 2, 2, "kept", NULL);
    assert_int_equal(boxes_set(world, 2, 2, devs + 1, 2), 2);
    assert_int_equal(world_length(world, 2, 1), UINT64_MAX);
    assert_int_equal(world_length(world, 2, 2), 1);
    assert_int_equal(world_length(world, 2, 3), 0);
}

static void boxes_set__same_seq_again__changes_nothing(void **state)
{
    struct world *world = *state;
    const uint32_t devs[] = { 1 };
    assert_int_equal(boxes_set(world, 2, 5, devs, 1), 5);
    world_send(world, 0, 1, 2, 1, "kept", NULL);
    assert_int_equal(boxes_set(world, 2, 5, devs, 1), 5);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void boxes_set__older_list__has_no_effect_and_says_so(void **state)
{
    struct world *world = *state;
    const uint32_t devs[] = { 1, 2 };
    assert_int_equal(boxes_set(world, 2, 5, devs, 1), 5);
    assert_int_equal(boxes_set(world, 2, 4, devs, 2), 5);
    assert_int_equal(world_length(world, 2, 2), UINT64_MAX);
}

static void boxes_set__many_in_one_batch__is_one_call(void **state)
{
    struct world *world = *state;
    uint8_t bytes[4];
    st_put_u32(bytes, 1);
    uint64_t calls = mailbox_mem_calls(world->mem);
    for (unsigned i = 0; i < 60; i++) {
        struct st_int_boxes_set msg = { .acct = st_view(world_acct(i), ST_ACCT_LEN),
                                        .seq = 1,
                                        .devs = { .count = 1, .items = bytes } };
        world_service(world, 0, "gw-a", ST_BOXES_SET, &msg);
    }
    world_flush(world, 0);
    assert_int_equal(mailbox_mem_calls(world->mem) - calls, 1);
    assert_int_equal(world_count(world, ST_BOXES_SET_R), 60);
}

static void boxes_set__store_fails__is_unavailable(void **state)
{
    struct world *world = *state;
    struct st_int_boxes_set msg = { .acct = st_view(world_acct(2), ST_ACCT_LEN), .seq = 1 };
    msg.devs.items = "";
    mailbox_mem_fail(world->mem, 1, ST_EFULL, false, 0);
    service(world, ST_BOXES_SET, &msg);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
}

static void purge__account__erases_all_and_is_remembered(void **state)
{
    struct world *world = *state;
    const uint32_t devs[] = { 1 };
    struct st_int_purge_r r;
    struct st_int_drop drop;
    boxes_set(world, 2, 5, devs, 1);
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 9, NULL);
    world_send(world, 0, 1, 2, 1, "gone", NULL);
    purge(world, 2, 1);
    assert_non_null(world_take(world, ST_PURGE_R, &r));
    assert_memory_equal(r.acct.p, world_acct(2), ST_ACCT_LEN);
    assert_non_null(world_take(world, ST_DROP, &drop));
    assert_int_equal(drop.attach, attach);
    assert_int_equal(world_length(world, 2, 1), UINT64_MAX);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "late", NULL), ST_COPY_NO_SUCH_DEVICE);
    /* No late list opens it again, not even one with the highest number the wire allows. */
    assert_int_equal(boxes_set(world, 2, 6, devs, 1), MAILBOX_SEQ_PURGED);
    assert_int_equal(boxes_set(world, 2, ST_UINT_MAX, devs, 1), MAILBOX_SEQ_PURGED);
    assert_int_equal(world_length(world, 2, 1), UINT64_MAX);
    /* Nor does an attach. */
    struct st_int_attach_r answer;
    assert_int_equal(world_attach(world, 0, "gw-b", 2, 1, 10, &answer), 0);
    /* And it may be asked for again. */
    purge(world, 2, 1);
    assert_non_null(world_take(world, ST_PURGE_R, NULL));
}

static void purge__memory__lasts_forty_days(void **state)
{
    struct world *world = *state;
    const uint32_t devs[] = { 1 };
    purge(world, 2, 1);
    for (int day = 0; day < 39; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_int_equal(boxes_set(world, 2, 6, devs, 1), MAILBOX_SEQ_PURGED);
    for (int day = 0; day < 2; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_int_equal(boxes_set(world, 2, 6, devs, 1), 6);
}

/* ---- notify ---- */

static void notify__online_device__hears_that_a_prekey_was_taken(void **state)
{
    struct world *world = *state;
    struct st_int_notify msg = { .acct = st_view(world_acct(2), ST_ACCT_LEN), .dev = 1, .kind = 1, .number = 17 };
    struct st_msg_chat_started started;
    ST_SET(&msg, 4);
    world_attach(world, 0, "gw-b", 2, 1, 9, NULL);
    service(world, ST_NOTIFY, &msg);
    const struct world_sent *sent = world_take(world, ST_CHAT_STARTED, &started);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-b");
    assert_int_equal(sent->hop.sid, 9);
    assert_int_equal(sent->hop.kind, ST_HOP_DEVICE);
    assert_true(ST_HAS(&started, 1));
    assert_int_equal(started.opk_left, 17);
}

static void notify__offline_device__is_lost_in_silence(void **state)
{
    struct world *world = *state;
    struct st_int_notify msg = { .acct = st_view(world_acct(2), ST_ACCT_LEN), .dev = 1, .kind = 1 };
    world_open(world, 2, 1);
    service(world, ST_NOTIFY, &msg);
    assert_int_equal(world->sent_count, 0);
    world_attach(world, 0, "gw-b", 2, 1, 9, NULL);
    world->gone = "gw-b";
    service(world, ST_NOTIFY, &msg);
    assert_int_equal(world_stats(world, 0).stale_presences, 1);
}

/* ---- exposed keys ---- */

static uint64_t expose(struct world *world, unsigned n, const uint8_t *hash, const uint8_t *key)
{
    struct st_msg_exposed one = { .hash = st_view(hash, ST_HASH_LEN), .key = st_view(key, ST_KEY_LEN) };
    struct st_msg_expose_key msg = { .keys = { .count = 1, .items = &one } };
    struct st_msg_expose_key_r r;
    world_device(world, 0, "gw-a", n, 1, 9, ST_EXPOSE_KEY, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_EXPOSE_KEY_R, &r));
    return r.stored;
}

/* Asks; returns true and the key if it is there, false after not_found. */
static bool exposed(struct world *world, unsigned asker, unsigned n, const uint8_t *hash, uint8_t *key_r)
{
    struct st_msg_get_exposed msg = { .acct = st_view(world_acct(n), ST_ACCT_LEN),
                                      .dev = 1,
                                      .hash = st_view(hash, ST_HASH_LEN) };
    struct st_msg_get_exposed_r r;
    world_device(world, 0, "gw-a", asker, 1, 9, ST_GET_EXPOSED, &msg);
    world_flush(world, 0);
    if (world_take(world, ST_GET_EXPOSED_R, &r) == NULL) {
        world_expect_error(world, ST_CODE_NOT_FOUND);
        return false;
    }
    memcpy(key_r, r.key.p, ST_KEY_LEN);
    return true;
}

static void expose_key__key__is_given_to_whoever_names_its_hash(void **state)
{
    struct world *world = *state;
    uint8_t hash[ST_HASH_LEN] = { 1 }, key[ST_KEY_LEN] = { 2 }, other[ST_KEY_LEN] = { 3 }, got[ST_KEY_LEN];
    world_open(world, 2, 1);
    assert_int_equal(expose(world, 2, hash, key), 1);
    assert_true(exposed(world, 5, 2, hash, got));
    assert_memory_equal(got, key, sizeof key);
    /* The first key of a hash stays: nobody can rewrite what was exposed. */
    assert_int_equal(expose(world, 2, hash, other), 1);
    assert_true(exposed(world, 5, 2, hash, got));
    assert_memory_equal(got, key, sizeof key);
    /* Not under another account's name. */
    assert_false(exposed(world, 5, 3, hash, got));
    hash[0] = 9;
    assert_false(exposed(world, 5, 2, hash, got));
}

static void expose_key__device_without_mailbox__stores_nothing(void **state)
{
    struct world *world = *state;
    uint8_t hash[ST_HASH_LEN] = { 1 }, key[ST_KEY_LEN] = { 2 };
    assert_int_equal(expose(world, 2, hash, key), 0);
}

static void expose_key__more_than_a_thousand__forgets_the_oldest(void **state)
{
    struct world *world = *state;
    uint8_t hash[ST_HASH_LEN] = { 0 }, key[ST_KEY_LEN] = { 2 }, got[ST_KEY_LEN];
    world_open(world, 2, 1);
    for (uint32_t i = 0; i < MAILBOX_EXPOSED_MAX + 10; i++) {
        st_put_u32(hash, i);
        assert_int_equal(expose(world, 2, hash, key), 1);
        world_forget(world);
    }
    st_put_u32(hash, 9);
    assert_false(exposed(world, 5, 2, hash, got));
    st_put_u32(hash, 10);
    assert_true(exposed(world, 5, 2, hash, got));
    st_put_u32(hash, MAILBOX_EXPOSED_MAX + 9);
    assert_true(exposed(world, 5, 2, hash, got));
}

static void expose_key__after_ninety_days__is_gone(void **state)
{
    struct world *world = *state;
    uint8_t hash[ST_HASH_LEN] = { 1 }, key[ST_KEY_LEN] = { 2 }, got[ST_KEY_LEN];
    world_open(world, 2, 1);
    expose(world, 2, hash, key);
    for (int day = 0; day < 89; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_true(exposed(world, 5, 2, hash, got));
    for (int day = 0; day < 2; day++)
        world_wait(world, INT64_C(24) * 3600 * 1000);
    assert_false(exposed(world, 5, 2, hash, got));
}

static void get_exposed__sixty_an_hour__then_rate_limited(void **state)
{
    struct world *world = *state;
    uint8_t hash[ST_HASH_LEN] = { 1 }, got[ST_KEY_LEN];
    struct st_msg_error error;
    world_open(world, 2, 1);
    for (int i = 0; i < 60; i++)
        assert_false(exposed(world, 5, 2, hash, got));
    struct st_msg_get_exposed msg = { .acct = st_view(world_acct(2), ST_ACCT_LEN),
                                      .dev = 1,
                                      .hash = st_view(hash, ST_HASH_LEN) };
    world_device(world, 0, "gw-a", 5, 1, 9, ST_GET_EXPOSED, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ERROR, &error));
    assert_int_equal(error.code, ST_CODE_RATE_LIMITED);
    assert_true(ST_HAS(&error, 3));
    assert_true(error.retry_after_s >= 59 && error.retry_after_s <= 61);
    assert_false(exposed(world, 6, 2, hash, got)); /* another device has its own */
    world_wait(world, 61 * 1000);
    assert_false(exposed(world, 5, 2, hash, got));
}

static void exposed__store_fails__is_unavailable(void **state)
{
    struct world *world = *state;
    uint8_t bytes[32] = { 1 };
    struct st_msg_exposed one = { .hash = st_view(bytes, 32), .key = st_view(bytes, 32) };
    struct st_msg_expose_key put = { .keys = { .count = 1, .items = &one } };
    struct st_msg_get_exposed get = { .acct = st_view(world_acct(2), ST_ACCT_LEN), .dev = 1, .hash = one.hash };
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 1);
    world_device(world, 0, "gw-a", 5, 1, 9, ST_EXPOSE_KEY, &put);
    world_device(world, 0, "gw-a", 5, 1, 9, ST_GET_EXPOSED, &get);
    world_flush(world, 0);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
}

/* ---- expiry ---- */

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static void expiry__entries_older_than_thirty_days__go(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "old", NULL);
    for (int day = 0; day < 20; day++)
        world_wait(world, day_ms);
    world_send(world, 0, 1, 2, 1, "young", NULL);
    for (int day = 0; day < 9; day++)
        world_wait(world, day_ms);
    assert_int_equal(world_length(world, 2, 1), 2);
    for (int day = 0; day < 2; day++)
        world_wait(world, day_ms);
    assert_int_equal(world_length(world, 2, 1), 1);
    assert_int_equal(world_stats(world, 0).expired, 1);
}

static void expiry__clocks_that_differ_by_more_than_an_hour__expire_nothing(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "old", NULL);
    world->wall_ms += 40 * day_ms; /* somebody set the clock */
    mailbox_mem_skew(world->mem, -40 * day_ms);
    world_wait(world, 5 * 3600 * 1000);
    assert_int_equal(world_length(world, 2, 1), 1);
    mailbox_mem_skew(world->mem, -3599 * 1000);
    world_wait(world, 3 * 3600 * 1000);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void expiry__sweep_that_fails__is_done_an_hour_later(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "old", NULL);
    for (int day = 0; day < 29; day++)
        world_wait(world, day_ms);
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 30);
    world_wait(world, 2 * day_ms);
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_true(world_stats(world, 0).store_errors > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ping__is_answered_with_boot_and_draining),
        TEST(boxes_set__newer_list__opens_and_closes),
        TEST(boxes_set__same_seq_again__changes_nothing),
        TEST(boxes_set__older_list__has_no_effect_and_says_so),
        TEST(boxes_set__many_in_one_batch__is_one_call),
        TEST(boxes_set__store_fails__is_unavailable),
        TEST(purge__account__erases_all_and_is_remembered),
        TEST(purge__memory__lasts_forty_days),
        TEST(notify__online_device__hears_that_a_prekey_was_taken),
        TEST(notify__offline_device__is_lost_in_silence),
        TEST(expose_key__key__is_given_to_whoever_names_its_hash),
        TEST(expose_key__device_without_mailbox__stores_nothing),
        TEST(expose_key__more_than_a_thousand__forgets_the_oldest),
        TEST(expose_key__after_ninety_days__is_gone),
        TEST(get_exposed__sixty_an_hour__then_rate_limited),
        TEST(exposed__store_fails__is_unavailable),
        TEST(expiry__entries_older_than_thirty_days__go),
        TEST(expiry__clocks_that_differ_by_more_than_an_hour__expire_nothing),
        TEST(expiry__sweep_that_fails__is_done_an_hour_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
