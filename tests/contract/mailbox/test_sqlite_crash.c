/* What mailbox_sqlite has answered survives kill -9 at any moment, a WAL that is cut at any byte, and any I/O call that
 * fails. */
#include "tests/contract/mailbox/mailbox_contract.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>
#include <sqlite3.h>

#include "tests/contract/mailbox/failing_vfs.h"
#include "services/relay/mailbox_sqlite.h"
#include "tests/contract/mailbox/sqlite_folder.h"

enum { KILLS = 60, IDS_MAX = 1 << 20, TAIL = 4096, TORN_APPENDS = 12 };

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
    randombytes_buf(&place->clock.seed, sizeof place->clock.seed);
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

static enum st_err open_mailbox(struct place *place)
{
    const uint32_t dev = 1;
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_boxes boxes = { .seq = 1, .devs = &dev, .dev_count = 1 };
    memcpy(boxes.acct, key.acct, ST_ACCT_LEN);
    return mailbox_boxes_set(&place->box, &boxes, 1);
}

static bool mark_entry(void *sink_ctx, size_t index, const struct mailbox_entry *entry)
{
    uint8_t *seen = sink_ctx;
    uint32_t id = st_get_u32(entry->msg_id);
    (void)index;
    assert_true(id < IDS_MAX);
    for (size_t i = 0; i < entry->body.len; i++)
        assert_int_equal(entry->body.p[i], (uint8_t)(id + 1));
    seen[id]++;
    return true;
}

/* How often each message number is in the mailbox. */
static void look_at_all(struct place *place, uint8_t *seen_r)
{
    struct mailbox_read read = { .key = contract_key(1, 1), .entry_max = IDS_MAX };
    memset(seen_r, 0, IDS_MAX);
    assert_int_equal(mailbox_read(&place->box, &read, 1, mark_entry, seen_r), ST_OK);
}

/* ---- kill -9 ---- */

/* What the child reports of a message number: on disk, or about to be removed. */
struct report {
    uint32_t id;
    uint32_t removing;
};

static void child_life(struct place *place, int pipe_fd, uint32_t first_id)
{
    uint8_t tokens[64][ST_TOKEN_LEN];
    uint32_t ids[64];
    size_t kept = 0;
    if (open_box(place) != ST_OK || open_mailbox(place) != ST_OK)
        _exit(2);
    for (uint32_t id = first_id;; id += 8) {
        struct mailbox_append items[8];
        size_t count = 1 + id / 8 % 8;
        for (uint32_t i = 0; i < count; i++)
            items[i] = contract_item(1, 1, id + i, 500);
        if (mailbox_append(&place->box, &contract_wide, items, count) != ST_OK)
            _exit(3);
        for (uint32_t i = 0; i < count; i++) {
            struct report report = { .id = id + i };
            if (write(pipe_fd, &report, sizeof report) != sizeof report)
                _exit(4);
            memcpy(tokens[kept], items[i].token_r, ST_TOKEN_LEN);
            ids[kept++] = id + i;
        }
        if (kept < 40)
            continue;
        for (size_t i = 0; i < kept; i++) {
            struct report report = { .id = ids[i], .removing = 1 };
            if (write(pipe_fd, &report, sizeof report) != sizeof report)
                _exit(4);
        }
        struct mailbox_remove remove = { .key = contract_key(1, 1), .tokens = tokens[0], .token_count = kept };
        if (mailbox_remove(&place->box, &remove, 1) != ST_OK || remove.removed != kept)
            _exit(5);
        kept = 0;
    }
}

static void crash__kill_9_under_load__keeps_every_answered_append(void **state)
{
    struct place *place = *state;
    uint8_t *expected = calloc(1, IDS_MAX), *seen = calloc(1, IDS_MAX), epoch[ST_EPOCH_LEN], first[ST_EPOCH_LEN];
    struct mailbox_key key = contract_key(1, 1);
    uint64_t answered = 0;
    assert_true(expected != NULL && seen != NULL);
    for (uint32_t kill_no = 0; kill_no < KILLS; kill_no++) {
        int fds[2], status = 0;
        struct report report;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(fds[0]);
            child_life(place, fds[1], kill_no * (IDS_MAX / KILLS));
        }
        close(fds[1]);
        usleep(40000 + randombytes_uniform(120000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &report, sizeof report) == sizeof report) {
            expected[report.id] = report.removing ? 2 : 1;
            answered += !report.removing;
        }
        close(fds[0]);
        assert_int_equal(open_box(place), ST_OK);
        look_at_all(place, seen);
        for (uint32_t id = 0; id < IDS_MAX; id++) {
            assert_true(seen[id] <= 1);
            assert_true(expected[id] != 1 || seen[id] == 1);
        }
        assert_int_equal(mailbox_epochs(&place->box, key.acct, 1, epoch), ST_OK);
        if (kill_no == 0)
            memcpy(first, epoch, sizeof first);
        assert_memory_equal(first, epoch, sizeof first); /* nothing was lost, and nothing is said to be */
        mailbox_close(&place->box);
    }
    print_message("%llu answered appends over %d kills\n", (unsigned long long)answered, KILLS);
    assert_true(answered > KILLS);
    free(expected);
    free(seen);
}

