/* What the vectors do not cover of the ratchet: erasure, the limits of what is kept, ages, clones. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Is that private key anywhere in what would be stored, or in the session itself? */
static bool is_kept(const struct e2e_set *set, const uint8_t *secret)
{
    struct st_buf bytes;
    fixture_save(set, &bytes);
    bool kept = fixture_contains(bytes.p, bytes.len, secret);
    st_buf_free(&bytes);
    for (size_t i = 0; i < set->count; i++) {
        const struct ratchet *ratchet = &set->sessions[i]->ratchet;
        kept = kept || fixture_contains(set->sessions[i], sizeof *set->sessions[i], secret);
        if (ratchet->old != NULL)
            kept = kept || fixture_contains(ratchet->old, ratchet->old_cap * sizeof *ratchet->old, secret);
    }
    return kept;
}

/* The random string that was given out `back` draws ago (1: the newest). */
static void drawn(const struct fixture *f, uint32_t back, uint8_t out[static E2E_KEY_BYTES])
{
    memcpy(out, f->last_draws[(f->draws - back) % FIXTURE_DRAWS], E2E_KEY_BYTES);
}

static void ratchet__open_outgoing__forgets_ek(void **state)
{
    struct fixture *f = *state;
    uint8_t ek[E2E_KEY_BYTES];
    uint8_t r[E2E_KEY_BYTES];
    uint8_t m[E2E_KEY_BYTES];
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    drawn(f, 3, ek);
    drawn(f, 2, r);
    drawn(f, 1, m);
    assert_false(is_kept(&f->a.set, ek));
    assert_true(is_kept(&f->a.set, r));
    assert_true(is_kept(&f->a.set, m));
}

static void ratchet__seal__forgets_e(void **state)
{
    struct fixture *f = *state;
    uint8_t e[E2E_KEY_BYTES];
    fixture_talk(f);
    for (int i = 0; i < 3; i++) {
        fixture_send(f, &f->a, "x");
        drawn(f, 1, e);
        assert_false(is_kept(&f->a.set, e));
    }
}

static void ratchet__open__erases_r_with_the_answer(void **state)
{
    struct fixture *f = *state;
    uint8_t r[E2E_KEY_BYTES];
    fixture_talk(f);
    fixture_send(f, &f->a, "step");
    drawn(f, 3, r);
    assert_true(is_kept(&f->a.set, r));
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    fixture_send(f, &f->b, "answer");
    assert_true(is_kept(&f->a.set, r));
    assert_int_equal(fixture_receive(f, &f->a, st_buf_view(&f->wire)), E2E_READ);
    assert_false(is_kept(&f->a.set, r));
}

static void ratchet__open__erases_m_with_its_chain(void **state)
{
    struct fixture *f = *state;
    uint8_t m[E2E_KEY_BYTES];
    fixture_talk(f);
    fixture_send(f, &f->a, "step");
    drawn(f, 2, m);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    fixture_pass(f, &f->b, "answers to m");
    fixture_pass(f, &f->a, "next step");
    assert_true(is_kept(&f->a.set, m));
    fixture_pass(f, &f->b, "closes the chain that answers to m");
    assert_false(is_kept(&f->a.set, m));
}

static void ratchet__open__keeps_m_while_a_message_is_missing(void **state)
{
    struct fixture *f = *state;
    uint8_t m[E2E_KEY_BYTES];
    struct st_buf late;
    st_buf_init(&late, E2E_ENVELOPE_MAX);
    fixture_talk(f);
    fixture_send(f, &f->a, "step");
    drawn(f, 2, m);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    fixture_send(f, &f->b, "late");
    st_buf_append(&late, f->wire.p, f->wire.len);
    fixture_pass(f, &f->b, "in time");
    for (int i = 0; i < 5; i++) {
        fixture_pass(f, &f->a, "a");
        fixture_pass(f, &f->b, "b");
    }
    assert_true(is_kept(&f->a.set, m));
    assert_int_equal(f->a.set.sessions[0]->ratchet.old_count, 1);
    assert_int_equal(fixture_receive(f, &f->a, st_buf_view(&late)), E2E_READ);
    assert_false(is_kept(&f->a.set, m));
    assert_int_equal(f->a.set.sessions[0]->ratchet.old_count, 0);
    fixture_refuse(f, &f->a, st_buf_view(&late), E2E_REPLAY);
    st_buf_free(&late);
}

