/* Attach, detach, alive: who holds a mailbox, and what happens when two views of it differ. */
#include "tests/unit/relay/relay_world.h"

#include <string.h>

static struct mailbox_presence presence(struct world *world, unsigned n, uint32_t dev)
{
    struct mailbox_presence_get get = { .key = mailbox_key(world_acct(n), dev) };
    assert_int_equal(mailbox_presence_get(&world->box, &get, 1), ST_OK);
    if (!get.present)
        memset(&get.presence, 0, sizeof get.presence);
    return get.presence;
}

/* One session in one `alive`; returns what is answered. */
static struct st_int_alive_r_item alive(struct world *world, size_t relay, const char *gateway, unsigned n,
                                        uint64_t sid, uint64_t attach)
{
    struct st_int_alive_item one = {
        .acct = st_view(world_acct(n), ST_ACCT_LEN), .dev = 1, .sid = sid, .attach = attach
    };
    struct st_int_alive msg = { .items = { .count = 1, .items = &one } };
    struct st_int_alive_r answer;
    struct st_int_alive_r_item item;
    world_service(world, relay, gateway, ST_ALIVE, &msg);
    world_flush(world, relay);
    const struct world_sent *sent = world_take(world, ST_ALIVE_R, &answer);
    assert_non_null(sent);
    assert_int_equal(sent->hop.kind, ST_HOP_SERVICE);
    assert_string_equal(sent->to, gateway);
    assert_true(st_records_next(&st_schema_alive_r_item, &answer.items, &item));
    assert_int_equal(item.sid, sid);
    return item;
}

/* ---- attach ---- */

static void attach__new_device__gets_its_mailbox_and_what_waits(void **state)
{
    struct world *world = *state;
    struct st_int_attach_r r;
    char text[256];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "two", NULL), ST_COPY_STORED);
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, &r);
    assert_true(attach != 0);
    assert_int_equal(r.pending, 2);
    assert_false(ST_HAS(&r, 3));
    assert_string_equal(world_pushed(world, text), "one two");
    struct mailbox_presence now = presence(world, 2, 1);
    assert_string_equal(now.gateway.name, "gw-b");
    assert_int_equal(now.sid, 5);
    assert_int_equal(now.attach, attach);
    assert_int_equal(world_stats(world, 0).sessions, 1);
}

static void attach__device_without_mailbox__opens_it_from_the_list(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_length(world, 2, 1), UINT64_MAX);
    assert_true(world_attach(world, 0, "gw-b", 2, 1, 5, NULL) != 0);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void attach__device_not_in_the_list__is_told_that_it_has_no_mailbox(void **state)
{
    struct world *world = *state;
    struct st_int_attach_r r;
    uint8_t devs[4];
    st_put_u32(devs, 9);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    world_device(world, 0, "gw-b", 2, 1, 5, ST_ATTACH, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ATTACH_R, &r));
    assert_int_equal(r.attach, 0);
    assert_int_equal(world_stats(world, 0).sessions, 0);
    assert_int_equal(presence(world, 2, 1).attach, 0);
}

