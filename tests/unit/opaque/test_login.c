#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/opaque/opaque_fixture.h"

static void assert_zero(const void *p, size_t len)
{
    assert_int_equal(sodium_is_zero(p, len), 1);
}

static int setup(void **state)
{
    static struct opaque_fixture fixture;
    opaque_fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

/* The client's verdict on KE2; whatever it is, the state must be gone, and on failure there must be no fruit. */
static enum st_err client_verdict(struct opaque_fixture *f, struct opaque_client_login *client, struct st_view ke2,
                                  struct st_view password, struct opaque_client_logged_in *out)
{
    enum st_err err = opaque_client_login_finish_any_ksf(out, client, ke2, password, &f->setup);
    assert_zero(client, sizeof *client);
    if (err != ST_OK)
        assert_zero(out, sizeof *out);
    return err;
}

static void login__right_password__both_sides_agree(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    uint8_t session_key_before[ST_OPAQUE_HASH_BYTES] = { 0 };
    for (int i = 0; i < 3; i++) {
        opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
        assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_OK);
        assert_memory_equal(out.export_key, f->export_key, sizeof out.export_key);
        enum st_err err = opaque_server_login_finish(session_key, &e.server, st_view(&out.ke3, sizeof out.ke3));
        assert_int_equal(err, ST_OK);
        assert_zero(&e.server, sizeof e.server);
        assert_memory_equal(session_key, out.session_key, sizeof session_key);
        assert_memory_not_equal(session_key, session_key_before, sizeof session_key);
        memcpy(session_key_before, session_key, sizeof session_key);
    }
}

static void login__wrong_password__integrity(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    static const char *const wrong[] = { "", "correct horse battery stapl", "correct horse battery staple ", "x" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        opaque_fixture_exchange(f, &e, st_view_text(wrong[i]), opaque_fixture_record(f));
        enum st_err err = client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), st_view_text(wrong[i]), &out);
        assert_int_equal(err, ST_EINTEGRITY);
    }
    /* The password changes in between. */
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), st_view_text("x"), &out),
                     ST_EINTEGRITY);
}

static void login__unknown_name__looks_like_a_wrong_password(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    opaque_fixture_exchange(f, &e, f->password, st_view_text(""));
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_EINTEGRITY);
}

/* Whoever guessed the very bytes of the MAC would still not log in as nobody. */
static void login__unknown_name__no_ke3_is_right(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct st_opaque_ke3 ke3;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    opaque_fixture_exchange(f, &e, f->password, st_view_text(""));
    memcpy(&ke3, e.server.expected_client_mac, sizeof ke3);
    assert_int_equal(opaque_server_login_finish(session_key, &e.server, st_view(&ke3, sizeof ke3)), ST_EINTEGRITY);
    assert_zero(session_key, sizeof session_key);
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    memcpy(&ke3, e.server.expected_client_mac, sizeof ke3);
    assert_int_equal(opaque_server_login_finish(session_key, &e.server, st_view(&ke3, sizeof ke3)), ST_OK);
}

