#include "tests/unit/cli/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "client/store/folder.h"
#include "client/store/vault.h"

static const char PASSWORD[] = "correct horse";
static const char ADDRESS[] = "safetalk://127.0.0.1:9#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkroa";

static const char *program_path;
static char folder[128];
static char account[256];
static char password_file[256];

const char *run_folder(void)
{
    return folder;
}

const char *run_account_folder(void)
{
    return account;
}

void run_use(const char *program)
{
    program_path = program;
}

static enum st_err put_secret(struct store *store, enum store_secret which, const uint8_t *bytes)
{
    return store_secret_put(store, which, bytes);
}

/* What a registration leaves in the store. */
static enum st_err register_in(struct store *store)
{
    uint8_t pub[32];
    uint8_t secret[64];
    uint8_t endpoints[1 + 35 + 9] = { 1, 0, 9 };
    endpoints[1 + 34] = 9;
    memcpy(endpoints + 36, "127.0.0.1", 9);
    memset(endpoints + 3, 7, 32);
    enum st_err err = store_meta_put(store, STORE_META_NAME, st_view_text("alice"));
    if (err == ST_OK)
        err = store_meta_put(store, STORE_META_SERVER, st_view_text(ADDRESS));
    if (err == ST_OK && crypto_sign_keypair(pub, secret) == 0)
        err = put_secret(store, STORE_SECRET_AK_SEED, secret);
    if (err == ST_OK)
        err = store_meta_put(store, STORE_META_AK_PUBLIC, st_view(pub, sizeof pub));
    if (err == ST_OK && crypto_sign_keypair(pub, secret) == 0)
        err = put_secret(store, STORE_SECRET_DSK_SEED, secret);
    if (err == ST_OK && crypto_box_keypair(pub, secret) == 0)
        err = put_secret(store, STORE_SECRET_DIK, secret);
    if (err == ST_OK && crypto_box_keypair(pub, secret) == 0)
        err = put_secret(store, STORE_SECRET_TK, secret);
    if (err == ST_OK)
        err = store_meta_put(store, STORE_META_TK_PUBLIC, st_view(pub, sizeof pub));
    if (err == ST_OK)
        err = store_meta_put_u64(store, STORE_META_DEV_ID, 1);
    if (err == ST_OK)
        err = store_meta_put(store, STORE_META_ENDPOINTS, st_view(endpoints, sizeof endpoints));
    if (err == ST_OK)
        err = store_meta_put(store, STORE_META_SERVER_ID, st_view(pub, 16));
    return err;
}

static struct st_env env;

void run_make_account(enum st_err (*fill)(struct store *store))
{
    struct store *store;
    struct slots_cost cost = slots_cost_default();
    env = st_env_system();
    (void)snprintf(folder, sizeof folder, "%s", P_tmpdir "/cli-run-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(account, sizeof account, "%s/alice@127.0.0.1:9", folder);
    assert_int_equal(mkdir(account, 0700), 0);
    (void)snprintf(password_file, sizeof password_file, "%s/password", folder);
    int fd = open(password_file, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, PASSWORD, strlen(PASSWORD)), (ssize_t)strlen(PASSWORD));
    close(fd);
    assert_int_equal(vault_create(&store, account, st_view_text(PASSWORD), &cost, &env), ST_OK);
    assert_int_equal(store_begin(store), ST_OK);
    assert_int_equal(register_in(store), ST_OK);
    assert_int_equal(fill(store), ST_OK);
    assert_int_equal(store_commit(store), ST_OK);
    store_close(&store);
}

struct store *run_open_store(void)
{
    struct store *store;
    assert_int_equal(vault_open(&store, account, st_view_text(PASSWORD), STORE_READ_WRITE, &env), ST_OK);
    return store;
}

void run_remove_account(void)
{
    assert_int_equal(folder_remove_tree(folder), ST_OK);
}

/* Splits at spaces; `_` becomes a space. */
static int split(char *line, char **argv)
{
    int argc = 0;
    while (*line != '\0' && argc < RUN_WORDS_MAX - 1) {
        argv[argc++] = line;
        for (; *line != '\0' && *line != ' '; line++)
            if (*line == '_')
                *line = ' ';
        if (*line == ' ')
            *line++ = '\0';
    }
    argv[argc] = NULL;
    return argc;
}

static void child(char **argv, int in, int out, int err)
{
    (void)setsid(); /* no terminal to ask at */
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(99);
    (void)setenv("SAFETALK_DATA_DIR", folder, 1);
    (void)setenv("SAFETALK_PASSWORD_FILE", password_file, 0);
    (void)setenv("SAFETALK_TIMEOUT", "1", 0);
    (void)setenv("SAFETALK_LOCK_TIMEOUT", "0", 0);
    (void)setenv("XDG_CONFIG_HOME", folder, 1);
    (void)setenv("TZ", "UTC", 1);
    execv(program_path, argv);
    _exit(98);
}

static void slurp(FILE *file, char *text)
{
    rewind(file);
    text[fread(text, 1, RUN_TEXT_MAX - 1, file)] = '\0';
    fclose(file);
}

static void run_with(struct run *run, const char *line, const char *input, int out_fd)
{
    char words[4096];
    char *argv[RUN_WORDS_MAX];
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    FILE *in = input != NULL ? tmpfile() : fopen("/dev/null", "r");
    assert_true(out != NULL && err != NULL && in != NULL);
    if (input != NULL) {
        assert_int_equal(fwrite(input, 1, strlen(input), in), strlen(input));
        assert_int_equal(fflush(in), 0);
        rewind(in);
    }
    (void)snprintf(words, sizeof words, "safetalk %s", line);
    (void)split(words, argv);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(argv, fileno(in), out_fd >= 0 ? out_fd : fileno(out), fileno(err));
    int status;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    run->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    slurp(out, run->out);
    slurp(err, run->err);
    fclose(in);
}

void run_line(struct run *run, const char *line, const char *input)
{
    run_with(run, line, input, -1);
}

void run_into_broken_pipe(struct run *run, const char *line)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    run_with(run, line, NULL, ends[1]);
    close(ends[1]);
}
