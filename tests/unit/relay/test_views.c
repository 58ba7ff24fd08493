/* Two relays on one store, and stores that lose what they had answered: every situation in which two sides see a
 * mailbox differently. */
#include "relay_world.h"

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
    struct mailbox real; /* behind a store that is made up for a test */
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

/* ---- acknowledged writes lost ---- */

static void epochs__asked__are_answered_in_order(void **state)
{
    struct world *world = *state;
    uint8_t accts[3 * ST_ACCT_LEN], epoch[ST_EPOCH_LEN];
    struct st_msg_epochs_r answer;
    struct st_view one;
    for (unsigned i = 0; i < 3; i++)
        memcpy(accts + (size_t)i * ST_ACCT_LEN, world_acct(i), ST_ACCT_LEN);
    struct st_msg_epochs msg = { .accts = { .count = 3, .items = accts } };
    assert_int_equal(mailbox_epochs(&world->box, world_acct(1), 1, epoch), ST_OK);
    world_device(world, 0, "gw-a", 1, 1, 9, ST_EPOCHS, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_EPOCHS_R, &answer));
    assert_int_equal(answer.epochs.count, 3);
    while (st_bytes_list_next(&answer.epochs, &one))
        assert_memory_equal(one.p, epoch, ST_EPOCH_LEN);
    mailbox_mem_new_epoch(world->mem);
    world_device(world, 0, "gw-a", 1, 1, 9, ST_EPOCHS, &msg);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_EPOCHS_R, &answer));
    assert_true(st_bytes_list_next(&answer.epochs, &one));
    assert_memory_not_equal(one.p, epoch, ST_EPOCH_LEN);
}

static void epoch__changed__in_flight_is_forgotten_and_everything_read_again(void **state)
{
    struct world *world = *state;
    uint8_t old_token[ST_TOKEN_LEN];
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", old_token);
    assert_string_equal(world_pushed(world, text), "one");
    mailbox_mem_new_epoch(world->mem);
    world_wait(world, 1000); /* noticed within a second, without any traffic */
    assert_string_equal(world_pushed(world, text), "one");
    assert_int_equal(world_stats(world, 0).epoch_changes, 1);
    /* The ack of the push of before counts no longer. */
    world_ack(world, 0, "gw-b", 2, 1, SID, old_token, 1);
    assert_int_equal(world_length(world, 2, 1), 1);
    assert_int_equal(world_stats(world, 0).in_flight, 1); /* same id, other epoch: it still waits for its ack */
}

static void epoch__changed_elsewhere__leaves_a_session_alone(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    mailbox_mem_new_epoch_of(world->mem, world_acct(7));
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "");
    assert_int_equal(world_stats(world, 0).in_flight, 1);
}

/* A store whose epoch changes after the relay has looked at it and before it appends. */
static enum st_err append_after_change(void *ctx, const struct mailbox_limits *limits, struct mailbox_append *items,
                                       size_t count)
{
    struct race *race = ctx;
    if (!race->done)
        mailbox_mem_new_epoch(race->world->mem);
    race->done = true;
    return mailbox_append(&race->real, limits, items, count);
}

static enum st_err pass_epochs(void *ctx, const uint8_t *accts, size_t count, uint8_t *epochs_r)
{
    return mailbox_epochs(&((struct race *)ctx)->real, accts, count, epochs_r);
}

static enum st_err pass_changes(void *ctx, uint64_t *changes_r)
{
    return mailbox_changes(&((struct race *)ctx)->real, changes_r);
}

static enum st_err pass_read(void *ctx, struct mailbox_read *items, size_t count, mailbox_sink_fn sink, void *sink_ctx)
{
    return mailbox_read(&((struct race *)ctx)->real, items, count, sink, sink_ctx);
}

static enum st_err pass_look(void *ctx, struct mailbox_look *items, size_t count)
{
    return mailbox_look(&((struct race *)ctx)->real, items, count);
}

static enum st_err pass_set(void *ctx, struct mailbox_presence_set *items, size_t count)
{
    return mailbox_presence_set(&((struct race *)ctx)->real, items, count);
}

static enum st_err pass_generation(void *ctx, struct mailbox_generation *items, size_t count)
{
    return mailbox_generation(&((struct race *)ctx)->real, items, count);
}

static enum st_err read_after_change(void *ctx, struct mailbox_read *items, size_t count, mailbox_sink_fn sink,
                                     void *sink_ctx)
{
    struct race *race = ctx;
    if (!race->done)
        mailbox_mem_new_epoch(race->world->mem);
    race->done = true;
    return mailbox_read(&race->real, items, count, sink, sink_ctx);
}

static void epoch__changed_between_look_and_read__pushes_each_entry_once(void **state)
{
    struct world *world = *state;
    struct race race = { .world = world, .real = world->box };
    char text[256];
    const struct mailbox_ops ops = { .name = "test",
                                     .epochs = pass_epochs,
                                     .changes = pass_changes,
                                     .read = read_after_change,
                                     .look = pass_look,
                                     .presence_set = pass_set,
                                     .generation = pass_generation };
    struct mailbox changing = { .ops = &ops, .ctx = &race };
    world_open(world, 2, 1);
    world_send(world, 1, 1, 2, 1, "one", NULL);
    world->box = changing;
    world_restart(world, 0);
    world->box = race.real;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_wait(world, 0);
    assert_string_equal(world_pushed(world, text), "one");
    assert_string_equal(world_pushed(world, text), "");
    assert_int_equal(world_stats(world, 0).in_flight, 1);
}

