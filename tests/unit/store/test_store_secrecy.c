/* What the files give away: no plaintext and no key in any of them, and keys that were erased are gone once the WAL is
 * truncated, seen by decrypting every page without SQLCipher. */
#include "tests/unit/store/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "client/store/vault.h"

static const char canary[] = "CANARY: meet me at the old harbour at nine";

/* The database and its WAL, decrypted, hold these bytes. */
static bool is_in_pages(const struct fixture *fixture, const void *needle, size_t len)
{
    char wal[FIXTURE_PATH];
    size_t plain_len = 0;
    fixture_join(wal, fixture->dir, "store.db-wal");
    uint8_t *plain = fixture_decrypt(fixture->db, false, fixture->key, &plain_len);
    bool found = fixture_contains(plain, plain_len, needle, len);
    free(plain);
    if (!fixture_exists(wal))
        return found;
    plain = fixture_decrypt(wal, true, fixture->key, &plain_len);
    found = found || fixture_contains(plain, plain_len, needle, len);
    free(plain);
    return found;
}

/* FIPS 197, appendix C.3, and NIST SP 800-38A, F.2.6: the test's own AES is one. */
static void aes__published_vectors(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "00000000000000000000000000000000",
          "8ea2b7ca516745bfeafc49904b496089", "00112233445566778899aabbccddeeff" },
        { "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "000102030405060708090a0b0c0d0e0f",
          "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
          "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" },
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[4][32];
        size_t len = 0;
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(sodium_hex2bin(bytes[j], 32, cases[i][j], strlen(cases[i][j]), NULL, &len, NULL), 0);
        uint8_t out[32];
        aes256_cbc_decrypt(out, bytes[2], len, bytes[0], bytes[1]);
        assert_memory_equal(out, bytes[3], len);
    }
}

static void write_talk(struct store *store)
{
    struct store_device bob = fixture_device(1, 1);
    int64_t chat = 0;
    int64_t row = 0;
    assert_ok(store_begin(store));
    assert_ok(store_chat_open(store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &chat));
    for (unsigned i = 0; i < 300; i++) {
        struct store_message message = { .chat = chat, .sender = bob, .seq = i + 1, .shown = true };
        fixture_fill(message.id, sizeof message.id, i);
        message.text = st_view_text(canary);
        assert_ok(store_message_add(store, &message, &row));
    }
    assert_ok(store_meta_put(store, STORE_META_NAME, st_view_text(canary)));
    assert_ok(store_commit(store));
}

static void assert_key_nowhere(const char *dir, const uint8_t *key)
{
    char lower[65];
    char upper[65];
    char base64[48];
    sodium_bin2hex(lower, sizeof lower, key, 32);
    for (size_t i = 0; i < sizeof lower; i++)
        upper[i] = lower[i] >= 'a' ? (char)(lower[i] - 32) : lower[i];
    sodium_bin2base64(base64, sizeof base64, key, 32, sodium_base64_VARIANT_ORIGINAL);
    assert_int_equal(fixture_count_files_with(dir, key, 32), 0);
    assert_int_equal(fixture_count_files_with(dir, key, 8), 0);
    assert_int_equal(fixture_count_files_with(dir, lower, 16), 0);
    assert_int_equal(fixture_count_files_with(dir, upper, 16), 0);
    assert_int_equal(fixture_count_files_with(dir, base64, 12), 0);
}

static void files__canary_and_key__nowhere(void **state)
{
    struct fixture *fixture = *state;
    char control[FIXTURE_PATH];
    fixture_join(control, fixture->dir, "control");
    /* The search itself finds what is there. */
    fixture_write(control, (const uint8_t *)canary, sizeof canary);
    assert_int_equal(fixture_count_files_with(fixture->dir, canary, 20), 1);
    fixture_write(control, fixture->key, 32);
    assert_int_equal(fixture_count_files_with(fixture->dir, fixture->key, 32), 1);
    assert_int_equal(remove(control), 0);

    write_talk(fixture->store);
    assert_true(is_in_pages(fixture, canary, sizeof canary - 1)); /* encrypted it is there */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture_count_files_with(fixture->dir, canary, 12), 0);
        assert_int_equal(fixture_count_files_with(fixture->dir, "SQLite format", 13), 0);
        assert_int_equal(fixture_count_files_with(fixture->dir, "CREATE TABLE", 12), 0);
        assert_key_nowhere(fixture->dir, fixture->key);
        /* With a WAL, after its truncation, after closing. */
        if (i == 0)
            assert_ok(store_checkpoint(fixture->store));
        else
            store_close(&fixture->store);
    }
}

