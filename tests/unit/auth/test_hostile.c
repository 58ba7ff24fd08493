/* A hostile client: correctly connected, and saying everything it should not. The table of who may say what is written
 * down here once more, by hand, so that a change in the service must be meant. */
#include "tests/unit/auth/auth_scene.h"

#include <stdlib.h>

static const char allowed[256][PLACES + 1] = {
    /* type → one letter for each place: y may, n may not. Empty: nobody may. */
    [ST_ENDPOINTS] = "ynn",
    [ST_ADD_USER] = "ynn",
    [ST_ADD_USER_FINISH] = "ynn",
    [ST_LOGIN] = "ynn",
    [ST_LOGIN_FINISH] = "ynn",
    [ST_REMOVE_USER] = "nny",
    [ST_REMOVE_USER_FINISH] = "nny",
    [ST_SET_PASSWORD] = "nny",
    [ST_SET_PASSWORD_FINISH] = "nny",
    [ST_LOGOUT] = "nyy",
    [ST_IS_USER] = "nny",
    [ST_CONFIRM_CHAT] = "nny",
    [ST_START_CHAT] = "nny",
    [ST_GET_LIST] = "nyy",
    [ST_PUT_LIST] = "nny",
    [ST_LINK_OFFER] = "nyn",
    [ST_LINK_GET] = "nny",
};

/* The code of the last answer if it is an error, 0 if not, without any opinion on its sentence. */
static enum st_code code_or_none(struct world *world)
{
    for (size_t i = 0; i < world->letter_count; i++)
        if (world->letters[i].frame.request == world->next_request && world->letters[i].hop.kind != ST_HOP_SERVICE)
            return world_code(world);
    return 0;
}

/* After a logout. */
static void come_back(struct scene *scene)
{
    struct st_msg_login_done done;
    must_do(person_login(&scene->mallory, &scene->mallory.gadgets[0], scene->mallory.password, true));
    must_do(person_login(&scene->mallory, &scene->pending, scene->mallory.password, false));
    world_read(scene->world, ST_LOGIN_DONE, &done);
    scene->pending.dev = (uint32_t)done.dev;
}

static bool is_takeable(unsigned type)
{
    return allowed[type][0] != '\0';
}

/* ---- every type from every place ---- */

static void matrix__every_type__from_every_place(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    for (unsigned type = 0; type < 256; type++) {
        for (enum place place = ENROL; place < PLACES; place++) {
            struct st_hop hop = scene_hop(&scene, place);
            if (is_takeable(type)) {
                scene_sample(&scene, (enum st_type)type, scene.bob.acct, &frame);
            } else {
                uint8_t bytes[13] = { ST_WIRE_VERSION, (uint8_t)type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80 };
                st_put_u64(bytes + 4, ++world->next_request);
                st_buf_clear(&frame);
                must_ok(st_buf_append(&frame, bytes, sizeof bytes));
            }
            world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
            enum st_code code = world_code(world);
            if (!is_takeable(type))
                assert_true(code == ST_CODE_UNKNOWN_TYPE || code == ST_CODE_NOT_ALLOWED);
            else if (allowed[type][place] == 'n')
                assert_int_equal(code, ST_CODE_NOT_ALLOWED);
            else if (place != PENDING) /* a pending device may not ask about Bob's list */
                assert_int_not_equal(code, ST_CODE_NOT_ALLOWED);
            if (type == ST_LOGOUT)
                come_back(&scene);
        }
    }
    st_buf_free(&frame);
}

/* A gateway's types get no effect and no answer when they come from a client, nor a client's as the gateway's own. */
static void matrix__services__say_only_what_is_theirs(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    struct auth_account account;
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    struct st_hop service = { .kind = ST_HOP_SERVICE, .dev = 1 };
    memcpy(service.acct, scene.bob.acct, ST_ACCT_LEN);
    for (unsigned type = 0; type < 128; type++) {
        if (!is_takeable(type))
            continue;
        scene_sample(&scene, (enum st_type)type, scene.bob.acct, &frame);
        world_send_bytes(world, 0, &world_gateway, &service, st_buf_view(&frame));
        assert_int_equal(world->letter_count, 0);
    }
    st_buf_free(&frame);
    struct st_int_purged purged = { .acct = st_view(scene.bob.acct, ST_ACCT_LEN) };
    world_send(world, 0, &world_gateway, &service, ST_PURGED, &purged);
    must_ok(auth_store_account_by_id(&world->stores[0], scene.bob.acct, false, &account));
    for (enum place place = ENROL; place < PLACES; place++) {
        struct st_hop hop = scene_hop(&scene, place);
        world_send(world, 0, &world_gateway, &hop, ST_PURGED, &purged);
        assert_int_equal(world_code(world), ST_CODE_NOT_ALLOWED);
    }
}

