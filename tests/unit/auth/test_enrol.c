#include "tests/unit/auth/auth_world.h"

#include <stdio.h>

#include "services/auth/auth_invite.h"

/* An invite, as the wire carries it. */
static const char *invite_for(struct world *world, uint32_t uses, int64_t life_ms, const char *name)
{
    static struct st_invite invite;
    struct auth_invite_terms terms = { .uses = uses, .expires_ms = world->wall_ms + life_ms, .creator = "test" };
    if (name != NULL)
        terms.name = st_view_text(name);
    must_ok(auth_invite_create(&world->stores[0], &world->config.keys, &terms, &world->env, &invite));
    return invite.code;
}

static void set_registration(struct world *world, enum auth_registration mode)
{
    world->config.registration = mode;
    must_ok(auth_core_reload(world->auths[0], &world->config));
}

static void add_user__new_name__makes_everything_at_once(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_add_user_done done;
    struct st_msg_endpoint endpoint;
    person_new(&alice, world, "alice");
    world_read(world, ST_ADD_USER_DONE, &done);
    assert_memory_equal(done.acct.p, alice.acct, ST_ACCT_LEN);
    assert_int_equal(done.dev, 1);
    assert_true(st_records_next(&st_schema_endpoint, &done.endpoints, &endpoint));
    assert_true(st_view_equal(endpoint.host, st_view_text("chat.example.org")));
    assert_int_equal(endpoint.port, 7421);
    assert_memory_equal(endpoint.key.p, world->config.endpoints[0].key, ST_KEY_LEN);
    assert_boxes(world_letter(world, ST_ADD_USER_DONE, 0), alice.acct, 1, 1);

    struct auth_session session;
    struct auth_account account;
    struct auth_device device;
    must_ok(auth_store_session_get(&world->stores[0], alice.gadgets[0].tk, &session));
    assert_int_equal(session.dev, 1);
    assert_int_equal(session.list.seq, 1);
    must_ok(auth_store_account_by_name(&world->stores[0], st_view_text("alice"), &account));
    assert_int_equal(account.next_dev, 2);
    assert_memory_equal(account.ak, alice.ak, sizeof account.ak);
    must_ok(auth_store_device_get(&world->stores[0], alice.acct, 1, &device));
    assert_int_equal(device.spk_id, 1);
    assert_memory_equal(device.dsk, alice.gadgets[0].dsk, sizeof device.dsk);
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

static void add_user_finish__repeated__succeeds_again(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    set_registration(world, AUTH_REGISTRATION_INVITE);
    const char *invite = invite_for(world, 1, 60000, NULL);
    person_init(&alice, world, "alice");
    must_do(person_add_user(&alice, invite, record));
    must_do(person_add_user_finish(&alice, invite, record));
    /* The answer was lost; the invite is used up, registration was closed meanwhile: still the same success. */
    set_registration(world, AUTH_REGISTRATION_CLOSED);
    must_do(person_add_user_finish(&alice, invite, record));
    assert_boxes(world_letter(world, ST_ADD_USER_DONE, 0), alice.acct, 1, 1);
    uint64_t count;
    must_ok(auth_store_account_count(&world->stores[0], &count));
    assert_int_equal(count, 1);
    /* After another auth has taken over, too. */
    world_kill(world, 0);
    world_start(world, 0);
    must_do(person_add_user_finish(&alice, invite, record));
}

/* The client lost the last answer and begins from the front: its transport key proves that the name is its own. The
 * invite has no use left by then. */
static void add_user__begun_again_by_the_owner__is_answered(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person mallory;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    char invite[ST_INVITE_CHARS + 1];
    set_registration(world, AUTH_REGISTRATION_INVITE);
    person_init(&alice, world, "alice");
    person_init(&mallory, world, "alice");
    snprintf(invite, sizeof invite, "%s", invite_for(world, 1, 1000000, NULL));
    assert_int_equal(person_add_user(&alice, invite, record), 0);
    assert_int_equal(person_add_user_finish(&alice, invite, record), 0);
    assert_int_equal(person_add_user(&alice, invite, record), 0);
    assert_int_equal(person_add_user_finish(&alice, invite, record), 0);
    assert_int_not_equal(person_add_user(&mallory, invite, record), 0);
}

static void add_user_finish__repeat_with_a_difference__is_taken(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person mallory;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_new(&alice, world, "alice");
    /* Another account key, another connection. */
    person_init(&mallory, world, "mallory");
    must_do(person_add_user(&mallory, NULL, record));
    snprintf(mallory.name, sizeof mallory.name, "%s", "alice");
    assert_int_equal(person_add_user(&mallory, NULL, record), ST_CODE_NAME_TAKEN);
    assert_int_equal(person_add_user_finish(&mallory, NULL, record), ST_CODE_NAME_TAKEN);
    /* Another account key on Alice's own connection. */
    memcpy(mallory.gadgets[0].tk, alice.gadgets[0].tk, ST_KEY_LEN);
    assert_int_equal(person_add_user_finish(&mallory, NULL, record), ST_CODE_NAME_TAKEN);
    /* Alice's own frame, sent on the connection of somebody who is also the first device of his account. */
    struct person bob;
    uint8_t key[ST_KEY_LEN];
    person_new(&bob, world, "bob");
    memcpy(key, alice.gadgets[0].tk, sizeof key);
    memcpy(alice.gadgets[0].tk, bob.gadgets[0].tk, sizeof key);
    assert_int_equal(person_add_user_finish(&alice, NULL, record), ST_CODE_NAME_TAKEN);
    memcpy(alice.gadgets[0].tk, key, sizeof key);
    /* A free name on Alice's connection, and Alice's account key under another name. */
    snprintf(mallory.name, sizeof mallory.name, "%s", "mallory");
    assert_int_equal(person_add_user_finish(&mallory, NULL, record), ST_CODE_NOT_ALLOWED);
    struct person twin = alice;
    snprintf(twin.name, sizeof twin.name, "%s", "alice2");
    st_env_random(&world->env, twin.gadgets[0].tk, ST_KEY_LEN);
    must_do(person_add_user(&twin, NULL, record));
    assert_int_equal(person_add_user_finish(&twin, NULL, record), ST_CODE_NOT_ALLOWED);
    uint64_t count;
    must_ok(auth_store_account_count(&world->stores[0], &count));
    assert_int_equal(count, 2);
}

static void add_user__taken_name__gives_no_oprf_answer(void **state)
{
    /* A registration answer is a test of one password for who has a KE2 of that name: only free names get one. */
    struct world *world = *state;
    struct person alice;
    struct person mallory;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_new(&alice, world, "alice");
    person_init(&mallory, world, "alice");
    world_forget(world);
    assert_int_equal(person_add_user(&mallory, NULL, record), ST_CODE_NAME_TAKEN);
    assert_null(world_letter(world, ST_ADD_USER_R, 0));
}

static void add_user__one_name_often__is_throttled(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_init(&alice, world, "alice");
    for (int i = 0; i < 5; i++)
        must_do(person_add_user(&alice, NULL, record));
    assert_int_equal(person_add_user(&alice, NULL, record), ST_CODE_RATE_LIMITED);
    assert_true(world_retry(world) <= 75);
    /* The second half needs no attempt, and forgets those that were made. */
    must_do(person_add_user_finish(&alice, NULL, record));
}

static void add_user__bad_names__are_malformed(void **state)
{
    struct world *world = *state;
    struct person person;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    static const char *const names[] = { "Alice", "al ice", "ali\xc3\xa7", "a/b", "al'", "al;--", "@alice" };
    person_init(&person, world, "alice");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(person.name, sizeof person.name, "%s", names[i]);
        assert_int_equal(person_add_user(&person, NULL, record), ST_CODE_MALFORMED);
    }
}

