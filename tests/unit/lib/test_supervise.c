#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_env.h"
#include "lib/st_service.h"

/* A real parent and real workers. Each worker says its pid through a pipe; the test takes them from there. */
struct family {
    pid_t parent;
    int from_workers;
};

enum kind {
    DRAINS,        /* says ready, serves, drains on TERM, ends with 0; HUP: says 0 as its pid */
    STUCK,         /* says ready and never looks at its signals */
    FAILS_FIRST,   /* ends with `code` before it is ready */
    FAILS_LATER,   /* says ready and ends with `code` */
    CRASHES_FIRST, /* dies of a signal before it is ready */
    CRASHES_LATER  /* says ready and dies of a signal */
};

struct plan {
    enum kind kind;
    int code;
    int to_test;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(const struct plan *plan, pid_t pid)
{
    if (write(plan->to_test, &pid, sizeof pid) != sizeof pid)
        _exit(99);
}

static int serve(const struct plan *plan)
{
    struct st_service service;
    if (st_service_open(&service, 10000) != ST_OK)
        return 98;
    for (;;) {
        struct pollfd polled = { st_service_fd(&service), POLLIN, 0 };
        poll(&polled, 1, (int)st_service_wait_ms(&service, now_ms(), 60000));
        enum st_service_event event = st_service_next(&service, now_ms());
        if (event == ST_SERVICE_RELOAD)
            say(plan, 0);
        if (event == ST_SERVICE_DRAIN || event == ST_SERVICE_STOP)
            return st_service_end_code(&service) + plan->code;
    }
}

static int work(struct st_worker *worker, void *ctx)
{
    const struct plan *plan = ctx;
    if (plan->kind != FAILS_FIRST && plan->kind != CRASHES_FIRST)
        st_worker_ready(worker);
    say(plan, getpid());
    switch (plan->kind) {
    case DRAINS:
        return serve(plan);
    case STUCK:
        for (;;)
            pause();
    case CRASHES_FIRST:
    case CRASHES_LATER:
        raise(SIGKILL);
        break;
    case FAILS_FIRST:
    case FAILS_LATER:
        break;
    }
    return plan->code;
}

static struct family start(enum kind kind, int code, int64_t drain_ms)
{
    struct family family;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    family.parent = fork();
    assert_true(family.parent >= 0);
    if (family.parent == 0) {
        struct plan plan = { kind, code, fds[1] };
        struct st_supervise_options options = { .work = work, .ctx = &plan, .drain_ms = drain_ms };
        close(fds[0]);
        _exit(st_supervise(&options));
    }
    close(fds[1]);
    family.from_workers = fds[0];
    return family;
}

/* The next worker's pid, or -1 if none speaks within `wait_ms`. */
static pid_t next_worker(const struct family *family, int wait_ms)
{
    struct pollfd polled = { family->from_workers, POLLIN, 0 };
    pid_t pid;
    if (poll(&polled, 1, wait_ms) != 1 || read(family->from_workers, &pid, sizeof pid) != sizeof pid)
        return -1;
    return pid;
}

/* Waits for the parent's end; its exit code, or 1000 + signal. */
static int end_of(struct family *family)
{
    int status = 0;
    assert_int_equal(waitpid(family->parent, &status, 0), family->parent);
    close(family->from_workers);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Whether a process that became ours to wait for ends within 2 s. */
static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 200; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) != 0 && errno == ESRCH))
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static void supervise__term__passes_on_the_drained_worker(void **state)
{
    (void)state;
    static const int codes[] = { 0, 5 };
    for (int i = 0; i < 2; i++) {
        struct family family = start(DRAINS, codes[i], 10000);
        pid_t worker = next_worker(&family, 5000);
        assert_true(worker > 0);
        kill(family.parent, i == 0 ? SIGTERM : SIGINT);
        assert_int_equal(end_of(&family), codes[i]);
        assert_true(is_gone(worker));
    }
}

static void supervise__worker_killed__back_within_a_second(void **state)
{
    (void)state;
    struct family family = start(DRAINS, 0, 10000);
    pid_t worker = next_worker(&family, 5000);
    for (int i = 0; i < 2; i++) {
        int64_t killed_ms = now_ms();
        kill(worker, SIGKILL);
        pid_t next = next_worker(&family, 5000);
        assert_true(next > 0 && next != worker);
        assert_in_range(now_ms() - killed_ms, 0, 1000);
        worker = next;
    }
    kill(family.parent, SIGTERM);
    assert_int_equal(end_of(&family), 0);
}

static void supervise__parent_killed__no_stray_worker(void **state)
{
    (void)state;
    static const enum kind kinds[] = { DRAINS, STUCK };
    for (int i = 0; i < 2; i++) {
        struct family family = start(kinds[i], 0, 10000);
        pid_t worker = next_worker(&family, 5000);
        assert_true(worker > 0);
        kill(family.parent, SIGKILL);
        assert_int_equal(end_of(&family), 1000 + SIGKILL);
        assert_true(is_gone(worker));
    }
}

