#include "tests/unit/auth/auth_world.h"

#include <stdio.h>

/* ---- a new password ---- */

static enum st_code set_password(struct person *person, const char *password)
{
    struct world *world = person->world;
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_opaque_request blinded;
    struct st_view new_password = st_view_text(password);
    must_ok(opaque_client_register_start(&registration, &blinded, new_password, &world->env));
    struct st_msg_set_password ask = { .request = st_view(&blinded, sizeof blinded) };
    enum st_code code = person_say(person, &person->gadgets[0], ST_SET_PASSWORD, &ask);
    if (code != 0)
        return code;
    struct st_msg_set_password_r answer;
    world_read(world, ST_SET_PASSWORD_R, &answer);
    struct opaque_client_setup setup = {
        .parties = { .client_identity = st_view_text(person->name),
                     .server_identity = st_view(world->config.server_id, ST_SERVER_ID_LEN) },
        .ksf = world->config.ksf,
    };
    must_ok(opaque_client_register_finish_any_ksf(&registered, &registration, answer.response, new_password, &setup,
                                                  &world->env));
    struct st_msg_set_password_finish finish = { .record = st_view(&registered.record, ST_OPAQUE_RECORD_LEN) };
    return person_say(person, &person->gadgets[0], ST_SET_PASSWORD_FINISH, &finish);
}

static void set_password__new__replaces_the_old(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_set_password_done done;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    must_do(set_password(&alice, "a better password"));
    world_read(world, ST_SET_PASSWORD_DONE, &done);
    assert_int_equal(person_login(&alice, &alice.gadgets[0], alice.password, true), ST_CODE_LOGIN_FAILED);
    must_do(person_login(&alice, &alice.gadgets[0], "a better password", true));
    /* The other devices stay logged in. */
    struct st_msg_link_get ask = { 0 };
    must_do(person_say(&alice, &alice.gadgets[1], ST_LINK_GET, &ask));
}

static void set_password__too_often__is_rate_limited(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    world->wall_ms = world->wall_ms / 3600000 * 3600000;
    for (int i = 0; i < 10; i++)
        must_do(set_password(&alice, "p"));
    assert_int_equal(set_password(&alice, "p"), ST_CODE_RATE_LIMITED);
    world_pass(world, 3600000);
    must_do(set_password(&alice, "p"));
}

static void set_password__bad_elements__are_malformed(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t zeros[ST_OPAQUE_RECORD_LEN] = { 0 };
    person_new(&alice, world, "alice");
    struct st_msg_set_password ask = { .request = st_view(zeros, ST_OPAQUE_REQUEST_LEN) };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_SET_PASSWORD, &ask), ST_CODE_MALFORMED);
    struct st_msg_set_password_finish finish = { .record = st_view(zeros, sizeof zeros) };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_SET_PASSWORD_FINISH, &finish), ST_CODE_MALFORMED);
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

/* ---- logout ---- */

static void logout__one_device__loses_its_key(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_logout ask = { .everywhere = 0 };
    struct st_msg_logout_r answer;
    struct st_int_revoke revoke;
    struct auth_device row;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    world_ping(world, 0, &world_gateway);
    must_do(person_say(&alice, &alice.gadgets[0], ST_LOGOUT, &ask));
    world_read(world, ST_LOGOUT_R, &answer);
    assert_int_equal(answer.devices, 1);
    assert_int_equal(world->letters[0].frame.type, ST_LOGOUT_R); /* then only the revoke */
    must_ok(st_frame_read(&world_letter(world, ST_REVOKE, 0)->frame, &revoke));
    assert_int_equal(revoke.dev, 1);
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row), ST_ENOTFOUND);
    must_ok(auth_store_device_get(&world->stores[0], alice.acct, 1, &row)); /* it is still in the list */
    struct st_msg_link_get look = { 0 };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look), ST_CODE_NOT_ALLOWED);
    must_do(person_say(&alice, &alice.gadgets[1], ST_LINK_GET, &look));
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look));
}

