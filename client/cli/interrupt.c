#include "client/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A signal handler can reach nothing but what is global. */
static volatile sig_atomic_t came = 0;
static volatile sig_atomic_t wake_fd = -1;

static void note(int number)
{
    int saved = errno;
    if (came == 0) {
        came = number;
        if (wake_fd >= 0 && write((int)wake_fd, "!", 1) < 0)
            errno = saved; /* a full pipe is readable already */
    } else {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
    errno = saved;
}

int interrupt_install(void)
{
    int ends[2];
    int fd = -1;
    if (pipe(ends) == 0) {
        for (int i = 0; i < 2; i++) {
            (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
            (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
        }
        wake_fd = ends[1];
        fd = ends[0];
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    return fd;
}

int interrupt_signal(void)
{
    return (int)came;
}
