#include "client/cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *pager_command(pager_getenv_fn get, void *ctx)
{
    const char *command = get(ctx, "SAFETALK_PAGER");
    if (command == NULL)
        command = get(ctx, "PAGER");
    if (command == NULL)
        command = "less -FRX";
    return command[0] == '\0' || strcmp(command, "cat") == 0 ? NULL : command;
}

/* The environment with the two settings of less in place of any that stand there. Returns new: the array only. */
static char **secure_environment(void)
{
    static char secure[] = "LESSSECURE=1";
    static char history[] = "LESSHISTFILE=-";
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **out = calloc(count + 3, sizeof *out);
    if (out == NULL)
        return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool ours = strncmp(environ[i], "LESSSECURE=", 11) == 0 || strncmp(environ[i], "LESSHISTFILE=", 13) == 0;
        if (!ours)
            out[kept++] = environ[i];
    }
    out[kept++] = secure;
    out[kept] = history;
    return out;
}

static enum st_err start(pid_t *pid_r, const char *command, int input)
{
    char shell[] = "/bin/sh";
    char dash_c[] = "-c";
    posix_spawn_file_actions_t actions;
    enum st_err err = ST_EIO;
    char *line = strdup(command);
    char **env = secure_environment();
    if (line == NULL || env == NULL || posix_spawn_file_actions_init(&actions) != 0) {
        free(line);
        free(env);
        return ST_ENOMEM;
    }
    char *const argv[] = { shell, dash_c, line, NULL };
    if (posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0 &&
        posix_spawn(pid_r, shell, &actions, NULL, argv, env) == 0)
        err = ST_OK;
    (void)posix_spawn_file_actions_destroy(&actions);
    free(line);
    free(env);
    return err;
}

/* Until all is written or the pager has gone. */
static void feed(int fd, struct st_view text)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.p, text.len);
        if (done < 0 && errno != EINTR)
            return;
        if (done > 0)
            text = st_view(text.p + done, text.len - (size_t)done);
    }
}

enum st_err pager_show(const char *command, struct st_view text)
{
    int ends[2];
    pid_t pid;
    if (pipe(ends) != 0)
        return ST_EIO;
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    enum st_err err = start(&pid, command, ends[0]);
    close(ends[0]);
    if (err != ST_OK) {
        close(ends[1]);
        return err;
    }
    /* Ctrl-C is for the pager; a pager that has gone is a broken pipe, which must not end us. */
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction interrupt;
    struct sigaction broken;
    (void)sigaction(SIGINT, &ignore, &interrupt);
    (void)sigaction(SIGPIPE, &ignore, &broken);
    feed(ends[1], text);
    close(ends[1]);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)sigaction(SIGINT, &interrupt, NULL);
    (void)sigaction(SIGPIPE, &broken, NULL);
    return ST_OK;
}