static void add_user__identity_element__is_malformed(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t zeros[ST_OPAQUE_REQUEST_LEN] = { 0 };
    person_init(&alice, world, "alice");
    struct st_hop hop = person_enrol_hop(&alice, &alice.gadgets[0]);
    struct st_msg_add_user ask = { .name = st_view_text("alice"), .request = st_view(zeros, sizeof zeros) };
    world_send(world, 0, &world_gateway, &hop, ST_ADD_USER, &ask);
    assert_int_equal(world_code(world), ST_CODE_MALFORMED);
    memset(zeros, 0xff, sizeof zeros);
    world_send(world, 0, &world_gateway, &hop, ST_ADD_USER, &ask);
    assert_int_equal(world_code(world), ST_CODE_MALFORMED);
    /* A record with a wrong element. */
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    must_do(person_add_user(&alice, NULL, record));
    memset(record, 0, 32);
    assert_int_equal(person_add_user_finish(&alice, NULL, record), ST_CODE_MALFORMED);
}

/* ---- registration modes and invites ---- */

static void registration__closed__takes_nobody(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_init(&alice, world, "alice");
    must_do(person_add_user(&alice, NULL, record));
    set_registration(world, AUTH_REGISTRATION_CLOSED);
    const char *invite = invite_for(world, 1, 60000, NULL);
    assert_int_equal(person_add_user(&alice, invite, record), ST_CODE_REGISTRATION_CLOSED);
    assert_int_equal(person_add_user_finish(&alice, invite, record), ST_CODE_REGISTRATION_CLOSED);
}