static void attach__list_newer_than_the_stores__closes_what_it_leaves_out(void **state)
{
    struct world *world = *state;
    const uint32_t both[] = { 1, 2 };
    struct mailbox_boxes boxes = { .seq = 3, .devs = both, .dev_count = 2 };
    memcpy(boxes.acct, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&world->box, &boxes, 1), ST_OK);
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 4, .devs = { .count = 1, .items = devs } };
    world_device(world, 0, "gw-b", 2, 1, 5, ST_ATTACH, &msg);
    world_flush(world, 0);
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_int_equal(world_length(world, 2, 2), UINT64_MAX);
    /* An older list changes nothing. */
    st_put_u32(devs, 2);
    msg.list_seq = 3;
    world_device(world, 0, "gw-b", 2, 2, 6, ST_ATTACH, &msg);
    world_flush(world, 0);
    assert_int_equal(world_length(world, 2, 2), UINT64_MAX);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void attach__second_connection__wins_and_the_first_is_dropped(void **state)
{
    struct world *world = *state;
    struct st_int_drop drop;
    char text[256];
    uint64_t first = world_attach(world, 0, "gw-a", 2, 1, 5, NULL);
    uint64_t second = world_attach(world, 0, "gw-b", 2, 1, 6, NULL);
    assert_true(first != second);
    const struct world_sent *sent = world_take(world, ST_DROP, &drop);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-a");
    assert_int_equal(sent->hop.kind, ST_HOP_SERVICE);
    assert_int_equal(drop.sid, 5);
    assert_int_equal(drop.attach, first);
    assert_int_equal(drop.reason, ST_BYE_REPLACED);
    world_send(world, 0, 1, 2, 1, "hi", NULL);
    assert_string_equal(world_pushed(world, text), "hi");
    assert_int_equal(world_stats(world, 0).sessions, 1);
}

static void attach__same_session_twice__is_harmless(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-a", 2, 1, 5, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    world_attach(world, 0, "gw-a", 2, 1, 5, NULL);
    assert_null(world_take(world, ST_DROP, NULL));
    assert_string_equal(world_pushed(world, text), "one"); /* from the beginning again */
}

static void attach__two_in_one_batch__the_later_wins(void **state)
{
    struct world *world = *state;
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    struct st_int_attach_r first, second;
    struct st_int_drop drop;
    world_device(world, 0, "gw-a", 2, 1, 5, ST_ATTACH, &msg);
    world_device(world, 0, "gw-b", 2, 1, 6, ST_ATTACH, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ATTACH_R, &first));
    assert_non_null(world_take(world, ST_ATTACH_R, &second));
    assert_non_null(world_take(world, ST_DROP, &drop));
    assert_int_equal(drop.attach, first.attach);
    assert_int_equal(presence(world, 2, 1).attach, second.attach);
}

static void attach__answer__comes_before_the_first_push(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    world_forget(world);
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    assert_int_equal(world->sent_count, 2);
    assert_int_equal(world->sent[0].frame.type, ST_ATTACH_R);
    assert_int_equal(world->sent[1].frame.type, ST_PUSH);
}

static void attach__generation__is_kept_and_the_one_before_returned(void **state)
{
    struct world *world = *state;
    uint8_t devs[4], generation[ST_GENERATION_LEN] = { 0 };
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1,
                                 .devs = { .count = 1, .items = devs },
                                 .generation = st_view(generation, sizeof generation) };
    struct st_int_attach_r r;
    ST_SET(&msg, 1);
    const uint64_t counters[] = { 5, 9, 7, 8 };
    const uint64_t before[] = { 0, 5, 9,
                                9 }; /* one that is older is not kept: a restored client must learn of 9 again */
    for (size_t i = 0; i < 4; i++) {
        st_put_u64(generation, counters[i]);
        world_device(world, 0, "gw-b", 2, 1, 5, ST_ATTACH, &msg);
        world_flush(world, 0);
        assert_non_null(world_take(world, ST_ATTACH_R, &r));
        assert_int_equal(ST_HAS(&r, 3), i > 0);
        if (i > 0)
            assert_int_equal(st_get_u64(r.generation.p), before[i]);
    }
}

static void attach__store_fails__is_unavailable_whatever_call_it_was(void **state)
{
    struct world *world = *state;
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    for (uint64_t n = 1; n <= 4; n++) {
        mailbox_mem_fail(world->mem, n, ST_EUNAVAILABLE, false, 0);
        world_device(world, 0, "gw-b", 2 + (unsigned)n, 1, 5, ST_ATTACH, &msg);
        world_flush(world, 0);
        world_expect_error(world, ST_CODE_UNAVAILABLE);
        assert_null(world_take(world, ST_ATTACH_R, NULL));
        mailbox_mem_fail(world->mem, 0, ST_OK, false, 0);
        assert_true(world_attach(world, 0, "gw-b", 2 + (unsigned)n, 1, 5, NULL) != 0);
    }
}

