/* Several sessions with one device: which is sent on, `known`, glare. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

static struct e2e_session *chosen(struct fixture *f, struct fixture_party *party)
{
    return e2e_set_choose(&party->set, f->now_s);
}

static const uint8_t *chosen_sid(struct fixture *f, struct fixture_party *party)
{
    struct e2e_session *session = chosen(f, party);
    assert_non_null(session);
    return session->sid;
}

static unsigned count_state(const struct e2e_set *set, enum e2e_state wanted)
{
    unsigned count = 0;
    for (size_t i = 0; i < set->count; i++)
        count += set->sessions[i]->state == wanted ? 1 : 0;
    return count;
}

/* Sends from `from` into `buf`, with the `known` that goes with it. */
static void send_to(struct fixture *f, struct fixture_party *from, struct st_buf *buf, struct e2e_known *known)
{
    e2e_set_known(&from->set, chosen(f, from), known);
    fixture_send(f, from, "x");
    st_buf_init(buf, E2E_ENVELOPE_MAX);
    st_buf_append(buf, f->wire.p, f->wire.len);
}

static void read_from(struct fixture *f, struct fixture_party *to, struct st_buf *buf, const struct e2e_known *known)
{
    assert_int_equal(fixture_receive(f, to, st_buf_view(buf)), E2E_READ);
    if (known != NULL)
        e2e_set_apply_known(&to->set, f->received.sid, known, f->now_s);
    st_buf_free(buf);
}

/* ---- glare ---- */

static void glare(struct fixture *f, bool a_first)
{
    struct st_buf from_a;
    struct st_buf from_b;
    struct e2e_known known_a;
    struct e2e_known known_b;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    assert_int_equal(fixture_open(f, &f->b, 1, false), ST_OK);
    send_to(f, &f->a, &from_a, &known_a);
    send_to(f, &f->b, &from_b, &known_b);
    if (a_first)
        read_from(f, &f->b, &from_a, &known_a);
    read_from(f, &f->a, &from_b, &known_b);
    if (!a_first)
        read_from(f, &f->b, &from_a, &known_a);
    assert_int_equal(f->a.set.count, 2);
    assert_int_equal(f->b.set.count, 2);
    for (int i = 0; i < 4; i++) {
        fixture_pass_known(f, &f->a, "a");
        fixture_pass_known(f, &f->b, "b");
    }
    const uint8_t *one = f->a.set.sessions[0]->sid;
    const uint8_t *two = f->a.set.sessions[1]->sid;
    const uint8_t *smallest = memcmp(one, two, E2E_SID_BYTES) < 0 ? one : two;
    assert_memory_equal(chosen_sid(f, &f->a), smallest, E2E_SID_BYTES);
    assert_memory_equal(chosen_sid(f, &f->b), smallest, E2E_SID_BYTES);
    assert_int_equal(count_state(&f->a.set, E2E_ESTABLISHED), 1);
    assert_int_equal(count_state(&f->a.set, E2E_RECEIVE_ONLY), 1);
    assert_int_equal(count_state(&f->b.set, E2E_ESTABLISHED), 1);
    assert_int_equal(count_state(&f->b.set, E2E_RECEIVE_ONLY), 1);
}

static void set__glare__both_settle_on_the_smallest(void **state)
{
    glare(*state, true);
}

static void set__glare__both_settle_on_the_smallest_in_the_other_order(void **state)
{
    glare(*state, false);
}

