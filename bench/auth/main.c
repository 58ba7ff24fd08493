/* safetalk-auth-cost [COUNT]: what auth's core costs, without sockets, over accounts in memory and in SQLite; and
 * whether the time of an answer to KE1 tells that a name exists, with all that stands around OPAQUE (throttles,
 * look-up, table of pending logins, commit).
 *
 * Times are per operation: wall clock and CPU. For the second question COUNT (1,000) KE1 each are answered for names
 * that exist, that nobody ever had, and that were removed, interleaved at random, and their CPU times compared, which
 * shows more than an outsider can see: two kinds differ if the Kolmogorov-Smirnov test says p <= 0.01, or if their
 * medians differ by 2 % or more. Exit 0 if none do over SQLite, which is what a server runs on; over memory the few
 * tenths of a microsecond between a row and none stand out, and are only shown. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "bench/cost/ks.h"
#include "lib/st_num.h"
#include "services/auth/store_sqlite.h"
#include "tests/unit/auth/auth_world.h"

enum { PEOPLE = 64, ROUNDS = 200, BATCH = 64, KINDS = 3, PATH_BYTES = 128 };

static const char *const kind_names[KINDS] = { "existing", "unknown", "removed" };
static char database[PATH_BYTES];

struct people {
    struct world *world;
    struct person there[PEOPLE];
    struct person removed[PEOPLE];
};

static double now_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* A running total of both clocks. */
struct meter {
    double wall_us, cpu_us;
    double wall_start, cpu_start;
    unsigned count;
};

static void meter_start(struct meter *meter)
{
    meter->wall_start = now_us(CLOCK_MONOTONIC);
    meter->cpu_start = now_us(CLOCK_THREAD_CPUTIME_ID);
}

static void meter_stop(struct meter *meter, unsigned count)
{
    meter->wall_us += now_us(CLOCK_MONOTONIC) - meter->wall_start;
    meter->cpu_us += now_us(CLOCK_THREAD_CPUTIME_ID) - meter->cpu_start;
    meter->count += count;
}

static void print_meter(const char *store, const char *what, const struct meter *meter)
{
    printf("%-7s %-44s %8.1f us wall  %8.1f us CPU\n", store, what, meter->wall_us / meter->count,
           meter->cpu_us / meter->count);
}

/* Queues a frame; the flush is what is measured. */
static void queue(struct people *p, const struct st_hop *hop, enum st_type type, const void *msg)
{
    world_queue(p->world, 0, &world_gateway, hop, type, msg);
}

static void flush(struct people *p, struct meter *meter, unsigned count)
{
    meter_start(meter);
    auth_core_flush(p->world->auths[0]);
    meter_stop(meter, count);
}

/* ---- what it costs ---- */

static void measure_logins(struct people *p, const char *store)
{
    struct meter ke1_meter = { 0 };
    struct meter ke3_meter = { 0 };
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct person *person = &p->there[i % PEOPLE];
        struct attempt attempt;
        struct st_opaque_ke1 ke1;
        /* The client's half by the fixture, unmeasured; then the same frames again, measured. */
        must_do(attempt_start(&attempt, person, &person->gadgets[0], person->password));
        must_ok(attempt_stretch(&attempt, person, person->password));
        must_do(attempt_finish(&attempt, person, &person->gadgets[0], true));
        struct opaque_client_login client;
        must_ok(opaque_client_login_start(&client, &ke1, st_view_text(person->password), &p->world->env));
        struct st_msg_login login = { .name = st_view_text(person->name), .ke1 = st_view(&ke1, sizeof ke1) };
        struct st_hop hop = person_enrol_hop(person, &person->gadgets[0]);
        world_forget(p->world);
        queue(p, &hop, ST_LOGIN, &login);
        flush(p, &ke1_meter, 1);
        must_do(attempt_start(&attempt, person, &person->gadgets[0], person->password));
        must_ok(attempt_stretch(&attempt, person, person->password));
        struct st_msg_login_finish finish = { .ke3 = st_view(&attempt.done.ke3, ST_KE3_LEN) };
        world_forget(p->world);
        queue(p, &attempt.hop, ST_LOGIN_FINISH, &finish);
        flush(p, &ke3_meter, 1);
        opaque_client_login_deinit(&client);
        world_pass(p->world, 1000000);
    }
    print_meter(store, "login, KE1", &ke1_meter);
    print_meter(store, "login, KE3 (a known key)", &ke3_meter);
}

static void measure_tk_check(struct people *p, const char *store)
{
    struct meter meter = { 0 };
    static uint8_t tks[ST_TK_CHECK_MAX][ST_KEY_LEN];
    const struct st_hop hop = { .kind = ST_HOP_SERVICE };
    for (size_t i = 0; i < ST_TK_CHECK_MAX; i++)
        memcpy(tks[i], p->there[i % PEOPLE].gadgets[0].tk, ST_KEY_LEN);
    struct st_int_tk_check ask = { .tks = { .count = ST_TK_CHECK_MAX, .items = tks } };
    for (unsigned i = 0; i < ROUNDS; i++) {
        world_forget(p->world);
        queue(p, &hop, ST_TK_CHECK, &ask);
        flush(p, &meter, ST_TK_CHECK_MAX);
    }
    print_meter(store, "tk_check, one of 256 keys", &meter);
}

