/* Labels, prekeys, bindings: no signature passes for another, and every byte counts. */
#include "tests/unit/devlist/devlist_fixture.h"

#include <string.h>

#include <sodium.h>

#include "lib/devlist/st_bind.h"
#include "lib/devlist/st_prekey.h"

/* ---- labels ---- */

static void label__check__no_signature_passes_under_another_label(void **state)
{
    (void)state;
    uint8_t pub[ST_SIGN_PUB_BYTES];
    uint8_t secret[ST_SIGN_SECRET_BYTES];
    uint8_t seed[32] = { 7 };
    uint8_t sig[ST_SIG_BYTES];
    const struct st_view message = st_view_text("the same message");
    assert_int_equal(crypto_sign_seed_keypair(pub, secret, seed), 0);
    for (int made = 0; made < ST_LABEL_COUNT; made++) {
        assert_int_equal(st_label_sign(sig, secret, (enum st_label)made, &message, 1), ST_OK);
        for (int tried = 0; tried < ST_LABEL_COUNT; tried++) {
            enum st_err want = made == tried ? ST_OK : ST_EINTEGRITY;
            assert_int_equal(st_label_check(sig, pub, (enum st_label)tried, &message, 1), want);
        }
    }
}

/* The same for the signatures as they are made: no byte string of one kind verifies as another. */
static void label__check__no_real_signature_passes_for_another_kind(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    const struct st_device *device = &account.devices[0];
    const uint8_t *secret = account.dsk_secret[0];
    uint8_t keys[64] = { 1 };
    struct st_spk spk = { .spk_id = 1, .created = FIXTURE_NOW };
    uint8_t sigs[3][ST_SIG_BYTES];
    memcpy(spk.pub, account.devices[1].dik, sizeof spk.pub);
    assert_int_equal(st_devlist_accept_sign(sigs[0], secret, account.ak, device), ST_OK);
    assert_int_equal(st_prekey_sign(&spk, secret, account.list.acct_id, 10), ST_OK);
    memcpy(sigs[1], spk.sig, sizeof spk.sig);
    assert_int_equal(st_bind_tk_sign(sigs[2], secret, account.list.acct_id, 10, keys), ST_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(st_devlist_accept_check(sigs[i], account.ak, device), i == 0 ? ST_OK : ST_EINTEGRITY);
        memcpy(spk.sig, sigs[i], sizeof spk.sig);
        assert_int_equal(st_prekey_check(&spk, device->dsk, account.list.acct_id, 10), i == 1 ? ST_OK : ST_EINTEGRITY);
        assert_int_equal(st_bind_tk_check(sigs[i], device->dsk, account.list.acct_id, 10, keys),
                         i == 2 ? ST_OK : ST_EINTEGRITY);
    }
}

static void label__text__is_unique_and_fits(void **state)
{
    (void)state;
    for (int i = 0; i < ST_LABEL_COUNT; i++) {
        struct st_view view = st_label_view((enum st_label)i);
        const char *text = st_label_text((enum st_label)i);
        assert_int_equal(view.len, 1 + strlen(text));
        assert_int_equal(view.p[0], strlen(text));
        assert_memory_equal(view.p + 1, text, strlen(text));
        assert_memory_equal(text, "SafeTalk/1 ", 11);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(text, st_label_text((enum st_label)other));
    }
}

static void label__put__limits(void **state)
{
    (void)state;
    uint8_t out[256];
    char text[257];
    size_t len;
    memset(text, 'a', sizeof text);
    text[256] = '\0';
    assert_int_equal(st_label_put(out, sizeof out, text, &len), ST_ELIMIT);
    assert_int_equal(len, 0);
    text[255] = '\0';
    assert_int_equal(st_label_put(out, 255, text, &len), ST_ELIMIT);
    assert_int_equal(st_label_put(out, sizeof out, text, &len), ST_OK);
    assert_int_equal(len, 256);
    assert_int_equal(out[0], 255);
    static const uint8_t big[ST_LABEL_MESSAGE_MAX];
    uint8_t sig[ST_SIG_BYTES];
    uint8_t secret[ST_SIGN_SECRET_BYTES] = { 0 };
    const struct st_view part = st_view(big, sizeof big);
    assert_int_equal(st_label_sign(sig, secret, ST_LABEL_LINK, &part, 1), ST_ELIMIT);
    assert_int_equal(st_label_check(sig, secret, ST_LABEL_LINK, &part, 1), ST_EINTEGRITY);
}

