/* The folder of an account: passwords, a change of password, a new key and what a crash in it leaves, erasing. */
#include "tests/unit/store/store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/store/vault.h"

static const struct slots_cost cheap = { SLOTS_M_KIB_MIN, 1, 4 };
static const char first_password[] = "first password";
static const char second_password[] = "second password";

static enum st_err open_with(struct fixture *fixture, const char *password)
{
    store_close(&fixture->store);
    return vault_open(&fixture->store, fixture->dir, st_view_text(password), STORE_READ_WRITE, &fixture->env);
}

static void put_mark(struct store *store, uint64_t mark)
{
    in_transaction(store, assert_ok(store_meta_put_u64(store, STORE_META_LAST_SYNC_MS, mark)));
}

static void assert_mark(struct store *store, uint64_t expected)
{
    uint64_t mark = 0;
    assert_ok(store_meta_get_u64(store, STORE_META_LAST_SYNC_MS, &mark));
    assert_int_equal(mark, expected);
}

static int set_up(void **state)
{
    if (fixture_set_up(state) != 0)
        return -1;
    struct fixture *fixture = *state;
    if (vault_create(&fixture->store, fixture->dir, st_view_text(first_password), &cheap, &fixture->env) != ST_OK)
        return -1;
    put_mark(fixture->store, 42);
    return 0;
}

static bool has(const struct fixture *fixture, const char *name)
{
    char path[FIXTURE_PATH];
    fixture_join(path, fixture->dir, name);
    return fixture_exists(path);
}

static uint8_t *read_in(const struct fixture *fixture, const char *name, size_t *len_r)
{
    char path[FIXTURE_PATH];
    fixture_join(path, fixture->dir, name);
    return fixture_read(path, len_r);
}

static void write_in(const struct fixture *fixture, const char *name, const uint8_t *bytes, size_t len)
{
    char path[FIXTURE_PATH];
    fixture_join(path, fixture->dir, name);
    fixture_write(path, bytes, len);
}

static void create__files_are_private(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "slots" };
    char path[FIXTURE_PATH];
    struct stat about;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fixture_join(path, fixture->dir, names[i]);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
    }
    fixture_join(path, fixture->dir, "blobs");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
}

static void create__twice__refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *other = NULL;
    assert_int_equal(vault_create(&other, fixture->dir, st_view_text("p"), &cheap, &fixture->env), ST_EEXISTS);
    assert_null(other);
    assert_ok(open_with(fixture, first_password));
    assert_mark(fixture->store, 42);
}

static void open__password__right_and_wrong(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(open_with(fixture, first_password));
    assert_mark(fixture->store, 42);
    assert_int_equal(open_with(fixture, "First password"), ST_EREFUSED);
    assert_null(fixture->store);
    assert_int_equal(open_with(fixture, ""), ST_EREFUSED);
    assert_ok(vault_check_password(fixture->dir, st_view_text(first_password)));
    assert_int_equal(vault_check_password(fixture->dir, st_view_text(second_password)), ST_EREFUSED);
}

static void open__no_account__not_found(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_with(fixture, first_password), ST_ENOTFOUND);
    assert_false(has(fixture, "store.db"));
}

static void open__damaged_slots__said_before_the_password(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 0;
    uint8_t *bytes = read_in(fixture, "slots", &len);
    bytes[60] ^= 1;
    write_in(fixture, "slots", bytes, len);
    assert_int_equal(open_with(fixture, first_password), ST_EINTEGRITY);
    write_in(fixture, "slots", bytes, len - 1);
    assert_int_equal(open_with(fixture, first_password), ST_EFOREIGN);
    bytes[60] ^= 1;
    write_in(fixture, "slots", bytes, len);
    assert_ok(open_with(fixture, first_password));
    free(bytes);
}

/* The slots of another account open with the password, but not this database. */
static void open__slots_of_another_account__foreign(void **state)
{
    struct fixture *fixture = *state;
    uint8_t other_key[SLOTS_KEY_BYTES] = { 1 };
    uint8_t file[SLOTS_FILE_BYTES];
    assert_ok(slots_wrap(file, other_key, st_view_text(first_password), &cheap, 1, &fixture->env));
    write_in(fixture, "slots", file, sizeof file);
    assert_int_equal(open_with(fixture, first_password), ST_EFOREIGN);
}