static void logout__everywhere__takes_all(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget pending;
    struct st_msg_logout ask = { .everywhere = 1 };
    struct st_msg_logout_r answer;
    struct st_int_revoke revoke;
    struct auth_device row;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    gadget_init(&pending, world, 0);
    must_do(person_login(&alice, &pending, alice.password, false));
    world_ping(world, 0, &world_gateway);
    must_do(person_say(&alice, &alice.gadgets[1], ST_LOGOUT, &ask));
    world_read(world, ST_LOGOUT_R, &answer);
    assert_int_equal(answer.devices, 3);
    must_ok(st_frame_read(&world_letter(world, ST_REVOKE, 0)->frame, &revoke));
    assert_int_equal(revoke.dev, 0);
    assert_int_equal(auth_store_device_get(&world->stores[0], alice.acct, 3, &row), ST_ENOTFOUND);
    must_ok(auth_store_device_get(&world->stores[0], alice.acct, 2, &row));
    assert_false(row.has_tk);
    must_do(person_login(&alice, &alice.gadgets[1], alice.password, true));
}

static void logout__pending_device__is_forgotten(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_device row;
    struct st_msg_logout ask = { .everywhere = 0 };
    person_new(&alice, world, "alice");
    gadget_init(&alice.gadgets[1], world, 0);
    must_do(person_login(&alice, &alice.gadgets[1], alice.password, false));
    alice.gadgets[1].dev = 2;
    must_do(person_say(&alice, &alice.gadgets[1], ST_LOGOUT, &ask));
    assert_int_equal(auth_store_device_get(&world->stores[0], alice.acct, 2, &row), ST_ENOTFOUND);
}

static void logout__pending_device__takes_nobody_else_along(void **state)
{
    /* Who has only guessed the password must not end the sessions of the real devices. */
    struct world *world = *state;
    struct person alice;
    struct st_msg_logout ask = { .everywhere = 1 };
    struct st_msg_link_get look = { 0 };
    person_new(&alice, world, "alice");
    gadget_init(&alice.gadgets[1], world, 0);
    must_do(person_login(&alice, &alice.gadgets[1], alice.password, false));
    alice.gadgets[1].dev = 2;
    assert_int_equal(person_say(&alice, &alice.gadgets[1], ST_LOGOUT, &ask), ST_CODE_NOT_ALLOWED);
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look));
}

/* ---- remove_user ---- */

/* A removal on a device's connection. */
struct removal {
    struct opaque_client_login client;
    struct opaque_client_logged_in done;
};

static enum st_code removal_start(struct removal *removal, struct person *person, const struct gadget *gadget,
                                  const char *password)
{
    struct world *world = person->world;
    struct st_opaque_ke1 ke1;
    must_ok(opaque_client_login_start(&removal->client, &ke1, st_view_text(password), &world->env));
    struct st_msg_remove_user ask = { .ke1 = st_view(&ke1, sizeof ke1) };
    enum st_code code = person_say(person, gadget, ST_REMOVE_USER, &ask);
    if (code != 0)
        return code;
    struct st_msg_remove_user_r answer;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    world_read(world, ST_REMOVE_USER_R, &answer);
    must_ok(st_opaque_login_context(context, gadget->tk, world->config.enrol_key, &world->config.ksf));
    struct opaque_client_setup setup = {
        .parties = { .client_identity = st_view_text(person->name),
                     .server_identity = st_view(world->config.server_id, ST_SERVER_ID_LEN),
                     .context = st_view(context, sizeof context) },
        .ksf = world->config.ksf,
    };
    /* A wrong password gives a KE3 of zeros. */
    enum st_err err = opaque_client_login_finish_any_ksf(&removal->done, &removal->client, answer.ke2,
                                                         st_view_text(password), &setup);
    assert_true(err == ST_OK || err == ST_EINTEGRITY);
    return 0;
}

/* Sends KE3; the answer may come later. */
static void removal_finish(struct removal *removal, struct person *person, const struct gadget *gadget)
{
    struct st_msg_remove_user_finish ask = { .ke3 = st_view(&removal->done.ke3, ST_KE3_LEN) };
    struct st_hop hop = person_hop(person, gadget);
    world_send(person->world, person->auth, &world_gateway, &hop, ST_REMOVE_USER_FINISH, &ask);
}

static void say_purged(struct world *world, size_t auth, const uint8_t *acct)
{
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct st_int_purged purged = { .acct = st_view(acct, ST_ACCT_LEN) };
    world_send(world, auth, &world_gateway, &hop, ST_PURGED, &purged);
}