/* Sends `count` messages that nobody receives. */
static void lose(struct fixture *f, struct fixture_party *from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fixture_send(f, from, "lost");
}

static void ratchet__open__keeps_2000_keys_the_oldest_go_first(void **state)
{
    struct fixture *f = *state;
    struct st_buf first;
    struct st_buf second;
    st_buf_init(&first, E2E_ENVELOPE_MAX);
    st_buf_init(&second, E2E_ENVELOPE_MAX);
    fixture_talk(f);
    const struct ratchet *ratchet = &f->b.set.sessions[0]->ratchet;
    fixture_send(f, &f->a, "the oldest");
    st_buf_append(&first, f->wire.p, f->wire.len);
    fixture_send(f, &f->a, "the next");
    st_buf_append(&second, f->wire.p, f->wire.len);
    lose(f, &f->a, 998);
    fixture_pass(f, &f->a, "1000 passed over");
    lose(f, &f->a, 1000);
    fixture_pass(f, &f->a, "1000 more");
    assert_int_equal(ratchet->key_count, 2000);
    fixture_send(f, &f->a, "one more lost");
    fixture_pass(f, &f->a, "and here the oldest key goes");
    assert_int_equal(ratchet->key_count, E2E_KEYS_MAX);
    fixture_refuse(f, &f->b, st_buf_view(&first), E2E_REPLAY);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&second)), E2E_READ);
    assert_int_equal(ratchet->key_count, E2E_KEYS_MAX - 1);
    /* All that is kept fits into what a saved set may be. */
    struct st_buf bytes;
    fixture_save(&f->b.set, &bytes);
    assert_true(bytes.len < 100000);
    st_buf_free(&bytes);
    st_buf_free(&first);
    st_buf_free(&second);
}

static void ratchet__open__takes_1000_of_both_chains_in_one_step(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass(f, &f->a, "step");
    lose(f, &f->a, 1000);
    fixture_pass(f, &f->b, "answer");
    lose(f, &f->a, 1000);
    fixture_pass(f, &f->a, "both full");
    const struct ratchet *ratchet = &f->b.set.sessions[0]->ratchet;
    assert_int_equal(ratchet->key_count, 2000);
    assert_int_equal(ratchet->old_count, 1);
    /* One more in the same chain pushes out a key of the closed one, not the closed chain. */
    lose(f, &f->a, 1);
    fixture_pass(f, &f->a, "next");
    assert_int_equal(ratchet->key_count, 2000);
    assert_int_equal(ratchet->old_count, 1);
    lose(f, &f->a, 999);
    fixture_pass(f, &f->a, "pushes out all the rest of the closed chain");
    assert_int_equal(ratchet->key_count, 2000);
    assert_int_equal(ratchet->old_count, 0);
}

static void ratchet__open__keeps_40_old_chains(void **state)
{
    struct fixture *f = *state;
    static struct st_buf late[45];
    fixture_talk(f);
    for (int i = 0; i < 45; i++) {
        st_buf_init(&late[i], E2E_ENVELOPE_MAX);
        fixture_send(f, &f->a, "late");
        st_buf_append(&late[i], f->wire.p, f->wire.len);
        fixture_pass(f, &f->a, "a");
        fixture_pass(f, &f->b, "b");
    }
    fixture_pass(f, &f->a, "closes the last one");
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, E2E_OLD_CHAINS_MAX);
    for (int i = 0; i < 45; i++) {
        if (i < 5)
            fixture_refuse(f, &f->b, st_buf_view(&late[i]), E2E_REPLAY);
        else
            assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&late[i])), E2E_READ);
        st_buf_free(&late[i]);
    }
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, 0);
    assert_int_equal(f->b.set.sessions[0]->ratchet.key_count, 0);
}