static void password__changed__old_one_no_longer_opens(void **state)
{
    struct fixture *fixture = *state;
    struct st_view first = st_view_text(first_password);
    struct st_view second = st_view_text(second_password);
    char path[FIXTURE_PATH];
    struct slots slots;
    fixture_join(path, fixture->dir, "slots");
    assert_int_equal(vault_change_password(fixture->dir, second, second, &cheap, &fixture->env), ST_EREFUSED);
    size_t old_len = 0;
    uint8_t *old_slots = read_in(fixture, "slots", &old_len);
    assert_ok(vault_change_password(fixture->dir, first, second, &cheap, &fixture->env));
    assert_ok(slots_read(&slots, path));
    assert_int_equal(slots.writes, 2);
    assert_int_equal(open_with(fixture, first_password), ST_EREFUSED);
    assert_ok(open_with(fixture, second_password));
    assert_mark(fixture->store, 42);
    /* Said in the header: an old copy of the slots and the old password still open it, … */
    write_in(fixture, "slots", old_slots, old_len);
    assert_ok(open_with(fixture, first_password));
    /* … until the key is a new one. */
    assert_ok(vault_rekey(fixture->store, fixture->dir, second, &cheap, &fixture->env));
    write_in(fixture, "slots", old_slots, old_len);
    assert_int_equal(open_with(fixture, first_password), ST_EFOREIGN);
    free(old_slots);
}

static void rekey__done__new_key_generation_and_password(void **state)
{
    struct fixture *fixture = *state;
    struct store_device own = fixture_device(1, 1);
    uint8_t before[32];
    uint8_t after[32];
    uint8_t again[32];
    store_generation_tag(fixture->store, &own, 7, before);
    assert_ok(vault_rekey(fixture->store, fixture->dir, st_view_text(second_password), &cheap, &fixture->env));
    assert_false(has(fixture, "slots.new"));
    store_generation_tag(fixture->store, &own, 7, after);
    assert_memory_not_equal(after, before, sizeof after);
    assert_mark(fixture->store, 42);
    put_mark(fixture->store, 43);
    assert_int_equal(open_with(fixture, first_password), ST_EREFUSED);
    assert_ok(open_with(fixture, second_password));
    assert_mark(fixture->store, 43);
    store_generation_tag(fixture->store, &own, 7, again);
    assert_memory_equal(again, after, sizeof again);
}

/* Both files are there; `db_is_new` says which key the database is under. */
static void leave_amid_rekey(struct fixture *fixture, bool db_is_new, const char *new_password)
{
    size_t old_len = 0;
    size_t new_len = 0;
    size_t db_len = 0;
    char path[FIXTURE_PATH];
    assert_ok(store_checkpoint(fixture->store));
    uint8_t *old_slots = read_in(fixture, "slots", &old_len);
    uint8_t *old_db = read_in(fixture, "store.db", &db_len);
    assert_ok(vault_rekey(fixture->store, fixture->dir, st_view_text(new_password), &cheap, &fixture->env));
    store_close(&fixture->store);
    uint8_t *new_slots = read_in(fixture, "slots", &new_len);
    write_in(fixture, "slots.new", new_slots, new_len);
    write_in(fixture, "slots", old_slots, old_len);
    fixture_join(path, fixture->dir, "store.db");
    if (!db_is_new)
        fixture_write(path, old_db, db_len);
    free(old_slots);
    free(old_db);
    free(new_slots);
}

static void rekey__cut_before_the_database__old_password(void **state)
{
    struct fixture *fixture = *state;
    struct st_view first = st_view_text(first_password);
    leave_amid_rekey(fixture, false, second_password);
    assert_int_equal(vault_change_password(fixture->dir, first, first, &cheap, &fixture->env), ST_ECONFLICT);
    assert_int_equal(open_with(fixture, second_password), ST_EREFUSED);
    assert_int_equal(open_with(fixture, "neither"), ST_EREFUSED);
    assert_true(has(fixture, "slots.new"));
    assert_ok(open_with(fixture, first_password));
    assert_false(has(fixture, "slots.new"));
    assert_mark(fixture->store, 42);
    assert_ok(open_with(fixture, first_password));
}

