#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_service.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* What changes a process is tried in a child, which ends with 0 if all was right. */
static void in_child(int (*what)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(what());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int harden(void)
{
    struct rlimit core;
    struct sigaction pipe_action;
    if (st_service_harden() != ST_OK)
        return 1;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
        return 2;
    if (sigaction(SIGPIPE, NULL, &pipe_action) != 0 || pipe_action.sa_handler != SIG_IGN)
        return 3;
    if (umask(0) != 077)
        return 4;
    if (!SANITIZED && prctl(PR_GET_DUMPABLE) != 0)
        return 5;
    return 0;
}

static void service__harden__no_core_no_sigpipe(void **state)
{
    (void)state;
    in_child(harden);
}

static int limit_memory(void)
{
    enum { MIB = 1 << 20 };
    if (st_service_limit_memory(64 * MIB) != ST_OK)
        return 1;
    char *small = malloc(8 * MIB);
    if (small == NULL)
        return 2;
    memset(small, 1, 8 * MIB);
    char *volatile big = malloc(100 * MIB); /* volatile: a compiler may leave out what nobody reads */
    free(small);
    if (big != NULL) {
        free(big);
        return 3;
    }
    return 0;
}

static void service__limit_memory__holds(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    in_child(limit_memory);
}

static int keep_stricter_limit(void)
{
    struct rlimit strict = { 32 << 20, 32 << 20 };
    struct rlimit now;
    if (setrlimit(RLIMIT_DATA, &strict) != 0 || st_service_limit_memory(64 << 20) != ST_OK)
        return 1;
    return getrlimit(RLIMIT_DATA, &now) != 0 || now.rlim_cur != 32 << 20;
}

static void service__limit_memory__never_widens(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    in_child(keep_stricter_limit);
    assert_int_equal(st_service_limit_memory(0), ST_OK);
    assert_int_equal(st_service_limit_memory(-1), ST_OK);
}

static int raise_files(void)
{
    struct rlimit few = { 64, 512 };
    struct rlimit now;
    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        return 1;
    if (st_service_raise_files(32) != 64 || st_service_raise_files(300) != 300 || st_service_raise_files(512) != 512)
        return 2;
    /* Beyond the hard limit it depends on privilege; the answer must be what holds. */
    int64_t beyond = st_service_raise_files(600);
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || beyond != (int64_t)now.rlim_cur || (beyond != 512 && beyond != 600))
        return 3;
    return 0;
}

static void service__raise_files__as_far_as_allowed(void **state)
{
    (void)state;
    in_child(raise_files);
}

static int first_rand(void)
{
    st_service_seed_rand();
    return rand(); /* check: allow rand (this is what libzmq draws from) */
}

static void service__seed_rand__unlike_any_other_start(void **state)
{
    (void)state;
    int unseeded = 1804289383; /* glibc's first number, the one that every unseeded ROUTER starts with */
    int one = first_rand();
    int two = first_rand();
    assert_int_not_equal(one, unseeded);
    assert_int_not_equal(two, unseeded);
    assert_int_not_equal(one, two);
}

static struct st_service opened(int64_t drain_ms)
{
    struct st_service service;
    assert_int_equal(st_service_open(&service, drain_ms), ST_OK);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_NOTHING);
    return service;
}

static void service__next__drain_once_then_stop_at_the_deadline(void **state)
{
    (void)state;
    struct st_service service = opened(10000);
    assert_int_equal(st_service_wait_ms(&service, 100, 30000), 30000);
    raise(SIGTERM);
    assert_int_equal(st_service_next(&service, 100), ST_SERVICE_DRAIN);
    assert_int_equal(st_service_next(&service, 100), ST_SERVICE_NOTHING);
    assert_int_equal(st_service_wait_ms(&service, 100, 30000), 10000);
    assert_int_equal(st_service_wait_ms(&service, 5100, 30000), 5000);
    assert_int_equal(st_service_next(&service, 10099), ST_SERVICE_NOTHING);
    assert_int_equal(st_service_next(&service, 10100), ST_SERVICE_STOP);
    assert_int_equal(st_service_next(&service, 10101), ST_SERVICE_STOP);
    assert_int_equal(st_service_wait_ms(&service, 20000, 30000), 0);
    assert_int_equal(st_service_end_code(&service), ST_EXIT_OK);
    st_service_close(&service);
}

