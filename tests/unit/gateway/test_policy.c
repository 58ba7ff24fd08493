/* Every message type, on every endpoint, in every state, against a table of what may happen that is written down here a
 * second time by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/gateway/gateway_policy.h"
#include "tests/unit/gateway/fake.h"

/* What becomes of a sound frame. */
enum fate { REFUSED, UNKNOWN, WRONG_STATE, TO_AUTH, TO_RELAY, BY_GATEWAY };

struct expected {
    uint8_t type;
    enum fate enrol, stranger, pending, active;
};

/* Stranger: a registered key that has not said hello. A type that is not here is unknown everywhere. */
static const struct expected table[] = {
    { ST_PING, REFUSED, WRONG_STATE, BY_GATEWAY, BY_GATEWAY },
    { ST_ENDPOINTS, TO_AUTH, REFUSED, REFUSED, REFUSED },
    { ST_HELLO, REFUSED, BY_GATEWAY, BY_GATEWAY, BY_GATEWAY },
    { ST_ADD_USER, TO_AUTH, REFUSED, REFUSED, REFUSED },
    { ST_ADD_USER_FINISH, TO_AUTH, REFUSED, REFUSED, REFUSED },
    { ST_LOGIN, TO_AUTH, REFUSED, REFUSED, REFUSED },
    { ST_LOGIN_FINISH, TO_AUTH, REFUSED, REFUSED, REFUSED },
    { ST_REMOVE_USER, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_REMOVE_USER_FINISH, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_SET_PASSWORD, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_SET_PASSWORD_FINISH, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_LOGOUT, REFUSED, WRONG_STATE, TO_AUTH, TO_AUTH },
    { ST_IS_USER, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_CONFIRM_CHAT, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_START_CHAT, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_GET_LIST, REFUSED, WRONG_STATE, TO_AUTH, TO_AUTH },
    { ST_PUT_LIST, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_LINK_OFFER, REFUSED, REFUSED, TO_AUTH, REFUSED },
    { ST_LINK_GET, REFUSED, WRONG_STATE, REFUSED, TO_AUTH },
    { ST_MESSAGE, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_ACK, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_FETCH, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_EPOCHS, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_EXPOSE_KEY, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_GET_EXPOSED, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_PUT_BLOB, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_PUT_CHUNK, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
    { ST_GET_BLOB, REFUSED, WRONG_STATE, REFUSED, TO_RELAY },
};

static const struct expected *expected_of(unsigned type)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].type == type)
            return &table[i];
    return NULL;
}

/* A world with an enrol client, a stranger, a pending and an active device. */
struct world {
    struct fake fake;
    struct fake_device enrol, stranger, pending, active;
};

static void world_open(struct world *world)
{
    struct gateway_limits limits;
    struct st_msg_hello hello = { 0 };
    gateway_limits_default(&limits);
    limits.off = true;
    fake_open(&world->fake, &limits);
    world->enrol = fake_device(1);
    world->stranger = fake_device(2);
    world->pending = fake_device(3);
    world->active = fake_device(4);
    fake_zap(&world->fake, "enrol", &world->enrol);
    fake_expect(&world->fake, FAKE_ZAP, 0);
    fake_zap(&world->fake, "device", &world->stranger);
    fake_tk_answer(&world->fake, fake_expect(&world->fake, FAKE_SERVICE, ST_TK_CHECK), &world->stranger, ST_TK_ACTIVE);
    fake_expect(&world->fake, FAKE_ZAP, 0);
    fake_zap(&world->fake, "device", &world->pending);
    fake_tk_answer(&world->fake, fake_expect(&world->fake, FAKE_SERVICE, ST_TK_CHECK), &world->pending, ST_TK_PENDING);
    fake_expect(&world->fake, FAKE_ZAP, 0);
    fake_say(&world->fake, GATEWAY_DEVICE, &world->pending, ST_HELLO, &hello);
    fake_tk_answer(&world->fake, fake_expect(&world->fake, FAKE_SERVICE, ST_TK_CHECK), &world->pending, ST_TK_PENDING);
    fake_expect(&world->fake, FAKE_CLIENT, ST_WELCOME);
    fake_connect(&world->fake, &world->active);
}

