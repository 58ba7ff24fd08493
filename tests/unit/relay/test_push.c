/* Pushing with credit, pushing again, gateways that are gone or full. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SID = 5 };

/* Takes all pushes; returns the number of items, and their tokens one after the other. */
static size_t take_all(struct world *world, uint8_t *tokens_r)
{
    struct st_msg_push msg;
    struct st_msg_push_item item;
    size_t count = 0;
    while (world_take(world, ST_PUSH, &msg) != NULL) {
        while (st_records_next(&st_schema_push_item, &msg.items, &item)) {
            if (tokens_r != NULL)
                memcpy(tokens_r + count * ST_TOKEN_LEN, item.token.p, ST_TOKEN_LEN);
            count++;
        }
    }
    return count;
}

static void push__to_an_attached_device__goes_out_from_memory_in_one_frame(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(text, sizeof text, "m%u", i);
        world_message(world, 0, i, 2, 1, text, NULL);
    }
    uint64_t calls = mailbox_mem_calls(world->mem);
    world_flush(world, 0);
    assert_int_equal(mailbox_mem_calls(world->mem) - calls, 1); /* the append; nothing is read */
    assert_int_equal(world_count(world, ST_PUSH), 1);
    assert_string_equal(world_pushed(world, text), "m0 m1 m2 m3 m4");
    assert_int_equal(world_stats(world, 0).pushed_from_memory, 5);
    assert_int_equal(world_stats(world, 0).in_flight, 5);
}

static void push__frame__leads_to_the_session(void **state)
{
    struct world *world = *state;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "hi", NULL);
    const struct world_sent *sent = world_take(world, ST_PUSH, NULL);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-b");
    assert_int_equal(sent->hop.kind, ST_HOP_DEVICE);
    assert_int_equal(sent->hop.sid, SID);
    assert_int_equal(sent->hop.dev, 1);
    assert_memory_equal(sent->hop.acct, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(sent->frame.request, 0);
}

static void push__nobody_attached__pushes_nothing(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "hi", NULL);
    assert_int_equal(world_count(world, ST_PUSH), 0);
}

static void push__credit_in_entries__stops_at_256_and_goes_on_with_acks(void **state)
{
    struct world *world = *state;
    static uint8_t tokens[300 * ST_TOKEN_LEN];
    world_open(world, 2, 1);
    world_fill(world, 300, ST_ENVELOPE_MIN);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_wait(world, 0);
    assert_int_equal(take_all(world, tokens), ST_PUSH_CREDIT_ENTRIES);
    world_wait(world, 1000);
    assert_int_equal(take_all(world, NULL), 0);
    world_ack(world, 0, "gw-b", 2, 1, SID, tokens, 10);
    assert_int_equal(take_all(world, tokens), 10);
    assert_int_equal(world_stats(world, 0).in_flight, ST_PUSH_CREDIT_ENTRIES);
}

static void push__credit_in_bytes__stops_at_a_mebibyte(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_fill(world, 40, 60000);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_wait(world, 0);
    size_t pushed = take_all(world, NULL);
    assert_int_equal(pushed, ST_PUSH_CREDIT_BYTES / 60000);
}

static void push__largest_envelopes__travel_one_in_a_frame(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_fill(world, 5, ST_ENVELOPE_MAX);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    assert_int_equal(world_count(world, ST_PUSH), 5);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, SID), 5);
}

static void push__small_entries__are_a_hundred_in_a_frame_at_most(void **state)
{
    struct world *world = *state;
    struct st_msg_push msg;
    world_open(world, 2, 1);
    world_fill(world, 250, ST_ENVELOPE_MIN);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_wait(world, 0);
    size_t total = 0;
    while (world_take(world, ST_PUSH, &msg) != NULL) {
        assert_true(msg.items.count <= ST_PUSH_ITEMS_MAX);
        total += msg.items.count;
    }
    assert_int_equal(total, 250);
}

