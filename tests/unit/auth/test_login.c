#include "tests/unit/auth/auth_world.h"

#include <sodium.h>

/* ---- binding the connection's key ---- */

static void login__existing_device__gets_the_new_key(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_login_done done;
    struct auth_device device;
    uint8_t old[ST_KEY_LEN];
    person_new(&alice, world, "alice");
    memcpy(old, alice.gadgets[0].tk, sizeof old);
    st_env_random(&world->env, alice.gadgets[0].tk, ST_KEY_LEN);
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
    world_read(world, ST_LOGIN_DONE, &done);
    assert_memory_equal(done.acct.p, alice.acct, ST_ACCT_LEN);
    assert_int_equal(done.dev, 1);
    assert_int_equal(done.state, 1);
    assert_int_equal(done.endpoints.count, 1);
    assert_int_equal(world->letter_count, 1); /* no revoke: it could hit the new connection */
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], old, &device), ST_ENOTFOUND);
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &device));
    assert_int_equal(device.spk_id, 1); /* prekeys and list are as they were */
    /* Again with the same key: the same. */
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

static void login__password_alone__is_only_pending(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget thief;
    struct st_msg_login_done done;
    struct auth_device device;
    person_new(&alice, world, "alice");
    gadget_init(&thief, world, 0);
    must_do(person_login(&alice, &thief, alice.password, false));
    world_read(world, ST_LOGIN_DONE, &done);
    assert_int_equal(done.state, 2);
    assert_int_equal(done.dev, 2);
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &device)); /* device 1 is untouched */
    assert_int_equal(device.dev, 1);
    /* The same connection key again: the same number; another one: the next number. */
    must_do(person_login(&alice, &thief, alice.password, false));
    world_read(world, ST_LOGIN_DONE, &done);
    assert_int_equal(done.dev, 2);
    gadget_init(&thief, world, 0);
    must_do(person_login(&alice, &thief, alice.password, false));
    world_read(world, ST_LOGIN_DONE, &done);
    assert_int_equal(done.dev, 3);
}

static void login__wrong_proof__changes_nothing(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_device device;
    person_new(&alice, world, "alice");
    /* A thief with the password signs with keys of his own, for device 1, for a device that never was. */
    struct gadget thief;
    gadget_init(&thief, world, 1);
    assert_int_equal(person_login(&alice, &thief, alice.password, true), ST_CODE_LIST_REJECTED);
    thief.dev = 9;
    assert_int_equal(person_login(&alice, &thief, alice.password, true), ST_CODE_DEVICE_REVOKED);
    /* A pending device is no device of the list either, even with its own signature. */
    must_do(person_login(&alice, &thief, alice.password, false));
    thief.dev = 2;
    assert_int_equal(person_login(&alice, &thief, alice.password, true), ST_CODE_DEVICE_REVOKED);
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &device));
    assert_int_equal(device.dev, 1);
    /* The signature binds this connection's key: replayed on another connection it is worth nothing. */
    struct attempt attempt;
    struct gadget moved = alice.gadgets[0];
    must_do(attempt_start(&attempt, &alice, &moved, alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    st_env_random(&world->env, moved.tk, ST_KEY_LEN);
    assert_int_equal(attempt_finish(&attempt, &alice, &moved, true), ST_CODE_LIST_REJECTED);
}

static void login__key_of_somebody_else__is_refused(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct auth_device device;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    memcpy(bob.gadgets[0].tk, alice.gadgets[0].tk, ST_KEY_LEN);
    assert_int_equal(person_login(&bob, &bob.gadgets[0], bob.password, true), ST_CODE_NOT_ALLOWED);
    assert_int_equal(person_login(&bob, &bob.gadgets[0], bob.password, false), ST_CODE_NOT_ALLOWED);
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &device));
    assert_memory_equal(device.acct, alice.acct, ST_ACCT_LEN);
}

static void login__half_a_proof__is_malformed(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    struct st_msg_login_finish ask = { .ke3 = st_view(&attempt.done.ke3, ST_KE3_LEN), .dev = 1 };
    ST_SET(&ask, 2);
    world_send(world, 0, &world_gateway, &attempt.hop, ST_LOGIN_FINISH, &ask);
    assert_int_equal(world_code(world), ST_CODE_MALFORMED);
}

