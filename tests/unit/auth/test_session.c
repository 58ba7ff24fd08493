#include "tests/unit/auth/auth_world.h"

#include <stdio.h>

static const int64_t day_ms = INT64_C(86400000);
static const struct st_hop service = { .kind = ST_HOP_SERVICE };

/* ---- gateways ---- */

static void svc_ping__is_answered__with_boot_and_mode(void **state)
{
    struct world *world = *state;
    struct st_int_svc_pong pong;
    world_ping(world, 0, &world_gateway);
    assert_string_equal(world->letters[0].to.name, world_gateway.name);
    world_read(world, ST_SVC_PONG, &pong);
    uint64_t boot = pong.boot;
    assert_int_equal(pong.draining, 0);
    assert_int_equal(pong.registration, 4);
    auth_core_drain(world->auths[0]);
    world_ping(world, 0, &world_gateway);
    world_read(world, ST_SVC_PONG, &pong);
    assert_int_equal(pong.draining, 1);
    assert_int_equal(pong.boot, boot);
    world_kill(world, 0);
    world_start(world, 0);
    world_ping(world, 0, &world_gateway);
    world_read(world, ST_SVC_PONG, &pong);
    assert_int_not_equal(pong.boot, boot);
}

static void revoke__goes_to__gateways_that_live(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_logout ask = { .everywhere = 0 };
    person_new(&alice, world, "alice");
    world_ping(world, 0, &world_other_gateway);
    world_pass(world, AUTH_GATEWAY_SILENT_MS + 1);
    world_ping(world, 0, &world_gateway);
    must_do(person_say(&alice, &alice.gadgets[0], ST_LOGOUT, &ask));
    assert_string_equal(world_letter(world, ST_REVOKE, 0)->to.name, world_gateway.name);
    assert_null(world_letter(world, ST_REVOKE, 1));
    /* More gateways than there is room for: the most silent one is forgotten. */
    for (int i = 0; i < AUTH_GATEWAYS_MAX + 20; i++) {
        struct service_peer peer;
        (void)snprintf(peer.name, sizeof peer.name, "gw-%016x", (unsigned)i);
        world_pass(world, 1);
        world_ping(world, 0, &peer);
    }
    struct auth_stats stats;
    auth_core_stats(world->auths[0], &stats);
    assert_int_equal(stats.gateways, AUTH_GATEWAYS_MAX);
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
    must_do(person_say(&alice, &alice.gadgets[0], ST_LOGOUT, &ask));
    assert_non_null(world_letter(world, ST_REVOKE, AUTH_GATEWAYS_MAX - 1));
}

static void send__gateway_gone__is_no_error(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_link_get look = { 0 };
    world->send_err = ST_ENOTFOUND;
    person_new(&alice, world, "alice");
    world->send_err = ST_EUNAVAILABLE;
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look));
}

/* ---- tk_check ---- */

static void ask_tks(struct world *world, const uint8_t *tks, size_t count)
{
    struct st_int_tk_check ask = { .tks = { .count = count, .items = tks } };
    world_send(world, 0, &world_gateway, &service, ST_TK_CHECK, &ask);
}

static void tk_check__batch__answers_each_in_order(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    uint8_t tks[5][ST_KEY_LEN] = { { 0 } };
    struct st_int_tk_check_r answer;
    struct st_int_tk_item item;
    struct st_view dev;
    struct auth_account account;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    person_link(&alice, &alice.gadgets[1]);
    must_do(person_confirm(&alice, &alice.gadgets[1], 1, 7));
    gadget_init(&bob.gadgets[1], world, 0);
    must_do(person_login(&bob, &bob.gadgets[1], bob.password, false));
    must_ok(auth_store_account_by_id(&world->stores[0], bob.acct, false, &account));
    memcpy(tks[0], alice.gadgets[1].tk, ST_KEY_LEN);
    tks[1][0] = 9;
    memcpy(tks[2], bob.gadgets[1].tk, ST_KEY_LEN);
    memcpy(tks[3], alice.gadgets[0].tk, ST_KEY_LEN);
    memcpy(tks[4], alice.gadgets[0].tk, ST_KEY_LEN);
    ask_tks(world, tks[0], 5);
    world_read(world, ST_TK_CHECK_R, &answer);
    assert_int_equal(answer.items.count, 5);
    static const enum st_tk_state states[] = { ST_TK_ACTIVE, ST_TK_NONE, ST_TK_PENDING, ST_TK_ACTIVE, ST_TK_ACTIVE };
    for (size_t i = 0; i < 5; i++) {
        assert_true(st_records_next(&st_schema_tk_item, &answer.items, &item));
        assert_memory_equal(item.tk.p, tks[i], ST_KEY_LEN);
        assert_int_equal(item.state, states[i]);
        assert_int_equal(ST_HAS(&item, 3), i != 1);
        if (i != 0)
            continue;
        assert_memory_equal(item.acct.p, alice.acct, ST_ACCT_LEN);
        assert_int_equal(item.dev, 2);
        assert_int_equal(item.list_seq, 2);
        assert_int_equal(item.opk_left, 7);
        assert_int_equal(item.devs.count, 2);
        assert_true(st_bytes_list_next(&item.devs, &dev) && st_get_u32(dev.p) == 1);
        assert_true(st_bytes_list_next(&item.devs, &dev) && st_get_u32(dev.p) == 2);
    }
    account.state = AUTH_ACCOUNT_DISABLED;
    must_ok(auth_store_account_update(&world->stores[0], &account));
    ask_tks(world, bob.gadgets[0].tk, 1);
    world_read(world, ST_TK_CHECK_R, &answer);
    assert_true(st_records_next(&st_schema_tk_item, &answer.items, &item));
    assert_int_equal(item.state, ST_TK_DISABLED);
    assert_false(ST_HAS(&item, 3));
}

