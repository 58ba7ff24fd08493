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
/* What samples are made of; all keys are random. */
struct parts {
    uint8_t bytes[256];
    uint8_t wire[ST_DEVLIST_WIRE_MAX];
    struct st_view acct, key, list;
    struct st_spk spk;
    struct st_msg_spk spk_row;
    struct st_msg_opk opk_row;
    struct st_msg_list list_row;
    struct auth_account mallory;
};

union sample {
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
};

static void make_parts(struct parts *parts, const struct scene *scene, const uint8_t *acct)
{
    memset(parts, 0, sizeof *parts);
    st_env_random(&scene->world->env, parts->bytes, sizeof parts->bytes);
    parts->acct = st_view(acct, ST_ACCT_LEN);
    parts->key = st_view(parts->bytes, ST_KEY_LEN);
    parts->list = st_view(parts->wire, list_wire(&scene->mallory.list, parts->wire));
    parts->spk = person_spk(&scene->mallory, &scene->mallory.gadgets[0], 3);
    parts->spk_row = (struct st_msg_spk) { .id = 3,
                                           .created_s = parts->spk.created,
                                           .pub = st_view(parts->spk.pub, ST_KEY_LEN),
                                           .sig = st_view(parts->spk.sig, ST_SIG_LEN) };
    parts->opk_row = (struct st_msg_opk) { .id = 77, .pub = parts->key };
    parts->list_row = (struct st_msg_list) { .list = parts->list };
    must_ok(auth_store_account_by_id(&scene->world->stores[0], scene->mallory.acct, false, &parts->mallory));
}

/* What the enrol endpoint takes, and what has a password in it. */
static void fill_account_sample(union sample *m, enum st_type type, const struct parts *parts)
{
    switch (type) {
    case ST_ADD_USER:
        m->add_user = (struct st_msg_add_user) { .name = st_view_text("newname"), .request = parts->key };
        break;
    case ST_ADD_USER_FINISH:
        m->add_user_finish = (struct st_msg_add_user_finish) {
            .name = st_view_text("newname"),
            .record = st_view(parts->bytes, ST_OPAQUE_RECORD_LEN),
            .ak = st_view(parts->mallory.ak, ST_KEY_LEN),
            .list = parts->list,
            .spk = { .count = 1, .items = &parts->spk_row },
            .device_name = st_view_text("laptop"),
            .invite = st_view_text("7QK2M9XD4TR5"),
        };
        ST_SET(&m->add_user_finish, 7);
        break;
    case ST_LOGIN:
        m->login = (struct st_msg_login) { .name = st_view_text("bob"), .ke1 = st_view(parts->bytes, ST_KE1_LEN) };
        break;
    case ST_LOGIN_FINISH:
        m->login_finish.ke3 = st_view(parts->bytes, ST_KE3_LEN);
        m->login_finish.dev = 1;
        m->login_finish.sig = st_view(parts->bytes, ST_SIG_LEN);
        ST_SET(&m->login_finish, 2);
        ST_SET(&m->login_finish, 3);
        break;
    case ST_REMOVE_USER:
        m->remove_user.ke1 = st_view(parts->bytes, ST_KE1_LEN);
        break;
    case ST_REMOVE_USER_FINISH:
        m->remove_user_finish.ke3 = st_view(parts->bytes, ST_KE3_LEN);
        break;
    case ST_SET_PASSWORD:
        m->set_password.request = parts->key;
        break;
    case ST_SET_PASSWORD_FINISH:
        m->set_password_finish.record = st_view(parts->mallory.record, ST_OPAQUE_RECORD_LEN);
        break;
    default: /* empty ones, and those that auth does not take */
        break;
    }
}

static void fill_device_sample(union sample *m, enum st_type type, const struct parts *parts)
{
    switch (type) {
    case ST_IS_USER:
        m->is_user.name = st_view_text("bob");
        break;
    case ST_CONFIRM_CHAT:
        m->confirm_chat.spk = (struct st_records) { .count = 1, .items = &parts->spk_row };
        m->confirm_chat.opks = (struct st_records) { .count = 1, .items = &parts->opk_row };
        ST_SET(&m->confirm_chat, 1);
        ST_SET(&m->confirm_chat, 2);
        break;
    case ST_START_CHAT:
        m->start_chat.acct = parts->acct;
        m->start_chat.nonce = st_view(parts->bytes, ST_NONCE_LEN);
        m->start_chat.dev = 1;
        ST_SET(&m->start_chat, 3);
        break;
    case ST_GET_LIST:
        m->get_list.acct = parts->acct;
        break;
    case ST_PUT_LIST:
        m->put_list.lists = (struct st_records) { .count = 1, .items = &parts->list_row };
        break;
    case ST_LINK_OFFER:
        m->link_offer.dsk = parts->key;
        m->link_offer.dik = parts->key;
        m->link_offer.accept = st_view(parts->bytes, ST_SIG_LEN);
        m->link_offer.tag = parts->key;
        m->link_offer.name = st_view_text("phone");
        break;
    default:
        break;
    }
}

void scene_sample(struct scene *scene, enum st_type type, const uint8_t *acct, struct st_buf *out)
{
    struct parts parts;
    union sample m;
    make_parts(&parts, scene, acct);
    memset(&m, 0, sizeof m);
    fill_account_sample(&m, type, &parts);
    fill_device_sample(&m, type, &parts);
    st_buf_clear(out);
    must_ok(st_frame_write(type, ++scene->world->next_request, &m, out));
}
