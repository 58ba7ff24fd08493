/* Opening: what is ours opens, everything else is refused and left as it was. */
#include "tests/unit/store/store_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/store/store_cipher.h"

enum { PAGE = 1024 };

static enum st_err try_open(struct fixture *fixture)
{
    struct store *store = NULL;
    enum st_err err = store_open(&store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env);
    assert_true((store != NULL) == (err == ST_OK));
    store_close(&store);
    return err;
}

/* Refused, and not a byte of the file changed. */
static void assert_refused_untouched(struct fixture *fixture)
{
    size_t before_len = 0;
    size_t after_len = 0;
    uint8_t *before = fixture_read(fixture->db, &before_len);
    assert_int_equal(try_open(fixture), ST_EFOREIGN);
    uint8_t *after = fixture_read(fixture->db, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

static void open__new__private_encrypted_wal(void **state)
{
    struct fixture *fixture = *state;
    struct stat about;
    size_t len = 0;
    assert_int_equal(stat(fixture->db, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    uint8_t *bytes = fixture_read(fixture->db, &len);
    assert_true(len >= PAGE && len % PAGE == 0);
    assert_memory_not_equal(bytes, "SQLite format 3", 16);
    free(bytes);
    /* What the database really is inside, seen without SQLCipher: the parameters of the file are those we state. */
    uint8_t *plain = fixture_decrypt(fixture->db, false, fixture->key, &len);
    assert_int_equal(st_get_u16(plain + 16), PAGE); /* page size */
    assert_int_equal(plain[18], 2);                 /* write version: WAL */
    assert_int_equal(plain[19], 2);                 /* read version: WAL */
    assert_int_equal(plain[20], 48);                /* reserved: IV, HMAC-SHA1 and padding */
    assert_int_equal(st_get_u32(plain + 60), STORE_SCHEMA_VERSION);
    free(plain);
}

static void open__create__file_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    assert_int_equal(store_create(&store, fixture->db, fixture->key, &fixture->env), ST_EEXISTS);
    assert_null(store);
    assert_true(fixture_exists(fixture->db));
}

static void open__again__same_contents(void **state)
{
    struct fixture *fixture = *state;
    uint8_t birth[8];
    uint8_t again[8];
    uint64_t value = 0;
    assert_ok(store_meta_get_exact(fixture->store, STORE_META_BIRTH, birth, sizeof birth));
    assert_int_equal(st_get_u32(birth), fixture->wall_ms / 1000);
    in_transaction(fixture->store, assert_ok(store_meta_put_u64(fixture->store, STORE_META_LAST_SYNC_MS, 77)));
    fixture_reopen(fixture);
    assert_ok(store_meta_get_u64(fixture->store, STORE_META_LAST_SYNC_MS, &value));
    assert_int_equal(value, 77);
    assert_ok(store_meta_get_exact(fixture->store, STORE_META_BIRTH, again, sizeof again));
    assert_memory_equal(again, birth, sizeof birth);
}

static void open__wrong_key__foreign_untouched(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    fixture->key[31] ^= 1;
    assert_refused_untouched(fixture);
    fixture->key[31] ^= 1;
    assert_ok(try_open(fixture));
}

static void open__no_file__not_found(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(try_open(fixture), ST_ENOTFOUND);
    assert_false(fixture_exists(fixture->db));
}

static void open__foreign_files__untouched(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[4 * PAGE] = "SQLite format 3";
    fixture_write(fixture->db, bytes, sizeof bytes);
    assert_refused_untouched(fixture);
    memset(bytes, 0, sizeof bytes);
    fixture_write(fixture->db, bytes, sizeof bytes);
    assert_refused_untouched(fixture);
    fixture_fill(bytes, sizeof bytes, 1);
    fixture_write(fixture->db, bytes, sizeof bytes);
    assert_refused_untouched(fixture);
    fixture_write(fixture->db, bytes, 100);
    assert_refused_untouched(fixture);
    fixture_write(fixture->db, bytes, 15);
    assert_refused_untouched(fixture);
    fixture_write(fixture->db, bytes, 0);
    assert_refused_untouched(fixture);
}

/* The look at the beginning stands by itself, before any library has opened the file. */
static void open__beginning__told_without_a_key(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[PAGE] = "SQLite format 3";
    assert_int_equal(store_cipher_look(fixture->db), ST_ENOTFOUND);
    fixture_write(fixture->db, bytes, sizeof bytes);
    assert_int_equal(store_cipher_look(fixture->db), ST_EFOREIGN);
    bytes[15] = '!';
    fixture_write(fixture->db, bytes, sizeof bytes);
    assert_ok(store_cipher_look(fixture->db));
    fixture_write(fixture->db, bytes, 15);
    assert_int_equal(store_cipher_look(fixture->db), ST_EFOREIGN);
}

static void open__folder_in_its_place__foreign(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdir(fixture->db, 0700), 0);
    assert_int_equal(try_open(fixture), ST_EFOREIGN);
}

static void open__other_database_under_our_key__untouched(void **state)
{
    struct fixture *fixture = *state;
    fixture_run_sql(fixture->db, fixture->key, "CREATE TABLE notes(t)");
    assert_refused_untouched(fixture);
    fixture_run_sql(fixture->db, fixture->key, "PRAGMA user_version = 1"); /* not by its number either */
    assert_refused_untouched(fixture);
}

static void open__newer_schema__untouched(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    fixture_run_sql(fixture->db, fixture->key, "PRAGMA user_version = 2");
    assert_refused_untouched(fixture);
    fixture_run_sql(fixture->db, fixture->key, "PRAGMA user_version = 2147483647");
    assert_refused_untouched(fixture);
    fixture_run_sql(fixture->db, fixture->key, "PRAGMA user_version = -1");
    assert_refused_untouched(fixture);
    fixture_run_sql(fixture->db, fixture->key, "PRAGMA user_version = 1");
    assert_ok(try_open(fixture));
}

/* A table that is gone, or an index that does not fit, is a damaged store, not a crash. */
static void open__table_gone__foreign_when_used(void **state)
{
    struct fixture *fixture = *state;
    uint32_t count = 0;
    store_close(&fixture->store);
    fixture_run_sql(fixture->db, fixture->key, "DROP TABLE spk");
    assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
    assert_int_equal(store_spk_count(fixture->store, &count), ST_EFOREIGN);
}

static void open__value_of_wrong_size__foreign_when_read(void **state)
{
    struct fixture *fixture = *state;
    struct store_spk spk = { .id = 1 };
    in_transaction(fixture->store, assert_ok(store_spk_put(fixture->store, &spk)));
    store_close(&fixture->store);
    static const char *const damage[] = { "UPDATE spk SET priv = x'00'", "UPDATE spk SET priv = 'text', pub = 7" };
    for (size_t i = 0; i < 2; i++) {
        fixture_run_sql(fixture->db, fixture->key, damage[i]);
        fixture_reopen(fixture);
        assert_int_equal(store_spk_get(fixture->store, 1, &spk), ST_EFOREIGN);
        store_close(&fixture->store);
    }
}

static void fill_some(struct fixture *fixture)
{
    uint8_t set[3000];
    for (unsigned i = 0; i < 12; i++) {
        struct store_device peer = fixture_device(i, 1);
        fixture_fill(set, sizeof set, i);
        in_transaction(fixture->store,
                       assert_ok(store_session_save(fixture->store, &peer, st_view(set, sizeof set), 1)));
    }
}

static void assert_all_there(struct fixture *fixture, struct store *store)
{
    uint8_t set[3000];
    for (unsigned i = 0; i < 12; i++) {
        struct store_device peer = fixture_device(i, 1);
        struct st_buf out;
        st_buf_init(&out, STORE_SESSION_MAX);
        fixture_fill(set, sizeof set, i);
        assert_ok(store_session_load(store, &peer, &out));
        assert_int_equal(out.len, sizeof set);
        assert_memory_equal(out.p, set, sizeof set);
        st_buf_free(&out);
    }
    (void)fixture;
}

static void open__truncated__foreign_at_every_length(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 0;
    fill_some(fixture);
    store_close(&fixture->store);
    uint8_t *bytes = fixture_read(fixture->db, &len);
    /* From 13 on: the last 12 bytes of a page are padding that nothing reads. */
    for (size_t cut = 13; cut < len; cut += cut < 2 * PAGE ? 61 : PAGE / 2) {
        fixture_write(fixture->db, bytes, len - cut);
        enum st_err err = try_open(fixture);
        if (err != ST_EFOREIGN)
            print_error("cut by %zu of %zu\n", cut, len);
        assert_int_equal(err, ST_EFOREIGN);
    }
    fixture_write(fixture->db, bytes, len);
    assert_ok(try_open(fixture));
    free(bytes);
}

/* Every page, at changing places in it: whatever opens is whole. The last 12 bytes of a page are padding that nothing
 * reads. */
static void open__flipped_byte__foreign_or_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 0;
    unsigned refused = 0;
    unsigned tried = 0;
    fill_some(fixture);
    store_close(&fixture->store);
    uint8_t *bytes = fixture_read(fixture->db, &len);
    for (size_t at = 0; at < len; at += at < PAGE ? 37 : 333) {
        bytes[at] ^= 0x10;
        fixture_write(fixture->db, bytes, len);
        bytes[at] ^= 0x10;
        struct store *store = NULL;
        enum st_err err = store_open(&store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env);
        tried++;
        if (err != ST_OK) {
            assert_int_equal(err, ST_EFOREIGN);
            refused++;
            continue;
        }
        assert_true(at % PAGE >= PAGE - 12);
        assert_all_there(fixture, store);
        store_close(&store);
    }
    assert_true(refused > 100 && refused + 20 > tried);
    free(bytes);
}

/* Beyond STORE_CHECK_MAX_BYTES opening looks at the roots only: the damage shows when its page is read. */
static void open__large_damaged__foreign_when_read_or_checked(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t set[STORE_SESSION_MAX];
    for (unsigned i = 0; i < 6; i++) {
        struct store_device peer = fixture_device(i, 1);
        in_transaction(fixture->store,
                       assert_ok(store_session_save(fixture->store, &peer, st_view(set, sizeof set), 1)));
    }
    store_close(&fixture->store);
    struct stat about;
    assert_int_equal(stat(fixture->db, &about), 0);
    assert_true(about.st_size > STORE_CHECK_MAX_BYTES);
    int fd = open(fixture->db, O_RDWR);
    uint8_t byte = 0;
    off_t at = about.st_size / 2 + 100;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
    assert_int_equal(store_check(fixture->store), ST_EFOREIGN);
    unsigned damaged = 0;
    for (unsigned i = 0; i < 6; i++) {
        struct store_device peer = fixture_device(i, 1);
        struct st_buf out;
        st_buf_init(&out, STORE_SESSION_MAX);
        enum st_err err = store_session_load(fixture->store, &peer, &out);
        assert_true(err == ST_OK || err == ST_EFOREIGN);
        damaged += err == ST_EFOREIGN;
        st_buf_free(&out);
    }
    assert_int_equal(damaged, 1);
}

static void open__read_only__reads_beside_the_writer(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    uint64_t value = 0;
    assert_ok(store_open(&reader, fixture->db, fixture->key, STORE_READ_ONLY, &fixture->env));
    in_transaction(fixture->store, assert_ok(store_meta_put_u64(fixture->store, STORE_META_LAST_SYNC_MS, 5)));
    assert_ok(store_meta_get_u64(reader, STORE_META_LAST_SYNC_MS, &value));
    assert_int_equal(value, 5);
    assert_int_equal(store_begin(reader), ST_EREFUSED);
    assert_int_equal(store_meta_put_u64(reader, STORE_META_LAST_SYNC_MS, 6), ST_EREFUSED);
    assert_int_equal(store_rekey(reader, fixture->key), ST_EREFUSED);
    store_close(&reader);
    in_transaction(fixture->store, assert_ok(store_meta_put_u64(fixture->store, STORE_META_LAST_SYNC_MS, 6)));
}

static void open__locked_by_another_writer__unavailable(void **state)
{
    struct fixture *fixture = *state;
    struct store *other = NULL;
    assert_ok(store_open(&other, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
    assert_ok(store_begin(other));
    assert_int_equal(store_begin(fixture->store), ST_EUNAVAILABLE);
    assert_false(store_in_transaction(fixture->store));
    store_rollback(other);
    assert_ok(store_begin(fixture->store));
    store_rollback(fixture->store);
    store_close(&other);
}

#define fresh(test)  cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)
#define opened(test) cmocka_unit_test_setup_teardown(test, fixture_open_new, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        opened(open__new__private_encrypted_wal),
        opened(open__create__file_is_there),
        opened(open__again__same_contents),
        opened(open__wrong_key__foreign_untouched),
        fresh(open__no_file__not_found),
        fresh(open__foreign_files__untouched),
        fresh(open__beginning__told_without_a_key),
        fresh(open__folder_in_its_place__foreign),
        fresh(open__other_database_under_our_key__untouched),
        opened(open__newer_schema__untouched),
        opened(open__table_gone__foreign_when_used),
        opened(open__value_of_wrong_size__foreign_when_read),
        opened(open__truncated__foreign_at_every_length),
        opened(open__flipped_byte__foreign_or_whole),
        opened(open__large_damaged__foreign_when_read_or_checked),
        opened(open__read_only__reads_beside_the_writer),
        opened(open__locked_by_another_writer__unavailable),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
