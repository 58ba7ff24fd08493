#include "lib/st_supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/st_env.h"
#include "lib/st_service.h"

enum {
    FIRST_DELAY_MS = 100,
    DELAY_DOUBLINGS_MAX = 5,   /* 3,200 ms */
    LONG_LIFE_MS = 10000,      /* a worker that lived so long starts with the first delay again */
    DEATHS_BEFORE_READY = 5,   /* then it will never work */
    KILL_AFTER_DRAIN_MS = 2000 /* the worker's own deadline comes first */
};

struct parent {
    const struct st_supervise_options *options;
    struct st_env env;
    pid_t self;
    int signal_fd;
    sigset_t blocked_before;
    pid_t child;  /* 0 between two workers */
    int ready_fd; /* from the child, -1 when it has spoken */
    bool ever_ready;
    unsigned deaths;    /* in a row, of workers that did not live long */
    int64_t started_ms; /* this worker */
    int asked_signal;   /* TERM or INT, 0 before the first */
    int64_t asked_ms;   /* when it came */
    int killed_for;     /* the second TERM or INT, or KILL for the deadline; 0 if we have not killed it */
};

void st_worker_ready(struct st_worker *worker)
{
    if (worker == NULL || worker->ready_fd < 0)
        return;
    /* A parent that is gone needs no answer. */
    ssize_t n = write(worker->ready_fd, "r", 1);
    (void)n;
    close(worker->ready_fd);
    worker->ready_fd = -1;
}

static bool open_signals(struct parent *parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    /* Whoever started us may have ignored it: then there would be no exit status to read. */
    signal(SIGCHLD, SIG_DFL);
    if (pthread_sigmask(SIG_BLOCK, &set, &parent->blocked_before) != 0)
        return false;
    parent->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return parent->signal_fd >= 0;
}

/* In the child: never returns. */
static void live(struct parent *parent, int ready_fd)
{
    struct st_worker worker = { ready_fd };
    sigset_t child_ended;
    /* Should the parent have died before the request took effect, nobody is left to ask. */
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) != 0 || getppid() != parent->self)
        _exit(ST_EXIT_FAILED);
    close(parent->signal_fd);
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &child_ended, NULL);
    exit(parent->options->work(&worker, parent->options->ctx));
}

static bool start_worker(struct parent *parent)
{
    int fds[2];
    if (pipe(fds) != 0)
        return false;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    parent->started_ms = st_env_mono_ms(&parent->env);
    parent->child = fork();
    if (parent->child == 0) {
        close(fds[0]);
        live(parent, fds[1]);
    }
    close(fds[1]);
    if (parent->child < 0) {
        parent->child = 0;
        close(fds[0]);
        return false;
    }
    parent->ready_fd = fds[0];
    ST_LOG(parent->options->log, ST_LOG_INFO, "worker_started", st_log_int("pid", parent->child));
    return true;
}

static void read_ready(struct parent *parent)
{
    char byte;
    if (read(parent->ready_fd, &byte, 1) == 1)
        parent->ever_ready = true;
    close(parent->ready_fd);
    parent->ready_fd = -1;
}

static void kill_worker(struct parent *parent, int reason)
{
    if (parent->child > 0 && parent->killed_for == 0)
        kill(parent->child, SIGKILL);
    if (parent->killed_for == 0)
        parent->killed_for = reason;
}

static void pass_on(struct parent *parent, int number)
{
    if (parent->child > 0)
        kill(parent->child, number);
}

static void take_signal(struct parent *parent, int number)
{
    int64_t now_ms = st_env_mono_ms(&parent->env);
    if (number == SIGHUP) {
        enum st_err err = st_log_reopen(parent->options->log);
        if (err != ST_OK)
            ST_LOG(parent->options->log, ST_LOG_WARN, "log_not_reopened", st_log_err("why", err));
        pass_on(parent, number);
    } else if (number != SIGCHLD && parent->asked_signal == 0) {
        parent->asked_signal = number;
        parent->asked_ms = now_ms;
        pass_on(parent, number);
    } else if (number != SIGCHLD && now_ms - parent->asked_ms >= ST_SERVICE_SECOND_TERM_MS) {
        kill_worker(parent, number);
    }
}

/* How long poll may sleep: to the deadline of a drain, or `idle_ms` (-1: for ever). */
static int poll_ms(const struct parent *parent, int idle_ms)
{
    if (parent->asked_signal == 0 || parent->killed_for != 0)
        return idle_ms;
    int64_t left_ms = parent->asked_ms + parent->options->drain_ms + KILL_AFTER_DRAIN_MS - st_env_mono_ms(&parent->env);
    return left_ms < 0 ? 0 : left_ms < 60000 ? (int)left_ms : 60000;
}

