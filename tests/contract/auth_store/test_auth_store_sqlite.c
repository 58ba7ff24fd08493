/* The contract over SQLite, and what only a file has: foreign and newer ones, migrations, damage, other processes. */
#include "tests/contract/auth_store/auth_store_contract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/auth/store_sqlite.h"
#include "services/auth/store_sqlite_db.h"

struct folder {
    char dir[32];
    char path[64];
};

static enum st_err open_more(struct contract_db *db, struct auth_store *store_r)
{
    return auth_store_sqlite_open(store_r, ((struct folder *)db->ctx)->path, NULL);
}

static int setup_empty(void **state)
{
    struct contract_db *db = calloc(1, sizeof *db);
    struct folder *folder = calloc(1, sizeof *folder);
    if (db == NULL || folder == NULL)
        return -1;
    snprintf(folder->dir, sizeof folder->dir, "%s", "/tmp/auth-store-XXXXXX");
    if (mkdtemp(folder->dir) == NULL)
        return -1;
    (void)snprintf(folder->path, sizeof folder->path, "%s/auth.db", folder->dir);
    db->ctx = folder;
    db->open = open_more;
    *state = db;
    return 0;
}

static int setup(void **state)
{
    if (setup_empty(state) != 0)
        return -1;
    struct contract_db *db = *state;
    return db->open(db, &db->store) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct contract_db *db = *state;
    struct folder *folder = db->ctx;
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    auth_store_close(&db->store);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s%s", folder->path, ends[i]);
        (void)unlink(path);
    }
    if (rmdir(folder->dir) != 0)
        return -1;
    free(folder);
    free(db);
    return 0;
}

static const char *path_of(struct contract_db *db)
{
    return ((struct folder *)db->ctx)->path;
}