static void ratchet__open__remembers_closed_chains_without_keys(void **state)
{
    struct fixture *f = *state;
    static struct st_buf wires[60];
    fixture_talk(f);
    for (int i = 0; i < 60; i++) {
        st_buf_init(&wires[i], E2E_ENVELOPE_MAX);
        fixture_pass(f, &f->a, "a");
        st_buf_append(&wires[i], f->wire.p, f->wire.len);
        fixture_pass(f, &f->b, "b");
    }
    for (int i = 59; i >= 20; i--)
        fixture_refuse(f, &f->b, st_buf_view(&wires[i]), E2E_REPLAY);
    for (int i = 0; i < 60; i++)
        st_buf_free(&wires[i]);
}

static void ratchet__age__erases_keys_30_days_after_the_closing(void **state)
{
    struct fixture *f = *state;
    struct st_buf late;
    st_buf_init(&late, E2E_ENVELOPE_MAX);
    fixture_talk(f);
    fixture_send(f, &f->a, "late");
    st_buf_append(&late, f->wire.p, f->wire.len);
    fixture_pass(f, &f->a, "in time");
    /* The chain stays open for 40 days: nothing ages. */
    f->now_s += 40 * FIXTURE_DAY;
    assert_false(e2e_set_tick(&f->b.set, f->now_s));
    assert_int_equal(f->b.set.sessions[0]->ratchet.key_count, 1);
    fixture_pass(f, &f->b, "answer");
    fixture_pass(f, &f->a, "closes the chain");
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, 1);
    assert_false(e2e_set_tick(&f->b.set, f->now_s + 30 * FIXTURE_DAY));
    struct e2e_set copy;
    fixture_clone(&f->b.set, &copy);
    assert_false(e2e_set_tick(&copy, 0)); /* a clock set back ages nothing */
    assert_true(e2e_set_tick(&copy, f->now_s + 30 * FIXTURE_DAY + 1));
    assert_int_equal(copy.sessions[0]->ratchet.key_count, 0);
    assert_int_equal(copy.sessions[0]->ratchet.old_count, 0);
    e2e_set_deinit(&copy);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&late)), E2E_READ);
    st_buf_free(&late);
}

static void ratchet__seal__refuses_the_10000th_of_a_chain(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass(f, &f->a, "n = 0");
    /* As if 9,996 more had been sent: the chain key need not be that of the number for the sender's own limit. */
    f->a.set.sessions[0]->ratchet.sent = 9998;
    fixture_send(f, &f->a, "n = 9,998");
    assert_int_equal(f->sent.n, 9998);
    assert_int_equal(e2e_set_chain_len(&f->a.set), E2E_SENT_MAX); /* the length is the next chain's pn */
    struct st_buf before;
    struct st_buf after;
    fixture_save(&f->a.set, &before);
    st_buf_clear(&f->wire);
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_view_text("x"), f->now_s, &f->wire, &f->sent), ST_ELIMIT);
    assert_int_equal(f->wire.len, 0);
    fixture_save(&f->a.set, &after);
    assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
    assert_int_equal(e2e_set_renewal(&f->a.set, 0, f->now_s), E2E_RENEW_CHAIN_FULL);
    st_buf_free(&before);
    st_buf_free(&after);
    /* An answer makes room: a step is due. */
    fixture_pass(f, &f->b, "answer");
    assert_int_equal(e2e_set_renewal(&f->a.set, 0, f->now_s), E2E_RENEW_NO);
    fixture_send(f, &f->a, "n = 0 again");
    assert_int_equal(f->sent.n, 0);
}

static void ratchet__seal__responder_speaks_only_after_it_has_heard(void **state)
{
    (void)state;
    struct ratchet ratchet;
    struct st_buf out;
    static const uint8_t key[E2E_KEY_BYTES] = { 1 };
    const struct ratchet_sealing what = { .sid = key, .plain = st_view_text("x") };
    const struct st_env env = { NULL, NULL, NULL, NULL }; /* must not be asked */
    st_buf_init(&out, E2E_ENVELOPE_MAX);
    ratchet_init_responder(&ratchet, key, key, key);
    assert_int_equal(ratchet_seal(&ratchet, &env, &what, &out), ST_EREFUSED);
    ratchet_deinit(&ratchet);
    st_buf_free(&out);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, E2E_KEY_BYTES);
}

