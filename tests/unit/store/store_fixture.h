/* What the tests of the store share: a folder of their own, a clock that they move, and a look into the files. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/store/store.h"

enum { FIXTURE_PATH = 512 };

struct fixture {
    char dir[128];
    char db[FIXTURE_PATH];
    int64_t wall_ms;
    int64_t mono_ms;
    struct st_env env;
    uint8_t key[STORE_KEY_BYTES];
    struct store *store; /* open after fixture_open_new */
};

/* cmocka's set-up and tear-down: *state is a fixture with an empty folder; what is left of it is removed. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
/* As fixture_set_up, with a new store open in it. */
int fixture_open_new(void **state);
/* As fixture_set_up, with a store in memory. */
int fixture_open_memory(void **state);

/* The store again, as after a restart; fails the test if it does not open. */
void fixture_reopen(struct fixture *fixture);

#define assert_ok(call) assert_int_equal((call), ST_OK)

/* begin … commit around calls that have to succeed. */
#define in_transaction(store, ...)                                                                                     \
    do {                                                                                                               \
        assert_ok(store_begin(store));                                                                                 \
        __VA_ARGS__;                                                                                                   \
        assert_ok(store_commit(store));                                                                                \
    } while (0)

/* `len` bytes that all differ between seeds. */
void fixture_fill(void *out, size_t len, unsigned seed);
struct store_device fixture_device(unsigned seed, uint32_t dev);

/* Bytes of a file; the caller frees. Fails the test if there is none. */
uint8_t *fixture_read(const char *path, size_t *len_r);
void fixture_write(const char *path, const uint8_t *bytes, size_t len);
void fixture_join(char out[static FIXTURE_PATH], const char *dir, const char *name);
void fixture_copy(const char *from, const char *to);
bool fixture_exists(const char *path);

/* How many files of the folder (and its sub-folders) hold these bytes. */
unsigned fixture_count_files_with(const char *dir, const void *needle, size_t len);
bool fixture_contains(const uint8_t *hay, size_t hay_len, const void *needle, size_t len);

/* Runs SQL on the file with a connection of its own, as a foreign program that has the key would. */
void fixture_run_sql(const char *path, const uint8_t key[static STORE_KEY_BYTES], const char *sql);

/* Decrypts every page of a database file, or every frame of a WAL, one after the other, without SQLCipher: AES-256-CBC,
 * 1,024-byte pages, the last 48 bytes of each reserved, IV first in them. The caller frees. */
uint8_t *fixture_decrypt(const char *path, bool is_wal, const uint8_t key[static STORE_KEY_BYTES], size_t *len_r);

/* AES-256-CBC without padding, for `len` bytes (a multiple of 16). */
void aes256_cbc_decrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[static 32],
                        const uint8_t iv[static 16]);

#endif
