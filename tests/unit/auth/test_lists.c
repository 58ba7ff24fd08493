#include "tests/unit/auth/auth_world.h"

static enum st_code get_list(struct person *person, const struct gadget *gadget, const uint8_t *acct, uint64_t from)
{
    struct st_msg_get_list ask = { .acct = st_view(acct, ST_ACCT_LEN), .from_seq = from };
    return person_say(person, gadget, ST_GET_LIST, &ask);
}

static enum st_code is_user(struct person *person, const char *name)
{
    struct st_msg_is_user ask = { .name = st_view_text(name) };
    return person_say(person, &person->gadgets[0], ST_IS_USER, &ask);
}

/* ---- looking up ---- */

static void is_user__known_name__gives_account_and_list(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct st_msg_is_user_r answer;
    uint8_t wire[ST_DEVLIST_WIRE_MAX];
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    must_do(is_user(&alice, "bob"));
    world_read(world, ST_IS_USER_R, &answer);
    assert_memory_equal(answer.acct.p, bob.acct, ST_ACCT_LEN);
    assert_memory_equal(answer.ak.p, bob.ak, ST_KEY_LEN);
    assert_true(st_view_equal(answer.list, st_view(wire, list_wire(&bob.list, wire))));
    assert_int_equal(is_user(&alice, "bbo"), ST_CODE_NOT_FOUND);
}

static void is_user__hidden__is_found_by_himself_only(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct auth_account account;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    must_ok(auth_store_account_by_id(&world->stores[0], bob.acct, false, &account));
    account.flags |= AUTH_ACCOUNT_HIDDEN;
    must_ok(auth_store_account_update(&world->stores[0], &account));
    assert_int_equal(is_user(&alice, "bob"), ST_CODE_NOT_FOUND);
    struct letter hidden = *world_answer(world, world->next_request);
    uint8_t bytes[300];
    size_t len = hidden.len;
    memcpy(bytes, hidden.bytes, len);
    assert_int_equal(is_user(&alice, "nobody"), ST_CODE_NOT_FOUND);
    struct letter *absent = world_answer(world, world->next_request);
    assert_int_equal(absent->len, len);
    assert_memory_equal(absent->bytes + ST_HEADER_LEN, bytes + ST_HEADER_LEN, len - ST_HEADER_LEN);
    must_do(is_user(&bob, "bob"));
}

static void is_user__too_often__is_rate_limited(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    world->wall_ms = world->wall_ms / 3600000 * 3600000;
    for (uint32_t i = 0; i < world->config.limits.lookups_per_hour; i++)
        assert_int_equal(is_user(&alice, "nobody"), ST_CODE_NOT_FOUND);
    assert_int_equal(is_user(&alice, "nobody"), ST_CODE_RATE_LIMITED);
    assert_int_equal(world_retry(world), 3600);
    world_pass(world, 3600000);
    assert_int_equal(is_user(&alice, "nobody"), ST_CODE_NOT_FOUND);
}