static void login__pending_devices__are_bounded(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget gadgets[10];
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    size_t count;
    person_new(&alice, world, "alice");
    world_ping(world, 0, &world_gateway);
    for (size_t i = 0; i < 10; i++) {
        gadget_init(&gadgets[i], world, 0);
        must_do(person_login(&alice, &gadgets[i], alice.password, false));
    }
    /* The oldest made room, and its gateway was told. */
    struct st_int_revoke revoke;
    must_ok(st_frame_read(&world_letter(world, ST_REVOKE, 0)->frame, &revoke));
    assert_int_equal(revoke.dev, 3);
    must_ok(auth_store_device_all(&world->stores[0], alice.acct, devices, &count));
    assert_int_equal(count, 9);
    assert_int_equal(devices[0].dev, 1);
    assert_int_equal(devices[1].dev, 4);
    assert_int_equal(devices[8].dev, 11);
}

/* ---- passwords ---- */

static void login__wrong_password__fails_without_a_hint(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person nobody;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "wrong"));
    assert_int_equal(attempt_stretch(&attempt, &alice, "wrong"), ST_EINTEGRITY);
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_LOGIN_FAILED);
    size_t known_len = world_answer(world, world->next_request)->len;
    uint8_t known[512];
    memcpy(known, world_answer(world, world->next_request)->bytes, known_len);

    person_init(&nobody, world, "nobody");
    must_do(attempt_start(&attempt, &nobody, &nobody.gadgets[0], "wrong"));
    assert_int_equal(attempt_stretch(&attempt, &nobody, "wrong"), ST_EINTEGRITY);
    assert_int_equal(attempt_finish(&attempt, &nobody, &nobody.gadgets[0], true), ST_CODE_LOGIN_FAILED);
    struct letter *unknown = world_answer(world, world->next_request);
    assert_int_equal(unknown->len, known_len);
    assert_memory_equal(unknown->bytes + ST_HEADER_LEN, known + ST_HEADER_LEN, known_len - ST_HEADER_LEN);
}

/* Known, never existing and removed names: the same answers, the same number of calls of the store. */
static void login__any_name__takes_the_same_path(void **state)
{
    struct world *world = *state;
    struct person people[3];
    struct attempt attempt;
    uint64_t calls[3][2];
    size_t lens[3];
    person_new(&people[0], world, "known");
    person_init(&people[1], world, "never");
    person_new(&people[2], world, "removed");
    must_ok(auth_store_account_erase(&world->stores[0], people[2].acct));
    for (size_t i = 0; i < 3; i++) {
        uint64_t before = auth_mem_calls(world->mem);
        must_do(attempt_start(&attempt, &people[i], &people[i].gadgets[0], "wrong"));
        calls[i][0] = auth_mem_calls(world->mem) - before;
        lens[i] = world_letter(world, ST_LOGIN_R, 0)->len;
        assert_int_equal(attempt_stretch(&attempt, &people[i], "wrong"), ST_EINTEGRITY);
        before = auth_mem_calls(world->mem);
        assert_int_equal(attempt_finish(&attempt, &people[i], &people[i].gadgets[0], false), ST_CODE_LOGIN_FAILED);
        calls[i][1] = auth_mem_calls(world->mem) - before;
    }
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(calls[i][0], calls[0][0]);
        assert_int_equal(calls[i][1], calls[0][1]);
        assert_int_equal(lens[i], lens[0]);
    }
}

static void login__fake_record__is_the_same_from_every_auth(void **state)
{
    struct world *world = *state;
    struct person nobody;
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    uint8_t first[ST_OPRF_ELEMENT_BYTES];
    person_init(&nobody, world, "nobody");
    world_start(world, 1);
    must_ok(opaque_client_login_start(&client, &ke1, st_view_text("guess"), &world->env));
    struct st_msg_login ask = { .name = st_view_text("nobody"), .ke1 = st_view(&ke1, sizeof ke1) };
    for (size_t auth = 0; auth < 2; auth++) {
        struct st_msg_login_r answer;
        struct st_hop hop = person_enrol_hop(&nobody, &nobody.gadgets[0]);
        world_send(world, auth, &world_gateway, &hop, ST_LOGIN, &ask);
        world_read(world, ST_LOGIN_R, &answer);
        if (auth == 0)
            memcpy(first, answer.ke2.p, sizeof first);
        else
            assert_memory_equal(answer.ke2.p, first, sizeof first); /* the evaluated element */
    }
    opaque_client_login_deinit(&client);
}

