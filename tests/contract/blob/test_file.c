/* nftw is in X/Open only. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/contract/blob/blob_contract.h"
#include "lib/st_hex.h"
#include "services/relay/blob_file.h"

struct folder {
    char dir[200];
    char path[240];
};

static void *make(const struct st_env *env)
{
    struct folder *folder = calloc(1, sizeof *folder);
    const char *base = getenv("TMPDIR");
    (void)env;
    if (folder == NULL)
        return NULL;
    snprintf(folder->dir, sizeof folder->dir, "%s/blobs-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder->dir) == NULL) {
        free(folder);
        return NULL;
    }
    snprintf(folder->path, sizeof folder->path, "%s/blobs", folder->dir);
    return folder;
}

static enum st_err open_store(void *place, const struct st_env *env, struct blob_store *store_r)
{
    return blob_file_open(store_r, ((struct folder *)place)->path, env);
}

static void blob_path(const struct folder *folder, const uint8_t *blob, char out[static 400])
{
    char hex[2 * ST_BLOB_ID_LEN + 1];
    st_hex_encode(hex, blob, ST_BLOB_ID_LEN);
    snprintf(out, 400, "%s/%.2s/%s", folder->path, hex, hex);
}

static void age(void *place, const uint8_t *blob, int64_t *wall_ms, int64_t at_ms)
{
    char path[400];
    struct timespec times[2];
    (void)wall_ms;
    blob_path(place, blob, path);
    for (size_t i = 0; i < 2; i++) {
        times[i].tv_sec = at_ms / 1000;
        times[i].tv_nsec = at_ms % 1000 * 1000000;
    }
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
    (void)st;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void destroy(void *place)
{
    struct folder *folder = place;
    nftw(folder->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

/* ---- what only files have ---- */

struct files {
    struct folder *folder;
    struct st_env env;
    struct blob_store store;
};

static const uint8_t id[ST_BLOB_ID_LEN] = { 0x12, 0x34, 0xff };

static int setup(void **state)
{
    struct files *files = calloc(1, sizeof *files);
    if (files == NULL || sodium_init() < 0)
        return -1;
    files->env = st_env_system();
    files->folder = make(&files->env);
    *state = files;
    return files->folder != NULL && open_store(files->folder, &files->env, &files->store) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct files *files = *state;
    blob_close(&files->store);
    destroy(files->folder);
    free(files);
    return 0;
}

static void begin(struct files *files, uint32_t chunks, uint8_t there_r[static ST_BLOB_BITMAP_MAX])
{
    struct blob_info info = { .owner = { 1 }, .size = 100000, .chunks = chunks };
    assert_int_equal(blob_begin(&files->store, id, &info, there_r), ST_OK);
}