static void get_list__any_range__rises(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct st_msg_list_r answer;
    struct st_msg_list item;
    struct st_devlist list;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    for (int i = 0; i < 11; i++) {
        person_next_list(&bob, NULL, 0);
        must_do(person_put_list(&bob, &bob.gadgets[0]));
    }
    static const struct {
        uint64_t from;
        size_t count;
        uint64_t first;
    } cases[] = { { 0, 1, 12 }, { 1, 8, 1 }, { 9, 4, 9 }, { 12, 1, 12 }, { 13, 0, 0 }, { UINT64_C(1) << 53, 0, 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        must_do(get_list(&alice, &alice.gadgets[0], bob.acct, cases[i].from));
        world_read(world, ST_LIST_R, &answer);
        assert_memory_equal(answer.acct.p, bob.acct, ST_ACCT_LEN);
        assert_memory_equal(answer.ak.p, bob.ak, ST_KEY_LEN);
        assert_true(st_view_equal(answer.name, st_view_text("bob")));
        assert_int_equal(answer.lists.count, cases[i].count);
        for (uint64_t seq = cases[i].first; st_records_next(&st_schema_list, &answer.lists, &item); seq++) {
            must_ok(st_devlist_parse(item.list, &list));
            assert_int_equal(list.seq, seq);
        }
        assert_boxes(world_letter(world, ST_LIST_R, 0), bob.acct, 12, 1); /* always those of the newest */
    }
    uint8_t nobody[ST_ACCT_LEN] = { 1 };
    assert_int_equal(get_list(&alice, &alice.gadgets[0], nobody, 0), ST_CODE_NOT_FOUND);
}

/* ---- compare and set ---- */

static void put_list__next__is_stored_with_boxes(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_put_list_r answer;
    person_new(&alice, world, "alice");
    world_pass(world, 86400000);
    person_next_list(&alice, NULL, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    world_read(world, ST_PUT_LIST_R, &answer);
    assert_int_equal(answer.seq, 2);
    assert_boxes(world_letter(world, ST_PUT_LIST_R, 0), alice.acct, 2, 1);
    /* Its repeat after a lost answer, also when it is no longer the newest. */
    struct st_devlist second = alice.list;
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    person_next_list(&alice, NULL, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    must_do(person_put_lists(&alice, &alice.gadgets[0], &second, 1));
    world_read(world, ST_PUT_LIST_R, &answer);
    assert_int_equal(answer.seq, 3);
    assert_boxes(world_letter(world, ST_PUT_LIST_R, 0), alice.acct, 3, 1);
}

static void put_list__two_managers__one_wins(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    struct person other = alice;
    person_next_list(&alice, NULL, 0);
    world_pass(world, 1000);
    person_next_list(&other, NULL, 0); /* the same seq, another content */
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_int_equal(person_put_list(&other, &other.gadgets[0]), ST_CODE_CONFLICT);
    /* A fork: the next seq on another past. */
    person_next_list(&other, NULL, 0);
    assert_int_equal(person_put_list(&other, &other.gadgets[0]), ST_CODE_CONFLICT);
    /* A gap. */
    struct person ahead = alice;
    person_next_list(&ahead, NULL, 0);
    person_next_list(&ahead, NULL, 0);
    assert_int_equal(person_put_list(&ahead, &ahead.gadgets[0]), ST_CODE_CONFLICT);
    /* Rollback to the first list, changed. */
    struct st_devlist first = alice.list;
    first.seq = 1;
    first.expires--;
    memset(first.prev_hash, 0, sizeof first.prev_hash);
    struct st_devlist kept = alice.list;
    alice.list = first;
    person_sign_list(&alice);
    assert_int_equal(person_put_list(&alice, &alice.gadgets[0]), ST_CODE_CONFLICT);
    alice.list = kept;
    person_next_list(&alice, NULL, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
}

static void put_list__bad_ones__are_rejected(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    for (int i = 0; i < 7; i++) {
        struct person p = alice;
        person_next_list(&p, NULL, 0);
        switch (i) {
        case 0: /* expired */
            p.list.issued -= 31 * 86400;
            p.list.expires = p.list.issued + 86400;
            break;
        case 1: /* from the future */
            p.list.issued += 2 * 86400;
            p.list.expires += 2 * 86400;
            break;
        case 2: /* lives too long */
            p.list.expires++;
            break;
        case 3: /* a device that stays changed a key */
            p.list.devices[0].dik[0] ^= 1;
            break;
        case 4:
            p.list.devices[0].added++;
            break;
        case 5: /* another account's list under this one's key */
            memcpy(p.list.acct_id, bob.acct, ST_ACCT_LEN);
            break;
        default:
            break;
        }
        person_sign_list(&p);
        if (i == 6)
            p.list.sig[63] ^= 1;
        assert_int_equal(person_put_list(&p, &p.gadgets[0]), ST_CODE_LIST_REJECTED);
    }
    /* Bob's own good list, brought by Alice. */
    person_next_list(&bob, NULL, 0);
    struct person thief = alice;
    thief.list = bob.list;
    assert_int_equal(person_put_list(&thief, &thief.gadgets[0]), ST_CODE_LIST_REJECTED);
    must_do(person_put_list(&bob, &bob.gadgets[0]));
}

static void put_list__too_often__is_rate_limited(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    for (uint32_t i = 0; i < world->config.limits.list_changes_per_hour; i++)
        must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_int_equal(person_put_list(&alice, &alice.gadgets[0]), ST_CODE_RATE_LIMITED);
}

/* ---- linking and removing ---- */

static void link__offer__is_shown_and_becomes_a_device(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_link_get ask = { 0 };
    struct st_msg_link_get_r answer;
    struct st_msg_link_entry entry;
    struct st_msg_login_done done;
    struct auth_device row;
    struct gadget *phone = &alice.gadgets[1];
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    gadget_init(phone, world, 0);
    must_do(person_login(&alice, phone, alice.password, false));
    world_read(world, ST_LOGIN_DONE, &done);
    phone->dev = (uint32_t)done.dev;

    /* A pending device may offer, look at its own list, log out, and nothing else. */
    assert_int_equal(person_say(&alice, phone, ST_LINK_GET, &ask), ST_CODE_NOT_ALLOWED);
    must_do(get_list(&alice, phone, alice.acct, 0));
    assert_int_equal(get_list(&alice, phone, bob.acct, 0), ST_CODE_NOT_ALLOWED);
    must_do(person_offer(&alice, phone, "phone"));
    must_do(person_offer(&alice, phone, "my phone"));
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &ask));
    world_read(world, ST_LINK_GET_R, &answer);
    assert_int_equal(answer.offers.count, 1);
    assert_true(st_records_next(&st_schema_link_entry, &answer.offers, &entry));
    assert_int_equal(entry.dev, 2);
    assert_memory_equal(entry.dsk.p, phone->dsk, ST_KEY_LEN);
    assert_true(st_view_equal(entry.name, st_view_text("my phone")));

    person_next_list(&alice, phone, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_boxes(world_letter(world, ST_PUT_LIST_R, 0), alice.acct, 2, 2);
    must_ok(auth_store_device_by_tk(&world->stores[0], phone->tk, &row)); /* the same connection, now a device */
    assert_int_equal(row.state, AUTH_DEVICE_ACTIVE);
    assert_memory_equal(row.dsk, phone->dsk, ST_KEY_LEN);
    assert_true(st_view_equal(auth_text_view(&row.name), st_view_text("my phone")));
    must_do(person_say(&alice, phone, ST_LINK_GET, &ask));
    world_read(world, ST_LINK_GET_R, &answer);
    assert_int_equal(answer.offers.count, 0);
    must_do(person_confirm(&alice, phone, 1, 3));
    must_do(person_login(&alice, phone, alice.password, true));
}

static void link_offer__bad_acceptance__is_rejected(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget *phone = &alice.gadgets[1];
    person_new(&alice, world, "alice");
    gadget_init(phone, world, 0);
    must_do(person_login(&alice, phone, alice.password, false));
    phone->dev = 2;
    struct gadget wrong = *phone;
    wrong.dev = 3; /* signed for another number, spoken by device 2 */
    uint8_t accept[ST_SIG_LEN];
    uint8_t tag[ST_HASH_LEN] = { 0 };
    struct st_device device = { .dev_id = 3 };
    memcpy(device.dsk, wrong.dsk, sizeof device.dsk);
    memcpy(device.dik, wrong.dik, sizeof device.dik);
    must_ok(st_devlist_accept_sign(accept, wrong.dsk_secret, alice.ak, &device));
    struct st_msg_link_offer ask = { .dsk = st_view(wrong.dsk, 32),
                                     .dik = st_view(wrong.dik, 32),
                                     .accept = st_view(accept, sizeof accept),
                                     .tag = st_view(tag, sizeof tag),
                                     .name = st_view_text("phone") };
    assert_int_equal(person_say(&alice, phone, ST_LINK_OFFER, &ask), ST_CODE_LIST_REJECTED);
    memset(phone->dik, 0, sizeof phone->dik); /* well signed, but of low order */
    assert_int_equal(person_offer(&alice, phone, "phone"), ST_CODE_LIST_REJECTED);
}

static void link_offer__after_ten_minutes__is_gone(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_link_get ask = { 0 };
    struct st_msg_link_get_r answer;
    struct auth_device row;
    struct gadget *phone = &alice.gadgets[1];
    person_new(&alice, world, "alice");
    gadget_init(phone, world, 0);
    must_do(person_login(&alice, phone, alice.password, false));
    phone->dev = 2;
    must_do(person_offer(&alice, phone, "phone"));
    world_pass(world, AUTH_OFFER_MS);
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &ask));
    world_read(world, ST_LINK_GET_R, &answer);
    assert_int_equal(answer.offers.count, 0);
    /* A list that still names it: the account key's word stands, but the connection must prove itself anew. */
    world_ping(world, 0, &world_gateway);
    person_next_list(&alice, phone, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_non_null(world_letter(world, ST_REVOKE, 0));
    must_ok(auth_store_device_get(&world->stores[0], alice.acct, 2, &row));
    assert_false(row.has_tk);
    assert_int_equal(person_say(&alice, phone, ST_LINK_GET, &ask), ST_CODE_NOT_ALLOWED);
    must_do(person_login(&alice, phone, alice.password, true));
    must_do(person_say(&alice, phone, ST_LINK_GET, &ask));
}

static void put_list__stolen_number__gets_no_connection(void **state)
{
    /* Somebody with the password waits as pending device 2; the manager's list names other keys for number 2. */
    struct world *world = *state;
    struct person alice;
    struct auth_device row;
    struct gadget thief;
    struct gadget *phone = &alice.gadgets[1];
    person_new(&alice, world, "alice");
    gadget_init(phone, world, 2);
    gadget_init(&thief, world, 0);
    memcpy(thief.dik, phone->dik, sizeof thief.dik); /* a public key; offered under a signing key of his own */
    must_do(person_login(&alice, &thief, alice.password, false));
    thief.dev = 2;
    must_do(person_offer(&alice, &thief, "phone"));
    person_next_list(&alice, phone, 0);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], thief.tk, &row), ST_ENOTFOUND);
    assert_int_equal(person_login(&alice, &thief, alice.password, true), ST_CODE_LIST_REJECTED);
    must_do(person_login(&alice, phone, alice.password, true));
}

