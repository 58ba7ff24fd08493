#include "tests/unit/auth/auth_world.h"

/* Minutes from one attempt that went through to the next, asking every ten seconds. */
static int64_t next_attempt_s(struct world *world, struct person *person)
{
    struct attempt attempt;
    int64_t waited = 0;
    for (;;) {
        world_pass(world, 10000);
        waited += 10;
        if (attempt_start(&attempt, person, &person->gadgets[0], "guess") == 0)
            return waited;
        assert_true(waited < 2000);
    }
}

static void throttle__one_name__grows_to_one_in_15_minutes(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    for (int i = 0; i < 5; i++)
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
    uint64_t retry_s = world_retry(world);
    assert_true(retry_s >= 55 && retry_s <= 70);
    /* Who waits as long as he is told is let in. */
    world_pass(world, (int64_t)retry_s * 1000);
    must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
    /* Who hammers waits longest. */
    (void)next_attempt_s(world, &alice);
    int64_t waited = next_attempt_s(world, &alice);
    assert_true(waited >= 15 * 60 && waited <= 15 * 60 + 20);
    waited = next_attempt_s(world, &alice);
    assert_true(waited >= 15 * 60 && waited <= 15 * 60 + 20);
    /* Quiet for a window: five are free again. */
    world_pass(world, 16 * 60 * 1000);
    for (int i = 0; i < 5; i++)
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
}

static void throttle__unknown_name__counts_the_same(void **state)
{
    struct world *world = *state;
    struct person nobody;
    struct attempt attempt;
    person_init(&nobody, world, "nobody");
    for (int i = 0; i < 5; i++)
        must_do(attempt_start(&attempt, &nobody, &nobody.gadgets[0], "guess"));
    assert_int_equal(attempt_start(&attempt, &nobody, &nobody.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
    assert_true(world_retry(world) >= 55 && world_retry(world) <= 70);
}

static void throttle__success__forgets(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    for (int i = 0; i < 30; i++)
        must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

static void throttle__two_auths__count_together(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    world_start(world, 1);
    for (size_t i = 0; i < 5; i++) {
        alice.auth = i % 2;
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    }
    for (size_t i = 0; i < 2; i++) {
        alice.auth = i;
        assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
    }
    world_kill(world, 0);
    world_start(world, 0);
    alice.auth = 0;
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
}

static void throttle__one_address__is_20_a_minute(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct opaque_client_login client;
    struct st_opaque_ke1 ke1;
    person_new(&alice, world, "alice");
    must_ok(opaque_client_login_start(&client, &ke1, st_view_text("guess"), &world->env));
    struct st_hop hop = person_enrol_hop(&alice, &alice.gadgets[0]);
    world->wall_ms = world->wall_ms / 60000 * 60000; /* the beginning of a minute */
    for (int i = 0; i < 22; i++) {
        char name[8] = "name_0";
        name[5] = (char)('a' + i); /* many names from one place */
        struct st_msg_login ask = { .name = st_view_text(name), .ke1 = st_view(&ke1, sizeof ke1) };
        hop.sid++;
        world_send(world, 0, &world_gateway, &hop, ST_LOGIN, &ask);
        assert_int_equal(world_code(world), i < 20 ? 0 : ST_CODE_RATE_LIMITED);
    }
    assert_int_equal(world_retry(world), 60);
    /* Another place; a trusted proxy, whose address is not counted; the next minute. */
    struct st_msg_login ask = { .name = st_view_text("name_z"), .ke1 = st_view(&ke1, sizeof ke1) };
    struct st_hop other = hop;
    other.addr[3] ^= 1;
    world_send(world, 0, &world_gateway, &other, ST_LOGIN, &ask);
    must_do(world_code(world));
    memset(other.addr, 0, sizeof other.addr);
    world_send(world, 0, &world_gateway, &other, ST_LOGIN, &ask);
    must_do(world_code(world));
    world_pass(world, 60000);
    world_send(world, 0, &world_gateway, &hop, ST_LOGIN, &ask);
    must_do(world_code(world));
    opaque_client_login_deinit(&client);
}

static void throttle__clock_set_back__locks_nobody_out(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    world->wall_ms += INT64_C(86400000) * 30;
    for (int i = 0; i < 8; i++)
        (void)attempt_start(&attempt, &alice, &alice.gadgets[0], "guess");
    world->wall_ms -= INT64_C(86400000) * 30;
    for (int i = 0; i < 5; i++)
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    assert_int_equal(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"), ST_CODE_RATE_LIMITED);
    assert_true(world_retry(world) <= 16 * 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(throttle__one_name__grows_to_one_in_15_minutes),
        TEST(throttle__unknown_name__counts_the_same),
        TEST(throttle__success__forgets),
        TEST(throttle__two_auths__count_together),
        TEST(throttle__one_address__is_20_a_minute),
        TEST(throttle__clock_set_back__locks_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