/* ---- a torn tail ---- */

struct image {
    uint8_t *bytes;
    size_t len;
};

static struct image take(const struct place *place, const char *suffix)
{
    char path[300];
    struct stat st;
    struct image image;
    snprintf(path, sizeof path, "%s%s", place->folder.path, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    image.len = (size_t)st.st_size;
    image.bytes = malloc(image.len + 1);
    assert_non_null(image.bytes);
    assert_int_equal(fread(image.bytes, 1, image.len, file), image.len);
    fclose(file);
    return image;
}

/* Writes into the file that is there, so that it stays the same inode. */
static void put(const struct place *place, const char *suffix, const struct image *image, size_t len)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", place->folder.path, suffix);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image->bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static size_t wal_size(const struct place *place)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%s-wal", place->folder.path);
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* Appends TORN_APPENDS messages in a child that dies by kill -9; sizes_r[i] is the WAL's length when i was answered. */
static void write_and_die(struct place *place, size_t *sizes_r)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (open_box(place) != ST_OK || open_mailbox(place) != ST_OK)
            _exit(2);
        for (uint32_t i = 0; i < TORN_APPENDS; i++) {
            struct mailbox_append item = contract_item(1, 1, i, 500);
            if (mailbox_append(&place->box, &contract_wide, &item, 1) != ST_OK)
                _exit(3);
            size_t size = wal_size(place);
            if (write(fds[1], &size, sizeof size) != sizeof size)
                _exit(4);
        }
        raise(SIGKILL);
    }
    close(fds[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (size_t i = 0; i < TORN_APPENDS; i++)
        assert_int_equal(read(fds[0], &sizes_r[i], sizeof sizes_r[i]), sizeof sizes_r[i]);
    close(fds[0]);
}

static void crash__wal_cut_at_any_byte__opens_and_never_hides_a_loss(void **state)
{
    struct place *place = *state;
    size_t sizes[TORN_APPENDS];
    uint8_t *seen = calloc(1, IDS_MAX), epoch[ST_EPOCH_LEN];
    struct mailbox_key key = contract_key(1, 1);
    assert_non_null(seen);
    sqlite_folder_remove(&place->folder);
    assert_true(sqlite_folder_make_fast(&place->folder));
    write_and_die(place, sizes);
    struct image db = take(place, ""), wal = take(place, "-wal"), counter = take(place, ".count");
    assert_int_equal(wal.len, sizes[TORN_APPENDS - 1]);
    assert_true(wal.len > TAIL);
    size_t losses = 0;
    for (size_t cut = wal.len; cut > 0; cut -= cut > wal.len - TAIL ? 1 : cut > 211 ? 211 : cut) {
        put(place, "", &db, db.len);
        put(place, "-wal", &wal, cut);
        put(place, ".count", &counter, counter.len);
        assert_int_equal(open_box(place), ST_OK);
        look_at_all(place, seen);
        assert_int_equal(mailbox_epochs(&place->box, key.acct, 1, epoch), ST_OK);
        bool lost = false;
        for (size_t i = 0; i < TORN_APPENDS; i++) {
            assert_true(sizes[i] > cut || seen[i] == 1);
            lost = lost || seen[i] == 0;
        }
        /* The counter file holds the epoch in its bytes 8 to 16. What was answered and is gone must be seen in it. */
        if (lost)
            assert_memory_not_equal(epoch, counter.bytes + 8, ST_EPOCH_LEN);
        else
            assert_memory_equal(epoch, counter.bytes + 8, ST_EPOCH_LEN);
        losses += lost;
        mailbox_close(&place->box);
    }
    assert_true(losses >= TAIL);
    free(db.bytes);
    free(wal.bytes);
    free(counter.bytes);
    free(seen);
}

/* ---- failing I/O ---- */

enum { STORY_APPENDS = 6 };

/* What a story was told. */
struct told {
    bool stored[STORY_APPENDS];
    bool removing[STORY_APPENDS];
    bool open;
};

static bool is_documented(enum st_err err)
{
    return err == ST_OK || err == ST_EFULL || err == ST_EIO || err == ST_EUNAVAILABLE || err == ST_EFOREIGN ||
           err == ST_ENOMEM || err == ST_EUNCERTAIN;
}

static void append_and_remove(struct place *place, struct told *told)
{
    uint8_t tokens[STORY_APPENDS][ST_TOKEN_LEN];
    for (uint32_t i = 0; i < STORY_APPENDS; i++) {
        struct mailbox_append item = contract_item(1, 1, i, i % 2 == 0 ? 500 : 20000);
        enum st_err err = mailbox_append(&place->box, &contract_wide, &item, 1);
        assert_true(is_documented(err));
        told->stored[i] = err == ST_OK && item.fate == MAILBOX_STORED;
        memcpy(tokens[i], item.token_r, ST_TOKEN_LEN);
    }
    for (size_t i = 0; i < STORY_APPENDS; i += 3) {
        struct mailbox_remove remove = { .key = contract_key(1, 1), .tokens = tokens[i], .token_count = 1 };
        told->removing[i] = true;
        if (told->stored[i])
            assert_true(is_documented(mailbox_remove(&place->box, &remove, 1)));
    }
}

static void touch_everything_else(struct place *place)
{
    uint8_t bytes[ST_GENERATION_LEN] = { 1 };
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_generation generation = { .key = key, .put = bytes };
    struct mailbox_exposed_put expose = { .key = key, .hash = bytes, .mac_key = bytes };
    struct mailbox_exposed_get exposed = { .key = key, .hash = bytes };
    struct mailbox_blob_add add = { .size = 100, .chunks = 1, .expires_ms = 10, .account_bytes_max = 1 << 20 };
    struct mailbox_sweep sweep = { .now_ms = 1, .box_max = 10 };
    struct mailbox_look look = { .key = key };
    memcpy(add.acct, key.acct, ST_ACCT_LEN);
    assert_true(is_documented(mailbox_generation(&place->box, &generation, 1)));
    assert_true(is_documented(mailbox_exposed_put(&place->box, &expose, 1)));
    assert_true(is_documented(mailbox_exposed_get(&place->box, &exposed, 1)));
    assert_true(is_documented(mailbox_blob_add(&place->box, &add, 1)));
    assert_true(is_documented(mailbox_sweep(&place->box, &sweep)));
    assert_true(is_documented(mailbox_look(&place->box, &look, 1)));
}

static void tell_story(struct place *place, struct told *told)
{
    memset(told, 0, sizeof *told);
    enum st_err err = open_box(place);
    assert_true(is_documented(err));
    if (err != ST_OK)
        return;
    err = open_mailbox(place);
    assert_true(is_documented(err));
    told->open = err == ST_OK;
    append_and_remove(place, told);
    touch_everything_else(place);
    mailbox_close(&place->box);
}

static void failing_io(struct place *place, enum failing_call call, int rc, bool for_good)
{
    uint8_t *seen = calloc(1, IDS_MAX);
    assert_non_null(seen);
    for (unsigned n = 1;; n++) {
        struct told told;
        assert_true(sqlite_folder_make_fast(&place->folder));
        failing_vfs_arm(call, n, rc, for_good);
        tell_story(place, &told);
        bool fired = failing_vfs_disarm();
        assert_int_equal(open_box(place), ST_OK);
        struct mailbox_read read = { .key = contract_key(1, 1), .entry_max = IDS_MAX };
        memset(seen, 0, IDS_MAX);
        assert_int_equal(mailbox_read(&place->box, &read, 1, mark_entry, seen), ST_OK);
        assert_true(read.exists || !told.open);
        for (size_t i = 0; i < STORY_APPENDS; i++) {
            assert_true(seen[i] <= 1);
            assert_true(seen[i] == 1 || !told.stored[i] || told.removing[i]);
        }
        mailbox_close(&place->box);
        sqlite_folder_remove(&place->folder);
        if (!fired)
            break;
        assert_true(n < 5000);
    }
    free(seen);
}

static void crash__any_io_call_fails__loses_nothing_that_was_answered(void **state)
{
    struct place *place = *state;
    static const struct {
        enum failing_call call;
        int rc;
    } ways[] = { { FAILING_WRITE, SQLITE_FULL },
                 { FAILING_WRITE, SQLITE_IOERR_WRITE },
                 { FAILING_SYNC, SQLITE_IOERR_FSYNC },
                 { FAILING_READ, SQLITE_IOERR_READ },
                 { FAILING_TRUNCATE, SQLITE_IOERR_TRUNCATE } };
    sqlite_folder_remove(&place->folder);
    assert_int_equal(failing_vfs_install(), SQLITE_OK);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        failing_io(place, ways[i].call, ways[i].rc, false);
        failing_io(place, ways[i].call, ways[i].rc, true);
    }
    failing_vfs_remove();
    assert_true(sqlite_folder_make(&place->folder));
}

