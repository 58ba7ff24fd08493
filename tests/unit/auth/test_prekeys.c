#include "tests/unit/auth/auth_world.h"

#include <stdio.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

static uint64_t opk_left(struct world *world)
{
    struct st_msg_confirm_chat_r answer;
    world_read(world, ST_CONFIRM_CHAT_R, &answer);
    return answer.opk_left;
}

static uint64_t spk_published(struct world *world)
{
    struct st_msg_confirm_chat_r answer;
    world_read(world, ST_CONFIRM_CHAT_R, &answer);
    return answer.spk_id;
}

/* The beginning of a day, so that a test stays inside it. */
static void begin_day(struct world *world)
{
    world->wall_ms = (world->wall_ms / DAY_MS + 1) * DAY_MS;
}

/* ---- confirm_chat ---- */

static void confirm_chat__upload__counts(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    struct gadget *gadget = &alice.gadgets[0];
    must_do(person_confirm(&alice, gadget, 0, 0)); /* nothing: only asks */
    assert_int_equal(opk_left(world), 0);
    assert_int_equal(spk_published(world), 1);
    must_do(person_confirm(&alice, gadget, 0, 100));
    assert_int_equal(opk_left(world), 100);
    must_do(person_confirm(&alice, gadget, 0, 100));
    assert_int_equal(opk_left(world), 200);
    /* 200 are kept; one more refuses the whole frame. */
    assert_int_equal(person_confirm(&alice, gadget, 0, 1), ST_CODE_TOO_LARGE);
    must_do(person_confirm(&alice, gadget, 0, 0));
    assert_int_equal(opk_left(world), 200);
}

static void confirm_chat__repeat__revives_nothing(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    struct gadget *gadget = &bob.gadgets[0];
    must_do(person_confirm(&bob, gadget, 0, 5));
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    /* The upload comes again: the key that was given away does not. */
    gadget->next_opk = 1;
    must_do(person_confirm(&bob, gadget, 0, 5));
    assert_int_equal(opk_left(world), 4);
    /* It overlaps with new ones: only those are taken. */
    gadget->next_opk = 4;
    must_do(person_confirm(&bob, gadget, 0, 4));
    assert_int_equal(opk_left(world), 6);
}

static void confirm_chat__numbers_out_of_order__are_refused_whole(void **state)
{
    struct world *world = *state;
    struct person alice;
    uint8_t pub[ST_KEY_LEN] = { 1 };
    person_new(&alice, world, "alice");
    static const uint32_t bad[][3] = { { 1, 3, 2 }, { 5, 5, 6 }, { 9, 8, 7 } };
    for (size_t i = 0; i < 3; i++) {
        struct st_msg_opk rows[3];
        for (size_t j = 0; j < 3; j++)
            rows[j] = (struct st_msg_opk) { .id = bad[i][j], .pub = st_view(pub, sizeof pub) };
        struct st_msg_confirm_chat ask = { .opks = { .count = 3, .items = rows } };
        ST_SET(&ask, 2);
        assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_CONFIRM_CHAT, &ask), ST_CODE_MALFORMED);
    }
    must_do(person_confirm(&alice, &alice.gadgets[0], 0, 0));
    assert_int_equal(opk_left(world), 0);
}

static void confirm_chat__newer_spk__replaces_older_never(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    struct gadget *gadget = &alice.gadgets[0];
    world_pass(world, DAY_MS);
    must_do(person_confirm(&alice, gadget, 2, 0));
    assert_int_equal(spk_published(world), 2);
    must_do(person_confirm(&alice, gadget, 2, 0));
    assert_int_equal(spk_published(world), 2);
    world->wall_ms -= DAY_MS; /* the first one comes late */
    must_do(person_confirm(&alice, gadget, 1, 0));
    assert_int_equal(spk_published(world), 2);
}

