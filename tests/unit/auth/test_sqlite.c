/* Auth's core over SQLite: the whole life of an account through restarts, two auths on one file, and processes that are
 * killed in the middle. (The rules themselves are tested over memory; the backends by their common contract.) */
#include "tests/unit/auth/auth_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "services/auth/auth_invite.h"
#include "services/auth/store_sqlite.h"

static char folder[32];
static char path[64];

static enum st_err open_sqlite(struct world *world, struct auth_store *store_r)
{
    (void)world;
    return auth_store_sqlite_open(store_r, path, NULL);
}

static int setup(void **state)
{
    if (world_setup(state) != 0)
        return -1;
    struct world *world = *state;
    world_kill(world, 0);
    (void)snprintf(folder, sizeof folder, "/tmp/auth-sqlite-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/auth.db", folder);
    world->open = open_sqlite;
    world_start(world, 0);
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    int result = world_teardown(state);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    return result + rmdir(folder);
}

static void restart(struct world *world)
{
    world_kill(world, 0);
    world_start(world, 0);
}

static void sqlite__life_of_an_account__survives_restarts(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    struct auth_account account;
    person_new(&alice, world, "alice");
    restart(world);
    person_new(&bob, world, "bob");
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 100));
    restart(world);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    restart(world);
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    person_link(&alice, &alice.gadgets[1]);
    restart(world);
    must_do(person_login(&alice, &alice.gadgets[1], alice.password, true));
    person_next_list(&alice, NULL, 2);
    must_do(person_put_list(&alice, &alice.gadgets[0]));
    restart(world);
    assert_int_equal(person_login(&alice, &alice.gadgets[1], alice.password, true), ST_CODE_DEVICE_REVOKED);

    must_ok(opaque_client_login_start(&client, &ke1, st_view_text(alice.password), &world->env));
    struct st_msg_remove_user ask = { .ke1 = st_view(&ke1, sizeof ke1) };
    must_do(person_say(&alice, &alice.gadgets[0], ST_REMOVE_USER, &ask));
    opaque_client_login_deinit(&client);
    must_ok(auth_store_account_by_id(&world->stores[0], alice.acct, false, &account));
}

static void sqlite__two_auths_on_one_file__see_each_other(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct attempt attempt;
    world_start(world, 1);
    person_new(&alice, world, "alice");
    person_init(&bob, world, "bob");
    bob.auth = 1;
    person_enrol(&bob);
    must_do(person_confirm(&bob, &bob.gadgets[0], 1, 3));
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    alice.auth = 1;
    must_do(person_start_chat(&alice, bob.acct, 1));
    assert_int_equal(world_opk_of(world, 1), 1);
    for (size_t i = 0; i < 5; i++) {
        alice.auth = i % 2;
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    }
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
}

/* `safetalkd invite` while the server runs: another connection writes, the server sees it. */
static void sqlite__invite_beside_a_server__is_seen(void **state)
{
    struct world *world = *state;
    struct auth_store beside;
    struct st_invite invite;
    struct person alice;
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    struct auth_invite_terms terms = { .uses = 1, .expires_ms = world->wall_ms + 60000, .creator = "operator" };
    world->config.registration = AUTH_REGISTRATION_INVITE;
    must_ok(auth_core_reload(world->auths[0], &world->config));
    must_ok(auth_store_sqlite_open(&beside, path, NULL));
    must_ok(auth_invite_create(&beside, &world->config.keys, &terms, &world->env, &invite));
    auth_store_close(&beside);
    person_init(&alice, world, "alice");
    must_do(person_add_user(&alice, invite.code, record));
    must_do(person_add_user_finish(&alice, invite.code, record));
}

/* Registers people for ever, and tells each number when it was answered. */
static void register_until_killed(struct world *world, int fd, unsigned first)
{
    world_start(world, 0);
    for (unsigned i = first;; i++) {
        struct person person;
        char name[16];
        (void)snprintf(name, sizeof name, "user%u", i);
        person_new(&person, world, name);
        if (write(fd, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(1);
    }
}

static void sqlite__killed_again_and_again__loses_no_answer(void **state)
{
    struct world *world = *state;
    enum { KILLS = 20 };
    world->config.limits.off = true;
    world_kill(world, 0); /* no connection may cross a fork */
    unsigned next = 1;
    for (int round = 0; round < KILLS; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            world->draws += 1000000u * (unsigned)(round + 1); /* other keys in each life */
            register_until_killed(world, fds[1], next);
        }
        assert_int_equal(close(fds[1]), 0);
        unsigned answered = 0;
        unsigned number;
        /* Killed at some moment after a few answers. */
        for (int i = 0; i < 3 + round % 5; i++)
            if (read(fds[0], &number, sizeof number) == (ssize_t)sizeof number)
                answered = number;
        assert_int_equal(usleep((useconds_t)(randombytes_uniform(4000))), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(fds[0], &number, sizeof number) == (ssize_t)sizeof number)
            answered = number;
        assert_int_equal(close(fds[0]), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        struct auth_store store;
        must_ok(auth_store_sqlite_open(&store, path, NULL));
        for (unsigned i = next; i <= answered; i++) {
            struct auth_account account;
            struct auth_list list;
            char name[16];
            (void)snprintf(name, sizeof name, "user%u", i);
            must_ok(auth_store_account_by_name(&store, st_view_text(name), &account));
            must_ok(auth_store_list_get(&store, account.acct, 1, &list));
        }
        auth_store_close(&store);
        next = answered + 2; /* the one after it may or may not be there */
    }
    assert_true(next > KILLS);
    world_start(world, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sqlite__life_of_an_account__survives_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite__two_auths_on_one_file__see_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite__invite_beside_a_server__is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(sqlite__killed_again_and_again__loses_no_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
