/* Taking messages: what becomes of each copy, how answers are gathered, quota, retries. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <string.h>

static void accept__message_to_an_open_mailbox__is_stored_with_epoch_and_token(void **state)
{
    struct world *world = *state;
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    uint8_t epoch[ST_EPOCH_LEN];
    world_open(world, 2, 7);
    world_message(world, 0, 1, 2, 7, "hello", NULL);
    assert_int_equal(world->sent_count, 0); /* nothing is answered before the batch is on disk */
    world_flush(world, 0);
    const struct world_sent *sent = world_take(world, ST_ACCEPTED, &msg);
    assert_non_null(sent);
    assert_string_equal(sent->to, "gw-a");
    assert_int_equal(sent->hop.kind, ST_HOP_DEVICE);
    assert_int_equal(sent->hop.sid, 1001);
    assert_int_equal(sent->hop.dev, 1);
    assert_memory_equal(sent->hop.acct, world_acct(1), ST_ACCT_LEN);
    assert_int_equal(msg.items.count, 1);
    assert_true(st_records_next(&st_schema_accepted_item, &msg.items, &item));
    assert_int_equal(item.status, ST_COPY_STORED);
    assert_int_equal(mailbox_epochs(&world->box, world_acct(2), 1, epoch), ST_OK);
    assert_true(ST_HAS(&item, 4) && ST_HAS(&item, 5));
    assert_memory_equal(item.epoch.p, epoch, ST_EPOCH_LEN);
    assert_memory_equal(item.token.p, epoch, ST_EPOCH_LEN);
    assert_int_equal(world_length(world, 2, 7), 1);
    assert_int_equal(world_count(world, ST_PUSH), 0);
}

static void accept__unknown_device__is_no_such_device(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 7);
    assert_int_equal(world_send(world, 0, 1, 2, 8, "a", NULL), ST_COPY_NO_SUCH_DEVICE);
    assert_int_equal(world_send(world, 0, 1, 3, 7, "b", NULL), ST_COPY_NO_SUCH_DEVICE);
    assert_int_equal(world_length(world, 2, 7), 0);
}

static void accept__copies_for_several_devices__are_answered_one_by_one(void **state)
{
    struct world *world = *state;
    uint8_t body[WORLD_BODY] = { 1 }, id[ST_MSG_ID_LEN] = { 9 };
    const uint32_t devs[] = { 1, 2 };
    struct mailbox_boxes boxes = { .seq = 1, .devs = devs, .dev_count = 2 };
    memcpy(boxes.acct, world_acct(2), ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&world->box, &boxes, 1), ST_OK);
    struct st_msg_copy copies[3];
    for (size_t i = 0; i < 3; i++) {
        memset(&copies[i], 0, sizeof copies[i]);
        copies[i].dev = i + 1;
        copies[i].body = st_view(body, sizeof body);
    }
    struct st_msg_message msg = { .to = st_view(world_acct(2), ST_ACCT_LEN),
                                  .id = st_view(id, sizeof id),
                                  .copies = { .count = 3, .items = copies } };
    world_device(world, 0, "gw-a", 1, 1, 5, ST_MESSAGE, &msg);
    world_flush(world, 0);
    struct st_msg_accepted answer;
    struct st_msg_accepted_item item;
    assert_non_null(world_take(world, ST_ACCEPTED, &answer));
    assert_int_equal(answer.items.count, 3);
    const uint64_t expected[] = { ST_COPY_STORED, ST_COPY_STORED, ST_COPY_NO_SUCH_DEVICE };
    for (size_t i = 0; i < 3; i++) {
        assert_true(st_records_next(&st_schema_accepted_item, &answer.items, &item));
        assert_int_equal(item.dev, i + 1);
        assert_int_equal(item.status, expected[i]);
    }
    assert_null(world_take(world, ST_ACCEPTED, NULL));
}

static void accept__one_device_named_twice__is_malformed(void **state)
{
    struct world *world = *state;
    uint8_t body[WORLD_BODY] = { 1 }, id[ST_MSG_ID_LEN] = { 9 };
    struct st_msg_copy copies[2] = { { .dev = 7, .body = st_view(body, sizeof body) },
                                     { .dev = 7, .body = st_view(body, sizeof body) } };
    struct st_msg_message msg = { .to = st_view(world_acct(2), ST_ACCT_LEN),
                                  .id = st_view(id, sizeof id),
                                  .copies = { .count = 2, .items = copies } };
    world_open(world, 2, 7);
    world_device(world, 0, "gw-a", 1, 1, 5, ST_MESSAGE, &msg);
    world_flush(world, 0);
    world_expect_error(world, ST_CODE_MALFORMED);
    assert_int_equal(world_length(world, 2, 7), 0);
}