static void fake_record__two_servers__agree(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_server_keys again;
    struct opaque_server_keys others;
    struct st_opaque_record a;
    struct st_opaque_record b;
    static const struct st_opaque_envelope zeros;
    assert_int_equal(opaque_server_keys_init(&again, f->keys.oprf_seed, f->keys.private_key), ST_OK);
    assert_int_equal(opaque_server_keys_generate(&others, &f->env), ST_OK);
    assert_int_equal(opaque_server_fake_record(&a, &f->keys, st_view_text("nobody")), ST_OK);
    assert_int_equal(opaque_server_fake_record(&b, &again, st_view_text("nobody")), ST_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(opaque_server_check_record(st_view(&a, sizeof a)), ST_OK);
    assert_memory_equal(&a.envelope, &zeros, sizeof zeros);
    assert_int_equal(opaque_server_fake_record(&b, &f->keys, st_view_text("nobodx")), ST_OK);
    assert_memory_not_equal(a.client_public_key, b.client_public_key, sizeof a.client_public_key);
    assert_memory_not_equal(a.masking_key, b.masking_key, sizeof a.masking_key);
    assert_int_equal(opaque_server_fake_record(&b, &others, st_view_text("nobody")), ST_OK);
    assert_memory_not_equal(a.masking_key, b.masking_key, sizeof a.masking_key);
}

/* The same name, KE1 and randomness: two servers with the same keys give the same bytes for an unknown name too. */
static void fake_record__ke2__is_that_of_the_fake_record(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct st_opaque_record fake;
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    opaque_fixture_exchange(f, &e, f->password, st_view_text(""));
    f->draws -= 3;
    assert_int_equal(opaque_server_fake_record(&fake, &f->keys, f->name), ST_OK);
    enum st_err err =
        opaque_fixture_answer(f, &login, &ke2, st_view(&e.ke1, sizeof e.ke1), st_view(&fake, sizeof fake));
    assert_int_equal(err, ST_OK);
    assert_memory_equal(&ke2, &e.ke2, sizeof ke2);
}

static void login__ke2_any_bit_flipped__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    for (size_t i = 0; i < sizeof e.ke2; i++) {
        struct opaque_client_login client = e.client;
        struct opaque_client_logged_in out;
        uint8_t bytes[ST_OPAQUE_KE2_BYTES];
        memcpy(bytes, &e.ke2, sizeof bytes);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        enum st_err err = client_verdict(f, &client, st_view(bytes, sizeof bytes), f->password, &out);
        assert_true(err == ST_EINTEGRITY || err == ST_EMALFORMED);
    }
}

static void login__ke1_any_bit_flipped__no_session(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    for (size_t i = 0; i < sizeof e.ke1; i++) {
        uint8_t bytes[ST_OPAQUE_KE1_BYTES];
        assert_int_equal(opaque_client_login_start(&e.client, &e.ke1, f->password, &f->env), ST_OK);
        memcpy(bytes, &e.ke1, sizeof bytes);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        enum st_err err =
            opaque_fixture_answer(f, &e.server, &e.ke2, st_view(bytes, sizeof bytes), opaque_fixture_record(f));
        if (err == ST_OK)
            err = client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out);
        assert_true(err == ST_EINTEGRITY || err == ST_EMALFORMED);
    }
}

static void login__ke3_any_bit_flipped__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_OK);
    for (size_t bit = 0; bit < 8 * sizeof out.ke3; bit++) {
        struct opaque_server_login server = e.server;
        uint8_t session_key[ST_OPAQUE_HASH_BYTES];
        struct st_opaque_ke3 ke3 = out.ke3;
        ke3.client_mac[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum st_err err = opaque_server_login_finish(session_key, &server, st_view(&ke3, sizeof ke3));
        assert_int_equal(err, ST_EINTEGRITY);
        assert_zero(session_key, sizeof session_key);
        assert_zero(&server, sizeof server);
    }
}

static void login__ke3__serves_once(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_OK);
    struct st_view ke3 = st_view(&out.ke3, sizeof out.ke3);
    assert_int_equal(opaque_server_login_finish(session_key, &e.server, ke3), ST_OK);
    assert_int_equal(opaque_server_login_finish(session_key, &e.server, ke3), ST_EREFUSED);
    assert_zero(session_key, sizeof session_key);
}

