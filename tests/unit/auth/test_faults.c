/* Every request while the store fails at its first, second, third … call: who asked is told `unavailable`, nobody is
 * told anything else, and nothing of it has happened. And every fault that a configuration can have. */
#include "tests/unit/auth/auth_scene.h"

static const uint8_t types[] = {
    ST_ADD_USER,     ST_ADD_USER_FINISH, ST_LOGIN,
    ST_LOGIN_FINISH, ST_REMOVE_USER,     ST_REMOVE_USER_FINISH,
    ST_SET_PASSWORD, ST_LOGOUT,          ST_SET_PASSWORD_FINISH,
    ST_IS_USER,      ST_CONFIRM_CHAT,    ST_START_CHAT,
    ST_GET_LIST,     ST_PUT_LIST,        ST_LINK_OFFER,
    ST_LINK_GET,
};

static enum place place_of(uint8_t type)
{
    if (type < ST_REMOVE_USER)
        return ENROL;
    return type == ST_LINK_OFFER ? PENDING : ACTIVE;
}

/* The same request on the same accounts, the store failing at the `nth` call. False if it was done before that. */
static bool try_one(struct scene *scene, struct auth_mem *start, uint8_t type, uint64_t nth)
{
    struct world *world = scene->world;
    struct st_buf frame;
    world_kill(world, 0);
    must_ok(auth_mem_restore(world->mem, start));
    world_start(world, 0);
    st_buf_init(&frame, ST_FRAME_MAX);
    scene_sample(scene, (enum st_type)type, scene->bob.acct, &frame);
    struct st_hop hop = scene_hop(scene, place_of(type));
    world_break(world, nth, nth % 2 == 0 ? AUTH_MEM_FAIL : AUTH_MEM_FULL);
    world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
    bool reached = world_mend(world);
    st_buf_free(&frame);
    if (reached) {
        assert_int_equal(world_code(world), ST_CODE_UNAVAILABLE);
        assert_int_equal(world->letter_count, 1);
    }
    return reached;
}

static void requests__store_fails_at_every_call__are_unavailable(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct auth_mem *start;
    world->config.limits.off = false;
    scene_set(&scene, world);
    must_ok(auth_mem_snapshot(world->mem, &start));
    for (size_t i = 0; i < sizeof types; i++) {
        uint64_t nth = 1;
        while (try_one(&scene, start, types[i], nth))
            assert_true(++nth < 60);
        assert_true(nth >= 2); /* at least the batch itself is a call */
    }
    auth_mem_free(&start);
}

/* What is in the way of a good list, a good upload, a good login at each call is in their own tests; these are the
 * flows whose samples above are refused before they reach the store's last calls. */
static void flows__store_fails_at_every_call__can_be_repeated(void **state)
{
    struct world *world = *state;
    struct person alice;
    struct gadget *phone = &alice.gadgets[1];
    struct auth_mem *start;
    person_new(&alice, world, "alice");
    gadget_init(phone, world, 0);
    must_do(person_login(&alice, phone, alice.password, false));
    phone->dev = 2;
    must_ok(auth_mem_snapshot(world->mem, &start));
    struct person with_phone = alice;
    person_next_list(&with_phone, &with_phone.gadgets[1], 0);
    for (uint64_t nth = 1;; nth++) {
        must_ok(auth_mem_restore(world->mem, start));
        world_break(world, nth, AUTH_MEM_FAIL);
        enum st_code offered = person_offer(&alice, phone, "phone");
        enum st_code listed = person_put_list(&with_phone, &alice.gadgets[0]);
        enum st_code uploaded = person_confirm(&with_phone, &with_phone.gadgets[1], 1, 2);
        enum st_code logged_in = person_login(&with_phone, phone, alice.password, true);
        bool reached = world_mend(world);
        assert_int_equal(offered == 0 && listed == 0 && uploaded == 0 && logged_in == 0, !reached);
        /* Whatever failed, doing all of it again works. */
        if (offered != 0)
            (void)person_offer(&alice, phone, "phone"); /* refused if the list has taken it already */
        must_do(person_put_list(&with_phone, &alice.gadgets[0]));
        must_do(person_login(&with_phone, phone, alice.password, true));
        with_phone.gadgets[1].next_opk = 1;
        must_do(person_confirm(&with_phone, &with_phone.gadgets[1], 1, 2));
        with_phone.gadgets[1].next_opk = 1;
        if (!reached)
            break;
        assert_true(nth < 200);
    }
    auth_mem_free(&start);
}