static void push__whole_backlog__arrives_in_order_and_is_deleted(void **state)
{
    struct world *world = *state;
    struct st_msg_push msg;
    struct st_msg_push_item item;
    unsigned next = 0;
    world_open(world, 2, 1);
    world_fill(world, 2000, 1000);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    for (;;) {
        world_wait(world, 0);
        if (world_take(world, ST_PUSH, &msg) == NULL)
            break;
        uint8_t tokens[ST_PUSH_ITEMS_MAX * ST_TOKEN_LEN];
        size_t count = 0;
        while (st_records_next(&st_schema_push_item, &msg.items, &item)) {
            char expected[ST_MSG_ID_LEN + 1];
            snprintf(expected, sizeof expected, "m%u", next++);
            assert_string_equal((const char *)item.id.p, expected);
            memcpy(tokens + count++ * ST_TOKEN_LEN, item.token.p, ST_TOKEN_LEN);
        }
        world_ack(world, 0, "gw-b", 2, 1, SID, tokens, count);
    }
    assert_int_equal(next, 2000);
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_int_equal(world_stats(world, 0).in_flight, 0);
}

static void push__new_message_behind_a_backlog__waits_its_turn(void **state)
{
    struct world *world = *state;
    static uint8_t tokens[300 * ST_TOKEN_LEN];
    world_open(world, 2, 1);
    world_fill(world, 256, ST_ENVELOPE_MIN);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_wait(world, 0);
    assert_int_equal(take_all(world, tokens), 256);
    world_send(world, 0, 1, 2, 1, "first", NULL); /* no credit */
    world_send(world, 0, 1, 2, 1, "second", NULL);
    assert_int_equal(world_count(world, ST_PUSH), 0);
    char text[256];
    world_ack(world, 0, "gw-b", 2, 1, SID, tokens, 100);
    assert_string_equal(world_pushed(world, text), "first second");
    assert_int_equal(world_stats(world, 0).pushed_from_memory, 0);
}

static void push__foreign_entry_before_the_own_one__comes_first(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_fill(world, 1, ST_ENVELOPE_MIN); /* by another relay, whose wake has not come yet */
    world_send(world, 0, 1, 2, 1, "own", NULL);
    assert_string_equal(world_pushed(world, text), "m0 own");
    assert_int_equal(world_stats(world, 0).pushed_from_memory, 0);
}

/* ---- again ---- */

static void push__unacked_for_30_s__is_pushed_again(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    world_wait(world, 20 * 1000);
    world_send(world, 0, 1, 2, 1, "two", NULL);
    assert_string_equal(world_pushed(world, text), "two");
    world_wait(world, 9 * 1000);
    assert_string_equal(world_pushed(world, text), "");
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "one"); /* "two" is in flight and not due yet */
    assert_string_equal(world_pushed(world, text), "");
    world_wait(world, 20 * 1000);
    assert_string_equal(world_pushed(world, text), "two");
    assert_int_equal(world_stats(world, 0).pushed_again, 2);
}

static void push__again__only_while_the_presence_is_the_sessions(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    world_forget(world);
    mailbox_mem_drop_presences(world->mem);
    world_wait(world, ST_PUSH_AGAIN_MS + 1000);
    assert_string_equal(world_pushed(world, text), "");
    assert_int_equal(world_stats(world, 0).sessions, 0);
}

static void push__again__store_away_for_a_while__goes_on_afterwards(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    world_forget(world);
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 3);
    world_wait(world, ST_PUSH_AGAIN_MS + 10 * 1000);
    assert_string_equal(world_pushed(world, text), "one");
}

static void push__read_that_fails__is_done_again_a_second_later(void **state)
{
    struct world *world = *state;
    char text[256];
    world_open(world, 2, 1);
    world_fill(world, 1, ST_ENVELOPE_MIN);
    mailbox_mem_fail(world->mem, 4, ST_EUNAVAILABLE, false, 2); /* look, presence and generation go well */
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    assert_string_equal(world_pushed(world, text), "");
    world_wait(world, 2000);
    assert_string_equal(world_pushed(world, text), "");
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "m0");
    assert_int_equal(world_stats(world, 0).store_errors, 3);
}

/* ---- gateways ---- */

static void push__full_gateway__leaves_it_in_the_mailbox_and_tries_again(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world->full = "gw-b";
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "two", NULL), ST_COPY_STORED);
    assert_int_equal(world_stats(world, 0).in_flight, 0);
    assert_int_equal(world_length(world, 2, 1), 2);
    world_wait(world, 3000);
    assert_int_equal(world_stats(world, 0).in_flight, 0);
    world->full = NULL;
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "one two");
}