static void accept__batch__answers_each_sender_once(void **state)
{
    struct world *world = *state;
    struct st_msg_accepted msg;
    char text[16];
    world_open(world, 9, 1);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "m%u", i);
        world_message(world, 0, i % 3, 9, 1, text, NULL);
    }
    uint64_t calls = mailbox_mem_calls(world->mem);
    world_flush(world, 0);
    assert_int_equal(mailbox_mem_calls(world->mem) - calls, 1); /* one append for all */
    for (unsigned sender = 0; sender < 3; sender++) {
        const struct world_sent *sent = world_take(world, ST_ACCEPTED, &msg);
        assert_non_null(sent);
        assert_int_equal(sent->hop.sid, 1000 + sender);
        assert_int_equal(msg.items.count, 10);
    }
    assert_null(world_take(world, ST_ACCEPTED, NULL));
    assert_int_equal(world_length(world, 9, 1), 30);
}

static void accept__more_than_a_batch__is_carried_out_without_being_asked(void **state)
{
    struct world *world = *state;
    char text[16];
    world_open(world, 2, 1);
    for (unsigned i = 0; i < 1024; i++) {
        assert_false(relay_core_wants_flush(world->relays[0]));
        snprintf(text, sizeof text, "m%u", i);
        world_message(world, 0, 1, 2, 1, text, NULL);
    }
    assert_true(relay_core_wants_flush(world->relays[0]));
    assert_int_equal(world->sent_count, 0);
    world_message(world, 0, 1, 2, 1, "last", NULL);
    assert_int_equal(world_length(world, 2, 1), 1024);
    world_flush(world, 0);
    assert_int_equal(world_length(world, 2, 1), 1025);
    /* 256 answers a frame. */
    assert_int_equal(world_count(world, ST_ACCEPTED), 5);
}

static void accept__sixteen_copies_each__never_overfill_the_batch(void **state)
{
    struct world *world = *state;
    uint8_t body[ST_ENVELOPE_MIN] = { 1 }, id[ST_MSG_ID_LEN];
    struct st_msg_copy copies[ST_COPIES_MAX];
    for (size_t i = 0; i < ST_COPIES_MAX; i++)
        copies[i] = (struct st_msg_copy) { .dev = i + 1, .body = st_view(body, sizeof body) };
    for (unsigned i = 0; i < 200; i++) {
        memset(id, 0, sizeof id);
        id[0] = (uint8_t)i;
        struct st_msg_message msg = { .to = st_view(world_acct(2), ST_ACCT_LEN),
                                      .id = st_view(id, sizeof id),
                                      .copies = { .count = ST_COPIES_MAX, .items = copies } };
        world_device(world, 0, "gw-a", 1, 1, 5, ST_MESSAGE, &msg);
    }
    world_flush(world, 0);
    struct st_msg_accepted answer;
    size_t answers = 0;
    while (world_take(world, ST_ACCEPTED, &answer) != NULL)
        answers += answer.items.count;
    assert_int_equal(answers, 200 * ST_COPIES_MAX);
    assert_int_equal(world_stats(world, 0).absent, 200 * ST_COPIES_MAX);
}

static void accept__store_that_fails__is_unavailable_and_nothing_is_pushed(void **state)
{
    static const enum st_err errors[] = { ST_EUNAVAILABLE, ST_EUNCERTAIN, ST_EFULL, ST_EFOREIGN, ST_EIO, ST_ENOMEM };
    struct world *world = *state;
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        mailbox_mem_fail(world->mem, 1, errors[i], false, 0);
        assert_int_equal(world_send(world, 0, 1, 2, 1, "lost", NULL), ST_COPY_UNAVAILABLE);
        assert_int_equal(world_count(world, ST_PUSH), 0);
    }
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "lost", NULL), ST_COPY_STORED);
    assert_int_equal(world_stats(world, 0).store_errors, 6);
}

