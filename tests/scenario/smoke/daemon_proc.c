#include "tests/scenario/smoke/daemon_proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_address.h"
#include "services/allinone/daemon_host.h"

static const char *program = NULL;

void daemon_proc_program(const char *path)
{
    program = path;
}

int64_t daemon_proc_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void daemon_proc_sleep_ms(int64_t ms)
{
    struct timespec wait = { ms / 1000, (ms % 1000) * 1000000 };
    nanosleep(&wait, NULL);
}

/* Starts the program; *out and *err are the reading ends of its outputs. */
static pid_t spawn(const char *const *args, int *out, int *err)
{
    enum { ARGS_MAX = 16 };
    char *argv[ARGS_MAX + 2] = { 0 };
    int outs[2], errs[2];
    argv[0] = strdup("safetalkd");
    for (size_t i = 0; args[i] != NULL && i < ARGS_MAX; i++)
        argv[i + 1] = strdup(args[i]);
    assert_int_equal(pipe(outs), 0);
    assert_int_equal(pipe(errs), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(outs[1], STDOUT_FILENO);
        dup2(errs[1], STDERR_FILENO);
        for (int fd = 3; fd < 256; fd++)
            close(fd);
        execv(program, argv);
        _exit(126);
    }
    close(outs[1]);
    close(errs[1]);
    *out = outs[0];
    *err = errs[0];
    fcntl(*out, F_SETFL, O_NONBLOCK);
    fcntl(*err, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    return pid;
}

/* Appends what can be read now; what does not fit is dropped. Returns false at the end of the stream. */
static bool collect(int fd, char *text)
{
    char piece[1024];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        size_t len = strlen(text);
        size_t room = PROC_TEXT_MAX - 1 - len;
        memcpy(text + len, piece, (size_t)n < room ? (size_t)n : room);
        text[len + ((size_t)n < room ? (size_t)n : room)] = '\0';
    }
    return n != 0;
}

int daemon_proc_run(const char *const *args, char *out_text, char *err_text)
{
    static char spare[PROC_TEXT_MAX];
    int out = -1, err = -1, status = 0;
    char *texts[2] = { out_text != NULL ? out_text : spare, err_text != NULL ? err_text : spare };
    texts[0][0] = texts[1][0] = '\0';
    pid_t pid = spawn(args, &out, &err);
    bool open[2] = { true, true };
    while (open[0] || open[1]) {
        struct pollfd items[2] = { { open[0] ? out : -1, POLLIN, 0 }, { open[1] ? err : -1, POLLIN, 0 } };
        poll(items, 2, 100);
        open[0] = open[0] && collect(out, texts[0]);
        open[1] = open[1] && collect(err, texts[1]);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(out);
    close(err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void daemon_proc_make(struct daemon_proc *proc)
{
    char port[16], out[PROC_TEXT_MAX], err[PROC_TEXT_MAX];
    struct st_address address;
    memset(proc, 0, sizeof *proc);
    const char *tmp = getenv("TMPDIR");
    snprintf(proc->root, sizeof proc->root, "%s/safetalk-test-XXXXXX", tmp != NULL ? tmp : P_tmpdir);
    assert_non_null(mkdtemp(proc->root));
    snprintf(proc->dir, sizeof proc->dir, "%s/srv", proc->root);
    /* A pair that nobody else's test is likely to take at this moment. */
    proc->port = (uint16_t)(20000 + 2 * (getpid() % 10000));
    while (!daemon_host_pair_is_free(proc->port))
        proc->port = (uint16_t)(proc->port + 2);
    snprintf(port, sizeof port, "%u", (unsigned)proc->port);
    const char *const args[] = { "init", "--dir", proc->dir, "--host", "127.0.0.1", "--port", port, NULL };
    assert_int_equal(daemon_proc_run(args, out, err), 0);
    const char *at = strstr(out, "safetalk://");
    assert_non_null(at);
    snprintf(proc->address, sizeof proc->address, "%.*s", (int)strcspn(at, "\n"), at);
    assert_int_equal(st_address_parse(&address, st_view_text(proc->address), NULL), ST_OK);
    memcpy(proc->enrol_key, address.key, sizeof proc->enrol_key);
    at = strstr(out, "  invite        ");
    assert_non_null(at);
    snprintf(proc->invite, sizeof proc->invite, "%.14s", at + 16);
}

void daemon_proc_spawn(struct daemon_proc *proc)
{
    const char *const args[] = { "run", "--dir", proc->dir, NULL };
    proc->text[0] = proc->log[0] = '\0';
    proc->pid = spawn(args, &proc->out, &proc->err);
}

static bool wait_for(struct daemon_proc *proc, const char *text, const char *word, int64_t ms)
{
    for (int64_t end_ms = daemon_proc_now_ms() + ms; daemon_proc_now_ms() < end_ms;) {
        bool open = collect(proc->out, proc->text);
        open = collect(proc->err, proc->log) || open;
        if (strstr(text, word) != NULL)
            return true;
        if (!open)
            return false;
        daemon_proc_sleep_ms(10);
    }
    return false;
}

bool daemon_proc_says(struct daemon_proc *proc, const char *word, int64_t ms)
{
    return wait_for(proc, proc->text, word, ms);
}

bool daemon_proc_logs(struct daemon_proc *proc, const char *word, int64_t ms)
{
    return wait_for(proc, proc->log, word, ms);
}

void daemon_proc_start(struct daemon_proc *proc)
{
    daemon_proc_spawn(proc);
    if (!daemon_proc_says(proc, "\nready\n", 20000))
        fail_msg("not ready: %s%s", proc->text, proc->log);
}

pid_t daemon_proc_worker(const struct daemon_proc *proc)
{
    char path[64];
    long pid = 0;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)proc->pid, (long)proc->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    fclose(file);
    return (pid_t)pid;
}

int daemon_proc_wait(struct daemon_proc *proc, int64_t ms)
{
    int status = 0;
    pid_t ended = 0;
    for (int64_t end_ms = daemon_proc_now_ms() + ms; ended == 0 && daemon_proc_now_ms() < end_ms;) {
        collect(proc->out, proc->text);
        collect(proc->err, proc->log);
        ended = waitpid(proc->pid, &status, WNOHANG);
        if (ended == 0)
            daemon_proc_sleep_ms(10);
    }
    if (ended != proc->pid)
        return -1;
    collect(proc->out, proc->text);
    collect(proc->err, proc->log);
    close(proc->out);
    close(proc->err);
    proc->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int daemon_proc_stop(struct daemon_proc *proc)
{
    kill(proc->pid, SIGTERM);
    return daemon_proc_wait(proc, 20000);
}

static void remove_tree(char *root)
{
    char *const paths[] = { root, NULL };
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOSTAT, NULL);
    assert_non_null(tree);
    for (FTSENT *entry; (entry = fts_read(tree)) != NULL;)
        if (entry->fts_info != FTS_D)
            (void)remove(entry->fts_accpath); /* what stays is only in the way of nobody */
    fts_close(tree);
}

void daemon_proc_remove(struct daemon_proc *proc)
{
    if (proc->pid > 0) {
        kill(proc->pid, SIGKILL);
        (void)daemon_proc_wait(proc, 5000);
    }
    remove_tree(proc->root);
}
