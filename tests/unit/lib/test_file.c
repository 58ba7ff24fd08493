#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_file.h"

/* A folder of its own for each test. */
struct place {
    char folder[64];
    char file[128];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/st-file-XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    snprintf(place->file, sizeof place->file, "%s/file", place->folder);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    int left = rmdir(place->folder); /* fails if a temporary file stayed behind */
    free(place);
    return left;
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void file__read__whole_with_a_limit(void **state)
{
    struct place *place = *state;
    put(place->file, "0123456789", 0644);
    for (size_t limit = 0; limit < 12; limit++) {
        struct st_buf buf;
        st_buf_init(&buf, 100);
        assert_int_equal(st_buf_append(&buf, "x", 1), ST_OK);
        enum st_err err = st_file_read(place->file, limit, &buf);
        assert_int_equal(err, limit < 10 ? ST_ELIMIT : ST_OK);
        assert_int_equal(buf.len, limit < 10 ? 1 : 11);
        assert_int_equal(st_buf_error(&buf), ST_OK);
        st_buf_free(&buf);
    }
    for (size_t room = 0; room < 12; room++) {
        struct st_buf buf;
        st_buf_init(&buf, room);
        assert_int_equal(st_file_read(place->file, 1000, &buf), room < 10 ? ST_ELIMIT : ST_OK);
        assert_int_equal(buf.len, room < 10 ? 0 : 10);
        assert_int_equal(st_buf_error(&buf), ST_OK);
        st_buf_free(&buf);
    }
    struct st_buf buf;
    st_buf_init(&buf, 100);
    put(place->file, "", 0644);
    assert_int_equal(st_file_read(place->file, 0, &buf), ST_OK);
    assert_int_equal(buf.len, 0);
    assert_int_equal(st_file_read(place->folder, 100, &buf), ST_EFOREIGN);
    unlink(place->file);
    assert_int_equal(st_file_read(place->file, 100, &buf), ST_ENOTFOUND);
    st_buf_free(&buf);
}

static void file__read__what_has_no_size(void **state)
{
    (void)state;
    struct st_buf buf;
    st_buf_init(&buf, 1 << 20);
    assert_int_equal(st_file_read("/dev/zero", 70000, &buf), ST_ELIMIT);
    assert_int_equal(buf.len, 0);
    assert_int_equal(st_file_read("/proc/self/status", 100, &buf), ST_ELIMIT);
    assert_int_equal(buf.len, 0);
    assert_int_equal(st_file_read("/proc/self/status", 1 << 16, &buf), ST_OK);
    assert_true(buf.len > 100);
    assert_memory_equal(buf.p, "Name:", 5);
    st_buf_free(&buf);
}

static void file__read_secret__only_if_private(void **state)
{
    struct place *place = *state;
    struct st_buf buf;
    st_buf_init(&buf, 100);
    for (mode_t mode = 0; mode < 0200; mode++) {
        put(place->file, "secret", 0600 | mode);
        enum st_err err = st_file_read_secret(place->file, 100, &buf);
        assert_int_equal(err, (mode & 077) == 0 ? ST_OK : ST_EREFUSED);
        assert_int_equal(buf.len, (mode & 077) == 0 ? 6 : 0);
        st_buf_clear(&buf);
    }
    assert_int_equal(st_file_read_secret("/dev/null", 100, &buf), ST_EREFUSED);
    st_buf_wipe_free(&buf);
}

static void file__read_secret__from_a_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "secret", 6), 6);
    close(fds[1]);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    struct st_buf buf;
    st_buf_init(&buf, 100);
    assert_int_equal(st_file_read_secret(path, 100, &buf), ST_OK);
    assert_int_equal(buf.len, 6);
    st_buf_wipe_free(&buf);
    close(fds[0]);
}

static void assert_contents(const char *path, const char *text)
{
    struct st_buf buf;
    st_buf_init(&buf, 1 << 20);
    assert_int_equal(st_file_read(path, 1 << 20, &buf), ST_OK);
    assert_true(st_view_equal(st_buf_view(&buf), st_view_text(text)));
    st_buf_free(&buf);
}

