/* Two relays on one store: every situation in which two sides see a mailbox differently. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <string.h>

enum { SID = 5 };

static void wake(struct world *world, size_t relay, const char *gateway, unsigned n)
{
    struct st_int_wake msg = { .acct = st_view(world_acct(n), ST_ACCT_LEN), .dev = 1 };
    world_service(world, relay, gateway, ST_WAKE, &msg);
    world_flush(world, relay);
}

/* Passes every wake on, as a gateway does, to the relay where the device is attached. */
static size_t pass_wakes(struct world *world, size_t relay)
{
    struct st_int_wake msg;
    size_t count = 0;
    while (world_take(world, ST_WAKE, &msg) != NULL) {
        world_service(world, relay, "gw-b", ST_WAKE, &msg);
        world_flush(world, relay);
        count++;
    }
    return count;
}

/* ---- two relays ---- */

static void wake__other_relay_appends__attached_one_pushes(void **state)
{
    struct world *world = *state;
    struct st_int_wake msg;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    assert_int_equal(world_send(world, 1, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 1, 1, 2, 1, "two", NULL), ST_COPY_STORED);
    assert_int_equal(world_count(world, ST_PUSH), 0); /* only the attached relay pushes */
    const struct world_sent *sent = world_take(world, ST_WAKE, &msg);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-b");
    assert_int_equal(sent->hop.kind, ST_HOP_SERVICE);
    assert_memory_equal(msg.acct.p, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(msg.dev, 1);
    assert_int_equal(pass_wakes(world, 0), 1);
    assert_string_equal(world_pushed(world, text), "one two");
}

static void wake__batch_for_one_device__is_one_wake(void **state)
{
    struct world *world = *state;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    for (unsigned i = 0; i < 20; i++)
        world_message(world, 1, i, 2, 1, "m", NULL);
    world_flush(world, 1);
    assert_int_equal(world_count(world, ST_WAKE), 1);
}

static void wake__repeated__pushes_nothing_twice(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 1, 1, 2, 1, "one", NULL);
    pass_wakes(world, 0);
    assert_string_equal(world_pushed(world, text), "one");
    for (int i = 0; i < 5; i++)
        wake(world, 0, "gw-b", 2);
    assert_string_equal(world_pushed(world, text), "");
}

static void wake__unknown_device__is_harmless(void **state)
{
    struct world *world = *state;
    wake(world, 0, "gw-b", 30);
    assert_int_equal(world->sent_count, 0);
}

static void wake__lost__is_made_good_by_alive(void **state)
{
    struct world *world = *state;
    char text[256];
    uint64_t attach = world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 1, 1, 2, 1, "one", NULL);
    world_forget(world);
    struct st_int_alive_item one = {
        .acct = st_view(world_acct(2), ST_ACCT_LEN), .dev = 1, .sid = SID, .attach = attach
    };
    struct st_int_alive msg = { .items = { .count = 1, .items = &one } };
    world_service(world, 0, "gw-b", ST_ALIVE, &msg);
    world_flush(world, 0);
    assert_string_equal(world_pushed(world, text), "one");
}

static void wake__own_append_and_foreign_one__arrive_in_their_order(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", NULL);
    world_send(world, 1, 1, 2, 1, "b", NULL);
    world_send(world, 0, 1, 2, 1, "c", NULL);
    assert_string_equal(world_pushed(world, text), "a");
    assert_string_equal(world_pushed(world, text), "b c");
    pass_wakes(world, 0);
    assert_string_equal(world_pushed(world, text), "");
}