static void crash__everything_answered__was_synced_before(void **state)
{
    struct place *place = *state;
    uint8_t bytes[ST_GENERATION_LEN] = { 1 };
    struct mailbox_key key = contract_key(1, 1);
    struct mailbox_generation generation = { .key = key, .put = bytes };
    struct mailbox_exposed_put expose = { .key = key, .hash = bytes, .mac_key = bytes };
    struct mailbox_blob_add add = { .size = 100, .chunks = 1, .expires_ms = 10, .account_bytes_max = 1 << 20 };
    struct mailbox_purge purge = { .until_ms = 1 };
    memcpy(add.acct, key.acct, ST_ACCT_LEN);
    memcpy(purge.acct, key.acct, ST_ACCT_LEN);
    assert_int_equal(failing_vfs_install(), SQLITE_OK);
    assert_int_equal(open_box(place), ST_OK);
    assert_int_equal(open_mailbox(place), ST_OK);
    assert_int_equal(failing_vfs_unsynced(), 0);
    for (uint32_t i = 0; i < 50; i++) {
        struct mailbox_append item = contract_item(1, 1, i, 500);
        assert_int_equal(mailbox_append(&place->box, &contract_wide, &item, 1), ST_OK);
        assert_int_equal(failing_vfs_unsynced(), 0);
        if (i % 3 > 0)
            continue;
        struct mailbox_remove remove = { .key = key, .tokens = item.token_r, .token_count = 1 };
        assert_int_equal(mailbox_remove(&place->box, &remove, 1), ST_OK);
        assert_true(failing_vfs_unsynced() > 0); /* does not wait: a removal that is lost is a duplicate */
    }
    assert_int_equal(mailbox_generation(&place->box, &generation, 1), ST_OK);
    assert_int_equal(failing_vfs_unsynced(), 0);
    assert_int_equal(mailbox_exposed_put(&place->box, &expose, 1), ST_OK);
    assert_int_equal(failing_vfs_unsynced(), 0);
    assert_int_equal(mailbox_blob_add(&place->box, &add, 1), ST_OK);
    assert_int_equal(failing_vfs_unsynced(), 0);
    assert_int_equal(mailbox_purge(&place->box, &purge, 1), ST_OK);
    assert_int_equal(failing_vfs_unsynced(), 0);
    mailbox_close(&place->box);
    failing_vfs_remove();
}

