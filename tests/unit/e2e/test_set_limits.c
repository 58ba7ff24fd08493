/* Several sessions with one device: their number, their ends, and when a new one is needed. */
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

static struct e2e_known list_of(uint8_t birth, uint32_t counter, const uint8_t *sid)
{
    struct e2e_known known = { .birth = { birth }, .counter = counter, .count = 1 };
    memcpy(known.sids[0], sid, E2E_SID_BYTES);
    return known;
}

/* ---- limits and ends ---- */

static void set__add__evicts_the_oldest_receive_only_never_the_active(void **state)
{
    struct fixture *f = *state;
    uint8_t sids[7][E2E_SID_BYTES];
    fixture_talk(f);
    fixture_pass_known(f, &f->b, "shared from now on");
    memcpy(sids[0], chosen_sid(f, &f->a), E2E_SID_BYTES);
    for (int i = 1; i < 7; i++) {
        f->now_s += 100;
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
        memcpy(sids[i], f->a.set.sessions[f->a.set.count - 1]->sid, E2E_SID_BYTES);
        assert_true(f->a.set.count <= E2E_SESSIONS_MAX);
        /* The shared one stays the one that is sent on. */
        assert_memory_equal(chosen_sid(f, &f->a), sids[0], E2E_SID_BYTES);
    }
    assert_int_equal(f->a.set.count, 4);
    assert_int_equal(count_state(&f->a.set, E2E_RECEIVE_ONLY), 3);
    for (int i = 1; i < 4; i++)
        assert_null(e2e_set_find(&f->a.set, sids[i]));
    for (int i = 4; i < 7; i++)
        assert_non_null(e2e_set_find(&f->a.set, sids[i]));
    assert_non_null(e2e_set_find(&f->a.set, sids[0]));
}

/* A peer that opens session after session cannot push out the one that is in use. */
static void set__receive__many_openings_leave_the_active_one(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass_known(f, &f->a, "shared");
    uint8_t active[E2E_SID_BYTES];
    memcpy(active, chosen_sid(f, &f->b), sizeof active);
    for (int i = 0; i < 10; i++) {
        f->now_s += 10;
        e2e_set_close_all(&f->a.set);
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
        fixture_pass(f, &f->a, "no known");
        assert_memory_equal(chosen_sid(f, &f->b), active, sizeof active);
    }
    assert_int_equal(f->b.set.count, E2E_SESSIONS_MAX);
}

static void set__tick__receive_only_ends_after_37_days(void **state)
{
    struct fixture *f = *state;
    /* Opened long before the glare: what counts is when it was not chosen any more. */
    fixture_talk(f);
    fixture_pass_known(f, &f->b, "b");
    fixture_pass_known(f, &f->a, "a");
    f->now_s += 10 * FIXTURE_DAY;
    struct e2e_known other = { .birth = { 0xff }, .count = 1 };
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    memcpy(other.sids[0], f->a.set.sessions[1]->sid, E2E_SID_BYTES);
    assert_true(e2e_set_apply_known(&f->a.set, other.sids[0], &other, f->now_s));
    struct e2e_session *active = chosen(f, &f->a);
    uint64_t since = 0;
    for (size_t i = 0; i < 2; i++)
        if (f->a.set.sessions[i] != active)
            since = f->a.set.sessions[i]->receive_only_since_s;
    assert_int_equal(since, f->now_s);
    assert_false(e2e_set_tick(&f->a.set, since + 37 * FIXTURE_DAY - 1));
    assert_int_equal(f->a.set.count, 2);
    uint32_t counter = f->a.set.counter;
    assert_true(e2e_set_tick(&f->a.set, since + 37 * FIXTURE_DAY));
    assert_int_equal(f->a.set.count, 1);
    assert_int_equal(f->a.set.counter, counter + 1);
    assert_ptr_equal(f->a.set.sessions[0], active);
    /* The active one never ends by itself. */
    assert_false(e2e_set_tick(&f->a.set, since + 10000 * (uint64_t)FIXTURE_DAY));
    assert_int_equal(f->a.set.count, 1);
}