static void login__identity_element__is_malformed(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t ke1[ST_KE1_LEN];
    struct opaque_client_login client;
    struct st_opaque_ke1 good;
    person_new(&alice, world, "alice");
    must_ok(opaque_client_login_start(&client, &good, st_view_text(alice.password), &world->env));
    /* Identity and nonsense, in each of the two elements. */
    static const struct {
        size_t at;
        int fill;
    } bad[] = { { 0, 0 }, { 0, 0xff }, { 64, 0 }, { 64, 0xff } };
    for (size_t i = 0; i < 4; i++) {
        memcpy(ke1, &good, sizeof ke1);
        memset(ke1 + bad[i].at, bad[i].fill, 32);
        struct st_msg_login ask = { .name = st_view_text("alice"), .ke1 = st_view(ke1, sizeof ke1) };
        struct st_hop hop = person_enrol_hop(&alice, &alice.gadgets[0]);
        world_send(world, 0, &world_gateway, &hop, ST_LOGIN, &ask);
        assert_int_equal(world_code(world), ST_CODE_MALFORMED);
    }
    /* They were attempts: the sixth is refused. */
    must_do(attempt_start(&(struct attempt) { 0 }, &alice, &alice.gadgets[0], "x"));
    assert_int_equal(attempt_start(&(struct attempt) { 0 }, &alice, &alice.gadgets[0], "x"), ST_CODE_RATE_LIMITED);
    opaque_client_login_deinit(&client);
}

/* ---- states between KE1 and KE3 ---- */

static void login_finish__other_places__are_wrong_state(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    struct st_hop right;
    person_new(&alice, world, "alice");
    world_start(world, 1);
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    right = attempt.hop;
    struct st_msg_login_finish ask = { .ke3 = st_view(&attempt.done.ke3, ST_KE3_LEN) };
    /* Another session, another gateway, another auth, before any KE1. */
    attempt.hop.sid++;
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_WRONG_STATE);
    world_send(world, 0, &world_other_gateway, &right, ST_LOGIN_FINISH, &ask);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    world_send(world, 1, &world_gateway, &right, ST_LOGIN_FINISH, &ask);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    /* The right place still works: none of these used it up. */
    attempt.hop = right;
    must_do(attempt_finish(&attempt, &alice, &alice.gadgets[0], true));
    /* Replayed: it served once. */
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_WRONG_STATE);
}

static void login_finish__another_connection_key__is_wrong_state(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    attempt.hop.tk[0] ^= 1;
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], false), ST_CODE_WRONG_STATE);
    attempt.hop.tk[0] ^= 1;
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_WRONG_STATE); /* gone */
}

static void login_finish__after_30_seconds__is_too_late(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    struct auth_stats stats;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    world_pass(world, AUTH_LOGIN_MS - 1);
    struct attempt in_time = attempt;
    must_do(attempt_finish(&in_time, &alice, &alice.gadgets[0], true));
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    world_pass(world, AUTH_LOGIN_MS);
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_WRONG_STATE);
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    world_pass(world, AUTH_LOGIN_MS);
    world_tick(world, 0);
    auth_core_stats(world->auths[0], &stats);
    assert_int_equal(stats.logins_pending, 0);
}

static void login__second_on_one_connection__replaces_the_first(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt first;
    struct attempt second;
    struct auth_stats stats;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&first, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&first, &alice, alice.password));
    /* Somebody mistyped, or the answer was lost: he types again on the same connection. */
    struct st_opaque_ke1 ke1;
    second = first;
    must_ok(opaque_client_login_start(&second.client, &ke1, st_view_text(alice.password), &world->env));
    struct st_msg_login ask = { .name = st_view_text("alice"), .ke1 = st_view(&ke1, sizeof ke1) };
    world_send(world, 0, &world_gateway, &first.hop, ST_LOGIN, &ask);
    struct st_msg_login_r answer;
    world_read(world, ST_LOGIN_R, &answer);
    memcpy(second.ke2, answer.ke2.p, sizeof second.ke2);
    auth_core_stats(world->auths[0], &stats);
    assert_int_equal(stats.logins_pending, 1); /* one a connection */
    must_ok(attempt_stretch(&second, &alice, alice.password));
    struct attempt stale = first;
    assert_int_equal(attempt_finish(&stale, &alice, &alice.gadgets[0], true), ST_CODE_LOGIN_FAILED);
    assert_int_equal(attempt_finish(&second, &alice, &alice.gadgets[0], true), ST_CODE_WRONG_STATE);
}

