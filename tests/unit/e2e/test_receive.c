/* Receiving: what is checked before any key is used, what is held, and the effects. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

static enum st_err never(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    (void)ctx;
    (void)id;
    (void)pair_r;
    fail_msg("a prekey was looked up");
    return ST_EIO;
}

static enum st_err not_seen(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_ENOTFOUND;
}

/* What B is told about an incoming copy, for tests that want it otherwise than the fixture. */
static struct e2e_incoming incoming_of(struct fixture *f, const struct e2e_prekeys *prekeys)
{
    return (struct e2e_incoming) { .self = &f->b.self,
                                   .from_acct = f->a.self.ident.acct_id,
                                   .from_dev = f->a.self.ident.dev_id,
                                   .listed = &f->a.self.ident,
                                   .prekeys = prekeys,
                                   .account_budget = &f->b.budget,
                                   .envelope = st_buf_view(&f->wire),
                                   .now_s = f->now_s };
}

static void receive__initial__opens_a_session_and_names_the_effects(void **state)
{
    struct fixture *f = *state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    assert_int_equal(fixture_open(f, &f->a, 3, false), ST_OK);
    fixture_send(f, &f->a, "hello");
    assert_true(f->sent.initial);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    assert_true(f->received.opened);
    assert_false(f->received.no_opk);
    assert_int_equal(f->received.opk_used, 3);
    assert_int_equal(f->received.spk_id, 1);
    crypto_hash_sha256(hash, f->wire.p + E2E_HEADER_BYTES + E2E_IDENT_BYTES, E2E_KEY_BYTES);
    assert_memory_equal(f->received.ek_hash, hash, sizeof hash);
    assert_memory_equal(f->received.sender_acct, f->a.self.ident.acct_id, ST_ACCT_BYTES);
    assert_int_equal(f->received.sender_dev, 1);
    assert_memory_equal(f->received.sid, f->sent.sid, E2E_SID_BYTES);
    assert_memory_equal(f->received.r, f->sent.r, E2E_KEY_BYTES);
    assert_int_equal(f->received.n, f->sent.n);
    /* The next one, still of type 1, has no effects and touches no one-time prekey. */
    unsigned lookups = f->b.opk_lookups;
    fixture_pass(f, &f->a, "again");
    assert_true(f->sent.initial);
    assert_false(f->received.opened);
    assert_int_equal(f->received.opk_used, 0);
    assert_int_equal(f->b.opk_lookups, lookups);
}

static void receive__initial__without_opk_says_so(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    assert_true(f->a.set.sessions[0]->no_opk);
    fixture_pass(f, &f->a, "hello");
    assert_true(f->received.opened);
    assert_true(f->received.no_opk);
    assert_int_equal(f->received.opk_used, 0);
    assert_int_equal(f->b.opk_lookups, 0);
}

static void receive__initial__is_repeated_until_an_answer_was_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    for (int i = 0; i < 4; i++) {
        fixture_pass(f, &f->a, "hello");
        assert_true(f->sent.initial);
    }
    fixture_pass(f, &f->b, "answer");
    assert_false(f->sent.initial);
    fixture_pass(f, &f->a, "message");
    assert_false(f->sent.initial);
    struct st_buf bytes;
    fixture_save(&f->a.set, &bytes);
    assert_true(bytes.len < 800);
    st_buf_free(&bytes);
}

static void receive__unknown_session__for_a_message_without_one(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "x");
    e2e_set_close_all(&f->b.set);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_UNKNOWN_SESSION);
    assert_memory_equal(f->received.sid, f->sent.sid, E2E_SID_BYTES);
}

static void receive__unknown_prekey__spk_or_opk(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 2, false), ST_OK);
    fixture_send(f, &f->a, "x");
    f->b.opk[1].id = 0;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_UNKNOWN_PREKEY);
    f->b.opk[1].id = 2;
    f->b.spk[0].id = 9;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_UNKNOWN_PREKEY);
    f->b.spk[0].id = 1;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* A restart between: the set and the effects are all there is. */
