/* mailbox_sqlite and its files: what it refuses, when it notices that it was restored, what a power cut leaves. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>
#include <sqlite3.h>

#include "services/relay/mailbox_sqlite.h"
#include "tests/contract/mailbox/sqlite_folder.h"

struct place {
    struct contract_clock clock;
    struct st_env env;
    struct sqlite_folder folder;
    struct mailbox box;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL || sodium_init() < 0 || !sqlite_folder_make(&place->folder))
        return -1;
    place->clock = (struct contract_clock) { .wall_ms = INT64_C(1800000000000), .mono_ms = 5000 };
    randombytes_buf(&place->clock.seed, sizeof place->clock.seed); /* a program that starts again draws other bytes */
    place->env = contract_env(&place->clock);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    mailbox_close(&place->box);
    sqlite_folder_remove(&place->folder);
    free(place);
    return 0;
}

static enum st_err open_box(struct place *place)
{
    return mailbox_sqlite_open(&place->box, place->folder.path, &place->env, NULL);
}

static void path_of(const struct place *place, const char *suffix, char out[static 300])
{
    snprintf(out, 300, "%s%s", place->folder.path, suffix);
}

/* The whole file, allocated; NULL if there is none. */
static uint8_t *slurp(const char *path, size_t *len_r)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    assert_int_equal(fstat(fileno(file), &st), 0);
    *len_r = (size_t)st.st_size;
    uint8_t *bytes = malloc(*len_r + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len_r, file), *len_r);
    fclose(file);
    return bytes;
}

static void spill(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void open_mailbox(struct place *place)
{
    const uint32_t dev = 1;
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_boxes boxes = { .seq = 1, .devs = &dev, .dev_count = 1 };
    memcpy(boxes.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&place->box, &boxes, 1), ST_OK);
}

static enum st_err append(struct place *place, uint32_t id)
{
    struct mailbox_append item = contract_item(1, 1, id, 500);
    enum st_err err = mailbox_append(&place->box, &contract_wide, &item, 1);
    if (err == ST_OK)
        assert_int_equal(item.fate, MAILBOX_STORED);
    return err;
}

static uint64_t length(struct place *place)
{
    struct mailbox_look look = { .key = contract_key(1, 1) };
    assert_int_equal(mailbox_look(&place->box, &look, 1), ST_OK);
    return look.exists ? look.length : 0;
}

static void get_epoch(struct place *place, uint8_t epoch_r[static ST_EPOCH_LEN])
{
    struct mailbox_key key = contract_key(1, 1);
    assert_int_equal(mailbox_epochs(&place->box, key.acct, 1, epoch_r), ST_OK);
}

/* ---- what is refused ---- */

