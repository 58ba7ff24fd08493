/* kill -9 while transactions run, torn and damaged WALs, full disks: what was committed is there, what was not is gone,
 * and nothing is half there. */
#include "tests/unit/store/store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

enum { KILLS = 120 };

/* One transaction of a receiver: everything in it belongs together. */
static enum st_err take_message(struct store *store, int64_t chat, uint64_t number)
{
    static uint8_t set[5000];
    struct store_device bob = fixture_device(1, 1);
    struct store_message message = { .chat = chat, .sender = bob, .seq = number, .shown = true };
    struct store_receipt receipt = { .to = bob, .kind = STORE_RECEIPT_DELIVERED };
    int64_t row = 0;
    uint64_t generation = 0;
    st_put_u64(message.id, number);
    st_put_u64(receipt.msg_id, number);
    st_put_u64(set, number);
    enum st_err err = store_begin(store);
    if (err == ST_OK)
        err = store_generation_next(store, &generation);
    if (err == ST_OK)
        err = store_session_save(store, &bob, st_view(set, sizeof set), 1);
    if (err == ST_OK)
        err = store_message_add(store, &message, &row);
    if (err == ST_OK)
        err = store_receipt_owe(store, &receipt);
    if (err == ST_OK)
        return store_commit(store);
    store_rollback(store);
    return err;
}

static enum st_err count_receipts(void *ctx, const struct store_device *to, uint32_t count)
{
    (void)to;
    *(uint64_t *)ctx = count;
    return ST_OK;
}

/* How many messages are there; all traces of them must agree. */
static uint64_t count_whole(struct store *store)
{
    struct store_device bob = fixture_device(1, 1);
    uint64_t generation = 0;
    uint64_t unread = 0;
    uint64_t receipts = 0;
    uint64_t session = 0;
    struct st_buf set;
    st_buf_init(&set, STORE_SESSION_MAX);
    assert_ok(store_generation_get(store, &generation));
    assert_ok(store_message_count_unread(store, &unread));
    assert_ok(store_receipt_each_peer(store, count_receipts, &receipts));
    enum st_err err = store_session_load(store, &bob, &set);
    assert_true(err == ST_OK || (err == ST_ENOTFOUND && generation == 0));
    if (err == ST_OK)
        session = st_get_u64(set.p);
    st_buf_wipe_free(&set);
    assert_int_equal(unread, generation);
    assert_int_equal(receipts, generation);
    assert_int_equal(session, generation);
    return generation;
}

static int64_t open_chat(struct store *store)
{
    struct store_device bob = fixture_device(1, 1);
    int64_t chat = 0;
    in_transaction(store, assert_ok(store_chat_open(store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &chat)));
    return chat;
}

/* The child: says the number that it begins after, then takes messages and says each number when its commit has
 * returned. Never returns. */
static void run_until_killed(struct fixture *fixture, int64_t chat, int pipe_fd)
{
    struct store *store = NULL;
    uint64_t number = 0;
    if (store_open(&store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env) != ST_OK ||
        store_generation_get(store, &number) != ST_OK || write(pipe_fd, &number, sizeof number) != sizeof number)
        _exit(1);
    for (;;) {
        number++;
        if (take_message(store, chat, number) != ST_OK)
            _exit(2);
        if (write(pipe_fd, &number, sizeof number) != sizeof number)
            _exit(3);
        /* Now and then also what truncates the WAL. */
        if (number % 7 == 0 && store_checkpoint(store) != ST_OK)
            _exit(4);
    }
}

static uint64_t read_last(int fd)
{
    uint64_t last = 0;
    uint64_t number = 0;
    while (read(fd, &number, sizeof number) == sizeof number)
        last = number;
    return last;
}

static void kill__any_time__committed_is_there(void **state)
{
    struct fixture *fixture = *state;
    int64_t chat = open_chat(fixture->store);
    store_close(&fixture->store);
    uint64_t before = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            run_until_killed(fixture, chat, ends[1]);
        }
        close(ends[1]);
        uint64_t begun = 0;
        assert_int_equal(read(ends[0], &begun, sizeof begun), sizeof begun);
        assert_int_equal(begun, before);
        struct timespec pause = { 0, (long)randombytes_uniform(25000000) };
        nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        uint64_t said = read_last(ends[0]);
        close(ends[0]);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
        uint64_t now = count_whole(fixture->store);
        said = said > begun ? said : begun;
        assert_true(now == said || now == said + 1);
        before = now;
        store_close(&fixture->store);
    }
    assert_true(before > KILLS / 4);
}

static void kill__before_the_commit__gone(void **state)
{
    struct fixture *fixture = *state;
    struct store_device bob = fixture_device(1, 1);
    struct st_buf set;
    st_buf_init(&set, STORE_SESSION_MAX);
    store_close(&fixture->store);
    for (unsigned i = 0; i < 5; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            static uint8_t big[STORE_SESSION_MAX]; /* more than a cache, so that pages go to the WAL early */
            struct store *store = NULL;
            enum st_err err = store_open(&store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env);
            if (err == ST_OK)
                err = store_begin(store);
            for (uint32_t dev = 1; err == ST_OK && dev <= 4; dev++) {
                bob.dev = dev;
                err = store_session_save(store, &bob, st_view(big, sizeof big), 1);
            }
            if (err != ST_OK)
                _exit(1);
            raise(SIGKILL);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_reopen(fixture);
        assert_int_equal(store_session_load(fixture->store, &bob, &set), ST_ENOTFOUND);
        store_close(&fixture->store);
    }
}

