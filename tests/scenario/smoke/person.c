#include "tests/scenario/smoke/person.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <zmq.h>

#include "client/opaque/opaque_client.h"
#include "lib/devlist/st_bind.h"
#include "lib/devlist/st_prekey.h"
#include "lib/st_invite.h"

enum { WAIT_MS = 10000 };

void person_init(struct person *person, void *zmq, const struct daemon_proc *proc, const char *name,
                 const char *password)
{
    memset(person, 0, sizeof *person);
    person->name = name;
    person->password = password;
    person->env = st_env_system();
    person->zmq = zmq;
    person->enrol_port = proc->port;
    memcpy(person->enrol_key, proc->enrol_key, 32);
    crypto_box_keypair(person->tk, person->tk_secret);
    crypto_sign_keypair(person->ak, person->ak_secret);
    crypto_sign_keypair(person->dsk, person->dsk_secret);
    randombytes_buf(person->spk_secret, 32);
    uint8_t dik_secret[32];
    crypto_box_keypair(person->dik, dik_secret);
    st_devlist_acct_id(person->acct, person->ak);
}

void person_close(struct person *person)
{
    if (person->socket != NULL)
        zmq_close(person->socket);
    person->socket = NULL;
}

void person_connect(struct person *person, bool device)
{
    char endpoint[64];
    int zero = 0, interval = 100;
    person_close(person);
    void *socket = zmq_socket(person->zmq, ZMQ_DEALER);
    assert_non_null(socket);
    const uint8_t *server = device ? person->device_key : person->enrol_key;
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, person->tk, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, person->tk_secret, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &interval, sizeof interval), 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u",
             (unsigned)(device ? person->device_port : person->enrol_port));
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    person->socket = socket;
}

uint64_t person_say(struct person *person, enum st_type type, const void *msg)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    assert_int_equal(st_frame_write(type, ++person->request, msg, &frame), ST_OK);
    assert_true(zmq_send(person->socket, frame.p, frame.len, 0) >= 0);
    st_buf_free(&frame);
    return person->request;
}

int person_hear(struct person *person, int64_t ms)
{
    zmq_pollitem_t item = { .socket = person->socket, .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, (long)ms) <= 0)
        return 0;
    int len = zmq_recv(person->socket, person->bytes, sizeof person->bytes, 0);
    assert_in_range(len, ST_HEADER_LEN, sizeof person->bytes);
    assert_int_equal(st_frame_open(st_view(person->bytes, (size_t)len), ST_FRAME_MAX, &person->frame), ST_OK);
    return person->frame.type;
}

void person_expect(struct person *person, enum st_type type, void *msg)
{
    int heard;
    do
        heard = person_hear(person, WAIT_MS);
    while (heard == ST_CHAT_STARTED && type != ST_CHAT_STARTED);
    if (heard == ST_ERROR && type != ST_ERROR) {
        struct st_msg_error error;
        assert_int_equal(st_frame_read(&person->frame, &error), ST_OK);
        fail_msg("%s got error %s: %.*s", person->name, st_code_name(error.code), (int)error.sentence.len,
                 (const char *)error.sentence.p);
    }
    assert_int_equal(heard, type);
    assert_int_equal(st_frame_read(&person->frame, msg), ST_OK);
}

enum st_code person_expect_error(struct person *person)
{
    struct st_msg_error error;
    person_expect(person, ST_ERROR, &error);
    return (enum st_code)error.code;
}

static struct opaque_client_setup setup_of(const struct person *person, struct st_view server_id,
                                           uint8_t context[static ST_OPAQUE_LOGIN_CONTEXT_BYTES])
{
    struct opaque_client_setup setup = { .ksf = st_opaque_ksf_default() };
    assert_int_equal(st_opaque_login_context(context, person->tk, person->enrol_key, &setup.ksf), ST_OK);
    setup.parties = (struct st_opaque_parties) { st_view_text(person->name), server_id,
                                                 st_view(context, ST_OPAQUE_LOGIN_CONTEXT_BYTES) };
    return setup;
}

