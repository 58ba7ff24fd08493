#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "services/auth/opaque/opaque_server_keys.h"

struct folder {
    char path[64];
    char file[96];
    struct opaque_server_keys keys;
};

static int setup(void **state)
{
    static struct folder folder;
    struct st_env env = st_env_system();
    if (sodium_init() < 0)
        return -1;
    snprintf(folder.path, sizeof folder.path, "/tmp/opaque-keys-XXXXXX");
    if (mkdtemp(folder.path) == NULL)
        return -1;
    snprintf(folder.file, sizeof folder.file, "%s/opaque.key", folder.path);
    *state = &folder;
    return opaque_server_keys_generate(&folder.keys, &env) != ST_OK;
}

static int teardown(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    return rmdir(folder->path);
}

/* Replaces the file by these bytes. */
static void put_file(const struct folder *folder, const uint8_t *bytes, size_t len, mode_t mode)
{
    unlink(folder->file);
    int fd = open(folder->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* Saves the keys anew and reads what is in the file. */
static void save(const struct folder *folder, uint8_t bytes[static OPAQUE_SERVER_KEYS_FILE_BYTES])
{
    unlink(folder->file);
    assert_int_equal(opaque_server_keys_save(&folder->keys, folder->file), ST_OK);
    FILE *file = fopen(folder->file, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, OPAQUE_SERVER_KEYS_FILE_BYTES, file), OPAQUE_SERVER_KEYS_FILE_BYTES);
    assert_int_equal(fgetc(file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void assert_refused(const struct folder *folder, enum st_err want)
{
    struct opaque_server_keys got;
    memset(&got, 0xaa, sizeof got);
    assert_int_equal(opaque_server_keys_load(&got, folder->file), want);
    assert_int_equal(sodium_is_zero((const uint8_t *)&got, sizeof got), 1);
}

static void keys__save_and_load__the_same(void **state)
{
    struct folder *folder = *state;
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    struct opaque_server_keys got;
    struct stat info;
    save(folder, bytes);
    assert_int_equal(stat(folder->file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(opaque_server_keys_load(&got, folder->file), ST_OK);
    assert_memory_equal(&got, &folder->keys, sizeof got);
    opaque_server_keys_deinit(&got);
    assert_int_equal(sodium_is_zero((const uint8_t *)&got, sizeof got), 1);
}

static void keys__save__never_over_a_file(void **state)
{
    struct folder *folder = *state;
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    struct opaque_server_keys other;
    struct opaque_server_keys got;
    struct st_env env = st_env_system();
    save(folder, bytes);
    assert_int_equal(opaque_server_keys_generate(&other, &env), ST_OK);
    assert_int_equal(opaque_server_keys_save(&other, folder->file), ST_EEXISTS);
    assert_int_equal(opaque_server_keys_load(&got, folder->file), ST_OK);
    assert_memory_equal(&got, &folder->keys, sizeof got);
}

static void keys__load__others_may_read(void **state)
{
    struct folder *folder = *state;
    static const mode_t modes[] = { 0640, 0620, 0604, 0602, 0644, 0666 };
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    save(folder, bytes);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        put_file(folder, bytes, sizeof bytes, modes[i]);
        assert_refused(folder, ST_EREFUSED);
    }
}

static void keys__load__missing(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    assert_refused(folder, ST_ENOTFOUND);
}

static void keys__load__any_bit_flipped(void **state)
{
    struct folder *folder = *state;
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    save(folder, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        put_file(folder, bytes, sizeof bytes, 0600);
        assert_refused(folder, ST_EFOREIGN);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
}

static void keys__load__every_other_length(void **state)
{
    struct folder *folder = *state;
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES + 64] = { 0 };
    save(folder, bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        if (len == OPAQUE_SERVER_KEYS_FILE_BYTES)
            continue;
        put_file(folder, bytes, len, 0600);
        assert_refused(folder, ST_EFOREIGN);
    }
}

/* A right digest over a private key that is none. */
static void keys__load__invalid_private_key(void **state)
{
    struct folder *folder = *state;
    enum { PRIVATE_KEY_AT = 8 + OPAQUE_SERVER_OPRF_SEED_BYTES, DIGEST_AT = PRIVATE_KEY_AT + ST_OPAQUE_KEY_BYTES };
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    static const uint8_t fill[] = { 0x00, 0xff };
    save(folder, bytes);
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(bytes + PRIVATE_KEY_AT, fill[i], ST_OPAQUE_KEY_BYTES);
        assert_int_equal(crypto_hash_sha256(bytes + DIGEST_AT, bytes, DIGEST_AT), 0);
        put_file(folder, bytes, sizeof bytes, 0600);
        assert_refused(folder, ST_EFOREIGN);
    }
}

/* A right digest over a file of another kind, such as a later version of ours. */
static void keys__load__another_kind(void **state)
{
    struct folder *folder = *state;
    enum { DIGEST_AT = OPAQUE_SERVER_KEYS_FILE_BYTES - crypto_hash_sha256_BYTES };
    uint8_t bytes[OPAQUE_SERVER_KEYS_FILE_BYTES];
    save(folder, bytes);
    assert_memory_equal(bytes, "STOPAQK1", 8);
    bytes[7] = '2';
    assert_int_equal(crypto_hash_sha256(bytes + DIGEST_AT, bytes, DIGEST_AT), 0);
    put_file(folder, bytes, sizeof bytes, 0600);
    assert_refused(folder, ST_EFOREIGN);
}

static void keys__generate__differ_and_are_valid(void **state)
{
    (void)state;
    struct opaque_server_keys a;
    struct opaque_server_keys b;
    struct opaque_server_keys again;
    struct st_env env = st_env_system();
    assert_int_equal(opaque_server_keys_generate(&a, &env), ST_OK);
    assert_int_equal(opaque_server_keys_generate(&b, &env), ST_OK);
    assert_memory_not_equal(a.oprf_seed, b.oprf_seed, sizeof a.oprf_seed);
    assert_memory_not_equal(a.private_key, b.private_key, sizeof a.private_key);
    assert_int_equal(opaque_server_keys_init(&again, a.oprf_seed, a.private_key), ST_OK);
    assert_memory_equal(&again, &a, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys__save_and_load__the_same),
        cmocka_unit_test(keys__save__never_over_a_file),
        cmocka_unit_test(keys__load__others_may_read),
        cmocka_unit_test(keys__load__missing),
        cmocka_unit_test(keys__load__any_bit_flipped),
        cmocka_unit_test(keys__load__every_other_length),
        cmocka_unit_test(keys__load__another_kind),
        cmocka_unit_test(keys__load__invalid_private_key),
        cmocka_unit_test(keys__generate__differ_and_are_valid),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