static void registration__approve__is_refused_at_configuration(void **state)
{
    struct world *world = *state;
    const char *why;
    world->config.registration = AUTH_REGISTRATION_APPROVE;
    assert_int_equal(auth_config_check(&world->config, &why), ST_EREFUSED);
    assert_non_null(strstr(why, "approve"));
    assert_int_equal(auth_core_reload(world->auths[0], &world->config), ST_EREFUSED);
}

static void invite__every_state__has_its_code(void **state)
{
    struct world *world = *state;
    struct person person;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    char used[ST_INVITE_CHARS + 1];
    char shorter[ST_INVITE_CHARS + 1];
    char bound[ST_INVITE_CHARS + 1];
    set_registration(world, AUTH_REGISTRATION_INVITE);
    snprintf(used, sizeof used, "%s", invite_for(world, 2, 1000000, NULL));
    snprintf(shorter, sizeof shorter, "%s", invite_for(world, 9, 60000, NULL));
    snprintf(bound, sizeof bound, "%s", invite_for(world, 1, 1000000, "carol"));

    person_init(&person, world, "alice");
    assert_int_equal(person_add_user(&person, NULL, record), ST_CODE_INVITE_REQUIRED);
    assert_int_equal(person_add_user(&person, "7QK2M9XD4TR5", record), ST_CODE_INVITE_UNKNOWN); /* well formed or not */
    assert_int_equal(person_add_user(&person, "AAAAAAAAAAAA", record), ST_CODE_INVITE_UNKNOWN);
    assert_int_equal(person_add_user(&person, bound, record), ST_CODE_INVITE_UNKNOWN);
    must_do(person_add_user(&person, used, record));
    assert_int_equal(person_add_user_finish(&person, NULL, record), ST_CODE_INVITE_REQUIRED);
    must_do(person_add_user_finish(&person, used, record));

    /* What a stranger without an invite learns is the same for a name that is there. */
    struct person stranger;
    person_init(&stranger, world, "alice");
    assert_int_equal(person_add_user(&stranger, NULL, record), ST_CODE_INVITE_REQUIRED);
    assert_int_equal(person_add_user_finish(&stranger, NULL, record), ST_CODE_INVITE_REQUIRED);

    person_init(&person, world, "bob");
    must_do(person_add_user(&person, used, record));
    must_do(person_add_user_finish(&person, used, record));
    person_init(&person, world, "dave");
    assert_int_equal(person_add_user(&person, used, record), ST_CODE_INVITE_USED);
    must_do(person_add_user(&person, shorter, record));
    world_pass(world, 60000);
    assert_int_equal(person_add_user_finish(&person, shorter, record), ST_CODE_INVITE_EXPIRED);
    person_init(&person, world, "carol");
    must_do(person_add_user(&person, bound, record));
    must_do(person_add_user_finish(&person, bound, record));
}

static void invite__last_use__goes_to_one_of_two(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    uint8_t a[ST_OPAQUE_RECORD_LEN];
    uint8_t b[ST_OPAQUE_RECORD_LEN];
    set_registration(world, AUTH_REGISTRATION_INVITE);
    const char *invite = invite_for(world, 1, 60000, NULL);
    person_init(&alice, world, "alice");
    person_init(&bob, world, "bob");
    must_do(person_add_user(&alice, invite, a));
    must_do(person_add_user(&bob, invite, b));
    must_do(person_add_user_finish(&alice, invite, a));
    assert_int_equal(person_add_user_finish(&bob, invite, b), ST_CODE_INVITE_USED);
}