static void check(struct world *world, enum gateway_socket socket, const struct fake_device *device, unsigned type,
                  enum fate fate)
{
    struct fake *fake = &world->fake;
    struct st_buf frame;
    struct st_msg_error error;
    st_buf_init(&frame, ST_FRAME_MAX);
    if (st_message_type((uint8_t)type) == NULL) {
        uint8_t *header = st_buf_extend(&frame, ST_HEADER_LEN + 1);
        assert_non_null(header);
        memset(header, 0, ST_HEADER_LEN + 1);
        header[0] = ST_WIRE_VERSION;
        header[1] = (uint8_t)type;
        header[12] = 0x80; /* an empty map */
    } else {
        (void)fake_sound_frame((uint8_t)type, 5, &frame);
    }
    fake_say_raw(fake, socket, device, st_buf_view(&frame), 1);
    const struct fake_sent *sent = fake_next(fake);
    switch (fate) {
    case UNKNOWN:
    case REFUSED:
    case WRONG_STATE:
        assert_non_null(sent);
        assert_int_equal(sent->what, FAKE_CLIENT);
        assert_memory_equal(sent->rid, device->rid, sizeof device->rid);
        assert_int_equal(sent->frame.type, ST_ERROR);
        assert_int_equal(st_frame_read(&sent->frame, &error), ST_OK);
        assert_int_equal(error.code, fate == UNKNOWN   ? ST_CODE_UNKNOWN_TYPE
                                     : fate == REFUSED ? ST_CODE_NOT_ALLOWED
                                                       : ST_CODE_WRONG_STATE);
        fake_expect_nothing(fake);
        break;
    case TO_AUTH:
    case TO_RELAY:
        if (sent == NULL || sent->what != FAKE_SERVICE)
            fail_msg("type %u went nowhere", type);
        assert_int_equal(sent->peer, fate == TO_AUTH ? fake->auth : fake->relay);
        assert_int_equal(sent->len, frame.len);
        assert_memory_equal(sent->bytes, frame.p, frame.len); /* untouched */
        assert_int_equal(sent->hop.kind, socket == GATEWAY_ENROL ? ST_HOP_ENROL : ST_HOP_DEVICE);
        if (socket == GATEWAY_ENROL) {
            static const uint8_t addr[ST_ADDR_LEN] = { [10] = 0xff, 0xff, 203, 0, 113, 7 };
            assert_memory_equal(sent->hop.tk, device->tk, ST_KEY_LEN);
            assert_memory_equal(sent->hop.addr, addr, ST_ADDR_LEN);
        } else {
            assert_memory_equal(sent->hop.acct, device->acct, ST_ACCT_LEN);
            assert_int_equal(sent->hop.dev, device->dev);
        }
        fake_expect_nothing(fake);
        break;
    case BY_GATEWAY:
    default:
        for (; sent != NULL; sent = fake_next(fake)) {
            assert_int_not_equal(sent->frame.type, type); /* answered, asked about, never forwarded */
            assert_int_not_equal(sent->frame.type, ST_ERROR);
        }
        break;
    }
    st_buf_free(&frame);
}

static void policy__every_type_everywhere(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        const struct expected *row = expected_of(type);
        struct world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world_open(world);
        /* A login goes on only where one was begun. */
        if (type == ST_LOGIN_FINISH) {
            check(world, GATEWAY_ENROL, &world->enrol, type, WRONG_STATE);
            check(world, GATEWAY_ENROL, &world->enrol, ST_LOGIN, TO_AUTH);
        } else if (type == ST_REMOVE_USER_FINISH) {
            check(world, GATEWAY_DEVICE, &world->active, type, WRONG_STATE);
            check(world, GATEWAY_DEVICE, &world->active, ST_REMOVE_USER, TO_AUTH);
        }
        check(world, GATEWAY_ENROL, &world->enrol, type, row != NULL ? row->enrol : UNKNOWN);
        check(world, GATEWAY_DEVICE, &world->pending, type, row != NULL ? row->pending : UNKNOWN);
        check(world, GATEWAY_DEVICE, &world->active, type, row != NULL ? row->active : UNKNOWN);
        check(world, GATEWAY_DEVICE, &world->stranger, type, row != NULL ? row->stranger : UNKNOWN);
        fake_close(&world->fake);
        free(world);
    }
}

static void policy__every_request_of_the_wire_has_a_row_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        const struct st_message_type *wire = st_message_type((uint8_t)type);
        bool by_client = wire != NULL && strcmp(wire->from, "client") == 0;
        assert_int_equal(gateway_policy_request((uint8_t)type) != NULL, by_client);
        assert_int_equal(expected_of(type) != NULL, by_client);
    }
}

/* What reaches an active device when a service sends `type` to it. */
static bool arrives(struct fake *fake, unsigned peer, const struct st_hop *hop, struct st_view frame)
{
    uint8_t head[ST_HOP_ENROL_LEN];
    gateway_core_service(fake->core, peer, st_view(head, st_hop_write(hop, head)), frame, st_view(NULL, 0));
    bool any = false;
    for (const struct fake_sent *sent; (sent = fake_next(fake)) != NULL;)
        any = any || (sent->what == FAKE_CLIENT && st_view_equal(st_view(sent->bytes, sent->len), frame));
    return any;
}

