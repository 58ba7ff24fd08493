/* Transactions: all or nothing, failures that stick, lists inside lists, faults, when the WAL is truncated. */
#include "tests/unit/store/store_fixture.h"

#include <stdlib.h>

static uint64_t read_sync(struct store *store)
{
    uint64_t value = 99;
    assert_ok(store_meta_get_u64(store, STORE_META_LAST_SYNC_MS, &value));
    return value;
}

static enum st_err write_sync(struct store *store, uint64_t value)
{
    return store_meta_put_u64(store, STORE_META_LAST_SYNC_MS, value);
}

static void begin__twice_or_never__refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    assert_int_equal(store_commit(store), ST_EREFUSED);
    assert_int_equal(write_sync(store, 1), ST_EREFUSED);
    store_rollback(store);
    assert_ok(store_begin(store));
    assert_true(store_in_transaction(store));
    assert_int_equal(store_begin(store), ST_EREFUSED);
    assert_ok(write_sync(store, 1));
    assert_ok(store_commit(store));
    assert_false(store_in_transaction(store));
    assert_int_equal(read_sync(store), 1);
}

static void rollback__nothing_stays(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device peer = fixture_device(1, 1);
    struct st_buf out;
    st_buf_init(&out, 10);
    assert_ok(store_begin(store));
    assert_ok(write_sync(store, 5));
    assert_ok(store_session_save(store, &peer, st_view("s", 1), 1));
    assert_int_equal(read_sync(store), 5);
    store_rollback(store);
    assert_int_equal(read_sync(store), 0);
    assert_int_equal(store_session_load(store, &peer, &out), ST_ENOTFOUND);
    assert_ok(store_begin(store));
    assert_ok(write_sync(store, 6));
    store_crash(store);
    assert_false(store_in_transaction(store));
    assert_int_equal(read_sync(store), 0);
    in_transaction(store, assert_ok(write_sync(store, 7)));
    store_crash(store);
    assert_int_equal(read_sync(store), 7);
}

/* An answer such as "exists already" is no failure: the transaction goes on. */
static void answers__do_not_stick(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_spk spk = { .id = 1 };
    in_transaction(store, {
        assert_ok(store_spk_put(store, &spk));
        assert_int_equal(store_spk_put(store, &spk), ST_EEXISTS);
        assert_int_equal(store_opk_delete(store, 1), ST_ENOTFOUND);
        assert_int_equal(store_meta_put_u64(store, STORE_META_DEV_ID, UINT64_MAX), ST_ELIMIT);
        assert_ok(write_sync(store, 3));
    });
    assert_int_equal(read_sync(store), 3);
}

/* Faults at a chosen step, counted down. */
struct trouble {
    const char *step;
    unsigned skip;
    enum st_err err;
    unsigned calls;
};

static enum st_err make_trouble(void *ctx, const char *step)
{
    struct trouble *trouble = ctx;
    trouble->calls++;
    if (strcmp(step, trouble->step) != 0)
        return ST_OK;
    if (trouble->skip > 0) {
        trouble->skip--;
        return ST_OK;
    }
    return trouble->err;
}

static void fault__in_a_write__sticks_and_rolls_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct trouble trouble = { "write", 1, ST_EFULL, 0 };
    assert_ok(store_begin(store));
    store_set_fault(store, make_trouble, &trouble);
    assert_ok(write_sync(store, 5));
    assert_int_equal(store_meta_put_u64(store, STORE_META_DEV_ID, 1), ST_EFULL);
    store_set_fault(store, NULL, NULL);
    assert_int_equal(write_sync(store, 6), ST_EFULL);
    assert_int_equal(store_commit(store), ST_EFULL);
    assert_false(store_in_transaction(store));
    assert_int_equal(read_sync(store), 0);
    in_transaction(store, assert_ok(write_sync(store, 7)));
    assert_int_equal(read_sync(store), 7);
}

static void fault__at_commit__rolled_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct trouble trouble = { "commit", 0, ST_EFULL, 0 };
    store_set_fault(store, make_trouble, &trouble);
    assert_ok(store_begin(store));
    assert_ok(write_sync(store, 5));
    assert_int_equal(store_commit(store), ST_EFULL);
    assert_int_equal(read_sync(store), 0);
    trouble.step = "begin";
    assert_int_equal(store_begin(store), ST_EFULL);
    assert_false(store_in_transaction(store));
    store_set_fault(store, NULL, NULL);
}