static uint64_t removal_state(struct world *world, const struct gadget *gadget)
{
    struct st_msg_remove_user_done done;
    struct letter *letter = world_letter(world, ST_REMOVE_USER_DONE, 0);
    assert_non_null(letter);
    assert_int_equal(letter->hop.sid, gadget->sid);
    must_ok(st_frame_read(&letter->frame, &done));
    return done.state;
}

static void remove_user__purged_in_time__is_done(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct removal removal;
    struct st_int_purge_req purge;
    struct st_int_revoke revoke;
    struct st_view dev;
    struct auth_account account;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    world_ping(world, 0, &world_gateway);
    world_ping(world, 0, &world_other_gateway);
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    removal_finish(&removal, &alice, &alice.gadgets[0]);

    /* No answer yet. Every other session ends; this one must still hear the answer. */
    assert_null(world_letter(world, ST_REMOVE_USER_DONE, 0));
    struct letter *letter = world_letter(world, ST_REVOKE, 0);
    must_ok(st_frame_read(&letter->frame, &revoke));
    assert_string_equal(letter->to.name, world_other_gateway.name);
    assert_int_equal(revoke.dev, 0);
    letter = world_letter(world, ST_REVOKE, 1);
    must_ok(st_frame_read(&letter->frame, &revoke));
    assert_string_equal(letter->to.name, world_gateway.name);
    assert_int_equal(revoke.dev, 2);
    assert_null(world_letter(world, ST_REVOKE, 2));
    letter = world_letter(world, ST_PURGE_REQ, 0);
    must_ok(st_frame_read(&letter->frame, &purge));
    assert_memory_equal(purge.acct.p, alice.acct, ST_ACCT_LEN);
    assert_int_equal(purge.devs.count, 2);
    assert_true(st_bytes_list_next(&purge.devs, &dev));
    assert_int_equal(st_get_u32(dev.p), 1);
    assert_int_equal(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account), ST_ENOTFOUND);

    say_purged(world, 0, alice.acct);
    assert_int_equal(removal_state(world, &alice.gadgets[0]), 1);
    must_ok(st_frame_read(&world_letter(world, ST_REVOKE, 0)->frame, &revoke)); /* behind the answer */
    assert_int_equal(world->letters[0].frame.type, ST_REMOVE_USER_DONE);
    assert_int_equal(revoke.dev, 0);
    /* The job is done for every auth. */
    world_pass(world, 3600000);
    world_ping(world, 0, &world_gateway);
    world_tick(world, 0);
    assert_null(world_letter(world, ST_PURGE_REQ, 0));
}

static void remove_user__nobody_purges__is_pending_and_asked_again(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct removal removal;
    person_new(&alice, world, "alice");
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    removal_finish(&removal, &alice, &alice.gadgets[0]);
    int64_t start_ms = world->mono_ms;
    size_t asked = 0;
    bool answered = false;
    for (int64_t waited = 0; waited < 120000; waited += 500) {
        world_pass(world, 500);
        if (waited % 1000 == 0)
            world_ping(world, 0, &world_gateway);
        world_tick(world, 0);
        asked += world_letter(world, ST_PURGE_REQ, 0) != NULL;
        if (world_letter(world, ST_REMOVE_USER_DONE, 0) != NULL) {
            assert_false(answered);
            answered = true;
            assert_int_equal(removal_state(world, &alice.gadgets[0]), 2);
            assert_int_equal(world->mono_ms - start_ms, AUTH_REMOVE_WAIT_MS);
        }
        assert_true(auth_core_next_ms(world->auths[0]) > world->mono_ms);
    }
    assert_true(answered);
    assert_true(asked >= 4 && asked <= 7); /* after 2, 4, 8, 16, 32 s … */
    say_purged(world, 0, alice.acct);
    assert_null(world_letter(world, ST_REMOVE_USER_DONE, 0));
    world_pass(world, 3600000);
    world_ping(world, 0, &world_gateway);
    world_tick(world, 0);
    assert_null(world_letter(world, ST_PURGE_REQ, 0));
}