static void attach__many_at_once__cost_a_handful_of_calls(void **state)
{
    struct world *world = *state;
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    uint64_t calls = mailbox_mem_calls(world->mem);
    for (uint32_t i = 0; i < 600; i++) {
        world_device(world, 0, "gw-b", i % 60, 1 + i / 60, 100 + i, ST_ATTACH, &msg);
    }
    world_flush(world, 0);
    assert_int_equal(world_count(world, ST_ATTACH_R), 600);
    /* Four calls for each 256 attaches, and a read for each 16 mailboxes that were opened, 64 of them in a run. */
    assert_true(mailbox_mem_calls(world->mem) - calls <= 3 * 4 + 4);
    world_wait(world, 0);
    assert_int_equal(world_stats(world, 0).waiting_reads, 0);
}

static void attach__more_than_the_relay_may_hold__is_unavailable_and_leaves_no_presence(void **state)
{
    struct world *world = *state;
    world->options.sessions_max = 1;
    world_restart(world, 0);
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    world_device(world, 0, "gw-b", 3, 1, 6, ST_ATTACH, &msg);
    world_flush(world, 0);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
    assert_int_equal(presence(world, 3, 1).attach, 0);
}

/* ---- detach ---- */

static void detach(struct world *world, const char *gateway, unsigned n, uint64_t sid, uint64_t attach)
{
    struct st_int_detach msg = { .attach = attach };
    world_device(world, 0, gateway, n, 1, sid, ST_DETACH, &msg);
    world_flush(world, 0);
}

static void detach__session__removes_its_presence(void **state)
{
    struct world *world = *state;
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    detach(world, "gw-b", 2, 5, attach);
    assert_int_equal(presence(world, 2, 1).attach, 0);
    assert_int_equal(world_stats(world, 0).sessions, 0);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "later", NULL), ST_COPY_STORED);
    assert_int_equal(world_count(world, ST_PUSH), 0);
}

static void detach__older_attach__leaves_the_newer_one(void **state)
{
    struct world *world = *state;
    uint64_t first = world_attach(world, 0, "gw-a", 2, 1, 5, NULL);
    uint64_t second = world_attach(world, 0, "gw-b", 2, 1, 6, NULL);
    detach(world, "gw-a", 2, 5, first);
    assert_int_equal(presence(world, 2, 1).attach, second);
    assert_int_equal(world_stats(world, 0).sessions, 1);
    detach(world, "gw-b", 2, 6, 12345);
    assert_int_equal(presence(world, 2, 1).attach, second);
}

/* ---- alive ---- */

static void alive__attached_session__keeps_its_lease(void **state)
{
    struct world *world = *state;
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    for (int i = 0; i < 10; i++) {
        world_wait(world, 30 * 1000);
        struct st_int_alive_r_item item = alive(world, 0, "gw-b", 2, 5, attach);
        assert_int_equal(item.attach, attach);
        assert_int_equal(item.replaced, 0);
        assert_int_equal(item.pending, 0);
    }
    assert_int_equal(presence(world, 2, 1).attach, attach);
    assert_int_equal(world_stats(world, 0).attached, 1);
}

static void alive__silence_beyond_the_lease__ends_session_and_presence(void **state)
{
    struct world *world = *state;
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    world_wait(world, ST_PRESENCE_LEASE_MS);
    assert_int_equal(world_stats(world, 0).sessions, 0);
    assert_int_equal(presence(world, 2, 1).attach, 0);
}