/* ---- somebody else's objects ---- */

/* Everything that a device may say leaves every row of Bob as it was, except that one of his prekeys may be taken. */
static void foreign__every_type__touches_nothing_of_others(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    struct auth_account before;
    struct auth_account after;
    struct auth_device row_before;
    struct auth_device row_after;
    struct auth_list list;
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    must_ok(auth_store_account_by_id(&world->stores[0], scene.bob.acct, false, &before));
    must_ok(auth_store_device_get(&world->stores[0], scene.bob.acct, 1, &row_before));
    for (unsigned type = 0; type < 256; type++) {
        if (!is_takeable(type))
            continue;
        for (enum place place = ENROL; place < PLACES; place++) {
            struct st_hop hop = scene_hop(&scene, place);
            scene_sample(&scene, (enum st_type)type, scene.bob.acct, &frame);
            world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
        }
    }
    st_buf_free(&frame);
    must_ok(auth_store_account_by_id(&world->stores[0], scene.bob.acct, false, &after));
    must_ok(auth_store_device_get(&world->stores[0], scene.bob.acct, 1, &row_after));
    assert_memory_equal(after.record, before.record, sizeof after.record);
    assert_int_equal(after.list_seq, before.list_seq);
    assert_int_equal(after.next_dev, before.next_dev);
    assert_int_equal(after.state, before.state);
    assert_memory_equal(row_after.tk, row_before.tk, sizeof row_after.tk);
    assert_memory_equal(row_after.spk, row_before.spk, sizeof row_after.spk);
    assert_int_equal(row_after.opk_hi, row_before.opk_hi);
    assert_int_equal(auth_store_list_get(&world->stores[0], scene.bob.acct, 2, &list), ST_ENOTFOUND);
    must_do(person_login(&scene.bob, &scene.bob.gadgets[0], scene.bob.password, true));
}

/* A hop that names a device which is not that account's (a gateway that errs, or lies) is nobody. */
static void foreign__mixed_hops__are_nobody(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_msg_link_get look = { 0 };
    scene_set(&scene, world);
    struct st_hop hop = person_hop(&scene.bob, &scene.bob.gadgets[0]);
    hop.dev = 2; /* Mallory's number with Bob's account */
    world_send(world, 0, &world_gateway, &hop, ST_LINK_GET, &look);
    assert_int_equal(world_code(world), ST_CODE_DEVICE_REVOKED);
    hop.dev = 0;
    world_send(world, 0, &world_gateway, &hop, ST_LINK_GET, &look);
    assert_int_equal(world_code(world), ST_CODE_DEVICE_REVOKED);
    hop.dev = 1;
    memset(hop.acct, 0, sizeof hop.acct);
    world_send(world, 0, &world_gateway, &hop, ST_LINK_GET, &look);
    assert_int_equal(world_code(world), ST_CODE_DEVICE_REVOKED);
}

/* ---- broken frames ---- */

static void frames__truncated_at_every_length__are_malformed(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    for (unsigned type = 0; type < 256; type++) {
        if (!is_takeable(type))
            continue;
        enum place place = allowed[type][ENROL] == 'y' ? ENROL : allowed[type][ACTIVE] == 'y' ? ACTIVE : PENDING;
        struct st_hop hop = scene_hop(&scene, place);
        scene_sample(&scene, (enum st_type)type, scene.mallory.acct, &frame);
        for (size_t len = 0; len < frame.len; len++) {
            uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a read past the end */
            assert_non_null(exact);
            memcpy(exact, frame.p, len);
            world_send_bytes(world, 0, &world_gateway, &hop, st_view(exact, len));
            if (len < ST_HEADER_LEN)
                assert_int_equal(world->letter_count, 0); /* it has no request to answer */
            else
                assert_int_equal(world_code(world), ST_CODE_MALFORMED);
            free(exact);
        }
        /* One byte too many. */
        must_ok(st_buf_append(&frame, "", 1));
        world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
        assert_int_equal(world_code(world), ST_CODE_MALFORMED);
    }
    st_buf_free(&frame);
}