static void push__full_gateway_in_the_middle_of_a_backlog__repeats_and_loses_nothing(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_fill(world, 150, 2000);
    world->full = "gw-b";
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    world_device(world, 0, "gw-b", 2, 1, SID, ST_ATTACH, &msg);
    world_flush(world, 0);
    world->full = NULL;
    world_wait(world, 1000);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, SID), 150);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void push__gateway_gone__removes_session_and_presence(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world->gone = "gw-b";
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    assert_int_equal(world_stats(world, 0).sessions, 0);
    struct mailbox_presence_get get = { .key = mailbox_key(world_acct(2), 1) };
    assert_int_equal(mailbox_presence_get(&world->box, &get, 1), ST_OK);
    assert_false(get.present);
    assert_int_equal(world_length(world, 2, 1), 1);
    world->gone = NULL;
    world_attach(world, 0, "gw-c", 2, 1, 6, NULL);
    assert_string_equal(world_pushed(world, text), "one");
}

static void push__mailbox_closed_under_a_session__drops_it(void **state)
{
    struct world *world = *state;
    struct st_int_drop drop;
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    struct mailbox_boxes boxes = { .seq = 2 };
    memcpy(boxes.acct, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&world->box, &boxes, 1), ST_OK);
    struct st_msg_fetch msg = { 0 };
    world_device(world, 0, "gw-b", 2, 1, SID, ST_FETCH, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_DROP, &drop));
    assert_int_equal(drop.attach, attach);
    assert_int_equal(drop.sid, SID);
    assert_int_equal(drop.reason, ST_BYE_REVOKED);
    assert_int_equal(world_stats(world, 0).sessions, 0);
}

static void push__damaged_entry__does_not_bar_the_way(void **state)
{
    struct world *world = *state;
    char text[256];
    world_open(world, 2, 1);
    world_fill(world, 1, 10); /* shorter than any envelope */
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, SID), 0);
    assert_int_equal(world_stats(world, 0).in_flight, 1);
}

static void push__many_backlogs__are_read_in_turns(void **state)
{
    struct world *world = *state;
    for (unsigned n = 0; n < 50; n++) {
        world_open(world, n, 1);
        for (unsigned i = 0; i < 3; i++)
            world_message(world, 0, 60, n, 1, i == 0 ? "a" : i == 1 ? "b" : "c", NULL);
    }
    world_flush(world, 0);
    world_forget(world);
    uint8_t devs[4];
    st_put_u32(devs, 1);
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    for (unsigned n = 0; n < 50; n++)
        world_device(world, 0, "gw-b", n, 1, 100 + n, ST_ATTACH, &msg);
    world_flush(world, 0);
    world_wait(world, 0);
    assert_int_equal(world_count(world, ST_PUSH), 50); /* one frame each */
    assert_int_equal(take_all(world, NULL), 150);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(push__to_an_attached_device__goes_out_from_memory_in_one_frame),
        TEST(push__frame__leads_to_the_session),
        TEST(push__nobody_attached__pushes_nothing),
        TEST(push__credit_in_entries__stops_at_256_and_goes_on_with_acks),
        TEST(push__credit_in_bytes__stops_at_a_mebibyte),
        TEST(push__largest_envelopes__travel_one_in_a_frame),
        TEST(push__small_entries__are_a_hundred_in_a_frame_at_most),
        TEST(push__whole_backlog__arrives_in_order_and_is_deleted),
        TEST(push__new_message_behind_a_backlog__waits_its_turn),
        TEST(push__foreign_entry_before_the_own_one__comes_first),
        TEST(push__unacked_for_30_s__is_pushed_again),
        TEST(push__again__only_while_the_presence_is_the_sessions),
        TEST(push__again__store_away_for_a_while__goes_on_afterwards),
        TEST(push__read_that_fails__is_done_again_a_second_later),
        TEST(push__full_gateway__leaves_it_in_the_mailbox_and_tries_again),
        TEST(push__full_gateway_in_the_middle_of_a_backlog__repeats_and_loses_nothing),
        TEST(push__gateway_gone__removes_session_and_presence),
        TEST(push__mailbox_closed_under_a_session__drops_it),
        TEST(push__damaged_entry__does_not_bar_the_way),
        TEST(push__many_backlogs__are_read_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