static void accept__answer_of_the_store_lost__is_unavailable_and_the_entry_comes_later(void **state)
{
    struct world *world = *state;
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    mailbox_mem_fail(world->mem, 1, ST_EUNCERTAIN, true, 0);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_UNAVAILABLE);
    assert_int_equal(world_length(world, 2, 1), 1);
    assert_string_equal(world_pushed(world, text), "");
    /* The retry is a second entry, for nothing is known of the first; both reach the device in order. */
    assert_int_equal(world_send(world, 0, 1, 2, 1, "one", NULL), ST_COPY_STORED);
    assert_string_equal(world_pushed(world, text), "one one");
}

static void accept__full_mailbox__is_refused_to_the_sender_until_acks_make_room(void **state)
{
    struct world *world = *state;
    char text[16];
    world->options.limits.entries_max = 10;
    world_restart(world, 0);
    world_open(world, 2, 1);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "m%u", i);
        assert_int_equal(world_send(world, 0, 1, 2, 1, text, NULL), ST_COPY_STORED);
    }
    assert_int_equal(world_send(world, 0, 1, 2, 1, "over", NULL), ST_COPY_MAILBOX_FULL);
    assert_int_equal(world_length(world, 2, 1), 10);
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, 5), 10);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "over", NULL), ST_COPY_STORED);
}

static void accept__bytes_of_a_full_mailbox__count_too(void **state)
{
    struct world *world = *state;
    world->options.limits.bytes_max = 2 * WORLD_BODY;
    world_restart(world, 0);
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "a", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "b", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "c", NULL), ST_COPY_MAILBOX_FULL);
}

static void accept__from__is_what_the_gateway_says(void **state)
{
    struct world *world = *state;
    struct st_msg_push push;
    struct st_msg_push_item item;
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    world_message(world, 0, 3, 2, 1, "hi", NULL);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_PUSH, &push));
    assert_true(st_records_next(&st_schema_push_item, &push.items, &item));
    assert_memory_equal(item.from.p, world_acct(3), ST_ACCT_LEN);
    assert_int_equal(item.from_dev, 1);
    assert_int_equal(item.at_ms, world->wall_ms);
    assert_int_equal(item.body.len, WORLD_BODY);
    assert_memory_equal(item.body.p, "hihihi", 6);
}

/* ---- retries ---- */

static void accept__retry_while_the_entry_waits__is_stored_once(void **state)
{
    struct world *world = *state;
    uint8_t first[ST_TOKEN_LEN], second[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", first), ST_COPY_STORED);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(world_send(world, 0, 1, 2, 1, "again", second), ST_COPY_STORED);
        assert_memory_equal(first, second, ST_TOKEN_LEN);
    }
    assert_int_equal(world_length(world, 2, 1), 1);
    assert_int_equal(world_stats(world, 0).there, 20);
}

static void accept__retries_in_one_batch__are_stored_once_and_answered_each(void **state)
{
    struct world *world = *state;
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    world_open(world, 2, 1);
    for (int i = 0; i < 5; i++)
        world_message(world, 0, 1, 2, 1, "again", NULL);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ACCEPTED, &msg));
    assert_int_equal(msg.items.count, 5);
    while (st_records_next(&st_schema_accepted_item, &msg.items, &item))
        assert_int_equal(item.status, ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void accept__same_id_of_another_sender_or_recipient__is_another_message(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    world_open(world, 3, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "id", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 4, 2, 1, "id", NULL), ST_COPY_STORED);
    assert_int_equal(world_send(world, 0, 1, 3, 1, "id", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2);
    assert_int_equal(world_length(world, 3, 1), 1);
}

static void accept__retry_after_the_ack__is_stored_again(void **state)
{
    struct world *world = *state;
    /* Only a duplicate makes the recipient answer with its receipt again. */
    world_attach(world, 0, "gw-b", 2, 1, 5, NULL);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, 5), 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_drain(world, 0, "gw-b", 2, 1, 5), 1);
}

static void accept__retry_after_a_minute__is_forgotten(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    world_wait(world, 61 * 1000);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2);
}

static void accept__retry_after_a_failure__is_stored(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 0);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_UNAVAILABLE);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static uint64_t resend(struct world *world, const char *text, const uint8_t *token, uint8_t *token_r)
{
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    world_message(world, 0, 1, 2, 1, text, token);
    world_flush(world, 0);
    assert_non_null(world_take(world, ST_ACCEPTED, &msg));
    assert_true(st_records_next(&st_schema_accepted_item, &msg.items, &item));
    if (token_r != NULL && ST_HAS(&item, 5))
        memcpy(token_r, item.token.p, ST_TOKEN_LEN);
    return item.status;
}