static void remove_user__store_down_meanwhile__is_answered_all_the_same(void **state)
{
    /* The account is gone already: that the store fails now changes nothing for who waits. */
    struct world *world = *state;
    struct person people[2];
    struct removal removal;
    person_new(&people[0], world, "alice");
    person_new(&people[1], world, "bob");
    for (size_t i = 0; i < 2; i++) {
        must_do(removal_start(&removal, &people[i], &people[i].gadgets[0], people[i].password));
        removal_finish(&removal, &people[i], &people[i].gadgets[0]);
        assert_null(world_letter(world, ST_REMOVE_USER_DONE, 0));
    }
    world_break(world, 3, AUTH_MEM_FAIL); /* the commit */
    say_purged(world, 0, people[0].acct);
    assert_true(world_mend(world));
    assert_int_equal(removal_state(world, &people[0].gadgets[0]), 1);
    world_pass(world, AUTH_REMOVE_WAIT_MS);
    world_break(world, 1, AUTH_MEM_FAIL); /* the beginning */
    world_tick(world, 0);
    assert_true(world_mend(world));
    assert_int_equal(removal_state(world, &people[1].gadgets[0]), 2);
}

static void remove_user__auth_dies__another_goes_on(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct removal removal;
    person_new(&alice, world, "alice");
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    removal_finish(&removal, &alice, &alice.gadgets[0]);
    world_kill(world, 0);
    world_start(world, 1);
    world_pass(world, 2000);
    world_tick(world, 1);
    assert_null(world_letter(world, ST_PURGE_REQ, 0)); /* nobody to ask yet: the job waits as it is */
    world_pass(world, 2000);
    world_ping(world, 1, &world_other_gateway);
    world_tick(world, 1);
    assert_string_equal(world_letter(world, ST_PURGE_REQ, 0)->to.name, world_other_gateway.name);
    say_purged(world, 1, alice.acct);
    world_pass(world, 3600000);
    world_ping(world, 1, &world_other_gateway);
    world_tick(world, 1);
    assert_null(world_letter(world, ST_PURGE_REQ, 0));
    world_start(world, 0);
}

static void remove_user__removed__is_gone_for_good(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct person again;
    struct removal removal;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    must_do(person_confirm(&alice, &alice.gadgets[0], 1, 10));
    must_do(person_start_chat(&bob, alice.acct, 1));
    must_do(person_start_chat(&alice, bob.acct, 1));
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    removal_finish(&removal, &alice, &alice.gadgets[0]);
    say_purged(world, 0, alice.acct);
    struct st_msg_link_get look = { 0 };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look), ST_CODE_DEVICE_REVOKED);
    assert_int_equal(person_login(&alice, &alice.gadgets[0], alice.password, true), ST_CODE_LOGIN_FAILED);
    struct st_msg_is_user ask = { .name = st_view_text("alice") };
    assert_int_equal(person_say(&bob, &bob.gadgets[0], ST_IS_USER, &ask), ST_CODE_NOT_FOUND);
    assert_int_equal(person_start_chat(&bob, alice.acct, 1), ST_CODE_NOT_FOUND);
    /* The name is a tombstone, for everybody; so is the account key, whose mailboxes a relay would not open. */
    person_init(&again, world, "alice");
    assert_int_equal(person_add_user(&again, NULL, record), ST_CODE_NAME_TAKEN);
    again = alice;
    snprintf(again.name, sizeof again.name, "%s", "alice2");
    must_do(person_add_user(&again, NULL, record));
    assert_int_equal(person_add_user_finish(&again, NULL, record), ST_CODE_NOT_ALLOWED);
    assert_int_equal(person_login(&alice, &alice.gadgets[0], alice.password, false), ST_CODE_LOGIN_FAILED);
}

static void remove_user__wrong_password__removes_nothing(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct removal removal;
    person_new(&alice, world, "alice");
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], "wrong"));
    removal_finish(&removal, &alice, &alice.gadgets[0]);
    assert_int_equal(world_code(world), ST_CODE_LOGIN_FAILED);
    /* It served once; a stolen connection may not try for ever. */
    removal_finish(&removal, &alice, &alice.gadgets[0]);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    for (int i = 0; i < 4; i++)
        must_do(removal_start(&removal, &alice, &alice.gadgets[0], "wrong"));
    assert_int_equal(removal_start(&removal, &alice, &alice.gadgets[0], "wrong"), ST_CODE_RATE_LIMITED);
    /* Attempts at the login are counted apart: an attacker outside cannot keep Alice from removing herself. */
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

