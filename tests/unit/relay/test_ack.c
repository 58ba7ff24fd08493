/* Acks: what they delete, what they do not, what they bring with them; fetch. */
#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <string.h>

enum { SID = 5 };

static void ack__token__deletes_its_entry_only(void **state)
{
    struct world *world = *state;
    uint8_t tokens[3 * ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", tokens);
    world_send(world, 0, 1, 2, 1, "b", tokens + ST_TOKEN_LEN);
    world_send(world, 0, 1, 2, 1, "c", tokens + 2 * ST_TOKEN_LEN);
    world_ack(world, 0, "gw-b", 2, 1, SID, tokens + ST_TOKEN_LEN, 1); /* from the middle */
    assert_int_equal(world_length(world, 2, 1), 2);
    world_ack(world, 0, "gw-b", 2, 1, SID, tokens + ST_TOKEN_LEN, 1); /* twice */
    assert_int_equal(world_length(world, 2, 1), 2);
    assert_int_equal(world_stats(world, 0).in_flight, 2);
    world_forget(world);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    char text[256];
    assert_string_equal(world_pushed(world, text), "a c");
}

static void ack__token_of_another_mailbox__deletes_nothing(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_attach(world, 0, "gw-b", 3, 1, 6, NULL);
    world_send(world, 0, 1, 2, 1, "a", token);
    world_ack(world, 0, "gw-b", 3, 1, 6, token, 1); /* account 3 knows a token of account 2 */
    world_ack(world, 0, "gw-b", 2, 2, 7, token, 1); /* and so does another device of account 2 */
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void ack__token_of_another_epoch__is_ignored(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", token);
    token[0] ^= 1;
    world_ack(world, 0, "gw-b", 2, 1, SID, token, 1);
    assert_int_equal(world_length(world, 2, 1), 1);
}

static void ack__of_many_frames__is_one_call_to_the_store(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    for (unsigned i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof text, "m%u", i);
        world_send(world, 0, 1, 2, 1, text, token);
        struct st_msg_ack ack = { .tokens = { .count = 1, .items = token } };
        world_device(world, 0, "gw-b", 2, 1, SID, ST_ACK, &ack);
        if (i == 0)
            world_flush(world, 0);
    }
    uint64_t calls = mailbox_mem_calls(world->mem);
    for (unsigned i = 0; i < 20; i++) {
        struct st_msg_ack ack = { .tokens = { .count = 1, .items = token } };
        world_device(world, 0, "gw-b", 2, 1, SID, ST_ACK, &ack);
    }
    world_flush(world, 0);
    assert_int_equal(mailbox_mem_calls(world->mem) - calls, 1);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void ack__store_fails__entry_comes_again(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    char text[256];
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", token);
    world_forget(world);
    mailbox_mem_fail(world->mem, 1, ST_EUNAVAILABLE, false, 0);
    world_ack(world, 0, "gw-b", 2, 1, SID, token, 1);
    assert_int_equal(world_length(world, 2, 1), 1);
    world_wait(world, ST_PUSH_AGAIN_MS + 1000);
    assert_string_equal(world_pushed(world, text), "a");
    world_ack(world, 0, "gw-b", 2, 1, SID, token, 1);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void ack__generation__is_kept(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN], generation[ST_GENERATION_LEN] = { 0 };
    struct st_int_attach_r r;
    st_put_u64(generation, 12);
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "a", token);
    struct st_msg_ack ack = { .tokens = { .count = 1, .items = token },
                              .generation = st_view(generation, sizeof generation) };
    ST_SET(&ack, 2);
    world_device(world, 0, "gw-b", 2, 1, SID, ST_ACK, &ack);
    world_flush(world, 0);
    world_attach(world, 0, "gw-b", 2, 1, 6, &r);
    assert_true(ST_HAS(&r, 3));
    assert_memory_equal(r.generation.p, generation, sizeof generation);
}

static void ack__of_a_device_that_is_not_attached__counts(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN];
    world_open(world, 2, 1);
    world_send(world, 0, 1, 2, 1, "a", token);
    world_ack(world, 0, "gw-b", 2, 1, 99, token, 1);
    assert_int_equal(world_length(world, 2, 1), 0);
}

static void fetch__attached_device__gets_what_is_not_in_flight(void **state)
{
    struct world *world = *state;
    char text[256];
    struct st_msg_fetch msg = { 0 };
    world_attach(world, 0, "gw-b", 2, 1, SID, NULL);
    world_send(world, 0, 1, 2, 1, "one", NULL);
    assert_string_equal(world_pushed(world, text), "one");
    world_fill(world, 1, ST_ENVELOPE_MIN);
    world_device(world, 0, "gw-b", 2, 1, SID, ST_FETCH, &msg);
    world_flush(world, 0);
    assert_string_equal(world_pushed(world, text), "m0");
    assert_string_equal(world_pushed(world, text), "");
}

static void fetch__without_attach__is_wrong_state(void **state)
{
    struct world *world = *state;
    struct st_msg_fetch msg = { 0 };
    world_open(world, 2, 1);
    world_device(world, 0, "gw-b", 2, 1, SID, ST_FETCH, &msg);
    world_flush(world, 0);
    world_expect_error(world, ST_CODE_WRONG_STATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ack__token__deletes_its_entry_only),
        TEST(ack__token_of_another_mailbox__deletes_nothing),
        TEST(ack__token_of_another_epoch__is_ignored),
        TEST(ack__of_many_frames__is_one_call_to_the_store),
        TEST(ack__store_fails__entry_comes_again),
        TEST(ack__generation__is_kept),
        TEST(ack__of_a_device_that_is_not_attached__counts),
        TEST(fetch__attached_device__gets_what_is_not_in_flight),
        TEST(fetch__without_attach__is_wrong_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