static void accept__resend_with_token__appends_only_if_the_entry_is_gone(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN], second[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "tok", token), ST_COPY_STORED);
    world_wait(world, 120 * 1000); /* past any window */
    assert_int_equal(resend(world, "tok", token, second), ST_COPY_STORED);
    assert_memory_equal(token, second, ST_TOKEN_LEN);
    assert_int_equal(world_length(world, 2, 1), 1);
    world_ack(world, 0, "gw-b", 2, 1, 5, token, 1);
    assert_int_equal(world_length(world, 2, 1), 0);
    assert_int_equal(resend(world, "tok", token, second), ST_COPY_STORED);
    assert_memory_not_equal(token, second, ST_TOKEN_LEN);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void accept__resend_with_token__goes_past_the_window(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "tok", token), ST_COPY_STORED);
    world_ack(world, 0, "gw-b", 2, 1, 5, token, 1);
    assert_int_equal(resend(world, "tok", token, NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void accept__resend_whose_id_was_given_to_another_message__is_appended(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN], other[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "mine", token), ST_COPY_STORED);
    assert_int_equal(mailbox_mem_lose(world->mem, 1), 1);
    assert_int_equal(world_send(world, 0, 3, 2, 1, "other", other), ST_COPY_STORED);
    /* The same id now belongs to another message, in another epoch. Even if a sender named the new epoch, the message
     * id and the sender differ. */
    assert_memory_equal(token + ST_EPOCH_LEN, other + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
    assert_int_equal(resend(world, "mine", token, NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2);
    assert_int_equal(resend(world, "mine", other, NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 3);
}

static void accept__resend_of_somebody_elses_token__does_not_count_as_stored(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 3, 2, 1, "same-id", token), ST_COPY_STORED);
    assert_int_equal(resend(world, "same-id", token, NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2);
}

static void accept__retry_after_the_senders_epoch_changed__is_stored_again(void **state)
{
    struct world *world = *state;
    /* The receipt may be what was lost: a second copy makes the recipient answer again. */
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    mailbox_mem_new_epoch_of(world->mem, world_acct(1));
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 2); /* once is enough */
}

static void accept__retry_after_a_third_epoch_changed__is_stored_once(void **state)
{
    struct world *world = *state;
    world_open(world, 2, 1);
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    mailbox_mem_new_epoch_of(world->mem, world_acct(5));
    assert_int_equal(world_send(world, 0, 1, 2, 1, "again", NULL), ST_COPY_STORED);
    assert_int_equal(world_length(world, 2, 1), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accept__message_to_an_open_mailbox__is_stored_with_epoch_and_token),
        TEST(accept__unknown_device__is_no_such_device),
        TEST(accept__copies_for_several_devices__are_answered_one_by_one),
        TEST(accept__one_device_named_twice__is_malformed),
        TEST(accept__batch__answers_each_sender_once),
        TEST(accept__more_than_a_batch__is_carried_out_without_being_asked),
        TEST(accept__sixteen_copies_each__never_overfill_the_batch),
        TEST(accept__store_that_fails__is_unavailable_and_nothing_is_pushed),
        TEST(accept__answer_of_the_store_lost__is_unavailable_and_the_entry_comes_later),
        TEST(accept__full_mailbox__is_refused_to_the_sender_until_acks_make_room),
        TEST(accept__bytes_of_a_full_mailbox__count_too),
        TEST(accept__from__is_what_the_gateway_says),
        TEST(accept__retry_while_the_entry_waits__is_stored_once),
        TEST(accept__retries_in_one_batch__are_stored_once_and_answered_each),
        TEST(accept__same_id_of_another_sender_or_recipient__is_another_message),
        TEST(accept__retry_after_the_ack__is_stored_again),
        TEST(accept__retry_after_a_minute__is_forgotten),
        TEST(accept__retry_after_a_failure__is_stored),
        TEST(accept__resend_with_token__appends_only_if_the_entry_is_gone),
        TEST(accept__resend_with_token__goes_past_the_window),
        TEST(accept__resend_whose_id_was_given_to_another_message__is_appended),
        TEST(accept__resend_of_somebody_elses_token__does_not_count_as_stored),
        TEST(accept__retry_after_the_senders_epoch_changed__is_stored_again),
        TEST(accept__retry_after_a_third_epoch_changed__is_stored_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
