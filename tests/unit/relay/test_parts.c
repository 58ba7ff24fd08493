/* The relay's small parts by themselves: what is in flight, the window of recent copies, groups, the arena. */
#include "tests/unit/relay/relay_world.h"

#include <string.h>

#include "services/relay/relay_arena.h"
#include "services/relay/relay_groups.h"
#include "services/relay/relay_inflight.h"
#include "services/relay/relay_window.h"

/* ---- in flight ---- */

static const uint8_t *flight_id(uint32_t n)
{
    static uint8_t id[MAILBOX_ENTRY_LEN];
    st_put_u32(id, n);
    return id;
}

static void inflight__credit__counts_entries_and_bytes_down_again(void **state)
{
    struct relay_inflight flights = { 0 };
    (void)state;
    for (uint32_t i = 0; i < ST_PUSH_CREDIT_ENTRIES; i++) {
        assert_true(relay_inflight_has_credit(&flights, 100));
        assert_int_equal(relay_inflight_add(&flights, flight_id(i), 100, i), ST_OK);
    }
    assert_false(relay_inflight_has_credit(&flights, 100));
    for (uint32_t i = 0; i < ST_PUSH_CREDIT_ENTRIES; i++) {
        assert_true(relay_inflight_take(&flights, flight_id((i * 7) % ST_PUSH_CREDIT_ENTRIES)));
        assert_true(relay_inflight_has_credit(&flights, 100));
    }
    assert_int_equal(flights.count, 0);
    assert_int_equal(flights.bytes, 0);
    /* A mebibyte over and over: what was acknowledged must count no longer. */
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 16; i++) {
            assert_true(relay_inflight_has_credit(&flights, 65536));
            assert_int_equal(relay_inflight_add(&flights, flight_id(i), 65536, i), ST_OK);
        }
        assert_false(relay_inflight_has_credit(&flights, 1));
        for (uint32_t i = 0; i < 16; i++)
            assert_true(relay_inflight_take(&flights, flight_id(i)));
    }
    relay_inflight_deinit(&flights);
}

static void inflight__first_entry__always_has_credit(void **state)
{
    struct relay_inflight flights = { 0 };
    (void)state;
    assert_true(relay_inflight_has_credit(&flights, 10 * ST_PUSH_CREDIT_BYTES));
}

static void inflight__take__finds_each_once(void **state)
{
    struct relay_inflight flights = { 0 };
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(relay_inflight_add(&flights, flight_id(i), 1, i), ST_OK);
    assert_true(relay_inflight_has(&flights, flight_id(13)));
    assert_true(relay_inflight_take(&flights, flight_id(13)));
    assert_false(relay_inflight_has(&flights, flight_id(13)));
    assert_false(relay_inflight_take(&flights, flight_id(13)));
    assert_false(relay_inflight_take(&flights, flight_id(99)));
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(relay_inflight_has(&flights, flight_id(i)), i != 13);
    relay_inflight_deinit(&flights);
}

static void inflight__drops__keep_order_and_bytes(void **state)
{
    struct relay_inflight flights = { 0 };
    (void)state;
    assert_int_equal(relay_inflight_oldest_ms(&flights), INT64_MAX);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(relay_inflight_add(&flights, flight_id(i), 10, 100 + i), ST_OK);
    assert_int_equal(relay_inflight_oldest_ms(&flights), 100);
    assert_int_equal(relay_inflight_drop_until(&flights, 102), 3);
    assert_int_equal(relay_inflight_oldest_ms(&flights), 103);
    relay_inflight_drop_last(&flights, 2);
    assert_int_equal(flights.count, 5);
    assert_int_equal(flights.bytes, 50);
    assert_false(relay_inflight_has(&flights, flight_id(9)));
    assert_true(relay_inflight_has(&flights, flight_id(7)));
    relay_inflight_drop_last(&flights, 100);
    assert_int_equal(flights.bytes, 0);
    assert_int_equal(relay_inflight_drop_until(&flights, INT64_MAX), 0);
    relay_inflight_deinit(&flights);
}

/* ---- window ---- */

static void key_of(uint32_t n, uint8_t key[static RELAY_WINDOW_KEY])
{
    struct mailbox_key from = mailbox_key(world_acct(1), 1), to = mailbox_key(world_acct(2), 1);
    uint8_t id[ST_MSG_ID_LEN] = { 0 };
    st_put_u32(id, n);
    relay_window_key(key, &from, id, &to);
}