static enum st_code confirm_spk(struct person *person, const struct st_spk *spk)
{
    struct st_msg_spk row = { .id = spk->spk_id,
                              .created_s = spk->created,
                              .pub = st_view(spk->pub, sizeof spk->pub),
                              .sig = st_view(spk->sig, sizeof spk->sig) };
    struct st_msg_confirm_chat ask = { .spk = { .count = 1, .items = &row } };
    ST_SET(&ask, 1);
    return person_say(person, &person->gadgets[0], ST_CONFIRM_CHAT, &ask);
}

static void confirm_chat__bad_spk__is_rejected(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    struct gadget *gadget = &alice.gadgets[0];
    uint64_t now = (uint64_t)(world->wall_ms / 1000);

    struct st_spk spk = person_spk(&alice, gadget, 2);
    spk.sig[10] ^= 1;
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk = person_spk(&bob, &bob.gadgets[0], 2); /* somebody else's */
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk = person_spk(&alice, gadget, 2);
    spk.created = now + 2 * 86400;
    must_ok(st_prekey_sign(&spk, gadget->dsk_secret, alice.acct, 1));
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk.created = now - 46 * 86400;
    must_ok(st_prekey_sign(&spk, gadget->dsk_secret, alice.acct, 1));
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk.created = UINT64_C(1) << 53; /* the largest that the wire carries */
    must_ok(st_prekey_sign(&spk, gadget->dsk_secret, alice.acct, 1));
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk.created = now;
    memset(spk.pub, 0, sizeof spk.pub);
    must_ok(st_prekey_sign(&spk, gadget->dsk_secret, alice.acct, 1));
    assert_int_equal(confirm_spk(&alice, &spk), ST_CODE_LIST_REJECTED);
    spk = person_spk(&alice, gadget, 2);
    must_do(confirm_spk(&alice, &spk));
}

/* ---- start_chat ---- */

static void start_chat__bundle__is_whole(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct st_msg_chat_confirmed answer;
    struct st_msg_bundle msg;
    struct st_bundle bundle = { 0 };
    struct st_devlist list;
    struct st_int_notify notify;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    must_do(person_confirm(&bob, &bob.gadgets[0], 5, 3));
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_boxes(world_letter(world, ST_CHAT_CONFIRMED, 0), bob.acct, 1, 1);
    world_read(world, ST_CHAT_CONFIRMED, &answer);
    assert_int_equal(answer.bundles.count, 1);
    assert_true(st_records_next(&st_schema_bundle, &answer.bundles, &msg));
    /* What the client will check. */
    must_ok(st_devlist_parse(answer.list, &list));
    must_ok(st_devlist_verify(&list, answer.ak.p));
    memcpy(bundle.acct_id, answer.acct.p, sizeof bundle.acct_id);
    memcpy(bundle.ak, answer.ak.p, sizeof bundle.ak);
    bundle.device = *st_devlist_find(&list, (uint32_t)msg.dev);
    bundle.spk.spk_id = (uint32_t)msg.spk_id;
    bundle.spk.created = msg.spk_created_s;
    memcpy(bundle.spk.pub, msg.spk.p, sizeof bundle.spk.pub);
    memcpy(bundle.spk.sig, msg.spk_sig.p, sizeof bundle.spk.sig);
    bundle.opk_id = (uint32_t)msg.opk_id;
    memcpy(bundle.opk, msg.opk.p, sizeof bundle.opk);
    must_ok(st_prekey_bundle_check(&bundle, &list, bob.ak, (uint64_t)(world->wall_ms / 1000)));
    assert_int_equal(msg.spk_id, 5);
    assert_int_equal(msg.opk_id, 1);
    /* Bob's device hears that it has fewer. */
    struct letter *letter = world_letter(world, ST_NOTIFY, 0);
    must_ok(st_frame_read(&letter->frame, &notify));
    assert_int_equal(letter->hop.kind, ST_HOP_SERVICE);
    assert_memory_equal(notify.acct.p, bob.acct, ST_ACCT_LEN);
    assert_int_equal(notify.dev, 1);
    assert_int_equal(notify.kind, 1);
    assert_int_equal(notify.number, 2);
}