static void restart(struct fixture_party *party)
{
    struct e2e_set copy;
    fixture_clone(&party->set, &copy);
    e2e_set_deinit(&party->set);
    party->set = copy;
}

static void receive__replay_of_initial__with_opk(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "hello");
    restart(&f->b);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
    f->now_s += FIXTURE_DAY;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
    e2e_set_close_all(&f->b.set);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_KNOWN_EK);
    /* Even if the memory of EKs were lost, the one-time prekey is gone. */
    f->b.ek_count = 0;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_UNKNOWN_PREKEY);
}

static void receive__replay_of_initial__without_opk(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_pass(f, &f->a, "hello");
    restart(&f->b);
    f->now_s += FIXTURE_DAY;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
    e2e_set_close_all(&f->b.set);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_KNOWN_EK);
    assert_int_equal(f->b.set.count, 0);
}

static void receive__opk_handed_out_twice__opens_one_session_only(void **state)
{
    struct fixture *f = *state;
    struct st_buf first;
    st_buf_init(&first, E2E_ENVELOPE_MAX);
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "one");
    st_buf_append(&first, f->wire.p, f->wire.len);
    e2e_set_close_all(&f->a.set);
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "two");
    fixture_refuse(f, &f->b, st_buf_view(&first), E2E_UNKNOWN_PREKEY);
    st_buf_free(&first);
}

static enum st_err give_spk(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    const struct fixture_party *party = ctx;
    *pair_r = party->spk[0].pair;
    return id == 1 ? ST_OK : ST_ENOTFOUND;
}

/* Decrypts f->wire at B with `incoming` and returns the verdict. */
static enum e2e_verdict decrypt_with(struct fixture *f, const struct e2e_incoming *incoming)
{
    assert_int_equal(e2e_decrypt(&f->b.set, incoming, &f->plain, &f->received), ST_OK);
    return f->received.verdict;
}

static void receive__sender__must_be_listed_as_it_says(void **state)
{
    struct fixture *f = *state;
    const struct e2e_prekeys prekeys = { &f->b, give_spk, never, not_seen };
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_send(f, &f->a, "hello");
    struct e2e_incoming incoming = incoming_of(f, &prekeys);
    incoming.listed = NULL;
    assert_int_equal(decrypt_with(f, &incoming), E2E_LIST_MISSING);
    uint8_t bytes[E2E_IDENT_BYTES];
    for (size_t i = 0; i < E2E_IDENT_BYTES; i++) {
        struct e2e_ident other;
        e2e_identity_write(&f->a.self.ident, bytes);
        bytes[i] ^= 1;
        e2e_identity_read(bytes, &other);
        incoming.listed = &other;
        assert_int_equal(decrypt_with(f, &incoming), E2E_MALFORMED);
        assert_int_equal(f->b.set.count, 0);
    }
    incoming.listed = &f->a.self.ident;
    assert_int_equal(decrypt_with(f, &incoming), E2E_READ);
}

/* THREAT-MODEL: the relay's `from` must be the session's. */
static void receive__from__other_than_the_sets_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct e2e_prekeys prekeys = { &f->b, never, never, not_seen };
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    struct e2e_incoming incoming = incoming_of(f, &prekeys);
    incoming.from_acct = f->b.self.ident.acct_id;
    assert_int_equal(decrypt_with(f, &incoming), E2E_MALFORMED);
    incoming = incoming_of(f, &prekeys);
    incoming.from_dev = 2;
    assert_int_equal(decrypt_with(f, &incoming), E2E_MALFORMED);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* A third account's initial message under A's name. */
