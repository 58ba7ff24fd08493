#include "services/allinone/daemon_service.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { IDLE_MS = 2000 };

enum st_err daemon_service_open(struct daemon_service *service, void *zmq, const char *endpoint,
                                const struct st_env *env, struct st_log *log)
{
    enum st_err err = service_shell_new(&service->shell, zmq, endpoint, env, log);
    if (err != ST_OK)
        return err;
    service->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return service->wake_fd < 0 ? ST_EIO : ST_OK;
}

static void *run(void *arg)
{
    struct daemon_service *service = arg;
    uint64_t count = 0;
    while (!atomic_load(&service->stop) &&
           service_shell_step(service->shell, &service->core, service->wake_fd, IDLE_MS)) {
        /* Nothing to read means that nobody woke us. */
        ssize_t n = read(service->wake_fd, &count, sizeof count);
        (void)n;
        if (service->turn != NULL)
            service->turn(service->ctx);
    }
    /* What has been sent to it by now is still done. */
    (void)service_shell_step(service->shell, &service->core, -1, 0);
    return NULL;
}

enum st_err daemon_service_start(struct daemon_service *service)
{
    if (pthread_create(&service->thread, NULL, run, service) != 0)
        return ST_EIO;
    service->started = true;
    return ST_OK;
}

void daemon_service_wake(struct daemon_service *service)
{
    uint64_t one = 1;
    /* A full counter wakes as well. */
    ssize_t n = write(service->wake_fd, &one, sizeof one);
    (void)n;
}

void daemon_service_stop(struct daemon_service *service)
{
    if (!service->started)
        return;
    atomic_store(&service->stop, true);
    daemon_service_wake(service);
    pthread_join(service->thread, NULL);
    service->started = false;
}

void daemon_service_close(struct daemon_service *service)
{
    if (service->shell == NULL)
        return;
    service_shell_free(&service->shell);
    if (service->wake_fd >= 0)
        close(service->wake_fd);
}