static void supervise__second_term__kills_a_stuck_worker(void **state)
{
    (void)state;
    static const int signals[] = { SIGTERM, SIGINT };
    for (int i = 0; i < 2; i++) {
        struct family family = start(STUCK, 0, 60000);
        pid_t worker = next_worker(&family, 5000);
        kill(family.parent, signals[i]);
        poll(NULL, 0, 100); /* the same wish by another way */
        kill(family.parent, signals[i]);
        poll(NULL, 0, ST_SERVICE_SECOND_TERM_MS);
        assert_int_equal(waitpid(family.parent, NULL, WNOHANG), 0);
        kill(family.parent, signals[i]);
        assert_int_equal(end_of(&family), i == 0 ? ST_EXIT_TERMINATED : ST_EXIT_INTERRUPTED);
        assert_true(is_gone(worker));
    }
}

static void supervise__deadline__kills_a_stuck_worker(void **state)
{
    (void)state;
    struct family family = start(STUCK, 0, 100);
    pid_t worker = next_worker(&family, 5000);
    int64_t asked_ms = now_ms();
    kill(family.parent, SIGTERM);
    assert_int_equal(end_of(&family), ST_EXIT_FAILED);
    assert_in_range(now_ms() - asked_ms, 2000, 4000);
    assert_true(is_gone(worker));
}

static void supervise__fails_before_ready__its_code_is_ours(void **state)
{
    (void)state;
    static const int codes[] = { 1, 2, 3, 10, 16, 17, 19 };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct family family = start(FAILS_FIRST, codes[i], 1000);
        assert_true(next_worker(&family, 5000) > 0);
        assert_int_equal(next_worker(&family, 5000), -1);
        assert_int_equal(end_of(&family), codes[i]);
    }
}

static void supervise__last_word_after_ready__no_restart(void **state)
{
    (void)state;
    static const int codes[] = { 0, 2, 10, 17, 19, 130, 143 };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct family family = start(FAILS_LATER, codes[i], 1000);
        assert_true(next_worker(&family, 5000) > 0);
        assert_int_equal(next_worker(&family, 5000), -1);
        assert_int_equal(end_of(&family), codes[i]);
    }
}

static void supervise__keeps_dying__longer_pauses(void **state)
{
    (void)state;
    static const enum kind kinds[] = { FAILS_LATER, CRASHES_LATER };
    for (int k = 0; k < 2; k++) {
        struct family family = start(kinds[k], 1, 1000);
        int64_t at_ms[4];
        for (int i = 0; i < 4; i++) {
            assert_true(next_worker(&family, 5000) > 0);
            at_ms[i] = now_ms();
        }
        assert_in_range(at_ms[1] - at_ms[0], 100, 1000);
        assert_in_range(at_ms[2] - at_ms[1], 200, 1200);
        assert_in_range(at_ms[3] - at_ms[2], 400, 1400);
        /* Now it sleeps 800 ms; asked to end, it ends, and there was nothing to drain. */
        poll(NULL, 0, 50);
        int64_t asked_ms = now_ms();
        kill(family.parent, SIGTERM);
        assert_int_equal(end_of(&family), 0);
        assert_in_range(now_ms() - asked_ms, 0, 500);
    }
}

static void supervise__never_ready__gives_up(void **state)
{
    (void)state;
    struct family family = start(CRASHES_FIRST, 0, 1000);
    for (int i = 0; i < 5; i++)
        assert_true(next_worker(&family, 5000) > 0);
    assert_int_equal(next_worker(&family, 5000), -1);
    assert_int_equal(end_of(&family), ST_EXIT_FAILED);
}

static void supervise__hup__is_passed_on(void **state)
{
    (void)state;
    struct family family = start(DRAINS, 0, 10000);
    assert_true(next_worker(&family, 5000) > 0);
    kill(family.parent, SIGHUP);
    assert_int_equal(next_worker(&family, 5000), 0);
    kill(family.parent, SIGTERM);
    assert_int_equal(end_of(&family), 0);
}

int main(void)
{
    /* Orphans come to us, so that their end can be seen. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(supervise__term__passes_on_the_drained_worker),
        cmocka_unit_test(supervise__worker_killed__back_within_a_second),
        cmocka_unit_test(supervise__parent_killed__no_stray_worker),
        cmocka_unit_test(supervise__second_term__kills_a_stuck_worker),
        cmocka_unit_test(supervise__deadline__kills_a_stuck_worker),
        cmocka_unit_test(supervise__fails_before_ready__its_code_is_ours),
        cmocka_unit_test(supervise__last_word_after_ready__no_restart),
        cmocka_unit_test(supervise__keeps_dying__longer_pauses),
        cmocka_unit_test(supervise__never_ready__gives_up),
        cmocka_unit_test(supervise__hup__is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