static void crash__disk_full__is_said_and_ends(void **state)
{
    struct place *place = *state;
    uint8_t *seen = calloc(1, IDS_MAX);
    assert_non_null(seen);
    assert_int_equal(failing_vfs_install(), SQLITE_OK);
    assert_int_equal(open_box(place), ST_OK);
    assert_int_equal(open_mailbox(place), ST_OK);
    for (uint32_t i = 0; i < 30; i++) {
        struct mailbox_append item = contract_item(1, 1, i, 500);
        bool full = i % 3 == 1;
        if (full)
            failing_vfs_arm(FAILING_WRITE, 1, SQLITE_FULL, true);
        assert_int_equal(mailbox_append(&place->box, &contract_wide, &item, 1), full ? ST_EFULL : ST_OK);
        failing_vfs_disarm();
    }
    look_at_all(place, seen);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(seen[i], i % 3 != 1);
    struct mailbox_look look = { .key = contract_key(1, 1) };
    assert_int_equal(mailbox_look(&place->box, &look, 1), ST_OK);
    assert_int_equal(look.length, 20);
    mailbox_close(&place->box);
    failing_vfs_remove();
    free(seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(crash__kill_9_under_load__keeps_every_answered_append),
        TEST(crash__wal_cut_at_any_byte__opens_and_never_hides_a_loss),
        TEST(crash__any_io_call_fails__loses_nothing_that_was_answered),
        TEST(crash__everything_answered__was_synced_before),
        TEST(crash__disk_full__is_said_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