static void set__tick__unanswered_for_7_days_means_a_new_session(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "x");
    f->now_s += 7 * FIXTURE_DAY - 1;
    assert_int_equal(e2e_set_renewal(&f->a.set, 1, f->now_s), E2E_RENEW_NO);
    f->now_s += 1;
    assert_int_equal(e2e_set_renewal(&f->a.set, 1, f->now_s), E2E_RENEW_NONE_HELD);
    assert_int_equal(f->a.set.sessions[0]->state, E2E_RECEIVE_ONLY);
    struct e2e_sent sent;
    struct st_buf out;
    st_buf_init(&out, E2E_ENVELOPE_MAX);
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_view_text("x"), f->now_s, &out, &sent), ST_ENOTFOUND);
    st_buf_free(&out);
    /* The first one can still be answered, and then be chosen. */
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    fixture_pass_known(f, &f->b, "late answer");
    assert_int_equal(e2e_set_renewal(&f->a.set, 1, f->now_s), E2E_RENEW_NO);
    assert_int_equal(f->a.set.sessions[0]->state, E2E_ESTABLISHED);
}

static void set__tick__an_answered_session_is_not_unanswered(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    assert_false(e2e_set_tick(&f->a.set, f->now_s + 8 * FIXTURE_DAY));
    assert_false(e2e_set_tick(&f->b.set, f->now_s + 8 * FIXTURE_DAY));
    assert_int_equal(f->a.set.sessions[0]->state, E2E_ESTABLISHED);
}

static void set__renewal__after_1000_copies_without_receipt(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass_known(f, &f->b, "shared");
    uint8_t old[E2E_SID_BYTES];
    memcpy(old, chosen_sid(f, &f->a), sizeof old);
    assert_int_equal(e2e_set_renewal(&f->a.set, 999, f->now_s), E2E_RENEW_NO);
    assert_int_equal(e2e_set_renewal(&f->a.set, 1000, f->now_s), E2E_RENEW_NO_RECEIPTS);
    assert_int_equal(fixture_open(f, &f->a, 2, true), ST_OK);
    assert_memory_not_equal(chosen_sid(f, &f->a), old, sizeof old);
    /* The old one still receives, and what it brings does not make it the one to send on. */
    fixture_pass_known(f, &f->b, "on the old one");
    assert_memory_equal(f->received.sid, old, sizeof old);
    assert_memory_not_equal(chosen_sid(f, &f->a), old, sizeof old);
    /* Sent messages go on the new one, and the peer reads them. */
    fixture_pass_known(f, &f->a, "on the new one");
    assert_memory_not_equal(f->received.sid, old, sizeof old);
    struct e2e_set copy;
    fixture_clone(&f->a.set, &copy);
    assert_memory_not_equal(e2e_set_choose(&copy, f->now_s)->sid, old, sizeof old);
    e2e_set_deinit(&copy);
}

static void set__opk_unknown__three_times_a_day(void **state)
{
    struct fixture *f = *state;
    static const uint8_t none[E2E_SID_BYTES] = { 0 };
    assert_int_equal(e2e_set_opk_unknown(&f->a.set, none, f->now_s), ST_ENOTFOUND);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
        enum st_err want = i < 3 ? ST_OK : ST_ELIMIT;
        assert_int_equal(e2e_set_opk_unknown(&f->a.set, chosen_sid(f, &f->a), f->now_s), want);
        assert_int_equal(f->a.set.count, 0);
    }
    f->now_s += FIXTURE_DAY;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    assert_int_equal(e2e_set_opk_unknown(&f->a.set, chosen_sid(f, &f->a), f->now_s), ST_OK);
}