/* A session that was made receive-only before it was answered still opens with type 1 when it is chosen again. */
static void set__glare__an_unanswered_session_chosen_again_repeats_its_block(void **state)
{
    struct fixture *f = *state;
    struct st_buf from_b;
    struct e2e_known known_b;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    struct e2e_session *mine = chosen(f, &f->a);
    assert_int_equal(fixture_open(f, &f->b, 1, false), ST_OK);
    send_to(f, &f->b, &from_b, &known_b);
    read_from(f, &f->a, &from_b, &known_b);
    assert_int_equal(mine->state, E2E_RECEIVE_ONLY);
    struct e2e_known both = { .birth = { 0xff }, .counter = 9, .count = 2 };
    memcpy(both.sids[0], mine->sid, E2E_SID_BYTES);
    memset(both.sids[1], 0xff, E2E_SID_BYTES);
    assert_true(e2e_set_apply_known(&f->a.set, mine->sid, &both, f->now_s));
    assert_ptr_equal(chosen(f, &f->a), mine);
    assert_int_equal(mine->state, E2E_ESTABLISHED);
    fixture_send(f, &f->a, "x");
    assert_true(f->sent.initial);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* ---- known ---- */

static void set__known__is_short_for_one_session(void **state)
{
    struct fixture *f = *state;
    struct e2e_known known;
    fixture_talk(f);
    e2e_set_known(&f->a.set, chosen(f, &f->a), &known);
    assert_int_equal(known.count, 0);
    assert_int_equal(known.counter, f->a.set.counter);
    assert_memory_equal(known.birth, f->a.birth, E2E_BIRTH_BYTES);
    assert_true(e2e_set_apply_known(&f->b.set, f->sent.sid, &known, f->now_s));
    assert_int_equal(f->b.set.peer.count, 1);
    assert_memory_equal(f->b.set.peer.sids[0], f->sent.sid, E2E_SID_BYTES);
}

static void set__known__sids_rise(void **state)
{
    struct fixture *f = *state;
    struct e2e_known known;
    for (int i = 0; i < 4; i++)
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    e2e_set_known(&f->a.set, chosen(f, &f->a), &known);
    assert_int_equal(known.count, 4);
    for (int i = 1; i < 4; i++)
        assert_true(memcmp(known.sids[i - 1], known.sids[i], E2E_SID_BYTES) < 0);
}

static void set__known__counter_rises_with_each_change(void **state)
{
    struct fixture *f = *state;
    uint32_t before = f->a.set.counter;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    assert_int_equal(f->a.set.counter, before + 1);
    fixture_pass(f, &f->a, "no change");
    assert_int_equal(f->a.set.counter, before + 1);
    assert_int_equal(f->b.set.counter, 1);
    e2e_set_close_all(&f->a.set);
    assert_int_equal(f->a.set.counter, before + 2);
}

static struct e2e_known list_of(uint8_t birth, uint32_t counter, const uint8_t *sid)
{
    struct e2e_known known = { .birth = { birth }, .counter = counter, .count = 1 };
    memcpy(known.sids[0], sid, E2E_SID_BYTES);
    return known;
}

static void set__apply_known__the_highest_birth_and_counter_wins(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    static const uint8_t one[E2E_SID_BYTES] = { 1 };
    static const uint8_t two[E2E_SID_BYTES] = { 2 };
    struct e2e_set *set = &f->a.set;
    struct e2e_known known = list_of(5, 10, one);
    assert_true(e2e_set_apply_known(set, one, &known, f->now_s));
    known = list_of(5, 9, two);
    assert_false(e2e_set_apply_known(set, two, &known, f->now_s));
    known = list_of(4, 4000000000u, two);
    assert_false(e2e_set_apply_known(set, two, &known, f->now_s));
    assert_memory_equal(set->peer.sids[0], one, E2E_SID_BYTES);
    known = list_of(5, 11, two);
    assert_true(e2e_set_apply_known(set, two, &known, f->now_s));
    known = list_of(6, 0, one);
    assert_true(e2e_set_apply_known(set, one, &known, f->now_s));
    assert_memory_equal(set->peer.sids[0], one, E2E_SID_BYTES);
    /* Bytes of the birth count from the first. */
    known = list_of(6, 0, two);
    known.birth[7] = 1;
    assert_true(e2e_set_apply_known(set, two, &known, f->now_s));
    known.count = 5;
    known.counter = 100;
    assert_false(e2e_set_apply_known(set, two, &known, f->now_s));
}

/* The peer lost its state and names only its new session: follow it, though the old one is smaller or not. */
static void set__apply_known__follows_a_peer_that_lost_its_state(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass_known(f, &f->a, "a");
    fixture_pass_known(f, &f->b, "b");
    uint8_t old[E2E_SID_BYTES];
    memcpy(old, chosen_sid(f, &f->a), sizeof old);
    /* What B sent on the old session before its wipe, and that comes late. */
    struct st_buf late;
    struct e2e_known late_known;
    send_to(f, &f->b, &late, &late_known);
    e2e_set_deinit(&f->b.set);
    f->now_s += 10;
    e2e_set_birth(&f->env, f->now_s, f->b.birth);
    e2e_set_init(&f->b.set, f->a.self.ident.acct_id, 1, f->b.birth);
    assert_int_equal(fixture_open(f, &f->b, 1, false), ST_OK);
    fixture_pass_known(f, &f->b, "renewed");
    uint8_t renewed[E2E_SID_BYTES];
    memcpy(renewed, f->received.sid, sizeof renewed);
    assert_memory_not_equal(renewed, old, sizeof old);
    assert_memory_equal(chosen_sid(f, &f->a), renewed, E2E_SID_BYTES);
    /* The delayed payload is read, and revives nothing. */
    read_from(f, &f->a, &late, &late_known);
    assert_memory_equal(chosen_sid(f, &f->a), renewed, E2E_SID_BYTES);
    fixture_pass_known(f, &f->a, "on the new one");
    assert_memory_equal(f->received.sid, renewed, E2E_SID_BYTES);
    assert_non_null(e2e_set_shared(&f->a.set));
}

static void set__shared__needs_that_both_are_known_to_hold_it(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    /* Having sent on it proves nothing. */
    assert_null(e2e_set_shared(&f->a.set));
    fixture_pass_known(f, &f->b, "b");
    assert_non_null(e2e_set_shared(&f->a.set));
    assert_null(e2e_set_shared(&f->b.set));
}

static void set__choose__my_newest_if_none_is_shared(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
        assert_ptr_equal(chosen(f, &f->a), f->a.set.sessions[f->a.set.count - 1]);
        assert_int_equal(count_state(&f->a.set, E2E_INIT_SENT), 1);
        assert_int_equal(count_state(&f->a.set, E2E_RECEIVE_ONLY), (unsigned)i);
    }
}

