/* The state table, every cell of it. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

enum { ERROR = -1 };

/* Written down from the page, not from the code: rows are events, columns INIT_SENT, ESTABLISHED, RECEIVE_ONLY, CLOSED.
 */
static const struct {
    enum e2e_event event;
    int next[E2E_STATE_COUNT];
} rows[E2E_EVENT_COUNT] = {
    { E2E_ON_SEND, { E2E_INIT_SENT, E2E_ESTABLISHED, ERROR, ERROR } },
    { E2E_ON_READ, { E2E_ESTABLISHED, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, ERROR } },
    { E2E_ON_OTHER_CHOSEN, { E2E_RECEIVE_ONLY, E2E_RECEIVE_ONLY, E2E_RECEIVE_ONLY, E2E_CLOSED } },
    { E2E_ON_CHOSEN_AGAIN, { ERROR, ERROR, E2E_ESTABLISHED, ERROR } },
    { E2E_ON_OPK_UNKNOWN, { E2E_CLOSED, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, E2E_CLOSED } },
    { E2E_ON_UNANSWERED, { E2E_RECEIVE_ONLY, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, E2E_CLOSED } },
    { E2E_ON_EXPIRED, { ERROR, ERROR, E2E_CLOSED, E2E_CLOSED } },
    { E2E_ON_DROPPED, { E2E_CLOSED, E2E_CLOSED, E2E_CLOSED, E2E_CLOSED } },
};

static void session__next__every_cell_of_the_table(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (size_t row = 0; row < E2E_EVENT_COUNT; row++) {
        seen |= 1u << rows[row].event;
        for (int from = 0; from < E2E_STATE_COUNT; from++) {
            enum e2e_state next;
            int want = rows[row].next[from];
            enum st_err err = e2e_session_next((enum e2e_state)from, rows[row].event, &next);
            assert_int_equal(err, want == ERROR ? ST_EREFUSED : ST_OK);
            assert_int_equal(next, want == ERROR ? from : want);
        }
    }
    assert_int_equal(seen, (1u << E2E_EVENT_COUNT) - 1);
}

/* The same through the session itself, with what hangs on it. */
static void session__event__every_cell_of_the_table(void **state)
{
    (void)state;
    for (size_t row = 0; row < E2E_EVENT_COUNT; row++) {
        for (int from = 0; from < E2E_STATE_COUNT; from++) {
            struct e2e_session session;
            memset(&session, 0, sizeof session);
            session.state = (enum e2e_state)from;
            session.initiator = true;
            session.block[0] = 1;
            session.receive_only_since_s = from == E2E_RECEIVE_ONLY ? 100 : 0;
            int want = rows[row].next[from];
            enum st_err err = e2e_session_event(&session, rows[row].event, 500);
            assert_int_equal(err, want == ERROR ? ST_EREFUSED : ST_OK);
            if (want == ERROR)
                want = from;
            assert_int_equal(session.state, want);
            uint64_t since = want != E2E_RECEIVE_ONLY ? 0 : from == E2E_RECEIVE_ONLY ? 100 : 500;
            assert_int_equal(session.receive_only_since_s, since);
            bool read = err == ST_OK && rows[row].event == E2E_ON_READ;
            assert_int_equal(session.answered, read);
            assert_int_equal(session.block[0], read ? 0 : 1);
            bool unanswered = from == E2E_INIT_SENT && rows[row].event == E2E_ON_UNANSWERED;
            assert_int_equal(session.passed_over, unanswered ? E2E_PASSED_UNANSWERED : E2E_NOT_PASSED_OVER);
            e2e_session_deinit(&session);
        }
    }
}

static void session__next__refuses_what_is_no_state_or_event(void **state)
{
    (void)state;
    enum e2e_state next;
    assert_int_equal(e2e_session_next(E2E_STATE_COUNT, E2E_ON_SEND, &next), ST_EREFUSED);
    assert_int_equal(e2e_session_next(E2E_ESTABLISHED, E2E_EVENT_COUNT, &next), ST_EREFUSED);
}

static void session__event__an_answer_lifts_unanswered(void **state)
{
    (void)state;
    struct e2e_session session;
    memset(&session, 0, sizeof session);
    assert_int_equal(e2e_session_event(&session, E2E_ON_UNANSWERED, 7), ST_OK);
    assert_int_equal(session.passed_over, E2E_PASSED_UNANSWERED);
    assert_int_equal(e2e_session_event(&session, E2E_ON_READ, 8), ST_OK);
    assert_int_equal(session.passed_over, E2E_NOT_PASSED_OVER);
    session.passed_over = E2E_PASSED_NO_RECEIPTS;
    assert_int_equal(e2e_session_event(&session, E2E_ON_READ, 9), ST_OK);
    assert_int_equal(session.passed_over, E2E_PASSED_NO_RECEIPTS);
    e2e_session_deinit(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session__next__every_cell_of_the_table),
        cmocka_unit_test(session__event__every_cell_of_the_table),
        cmocka_unit_test(session__next__refuses_what_is_no_state_or_event),
        cmocka_unit_test(session__event__an_answer_lifts_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