/* While the peer is known to hold a session, even the one in question. */
static void set__opk_unknown__is_ignored_for_a_session_that_the_peer_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    struct e2e_session *session = chosen(f, &f->a);
    struct e2e_known known = list_of(1, 1, session->sid);
    assert_true(e2e_set_apply_known(&f->a.set, session->sid, &known, f->now_s));
    assert_int_equal(session->state, E2E_INIT_SENT);
    assert_int_equal(e2e_set_opk_unknown(&f->a.set, session->sid, f->now_s), ST_EREFUSED);
    assert_int_equal(f->a.set.count, 1);
}

/* The error is not authenticated: a forged one must not break what works. */
static void set__opk_unknown__is_ignored_once_answered_or_shared(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    assert_int_equal(e2e_set_opk_unknown(&f->a.set, chosen_sid(f, &f->a), f->now_s), ST_EREFUSED);
    assert_int_equal(f->a.set.count, 1);
    fixture_pass_known(f, &f->b, "shared");
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    const struct e2e_session *second = f->a.set.sessions[1];
    assert_int_equal(e2e_set_opk_unknown(&f->a.set, second->sid, f->now_s), ST_EREFUSED);
    assert_int_equal(f->a.set.count, 2);
}

static void set__take_renewal__once_a_day_and_only_if_none_is_shared(void **state)
{
    struct fixture *f = *state;
    assert_true(e2e_set_take_renewal(&f->a.set, f->now_s));
    assert_false(e2e_set_take_renewal(&f->a.set, f->now_s));
    struct e2e_set copy;
    fixture_clone(&f->a.set, &copy);
    assert_false(e2e_set_take_renewal(&copy, f->now_s));
    assert_true(e2e_set_take_renewal(&copy, f->now_s + FIXTURE_DAY));
    e2e_set_deinit(&copy);
    fixture_talk(f);
    fixture_pass_known(f, &f->b, "shared");
    assert_false(e2e_set_take_renewal(&f->a.set, f->now_s + FIXTURE_DAY));
}

static void set__chain_len__counts_to_the_answer(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(e2e_set_chain_len(&f->a.set), 0);
    assert_false(e2e_set_step_due(&f->a.set));
    fixture_talk(f);
    assert_true(e2e_set_step_due(&f->a.set));
    assert_int_equal(e2e_set_chain_len(&f->a.set), 0);
    for (int i = 0; i < E2E_CHAIN_STEP_AT; i++)
        fixture_pass(f, &f->a, "x");
    assert_false(e2e_set_step_due(&f->a.set));
    assert_int_equal(e2e_set_chain_len(&f->a.set), E2E_CHAIN_STEP_AT);
    fixture_pass(f, &f->b, "answer");
    assert_int_equal(e2e_set_chain_len(&f->a.set), 0);
}

static void set__close_all__leaves_nothing(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    e2e_set_close_all(&f->a.set);
    assert_int_equal(f->a.set.count, 0);
    assert_null(chosen(f, &f->a));
    assert_int_equal(e2e_set_renewal(&f->a.set, 0, f->now_s), E2E_RENEW_NONE_HELD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set__add__evicts_the_oldest_receive_only_never_the_active),
        TEST(set__receive__many_openings_leave_the_active_one),
        TEST(set__tick__receive_only_ends_after_37_days),
        TEST(set__tick__unanswered_for_7_days_means_a_new_session),
        TEST(set__tick__an_answered_session_is_not_unanswered),
        TEST(set__renewal__after_1000_copies_without_receipt),
        TEST(set__opk_unknown__three_times_a_day),
        TEST(set__opk_unknown__is_ignored_once_answered_or_shared),
        TEST(set__opk_unknown__is_ignored_for_a_session_that_the_peer_named),
        TEST(set__take_renewal__once_a_day_and_only_if_none_is_shared),
        TEST(set__chain_len__counts_to_the_answer),
        TEST(set__close_all__leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
