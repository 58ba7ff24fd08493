/* Events and the consumers that ack them. */
#include "tests/unit/store/store_fixture.h"

#include <stdio.h>

/* Writes "number:type ". */
static enum st_err note_event(void *ctx, const struct store_event *event)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 60, "%d:%d ", (int)event->number, (int)event->type);
    return ST_OK;
}

static void event__ack__every_consumer(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    char seen[200] = "";
    in_transaction(store, {
        for (int i = 0; i < 3; i++)
            assert_ok(store_event_add(store, STORE_EVENT_NOTICE, 0, st_view_text("body"), 100 + i));
    });
    /* A slow consumer keeps them all; what another has acked does not come back to it. */
    in_transaction(store, {
        assert_ok(store_event_ack(store, "slow", 0));
        assert_ok(store_event_ack(store, "bot", 3));
        assert_ok(store_event_ack(store, "bot", 1));
    });
    assert_ok(store_event_each(store, "slow", 10, note_event, seen));
    assert_string_equal(seen, "1:4 2:4 3:4 ");
    seen[0] = '\0';
    in_transaction(store, assert_ok(store_event_ack(store, "slow", 3)));
    assert_ok(store_event_each(store, "bot", 10, note_event, seen));
    assert_string_equal(seen, "");
    assert_ok(store_event_each(store, "default", 2, note_event, seen));
    assert_string_equal(seen, "1:4 2:4 ");
    in_transaction(store, {
        assert_ok(store_event_ack(store, "default", 2));
        assert_ok(store_event_ack(store, "default", 1));
        assert_int_equal(store_event_ack(store, "a_consumer_of_more_than_32_bytes_", 1), ST_ELIMIT);
    });
    seen[0] = '\0';
    assert_ok(store_event_each(store, "default", 10, note_event, seen));
    assert_string_equal(seen, "3:4 ");
    /* The numbers of erased events do not come back. */
    in_transaction(store, {
        assert_ok(store_event_ack(store, "default", 3));
        assert_ok(store_event_add(store, STORE_EVENT_NOTICE, 0, st_view(NULL, 0), 200));
    });
    seen[0] = '\0';
    assert_ok(store_event_each(store, "unknown", 10, note_event, seen));
    assert_string_equal(seen, "4:4 ");
}

static void event__prune__old_and_many(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    static uint8_t big[STORE_EVENT_BODY_MAX + 1];
    char seen[200] = "";
    uint64_t gone = 0;
    in_transaction(store, {
        for (int i = 0; i < 6; i++)
            assert_ok(store_event_add(store, STORE_EVENT_NOTICE, 0, st_view(NULL, 0), 100 + i));
        assert_int_equal(store_event_add(store, STORE_EVENT_NOTICE, 0, st_view(big, sizeof big), 1), ST_ELIMIT);
        assert_ok(store_event_prune(store, 101, 100, &gone));
        assert_int_equal(gone, 1);
        assert_ok(store_event_prune(store, 0, 2, &gone));
        assert_int_equal(gone, 3);
        assert_ok(store_event_prune(store, 0, 2, &gone));
        assert_int_equal(gone, 0);
    });
    assert_ok(store_event_each(store, "default", 10, note_event, seen));
    assert_string_equal(seen, "5:4 6:4 ");
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(event__ack__every_consumer),
        in_memory(event__prune__old_and_many),
    };
    return cmocka_run_group_tests_name("store_events", tests, NULL, NULL);
}