static void alive__presence_lost__attaches_anew_and_reads_from_the_beginning(void **state)
{
    struct world *world = *state;
    char text[256];
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    mailbox_mem_drop_presences(world->mem);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "missed", NULL), ST_COPY_STORED);
    assert_string_equal(world_pushed(world, text), "");
    struct st_int_alive_r_item item = alive(world, 0, "gw-b", 2, 5, attach);
    assert_true(item.attach != attach && item.attach != 0);
    assert_int_equal(item.pending, 1);
    assert_string_equal(world_pushed(world, text), "missed");
    assert_int_equal(presence(world, 2, 1).attach, item.attach);
}

static void alive__relay_that_was_restarted__attaches_what_it_hears_of(void **state)
{
    struct world *world = *state;
    char text[256];
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    world_restart(world, 0);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "waits", NULL), ST_COPY_STORED);
    /* The presence names the relay of before: the gateway is woken, in case that relay still lives. */
    assert_non_null(world_take(world, ST_WAKE, NULL));
    struct st_int_alive_r_item item = alive(world, 0, "gw-b", 2, 5, attach);
    assert_true(item.attach != 0 && item.attach != attach);
    assert_int_equal(item.replaced, 0);
    assert_null(world_take(world, ST_DROP, NULL));
    assert_string_equal(world_pushed(world, text), "waits");
}

static void alive__session_that_was_replaced__is_told_so(void **state)
{
    struct world *world = *state;
    uint64_t first = world_attach(world, 0, "gw-a", 2, 1, 5, NULL);
    uint64_t second = world_attach(world, 0, "gw-b", 2, 1, 6, NULL);
    struct st_int_alive_r_item item = alive(world, 0, "gw-a", 2, 5, first);
    assert_int_equal(item.replaced, 1);
    assert_int_equal(presence(world, 2, 1).attach, second);
    item = alive(world, 0, "gw-b", 2, 6, second);
    assert_int_equal(item.replaced, 0);
    assert_int_equal(item.attach, second);
    /* After a restart of the relay too: the older connection does not win by being first. */
    world_restart(world, 0);
    assert_int_equal(alive(world, 0, "gw-a", 2, 5, first).replaced, 1);
    assert_int_equal(alive(world, 0, "gw-b", 2, 6, second).replaced, 0);
}

static void alive__closed_mailbox__is_told_by_attach_0(void **state)
{
    struct world *world = *state;
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    struct mailbox_boxes boxes = { .seq = 2 };
    memcpy(boxes.acct, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&world->box, &boxes, 1), ST_OK);
    struct st_int_alive_r_item item = alive(world, 0, "gw-b", 2, 5, attach);
    assert_int_equal(item.attach, 0);
    assert_int_equal(item.replaced, 0);
    assert_int_equal(world_stats(world, 0).sessions, 0);
}

static void alive__entries_that_nobody_pushed__are_found(void **state)
{
    struct world *world = *state;
    char text[256];
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    /* Appended by somebody else, whose wake was lost. */
    struct mailbox_limits limits = { .entries_max = 100, .bytes_max = 1 << 20 };
    uint8_t id[ST_MSG_ID_LEN] = "foreign";
    struct mailbox_append append = { .to = mailbox_key(world_acct(2), 1),
                                     .from = mailbox_key(world_acct(9), 1),
                                     .msg_id = id,
                                     .body = st_view(world->sent, ST_ENVELOPE_MIN) };
    assert_int_equal(mailbox_append(&world->box, &limits, &append, 1), ST_OK);
    assert_int_equal(alive(world, 0, "gw-b", 2, 5, attach).pending, 1);
    assert_string_equal(world_pushed(world, text), "foreign");
}

static void alive__generation__is_kept(void **state)
{
    struct world *world = *state;
    uint8_t generation[ST_GENERATION_LEN] = { 0 };
    st_put_u64(generation, 77);
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    struct st_int_alive_item one = { .acct = st_view(world_acct(2), ST_ACCT_LEN),
                                     .dev = 1,
                                     .sid = 5,
                                     .attach = attach,
                                     .generation = st_view(generation, sizeof generation) };
    ST_SET(&one, 5);
    struct st_int_alive msg = { .items = { .count = 1, .items = &one } };
    world_service(world, 0, "gw-b", ST_ALIVE, &msg);
    world_flush(world, 0);
    struct st_int_attach_r r;
    world_attach(world, 0, "gw-b", 2, 1, 6, &r);
    assert_true(ST_HAS(&r, 3));
    assert_memory_equal(r.generation.p, generation, sizeof generation);
}