/* Random walks: whatever arrives when, both sides end on the same session once everything was delivered. */
static void set__choose__converges_after_any_order(void **state)
{
    struct fixture *f = *state;
    enum { FLIGHT = 6, ROUNDS = 40 };
    static struct st_buf wires[2][FLIGHT];
    static struct e2e_known knowns[2][FLIGHT];
    struct fixture_party *sides[2] = { &f->a, &f->b };
    uint8_t dice[ROUNDS];
    st_env_random(&f->env, dice, sizeof dice);
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    assert_int_equal(fixture_open(f, &f->b, 0, false), ST_OK);
    for (int round = 0; round < ROUNDS; round++) {
        f->now_s += 60;
        if (dice[round] % 8 < 2)
            assert_int_equal(fixture_open(f, sides[dice[round] % 2], 0, false), ST_OK);
        for (int i = 0; i < FLIGHT; i++)
            for (int s = 0; s < 2; s++)
                send_to(f, sides[s], &wires[s][i], &knowns[s][i]);
        for (int i = 0; i < FLIGHT; i++)
            for (int s = 0; s < 2; s++) {
                int at = (i * 5 + dice[round]) % FLIGHT;
                read_from(f, sides[1 - s], &wires[s][at], &knowns[s][at]);
            }
        fixture_pass_known(f, &f->a, "a");
        fixture_pass_known(f, &f->b, "b");
        fixture_pass_known(f, &f->a, "a");
        assert_memory_equal(chosen_sid(f, &f->a), chosen_sid(f, &f->b), E2E_SID_BYTES);
        assert_true(f->a.set.count <= E2E_SESSIONS_MAX && f->b.set.count <= E2E_SESSIONS_MAX);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set__glare__both_settle_on_the_smallest),
        TEST(set__glare__both_settle_on_the_smallest_in_the_other_order),
        TEST(set__glare__an_unanswered_session_chosen_again_repeats_its_block),
        TEST(set__known__is_short_for_one_session),
        TEST(set__known__sids_rise),
        TEST(set__known__counter_rises_with_each_change),
        TEST(set__apply_known__the_highest_birth_and_counter_wins),
        TEST(set__apply_known__follows_a_peer_that_lost_its_state),
        TEST(set__shared__needs_that_both_are_known_to_hold_it),
        TEST(set__choose__my_newest_if_none_is_shared),
        TEST(set__choose__converges_after_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