static void window__copy__is_known_for_a_minute(void **state)
{
    struct world *world = *state;
    struct relay_window *window;
    uint8_t key[RELAY_WINDOW_KEY];
    assert_int_equal(relay_window_new(&window, 100, &world->env), ST_OK);
    key_of(1, key);
    assert_null(relay_window_find(window, key, 0));
    struct relay_window_slot *slot = relay_window_put(window, key, 0);
    slot->token[3] = 7;
    assert_int_equal(relay_window_find(window, key, RELAY_WINDOW_MS - 1)->token[3], 7);
    assert_null(relay_window_find(window, key, RELAY_WINDOW_MS));
    assert_int_equal(relay_window_put(window, key, RELAY_WINDOW_MS)->token[3], 0);
    relay_window_free(&window);
    assert_null(window);
}

static void window__every_part_of_the_key__tells_copies_apart(void **state)
{
    struct world *world = *state;
    struct relay_window *window;
    uint8_t key[RELAY_WINDOW_KEY];
    assert_int_equal(relay_window_new(&window, 1000, &world->env), ST_OK);
    key_of(1, key);
    relay_window_put(window, key, 0);
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] ^= 1;
        assert_null(relay_window_find(window, key, 1));
        key[i] ^= 1;
    }
    assert_non_null(relay_window_find(window, key, 1));
    relay_window_free(&window);
}

static void window__more_than_fit__forgets_the_oldest_of_a_place(void **state)
{
    struct world *world = *state;
    struct relay_window *window;
    uint8_t key[RELAY_WINDOW_KEY];
    assert_int_equal(relay_window_new(&window, 1, &world->env), ST_OK); /* one place for four */
    for (uint32_t i = 0; i < 6; i++) {
        key_of(i, key);
        relay_window_put(window, key, i);
    }
    for (uint32_t i = 0; i < 6; i++) {
        key_of(i, key);
        assert_int_equal(relay_window_find(window, key, 10) != NULL, i >= 2);
    }
    relay_window_free(&window);
}

/* ---- groups ---- */

static void groups__keys__are_numbered_by_first_appearance(void **state)
{
    struct world *world = *state;
    struct relay_groups *groups;
    bool is_new = false;
    assert_int_equal(relay_groups_new(&groups, 4, 300, &world->env), ST_OK);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 900; i++) {
            uint32_t key = i % 300;
            assert_int_equal(relay_groups_add(groups, &key, &is_new), key);
            assert_int_equal(is_new, i < 300);
        }
        assert_int_equal(relay_groups_count(groups), 300);
        relay_groups_clear(groups);
        assert_int_equal(relay_groups_count(groups), 0);
    }
    relay_groups_free(&groups);
    assert_null(groups);
}

/* ---- arena ---- */

static void arena__pieces__stay_where_they_are_until_cleared(void **state)
{
    struct relay_arena arena;
    uint8_t *pieces[400];
    (void)state;
    relay_arena_init(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 400; i++) {
            size_t len = 1 + i * 37 % 9000;
            pieces[i] = relay_arena_take(&arena, len);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % sizeof(void *), 0);
            memset(pieces[i], (int)i, len);
        }
        for (size_t i = 0; i < 400; i++)
            assert_int_equal(pieces[i][i * 37 % 9000], (uint8_t)i);
        assert_non_null(relay_arena_take(&arena, RELAY_ARENA_CHUNK));
        assert_null(relay_arena_take(&arena, RELAY_ARENA_CHUNK + 1));
        assert_non_null(relay_arena_take(&arena, 0));
        assert_true(arena.used >= 400);
        relay_arena_clear(&arena);
        assert_int_equal(arena.used, 0);
    }
    relay_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inflight__credit__counts_entries_and_bytes_down_again),
        cmocka_unit_test(inflight__first_entry__always_has_credit),
        cmocka_unit_test(inflight__take__finds_each_once),
        cmocka_unit_test(inflight__drops__keep_order_and_bytes),
        cmocka_unit_test_setup_teardown(window__copy__is_known_for_a_minute, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(window__every_part_of_the_key__tells_copies_apart, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(window__more_than_fit__forgets_the_oldest_of_a_place, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(groups__keys__are_numbered_by_first_appearance, world_setup, world_teardown),
        cmocka_unit_test(arena__pieces__stay_where_they_are_until_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