/* What a power cut may leave: the WAL cut anywhere, or with garbage in it. */
static void wal__cut_at_every_byte__opens_with_a_prefix(void **state)
{
    struct fixture *fixture = *state;
    char wal[FIXTURE_PATH];
    char shm[FIXTURE_PATH];
    char kept[FIXTURE_PATH];
    size_t len = 0;
    uint64_t most = 0;
    uint64_t last = 0;
    fixture_join(wal, fixture->dir, "store.db-wal");
    fixture_join(shm, fixture->dir, "store.db-shm");
    fixture_join(kept, fixture->dir, "kept");
    int64_t chat = open_chat(fixture->store);
    for (uint64_t i = 1; i <= 8; i++)
        assert_ok(take_message(fixture->store, chat, i));
    uint8_t *bytes = fixture_read(wal, &len);
    fixture_copy(fixture->db, kept);
    store_close(&fixture->store);
    assert_true(len > 4096);
    for (size_t cut = 0; cut <= 4096; cut += cut < 64 ? 1 : 9) {
        fixture_copy(kept, fixture->db);
        fixture_write(wal, bytes, len - cut);
        unlink(shm);
        assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
        uint64_t count = count_whole(fixture->store);
        if (cut == 0)
            most = last = count;
        assert_true(count <= last);
        last = count;
        store_close(&fixture->store);
    }
    assert_int_equal(most, 8);
    assert_true(last < 8);
    free(bytes);
}

static void wal__garbage_in_it__opens_with_a_prefix(void **state)
{
    struct fixture *fixture = *state;
    char wal[FIXTURE_PATH];
    char shm[FIXTURE_PATH];
    char kept[FIXTURE_PATH];
    size_t len = 0;
    fixture_join(wal, fixture->dir, "store.db-wal");
    fixture_join(shm, fixture->dir, "store.db-shm");
    fixture_join(kept, fixture->dir, "kept");
    int64_t chat = open_chat(fixture->store);
    assert_ok(store_checkpoint(fixture->store));
    for (uint64_t i = 1; i <= 4; i++)
        assert_ok(take_message(fixture->store, chat, i));
    uint8_t *bytes = fixture_read(wal, &len);
    fixture_copy(fixture->db, kept);
    store_close(&fixture->store);
    for (size_t at = 0; at < len; at += 997) {
        fixture_copy(kept, fixture->db);
        bytes[at] ^= 0x40;
        fixture_write(wal, bytes, len);
        bytes[at] ^= 0x40;
        unlink(shm);
        assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
        assert_true(count_whole(fixture->store) <= 4);
        store_close(&fixture->store);
    }
    free(bytes);
}

/* Takes messages until the disk is full; then the last one must be gone as a whole, and the store usable. */
static uint64_t fill_up(struct store *store, int64_t chat)
{
    enum st_err err = ST_OK;
    uint64_t number = 0;
    while (err == ST_OK && number < 100000)
        err = take_message(store, chat, ++number);
    assert_int_equal(err, ST_EFULL);
    assert_false(store_in_transaction(store));
    assert_int_equal(count_whole(store), number - 1);
    return number - 1;
}

static void disk__file_limit__full_then_usable(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = { 300000, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    int64_t chat = open_chat(fixture->store);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    uint64_t count = fill_up(fixture->store, chat);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(count > 10);
    assert_ok(take_message(fixture->store, chat, count + 1));
    fixture_reopen(fixture);
    assert_int_equal(count_whole(fixture->store), count + 1);
}

/* A real full disk, where mounting one is allowed. */
static void disk__tmpfs_full__then_usable(void **state)
{
    struct fixture *fixture = *state;
    char filler[FIXTURE_PATH];
    store_close(&fixture->store);
    if (mount("none", fixture->dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("no tmpfs here (%s): the file limit above stands for it\n", strerror(errno));
        return;
    }
    fixture_join(filler, fixture->dir, "filler");
    static uint8_t bytes[300000];
    fixture_write(filler, bytes, sizeof bytes);
    assert_ok(store_create(&fixture->store, fixture->db, fixture->key, &fixture->env));
    int64_t chat = open_chat(fixture->store);
    uint64_t count = fill_up(fixture->store, chat);
    assert_int_equal(unlink(filler), 0);
    assert_ok(take_message(fixture->store, chat, count + 1));
    fixture_reopen(fixture);
    assert_int_equal(count_whole(fixture->store), count + 1);
    store_close(&fixture->store);
    assert_int_equal(umount(fixture->dir), 0);
}

static void disk__full_at_creation__nothing_left(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = { 0, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    for (limit.rlim_cur = 0; limit.rlim_cur < 40000; limit.rlim_cur += 5000) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum st_err err = store_create(&fixture->store, fixture->db, fixture->key, &fixture->env);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(err, ST_EFULL);
        assert_null(fixture->store);
        assert_false(fixture_exists(fixture->db));
    }
}

#define on_disk(test) cmocka_unit_test_setup_teardown(test, fixture_open_new, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        on_disk(kill__any_time__committed_is_there),
        on_disk(kill__before_the_commit__gone),
        on_disk(wal__cut_at_every_byte__opens_with_a_prefix),
        on_disk(wal__garbage_in_it__opens_with_a_prefix),
        on_disk(disk__file_limit__full_then_usable),
        on_disk(disk__tmpfs_full__then_usable),
        cmocka_unit_test_setup_teardown(disk__full_at_creation__nothing_left, fixture_set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests_name("store_kill", tests, NULL, NULL);
}