static void file__write__replaces_whole(void **state)
{
    struct place *place = *state;
    struct stat st;
    assert_int_equal(st_file_write(place->file, st_view_text("one"), 0600), ST_OK);
    assert_contents(place->file, "one");
    assert_int_equal(st_file_write(place->file, st_view_text("second"), 0640), ST_OK);
    assert_contents(place->file, "second");
    assert_int_equal(stat(place->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st_file_write(place->file, st_view(NULL, 0), 0600), ST_OK);
    assert_contents(place->file, "");
    char missing[160];
    snprintf(missing, sizeof missing, "%s/none/file", place->folder);
    assert_int_equal(st_file_write(missing, st_view_text("x"), 0600), ST_ENOTFOUND);
    assert_int_equal(st_file_write(place->folder, st_view_text("x"), 0600), ST_EIO);
}

/* A reader that comes at any time sees one of the two whole texts. */
static void file__write__never_seen_half(void **state)
{
    struct place *place = *state;
    static char texts[2][20000];
    memset(texts[0], 'a', sizeof texts[0] - 1);
    memset(texts[1], 'b', sizeof texts[1] - 5000);
    assert_int_equal(st_file_write(place->file, st_view_text(texts[0]), 0600), ST_OK);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        for (int i = 0; i < 50; i++) {
            if (st_file_write(place->file, st_view_text(texts[i % 2]), 0600) != ST_OK)
                _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    while (waitpid(writer, &status, WNOHANG) == 0) {
        struct st_buf buf;
        st_buf_init(&buf, 1 << 20);
        assert_int_equal(st_file_read(place->file, 1 << 20, &buf), ST_OK);
        assert_true(st_view_equal(st_buf_view(&buf), st_view_text(texts[0])) ||
                    st_view_equal(st_buf_view(&buf), st_view_text(texts[1])));
        st_buf_free(&buf);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The limit on the size of files stands for a disk without room: the write fails half-way. */
static void file__write__failure_keeps_the_old(void **state)
{
    struct place *place = *state;
    static char big[20000];
    memset(big, 'x', sizeof big - 1);
    assert_int_equal(st_file_write(place->file, st_view_text("old"), 0600), ST_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = { 8192, 8192 };
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(2);
        _exit(st_file_write(place->file, st_view_text(big), 0600) == ST_EFULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_contents(place->file, "old");
}

/* A real full disk, where this user may mount one. */
static void file__write__full_disk(void **state)
{
    struct place *place = *state;
    if (mount("none", place->folder, "tmpfs", 0, "size=64k") != 0)
        skip();
    static char big[200000];
    memset(big, 'x', sizeof big - 1);
    enum st_err first = st_file_write(place->file, st_view_text("old"), 0600);
    enum st_err full = st_file_write(place->file, st_view_text(big), 0600);
    char room[ST_FILE_FREE_TEXT_SIZE];
    st_file_free_text(room, place->file);
    struct st_buf buf;
    st_buf_init(&buf, 100);
    enum st_err again = st_file_read(place->file, 100, &buf);
    bool kept = st_view_equal(st_buf_view(&buf), st_view_text("old"));
    st_buf_free(&buf);
    int remounted = mount("none", place->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL);
    enum st_err read_only = st_file_write(place->file, st_view_text("x"), 0600);
    char text[ST_FILE_FREE_TEXT_SIZE];
    st_file_free_text(text, place->file);
    assert_int_equal(umount(place->folder), 0);
    assert_int_equal(first, ST_OK);
    assert_int_equal(full, ST_EFULL);
    assert_int_equal(again, ST_OK);
    assert_true(kept);
    assert_non_null(strstr(room, " kB free"));
    assert_int_equal(remounted, 0);
    assert_int_equal(read_only, ST_EFULL);
    assert_string_equal(text, "read-only");
}

static void file__make_folder__private_with_parents(void **state)
{
    struct place *place = *state;
    char deep[160];
    struct stat st;
    snprintf(deep, sizeof deep, "%s/a/b//c/", place->folder);
    assert_int_equal(st_file_make_folder(deep), ST_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(st_file_make_folder(deep), ST_OK);
    assert_int_equal(chmod(deep, 0710), 0);
    assert_int_equal(st_file_make_folder(deep), ST_EREFUSED);
    put(place->file, "x", 0600);
    assert_int_equal(st_file_make_folder(place->file), ST_EEXISTS);
    char below[160];
    snprintf(below, sizeof below, "%s/x", place->file);
    assert_int_equal(st_file_make_folder(below), ST_ENOTFOUND);
    assert_int_equal(st_file_make_folder(""), ST_ENOTFOUND);
    static const char *const parts[] = { "/a/b/c", "/a/b", "/a" };
    for (int i = 0; i < 3; i++) {
        snprintf(deep, sizeof deep, "%s%s", place->folder, parts[i]);
        assert_int_equal(rmdir(deep), 0);
    }
}

static void file__free_text__for_what_is_not_there_yet(void **state)
{
    struct place *place = *state;
    char text[ST_FILE_FREE_TEXT_SIZE];
    char path[200];
    snprintf(path, sizeof path, "%s/not/there/yet", place->folder);
    st_file_free_text(text, path);
    assert_non_null(strstr(text, " free"));
    st_file_free_text(text, "not/there/yet");
    assert_non_null(strstr(text, " free"));
    st_file_free_text(text, "/proc/self/status/x");
    assert_string_equal(text, "unknown room");
}

static void file__err__by_what_one_can_do(void **state)
{
    (void)state;
    assert_int_equal(st_file_err(0), ST_OK);
    assert_int_equal(st_file_err(ENOSPC), ST_EFULL);
    assert_int_equal(st_file_err(EROFS), ST_EFULL);
    assert_int_equal(st_file_err(EDQUOT), ST_EFULL);
    assert_int_equal(st_file_err(ENOENT), ST_ENOTFOUND);
    assert_int_equal(st_file_err(EACCES), ST_EREFUSED);
    assert_int_equal(st_file_err(EIO), ST_EIO);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(file__read__whole_with_a_limit),
        cmocka_unit_test(file__read__what_has_no_size),
        in_folder(file__read_secret__only_if_private),
        cmocka_unit_test(file__read_secret__from_a_pipe),
        in_folder(file__write__replaces_whole),
        in_folder(file__write__never_seen_half),
        in_folder(file__write__failure_keeps_the_old),
        in_folder(file__write__full_disk),
        in_folder(file__make_folder__private_with_parents),
        in_folder(file__free_text__for_what_is_not_there_yet),
        cmocka_unit_test(file__err__by_what_one_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