static void invite__create__keeps_only_a_hash(void **state)
{
    struct world *world = *state;
    struct st_invite invite;
    struct auth_invite_row row;
    struct auth_invite_terms terms = { .uses = 10, .expires_ms = world->wall_ms + 1000, .creator = "init" };
    bool has;
    must_ok(auth_has_accounts(&world->stores[0], &has));
    assert_false(has);
    must_ok(auth_invite_create(&world->stores[0], &world->config.keys, &terms, &world->env, &invite));
    must_ok(auth_invite_look(&world->stores[0], &world->config.keys, &invite, &row));
    assert_int_equal(row.uses_left, 10);
    assert_int_not_equal(memcmp(row.hash, invite.code, 11), 0);
    /* With other keys the same code is unknown. */
    struct opaque_server_keys other;
    must_ok(opaque_server_keys_generate(&other, &world->env));
    assert_int_equal(auth_invite_look(&world->stores[0], &other, &invite, &row), ST_ENOTFOUND);
    terms.uses = 0;
    assert_int_equal(auth_invite_create(&world->stores[0], &world->config.keys, &terms, &world->env, &invite),
                     ST_EMALFORMED);
    terms.uses = 1;
    terms.expires_ms = world->wall_ms;
    assert_int_equal(auth_invite_create(&world->stores[0], &world->config.keys, &terms, &world->env, &invite),
                     ST_EMALFORMED);
    terms.expires_ms++;
    terms.name = st_view_text("No Name");
    assert_int_equal(auth_invite_create(&world->stores[0], &world->config.keys, &terms, &world->env, &invite),
                     ST_EMALFORMED);
    struct person alice;
    person_new(&alice, world, "alice");
    must_ok(auth_has_accounts(&world->stores[0], &has));
    assert_true(has);
}

/* ---- what is uploaded is checked ---- */

/* Tries to enrol with whatever the test has done to the person. */
static enum st_code try_enrol(struct person *person)
{
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    must_do(person_add_user(person, NULL, record));
    return person_add_user_finish(person, NULL, record);
}

static void add_user_finish__bad_first_list__is_rejected(void **state)
{
    struct world *world = *state;
    struct person p;
    char name[8];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof name, "user%d", i);
        person_init(&p, world, name);
        struct gadget second;
        gadget_init(&second, world, 2);
        switch (i) {
        case 0: /* not device 1 */
            p.gadgets[0].dev = 2;
            p.list.devices[0].dev_id = 2;
            break;
        case 1: /* two devices */
            p.gadgets[1] = second;
            person_next_list(&p, &second, 0);
            p.list.seq = 1;
            memset(p.list.prev_hash, 0, sizeof p.list.prev_hash);
            break;
        case 2: /* a past */
            memset(p.list.prev_hash, 1, sizeof p.list.prev_hash);
            break;
        case 3:
            p.list.seq = 2;
            break;
        case 4: /* another account */
            p.list.acct_id[0] ^= 1;
            break;
        case 5:
            p.list.expires = p.list.issued;
            break;
        case 6:
            p.list.issued += 2 * 86400;
            p.list.expires += 2 * 86400;
            break;
        case 7: /* expired */
            p.list.issued -= 40 * 86400;
            p.list.expires -= 40 * 86400;
            break;
        case 8: /* a key that no Diffie-Hellman may use */
            memset(p.list.devices[0].dik, 0, ST_X25519_BYTES);
            break;
        default:
            break;
        }
        person_sign_list(&p);
        if (i == 9)
            p.list.accept[0][5] ^= 1;
        assert_int_equal(try_enrol(&p), ST_CODE_LIST_REJECTED);
    }
    person_init(&p, world, "good");
    p.list.sig[3] ^= 1;
    assert_int_equal(try_enrol(&p), ST_CODE_LIST_REJECTED);
    person_sign_list(&p);
    must_do(try_enrol(&p));
}

static void add_user_finish__spk_of_another_key__is_rejected(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    person_init(&alice, world, "alice");
    must_do(person_add_user(&alice, NULL, record));
    /* The list is signed; then the device signs its prekey with another key. */
    struct gadget right = alice.gadgets[0];
    struct gadget other;
    gadget_init(&other, world, 1);
    memcpy(alice.gadgets[0].dsk_secret, other.dsk_secret, sizeof other.dsk_secret);
    assert_int_equal(person_add_user_finish(&alice, NULL, record), ST_CODE_LIST_REJECTED);
    alice.gadgets[0] = right;
    world->wall_ms += 46 * INT64_C(86400000); /* the prekey's clock is not ours */
    struct st_devlist list = alice.list;
    alice.list.issued = (uint64_t)(world->wall_ms / 1000);
    alice.list.expires = alice.list.issued + 86400;
    person_sign_list(&alice);
    must_do(person_add_user_finish(&alice, NULL, record));
    alice.list = list;
}

