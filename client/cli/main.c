/* The program `safetalk`: reads the command line, finds out what is in force, runs one command, says how it ended. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/cmd.h"
#include "client/cli/interrupt.h"
#include "client/cli/pager.h"

static const char *get_variable(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* Keys must not land in a core file, nor be read by other processes of this user. */
static void forbid_dumps(void)
{
    struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        errno = 0; /* a kernel without them: nothing more can be done */
}

/* What is known before the settings are: enough to print an error in the form that was asked for. */
static enum output_form early_form(const struct args *args)
{
    if (args_has(args, FLAG_JSON))
        return OUTPUT_JSON;
    return args_has(args, FLAG_PLAIN) ? OUTPUT_PLAIN : OUTPUT_HUMAN;
}

static enum st_err open_output(struct cmd *cmd, enum output_form form)
{
    struct output_options options;
    memset(&options, 0, sizeof options);
    options.form = form;
    options.quiet = cmd->settings.file.quiet;
    options.verbose = cmd->settings.verbose;
    options.pager = cmd->settings.file.pager ? pager_command(get_variable, NULL) : NULL;
    options.out_fd = STDOUT_FILENO;
    options.err_fd = STDERR_FILENO;
    options.env = &cmd->env;
    terminal_look(&options.terminal, STDOUT_FILENO, STDERR_FILENO, (enum terminal_color)cmd->settings.file.color,
                  get_variable, NULL);
    return output_init(&cmd->out, &options);
}

/* Command line, environment, folders, configuration. */
static enum exit_code prepare(struct cmd *cmd, int argc, char **argv)
{
    enum exit_code code = args_parse(&cmd->args, argc, argv, st_env_wall_ms(&cmd->env), &cmd->error);
    if (code == EXIT_CODE_DONE)
        code = args_environment(&cmd->args, get_variable, NULL, &cmd->error);
    if (code != EXIT_CODE_DONE)
        return code;
    enum st_err err = paths_find(&cmd->paths, args_text(&cmd->args, FLAG_DATA_DIR), get_variable, NULL);
    if (err != ST_OK)
        return CLI_ERROR(&cmd->error, CLI_BAD_ENVIRONMENT, "HOME",
                         "an absolute path of at most 900 bytes; or give --data-dir DIR");
    return settings_load(&cmd->settings, &cmd->args, &cmd->paths, &cmd->error);
}

static enum exit_code open_log(struct cmd *cmd)
{
    struct st_log_options options;
    const char *path = cmd->settings.file.log_file;
    if (path[0] == '\0')
        return EXIT_CODE_DONE;
    memset(&options, 0, sizeof options);
    options.program = "safetalk";
    options.level = cmd->settings.verbose ? ST_LOG_DEBUG : ST_LOG_INFO;
    options.path = path;
    enum st_err err = st_log_open(&cmd->log, &options);
    return err == ST_OK ? EXIT_CODE_DONE : cmd_file_error(cmd, path, err, true);
}

static enum exit_code print_version(struct cmd *cmd)
{
    static const char version[] = "safetalk " SAFETALK_VERSION "\n";
    return cmd_written(output_text(&cmd->out, st_view_text(version)));
}

/* The log tells which command ran and how it ended; never with whom. */
static enum exit_code run_logged(struct cmd *cmd)
{
    char line[ARGS_PUBLIC_BYTES];
    enum exit_code code = open_log(cmd);
    if (code != EXIT_CODE_DONE)
        return code;
    args_public_line(line, &cmd->args);
    ST_LOG(cmd->log, ST_LOG_INFO, "begin", st_log_text("command", line));
    code = cmd_run(cmd);
    ST_LOG(cmd->log, ST_LOG_INFO, "end", st_log_text("command", line), st_log_int("code", code));
    if (!cmd->settings.file.scrub_log && cmd->error.id != CLI_OK)
        ST_LOG(cmd->log, ST_LOG_WARN, "error", st_log_text("what", cmd->error.what),
               st_log_text("why", cmd->error.why));
    st_log_close(&cmd->log);
    return code;
}

static enum exit_code run(struct cmd *cmd)
{
    if (args_has(&cmd->args, FLAG_VERSION))
        return print_version(cmd);
    if (args_has(&cmd->args, FLAG_HELP))
        return cmd_show_help(cmd, cmd->args.command, cmd->args.noun);
    if (cmd->args.command == NULL)
        return cmd_nothing(cmd);
    if (sodium_init() < 0)
        return CLI_ERROR(&cmd->error, CLI_UNEXPECTED, "start", "libsodium has no source of chance", cmd->typed);
    cmd->wake_fd = interrupt_install();
    return run_logged(cmd);
}

int main(int argc, char **argv)
{
    static struct cmd cmd;
    cmd.env = st_env_system();
    cmd.wake_fd = -1;
    cmd.settings.password_fd = -1;
    forbid_dumps();
    (void)setlocale(LC_CTYPE, "");
    quote_line(cmd.typed, argc, argv);
    enum exit_code code = prepare(&cmd, argc, argv);
    bool ready = code == EXIT_CODE_DONE;
    enum output_form form = ready ? (enum output_form)cmd.settings.file.output : early_form(&cmd.args);
    if (open_output(&cmd, form) != ST_OK) {
        fputs("safetalk: out of memory [1 no_memory]\n", stderr);
        return EXIT_CODE_UNEXPECTED;
    }
    if (ready)
        code = run(&cmd);
    bool broken = cmd.out.broken;
    if (!broken)
        output_error(&cmd.out, &cmd.error);
    enum exit_code written = output_end(&cmd.out);
    if (written == EXIT_CODE_BROKEN_PIPE || (written != EXIT_CODE_DONE && cmd.error.id == CLI_OK))
        code = written;
    return (int)code;
}