static void rekey__cut_after_the_database__new_password(void **state)
{
    struct fixture *fixture = *state;
    leave_amid_rekey(fixture, true, second_password);
    assert_int_equal(open_with(fixture, first_password), ST_EREFUSED);
    assert_true(has(fixture, "slots.new"));
    /* One who only reads leaves the ending to the holder. */
    assert_ok(vault_open(&fixture->store, fixture->dir, st_view_text(second_password), STORE_READ_ONLY, &fixture->env));
    assert_true(has(fixture, "slots.new"));
    assert_ok(open_with(fixture, second_password));
    assert_false(has(fixture, "slots.new"));
    assert_mark(fixture->store, 42);
    assert_ok(open_with(fixture, second_password));
}

static void rekey__cut__same_password_opens_either(void **state)
{
    struct fixture *fixture = *state;
    for (int db_is_new = 0; db_is_new < 2; db_is_new++) {
        leave_amid_rekey(fixture, db_is_new != 0, first_password);
        assert_ok(open_with(fixture, first_password));
        assert_false(has(fixture, "slots.new"));
        assert_mark(fixture->store, 42);
    }
}

/* The child: a new key under the other password, again and again. Says when it begins. Never returns. */
static void rekey_until_killed(struct fixture *fixture, unsigned now, int pipe_fd)
{
    static const char *const passwords[2] = { first_password, second_password };
    struct store *store = NULL;
    struct st_view password = st_view_text(passwords[now]);
    enum st_err err = vault_open(&store, fixture->dir, password, STORE_READ_WRITE, &fixture->env);
    while (err == ST_OK && write(pipe_fd, "", 1) == 1) {
        now = 1 - now;
        err = vault_rekey(store, fixture->dir, st_view_text(passwords[now]), &cheap, &fixture->env);
    }
    _exit(1);
}

/* Kills a child amid its rekeying: `pause_ns` after slots.new has appeared the third time. */
static void kill_amid_rekey(struct fixture *fixture, unsigned now, long pause_ns)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        rekey_until_killed(fixture, now, ends[1]);
    close(ends[1]);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(read(ends[0], &byte, 1), 1);
    struct timespec pause = { 0, 100000 };
    for (unsigned i = 0; i < 50000 && !has(fixture, "slots.new"); i++)
        nanosleep(&pause, NULL);
    pause.tv_nsec = pause_ns;
    nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* Whenever it dies, one of the two passwords opens all, and most often in the middle. */
static void rekey__killed_at_any_time__opens(void **state)
{
    struct fixture *fixture = *state;
    static const char *const passwords[2] = { first_password, second_password };
    static uint8_t set[STORE_SESSION_MAX];
    struct store_device bob = fixture_device(1, 1);
    unsigned cut = 0;
    unsigned now = 0;
    in_transaction(fixture->store, assert_ok(store_session_save(fixture->store, &bob, st_view(set, sizeof set), 1)));
    for (unsigned i = 0; i < 20; i++) {
        store_close(&fixture->store);
        kill_amid_rekey(fixture, now, (long)randombytes_uniform(40000000));
        cut += has(fixture, "slots.new");
        if (open_with(fixture, passwords[now]) != ST_OK) {
            now = 1 - now;
            assert_ok(open_with(fixture, passwords[now]));
        }
        assert_false(has(fixture, "slots.new"));
        assert_mark(fixture->store, 42);
        assert_ok(store_check(fixture->store));
    }
    print_message("%u of 20 died between the two files\n", cut);
    assert_true(cut > 0);
}

static void rekey__disk_full__old_password_opens(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t set[400000];
    struct store_device bob = fixture_device(1, 1);
    struct rlimit before;
    in_transaction(fixture->store, assert_ok(store_session_save(fixture->store, &bob, st_view(set, sizeof set), 1)));
    assert_ok(store_checkpoint(fixture->store));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = { 200000, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum st_err err = vault_rekey(fixture->store, fixture->dir, st_view_text(second_password), &cheap, &fixture->env);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, ST_EUNCERTAIN);
    assert_int_equal(store_begin(fixture->store), ST_EIO);
    assert_int_equal(open_with(fixture, second_password), ST_EREFUSED);
    assert_ok(open_with(fixture, first_password));
    assert_mark(fixture->store, 42);
    assert_false(has(fixture, "slots.new"));
}