static void tk_check__full_batch__fits_one_frame(void **state)
{
    struct world *world = *state;
    struct person alice;
    static uint8_t tks[ST_TK_CHECK_MAX][ST_KEY_LEN];
    struct st_int_tk_check_r answer;
    person_new(&alice, world, "alice");
    for (size_t i = 1; i < 8; i++)
        person_link(&alice, &alice.gadgets[i]);
    for (size_t i = 0; i < ST_TK_CHECK_MAX; i++)
        memcpy(tks[i], alice.gadgets[i % 8].tk, ST_KEY_LEN);
    ask_tks(world, tks[0], ST_TK_CHECK_MAX);
    world_read(world, ST_TK_CHECK_R, &answer);
    assert_int_equal(answer.items.count, ST_TK_CHECK_MAX);
}

static enum auth_mem_fault fail_always(void *ctx, uint64_t call)
{
    (void)ctx;
    (void)call;
    return AUTH_MEM_FAIL;
}

/* A key that is there must never be answered with "none" because the store could not say. */
static void tk_check__store_lost_at_every_call__is_silent(void **state)
{
    struct world *world = *state;
    struct person alice;
    person_new(&alice, world, "alice");
    world_pass(world, 2 * day_ms); /* so that the check also writes */
    for (uint64_t n = 1; n < 10; n++) {
        world_break(world, n, AUTH_MEM_FAIL);
        ask_tks(world, alice.gadgets[0].tk, 1);
        bool reached = world_mend(world);
        assert_int_equal(world->letter_count, reached ? 0 : 1);
        if (!reached)
            return;
    }
    fail();
}

static void store__down__pong_goes_on_and_clients_are_told(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct st_msg_link_get look = { 0 };
    person_new(&alice, world, "alice");
    auth_mem_set_fault(world->mem, fail_always, NULL);
    world_ping(world, 0, &world_gateway);
    assert_non_null(world_letter(world, ST_SVC_PONG, 0));
    assert_int_equal(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look), ST_CODE_UNAVAILABLE);
    assert_int_equal(world_retry(world), 1);
    ask_tks(world, alice.gadgets[0].tk, 1);
    assert_int_equal(world->letter_count, 0);
    world_pass(world, 3600000);
    world_tick(world, 0);
    assert_true(auth_core_next_ms(world->auths[0]) > world->mono_ms); /* no busy loop */
    auth_mem_set_fault(world->mem, NULL, NULL);
    must_do(person_say(&alice, &alice.gadgets[0], ST_LINK_GET, &look));
}

/* One request of a batch meets a failing store: all of the batch is lost, and everybody is told so. */
static void batch__lost__takes_back_every_answer(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    world_ping(world, 0, &world_gateway);
    struct st_msg_logout ask = { .everywhere = 0 };
    struct st_hop a = person_hop(&alice, &alice.gadgets[0]);
    struct st_hop b = person_hop(&bob, &bob.gadgets[0]);
    uint64_t first = world->next_request + 1;
    for (uint64_t n = 1; n < 12; n++) {
        world_forget(world);
        world_break(world, n, AUTH_MEM_FAIL);
        first = world->next_request + 1;
        world_queue(world, 0, &world_gateway, &a, ST_LOGOUT, &ask);
        world_queue(world, 0, &world_gateway, &b, ST_LOGOUT, &ask);
        auth_core_flush(world->auths[0]);
        if (!world_mend(world))
            break;
        assert_int_equal(world_answer(world, first)->frame.type, ST_ERROR);
        assert_int_equal(world_answer(world, first + 1)->frame.type, ST_ERROR);
        assert_int_equal(world->letter_count, 2); /* nobody's session is ended */
        struct auth_device row;
        must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row));
    }
    assert_int_equal(world_answer(world, first)->frame.type, ST_LOGOUT_R);
    assert_int_equal(world_answer(world, first + 1)->frame.type, ST_LOGOUT_R);
}

