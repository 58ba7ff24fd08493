#include "lib/st_service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

int st_service_exit_code(enum st_err err)
{
    switch (err) {
    case ST_OK:
        return ST_EXIT_OK;
    case ST_EMALFORMED:
        return ST_EXIT_USAGE;
    case ST_EUNAVAILABLE:
    case ST_EUNCERTAIN:
        return ST_EXIT_UNREACHABLE;
    case ST_ECONFLICT:
        return ST_EXIT_HELD;
    case ST_EFULL:
        return ST_EXIT_DISK;
    case ST_EFOREIGN:
    case ST_EINTEGRITY:
        return ST_EXIT_FOREIGN;
    case ST_EREFUSED:
        return ST_EXIT_REFUSED;
    case ST_ENOTFOUND:
    case ST_EEXISTS:
    case ST_ELIMIT:
    case ST_ENOMEM:
    case ST_EIO:
        break;
    }
    return ST_EXIT_FAILED;
}

enum st_err st_service_harden(void)
{
    struct rlimit none = { 0, 0 };
    if (sodium_init() < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_CORE, &none) != 0)
        return ST_EIO;
    umask(S_IRWXG | S_IRWXO);
    if (!HAS_SANITIZER && prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        return ST_EIO;
    return ST_OK;
}

enum st_err st_service_limit_memory(int64_t bytes)
{
    struct rlimit limit;
    if (bytes <= 0 || HAS_SANITIZER)
        return ST_OK;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return ST_EIO;
    /* A hard limit that is lower already is the stricter bound. */
    if (limit.rlim_max == RLIM_INFINITY || (rlim_t)bytes < limit.rlim_max)
        limit.rlim_cur = (rlim_t)bytes;
    else
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_DATA, &limit) == 0 ? ST_OK : ST_EIO;
}

int64_t st_service_raise_files(int64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (want <= 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= (rlim_t)want)
        return limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)limit.rlim_cur;
    struct rlimit wider = { (rlim_t)want, limit.rlim_max > (rlim_t)want ? limit.rlim_max : (rlim_t)want };
    if (setrlimit(RLIMIT_NOFILE, &wider) == 0)
        return want;
    /* Only a privileged process may go beyond the hard limit. */
    wider.rlim_cur = limit.rlim_max;
    wider.rlim_max = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &wider) == 0 ? (int64_t)wider.rlim_cur : (int64_t)limit.rlim_cur;
}

void st_service_seed_rand(void)
{
    srand(randombytes_random()); /* check: allow srand (libzmq draws from it; ours come from libsodium) */
}

enum st_err st_service_open(struct st_service *service, int64_t drain_ms)
{
    *service = (struct st_service) { .fd = -1, .drain_ms = drain_ms };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return ST_EIO;
    service->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return service->fd >= 0 ? ST_OK : ST_EIO;
}

void st_service_close(struct st_service *service)
{
    if (service->fd >= 0)
        close(service->fd);
    service->fd = -1;
}

static void note_signal(struct st_service *service, int number, int64_t now_ms)
{
    if (number == SIGHUP) {
        service->reload = true;
        return;
    }
    if (service->last_signal == 0) {
        service->asked_ms = now_ms;
        service->last_signal = number;
    } else if (now_ms - service->asked_ms >= ST_SERVICE_SECOND_TERM_MS) {
        service->second = true;
        service->last_signal = number;
    }
}

enum st_service_event st_service_next(struct st_service *service, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(service->fd, &info, sizeof info) == (ssize_t)sizeof info)
        note_signal(service, (int)info.ssi_signo, now_ms);
    bool asked = service->last_signal != 0;
    if (asked && !service->drain_told) {
        service->drain_told = true;
        return ST_SERVICE_DRAIN;
    }
    if (service->second || (asked && now_ms - service->asked_ms >= service->drain_ms))
        return ST_SERVICE_STOP;
    if (service->reload) {
        service->reload = false;
        return ST_SERVICE_RELOAD;
    }
    return ST_SERVICE_NOTHING;
}

int64_t st_service_wait_ms(const struct st_service *service, int64_t now_ms, int64_t idle_ms)
{
    if (service->last_signal == 0)
        return idle_ms;
    int64_t left_ms = service->drain_ms - (now_ms - service->asked_ms);
    if (left_ms < 0 || service->second)
        left_ms = 0;
    return left_ms < idle_ms ? left_ms : idle_ms;
}

int st_service_end_code(const struct st_service *service)
{
    if (!service->second)
        return ST_EXIT_OK;
    return service->last_signal == SIGINT ? ST_EXIT_INTERRUPTED : ST_EXIT_TERMINATED;
}