static void views__gateway_in_the_presence_is_gone__presence_is_removed(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world->gone = "gw-b";
    assert_int_equal(world_send(world, 1, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    struct mailbox_presence_get get = { .key = mailbox_key(world_acct(2), 1) };
    assert_int_equal(mailbox_presence_get(&world->box, &get, 1), ST_OK);
    assert_false(get.present);
    assert_int_equal(world_stats(world, 1).stale_presences, 1);
    world->gone = NULL;
    world_attach(world, 1, "gw-c", 2, 1, 6, NULL);
    assert_string_equal(world_pushed(world, text), "one");
}

static void views__gateway_that_is_full__keeps_its_presence(void **state)
{
    struct world *world = *state;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world->full = "gw-b";
    assert_int_equal(world_send(world, 1, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    struct mailbox_presence_get get = { .key = mailbox_key(world_acct(2), 1) };
    assert_int_equal(mailbox_presence_get(&world->box, &get, 1), ST_OK);
    assert_true(get.present);
}

static void views__session_moved_to_another_relay__is_pushed_by_that_one(void **state)
{
    struct world *world = *state;
    char text[256];
    uint64_t first = world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_attach(world, 1, "gw-b", 2, 1, SID, NULL);
    assert_null(world_take(world, ST_DROP, NULL)); /* the same session */
    struct st_int_detach detach = { .attach = first };
    world_device(world, 0, "gw-b", 2, 1, SID, ST_DETACH, &detach);
    world_flush(world, 0);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_int_equal(world_count(world, ST_PUSH), 0);
    assert_int_equal(pass_wakes(world, 1), 1);
    assert_string_equal(world_pushed(world, text), "one");
}

static void views__session_moved_and_detach_lost__old_relay_finds_out(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    world_attach(world, 1, "gw-b", 2, 1, SID, NULL);
    assert_string_equal(world_pushed(world, text), "one"); /* the new relay knows nothing of what is in flight */
    world_send(world, 0, 1, 2, 1, "two", NULL);
    assert_int_equal(world_stats(world, 0).sessions, 0);
    assert_int_equal(pass_wakes(world, 1), 1);
    assert_string_equal(world_pushed(world, text), "two");
}

static void views__replaced_on_another_relay__old_gateway_is_told(void **state)
{
    struct world *world = *state;
    struct st_int_drop drop;
    uint64_t first = world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_attach(world, 1, "gw-c", 2, 1, 6, NULL);
    const struct world_sent *sent = world_take(world, ST_DROP, &drop);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-b");
    assert_int_equal(drop.attach, first);
    assert_int_equal(drop.reason, ST_BYE_REPLACED);
    /* The old relay's 30 s come: it looks whose mailbox it is before it pushes again. */
    world_wait(world, ST_PUSH_AGAIN_MS + 1000);
    assert_int_equal(world_count(world, ST_PUSH), 0);
}

static void views__ack_at_the_other_relay__deletes(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", token);
    world_ack(world, 1, "gw-b", 2, 1, SID, token, 1);
    assert_int_equal(world_length(world, 2, 1), 0);
    /* What the attached relay still has in flight is forgotten when it comes due, and nothing is pushed. */
    world_forget(world);
    world_wait(world, ST_PUSH_AGAIN_MS + 1000);
    assert_int_equal(world_count(world, ST_PUSH), 0);
    assert_int_equal(world_stats(world, 0).in_flight, 0);
}

/* ---- the race between an append and an attach ---- */

struct race {
    struct world *world;
    bool done;
};

static void attach_in_between(void *ctx, const struct mailbox_key *to)
{
    struct race *race = ctx;
    (void)to;
    if (race->done)
        return;
    race->done = true;
    world_attach(race->world, 1, "gw-b", 2, 1, SID, NULL);
}

static void race__attach_between_append_and_presence__message_is_pushed_once(void **state)
{
    struct world *world = *state;
    struct race race = { .world = world };
    char text[256];
    world_open(world, 2, 1);
    mailbox_mem_between(world->mem, attach_in_between, &race);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    mailbox_mem_between(world->mem, NULL, NULL);
    assert_true(race.done);
    assert_string_equal(world_pushed(world, text), "one"); /* the attach has read it */
    assert_int_equal(pass_wakes(world, 1), 1);             /* the append has seen the presence */
    assert_string_equal(world_pushed(world, text), "");
}

static void append_in_between(void *ctx, const struct mailbox_key *to)
{
    struct race *race = ctx;
    (void)to;
    if (race->done)
        return;
    race->done = true;
    world_message(race->world, 1, 3, 2, 1, "foreign", NULL);
    world_flush(race->world, 1);
}

static void race__foreign_append_between_own_append_and_presence__both_are_pushed(void **state)
{
    struct world *world = *state;
    struct race race = { .world = world };
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    mailbox_mem_between(world->mem, append_in_between, &race);
    world_message(world, 0, 1, 2, 1, "own", NULL);
    world_flush(world, 0);
    assert_int_equal(world_count(world, ST_ACCEPTED), 2);
    mailbox_mem_between(world->mem, NULL, NULL);
    assert_string_equal(world_pushed(world, text), "own");
    assert_int_equal(pass_wakes(world, 0), 1);
    assert_string_equal(world_pushed(world, text), "foreign");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_two, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wake__other_relay_appends__attached_one_pushes),
        TEST(wake__batch_for_one_device__is_one_wake),
        TEST(wake__repeated__pushes_nothing_twice),
        TEST(wake__unknown_device__is_harmless),
        TEST(wake__lost__is_made_good_by_alive),
        TEST(wake__own_append_and_foreign_one__arrive_in_their_order),
        TEST(views__gateway_in_the_presence_is_gone__presence_is_removed),
        TEST(views__gateway_that_is_full__keeps_its_presence),
        TEST(views__session_moved_to_another_relay__is_pushed_by_that_one),
        TEST(views__session_moved_and_detach_lost__old_relay_finds_out),
        TEST(views__replaced_on_another_relay__old_gateway_is_told),
        TEST(views__ack_at_the_other_relay__deletes),
        TEST(race__attach_between_append_and_presence__message_is_pushed_once),
        TEST(race__foreign_append_between_own_append_and_presence__both_are_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
