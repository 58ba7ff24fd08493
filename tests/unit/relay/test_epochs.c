/* Stores that lose what they had answered, and epochs that change at every bad moment. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <string.h>

enum { SID = 5 };

/* What a hook in the store works with. */
struct race {
    struct world *world;
    struct mailbox real; /* behind a store that is made up for a test */
    bool done;
};

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