static void input__more_than_a_batch__is_carried_out_in_order(void **state)
{
    struct world *world = *state;
    struct st_int_svc_ping ping = { .boot = 1 };
    uint64_t first = world->next_request + 1;
    for (int i = 0; i < AUTH_BATCH_FRAMES; i++) {
        assert_false(auth_core_wants_flush(world->auths[0]));
        world_queue(world, 0, &world_gateway, &service, ST_SVC_PING, &ping);
    }
    assert_true(auth_core_wants_flush(world->auths[0]));
    assert_int_equal(world->letter_count, 0);
    world_queue(world, 0, &world_gateway, &service, ST_SVC_PING, &ping);
    assert_int_equal(world->letter_count, AUTH_BATCH_FRAMES);
    auth_core_flush(world->auths[0]);
    auth_core_flush(world->auths[0]);
    assert_int_equal(world->letter_count, AUTH_BATCH_FRAMES + 1);
    for (uint64_t i = 0; i <= AUTH_BATCH_FRAMES; i++)
        assert_int_equal(world->letters[i].frame.request, first + i);
}

/* ---- what expires ---- */

/* Lets `ms` pass in steps, as a shell does. */
static void live(struct world *world, int64_t ms)
{
    int64_t end = world->mono_ms + ms;
    while (world->mono_ms < end) {
        int64_t wait = auth_core_next_ms(world->auths[0]) - world->mono_ms;
        if (wait > end - world->mono_ms)
            wait = end - world->mono_ms;
        world_pass(world, wait > 0 ? wait : 1);
        world_tick(world, 0);
    }
}

static void sweep__unseen_keys__go_after_90_days(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct person bob;
    struct auth_device row;
    person_new(&alice, world, "alice");
    person_new(&bob, world, "bob");
    for (int i = 0; i < 88; i++) {
        live(world, day_ms);
        ask_tks(world, bob.gadgets[0].tk, 1); /* Bob is connected: gateways look once a minute */
    }
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row));
    live(world, 3 * day_ms);
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row), ST_ENOTFOUND);
    must_ok(auth_store_device_by_tk(&world->stores[0], bob.gadgets[0].tk, &row));
    /* The device is still in the list, and back with its password. */
    must_do(person_login(&alice, &alice.gadgets[0], alice.password, true));
}

static void sweep__pending_and_throttle__go(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget gadget;
    struct auth_device row;
    struct auth_stats stats;
    person_new(&alice, world, "alice");
    gadget_init(&gadget, world, 0);
    must_do(person_login(&alice, &gadget, alice.password, false));
    live(world, day_ms / 2);
    must_ok(auth_store_device_by_tk(&world->stores[0], gadget.tk, &row));
    live(world, day_ms);
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], gadget.tk, &row), ST_ENOTFOUND);
    auth_core_stats(world->auths[0], &stats);
    assert_true(stats.swept >= 3);
}

static void sweep__clock_jumped__leaves_everybody_in(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct auth_device row;
    person_new(&alice, world, "alice");
    live(world, 2 * 3600000);
    world->wall_ms += 400 * day_ms; /* a wrong clock for most of a day */
    live(world, day_ms - 3600000);
    world->wall_ms -= 400 * day_ms;
    live(world, 2 * day_ms);
    must_ok(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row));
    /* If it stays so, it must be true. */
    world->wall_ms += 400 * day_ms;
    live(world, 2 * day_ms);
    assert_int_equal(auth_store_device_by_tk(&world->stores[0], alice.gadgets[0].tk, &row), ST_ENOTFOUND);
}

static void tick__idle__is_quiet_and_rare(void **state)
{
    struct world *world = *state;
    size_t ticks = 0;
    world_tick(world, 0);
    int64_t end = world->mono_ms + 3600000;
    while (world->mono_ms < end) {
        int64_t wait = auth_core_next_ms(world->auths[0]) - world->mono_ms;
        assert_true(wait > 0);
        world_pass(world, wait);
        world_tick(world, 0);
        assert_int_equal(world->letter_count, 0);
        ticks++;
    }
    assert_true(ticks <= 3600 / 2 + 20);
}

static void reload__limits_off__counts_nothing(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct attempt attempt;
    person_new(&alice, world, "alice");
    world->config.limits.off = true;
    must_ok(auth_core_reload(world->auths[0], &world->config));
    for (int i = 0; i < 50; i++)
        must_do(attempt_start(&attempt, &alice, &alice.gadgets[0], "guess"));
    for (int i = 0; i < 50; i++)
        must_do(person_start_chat(&alice, alice.acct, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(svc_ping__is_answered__with_boot_and_mode),
        TEST(revoke__goes_to__gateways_that_live),
        TEST(send__gateway_gone__is_no_error),
        TEST(tk_check__batch__answers_each_in_order),
        TEST(tk_check__full_batch__fits_one_frame),
        TEST(tk_check__store_lost_at_every_call__is_silent),
        TEST(store__down__pong_goes_on_and_clients_are_told),
        TEST(batch__lost__takes_back_every_answer),
        TEST(input__more_than_a_batch__is_carried_out_in_order),
        TEST(sweep__unseen_keys__go_after_90_days),
        TEST(sweep__pending_and_throttle__go),
        TEST(sweep__clock_jumped__leaves_everybody_in),
        TEST(tick__idle__is_quiet_and_rare),
        TEST(reload__limits_off__counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