static void alive__store_fails__is_unavailable(void **state)
{
    struct world *world = *state;
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    struct st_int_alive_item one = {
        .acct = st_view(world_acct(2), ST_ACCT_LEN), .dev = 1, .sid = 5, .attach = attach
    };
    struct st_int_alive msg = { .items = { .count = 1, .items = &one } };
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 0);
    world_service(world, 0, "gw-b", ST_ALIVE, &msg);
    world_flush(world, 0);
    world_expect_error(world, ST_CODE_UNAVAILABLE);
    assert_int_equal(world_stats(world, 0).sessions, 1);
}

static void alive__many_sessions__are_answered_in_their_order(void **state)
{
    struct world *world = *state;
    struct st_int_alive_item items[ST_ALIVE_MAX];
    for (unsigned i = 0; i < ST_ALIVE_MAX; i++) {
        uint32_t dev = 1 + i / 60;
        world_open(world, i % 60, 1);
        items[i] = (struct st_int_alive_item) {
            .acct = st_view(world_acct(i % 60), ST_ACCT_LEN), .dev = dev, .sid = i + 1, .attach = 3
        };
    }
    struct st_int_alive msg = { .items = { .count = ST_ALIVE_MAX, .items = items } };
    struct st_int_alive_r answer;
    struct st_int_alive_r_item item;
    world_service(world, 0, "gw-b", ST_ALIVE, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ALIVE_R, &answer));
    assert_int_equal(answer.items.count, ST_ALIVE_MAX);
    for (unsigned i = 0; i < ST_ALIVE_MAX; i++) {
        assert_true(st_records_next(&st_schema_alive_r_item, &answer.items, &item));
        assert_int_equal(item.sid, i + 1);
        assert_int_equal(item.attach != 0, i < 60); /* only device 1 of each has a mailbox */
    }
    assert_int_equal(world_stats(world, 0).sessions, 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(attach__new_device__gets_its_mailbox_and_what_waits),
        TEST(attach__device_without_mailbox__opens_it_from_the_list),
        TEST(attach__device_not_in_the_list__is_told_that_it_has_no_mailbox),
        TEST(attach__list_newer_than_the_stores__closes_what_it_leaves_out),
        TEST(attach__second_connection__wins_and_the_first_is_dropped),
        TEST(attach__same_session_twice__is_harmless),
        TEST(attach__two_in_one_batch__the_later_wins),
        TEST(attach__answer__comes_before_the_first_push),
        TEST(attach__generation__is_kept_and_the_one_before_returned),
        TEST(attach__store_fails__is_unavailable_whatever_call_it_was),
        TEST(attach__many_at_once__cost_a_handful_of_calls),
        TEST(attach__more_than_the_relay_may_hold__is_unavailable_and_leaves_no_presence),
        TEST(detach__session__removes_its_presence),
        TEST(detach__older_attach__leaves_the_newer_one),
        TEST(alive__attached_session__keeps_its_lease),
        TEST(alive__silence_beyond_the_lease__ends_session_and_presence),
        TEST(alive__presence_lost__attaches_anew_and_reads_from_the_beginning),
        TEST(alive__relay_that_was_restarted__attaches_what_it_hears_of),
        TEST(alive__session_that_was_replaced__is_told_so),
        TEST(alive__closed_mailbox__is_told_by_attach_0),
        TEST(alive__entries_that_nobody_pushed__are_found),
        TEST(alive__generation__is_kept),
        TEST(alive__store_fails__is_unavailable),
        TEST(alive__many_sessions__are_answered_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