static void put_list__removal__deletes_revokes_and_closes(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_device row;
    struct st_int_revoke revoke;
    uint64_t left;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    must_do(person_confirm(&alice, &alice.gadgets[1], 1, 5));
    world_ping(world, 0, &world_gateway);
    world_ping(world, 0, &world_other_gateway);
    struct gadget gone = alice.gadgets[1];
    person_next_list(&alice, NULL, 2);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    assert_boxes(world_letter(world, ST_PUT_LIST_R, 0), alice.acct, 3, 1);
    for (size_t i = 0; i < 2; i++) { /* both gateways, behind the answer */
        must_ok(st_frame_read(&world_letter(world, ST_REVOKE, i)->frame, &revoke));
        assert_memory_equal(revoke.acct.p, alice.acct, ST_ACCT_LEN);
        assert_int_equal(revoke.dev, 2);
        assert_int_equal(revoke.reason, ST_BYE_REVOKED);
        assert_int_equal(world_letter(world, ST_REVOKE, i)->hop.kind, ST_HOP_SERVICE);
    }
    assert_null(world_letter(world, ST_REVOKE, 2));
    assert_int_equal(world->letters[0].frame.type, ST_PUT_LIST_R);
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], gone.tk, &row), ST_ENOTFOUND);
    must_ok(auth_store_opk_count(&world->stores[0], alice.acct, 2, &left));
    assert_int_equal(left, 0);
    struct st_msg_link_get ask = { 0 };
    assert_int_equal(person_say(&alice, &gone, ST_LINK_GET, &ask), ST_CODE_DEVICE_REVOKED);
    assert_int_equal(person_login(&alice, &gone, alice.password, true), ST_CODE_DEVICE_REVOKED);
    /* Its number never comes back, not even by the account key. */
    person_next_list(&alice, &gone, 0);
    assert_int_equal(person_put_list(&alice, &alice.gadgets[0]), ST_CODE_LIST_REJECTED);
}