static void remove_user__ke3_elsewhere__is_wrong_state(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct removal removal;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    person_link(&alice, &alice.gadgets[1]);
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    /* Another device, another account on the same session number, an enrol login's KE3. */
    removal_finish(&removal, &alice, &alice.gadgets[1]);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], alice.password));
    must_ok(attempt_stretch(&attempt, &alice, alice.password));
    struct gadget shifted = alice.gadgets[0];
    shifted.sid = attempt.hop.sid;
    memcpy(&removal.done.ke3, &attempt.done.ke3, ST_KE3_LEN);
    removal_finish(&removal, &alice, &shifted);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    must_do(attempt_finish(&attempt, &alice, &alice.gadgets[0], true)); /* the login was not used up by that */
    must_do(removal_start(&removal, &alice, &alice.gadgets[0], alice.password));
    shifted = bob.gadgets[0];
    shifted.sid = alice.gadgets[0].sid;
    removal_finish(&removal, &bob, &shifted);
    assert_int_equal(world_code(world), ST_CODE_WRONG_STATE);
    struct auth_account account;
    must_ok(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account));
    must_ok(auth_store_account_by_id(&world->stores[0], bob.acct, false, &account));
}

static void remove_user__store_lost_at_every_call__is_all_or_nothing(void **state)
{
    struct world *world = *state;
    static const enum auth_mem_fault faults[] = { AUTH_MEM_FAIL, AUTH_MEM_FULL, AUTH_MEM_CRASH, AUTH_MEM_CRASH_AFTER };
    struct auth_account account;
    struct auth_stats stats;
    unsigned number = 0;
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint64_t n = 1; n < 40; n++) {
            struct person person;
            struct removal removal;
            char name[16];
            (void)snprintf(name, sizeof name, "user%u", ++number);
            person_new(&person, world, name);
            must_do(removal_start(&removal, &person, &person.gadgets[0], person.password));
            world_break(world, n, faults[f]);
            removal_finish(&removal, &person, &person.gadgets[0]);
            if (!world_mend(world)) {
                say_purged(world, 0, person.acct); /* past the last call: it went through */
                break;
            }
            assert_true(n < 39);
            /* Told so, and no session was ended, no mailbox purged for what did not happen for certain. */
            assert_int_equal(world_code(world), ST_CODE_UNAVAILABLE);
            assert_null(world_letter(world, ST_REVOKE, 0));
            assert_null(world_letter(world, ST_PURGE_REQ, 0));
            auth_core_stats(world->auths[0], &stats);
            assert_int_equal(stats.removals_waiting, 0);
            world_kill(world, 0);
            world_start(world, 0);
            /* If it did happen, the next auth finds the job; if not, the account is whole. */
            world_pass(world, 2000);
            world_ping(world, 0, &world_gateway);
            world_tick(world, 0);
            bool gone = auth_store_account_by_id(&world->stores[0], person.acct, false, &account) == ST_ENOTFOUND;
            assert_int_equal(world_letter(world, ST_PURGE_REQ, 0) != NULL, gone);
            if (gone)
                say_purged(world, 0, person.acct);
            else
                must_do(person_login(&person, &person.gadgets[0], person.password, true));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_password__new__replaces_the_old),
        TEST(set_password__too_often__is_rate_limited),
        TEST(set_password__bad_elements__are_malformed),
        TEST(logout__one_device__loses_its_key),
        TEST(logout__everywhere__takes_all),
        TEST(logout__pending_device__is_forgotten),
        TEST(logout__pending_device__takes_nobody_else_along),
        TEST(remove_user__purged_in_time__is_done),
        TEST(remove_user__nobody_purges__is_pending_and_asked_again),
        TEST(remove_user__store_down_meanwhile__is_answered_all_the_same),
        TEST(remove_user__auth_dies__another_goes_on),
        TEST(remove_user__removed__is_gone_for_good),
        TEST(remove_user__wrong_password__removes_nothing),
        TEST(remove_user__ke3_elsewhere__is_wrong_state),
        TEST(remove_user__store_lost_at_every_call__is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