static void service__next__no_time_to_drain(void **state)
{
    (void)state;
    struct st_service service = opened(0);
    raise(SIGINT);
    assert_int_equal(st_service_next(&service, 7), ST_SERVICE_DRAIN);
    assert_int_equal(st_service_next(&service, 7), ST_SERVICE_STOP);
    st_service_close(&service);
}

static void service__next__second_term_ends_at_once(void **state)
{
    (void)state;
    struct st_service service = opened(10000);
    raise(SIGTERM);
    assert_int_equal(st_service_next(&service, 1000), ST_SERVICE_DRAIN);
    /* The same wish by another way. */
    raise(SIGTERM);
    raise(SIGINT);
    assert_int_equal(st_service_next(&service, 1499), ST_SERVICE_NOTHING);
    raise(SIGTERM);
    assert_int_equal(st_service_next(&service, 1500), ST_SERVICE_STOP);
    assert_int_equal(st_service_end_code(&service), ST_EXIT_TERMINATED);
    assert_int_equal(st_service_wait_ms(&service, 1500, 30000), 0);
    st_service_close(&service);
}

static void service__next__second_int_is_interrupted(void **state)
{
    (void)state;
    struct st_service service = opened(10000);
    raise(SIGINT);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_DRAIN);
    raise(SIGINT);
    assert_int_equal(st_service_next(&service, 600), ST_SERVICE_STOP);
    assert_int_equal(st_service_end_code(&service), ST_EXIT_INTERRUPTED);
    st_service_close(&service);
}

static void service__next__hup_reloads(void **state)
{
    (void)state;
    struct st_service service = opened(10000);
    raise(SIGHUP);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_RELOAD);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_NOTHING);
    raise(SIGHUP);
    raise(SIGTERM);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_DRAIN);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_RELOAD);
    assert_int_equal(st_service_next(&service, 0), ST_SERVICE_NOTHING);
    st_service_close(&service);
    assert_int_equal(st_service_fd(&service), -1);
}

static void service__exit_code__of_each_error(void **state)
{
    (void)state;
    assert_int_equal(st_service_exit_code(ST_OK), 0);
    assert_int_equal(st_service_exit_code(ST_EIO), 1);
    assert_int_equal(st_service_exit_code(ST_EMALFORMED), 2);
    assert_int_equal(st_service_exit_code(ST_EUNAVAILABLE), 3);
    assert_int_equal(st_service_exit_code(ST_ECONFLICT), 10);
    assert_int_equal(st_service_exit_code(ST_EFULL), 16);
    assert_int_equal(st_service_exit_code(ST_EFOREIGN), 17);
    assert_int_equal(st_service_exit_code(ST_EREFUSED), 19);
    assert_int_equal(st_service_exit_code((enum st_err)1000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service__harden__no_core_no_sigpipe),
        cmocka_unit_test(service__limit_memory__holds),
        cmocka_unit_test(service__limit_memory__never_widens),
        cmocka_unit_test(service__raise_files__as_far_as_allowed),
        cmocka_unit_test(service__seed_rand__unlike_any_other_start),
        cmocka_unit_test(service__next__drain_once_then_stop_at_the_deadline),
        cmocka_unit_test(service__next__no_time_to_drain),
        cmocka_unit_test(service__next__second_term_ends_at_once),
        cmocka_unit_test(service__next__second_int_is_interrupted),
        cmocka_unit_test(service__next__hup_reloads),
        cmocka_unit_test(service__exit_code__of_each_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