static void put_list__last_device_of_itself__may_go(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    person_link(&alice, &alice.gadgets[1]);
    person_next_list(&alice, NULL, 1);
    must_do(person_put_list(&alice, &alice.gadgets[0])); /* device 1 removes itself */
    struct st_msg_link_get ask = { 0 };
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &ask), ST_CODE_DEVICE_REVOKED);
    must_do(person_say(&alice, &alice.gadgets[1], ST_LINK_GET, &ask));
}

/* ---- after a restore ---- */

static void put_list__after_a_restore__takes_the_chain(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_mem *backup;
    struct st_devlist chain[9];
    struct st_msg_put_list_r answer;
    struct auth_account account;
    person_new(&alice, world, "alice");
    must_ok(auth_mem_snapshot(world->mem, &backup));
    person_link(&alice, &alice.gadgets[1]); /* list 2: device 2 */
    chain[0] = alice.list;
    person_link(&alice, &alice.gadgets[2]); /* list 3: device 3 */
    chain[1] = alice.list;
    person_next_list(&alice, NULL, 2); /* list 4: device 2 goes */
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    chain[2] = alice.list;
    for (size_t i = 3; i < 9; i++) {
        world_pass(world, INT64_C(86400000) * 6);
        person_next_list(&alice, NULL, 0);
        must_do(person_put_list(&alice, &alice.gadgets[0]));
        chain[i] = alice.list;
    }

    world_kill(world, 0);
    must_ok(auth_mem_restore(world->mem, backup));
    world_start(world, 0);
    /* Without its beginning the chain continues nothing. */
    assert_int_equal(person_put_lists(&alice, &alice.gadgets[0], chain + 1, 8), ST_CODE_CONFLICT);
    must_ok(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account));
    assert_int_equal(account.list_seq, 1);
    /* Eight at once, though the first ones have expired; then the last. */
    assert_int_equal(person_put_lists(&alice, &alice.gadgets[0], chain, 8), 0);
    world_read(world, ST_PUT_LIST_R, &answer);
    assert_int_equal(answer.seq, 9);
    assert_boxes(world_letter(world, ST_PUT_LIST_R, 0), alice.acct, 9, 2);
    must_do(person_put_lists(&alice, &alice.gadgets[0], chain + 1, 8)); /* overlaps what is there */
    world_read(world, ST_PUT_LIST_R, &answer);
    assert_int_equal(answer.seq, 10);
    /* Device 3 proves itself and is back; device 2 is not; the next number is a new one. */
    must_do(person_login(&alice, &alice.gadgets[2], alice.password, true));
    assert_int_equal(person_login(&alice, &alice.gadgets[1], alice.password, true), ST_CODE_DEVICE_REVOKED);
    must_ok(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account));
    assert_int_equal(account.next_dev, 4);
    auth_mem_free(&backup);
}

