#include "tests/unit/store/store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>
#include <sqlite3.h>

#include "client/store/folder.h"

enum { PAGE = 1024, RESERVED = 48, WAL_HEADER = 32, FRAME_HEADER = 24, SALT = 16 };

static int64_t read_wall(void *ctx)
{
    return ((struct fixture *)ctx)->wall_ms;
}

static int64_t read_mono(void *ctx)
{
    return ((struct fixture *)ctx)->mono_ms;
}

static void draw(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

int fixture_set_up(void **state)
{
    if (sodium_init() < 0)
        return -1;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    const char *base = getenv("TMPDIR");
    snprintf(fixture->dir, sizeof fixture->dir, "%s/store-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(fixture->dir) == NULL)
        return -1;
    fixture_join(fixture->db, fixture->dir, "store.db");
    fixture->wall_ms = 1764000000000;
    fixture->mono_ms = 1000;
    fixture->env = (struct st_env) { fixture, read_wall, read_mono, draw };
    randombytes_buf(fixture->key, sizeof fixture->key);
    *state = fixture;
    return 0;
}

int fixture_open_new(void **state)
{
    if (fixture_set_up(state) != 0)
        return -1;
    struct fixture *fixture = *state;
    return store_create(&fixture->store, fixture->db, fixture->key, &fixture->env) == ST_OK ? 0 : -1;
}

int fixture_open_memory(void **state)
{
    if (fixture_set_up(state) != 0)
        return -1;
    struct fixture *fixture = *state;
    return store_open_memory(&fixture->store, &fixture->env) == ST_OK ? 0 : -1;
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    enum st_err err = folder_remove_tree(fixture->dir);
    free(fixture);
    return err == ST_OK ? 0 : -1;
}

void fixture_reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    assert_ok(store_open(&fixture->store, fixture->db, fixture->key, STORE_READ_WRITE, &fixture->env));
}

void fixture_fill(void *out, size_t len, unsigned seed)
{
    uint8_t seed_bytes[randombytes_SEEDBYTES] = { 0 };
    st_put_u32(seed_bytes, seed);
    randombytes_buf_deterministic(out, len, seed_bytes);
}

struct store_device fixture_device(unsigned seed, uint32_t dev)
{
    struct store_device device = { .dev = dev };
    fixture_fill(device.acct, sizeof device.acct, seed);
    return device;
}

uint8_t *fixture_read(const char *path, size_t *len_r)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    *len_r = fread(bytes, 1, (size_t)size, file);
    assert_int_equal(*len_r, size);
    fclose(file);
    return bytes;
}

void fixture_write(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void fixture_join(char out[static FIXTURE_PATH], const char *dir, const char *name)
{
    int len = snprintf(out, FIXTURE_PATH, "%s/%s", dir, name);
    assert_true(len > 0 && len < FIXTURE_PATH);
}

void fixture_copy(const char *from, const char *to)
{
    size_t len = 0;
    uint8_t *bytes = fixture_read(from, &len);
    fixture_write(to, bytes, len);
    free(bytes);
}

bool fixture_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool fixture_contains(const uint8_t *hay, size_t hay_len, const void *needle, size_t len)
{
    const uint8_t *first = needle;
    for (size_t at = 0; at + len <= hay_len; at++) {
        const uint8_t *hit = memchr(hay + at, first[0], hay_len - len + 1 - at);
        if (hit == NULL)
            return false;
        at = (size_t)(hit - hay);
        if (memcmp(hit, needle, len) == 0)
            return true;
    }
    return false;
}

unsigned fixture_count_files_with(const char *dir, const void *needle, size_t len)
{
    unsigned count = 0;
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[FIXTURE_PATH];
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        fixture_join(path, dir, entry->d_name);
        assert_int_equal(stat(path, &about), 0);
        if (S_ISDIR(about.st_mode)) {
            count += fixture_count_files_with(path, needle, len);
            continue;
        }
        size_t bytes_len = 0;
        uint8_t *bytes = fixture_read(path, &bytes_len);
        count += fixture_contains(bytes, bytes_len, needle, len);
        free(bytes);
    }
    closedir(folder);
    return count;
}