static void fault__after_commit__durable_but_uncertain(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct trouble trouble = { "committed", 0, ST_EIO, 0 };
    store_set_fault(store, make_trouble, &trouble);
    assert_ok(store_begin(store));
    assert_ok(write_sync(store, 5));
    assert_int_equal(store_commit(store), ST_EUNCERTAIN);
    store_set_fault(store, NULL, NULL);
    assert_int_equal(store_begin(store), ST_EIO);
    uint64_t value = 0;
    assert_int_equal(store_meta_get_u64(store, STORE_META_LAST_SYNC_MS, &value), ST_EIO);
    store_crash(store);
    assert_int_equal(read_sync(store), 5);
    in_transaction(store, assert_ok(write_sync(store, 6)));
}

struct nesting {
    struct store *store;
    unsigned depth;
    unsigned calls;
};

static enum st_err list_again(void *ctx, const struct store_device *peer, int64_t updated_at_ms)
{
    struct nesting *nesting = ctx;
    (void)updated_at_ms;
    nesting->calls++;
    if (nesting->depth == 3)
        return ST_OK;
    nesting->depth++;
    enum st_err err = store_session_each(nesting->store, NULL, list_again, nesting);
    nesting->depth--;
    if (err == ST_OK)
        err = store_session_save(nesting->store, peer, st_view("changed", 7), 2);
    return err;
}

static void list__inside_itself__and_writing(void **state)
{
    struct fixture *fixture = *state;
    struct nesting nesting = { fixture->store, 0, 0 };
    struct store_device peer[3] = { fixture_device(1, 1), fixture_device(1, 2), fixture_device(1, 3) };
    in_transaction(fixture->store, {
        for (size_t i = 0; i < 3; i++)
            assert_ok(store_session_save(fixture->store, &peer[i], st_view("s", 1), 1));
        assert_ok(store_session_each(fixture->store, NULL, list_again, &nesting));
    });
    assert_int_equal(nesting.calls, 3 + 9 + 27 + 81);
}

static enum st_err stop(void *ctx, const struct store_device *peer, int64_t updated_at_ms)
{
    (void)peer;
    (void)updated_at_ms;
    ++*(unsigned *)ctx;
    return ST_ECONFLICT;
}

static void list__stopped__gives_the_error(void **state)
{
    struct fixture *fixture = *state;
    struct store_device peer[2] = { fixture_device(1, 1), fixture_device(1, 2) };
    unsigned calls = 0;
    in_transaction(fixture->store, {
        for (size_t i = 0; i < 2; i++)
            assert_ok(store_session_save(fixture->store, &peer[i], st_view("s", 1), 1));
        assert_int_equal(store_session_each(fixture->store, NULL, stop, &calls), ST_ECONFLICT);
    });
    assert_int_equal(calls, 1);
}

static size_t wal_bytes(const struct fixture *fixture)
{
    char path[FIXTURE_PATH];
    size_t len = 0;
    fixture_join(path, fixture->dir, "store.db-wal");
    free(fixture_read(path, &len));
    return len;
}

static void save_session(struct fixture *fixture)
{
    struct store_device peer = fixture_device(1, 1);
    in_transaction(fixture->store, assert_ok(store_session_save(fixture->store, &peer, st_view("s", 1), 1)));
}

static void tick__after_erasing__truncates_when_due(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    assert_int_equal(store_wait_ms(store), -1);
    assert_int_equal(wal_bytes(fixture), 0);
    in_transaction(store, assert_ok(write_sync(store, 1)));
    assert_int_equal(store_wait_ms(store), -1); /* no key went */
    save_session(fixture);
    assert_int_equal(store_wait_ms(store), STORE_ERASE_SOON_MS);
    assert_true(wal_bytes(fixture) > 0);
    fixture->mono_ms += STORE_ERASE_SOON_MS - 1;
    assert_ok(store_tick(store));
    assert_true(wal_bytes(fixture) > 0);
    assert_int_equal(store_wait_ms(store), 1);
    fixture->mono_ms++;
    save_session(fixture); /* a second one does not move the time */
    assert_int_equal(store_wait_ms(store), 0);
    assert_ok(store_begin(store));
    assert_int_equal(store_tick(store), ST_EUNAVAILABLE);
    store_rollback(store);
    fixture->mono_ms += 1000;
    assert_ok(store_tick(store));
    assert_int_equal(wal_bytes(fixture), 0);
    assert_int_equal(store_wait_ms(store), -1);
}