static void start_chat__same_nonce__gets_the_same_key(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct person carol;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    person_new(&carol, world, "carol");
    begin_day(world);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 5));
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    assert_null(world_letter(world, ST_NOTIFY, 0));
    /* Another nonce on the same day: a bundle, but no key. */
    must_do(person_start_chat(&alice, bob.acct, 2));
    assert_int_equal(world_opk_of(world, 1), 0);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    /* Somebody else gets another one; the same nonce is his own. */
    must_do(person_start_chat(&carol, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 2);
    /* Across midnight the repeat is still a repeat; a new nonce is a new day's. */
    world_pass(world, DAY_MS - 1000);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    world_pass(world, 2000);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    must_do(person_start_chat(&alice, bob.acct, 3));
    assert_int_equal(world_opk_of(world, 1), 3);
}

static void start_chat__none_left__goes_on_without(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct auth_stats stats;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    begin_day(world);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 0);
    assert_null(world_letter(world, ST_NOTIFY, 0));
    auth_core_stats(world->auths[0], &stats);
    assert_int_equal(stats.no_opk, 1);
    /* Also when some come later that day: this was today's hand-out. */
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 5));
    must_do(person_start_chat(&alice, bob.acct, 2));
    assert_int_equal(world_opk_of(world, 1), 0);
    must_do(person_confirm(&bob, &bob.gadgets[0], 0, 0));
    assert_int_equal(opk_left(world), 5);
}

static void start_chat__several_devices__each_its_own(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct st_msg_chat_confirmed answer;
    uint8_t nonce[ST_NONCE_LEN] = { 7 };
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    person_link(&bob, &bob.gadgets[1]);
    person_link(&bob, &bob.gadgets[2]);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 2));
    must_do(person_confirm(&bob, &bob.gadgets[1], 1, 2));
    /* Device 3 has published nothing: no bundle of it. */
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    assert_int_equal(world_opk_of(world, 2), 1);
    assert_int_equal(world_opk_of(world, 3), UINT32_MAX);
    assert_boxes(world_letter(world, ST_CHAT_CONFIRMED, 0), bob.acct, 3, 3);
    /* Only one of them; one that is not there. */
    struct st_msg_start_chat ask = { .acct = st_view(bob.acct, ST_ACCT_LEN),
                                     .nonce = st_view(nonce, sizeof nonce),
                                     .dev = 2 };
    ST_SET(&ask, 3);
    must_do(person_say(&alice, &alice.gadgets[0], ST_START_CHAT, &ask));
    world_read(world, ST_CHAT_CONFIRMED, &answer);
    assert_int_equal(answer.bundles.count, 1);
    ask.dev = 77;
    must_do(person_say(&alice, &alice.gadgets[0], ST_START_CHAT, &ask));
    world_read(world, ST_CHAT_CONFIRMED, &answer);
    assert_int_equal(answer.bundles.count, 0);
    /* Of one's own account: the other devices, not oneself. */
    must_do(person_start_chat(&bob, bob.acct, 9));
    assert_int_equal(world_opk_of(world, 1), UINT32_MAX);
    assert_int_equal(world_opk_of(world, 2), 2);
    uint8_t nobody[ST_ACCT_LEN] = { 3 };
    assert_int_equal(person_start_chat(&alice, nobody, 1), ST_CODE_NOT_FOUND);
}

static void start_chat__too_often__is_rate_limited(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    begin_day(world);
    for (int i = 0; i < 30; i++)
        must_do(person_start_chat(&alice, bob.acct, (uint8_t)i));
    assert_int_equal(person_start_chat(&alice, bob.acct, 1), ST_CODE_RATE_LIMITED);
    assert_int_equal(world_retry(world), 3600);
    world_pass(world, HOUR_MS);
    must_do(person_start_chat(&alice, bob.acct, 1));
}