/* Sleeps until something happens or the time is over, and deals with it. */
static void wait_once(struct parent *parent, int idle_ms)
{
    struct pollfd polled[2] = { { parent->signal_fd, POLLIN, 0 }, { parent->ready_fd, POLLIN, 0 } };
    int n = poll(polled, parent->ready_fd >= 0 ? 2 : 1, poll_ms(parent, idle_ms));
    if (n < 0)
        return;
    if (parent->ready_fd >= 0 && polled[1].revents != 0)
        read_ready(parent);
    struct signalfd_siginfo info;
    while (read(parent->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        take_signal(parent, (int)info.ssi_signo);
    if (parent->asked_signal != 0 && poll_ms(parent, -1) == 0)
        kill_worker(parent, SIGKILL);
}

/* Waits for the worker's end and returns its status as waitpid gives it. */
static int wait_for_end(struct parent *parent)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(parent->child, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR))
        wait_once(parent, -1);
    /* What it said last may still lie in the pipe. */
    if (parent->ready_fd >= 0)
        read_ready(parent);
    parent->child = 0;
    return status;
}

static bool is_last_word(int code)
{
    static const int codes[] = { ST_EXIT_OK,      ST_EXIT_USAGE,       ST_EXIT_HELD,      ST_EXIT_FOREIGN,
                                 ST_EXIT_REFUSED, ST_EXIT_INTERRUPTED, ST_EXIT_TERMINATED };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

/* Whether this was the end of it all; then *code_r is the parent's exit code. */
static bool judge_end(struct parent *parent, int status, int *code_r)
{
    struct st_log *log = parent->options->log;
    *code_r = WIFEXITED(status) ? WEXITSTATUS(status) : ST_EXIT_FAILED;
    if (WIFEXITED(status))
        ST_LOG(log, *code_r == ST_EXIT_OK ? ST_LOG_INFO : ST_LOG_ERROR, "worker_ended", st_log_int("code", *code_r));
    else
        ST_LOG(log, ST_LOG_ERROR, "worker_died", st_log_int("signal", WTERMSIG(status)));
    if (parent->killed_for == SIGINT || parent->killed_for == SIGTERM)
        *code_r = parent->killed_for == SIGINT ? ST_EXIT_INTERRUPTED : ST_EXIT_TERMINATED;
    if (parent->asked_signal != 0)
        return true;
    if (WIFEXITED(status) && (is_last_word(*code_r) || !parent->ever_ready))
        return true;
    if (st_env_mono_ms(&parent->env) - parent->started_ms >= LONG_LIFE_MS)
        parent->deaths = 0;
    parent->deaths++;
    return !parent->ever_ready && parent->deaths >= DEATHS_BEFORE_READY;
}

/* Sleeps before the next start, longer after each death. */
static void wait_to_restart(struct parent *parent)
{
    unsigned doublings = parent->deaths > 0 ? parent->deaths - 1 : 0;
    if (doublings > DELAY_DOUBLINGS_MAX)
        doublings = DELAY_DOUBLINGS_MAX;
    int64_t now_ms = st_env_mono_ms(&parent->env);
    int64_t until_ms = now_ms + ((int64_t)FIRST_DELAY_MS << doublings);
    ST_LOG(parent->options->log, ST_LOG_WARN, "worker_restarts", st_log_int("in_ms", until_ms - now_ms));
    for (; now_ms < until_ms && parent->asked_signal == 0; now_ms = st_env_mono_ms(&parent->env))
        wait_once(parent, (int)(until_ms - now_ms));
}

/* Lives through one worker. True when it was the last; *code_r is the exit code then. */
static bool run_worker(struct parent *parent, int *code_r)
{
    if (start_worker(parent))
        return judge_end(parent, wait_for_end(parent), code_r);
    st_log_errno(parent->options->log, ST_LOG_ERROR, "worker_not_started", "cannot start a process");
    *code_r = ST_EXIT_FAILED;
    parent->deaths++;
    return !parent->ever_ready;
}

int st_supervise(const struct st_supervise_options *options)
{
    struct parent parent = { .options = options, .env = st_env_system(), .self = getpid(), .ready_fd = -1 };
    int code = ST_EXIT_FAILED;
    if (!open_signals(&parent)) {
        st_log_errno(options->log, ST_LOG_ERROR, "no_signals", "cannot take signals");
        return code;
    }
    while (!run_worker(&parent, &code)) {
        wait_to_restart(&parent);
        /* Asked to end while nobody worked: nothing is left to drain. */
        if (parent.asked_signal != 0) {
            code = ST_EXIT_OK;
            break;
        }
    }
    close(parent.signal_fd);
    pthread_sigmask(SIG_SETMASK, &parent.blocked_before, NULL);
    return code;
}