static void login__several_at_once__do_not_disturb_each_other(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct attempt attempts[4];
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    must_do(attempt_start(&attempts[0], &alice, &alice.gadgets[0], alice.password));
    must_do(attempt_start(&attempts[1], &bob, &bob.gadgets[0], bob.password));
    must_do(attempt_start(&attempts[2], &alice, &alice.gadgets[0], "wrong"));
    must_do(attempt_start(&attempts[3], &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempts[0], &alice, alice.password));
    must_ok(attempt_stretch(&attempts[1], &bob, bob.password));
    assert_int_equal(attempt_stretch(&attempts[2], &alice, "wrong"), ST_EINTEGRITY);
    must_ok(attempt_stretch(&attempts[3], &alice, alice.password));
    must_do(attempt_finish(&attempts[3], &alice, &alice.gadgets[0], true));
    assert_int_equal(attempt_finish(&attempts[2], &alice, &alice.gadgets[0], true), ST_CODE_LOGIN_FAILED);
    must_do(attempt_finish(&attempts[1], &bob, &bob.gadgets[0], true));
    must_do(attempt_finish(&attempts[0], &alice, &alice.gadgets[0], true));
    /* One's KE3 on the other's connection. */
    must_do(attempt_start(&attempts[0], &alice, &alice.gadgets[0], alice.password));
    must_do(attempt_start(&attempts[1], &bob, &bob.gadgets[0], bob.password));
    must_ok(attempt_stretch(&attempts[0], &alice, alice.password));
    struct st_msg_login_finish ask = { .ke3 = st_view(&attempts[0].done.ke3, ST_KE3_LEN) };
    world_send(world, 0, &world_gateway, &attempts[1].hop, ST_LOGIN_FINISH, &ask);
    assert_int_equal(world_code(world), ST_CODE_LOGIN_FAILED);
}

static void login__too_many_at_once__are_told_to_wait(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    world_kill(world, 0);
    world->config.limits.logins_pending_max = 3;
    world->config.limits.off = true;
    world_start(world, 0);
    person_new(&alice, world, "alice");
    for (int i = 0; i < 3; i++)
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password), ST_CODE_RATE_LIMITED);
    assert_int_equal(world_retry(world), 30);
    world_pass(world, AUTH_LOGIN_MS);
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
}

static void login__disabled_account__is_told_only_after_the_password(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_account account;
    person_new(&alice, world, "alice");
    must_ok(auth_store_account_by_name(&world->stores[0], st_view_text("alice"), &account));
    account.state = AUTH_ACCOUNT_DISABLED;
    must_ok(auth_store_account_update(&world->stores[0], &account));
    assert_int_equal(person_login(&alice, &alice.gadgets[0], "wrong", true), ST_CODE_LOGIN_FAILED);
    assert_int_equal(person_login(&alice, &alice.gadgets[0], alice.password, true), ST_CODE_ACCOUNT_DISABLED);
    struct st_msg_link_get ask = { 0 };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &ask), ST_CODE_ACCOUNT_DISABLED);
}

static void login__account_removed_meanwhile__fails(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    must_ok(auth_store_account_erase(&world->stores[0], alice.acct));
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_LOGIN_FAILED);
}

static void login__password_changed_meanwhile__fails(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    struct auth_account account;
    person_new(&alice, world, "alice");
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    must_ok(auth_store_account_by_name(&world->stores[0], st_view_text("alice"), &account));
    account.record[191] ^= 1;
    must_ok(auth_store_account_update(&world->stores[0], &account));
    assert_int_equal(attempt_finish(&attempt, &alice, &alice.gadgets[0], true), ST_CODE_LOGIN_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(login__existing_device__gets_the_new_key),
        TEST(login__password_alone__is_only_pending),
        TEST(login__wrong_proof__changes_nothing),
        TEST(login__key_of_somebody_else__is_refused),
        TEST(login__half_a_proof__is_malformed),
        TEST(login__pending_devices__are_bounded),
        TEST(login__wrong_password__fails_without_a_hint),
        TEST(login__any_name__takes_the_same_path),
        TEST(login__fake_record__is_the_same_from_every_auth),
        TEST(login__identity_element__is_malformed),
        TEST(login_finish__other_places__are_wrong_state),
        TEST(login_finish__another_connection_key__is_wrong_state),
        TEST(login_finish__after_30_seconds__is_too_late),
        TEST(login__second_on_one_connection__replaces_the_first),
        TEST(login__several_at_once__do_not_disturb_each_other),
        TEST(login__too_many_at_once__are_told_to_wait),
        TEST(login__disabled_account__is_told_only_after_the_password),
        TEST(login__account_removed_meanwhile__fails),
        TEST(login__password_changed_meanwhile__fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