static void put_list__bad_link_in_a_chain__stores_none_of_it(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_account account;
    struct auth_list list;
    struct st_devlist chain[3];
    person_new(&alice, world, "alice");
    for (size_t i = 0; i < 3; i++) {
        person_next_list(&alice, NULL, 0);
        chain[i] = alice.list;
    }
    chain[2].accept[0][0] ^= 1;
    assert_int_equal(person_put_lists(&alice, &alice.gadgets[0], chain, 3), ST_CODE_LIST_REJECTED);
    must_ok(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account));
    assert_int_equal(account.list_seq, 1);
    assert_int_equal(auth_store_list_get(&world->stores[0], alice.acct, 2, &list), ST_ENOTFOUND);
    chain[2].accept[0][0] ^= 1;
    must_do(person_put_lists(&alice, &alice.gadgets[0], chain, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_user__known_name__gives_account_and_list),
        TEST(is_user__hidden__is_found_by_himself_only),
        TEST(is_user__too_often__is_rate_limited),
        TEST(get_list__any_range__rises),
        TEST(put_list__next__is_stored_with_boxes),
        TEST(put_list__two_managers__one_wins),
        TEST(put_list__bad_ones__are_rejected),
        TEST(put_list__too_often__is_rate_limited),
        TEST(link__offer__is_shown_and_becomes_a_device),
        TEST(link_offer__bad_acceptance__is_rejected),
        TEST(link_offer__after_ten_minutes__is_gone),
        TEST(put_list__stolen_number__gets_no_connection),
        TEST(put_list__removal__deletes_revokes_and_closes),
        TEST(put_list__last_device_of_itself__may_go),
        TEST(put_list__after_a_restore__takes_the_chain),
        TEST(put_list__bad_link_in_a_chain__stores_none_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