static void write_file(const char *path, const void *p, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void open__new__is_private_and_durable(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct stat st;
    assert_int_equal(stat(path_of(db), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    contract_add_account(&db->store, 1);
    auth_store_close(&db->store);
    contract_ok(db->open(db, &db->store));
    struct auth_account account;
    contract_ok(auth_store_account_by_name(&db->store, st_view_text("user1"), &account));
}

static void open__foreign__is_refused_and_untouched(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    static const char text[] = "this is the holiday diary of somebody, not a database at all";
    char after[sizeof text];
    write_file(path_of(db), text, sizeof text);
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
    assert_null(db->store.ops);
    FILE *file = fopen(path_of(db), "rb");
    assert_non_null(file);
    assert_int_equal(fread(after, 1, sizeof after, file), sizeof after);
    assert_int_equal(fgetc(file), EOF);
    assert_int_equal(fclose(file), 0);
    assert_memory_equal(after, text, sizeof text);
    /* Somebody else's SQLite database. */
    assert_int_equal(unlink(path_of(db)), 0);
    run_sql(path_of(db), "CREATE TABLE diary (day TEXT)");
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
    run_sql(path_of(db), "INSERT INTO diary VALUES ('monday')");
    /* One with our mark and nothing of ours in it. */
    run_sql(path_of(db), "PRAGMA application_id = 1398038901");
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
    /* Another service's, which keeps its version in the same way. */
    run_sql(path_of(db), "PRAGMA application_id = 7; CREATE TABLE schema_version (v INTEGER);"
                         "INSERT INTO schema_version VALUES (1)");
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
    /* A file that is cut short. */
    write_file(path_of(db), "SQLite format 3", 10);
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
}

static void open__newer__is_refused_and_untouched(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    contract_add_account(&db->store, 1);
    auth_store_close(&db->store);
    run_sql(path_of(db), "UPDATE schema_version SET v = 2");
    assert_int_equal(db->open(db, &db->store), ST_EFOREIGN);
    run_sql(path_of(db), "UPDATE schema_version SET v = 1");
    contract_ok(db->open(db, &db->store));
    struct auth_account account;
    contract_ok(auth_store_account_by_name(&db->store, st_view_text("user1"), &account));
}

static void open__bad_places__say_why(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_store store;
    char path[96];
    (void)snprintf(path, sizeof path, "%s/none/auth.db", ((struct folder *)db->ctx)->dir);
    assert_int_equal(auth_store_sqlite_open(&store, path, NULL), ST_ENOTFOUND);
    assert_int_equal(auth_store_sqlite_open(&store, ((struct folder *)db->ctx)->dir, NULL), ST_EFOREIGN);
    assert_int_equal(symlink("/etc/passwd", path_of(db)), 0);
    assert_int_equal(auth_store_sqlite_open(&store, path_of(db), NULL), ST_EFOREIGN);
}

static void open__dead_creator__starts_again(void **state)
{
    /* A process that died while it made the database leaves an empty file. */
    struct contract_db *db = CONTRACT_DB(state);
    write_file(path_of(db), "", 0);
    contract_ok(db->open(db, &db->store));
    contract_add_account(&db->store, 1);
}

static void migrate__two_steps__go_forward_only(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    static const struct auth_migration steps[] = {
        { "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);" },
        { "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;" },
        { "CREATE TABLE b (x INTEGER); this is no SQL;" },
    };
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(path_of(db), &raw), SQLITE_OK);
    contract_ok(auth_sqlite_migrate(raw, steps, 1));
    contract_ok(auth_sqlite_migrate(raw, steps, 1));
    contract_ok(auth_sqlite_migrate(raw, steps, 2));
    assert_int_equal(sqlite3_exec(raw, "INSERT INTO a (x, y) VALUES (5, 6)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(auth_sqlite_migrate(raw, steps, 1), ST_EFOREIGN);
    /* A step that fails leaves no trace. */
    assert_int_equal(auth_sqlite_migrate(raw, steps, 3), ST_EIO);
    assert_int_not_equal(sqlite3_exec(raw, "SELECT * FROM b", NULL, NULL, NULL), SQLITE_OK);
    contract_ok(auth_sqlite_migrate(raw, steps, 2));
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

/* How many pages the file may have: as if the disk were full. */
static void limit_pages(struct contract_db *db, int pages)
{
    char sql[64];
    struct auth_sqlite *store = db->store.ctx;
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", pages);
    assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void transaction__disk_full__loses_the_batch_only(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    const struct auth_store *store = &db->store;
    struct auth_account account;
    uint64_t count;
    enum st_err err = ST_OK;
    contract_add_account(store, 1);
    limit_pages(db, 1); /* no more than it has now */
    contract_ok(auth_store_begin(store));
    contract_ok(auth_store_begin(store));
    for (uint8_t number = 2; number < 200 && err == ST_OK; number++) {
        account = contract_account(number);
        err = auth_store_account_insert(store, &account);
    }
    assert_int_equal(err, ST_EFULL);
    assert_int_equal(auth_store_account_count(store, &count), ST_EUNAVAILABLE);
    auth_store_rollback(store);
    account = contract_account(200);
    assert_int_equal(auth_store_account_insert(store, &account), ST_EUNAVAILABLE);
    assert_int_equal(auth_store_account_count(store, &count), ST_EUNAVAILABLE);
    assert_int_equal(auth_store_commit(store), ST_EUNAVAILABLE);
    contract_ok(auth_store_account_count(store, &count));
    assert_int_equal(count, 1);
    limit_pages(db, 100000);
    contract_add_account(store, 2);
    contract_ok(auth_store_account_count(store, &count));
    assert_int_equal(count, 2);
}

static void read__damaged_rows__are_failures_not_absences(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    static const char *const damages[] = {
        "UPDATE account SET record = x'00'",    "UPDATE account SET list_seq = -1",
        "UPDATE account SET state = 9",         "UPDATE account SET name = x'00' || name",
        "UPDATE account SET next_dev = 'many'",
    };
    struct auth_account account;
    struct auth_account good = contract_account(1);
    contract_add_account(&db->store, 1);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        run_sql(path_of(db), damages[i]);
        assert_int_equal(auth_store_account_by_id(&db->store, good.acct, false, &account),
                         i == 3 ? ST_OK : ST_EFOREIGN); /* a name is only text */
        run_sql(path_of(db), "UPDATE account SET record = zeroblob(192), list_seq = 1, state = 1, next_dev = 2");
        contract_ok(auth_store_account_by_id(&db->store, good.acct, false, &account));
    }
    run_sql(path_of(db), "UPDATE device SET tk = x'0102'");
    struct auth_device device;
    assert_int_equal(auth_store_device_get(&db->store, good.acct, 1, &device), ST_EFOREIGN);
}

static void read__damaged_pages__are_told(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    struct auth_account account;
    contract_add_account(&db->store, 1);
    auth_store_close(&db->store); /* moves the write-ahead log into the file */
    int fd = open(path_of(db), O_RDWR);
    assert_true(fd >= 0);
    uint8_t noise[4096];
    memset(noise, 0xa5, sizeof noise);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    assert_int_equal(close(fd), 0);
    enum st_err err = db->open(db, &db->store);
    if (err == ST_OK)
        err = auth_store_account_by_name(&db->store, st_view_text("user1"), &account);
    assert_int_equal(err, ST_EFOREIGN);
}

/* A child takes prekeys while we do: every one is taken once, by one of the two. */
static void opk__two_processes__never_get_the_same(void **state)
{
    struct contract_db *db = CONTRACT_DB(state);
    enum { KEYS = 60 };
    struct auth_account account = contract_account(1);
    contract_add_account(&db->store, 1);
    for (uint32_t id = 1; id <= KEYS; id++) {
        struct auth_opk opk = contract_opk(id);
        contract_ok(auth_store_opk_put(&db->store, account.acct, 1, &opk));
    }
    auth_store_close(&db->store); /* no connection may cross a fork */
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    struct auth_store store;
    bool is_child = child == 0;
    contract_ok(db->open(db, &store));
    uint8_t taken[KEYS + 1] = { 0 };
    struct auth_opk opk;
    while (auth_store_opk_take(&store, account.acct, 1, &opk) == ST_OK)
        taken[opk.id]++;
    auth_store_close(&store);
    if (is_child)
        _exit(write(pipe_fds[1], taken, sizeof taken) == (ssize_t)sizeof taken ? 0 : 1);
    uint8_t theirs[KEYS + 1] = { 0 };
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(pipe_fds[0], theirs, sizeof theirs), sizeof theirs);
    for (uint32_t id = 1; id <= KEYS; id++)
        assert_int_equal(taken[id] + theirs[id], 1);
    assert_int_equal(close(pipe_fds[0]) + close(pipe_fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open__new__is_private_and_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(open__foreign__is_refused_and_untouched, setup_empty, teardown),
        cmocka_unit_test_setup_teardown(open__newer__is_refused_and_untouched, setup, teardown),
        cmocka_unit_test_setup_teardown(open__bad_places__say_why, setup_empty, teardown),
        cmocka_unit_test_setup_teardown(open__dead_creator__starts_again, setup_empty, teardown),
        cmocka_unit_test_setup_teardown(migrate__two_steps__go_forward_only, setup_empty, teardown),
        cmocka_unit_test_setup_teardown(transaction__disk_full__loses_the_batch_only, setup, teardown),
        cmocka_unit_test_setup_teardown(read__damaged_rows__are_failures_not_absences, setup, teardown),
        cmocka_unit_test_setup_teardown(read__damaged_pages__are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(opk__two_processes__never_get_the_same, setup, teardown),
    };
    return contract_run_all(setup, teardown) + cmocka_run_group_tests_name("sqlite only", tests, NULL, NULL);
}
