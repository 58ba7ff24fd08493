/* safetalkd: gateway, auth and relay in one program, for one machine. */
#include <stdio.h>

#include "services/allinone/daemon_args.h"
#include "services/allinone/daemon_init.h"
#include "services/allinone/daemon_invite.h"
#include "services/allinone/daemon_run.h"

static int help(const struct daemon_args *args)
{
    daemon_args_help(args->topic);
    return ST_EXIT_OK;
}

static int version(const struct daemon_args *args)
{
    (void)args;
    printf("safetalkd %s\n", DAEMON_VERSION_TEXT);
    return ST_EXIT_OK;
}

int main(int argc, char **argv)
{
    static int (*const commands[])(const struct daemon_args *args) = {
        [DAEMON_HELP] = help,      [DAEMON_VERSION] = version,      [DAEMON_INIT] = daemon_init,
        [DAEMON_RUN] = daemon_run, [DAEMON_INVITE] = daemon_invite,
    };
    struct daemon_args args;
    struct daemon_error error = { 0 };
    if (daemon_args_parse(&args, argc, argv, &error) != ST_OK)
        return daemon_error_print(&error);
    if (st_service_harden() != ST_OK) {
        daemon_error_what(&error, ST_EXIT_FAILED, "unexpected", "the process cannot be protected");
        daemon_error_why(&error, "the system refuses to forbid core dumps, or libsodium does not start");
        daemon_error_next(&error, "safetalkd help");
        return daemon_error_print(&error);
    }
    int code = commands[args.command](&args);
    if (fflush(stdout) != 0 && code == ST_EXIT_OK) {
        perror("safetalkd: stdout");
        code = ST_EXIT_FAILED;
    }
    return code;
}