void fixture_run_sql(const char *path, const uint8_t key[static STORE_KEY_BYTES], const char *sql)
{
    sqlite3 *db = NULL;
    char raw_key[2 * STORE_KEY_BYTES + 4] = "x'";
    sodium_bin2hex(raw_key + 2, 2 * STORE_KEY_BYTES + 1, key, STORE_KEY_BYTES);
    raw_key[2 * STORE_KEY_BYTES + 2] = '\'';
    raw_key[2 * STORE_KEY_BYTES + 3] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_key(db, raw_key, 2 * STORE_KEY_BYTES + 3), SQLITE_OK);
    char *message = NULL;
    int rc = sqlite3_exec(db, sql, NULL, NULL, &message);
    if (rc != SQLITE_OK)
        print_error("%s: %s\n", sql, message);
    sqlite3_free(message);
    assert_int_equal(rc, SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* One page: its IV lies behind the ciphertext; page 1 begins with the salt in the clear. */
static void decrypt_page(uint8_t *out, const uint8_t *page, bool is_first, const uint8_t key[static STORE_KEY_BYTES])
{
    size_t from = is_first ? SALT : 0;
    memset(out, 0, PAGE);
    aes256_cbc_decrypt(out + from, page + from, PAGE - RESERVED - from, key, page + PAGE - RESERVED);
}

uint8_t *fixture_decrypt(const char *path, bool is_wal, const uint8_t key[static STORE_KEY_BYTES], size_t *len_r)
{
    size_t len = 0;
    uint8_t *bytes = fixture_read(path, &len);
    size_t start = is_wal ? WAL_HEADER : 0;
    size_t gap = is_wal ? FRAME_HEADER : 0;
    uint8_t *out = calloc(1, len + 1);
    assert_non_null(out);
    *len_r = 0;
    for (size_t at = start; at + gap + PAGE <= len; at += gap + PAGE) {
        bool is_first = is_wal ? st_get_u32(bytes + at) == 1 : at == 0;
        decrypt_page(out + *len_r, bytes + at + gap, is_first, key);
        *len_r += PAGE;
    }
    free(bytes);
    return out;
}

/* --- AES-256, FIPS 197, decryption only. For tests: it leaks its key through the cache. --- */

static uint8_t times2(uint8_t x)
{
    return (uint8_t)((x << 1) ^ ((x >> 7) * 0x1b));
}

static uint8_t times(uint8_t x, uint8_t y)
{
    uint8_t sum = 0;
    for (; y != 0; y >>= 1, x = times2(x))
        sum ^= (uint8_t)((y & 1) * x);
    return sum;
}

static void make_boxes(uint8_t box[static 256], uint8_t inverse[static 256])
{
    uint8_t p = 1;
    uint8_t q = 1;
    do {
        p = (uint8_t)(p ^ times2(p)); /* p × 3 */
        q = times(q, 0xf6);           /* q ÷ 3 */
        uint8_t s = (uint8_t)(q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4));
        box[p] = s ^ 0x63;
    } while (p != 1);
    box[0] = 0x63;
    for (unsigned i = 0; i < 256; i++)
        inverse[box[i]] = (uint8_t)i;
}

static void expand_key(uint8_t round_keys[static 240], const uint8_t key[static 32], const uint8_t box[static 256])
{
    uint8_t constant = 1;
    memcpy(round_keys, key, 32);
    for (size_t i = 32; i < 240; i += 4) {
        uint8_t word[4];
        memcpy(word, round_keys + i - 4, 4);
        if (i % 32 == 0) {
            uint8_t first = word[0];
            for (size_t j = 0; j < 3; j++)
                word[j] = box[word[j + 1]];
            word[3] = box[first];
            word[0] ^= constant;
            constant = times2(constant);
        } else if (i % 32 == 16) {
            for (size_t j = 0; j < 4; j++)
                word[j] = box[word[j]];
        }
        for (size_t j = 0; j < 4; j++)
            round_keys[i + j] = round_keys[i - 32 + j] ^ word[j];
    }
}

static void unmix(uint8_t block[static 16])
{
    for (size_t c = 0; c < 16; c += 4) {
        uint8_t a[4];
        memcpy(a, block + c, 4);
        for (size_t r = 0; r < 4; r++)
            block[c + r] =
                times(a[r], 14) ^ times(a[(r + 1) % 4], 11) ^ times(a[(r + 2) % 4], 13) ^ times(a[(r + 3) % 4], 9);
    }
}

static void decrypt_block(uint8_t block[static 16], const uint8_t round_keys[static 240],
                          const uint8_t inverse[static 256])
{
    for (size_t i = 0; i < 16; i++)
        block[i] ^= round_keys[224 + i];
    for (size_t round = 14; round-- > 0;) {
        uint8_t moved[16];
        for (size_t i = 0; i < 16; i++)
            moved[(i + 4 * (i % 4)) % 16] = block[i];
        for (size_t i = 0; i < 16; i++)
            block[i] = inverse[moved[i]] ^ round_keys[16 * round + i];
        if (round > 0)
            unmix(block);
    }
}

void aes256_cbc_decrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[static 32],
                        const uint8_t iv[static 16])
{
    uint8_t box[256];
    uint8_t inverse[256];
    uint8_t round_keys[240];
    make_boxes(box, inverse);
    expand_key(round_keys, key, box);
    const uint8_t *before = iv;
    for (size_t at = 0; at < len; at += 16) {
        memcpy(out + at, in + at, 16);
        decrypt_block(out + at, round_keys, inverse);
        for (size_t i = 0; i < 16; i++)
            out[at + i] ^= before[i];
        before = in + at;
    }
}