static void add_user__store_lost_at_every_call__is_all_or_nothing(void **state)
{
    struct world *world = *state;
    static const enum auth_mem_fault faults[] = { AUTH_MEM_FAIL, AUTH_MEM_FULL, AUTH_MEM_CRASH, AUTH_MEM_CRASH_AFTER };
    unsigned number = 0;
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint64_t n = 1; n < 40; n++) {
            struct person person;
            char name[16];
            uint8_t record[ST_OPAQUE_RECORD_LEN];
            (void)snprintf(name, sizeof name, "user%u", ++number);
            person_init(&person, world, name);
            must_do(person_add_user(&person, NULL, record));
            world_break(world, n, faults[f]);
            enum st_code code = person_add_user_finish(&person, NULL, record);
            bool reached = world_mend(world);
            assert_int_equal(code, reached ? ST_CODE_UNAVAILABLE : 0);
            world_kill(world, 0);
            world_start(world, 0);
            /* Whatever became of it: the client repeats, and succeeds. */
            must_do(person_add_user_finish(&person, NULL, record));
            must_do(person_login(&person, &person.gadgets[0], person.password, true));
            if (!reached)
                break;
            assert_true(n < 39);
        }
    }
    uint64_t count;
    must_ok(auth_store_account_count(&world->stores[0], &count));
    assert_int_equal(count, number);
}

static void endpoints__ask__are_those_of_the_configuration(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_endpoints ask = { 0 };
    struct st_msg_endpoints_r answer;
    person_init(&alice, world, "alice");
    struct st_hop hop = person_enrol_hop(&alice, &alice.gadgets[0]);
    world_send(world, 0, &world_gateway, &hop, ST_ENDPOINTS, &ask);
    world_read(world, ST_ENDPOINTS_R, &answer);
    assert_int_equal(answer.endpoints.count, 1);
    assert_int_equal(answer.registration, 4);
    assert_memory_equal(answer.server_id.p, world->config.server_id, ST_SERVER_ID_LEN);
}

static void core_new__store_of_another_server__is_refused(void **state)
{
    struct world *world = *state;
    struct auth_core *core;
    struct auth_deps deps = { .env = world->env, .store = world->stores[0] };
    struct auth_config other = world->config;
    must_ok(opaque_server_keys_generate(&other.keys, &world->env));
    assert_int_equal(auth_core_new(&core, &other, &deps), ST_EFOREIGN);
    assert_null(core);
    other = world->config;
    other.server_id[0] ^= 1;
    assert_int_equal(auth_core_new(&core, &other, &deps), ST_EFOREIGN);
    other = world->config;
    other.endpoint_count = 0;
    assert_int_equal(auth_core_new(&core, &other, &deps), ST_EREFUSED);
    must_ok(auth_core_new(&core, &world->config, &deps));
    auth_core_free(&core);
    auth_core_free(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(add_user__new_name__makes_everything_at_once),
        TEST(add_user_finish__repeated__succeeds_again),
        TEST(add_user__begun_again_by_the_owner__is_answered),
        TEST(add_user_finish__repeat_with_a_difference__is_taken),
        TEST(add_user__taken_name__gives_no_oprf_answer),
        TEST(add_user__one_name_often__is_throttled),
        TEST(add_user__bad_names__are_malformed),
        TEST(add_user__identity_element__is_malformed),
        TEST(registration__closed__takes_nobody),
        TEST(registration__approve__is_refused_at_configuration),
        TEST(invite__every_state__has_its_code),
        TEST(invite__last_use__goes_to_one_of_two),
        TEST(invite__create__keeps_only_a_hash),
        TEST(add_user_finish__bad_first_list__is_rejected),
        TEST(add_user_finish__spk_of_another_key__is_rejected),
        TEST(add_user__store_lost_at_every_call__is_all_or_nothing),
        TEST(endpoints__ask__are_those_of_the_configuration),
        TEST(core_new__store_of_another_server__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