/* All of a vault: the slots do not give the key away either, nor the password. */
static void vault__canary_key_password__nowhere(void **state)
{
    struct fixture *fixture = *state;
    static const struct slots_cost cheap = { SLOTS_M_KIB_MIN, 1, 4 };
    static const char password[] = "correct horse battery staple";
    char slots_path[FIXTURE_PATH];
    struct slots slots;
    uint8_t *key = NULL;
    assert_ok(vault_create(&fixture->store, fixture->dir, st_view_text(password), &cheap, &fixture->env));
    write_talk(fixture->store);
    fixture_join(slots_path, fixture->dir, "slots");
    assert_ok(slots_read(&slots, slots_path));
    assert_ok(slots_unwrap(&key, &slots, st_view_text(password)));
    assert_key_nowhere(fixture->dir, key);
    assert_int_equal(fixture_count_files_with(fixture->dir, password, 8), 0);
    assert_int_equal(fixture_count_files_with(fixture->dir, canary, 12), 0);
    sodium_free(key);
}

/* Every kind of key that the store erases. */
struct erased {
    uint8_t session[2000];
    uint8_t peer[64];
    struct store_opk opk;
    struct store_spk spk;
    struct store_exposure exposure;
    uint8_t secret[32];
    struct store_attachment file;
    struct store_wire wire;
    char text[200];
    int64_t message;
};

static void write_keys(struct store *store, struct erased *keys)
{
    struct store_device bob = fixture_device(1, 1);
    struct store_message message = { .sender = bob, .seq = 1, .shown = true };
    fixture_fill(keys, sizeof *keys, 77);
    keys->opk = (struct store_opk) { .id = 5, .spk_id = 1 };
    keys->spk.id = 1;
    keys->spk.replaced_at_ms = 1;
    fixture_fill(keys->opk.priv, 32, 78);
    keys->exposure.due_at_ms = 1;
    keys->file = (struct store_attachment) { .index = 1, .chunks = 1 };
    fixture_fill(keys->file.key, 32, 79);
    memset(keys->text, 't', sizeof keys->text);
    message.text = st_view(keys->text, sizeof keys->text);
    keys->wire = (struct store_wire) { .peer = bob, .envelope = st_view(keys->session, 300) };
    keys->wire.payload = st_view(keys->session + 300, 300);
    assert_ok(store_begin(store));
    assert_ok(store_chat_open(store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &message.chat));
    assert_ok(store_message_add(store, &message, &keys->message));
    keys->file.message = keys->wire.message = keys->message;
    assert_ok(store_session_save(store, &bob, st_view(keys->session + 600, 1400), 1));
    assert_ok(store_peer_save(store, &bob, st_view(keys->peer, sizeof keys->peer)));
    assert_ok(store_opk_put(store, &keys->opk));
    assert_ok(store_spk_put(store, &keys->spk));
    assert_ok(store_expose_add(store, &keys->exposure));
    assert_ok(store_secret_put(store, STORE_SECRET_AK_SEED, keys->secret));
    assert_ok(store_attachment_add(store, &keys->file));
    assert_ok(store_wire_add(store, &keys->wire));
    assert_ok(store_commit(store));
}

static void erase_keys(struct store *store, const struct erased *keys)
{
    static const uint8_t other[1400];
    struct store_device bob = fixture_device(1, 1);
    in_transaction(store, {
        assert_ok(store_session_save(store, &bob, st_view(other, sizeof other), 2)); /* a ratchet step */
        assert_ok(store_peer_delete(store, &bob));
        assert_ok(store_opk_delete(store, keys->opk.id));
        assert_ok(store_spk_expire(store, INT64_MAX, NULL, NULL));
        assert_ok(store_expose_drop(store, keys->exposure.hash));
        assert_ok(store_secret_delete(store, STORE_SECRET_AK_SEED));
        assert_ok(store_message_delete(store, keys->message));
    });
}

static unsigned count_present(const struct fixture *fixture, const struct erased *keys)
{
    const struct {
        const void *p;
        size_t len;
    } all[] = {
        { keys->session + 700, 32 }, { keys->session + 1700, 32 },   { keys->peer, 32 },   { keys->opk.priv, 32 },
        { keys->spk.priv, 32 },      { keys->exposure.mac_key, 32 }, { keys->secret, 32 }, { keys->file.key, 32 },
        { keys->session + 100, 32 }, { keys->session + 400, 32 },    { keys->text, 100 },
    };
    unsigned count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        count += is_in_pages(fixture, all[i].p, all[i].len);
    return count;
}

static void erased__after_truncation__gone(void **state)
{
    struct fixture *fixture = *state;
    struct erased keys;
    enum { KINDS = 11 };
    write_keys(fixture->store, &keys);
    assert_int_equal(count_present(fixture, &keys), KINDS);
    erase_keys(fixture->store, &keys);
    /* secure_delete does not reach the WAL: there they still are. */
    assert_int_equal(count_present(fixture, &keys), KINDS);
    fixture->mono_ms += STORE_ERASE_SOON_MS;
    assert_ok(store_tick(fixture->store));
    assert_int_equal(count_present(fixture, &keys), 0);
    store_close(&fixture->store);
    assert_int_equal(count_present(fixture, &keys), 0);
}

enum { ROWS = 600, ROUNDS = 3 };