static void start_chat__other_requests__have_limits_of_their_own(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_is_user ask = { .name = st_view_text("alice") };
    person_new(&alice, world, "alice");
    begin_day(world);
    for (int i = 0; i < 60; i++)
        must_do(person_say(&alice, &alice.gadgets[0], ST_IS_USER, &ask));
    must_do(person_start_chat(&alice, alice.acct, 1));
}

static void start_chat__many_strangers__ends_for_the_day(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person people[22];
    char name[16];
    person_new(&alice, world, "alice");
    for (size_t i = 0; i < 22; i++) {
        (void)snprintf(name, sizeof name, "user%zu", i);
        person_new(&people[i], world, name);
    }
    begin_day(world);
    for (size_t i = 0; i < 20; i++)
        must_do(person_start_chat(&alice, people[i].acct, 1));
    world_pass(world, 2 * HOUR_MS);
    assert_int_equal(person_start_chat(&alice, people[20].acct, 1), ST_CODE_RATE_LIMITED);
    assert_int_equal(world_retry(world), 22 * 3600);
    must_do(person_start_chat(&alice, people[3].acct, 2)); /* somebody of today already */
    must_do(person_start_chat(&alice, alice.acct, 2));     /* oneself */
    must_do(person_start_chat(&people[5], alice.acct, 1)); /* others are not concerned */
    world_pass(world, DAY_MS);
    must_do(person_start_chat(&alice, people[20].acct, 1));
}

static void start_chat__prekeys_drained__keeps_60_an_hour(void **state)
{
    /* Twenty accounts with a thousand requests (SECURITY, attack 19): the target still has keys for others. */
    struct world *world = *state;
    struct person bob;
    struct person mallory[20];
    char name[16];
    size_t given = 0;
    person_new(&bob, world, "bob");
    for (size_t i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "mallory%zu", i);
        person_new(&mallory[i], world, name);
    }
    begin_day(world);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 100));
    must_do(person_confirm(&bob, &bob.gadgets[0], 0, 100));
    for (int round = 0; round < 50; round++)
        for (size_t i = 0; i < 20; i++)
            if (person_start_chat(&mallory[i], bob.acct, (uint8_t)round) == 0)
                given += world_opk_of(world, 1) != 0;
    assert_int_equal(given, 20);
    must_do(person_confirm(&bob, &bob.gadgets[0], 0, 0));
    assert_int_equal(opk_left(world), 180);
}

static void start_chat__opks_of_a_device__are_limited_by_the_hour(void **state)
{
    struct world *world = *state;
    struct person bob;
    char name[16];
    person_new(&bob, world, "bob");
    world->config.limits.opks_per_hour = 3;
    must_ok(auth_core_reload(world->auths[0], &world->config));
    begin_day(world);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 10));
    struct person asker;
    for (uint32_t i = 1; i <= 5; i++) {
        (void)snprintf(name, sizeof name, "asker%u", i);
        person_new(&asker, world, name);
        must_do(person_start_chat(&asker, bob.acct, 1));
        assert_int_equal(world_opk_of(world, 1), i <= 3 ? i : 0);
    }
    world_pass(world, HOUR_MS);
    person_new(&asker, world, "asker9");
    must_do(person_start_chat(&asker, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 4);
}

/* ---- two auths ---- */