static void receive__initial__of_another_account_under_this_name_is_refused(void **state)
{
    struct fixture *f = *state;
    struct e2e_ident kept = f->a.self.ident;
    struct e2e_sign_pair other;
    assert_int_equal(e2e_identity_sign_pair(&f->env, &other), ST_OK);
    /* Its own AK under A's account id ... */
    memcpy(f->a.self.ident.ak, other.pub, sizeof other.pub);
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_send(f, &f->a, "x");
    f->a.self.ident = kept;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
    /* ... or its own account id and AK, while the relay says A. */
    e2e_set_close_all(&f->a.set);
    memcpy(f->a.self.ident.ak, other.pub, sizeof other.pub);
    st_devlist_acct_id(f->a.self.ident.acct_id, other.pub);
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_send(f, &f->a, "x");
    f->a.self.ident = kept;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
}

/* Another device of A's account, listed as such, in a copy that the relay says is from this one. */
static void receive__initial__of_another_device_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct e2e_prekeys prekeys = { &f->b, give_spk, never, not_seen };
    struct e2e_ident kept = f->a.self.ident;
    f->a.self.ident.dev_id = 2;
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_send(f, &f->a, "x");
    struct e2e_ident second = f->a.self.ident;
    f->a.self.ident = kept;
    struct e2e_incoming incoming = incoming_of(f, &prekeys);
    incoming.listed = &second;
    assert_int_equal(decrypt_with(f, &incoming), E2E_MALFORMED);
    assert_int_equal(f->b.set.count, 0);
}

static enum st_err broken(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    (void)ctx;
    (void)id;
    (void)pair_r;
    return ST_EIO;
}

static enum st_err broken_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_EIO;
}

static void receive__store_error__is_no_verdict_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const struct e2e_prekeys stores[] = {
        { &f->b, broken, never, not_seen },
        { &f->b, give_spk, broken, not_seen },
        { &f->b, give_spk, never, broken_ek },
    };
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "x");
    for (size_t i = 0; i < 3; i++) {
        struct e2e_incoming incoming = incoming_of(f, &stores[i]);
        assert_int_equal(e2e_decrypt(&f->b.set, &incoming, &f->plain, &f->received), ST_EIO);
        assert_int_equal(f->b.set.count, 0);
        assert_int_equal(f->plain.len, 0);
    }
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    /* The same on a session that is held. */
    fixture_send(f, &f->a, "y");
    struct st_buf before;
    struct st_buf after;
    fixture_save(&f->b.set, &before);
    struct e2e_incoming incoming = incoming_of(f, &stores[0]);
    assert_int_equal(e2e_decrypt(&f->b.set, &incoming, &f->plain, &f->received), ST_EIO);
    fixture_save(&f->b.set, &after);
    assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
    st_buf_free(&before);
    st_buf_free(&after);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void receive__wrong_tags__pause_the_session_for_a_minute(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "x");
    uint8_t *last = f->wire.p + f->wire.len - 1;
    *last ^= 1;
    for (int i = 0; i < E2E_FAILED_TAGS_MAX; i++)
        fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_WRONG_TAG);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_PAUSED);
    *last ^= 1;
    f->now_s += E2E_FAILED_TAGS_PAUSE_S - 1;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_PAUSED);
    f->now_s += 1;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void receive__wrong_tags_without_session__pause_the_account(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < E2E_FAILED_TAGS_MAX; i++) {
        e2e_set_close_all(&f->a.set);
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
        fixture_send(f, &f->a, "x");
        f->wire.p[f->wire.len - 1] ^= 1;
        fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_WRONG_TAG);
    }
    f->wire.p[f->wire.len - 1] ^= 1;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_PAUSED);
    assert_int_equal(f->b.set.count, 0);
    f->now_s += E2E_FAILED_TAGS_PAUSE_S;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* Right tag, no padding: the state moves on, so it can never come for ever. */