/* KE3 on another connection: that connection has no login under way, or one of its own. */
static void login__ke3_of_another_login__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange a;
    struct opaque_exchange b;
    struct opaque_client_logged_in out;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    opaque_fixture_exchange(f, &a, f->password, opaque_fixture_record(f));
    opaque_fixture_exchange(f, &b, f->password, opaque_fixture_record(f));
    assert_int_equal(client_verdict(f, &a.client, st_view(&a.ke2, sizeof a.ke2), f->password, &out), ST_OK);
    struct st_view ke3 = st_view(&out.ke3, sizeof out.ke3);
    assert_int_equal(opaque_server_login_finish(session_key, &b.server, ke3), ST_EINTEGRITY);
    struct opaque_server_login never_begun;
    memset(&never_begun, 0, sizeof never_begun);
    assert_int_equal(opaque_server_login_finish(session_key, &never_begun, ke3), ST_EREFUSED);
    struct st_opaque_ke3 zeros;
    memset(&zeros, 0, sizeof zeros);
    assert_int_equal(opaque_server_login_finish(session_key, &never_begun, st_view(&zeros, sizeof zeros)), ST_EREFUSED);
}

static void login__client_without_a_start__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    struct st_view ke2 = st_view(&e.ke2, sizeof e.ke2);
    assert_int_equal(client_verdict(f, &e.client, ke2, f->password, &out), ST_OK);
    assert_int_equal(client_verdict(f, &e.client, ke2, f->password, &out), ST_EREFUSED);
}

static void login__every_other_length__malformed(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    uint8_t bytes[400] = { 0 };
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct st_opaque_ke2 ke2;
        struct opaque_client_login client = e.client;
        struct opaque_server_login server = e.server;
        struct opaque_server_login fresh;
        memcpy(bytes, &e.ke2, sizeof e.ke2);
        if (len != ST_OPAQUE_KE2_BYTES)
            assert_int_equal(client_verdict(f, &client, st_view(bytes, len), f->password, &out), ST_EMALFORMED);
        if (len != ST_OPAQUE_KE3_BYTES)
            assert_int_equal(opaque_server_login_finish(session_key, &server, st_view(bytes, len)), ST_EMALFORMED);
        memcpy(bytes, &e.ke1, sizeof e.ke1);
        enum st_err err = opaque_fixture_answer(f, &fresh, &ke2, st_view(bytes, len), opaque_fixture_record(f));
        assert_int_equal(err, len == ST_OPAQUE_KE1_BYTES ? ST_OK : ST_EMALFORMED);
        if (len == ST_OPAQUE_KE1_BYTES)
            continue;
        assert_zero(&ke2, sizeof ke2);
        assert_zero(&fresh, sizeof fresh);
    }
}

static void login__identity_element_in_each_place__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));

    struct st_opaque_ke1 ke1 = e.ke1;
    memset(ke1.blinded, 0, sizeof ke1.blinded);
    struct st_view record = opaque_fixture_record(f);
    assert_int_equal(opaque_fixture_answer(f, &login, &ke2, st_view(&ke1, sizeof ke1), record), ST_EMALFORMED);
    ke1 = e.ke1;
    memset(ke1.client_keyshare, 0, sizeof ke1.client_keyshare);
    assert_int_equal(opaque_fixture_answer(f, &login, &ke2, st_view(&ke1, sizeof ke1), record), ST_EMALFORMED);
    assert_int_equal(opaque_fixture_answer(f, &login, &ke2, st_view(&ke1, sizeof ke1), st_view_text("")),
                     ST_EMALFORMED);

    struct opaque_client_login client = e.client;
    ke2 = e.ke2;
    memset(ke2.evaluated, 0, sizeof ke2.evaluated);
    assert_int_equal(client_verdict(f, &client, st_view(&ke2, sizeof ke2), f->password, &out), ST_EMALFORMED);
    client = e.client;
    ke2 = e.ke2;
    memset(ke2.server_keyshare, 0, sizeof ke2.server_keyshare);
    assert_int_equal(client_verdict(f, &client, st_view(&ke2, sizeof ke2), f->password, &out), ST_EMALFORMED);
}