/* Opens, expects ST_EFOREIGN, and finds the file byte for byte as it was. */
static void expect_foreign(struct place *place)
{
    size_t before_len = 0, after_len = 0;
    uint8_t *before = slurp(place->folder.path, &before_len);
    assert_int_equal(open_box(place), ST_EFOREIGN);
    assert_null(place->box.ops);
    uint8_t *after = slurp(place->folder.path, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

static void open__new_file__is_private(void **state)
{
    struct place *place = *state;
    struct stat st;
    char path[300];
    static const char *const suffixes[] = { "", "-wal", ".count" };
    mode_t before = umask(0);
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    for (size_t i = 0; i < 3; i++) {
        path_of(place, suffixes[i], path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    umask(before);
}

static void open__text_file__is_foreign(void **state)
{
    struct place *place = *state;
    static const char text[] = "This is a letter to my grandmother and not a database, however long it may be. "
                               "It must be left alone.";
    spill(place->folder.path, text, sizeof text);
    expect_foreign(place);
    spill(place->folder.path, text, 10);
    expect_foreign(place);
}

static void make_database(struct place *place, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(place->folder.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void open__database_of_another_program__is_foreign(void **state)
{
    struct place *place = *state;
    make_database(place, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    expect_foreign(place);
    make_database(place, "PRAGMA application_id=1234");
    expect_foreign(place);
}

static void open__newer_version__is_foreign(void **state)
{
    struct place *place = *state;
    assert_int_equal(open_box(place), ST_OK);
    mailbox_close(&place->box);
    make_database(place, "PRAGMA user_version=2; PRAGMA journal_mode=DELETE");
    expect_foreign(place);
}

static void open__damaged_pages__are_found_at_once_or_when_read(void **state)
{
    struct place *place = *state;
    size_t len = 0;
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(append(place, i), ST_OK);
    mailbox_close(&place->box);
    uint8_t *bytes = slurp(place->folder.path, &len);
    for (size_t page = 4096; page < len; page += 4096) {
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        memset(copy + page, 0xa5, 4096);
        spill(place->folder.path, copy, len);
        free(copy);
        enum st_err err = open_box(place);
        assert_true(err == ST_EFOREIGN || err == ST_OK);
        if (err == ST_OK) { /* a free page, or one that quick_check does not look into */
            struct mailbox_look look = { .key = contract_key(1, 1) };
            err = mailbox_look(&place->box, &look, 1);
            assert_true(err == ST_OK || err == ST_EFOREIGN);
        }
        mailbox_close(&place->box);
    }
    free(bytes);
}

static void open__cut_file__is_refused_or_whole(void **state)
{
    struct place *place = *state;
    size_t len = 0;
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(append(place, i), ST_OK);
    mailbox_close(&place->box);
    uint8_t *bytes = slurp(place->folder.path, &len);
    for (size_t cut = 1; cut < len; cut += 997) {
        spill(place->folder.path, bytes, cut);
        enum st_err err = open_box(place);
        assert_true(err == ST_EFOREIGN || err == ST_OK);
        if (err == ST_OK) /* only a page that nothing stands on was cut */
            assert_int_equal(length(place), 50);
        mailbox_close(&place->box);
    }
    free(bytes);
}

static void open__link_or_missing_folder__is_refused(void **state)
{
    struct place *place = *state;
    char target[300];
    struct mailbox box;
    path_of(place, ".target", target);
    assert_int_equal(symlink(target, place->folder.path), 0);
    assert_int_equal(open_box(place), ST_EFOREIGN);
    assert_int_equal(access(target, F_OK), -1);
    snprintf(target, sizeof target, "%s/none/mailbox.db", place->folder.dir);
    assert_int_equal(mailbox_sqlite_open(&box, target, &place->env, NULL), ST_ENOTFOUND);
    assert_null(box.ops);
}

static void open__in_two_processes__is_unavailable_to_the_second(void **state)
{
    struct place *place = *state;
    int status = 0;
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mailbox box;
        _exit(mailbox_sqlite_open(&box, place->folder.path, &place->env, NULL) == ST_EUNAVAILABLE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(append(place, 1), ST_OK);
}

/* ---- gone back in time ---- */

static void copy_file(const char *from, const char *to)
{
    size_t len = 0;
    uint8_t *bytes = slurp(from, &len);
    assert_non_null(bytes);
    spill(to, bytes, len);
    free(bytes);
}

static void epoch__database_copied_back__is_new(void **state)
{
    struct place *place = *state;
    char backup[300];
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    path_of(place, ".backup", backup);
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    get_epoch(place, first);
    mailbox_close(&place->box);
    copy_file(place->folder.path, backup);
    assert_int_equal(open_box(place), ST_OK);
    assert_int_equal(append(place, 1), ST_OK);
    mailbox_close(&place->box);
    copy_file(backup, place->folder.path); /* into the same inode */
    assert_int_equal(open_box(place), ST_OK);
    get_epoch(place, second);
    assert_memory_not_equal(first, second, ST_EPOCH_LEN);
    assert_int_equal(length(place), 0);
}

/* A backup taken while the server runs, and copied back after one more message in the same life. */
static void epoch__copied_back_within_one_life__is_new(void **state)
{
    struct place *place = *state;
    char backup[300], wal[300], wal_backup[300];
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    path_of(place, ".backup", backup);
    path_of(place, "-wal", wal);
    path_of(place, ".walbackup", wal_backup);
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    assert_int_equal(append(place, 1), ST_OK);
    get_epoch(place, first);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) /* the copying is done by another process: here, closing a file would end SQLite's lock on it */
        _exit((copy_file(place->folder.path, backup), copy_file(wal, wal_backup), 0));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(append(place, 2), ST_OK);
    mailbox_close(&place->box);
    copy_file(backup, place->folder.path);
    copy_file(wal_backup, wal);
    assert_int_equal(open_box(place), ST_OK);
    assert_int_equal(length(place), 1);
    get_epoch(place, second);
    assert_memory_not_equal(first, second, ST_EPOCH_LEN);
}

static void epoch__whole_folder_restored__is_new(void **state)
{
    struct place *place = *state;
    char counter[300], backup[300], counter_backup[300];
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    path_of(place, ".count", counter);
    path_of(place, ".backup", backup);
    path_of(place, ".countbackup", counter_backup);
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    get_epoch(place, first);
    mailbox_close(&place->box);
    copy_file(place->folder.path, backup);
    copy_file(counter, counter_backup);
    assert_int_equal(open_box(place), ST_OK);
    assert_int_equal(append(place, 1), ST_OK);
    mailbox_close(&place->box);
    /* As tar and cp do it: old files away, new files in their place. Counter and database agree with each other. */
    assert_int_equal(unlink(place->folder.path), 0);
    copy_file(backup, place->folder.path);
    copy_file(counter_backup, counter);
    assert_int_equal(open_box(place), ST_OK);
    get_epoch(place, second);
    assert_memory_not_equal(first, second, ST_EPOCH_LEN);
}

static void epoch__counter_file_missing_cut_or_of_another_epoch__is_new(void **state)
{
    struct place *place = *state;
    char counter[300];
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    path_of(place, ".count", counter);
    assert_int_equal(open_box(place), ST_OK);
    for (int way = 0; way < 4; way++) {
        size_t len = 0;
        get_epoch(place, first);
        mailbox_close(&place->box);
        uint8_t *bytes = slurp(counter, &len);
        assert_int_equal(len, 24);
        if (way == 0)
            assert_int_equal(unlink(counter), 0);
        if (way == 1)
            spill(counter, bytes, 11);
        if (way == 2)
            spill(counter, "................................", 32);
        bytes[9] ^= 1;
        if (way == 3)
            spill(counter, bytes, len);
        free(bytes);
        assert_int_equal(open_box(place), ST_OK);
        get_epoch(place, second);
        assert_memory_not_equal(first, second, ST_EPOCH_LEN);
        mailbox_close(&place->box);
        assert_int_equal(open_box(place), ST_OK); /* and it stays */
        get_epoch(place, first);
        assert_memory_equal(first, second, ST_EPOCH_LEN);
    }
}

static void epoch__counter_file_behind__means_nothing(void **state)
{
    struct place *place = *state;
    char counter[300];
    uint8_t first[ST_EPOCH_LEN], second[ST_EPOCH_LEN];
    size_t len = 0;
    path_of(place, ".count", counter);
    assert_int_equal(open_box(place), ST_OK);
    open_mailbox(place);
    get_epoch(place, first);
    uint8_t *bytes = slurp(counter, &len);
    assert_int_equal(append(place, 1), ST_OK);
    mailbox_close(&place->box);
    spill(counter, bytes, len); /* as after a power cut: it is not synced at each commit */
    free(bytes);
    assert_int_equal(open_box(place), ST_OK);
    get_epoch(place, second);
    assert_memory_equal(first, second, ST_EPOCH_LEN);
}

/* ---- clock ---- */

static void clock__wall_clock_set__is_believed_after_a_day(void **state)
{
    struct place *place = *state;
    const int64_t hour_ms = 3600 * 1000;
    int64_t now_ms = 0;
    assert_int_equal(open_box(place), ST_OK);
    place->clock.wall_ms += 1000;
    place->clock.mono_ms += 1000;
    assert_int_equal(mailbox_time_ms(&place->box, &now_ms), ST_OK);
    assert_int_equal(now_ms, place->clock.wall_ms);
    place->clock.wall_ms += 1000 * hour_ms;
    for (int hour = 0; hour < 24; hour++) {
        assert_int_equal(mailbox_time_ms(&place->box, &now_ms), ST_OK);
        assert_int_equal(place->clock.wall_ms - now_ms, 1000 * hour_ms);
        place->clock.wall_ms += hour_ms;
        place->clock.mono_ms += hour_ms;
    }
    assert_int_equal(mailbox_time_ms(&place->box, &now_ms), ST_OK);
    assert_int_equal(now_ms, place->clock.wall_ms);
}

static void clock__wall_clock_set_and_set_back__counts_from_anew(void **state)
{
    struct place *place = *state;
    const int64_t hour_ms = 3600 * 1000;
    int64_t now_ms = 0;
    assert_int_equal(open_box(place), ST_OK);
    for (int round = 0; round < 5; round++) {
        place->clock.wall_ms += 1000 * hour_ms;
        for (int hour = 0; hour < 20; hour++) {
            assert_int_equal(mailbox_time_ms(&place->box, &now_ms), ST_OK);
            assert_int_equal(place->clock.wall_ms - now_ms, 1000 * hour_ms);
            place->clock.wall_ms += hour_ms;
            place->clock.mono_ms += hour_ms;
        }
        place->clock.wall_ms -= 1000 * hour_ms;
        assert_int_equal(mailbox_time_ms(&place->box, &now_ms), ST_OK);
        assert_int_equal(now_ms, place->clock.wall_ms);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__new_file__is_private),
        TEST(open__text_file__is_foreign),
        TEST(open__database_of_another_program__is_foreign),
        TEST(open__newer_version__is_foreign),
        TEST(open__damaged_pages__are_found_at_once_or_when_read),
        TEST(open__cut_file__is_refused_or_whole),
        TEST(open__link_or_missing_folder__is_refused),
        TEST(open__in_two_processes__is_unavailable_to_the_second),
        TEST(epoch__database_copied_back__is_new),
        TEST(epoch__copied_back_within_one_life__is_new),
        TEST(epoch__whole_folder_restored__is_new),
        TEST(epoch__counter_file_missing_cut_or_of_another_epoch__is_new),
        TEST(epoch__counter_file_behind__means_nothing),
        TEST(clock__wall_clock_set__is_believed_after_a_day),
        TEST(clock__wall_clock_set_and_set_back__counts_from_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