static void core_new__store_fails_at_every_call__says_so(void **state)
{
    struct world *world = *state;
    struct auth_core *core = NULL;
    struct auth_store store;
    struct auth_mem *mem;
    struct auth_deps deps = { .env = world->env };
    must_ok(auth_mem_new(&mem));
    must_ok(auth_mem_open(mem, &store));
    deps.store = store;
    struct auth_mem *real = world->mem;
    world->mem = mem;
    for (uint64_t nth = 1;; nth++) {
        world_break(world, nth, AUTH_MEM_FAIL);
        enum st_err err = auth_core_new(&core, &world->config, &deps);
        if (!world_mend(world))
            break;
        assert_int_equal(err, ST_EUNAVAILABLE);
        assert_null(core);
        assert_true(nth < 400);
    }
    auth_core_free(&core);
    world->mem = real;
    auth_store_close(&store);
    auth_mem_free(&mem);
}

/* ---- configuration ---- */

typedef void (*spoil_fn)(struct auth_config *config);

static void spoil_mode(struct auth_config *config)
{
    config->registration = 0;
}

static void spoil_seed(struct auth_config *config)
{
    memset(config->keys.oprf_seed, 0, sizeof config->keys.oprf_seed);
}

static void spoil_key(struct auth_config *config)
{
    memset(config->keys.private_key, 0, sizeof config->keys.private_key);
}

static void spoil_server(struct auth_config *config)
{
    memset(config->server_id, 0, sizeof config->server_id);
}

static void spoil_enrol(struct auth_config *config)
{
    memset(config->enrol_key, 0, sizeof config->enrol_key);
}

static void spoil_count(struct auth_config *config)
{
    config->endpoint_count = ST_ENDPOINTS_MAX + 1;
}

static void spoil_host(struct auth_config *config)
{
    config->endpoints[0].host[0] = '\0';
}

static void spoil_host_end(struct auth_config *config)
{
    memset(config->endpoints[0].host, 'a', sizeof config->endpoints[0].host);
}

static void spoil_host_text(struct auth_config *config)
{
    config->endpoints[0].host[3] = '\x1b';
}

static void spoil_port(struct auth_config *config)
{
    config->endpoints[0].port = 0;
}

static void spoil_endpoint_key(struct auth_config *config)
{
    memset(config->endpoints[0].key, 0, sizeof config->endpoints[0].key);
}

static void spoil_free(struct auth_config *config)
{
    config->limits.attempts_free = 0;
}

static void spoil_window(struct auth_config *config)
{
    config->limits.attempts_window_s = 0;
}

static void spoil_pending(struct auth_config *config)
{
    config->limits.logins_pending_max = AUTH_LOGINS_PENDING_MAX + 1;
}

static void spoil_days(struct auth_config *config)
{
    config->unseen_days = 0;
}

static void config_check__every_fault__is_named(void **state)
{
    struct world *world = *state;
    static const spoil_fn spoils[] = { spoil_mode,  spoil_seed, spoil_key,          spoil_server, spoil_enrol,
                                       spoil_count, spoil_host, spoil_host_end,     spoil_port,   spoil_host_text,
                                       spoil_free,  spoil_days, spoil_endpoint_key, spoil_window, spoil_pending };
    const char *why;
    must_ok(auth_config_check(&world->config, &why));
    assert_null(why);
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        struct auth_config config = world->config;
        spoils[i](&config);
        assert_int_equal(auth_config_check(&config, &why), ST_EREFUSED);
        assert_non_null(why);
        assert_int_equal(auth_config_check(&config, NULL), ST_EREFUSED);
        assert_int_equal(auth_core_reload(world->auths[0], &config), ST_EREFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests__store_fails_at_every_call__are_unavailable),
        TEST(flows__store_fails_at_every_call__can_be_repeated),
        TEST(core_new__store_fails_at_every_call__says_so),
        TEST(config_check__every_fault__is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