static void create__slots_lost__database_put_aside(void **state)
{
    struct fixture *fixture = *state;
    size_t before_len = 0;
    size_t after_len = 0;
    store_close(&fixture->store);
    uint8_t *before = read_in(fixture, "store.db", &before_len);
    assert_ok(vault_wipe_keys(fixture->dir));
    assert_false(has(fixture, "slots"));
    assert_int_equal(open_with(fixture, first_password), ST_ENOTFOUND);
    assert_ok(vault_create(&fixture->store, fixture->dir, st_view_text("third"), &cheap, &fixture->env));
    assert_mark(fixture->store, 0);
    uint8_t *after = read_in(fixture, "lost.db", &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

static void wipe_keys__leftovers_too(void **state)
{
    struct fixture *fixture = *state;
    static const char *const leftovers[] = { "slots.new", ".new-Ab3dE9" };
    size_t len = 0;
    store_close(&fixture->store);
    uint8_t *bytes = read_in(fixture, "slots", &len);
    for (size_t i = 0; i < 2; i++)
        write_in(fixture, leftovers[i], bytes, len);
    assert_int_equal(fixture_count_files_with(fixture->dir, bytes, 32), 3);
    assert_ok(vault_wipe_keys(fixture->dir));
    assert_int_equal(fixture_count_files_with(fixture->dir, bytes, 32), 0);
    assert_true(has(fixture, "store.db"));
    assert_ok(vault_wipe_keys(fixture->dir));
    free(bytes);
}

static void erase__everything_but_folder_and_lock(void **state)
{
    struct fixture *fixture = *state;
    static const char *const gone[] = { "store.db", "store.db-wal", "store.db-shm", "slots", "blobs", "lost.db" };
    char path[FIXTURE_PATH];
    char outside[FIXTURE_PATH];
    char link_path[FIXTURE_PATH];
    fixture_join(outside, fixture->dir, "lock");
    fixture_write(outside, (const uint8_t *)"x", 1);
    fixture_join(path, fixture->dir, "blobs/inner");
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_join(path, fixture->dir, "blobs/inner/chunk");
    fixture_write(path, (const uint8_t *)"x", 1);
    fixture_join(link_path, fixture->dir, "blobs/link");
    assert_int_equal(symlink(outside, link_path), 0);
    write_in(fixture, "lost.db", (const uint8_t *)"x", 1);
    store_close(&fixture->store);
    assert_ok(vault_erase(fixture->dir));
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_false(has(fixture, gone[i]));
    assert_true(has(fixture, "lock"));
    assert_ok(vault_erase(fixture->dir));
    assert_int_equal(open_with(fixture, first_password), ST_ENOTFOUND);
}

static void create__limits__nothing_left(void **state)
{
    struct fixture *fixture = *state;
    static const struct slots_cost weak = { 1024, 1, 1 };
    static uint8_t password[SLOTS_PASSWORD_MAX + 1];
    struct st_view too_long = st_view(password, sizeof password);
    assert_int_equal(vault_create(&fixture->store, fixture->dir, st_view_text("p"), &weak, &fixture->env), ST_ELIMIT);
    assert_null(fixture->store);
    assert_false(has(fixture, "slots"));
    assert_int_equal(vault_create(&fixture->store, fixture->dir, too_long, &cheap, &fixture->env), ST_ELIMIT);
    assert_ok(vault_create(&fixture->store, fixture->dir, st_view_text("p"), &cheap, &fixture->env));
}

#define made(test)  cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)
#define fresh(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        made(create__files_are_private),
        made(create__twice__refused),
        made(open__password__right_and_wrong),
        fresh(open__no_account__not_found),
        made(open__damaged_slots__said_before_the_password),
        made(open__slots_of_another_account__foreign),
        made(password__changed__old_one_no_longer_opens),
        made(rekey__done__new_key_generation_and_password),
        made(rekey__cut_before_the_database__old_password),
        made(rekey__cut_after_the_database__new_password),
        made(rekey__cut__same_password_opens_either),
        made(rekey__killed_at_any_time__opens),
        made(rekey__disk_full__old_password_opens),
        made(create__slots_lost__database_put_aside),
        made(wipe_keys__leftovers_too),
        made(erase__everything_but_folder_and_lock),
        fresh(create__limits__nothing_left),
    };
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