static void receive__unreadable__moves_on(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "x");
    struct e2e_set clone;
    fixture_clone(&f->b.set, &clone);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    /* The padding mark of "x" is at byte 1: turn the byte in the ciphertext, and make the tag anew with the key. */
    f->wire.p[E2E_HEADER_BYTES + 1] ^= 0x80;
    crypto_auth_hmacsha256_state mac;
    crypto_auth_hmacsha256_init(&mac, f->received.mac_key, E2E_KEY_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->received.th, E2E_HASH_BYTES);
    crypto_auth_hmacsha256_update(&mac, f->wire.p, f->wire.len - E2E_TAG_BYTES);
    crypto_auth_hmacsha256_final(&mac, f->wire.p + f->wire.len - E2E_TAG_BYTES);
    e2e_set_deinit(&f->b.set);
    f->b.set = clone;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_UNREADABLE);
    assert_int_equal(f->plain.len, 0);
    assert_false(sodium_is_zero(f->received.mac_key, E2E_KEY_BYTES));
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
    fixture_pass(f, &f->a, "goes on");
}

static void receive__spk_erased__closes_what_hangs_on_it(void **state)
{
    struct fixture *f = *state;
    /* Before B has answered and A has turned: the open chain needs the SPK. */
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "hello");
    struct e2e_set clone;
    fixture_clone(&f->b.set, &clone);
    assert_false(e2e_set_spk_erased(&clone, 2));
    assert_int_equal(clone.count, 1);
    assert_true(e2e_set_spk_erased(&clone, 1));
    assert_int_equal(clone.count, 0);
    e2e_set_deinit(&clone);
    /* B has answered, A has not turned yet: its open chain still needs the SPK. */
    fixture_clone(&f->b.set, &clone);
    struct st_buf out;
    struct e2e_sent sent;
    st_buf_init(&out, E2E_ENVELOPE_MAX);
    assert_int_equal(e2e_encrypt(&clone, &f->env, st_view_text("answer"), f->now_s, &out, &sent), ST_OK);
    assert_true(e2e_set_spk_erased(&clone, 1));
    assert_int_equal(clone.count, 0);
    st_buf_free(&out);
    e2e_set_deinit(&clone);
    /* Without the notice the session is as good as closed. */
    fixture_send(f, &f->a, "x");
    f->b.spk[0].id = 9;
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_UNKNOWN_SESSION);
    f->b.spk[0].id = 1;
    /* Later only a message that is still missing needs it. */
    fixture_pass(f, &f->a, "y");
    fixture_pass(f, &f->b, "answer");
    fixture_pass(f, &f->a, "turn");
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, 1);
    unsigned lookups = f->b.spk_lookups;
    assert_true(e2e_set_spk_erased(&f->b.set, 1));
    assert_int_equal(f->b.set.count, 1);
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, 0);
    assert_false(e2e_set_spk_erased(&f->b.set, 1));
    f->b.spk[0].id = 0;
    fixture_pass(f, &f->b, "answer");
    fixture_pass(f, &f->a, "needs no signed prekey");
    assert_int_equal(f->b.spk_lookups, lookups);
    /* On the initiator's side the id is the peer's, and not ours to erase. */
    assert_false(e2e_set_spk_erased(&f->a.set, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(receive__initial__opens_a_session_and_names_the_effects),
        TEST(receive__initial__without_opk_says_so),
        TEST(receive__initial__is_repeated_until_an_answer_was_read),
        TEST(receive__unknown_session__for_a_message_without_one),
        TEST(receive__unknown_prekey__spk_or_opk),
        TEST(receive__replay_of_initial__with_opk),
        TEST(receive__replay_of_initial__without_opk),
        TEST(receive__opk_handed_out_twice__opens_one_session_only),
        TEST(receive__sender__must_be_listed_as_it_says),
        TEST(receive__from__other_than_the_sets_is_refused),
        TEST(receive__initial__of_another_account_under_this_name_is_refused),
        TEST(receive__initial__of_another_device_is_refused),
        TEST(receive__store_error__is_no_verdict_and_changes_nothing),
        TEST(receive__wrong_tags__pause_the_session_for_a_minute),
        TEST(receive__wrong_tags_without_session__pause_the_account),
        TEST(receive__unreadable__moves_on),
        TEST(receive__spk_erased__closes_what_hangs_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