static void policy__answers__only_of_the_right_role_to_the_right_client(void **state)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    (void)state;
    for (unsigned type = 0; type < 128; type++) {
        const struct st_message_type *wire = st_message_type((uint8_t)type);
        if (wire == NULL)
            continue;
        struct world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world_open(world);
        struct fake *fake = &world->fake;
        (void)fake_sound_frame((uint8_t)type, 9, &frame);
        struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = world->active.dev, .sid = world->active.sid };
        memcpy(hop.acct, world->active.acct, ST_ACCT_LEN);
        bool request = strcmp(wire->from, "client") == 0;
        bool own = type == ST_PONG || type == ST_BYE || type == ST_WELCOME;
        bool enrol_only = type == ST_ENDPOINTS_R || (type >= ST_ADD_USER_R && type <= ST_LOGIN_DONE);
        bool pending_only = type == ST_LINK_OFFER_R;
        bool of_relay = type >= ST_ACCEPTED || type == ST_ERROR || type == ST_CHAT_STARTED;
        bool of_auth = type < ST_ACCEPTED && type != ST_CHAT_STARTED;
        bool to_active = !request && !own && !enrol_only && !pending_only;
        assert_int_equal(arrives(fake, fake->auth, &hop, st_buf_view(&frame)), to_active && of_auth);
        assert_int_equal(arrives(fake, fake->relay, &hop, st_buf_view(&frame)), to_active && of_relay);
        /* Somebody else's account, or device, under this session's number. */
        hop.acct[3] ^= 1;
        assert_false(arrives(fake, fake->auth, &hop, st_buf_view(&frame)));
        assert_false(arrives(fake, fake->relay, &hop, st_buf_view(&frame)));
        hop.acct[3] ^= 1;
        hop.dev++;
        assert_false(arrives(fake, fake->auth, &hop, st_buf_view(&frame)));
        fake_close(fake);
        free(world);
    }
    st_buf_free(&frame);
}

static void identity__what_the_client_says_of_itself_counts_for_nothing(void **state)
{
    struct world world;
    struct st_msg_ping ping = { 0 };
    struct st_buf frame;
    (void)state;
    world_open(&world);
    st_buf_init(&frame, ST_FRAME_MAX);
    assert_int_equal(st_frame_write(ST_PING, 1, &ping, &frame), ST_OK);
    struct gateway_client from = { .socket = GATEWAY_DEVICE,
                                   .rid = st_view(world.active.rid, sizeof world.active.rid),
                                   .user_id = NULL,
                                   .frames = 1 };
    struct fake_device unknown = fake_device(99);
    const char *const claims[] = {
        NULL, "", "admin", world.active.tk[0] ? "x" : "y", unknown.user_id, world.enrol.user_id
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        from.user_id = claims[i];
        gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
        fake_expect_nothing(&world.fake);
    }
    /* A device's key does not open the enrol endpoint either, unless it was let in there. */
    from.socket = GATEWAY_ENROL;
    from.user_id = world.active.user_id;
    gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
    fake_expect_nothing(&world.fake);
    /* The session's routing id under another registered key. */
    from.socket = GATEWAY_DEVICE;
    from.user_id = world.stranger.user_id;
    gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
    fake_expect_error(&world.fake, ST_CODE_WRONG_STATE);
    /* The session's key under another routing id: not the session. */
    uint8_t rid[5] = { 0, 9, 9, 9, 9 };
    from.rid = st_view(rid, sizeof rid);
    from.user_id = world.active.user_id;
    gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
    fake_expect_error(&world.fake, ST_CODE_WRONG_STATE);
    uint8_t long_rid[GATEWAY_RID_MAX + 1] = { 0 };
    from.rid = st_view(long_rid, sizeof long_rid);
    gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
    from.rid = st_view(long_rid, 0);
    gateway_core_client(world.fake.core, &from, st_buf_view(&frame));
    fake_expect_nothing(&world.fake);
    st_buf_free(&frame);
    fake_close(&world.fake);
}

static void services__hostile_packets_change_nothing(void **state)
{
    struct world world;
    uint8_t head[ST_HOP_ENROL_LEN];
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct st_buf frame;
    (void)state;
    world_open(&world);
    struct fake *fake = &world.fake;
    st_buf_init(&frame, ST_FRAME_MAX);
    size_t head_len = st_hop_write(&hop, head);
    for (unsigned type = 0; type < 256; type++) {
        if (st_message_type((uint8_t)type) == NULL)
            continue;
        (void)fake_sound_frame((uint8_t)type, 3, &frame);
        if (type == ST_SVC_PONG)
            continue;
        for (size_t cut = 0; cut < frame.len; cut += type < 128 ? 97 : 1) {
            gateway_core_service(fake->core, fake->auth, st_view(head, head_len), st_view(frame.p, cut),
                                 st_view(NULL, 0));
            gateway_core_service(fake->core, fake->relay, st_view(head, head_len), st_view(frame.p, cut),
                                 st_view(NULL, 0));
        }
        for (size_t cut = 0; cut < head_len; cut++)
            gateway_core_service(fake->core, fake->auth, st_view(head, cut), st_buf_view(&frame), st_view(NULL, 0));
        gateway_core_service(fake->core, 63, st_view(head, head_len), st_buf_view(&frame), st_view(NULL, 0));
        gateway_core_service(fake->core, 64, st_view(head, head_len), st_buf_view(&frame), st_view(NULL, 0));
    }
    fake_expect_nothing(fake);
    st_buf_free(&frame);
    fake_close(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy__every_type_everywhere),
        cmocka_unit_test(policy__every_request_of_the_wire_has_a_row_and_nothing_else),
        cmocka_unit_test(policy__answers__only_of_the_right_role_to_the_right_client),
        cmocka_unit_test(identity__what_the_client_says_of_itself_counts_for_nothing),
        cmocka_unit_test(services__hostile_packets_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