static void measure_chats(struct people *p, const char *store, unsigned batch)
{
    struct meter meter = { 0 };
    char what[64];
    uint8_t nonce[ST_NONCE_LEN] = { 0 };
    for (unsigned round = 0; round < ROUNDS / batch + 1; round++) {
        world_forget(p->world);
        for (unsigned i = 0; i < batch; i++) {
            struct person *asker = &p->there[i % PEOPLE];
            struct st_hop hop = person_hop(asker, &asker->gadgets[0]);
            st_put_u32(nonce, round);
            struct st_msg_start_chat ask = { .acct = st_view(p->there[(i + 1 + round) % PEOPLE].acct, ST_ACCT_LEN),
                                             .nonce = st_view(nonce, sizeof nonce) };
            queue(p, &hop, ST_START_CHAT, &ask);
        }
        flush(p, &meter, batch);
        world_pass(p->world, 3600000);
    }
    (void)snprintf(what, sizeof what, "start_chat, %u in a batch", batch);
    print_meter(store, what, &meter);
}

/* ---- what it tells ---- */

static double time_ke1(struct people *p, const char *name)
{
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    struct meter meter = { 0 };
    must_ok(opaque_client_login_start(&client, &ke1, st_view_text("guess"), &p->world->env));
    struct st_msg_login ask = { .name = st_view_text(name), .ke1 = st_view(&ke1, sizeof ke1) };
    struct st_hop hop = person_enrol_hop(&p->there[0], &p->there[0].gadgets[0]);
    world_pass(p->world, 1000000); /* so that no throttle refuses */
    world_forget(p->world);
    queue(p, &hop, ST_LOGIN, &ask);
    flush(p, &meter, 1);
    must_do(world_code(p->world));
    opaque_client_login_deinit(&client);
    return meter.cpu_us;
}

static bool compare(double **us, size_t count, unsigned a, unsigned b)
{
    double p = ks_probability(ks_distance(us[a], count, us[b], count), count, count);
    double median_a = ks_median(us[a], count);
    double median_b = ks_median(us[b], count);
    double difference = (median_b - median_a) / median_a * 100;
    bool same = p > 0.01 && difference < 2 && difference > -2;
    printf("        %s %.1f us, %s %.1f us: medians differ by %.2f %%, p = %.3f: %s\n", kind_names[a], median_a,
           kind_names[b], median_b, difference, p, same ? "not to be told apart" : "DIFFERENT");
    return same;
}

static bool measure_names(struct people *p, size_t count)
{
    double *us[KINDS];
    size_t taken[KINDS] = { 0 };
    char unknown[16];
    for (size_t kind = 0; kind < KINDS; kind++) {
        us[kind] = calloc(count, sizeof(double));
        assert_non_null(us[kind]);
    }
    for (size_t left = KINDS * count; left > 0; left--) {
        size_t drawn = randombytes_uniform((uint32_t)left);
        size_t kind = 0;
        while (drawn >= count - taken[kind])
            drawn -= count - taken[kind++];
        uint32_t who = randombytes_uniform(PEOPLE);
        (void)snprintf(unknown, sizeof unknown, "never%02u", who);
        const char *name = kind == 0 ? p->there[who].name : kind == 1 ? unknown : p->removed[who].name;
        us[kind][taken[kind]++] = time_ke1(p, name);
    }
    bool same = compare(us, count, 0, 1);
    same = compare(us, count, 0, 2) && same;
    same = compare(us, count, 1, 2) && same;
    for (size_t kind = 0; kind < KINDS; kind++)
        free(us[kind]);
    return same;
}

/* ---- both, over one store ---- */

static enum st_err open_sqlite(struct world *world, struct auth_store *store_r)
{
    (void)world;
    return auth_store_sqlite_open(store_r, database, NULL);
}

static void fill(struct people *p)
{
    char name[16];
    for (unsigned i = 0; i < PEOPLE; i++) {
        (void)snprintf(name, sizeof name, "there%02u", i);
        person_new(&p->there[i], p->world, name);
        must_do(person_confirm(&p->there[i], &p->there[i].gadgets[0], 1, 100));
        (void)snprintf(name, sizeof name, "gone_%02u", i);
        person_new(&p->removed[i], p->world, name);
        must_ok(auth_store_account_erase(&p->world->stores[0], p->removed[i].acct));
    }
}

static bool run(const char *store, size_t count, bool sqlite)
{
    void *state = NULL;
    struct people *p = calloc(1, sizeof *p);
    if (p == NULL || world_setup(&state) != 0)
        return false;
    p->world = state;
    if (sqlite) {
        world_kill(p->world, 0);
        p->world->open = open_sqlite;
        world_start(p->world, 0);
    }
    fill(p);
    measure_logins(p, store);
    measure_tk_check(p, store);
    p->world->config.limits.bundles_per_hour = 1000000;
    p->world->config.limits.targets_per_day = 1000000;
    must_ok(auth_core_reload(p->world->auths[0], &p->world->config));
    measure_chats(p, store, 1);
    measure_chats(p, store, BATCH);
    bool same = measure_names(p, count);
    (void)world_teardown(&state);
    free(p);
    return same;
}

int main(int argc, char **argv)
{
    int64_t count = 1000;
    const char *base = getenv("TMPDIR");
    char folder[PATH_BYTES - 16];
    if (argc > 2 || (argc == 2 && st_num_parse(argv[1], 100, 1000000, &count) != ST_OK)) {
        fputs("usage: safetalk-auth-cost [COUNT]\n", stderr);
        return 2;
    }
    (void)snprintf(folder, sizeof folder, "%.64s/auth-cost-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    (void)snprintf(database, sizeof database, "%s/auth.db", folder);
    (void)run("memory", (size_t)count, false);
    bool same = run("sqlite", (size_t)count, true);
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < 3; i++) {
        char name[PATH_BYTES + 8];
        (void)snprintf(name, sizeof name, "%s%s", database, ends[i]);
        (void)unlink(name);
    }
    (void)rmdir(folder);
    return same ? 0 : 1;
}