static void login__damaged_record_in_the_store__foreign(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    uint8_t bytes[ST_OPAQUE_RECORD_BYTES + 1] = { 0 };
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    struct st_view ke1 = st_view(&e.ke1, sizeof e.ke1);
    memcpy(bytes, &f->record, sizeof f->record);
    for (size_t len = 1; len <= sizeof bytes; len++) {
        enum st_err err = opaque_fixture_answer(f, &login, &ke2, ke1, st_view(bytes, len));
        assert_int_equal(err, len == ST_OPAQUE_RECORD_BYTES ? ST_OK : ST_EFOREIGN);
    }
    memset(bytes, 0, ST_OPAQUE_KEY_BYTES);
    enum st_err err = opaque_fixture_answer(f, &login, &ke2, ke1, st_view(bytes, ST_OPAQUE_RECORD_BYTES));
    assert_int_equal(err, ST_EFOREIGN);
    assert_zero(&ke2, sizeof ke2);
    assert_zero(&login, sizeof login);
}

/* Each side's view of who is who, and of the context, must be the same. */
static void login__parties_differ__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct st_opaque_parties right = f->setup.parties;
    struct st_opaque_parties wrong[4] = { right, right, right, right };
    wrong[0].client_identity = st_view_text("bob");
    wrong[1].server_identity = st_view_text("");
    wrong[2].context = st_view_text("another");
    wrong[3].context = st_view_text("");
    for (size_t i = 0; i < 4; i++) {
        struct opaque_exchange e;
        struct opaque_client_logged_in out;
        opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
        f->setup.parties = wrong[i];
        enum st_err err = client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out);
        f->setup.parties = right;
        assert_int_equal(err, ST_EINTEGRITY);
    }
}

static void login__record_of_another_name__refused(void **state)
{
    struct opaque_fixture *f = *state;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    f->name = st_view_text("mallory");
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    f->name = st_view_text("alice");
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_EINTEGRITY);
}

static void login__oversized_parties__limit(void **state)
{
    struct opaque_fixture *f = *state;
    static const uint8_t bytes[65536];
    struct st_opaque_parties right = f->setup.parties;
    struct opaque_exchange e;
    struct opaque_client_logged_in out;
    struct opaque_server_login login;
    struct st_opaque_ke2 ke2;
    opaque_fixture_exchange(f, &e, f->password, opaque_fixture_record(f));
    f->setup.parties.context = st_view(bytes, sizeof bytes);
    assert_int_equal(client_verdict(f, &e.client, st_view(&e.ke2, sizeof e.ke2), f->password, &out), ST_ELIMIT);
    enum st_err err = opaque_fixture_answer(f, &login, &ke2, st_view(&e.ke1, sizeof e.ke1), opaque_fixture_record(f));
    assert_int_equal(err, ST_ELIMIT);
    f->setup.parties = right;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login__right_password__both_sides_agree),
        cmocka_unit_test(login__wrong_password__integrity),
        cmocka_unit_test(login__unknown_name__looks_like_a_wrong_password),
        cmocka_unit_test(login__unknown_name__no_ke3_is_right),
        cmocka_unit_test(fake_record__two_servers__agree),
        cmocka_unit_test(fake_record__ke2__is_that_of_the_fake_record),
        cmocka_unit_test(login__ke2_any_bit_flipped__refused),
        cmocka_unit_test(login__ke1_any_bit_flipped__no_session),
        cmocka_unit_test(login__ke3_any_bit_flipped__refused),
        cmocka_unit_test(login__ke3__serves_once),
        cmocka_unit_test(login__ke3_of_another_login__refused),
        cmocka_unit_test(login__client_without_a_start__refused),
        cmocka_unit_test(login__every_other_length__malformed),
        cmocka_unit_test(login__identity_element_in_each_place__refused),
        cmocka_unit_test(login__damaged_record_in_the_store__foreign),
        cmocka_unit_test(login__parties_differ__refused),
        cmocka_unit_test(login__record_of_another_name__refused),
        cmocka_unit_test(login__oversized_parties__limit),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