/* ---- binding ---- */

static void bind__tk__covers_account_device_and_both_keys(void **state)
{
    (void)state;
    struct account account;
    uint8_t keys[64] = { 1, 2, 3 };
    uint8_t sig[ST_SIG_BYTES];
    uint8_t acct[ST_ACCT_BYTES];
    fixture_make(&account, 1, 1);
    memcpy(acct, account.list.acct_id, sizeof acct);
    assert_int_equal(st_bind_tk_sign(sig, account.dsk_secret[0], acct, 10, keys), ST_OK);
    assert_int_equal(st_bind_tk_check(sig, account.devices[0].dsk, acct, 10, keys), ST_OK);
    assert_int_equal(st_bind_tk_check(sig, account.devices[1].dsk, acct, 10, keys), ST_EINTEGRITY);
    assert_int_equal(st_bind_tk_check(sig, account.devices[0].dsk, acct, 11, keys), ST_EINTEGRITY);
    for (size_t i = 0; i < sizeof keys; i++) {
        keys[i] ^= 1;
        assert_int_equal(st_bind_tk_check(sig, account.devices[0].dsk, acct, 10, keys), ST_EINTEGRITY);
        keys[i] ^= 1;
    }
    acct[0] ^= 1;
    assert_int_equal(st_bind_tk_check(sig, account.devices[0].dsk, acct, 10, keys), ST_EINTEGRITY);
}

static void bind__link__covers_code_account_and_device(void **state)
{
    (void)state;
    struct account account;
    struct account other;
    uint8_t code[ST_LINK_CODE_BYTES] = { 9 };
    uint8_t mac[ST_LINK_MAC_BYTES];
    fixture_make(&account, 1, 1);
    fixture_make(&other, 2, 1);
    struct st_device device = account.devices[0];
    st_bind_link_mac(mac, code, account.ak, &device);
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_OK);
    assert_int_equal(st_bind_link_check(mac, code, other.ak, &device), ST_EINTEGRITY);
    code[31] ^= 1;
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_EINTEGRITY);
    code[31] ^= 1;
    device.dik[31] ^= 1;
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_EINTEGRITY);
    device = account.devices[0];
    device.dsk[31] ^= 1;
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_EINTEGRITY);
    device = account.devices[0];
    device.dev_id++;
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_EINTEGRITY);
    device = account.devices[0];
    device.added++; /* not covered: it is set when the list is signed */
    assert_int_equal(st_bind_link_check(mac, code, account.ak, &device), ST_OK);
}

static void prekey__usable__only_points_of_high_order(void **state)
{
    (void)state;
    uint8_t pub[ST_X25519_BYTES] = { 0 };
    assert_false(st_prekey_usable(pub));
    pub[0] = 1;
    assert_false(st_prekey_usable(pub));
    pub[0] = 9;
    assert_true(st_prekey_usable(pub));
    memset(pub, 0xff, sizeof pub);
    pub[0] = 0xec; /* p - 1, with the unused bit set */
    assert_false(st_prekey_usable(pub));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(label__check__no_signature_passes_under_another_label),
        cmocka_unit_test(label__check__no_real_signature_passes_for_another_kind),
        cmocka_unit_test(label__text__is_unique_and_fits),
        cmocka_unit_test(label__put__limits),
        cmocka_unit_test(bind__tk__covers_account_device_and_both_keys),
        cmocka_unit_test(bind__link__covers_code_account_and_device),
        cmocka_unit_test(prekey__usable__only_points_of_high_order),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