/* The same plaintext under the same key and nonce would be the same ciphertext. */
static void ratchet__seal__clones_never_repeat_key_and_nonce(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 10000 };
    uint8_t(*starts)[E2E_KEY_BYTES] = calloc(COUNT, sizeof *starts);
    struct e2e_set clone;
    assert_non_null(starts);
    fixture_talk(f);
    fixture_clone(&f->a.set, &clone);
    for (size_t i = 0; i < COUNT; i++) {
        st_buf_clear(&f->wire);
        struct e2e_set *set = i % 2 == 0 ? &f->a.set : &clone;
        assert_int_equal(e2e_encrypt(set, &f->env, st_view_text("the same"), f->now_s, &f->wire, &f->sent), ST_OK);
        assert_int_equal(f->sent.n, i / 2);
        memcpy(starts[i], f->wire.p + E2E_HEADER_BYTES, E2E_KEY_BYTES);
    }
    qsort(starts, COUNT, sizeof *starts, by_bytes);
    for (size_t i = 1; i < COUNT; i++)
        assert_memory_not_equal(starts[i - 1], starts[i], E2E_KEY_BYTES);
    e2e_set_deinit(&clone);
    free(starts);
}

/* A state put back sends message n again: under other keys, and the receiver drops it. */
static void ratchet__seal__restored_state_is_dropped_by_the_receiver(void **state)
{
    struct fixture *f = *state;
    struct e2e_set backup;
    fixture_talk(f);
    fixture_pass(f, &f->a, "n = 0");
    fixture_clone(&f->a.set, &backup);
    fixture_pass(f, &f->a, "n = 1");
    st_buf_clear(&f->wire);
    assert_int_equal(e2e_encrypt(&backup, &f->env, st_view_text("n = 1"), f->now_s, &f->wire, &f->sent), ST_OK);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_REPLAY);
    e2e_set_deinit(&backup);
}

static void ratchet__open__survives_any_order(void **state)
{
    struct fixture *f = *state;
    enum { ROUNDS = 30, IN_FLIGHT = 7 };
    static struct st_buf wires[2 * IN_FLIGHT];
    fixture_talk(f);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2 * IN_FLIGHT; i++) {
            st_buf_init(&wires[i], E2E_ENVELOPE_MAX);
            fixture_send(f, i % 2 == 0 ? &f->a : &f->b, "x");
            st_buf_append(&wires[i], f->wire.p, f->wire.len);
        }
        /* A walk through all of them in an order that differs from round to round. */
        for (int i = 0; i < 2 * IN_FLIGHT; i++) {
            int at = (i * 5 + round) % (2 * IN_FLIGHT);
            struct fixture_party *to = at % 2 == 0 ? &f->b : &f->a;
            assert_int_equal(fixture_receive(f, to, st_buf_view(&wires[at])), E2E_READ);
            fixture_refuse(f, to, st_buf_view(&wires[at]), E2E_REPLAY);
        }
        for (int i = 0; i < 2 * IN_FLIGHT; i++)
            st_buf_free(&wires[i]);
    }
    assert_int_equal(f->a.set.sessions[0]->ratchet.key_count, 0);
    assert_int_equal(f->b.set.sessions[0]->ratchet.key_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ratchet__open_outgoing__forgets_ek),
        TEST(ratchet__seal__forgets_e),
        TEST(ratchet__open__erases_r_with_the_answer),
        TEST(ratchet__open__erases_m_with_its_chain),
        TEST(ratchet__open__keeps_m_while_a_message_is_missing),
        TEST(ratchet__open__keeps_2000_keys_the_oldest_go_first),
        TEST(ratchet__open__takes_1000_of_both_chains_in_one_step),
        TEST(ratchet__open__keeps_40_old_chains),
        TEST(ratchet__open__remembers_closed_chains_without_keys),
        TEST(ratchet__age__erases_keys_30_days_after_the_closing),
        TEST(ratchet__seal__refuses_the_10000th_of_a_chain),
        cmocka_unit_test(ratchet__seal__responder_speaks_only_after_it_has_heard),
        TEST(ratchet__seal__clones_never_repeat_key_and_nonce),
        TEST(ratchet__seal__restored_state_is_dropped_by_the_receiver),
        TEST(ratchet__open__survives_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