/* One bit flipped anywhere: an answer of some kind, no crash, and never somebody else's data changed. */
static void frames__every_bit_flipped__are_survived(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    world->config.limits.off = true;
    must_ok(auth_core_reload(world->auths[0], &world->config));
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    for (unsigned type = 0; type < 256; type++) {
        if (!is_takeable(type) || type == ST_LOGOUT) /* flipped, it logs the sender out; that is its right */
            continue;
        enum place place = allowed[type][ENROL] == 'y' ? ENROL : allowed[type][ACTIVE] == 'y' ? ACTIVE : PENDING;
        scene_sample(&scene, (enum st_type)type, scene.mallory.acct, &frame);
        for (size_t bit = 0; bit < frame.len * 8; bit += type == ST_ADD_USER_FINISH ? 7 : 3) {
            struct st_hop hop = scene_hop(&scene, place);
            frame.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
            frame.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_true(world->letter_count <= 2);
        }
    }
    st_buf_free(&frame);
    struct st_msg_link_get look = { 0 };
    must_do(person_say(&scene.bob, &scene.bob.gadgets[0], ST_LINK_GET, &look));
}

static void frames__headers__have_their_codes(void **state)
{
    struct world *world = *state;
    struct scene scene;
    static uint8_t big[ST_FRAME_MAX];
    scene_set(&scene, world);
    struct st_hop enrol = scene_hop(&scene, ENROL);
    struct st_hop active = scene_hop(&scene, ACTIVE);
    uint8_t bytes[13] = { 2, ST_LINK_GET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x80 };
    world->next_request = 9;
    world_send_bytes(world, 0, &world_gateway, &active, st_view(bytes, sizeof bytes));
    assert_int_equal(world_code(world), ST_CODE_WRONG_VERSION);
    bytes[0] = 1;
    bytes[3] = 1; /* flags */
    world_send_bytes(world, 0, &world_gateway, &active, st_view(bytes, sizeof bytes));
    assert_int_equal(world_code(world), ST_CODE_MALFORMED);
    bytes[3] = 0;
    world_send_bytes(world, 0, &world_gateway, &active, st_view(bytes, sizeof bytes));
    must_do(world_code(world));
    /* Larger than the endpoint takes. */
    memcpy(big, bytes, sizeof bytes);
    big[1] = ST_LOGIN;
    world_send_bytes(world, 0, &world_gateway, &enrol, st_view(big, ST_ENROL_FRAME_MAX + 1));
    assert_int_equal(world_code(world), ST_CODE_TOO_LARGE);
    world_send_bytes(world, 0, &world_gateway, &active, st_view(big, ST_FRAME_MAX));
    assert_int_equal(world_code(world), ST_CODE_NOT_ALLOWED);
    /* Hop frames that are none. */
    for (size_t len = 0; len <= ST_HOP_ENROL_LEN + 1; len++) {
        uint8_t hop[ST_HOP_ENROL_LEN + 1] = { 1, ST_HOP_DEVICE };
        if (len == ST_HOP_LEN)
            continue;
        world_forget(world);
        auth_core_input(world->auths[0], &world_gateway, st_view(hop, len), st_view(bytes, sizeof bytes));
        auth_core_flush(world->auths[0]);
        assert_int_equal(world->letter_count, 0);
    }
}

/* ---- repeats ---- */

/* Every request sent twice, byte for byte, is answered twice and does once what it does. */
static void repeats__every_type__do_no_harm(void **state)
{
    struct world *world = *state;
    struct scene scene;
    struct st_buf frame;
    struct auth_account account;
    uint64_t count;
    scene_set(&scene, world);
    st_buf_init(&frame, ST_FRAME_MAX);
    for (unsigned type = 0; type < 256; type++) {
        if (!is_takeable(type) || type == ST_LOGOUT)
            continue;
        enum place place = allowed[type][ENROL] == 'y' ? ENROL : allowed[type][ACTIVE] == 'y' ? ACTIVE : PENDING;
        struct st_hop hop = scene_hop(&scene, place);
        scene_sample(&scene, (enum st_type)type, scene.mallory.acct, &frame);
        world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
        enum st_code first = code_or_none(world);
        world_send_bytes(world, 0, &world_gateway, &hop, st_buf_view(&frame));
        assert_int_equal(code_or_none(world), first);
    }
    st_buf_free(&frame);
    must_ok(auth_store_account_by_id(&world->stores[0], scene.mallory.acct, false, &account));
    assert_int_equal(account.list_seq, 1);
    assert_int_equal(account.next_dev, 3);
    must_ok(auth_store_opk_count(&world->stores[0], scene.mallory.acct, 1, &count));
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(matrix__every_type__from_every_place),
        TEST(matrix__services__say_only_what_is_theirs),
        TEST(foreign__every_type__touches_nothing_of_others),
        TEST(foreign__mixed_hops__are_nobody),
        TEST(frames__truncated_at_every_length__are_malformed),
        TEST(frames__every_bit_flipped__are_survived),
        TEST(frames__headers__have_their_codes),
        TEST(repeats__every_type__do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