static void shuffle(unsigned order[static ROWS])
{
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned j = randombytes_uniform(i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

static void add_key(struct store *store, unsigned number, uint8_t key[static 32])
{
    struct store_opk opk = { .id = number + 1, .spk_id = 1 };
    struct store_device peer = fixture_device(number, 1);
    randombytes_buf(key, 32);
    memcpy(opk.priv, key, 32);
    in_transaction(store, {
        assert_ok(store_opk_put(store, &opk));
        assert_ok(store_session_save(store, &peer, st_view(key, 16 + randombytes_uniform(17)), 1));
    });
}

static void erase_key(struct store *store, unsigned number)
{
    struct store_device peer = fixture_device(number, 1);
    in_transaction(store, {
        assert_ok(store_opk_delete(store, number + 1));
        assert_ok(store_session_delete(store, &peer));
    });
}

/* Many rows, added and erased in no order, so that pages are split and joined, with neighbours that stay: no copy of
 * what was erased stays in a corner of a page. */
static void erased__pages_split_and_joined__gone(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t keys[ROWS][32];
    unsigned order[ROWS];
    bool there[ROWS] = { false };
    for (unsigned round = 0; round < ROUNDS; round++) {
        shuffle(order);
        for (unsigned i = 0; i < ROWS; i++) {
            if (!there[order[i]])
                add_key(fixture->store, order[i], keys[order[i]]);
            there[order[i]] = true;
        }
        shuffle(order);
        for (unsigned i = 0; i < ROWS * 2 / 3; i++) {
            erase_key(fixture->store, order[i]);
            there[order[i]] = false;
        }
        assert_ok(store_checkpoint(fixture->store));
        size_t len = 0;
        unsigned left = 0;
        unsigned kept = 0;
        uint8_t *plain = fixture_decrypt(fixture->db, false, fixture->key, &len);
        for (unsigned i = 0; i < ROWS; i++) {
            bool found = fixture_contains(plain, len, keys[i], 16);
            left += found && !there[i];
            kept += found && there[i];
        }
        free(plain);
        assert_int_equal(kept, ROWS / 3);
        assert_int_equal(left, 0);
    }
}

/* Texts lie in the pages like any row; after a deletion, compacting takes what is left of them. */
static void compact__deleted_messages__gone(void **state)
{
    struct fixture *fixture = *state;
    struct store_device bob = fixture_device(1, 1);
    static char texts[ROWS][40];
    int64_t rows[ROWS];
    unsigned order[ROWS];
    int64_t chat = 0;
    in_transaction(fixture->store, {
        assert_ok(store_chat_open(fixture->store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &chat));
        for (unsigned i = 0; i < ROWS; i++) {
            struct store_message message = { .chat = chat, .sender = bob, .seq = i + 1, .shown = true };
            fixture_fill(message.id, sizeof message.id, i);
            snprintf(texts[i], sizeof texts[i], "text number %u, and a little more", 100000 + i);
            message.text = st_view_text(texts[i]);
            assert_ok(store_message_add(fixture->store, &message, &rows[i]));
        }
    });
    shuffle(order);
    for (unsigned i = 0; i < ROWS * 2 / 3; i++)
        in_transaction(fixture->store, assert_ok(store_message_delete(fixture->store, rows[order[i]])));
    assert_ok(store_begin(fixture->store));
    assert_int_equal(store_compact(fixture->store), ST_EREFUSED);
    store_rollback(fixture->store);
    assert_ok(store_compact(fixture->store));
    size_t len = 0;
    uint8_t *plain = fixture_decrypt(fixture->db, false, fixture->key, &len);
    for (unsigned i = 0; i < ROWS; i++) {
        bool kept = i >= ROWS * 2 / 3;
        assert_int_equal(fixture_contains(plain, len, texts[order[i]], strlen(texts[0])), kept);
    }
    free(plain);
    assert_ok(store_check(fixture->store));
    fixture_reopen(fixture);
}

static void wiped__ratchets__gone_from_the_files(void **state)
{
    struct fixture *fixture = *state;
    struct erased keys;
    write_keys(fixture->store, &keys);
    in_transaction(fixture->store, assert_ok(store_wipe_ratchets(fixture->store)));
    assert_ok(store_checkpoint(fixture->store));
    assert_false(is_in_pages(fixture, keys.session + 700, 32));
    assert_false(is_in_pages(fixture, keys.session + 1700, 32));
    assert_false(is_in_pages(fixture, keys.peer, 32));
    assert_false(is_in_pages(fixture, keys.opk.priv, 32));
    assert_false(is_in_pages(fixture, keys.spk.priv, 32));
    assert_false(is_in_pages(fixture, keys.exposure.mac_key, 32));
    assert_true(is_in_pages(fixture, keys.secret, 32)); /* the account itself stays */
}

#define on_disk(test) cmocka_unit_test_setup_teardown(test, fixture_open_new, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes__published_vectors),
        on_disk(files__canary_and_key__nowhere),
        cmocka_unit_test_setup_teardown(vault__canary_key_password__nowhere, fixture_set_up, fixture_tear_down),
        on_disk(erased__after_truncation__gone),
        on_disk(erased__pages_split_and_joined__gone),
        on_disk(compact__deleted_messages__gone),
        on_disk(wiped__ratchets__gone_from_the_files),
    };
    return cmocka_run_group_tests_name("store_secrecy", tests, NULL, NULL);
}