static void take_endpoint(struct person *person, struct st_records endpoints)
{
    struct st_msg_endpoint endpoint;
    assert_true(st_records_next(&st_schema_endpoint, &endpoints, &endpoint));
    assert_true(st_view_equal(endpoint.host, st_view_text("127.0.0.1")));
    memcpy(person->device_key, endpoint.key.p, 32);
    person->device_port = (uint16_t)endpoint.port;
}

/* Device list 1 as it travels. */
static void make_list(const struct person *person, struct st_buf *out)
{
    uint64_t now_s = (uint64_t)st_env_wall_ms(&person->env) / 1000;
    struct st_devlist list = { .seq = 1, .issued = now_s, .expires = now_s + 7 * 86400, .count = 1 };
    memcpy(list.acct_id, person->acct, ST_ACCT_BYTES);
    list.devices[0] = (struct st_device) { .dev_id = 1, .added = now_s };
    memcpy(list.devices[0].dsk, person->dsk, 32);
    memcpy(list.devices[0].dik, person->dik, 32);
    assert_int_equal(st_devlist_sign(&list, person->ak_secret), ST_OK);
    assert_int_equal(st_devlist_accept_sign(list.accept[0], person->dsk_secret, person->ak, &list.devices[0]), ST_OK);
    assert_int_equal(st_devlist_write(&list, out), ST_OK);
}

static void begin_register(struct person *person, const char *invite, struct opaque_client_registration *registration,
                           struct st_invite *code)
{
    struct st_opaque_request request;
    struct st_msg_add_user add = { .name = st_view_text(person->name) };
    assert_int_equal(opaque_client_register_start(registration, &request, st_view_text(person->password), &person->env),
                     ST_OK);
    add.request = st_view(&request, sizeof request);
    if (invite != NULL) {
        assert_int_equal(st_invite_parse(code, st_view_text(invite)), ST_OK);
        add.invite = st_view_text(code->code);
        ST_SET(&add, 3);
    }
    person_connect(person, false);
    person_say(person, ST_ADD_USER, &add);
}

enum st_code person_register_refused(struct person *person, const char *invite)
{
    struct opaque_client_registration registration;
    struct st_invite code;
    begin_register(person, invite, &registration, &code);
    opaque_client_registration_deinit(&registration);
    return person_expect_error(person);
}

void person_register(struct person *person, const char *invite)
{
    struct opaque_client_registration registration;
    struct opaque_client_registered registered;
    struct st_invite code;
    struct st_msg_add_user_r answer;
    struct st_msg_add_user_done done;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES], server_id[ST_SERVER_ID_LEN];
    struct st_buf list;
    begin_register(person, invite, &registration, &code);
    person_expect(person, ST_ADD_USER_R, &answer);
    memcpy(server_id, answer.server_id.p, sizeof server_id);
    struct opaque_client_setup setup = setup_of(person, st_view(server_id, sizeof server_id), context);
    assert_int_equal(opaque_client_register_finish(&registered, &registration, answer.response,
                                                   st_view_text(person->password), &setup, &person->env),
                     ST_OK);
    struct st_spk spk = { .spk_id = 1, .created = (uint64_t)st_env_wall_ms(&person->env) / 1000 };
    assert_int_equal(crypto_scalarmult_base(spk.pub, person->spk_secret), 0);
    assert_int_equal(st_prekey_sign(&spk, person->dsk_secret, person->acct, 1), ST_OK);
    struct st_msg_spk spk_msg = { .id = spk.spk_id,
                                  .created_s = spk.created,
                                  .pub = st_view(spk.pub, sizeof spk.pub),
                                  .sig = st_view(spk.sig, sizeof spk.sig) };
    st_buf_init(&list, ST_LIST_MAX);
    make_list(person, &list);
    struct st_msg_add_user_finish finish = { .name = st_view_text(person->name),
                                             .record = st_view(&registered.record, sizeof registered.record),
                                             .ak = st_view(person->ak, 32),
                                             .list = st_buf_view(&list),
                                             .spk = { .count = 1, .items = &spk_msg },
                                             .device_name = st_view_text("test") };
    if (invite != NULL) {
        finish.invite = st_view_text(code.code);
        ST_SET(&finish, 7);
    }
    person_say(person, ST_ADD_USER_FINISH, &finish);
    person_expect(person, ST_ADD_USER_DONE, &done);
    assert_memory_equal(done.acct.p, person->acct, ST_ACCT_LEN);
    person->dev = done.dev;
    take_endpoint(person, done.endpoints);
    opaque_client_registered_deinit(&registered);
    st_buf_free(&list);
}