static void start_chat__two_auths__never_give_one_key_twice(void **state)
{
    struct world *world = *state;
    struct person bob;
    struct person people[16];
    char name[16];
    bool seen[32] = { false };
    world_start(world, 1);
    person_new(&bob, world, "bob");
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(name, sizeof name, "user%zu", i);
        person_new(&people[i], world, name);
        people[i].auth = i % 2;
    }
    begin_day(world);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 12));
    /* Both queue all requests before either carries one out; each request goes to both, as a client that tries another
     * gateway does. */
    uint8_t nonce[ST_NONCE_LEN] = { 1 };
    struct st_msg_start_chat ask = { .acct = st_view(bob.acct, ST_ACCT_LEN), .nonce = st_view(nonce, sizeof nonce) };
    uint64_t first = world->next_request;
    world_forget(world);
    for (size_t i = 0; i < 16; i++) {
        struct st_hop hop = person_hop(&people[i], &people[i].gadgets[0]);
        world_queue(world, 0, &world_gateway, &hop, ST_START_CHAT, &ask);
        world_queue(world, 1, &world_gateway, &hop, ST_START_CHAT, &ask);
    }
    auth_core_flush(world->auths[1]);
    auth_core_flush(world->auths[0]);
    size_t given = 0;
    for (size_t i = 0; i < 16; i++) {
        uint32_t ids[2];
        for (size_t auth = 0; auth < 2; auth++) {
            struct st_msg_chat_confirmed answer;
            struct st_msg_bundle bundle;
            must_ok(st_frame_read(&world_answer(world, first + 1 + 2 * i + auth)->frame, &answer));
            assert_true(st_records_next(&st_schema_bundle, &answer.bundles, &bundle));
            ids[auth] = ST_HAS(&bundle, 6) ? (uint32_t)bundle.opk_id : 0;
        }
        assert_int_equal(ids[0], ids[1]); /* the same nonce, the same key, from both */
        if (ids[0] == 0)
            continue;
        assert_false(seen[ids[0]]);
        seen[ids[0]] = true;
        given++;
    }
    assert_int_equal(given, 12);
}

static void start_chat__store_lost_at_every_call__loses_no_key(void **state)
{
    struct world *world = *state;
    static const enum auth_mem_fault faults[] = { AUTH_MEM_FAIL, AUTH_MEM_CRASH, AUTH_MEM_CRASH_AFTER };
    struct person bob;
    person_new(&bob, world, "bob");
    begin_day(world);
    world->config.limits.opks_per_hour = 1000;
    must_ok(auth_core_reload(world->auths[0], &world->config));
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 100));
    uint32_t expected = 1;
    for (size_t f = 0; f < 3; f++) {
        for (uint64_t n = 1; n < 40; n++) {
            struct person asker;
            char name[24];
            (void)snprintf(name, sizeof name, "asker%zu-%u", f, (unsigned)n);
            person_new(&asker, world, name);
            world_break(world, n, faults[f]);
            enum st_code code = person_start_chat(&asker, bob.acct, 1);
            bool reached = world_mend(world);
            assert_int_equal(code, reached ? ST_CODE_UNAVAILABLE : 0);
            if (reached)
                assert_null(world_letter(world, ST_NOTIFY, 0));
            world_kill(world, 0);
            world_start(world, 0);
            must_do(person_start_chat(&asker, bob.acct, 1));
            assert_int_equal(world_opk_of(world, 1), expected++);
            if (!reached)
                break;
            assert_true(n < 39);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(confirm_chat__upload__counts),
        TEST(confirm_chat__repeat__revives_nothing),
        TEST(confirm_chat__numbers_out_of_order__are_refused_whole),
        TEST(confirm_chat__newer_spk__replaces_older_never),
        TEST(confirm_chat__bad_spk__is_rejected),
        TEST(start_chat__bundle__is_whole),
        TEST(start_chat__same_nonce__gets_the_same_key),
        TEST(start_chat__none_left__goes_on_without),
        TEST(start_chat__several_devices__each_its_own),
        TEST(start_chat__too_often__is_rate_limited),
        TEST(start_chat__other_requests__have_limits_of_their_own),
        TEST(start_chat__many_strangers__ends_for_the_day),
        TEST(start_chat__prekeys_drained__keeps_60_an_hour),
        TEST(start_chat__opks_of_a_device__are_limited_by_the_hour),
        TEST(start_chat__two_auths__never_give_one_key_twice),
        TEST(start_chat__store_lost_at_every_call__loses_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