static void epoch__changed_between_look_and_append__is_seen_in_the_answer(void **state)
{
    struct world *world = *state;
    struct race race = { .world = world, .real = world->box, .done = true };
    char text[256];
    const struct mailbox_ops ops = { .name = "test",
                                     .append = append_after_change,
                                     .epochs = pass_epochs,
                                     .changes = pass_changes,
                                     .read = pass_read,
                                     .look = pass_look,
                                     .presence_set = pass_set,
                                     .generation = pass_generation };
    struct mailbox changing = { .ops = &ops, .ctx = &race };
    world_open(world, 2, 1);
    world->box = changing;
    world_restart(world, 0);
    world->box = race.real;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    race.done = false;
    world_send(world, 0, 1, 2, 1, "two", NULL);
    /* What was in flight is forgotten at once, not a second later. */
    assert_string_equal(world_pushed(world, text), "one two");
    assert_int_equal(world_stats(world, 0).in_flight, 2);
}

static void epoch__changed__ack_of_before_never_deletes_another_message(void **state)
{
    struct world *world = *state;
    uint8_t old_token[ST_TOKEN_LEN], new_token[ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "lost", old_token);
    assert_int_equal(mailbox_mem_lose(world->mem, 1), 1);
    world_send(world, 0, 3, 2, 1, "new", new_token);
    assert_memory_equal(old_token + ST_EPOCH_LEN, new_token + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN); /* same id */
    world_ack(world, 0, "gw-b", 2, 1, SID, old_token, 1);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void epoch__changed_before_a_batch__new_message_is_pushed_in_its_place(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", NULL);
    world_send(world, 0, 1, 2, 1, "b", NULL);
    world_forget(world);
    assert_int_equal(mailbox_mem_lose(world->mem, 1), 1); /* "b" is gone */
    world_send(world, 0, 1, 2, 1, "c", NULL);
    assert_string_equal(world_pushed(world, text), "a c"); /* nothing known of before counts */
}

static void change_epoch(void *ctx, const struct mailbox_key *to)
{
    struct race *race = ctx;
    (void)to;
    if (!race->done)
        mailbox_mem_new_epoch(race->world->mem);
    race->done = true;
}

static void epoch__changed_in_the_middle_of_a_batch__accepted_carries_the_one_before(void **state)
{
    struct world *world = *state;
    struct race race = { .world = world };
    uint8_t before[ST_EPOCH_LEN], token[ST_TOKEN_LEN], after[ST_EPOCH_LEN];
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    assert_int_equal(mailbox_epochs(&world->box, world_acct(2), 1, before), ST_OK);
    mailbox_mem_between(world->mem, change_epoch, &race);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", token), ST_COPY_STORED);
    mailbox_mem_between(world->mem, NULL, NULL);
    assert_memory_equal(token, before, ST_EPOCH_LEN);
    assert_int_equal(mailbox_epochs(&world->box, world_acct(2), 1, after), ST_OK);
    assert_memory_not_equal(before, after, ST_EPOCH_LEN);
    /* So the sender will ask, see another epoch, and send again with the token, which costs nothing. */
    assert_string_equal(world_pushed(world, text), "one");
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "one");
}

static void epoch__message_lost__sender_sends_it_again_with_its_token(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    char text[256];
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "one", token);
    assert_int_equal(mailbox_mem_lose(world->mem, 1), 1);
    assert_int_equal(world_length(world, 2, 1), 0);
    world_message(world, 0, 1, 2, 1, "one", token);
    world_flush(world, 0);
    assert_int_equal(world_length(world, 2, 1), 1);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    assert_string_equal(world_pushed(world, text), "one");
}

static void epoch__ack_lost__entry_comes_again(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, SID), 1);
    assert_int_equal(mailbox_mem_lose(world->mem, 1), 1); /* the removal */
    world_wait(world, 1000);
    assert_string_equal(world_pushed(world, text), "one"); /* and is dropped as a duplicate by its receiver */
}

static void epoch__mailbox_lost__attach_opens_it_again(void **state)
{
    struct world *world = *state;
    struct st_int_drop drop;
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    world_forget(world);
    while (mailbox_mem_lose(world->mem, 1) > 0)
        continue;
    assert_int_equal(world_length(world, 2, 1), UINT64_MAX);
    world_wait(world, 1000);
    assert_non_null(world_take(world, ST_DROP, &drop)); /* the device attaches anew, with its list */
    world_attach(world, 0, "gw-b", 2, 1, 6, NULL);
    assert_int_equal(world_length(world, 2, 1), 0);
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
        TEST(epochs__asked__are_answered_in_order),
        TEST(epoch__changed__in_flight_is_forgotten_and_everything_read_again),
        TEST(epoch__changed_elsewhere__leaves_a_session_alone),
        TEST(epoch__changed_between_look_and_read__pushes_each_entry_once),
        TEST(epoch__changed_between_look_and_append__is_seen_in_the_answer),
        TEST(epoch__changed__ack_of_before_never_deletes_another_message),
        TEST(epoch__changed_before_a_batch__new_message_is_pushed_in_its_place),
        TEST(epoch__changed_in_the_middle_of_a_batch__accepted_carries_the_one_before),
        TEST(epoch__message_lost__sender_sends_it_again_with_its_token),
        TEST(epoch__ack_lost__entry_comes_again),
        TEST(epoch__mailbox_lost__attach_opens_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