static void commit__nobody_ticks__truncates_itself(void **state)
{
    struct fixture *fixture = *state;
    save_session(fixture);
    fixture->mono_ms += STORE_ERASE_LATE_MS - 1;
    in_transaction(fixture->store, assert_ok(write_sync(fixture->store, 1)));
    assert_true(wal_bytes(fixture) > 0);
    fixture->mono_ms++;
    in_transaction(fixture->store, assert_ok(write_sync(fixture->store, 2)));
    assert_int_equal(wal_bytes(fixture), 0);
    assert_int_equal(store_wait_ms(fixture->store), -1);
}

struct reading {
    struct fixture *fixture;
    unsigned calls;
};

/* While another process reads from the WAL it cannot be truncated. */
static enum st_err tick_meanwhile(void *ctx, const struct store_device *peer, int64_t updated_at_ms)
{
    struct reading *reading = ctx;
    struct fixture *fixture = reading->fixture;
    (void)peer;
    (void)updated_at_ms;
    reading->calls++;
    save_session(fixture);
    fixture->mono_ms += STORE_ERASE_SOON_MS;
    assert_int_equal(store_tick(fixture->store), ST_EUNAVAILABLE);
    assert_true(store_wait_ms(fixture->store) > 0);
    return ST_OK;
}

static void tick__beside_a_reader__tries_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    struct reading reading = { fixture, 0 };
    save_session(fixture);
    assert_ok(store_open(&reader, fixture->db, fixture->key, STORE_READ_ONLY, &fixture->env));
    assert_ok(store_session_each(reader, NULL, tick_meanwhile, &reading));
    assert_int_equal(reading.calls, 1);
    fixture->mono_ms += 1000;
    assert_ok(store_tick(fixture->store));
    assert_int_equal(wal_bytes(fixture), 0);
    store_close(&reader);
}

static void close__truncates_and_removes_the_wal(void **state)
{
    struct fixture *fixture = *state;
    char path[FIXTURE_PATH];
    fixture_join(path, fixture->dir, "store.db-wal");
    assert_ok(store_begin(fixture->store));
    assert_ok(write_sync(fixture->store, 5));
    store_close(&fixture->store); /* in the middle of a transaction */
    assert_null(fixture->store);
    assert_false(fixture_exists(path));
    store_close(&fixture->store);
    assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
    assert_int_equal(read_sync(fixture->store), 0);
}

static void memory__same_rules(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    in_transaction(store, assert_ok(write_sync(store, 5)));
    save_session(fixture);
    fixture->mono_ms += STORE_ERASE_SOON_MS;
    assert_ok(store_tick(store));
    assert_int_equal(store_wait_ms(store), -1);
    assert_ok(store_checkpoint(store));
    assert_ok(store_check(store));
    assert_int_equal(store_rekey(store, fixture->key), ST_EREFUSED);
    assert_int_equal(read_sync(store), 5);
}

#define on_disk(test)   cmocka_unit_test_setup_teardown(test, fixture_open_new, fixture_tear_down)
#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)
#define on_both(test)   on_disk(test), in_memory(test)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_both(begin__twice_or_never__refused),
        on_both(rollback__nothing_stays),
        on_both(answers__do_not_stick),
        on_both(fault__in_a_write__sticks_and_rolls_back),
        on_both(fault__at_commit__rolled_back),
        on_both(fault__after_commit__durable_but_uncertain),
        on_both(list__inside_itself__and_writing),
        on_both(list__stopped__gives_the_error),
        on_disk(tick__after_erasing__truncates_when_due),
        on_disk(commit__nobody_ticks__truncates_itself),
        on_disk(tick__beside_a_reader__tries_again),
        on_disk(close__truncates_and_removes_the_wal),
        in_memory(memory__same_rules),
    };
    return cmocka_run_group_tests_name("store_commit", tests, NULL, NULL);
}