static void file__everything__is_private(void **state)
{
    struct files *files = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    char path[400], file[420];
    struct stat st;
    mode_t before = umask(0);
    begin(files, 2, there);
    assert_int_equal(blob_put(&files->store, id, 1, st_view("abc", 3)), ST_OK);
    umask(before);
    blob_path(files->folder, id, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    static const char *const names[] = { "info", "0001" };
    for (size_t i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void file__open_to_others__is_refused(void **state)
{
    struct files *files = *state;
    struct blob_store other;
    assert_int_equal(chmod(files->folder->path, 0755), 0);
    assert_int_equal(blob_file_open(&other, files->folder->path, &files->env), ST_EREFUSED);
    assert_null(other.ops);
}

static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void file__temporary_files__are_left_by_no_call(void **state)
{
    struct files *files = *state;
    uint8_t there[ST_BLOB_BITMAP_MAX];
    char path[400];
    begin(files, 2, there);
    blob_path(files->folder, id, path);
    assert_int_equal(blob_put(&files->store, id, 0, st_view("abc", 3)), ST_OK);
    assert_int_equal(blob_put(&files->store, id, 0, st_view("abd", 3)), ST_OK);
    begin(files, 2, there);
    assert_int_equal(count_files(path), 2);
}

static void spoil(struct files *files, const char *name, const void *bytes, size_t len)
{
    char path[400], file[420];
    blob_path(files->folder, id, path);
    snprintf(file, sizeof file, "%s/%s", path, name);
    FILE *out = fopen(file, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static void file__foreign_contents__are_refused(void **state)
{
    struct files *files = *state;
    static uint8_t big[ST_BLOB_CHUNK_MAX + 1];
    uint8_t there[ST_BLOB_BITMAP_MAX];
    struct blob_info info = { .owner = { 1 }, .size = 100000, .chunks = 2 }, got;
    struct st_buf buf;
    char path[400], file[420];
    st_buf_init(&buf, 1 << 20);
    begin(files, 2, there);
    spoil(files, "0000", big, sizeof big);
    assert_int_equal(blob_get(&files->store, id, 0, &buf), ST_EFOREIGN);
    assert_int_equal(buf.len, 0);
    blob_path(files->folder, id, path);
    snprintf(file, sizeof file, "%s/0001", path);
    assert_int_equal(symlink("/etc/passwd", file), 0);
    assert_int_equal(blob_get(&files->store, id, 1, &buf), ST_EFOREIGN);
    for (size_t len = 0; len < 40; len++) {
        uint8_t bytes[40] = "STblob01";
        if (len == 36)
            continue;
        spoil(files, "info", bytes, len);
        assert_int_equal(blob_info(&files->store, id, &got), ST_EFOREIGN);
        assert_int_equal(blob_begin(&files->store, id, &info, there), ST_EFOREIGN);
    }
    /* Names that look like chunks but are none do not count. */
    spoil(files, "00FF", "x", 1);
    spoil(files, "zzzz", "x", 1);
    st_buf_free(&buf);
    assert_int_equal(blob_erase(&files->store, id), ST_OK);
    assert_int_equal(access(path, F_OK), -1);
}

static void file__killed_while_writing__leaves_whole_chunks_only(void **state)
{
    struct files *files = *state;
    static uint8_t data[ST_BLOB_CHUNK_MAX];
    uint8_t there[ST_BLOB_BITMAP_MAX];
    struct st_buf buf;
    st_buf_init(&buf, ST_BLOB_CHUNK_MAX);
    size_t answered = 0;
    for (unsigned round = 0; round < 20; round++) {
        int fds[2];
        uint32_t index = 0;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct blob_info info = { .owner = { 1 }, .size = 100000, .chunks = ST_BLOB_CHUNKS_MAX };
            if (blob_begin(&files->store, id, &info, there) != ST_OK)
                _exit(1);
            for (index = round * 50;; index++) {
                memset(data, (int)(index & 0xff), sizeof data);
                if (blob_put(&files->store, id, index, st_view(data, sizeof data)) != ST_OK ||
                    write(fds[1], &index, sizeof index) != sizeof index)
                    _exit(1);
            }
        }
        close(fds[1]);
        usleep(3000 + randombytes_uniform(20000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        begin(files, ST_BLOB_CHUNKS_MAX, there);
        while (read(fds[0], &index, sizeof index) == sizeof index) {
            assert_true(there[index / 8] & (0x80 >> (index % 8)));
            answered++;
        }
        close(fds[0]);
        for (index = 0; index < ST_BLOB_CHUNKS_MAX; index++) {
            if (!(there[index / 8] & (0x80 >> (index % 8))))
                continue;
            st_buf_clear(&buf);
            assert_int_equal(blob_get(&files->store, id, index, &buf), ST_OK);
            assert_int_equal(buf.len, ST_BLOB_CHUNK_MAX);
            for (size_t i = 0; i < buf.len; i += 997)
                assert_int_equal(buf.p[i], index & 0xff);
        }
    }
    assert_true(answered > 0);
    st_buf_free(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct blob_contract_backend backend = {
        .make = make, .open = open_store, .age = age, .destroy = destroy
    };
    const struct CMUnitTest tests[] = {
        TEST(file__everything__is_private),
        TEST(file__open_to_others__is_refused),
        TEST(file__temporary_files__are_left_by_no_call),
        TEST(file__foreign_contents__are_refused),
        TEST(file__killed_while_writing__leaves_whole_chunks_only),
    };
    int failed = blob_contract_run(&backend);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