/* KE1 and KE2; true if the password opened the envelope. */
static bool begin_login(struct person *person, const char *password, struct opaque_client_logged_in *logged_in)
{
    struct opaque_client_login login;
    struct st_opaque_ke1 ke1;
    struct st_msg_login_r answer;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    assert_int_equal(opaque_client_login_start(&login, &ke1, st_view_text(password), &person->env), ST_OK);
    struct st_msg_login msg = { .name = st_view_text(person->name), .ke1 = st_view(&ke1, sizeof ke1) };
    person_connect(person, false);
    person_say(person, ST_LOGIN, &msg);
    person_expect(person, ST_LOGIN_R, &answer);
    struct opaque_client_setup setup = setup_of(person, answer.server_id, context);
    enum st_err err = opaque_client_login_finish(logged_in, &login, answer.ke2, st_view_text(password), &setup);
    assert_true(err == ST_OK || err == ST_EINTEGRITY);
    return err == ST_OK;
}

void person_login(struct person *person)
{
    struct opaque_client_logged_in logged_in;
    struct st_msg_login_done done;
    uint8_t sig[64], keys[64];
    crypto_box_keypair(person->tk, person->tk_secret);
    assert_true(begin_login(person, person->password, &logged_in));
    memcpy(keys, person->tk, 32);
    memcpy(keys + 32, person->enrol_key, 32);
    assert_int_equal(st_bind_tk_sign(sig, person->dsk_secret, person->acct, (uint32_t)person->dev, keys), ST_OK);
    struct st_msg_login_finish finish = { .ke3 = st_view(&logged_in.ke3, sizeof logged_in.ke3),
                                          .dev = person->dev,
                                          .sig = st_view(sig, sizeof sig) };
    ST_SET(&finish, 2);
    ST_SET(&finish, 3);
    person_say(person, ST_LOGIN_FINISH, &finish);
    person_expect(person, ST_LOGIN_DONE, &done);
    assert_int_equal(done.state, 1);
    assert_memory_equal(done.acct.p, person->acct, ST_ACCT_LEN);
    take_endpoint(person, done.endpoints);
    opaque_client_logged_in_deinit(&logged_in);
}

int person_login_wrong(struct person *person)
{
    struct opaque_client_logged_in logged_in;
    if (!begin_login(person, "not the password", &logged_in))
        return 0;
    opaque_client_logged_in_deinit(&logged_in);
    return 1;
}

void person_hello(struct person *person, struct st_msg_welcome *welcome)
{
    struct st_msg_hello hello = { 0 };
    person_connect(person, true);
    person_say(person, ST_HELLO, &hello);
    person_expect(person, ST_WELCOME, welcome);
}

void person_send(struct person *person, const struct person *to, uint8_t id[static ST_MSG_ID_LEN], size_t len)
{
    static uint8_t envelope[ST_ENVELOPE_MAX];
    assert_true(len <= sizeof envelope);
    randombytes_buf(envelope, len);
    randombytes_buf(id, ST_MSG_ID_LEN);
    struct st_msg_copy copy = { .dev = to->dev, .body = st_view(envelope, len) };
    struct st_msg_message message = { .to = st_view(to->acct, ST_ACCT_LEN),
                                      .id = st_view(id, ST_MSG_ID_LEN),
                                      .copies = { .count = 1, .items = &copy } };
    person_say(person, ST_MESSAGE, &message);
}
