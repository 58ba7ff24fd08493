#include "tests/unit/auth/auth_scene.h"

void scene_set(struct scene *scene, struct world *world)
{
    memset(scene, 0, sizeof *scene);
    scene->world = world;
    person_new(&scene->mallory, world, "mallory");
    person_new(&scene->bob, world, "bob");
    must_do(person_confirm(&scene->bob, &scene->bob.gadgets[0], 1, 10));
    gadget_init(&scene->pending, world, 0);
    must_do(person_login(&scene->mallory, &scene->pending, scene->mallory.password, false));
    scene->pending.dev = 2;
}

struct st_hop scene_hop(const struct scene *scene, enum place place)
{
    switch (place) {
    case ENROL:
        return person_enrol_hop(&scene->mallory, &scene->mallory.gadgets[0]);
    case PENDING:
        return person_hop(&scene->mallory, &scene->pending);
    default:
        return person_hop(&scene->mallory, &scene->mallory.gadgets[0]);
    }
}

/* A well-formed frame of every type that a client may send to auth, about `acct` where it names an account. */
void scene_sample(struct scene *scene, enum st_type type, const uint8_t *acct, struct st_buf *out)
{
    static uint8_t bytes[1024];
    uint8_t wire[ST_DEVLIST_WIRE_MAX];
    struct world *world = scene->world;
    struct st_view sixteen = st_view(acct, ST_ACCT_LEN);
    struct st_view key = st_view(bytes, 32);
    struct st_view list = st_view(wire, list_wire(&scene->mallory.list, wire));
    struct st_spk spk = person_spk(&scene->mallory, &scene->mallory.gadgets[0], 3);
    struct st_msg_spk spk_row = {
        .id = 3, .created_s = spk.created, .pub = st_view(spk.pub, 32), .sig = st_view(spk.sig, 64)
    };
    struct st_msg_opk opk_row = { .id = 77, .pub = key };
    struct st_msg_list list_row = { .list = list };
    struct auth_account mallory;
    must_ok(auth_store_account_by_id(&world->stores[0], scene->mallory.acct, false, &mallory));
    union {
        struct st_msg_endpoints endpoints;
        struct st_msg_add_user add_user;
        struct st_msg_add_user_finish add_user_finish;
        struct st_msg_login login;
        struct st_msg_login_finish login_finish;
        struct st_msg_remove_user remove_user;
        struct st_msg_remove_user_finish remove_user_finish;
        struct st_msg_set_password set_password;
        struct st_msg_set_password_finish set_password_finish;
        struct st_msg_logout logout;
        struct st_msg_is_user is_user;
        struct st_msg_confirm_chat confirm_chat;
        struct st_msg_start_chat start_chat;
        struct st_msg_get_list get_list;
        struct st_msg_put_list put_list;
        struct st_msg_link_offer link_offer;
    } m;
    memset(&m, 0, sizeof m);
    st_env_random(&world->env, bytes, sizeof bytes);
    switch (type) {
    case ST_ADD_USER:
        m.add_user = (struct st_msg_add_user) { .name = st_view_text("newname"), .request = key };
        break;
    case ST_ADD_USER_FINISH:
        m.add_user_finish = (struct st_msg_add_user_finish) { .name = st_view_text("newname"),
                                                              .record = st_view(bytes, ST_OPAQUE_RECORD_LEN),
                                                              .ak = st_view(scene->mallory.ak, 32),
                                                              .list = list,
                                                              .spk = { .count = 1, .items = &spk_row },
                                                              .device_name = st_view_text("laptop"),
                                                              .invite = st_view_text("7QK2M9XD4TR5") };
        ST_SET(&m.add_user_finish, 7);
        break;
    case ST_LOGIN:
        m.login = (struct st_msg_login) { .name = st_view_text("bob"), .ke1 = st_view(bytes, ST_KE1_LEN) };
        break;
    case ST_LOGIN_FINISH:
        m.login_finish =
            (struct st_msg_login_finish) { .ke3 = st_view(bytes, ST_KE3_LEN), .dev = 1, .sig = st_view(bytes, 64) };
        ST_SET(&m.login_finish, 2);
        ST_SET(&m.login_finish, 3);
        break;
    case ST_REMOVE_USER:
        m.remove_user.ke1 = st_view(bytes, ST_KE1_LEN);
        break;
    case ST_REMOVE_USER_FINISH:
        m.remove_user_finish.ke3 = st_view(bytes, ST_KE3_LEN);
        break;
    case ST_SET_PASSWORD:
        m.set_password.request = key;
        break;
    case ST_SET_PASSWORD_FINISH:
        m.set_password_finish.record = st_view(mallory.record, ST_OPAQUE_RECORD_LEN);
        break;
    case ST_IS_USER:
        m.is_user.name = st_view_text("bob");
        break;
    case ST_CONFIRM_CHAT:
        m.confirm_chat = (struct st_msg_confirm_chat) { .spk = { .count = 1, .items = &spk_row },
                                                        .opks = { .count = 1, .items = &opk_row } };
        ST_SET(&m.confirm_chat, 1);
        ST_SET(&m.confirm_chat, 2);
        break;
    case ST_START_CHAT:
        m.start_chat = (struct st_msg_start_chat) { .acct = sixteen, .nonce = st_view(bytes, 16), .dev = 1 };
        ST_SET(&m.start_chat, 3);
        break;
    case ST_GET_LIST:
        m.get_list = (struct st_msg_get_list) { .acct = sixteen };
        break;
    case ST_PUT_LIST:
        m.put_list.lists = (struct st_records) { .count = 1, .items = &list_row };
        break;
    case ST_LINK_OFFER:
        m.link_offer = (struct st_msg_link_offer) {
            .dsk = key, .dik = key, .accept = st_view(bytes, 64), .tag = key, .name = st_view_text("phone")
        };
        break;
    default: /* empty ones, and those that auth does not take */
        break;
    }
    st_buf_clear(out);
    must_ok(st_frame_write(type, ++world->next_request, &m, out));
}
