#include "client/cli/password.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/interrupt.h"

/* Where a password comes from. */
struct source {
    const char *file; /* NULL: not a file */
    int fd;           /* -1: not a descriptor */
    const char *flag; /* what to use without a terminal */
    bool any_length;  /* an old one: judged when it was made */
};

static enum exit_code length_fault(struct cmd *cmd, const struct secret_report *report)
{
    char bytes[32];
    (void)snprintf(bytes, sizeof bytes, "%zu", report->bytes);
    return CLI_ERROR(&cmd->error, CLI_PASSWORD_LENGTH, bytes, cmd->typed);
}

static enum exit_code nobody_to_ask(struct cmd *cmd, const char *what, const struct source *source, const char *why)
{
    char next[QUOTE_LINE_BYTES + 64];
    (void)snprintf(next, sizeof next, "%s %s FILE", cmd->typed, source->flag);
    return CLI_ERROR(&cmd->error, CLI_NO_INPUT, what, why, next);
}

static enum exit_code readable_fault(struct cmd *cmd, const struct secret_report *report, const char *file)
{
    char mode[16];
    char quoted[PATHS_MAX] = "";
    (void)snprintf(mode, sizeof mode, "0%o", report->mode);
    if (quote_append(quoted, sizeof quoted, file) != 0)
        (void)snprintf(quoted, sizeof quoted, "FILE");
    return CLI_ERROR(&cmd->error, CLI_FILE_READABLE, quoted, mode);
}

static enum exit_code fault_error(struct cmd *cmd, const struct secret_report *report, const char *what,
                                  const struct source *source)
{
    switch (report->fault) {
    case SECRET_TOO_SHORT:
    case SECRET_TOO_LONG:
        return length_fault(cmd, report);
    case SECRET_NOT_TEXT:
        return CLI_ERROR(&cmd->error, CLI_PASSWORD_TEXT, cmd->typed);
    case SECRET_READABLE:
        return readable_fault(cmd, report, source->file);
    case SECRET_NO_FILE:
        return CLI_ERROR(&cmd->error, CLI_NO_SUCH_FILE,
                         source->file != NULL ? source->file : "the password's descriptor", strerror(report->error),
                         cmd->typed);
    case SECRET_NO_TERMINAL:
        return nobody_to_ask(cmd, what, source, "there is no terminal to ask at");
    case SECRET_CANCELLED:
        if (interrupt_signal() == 0)
            return nobody_to_ask(cmd, what, source, "the input ended");
        return CLI_ERROR(&cmd->error, CLI_INTERRUPTED, "nothing was changed", cmd->typed);
    default:
        return CLI_ERROR(&cmd->error, CLI_NO_MEMORY, "");
    }
}

/* From its source without asking. False: it must be asked for. */
static bool from_source(const struct source *source, struct secret *out, struct secret_report *report)
{
    if (source->file != NULL)
        (void)secret_from_file(out, source->file, source->any_length, report);
    else if (source->fd >= 0)
        (void)secret_from_fd(out, source->fd, source->any_length, report);
    else
        return false;
    return true;
}

static enum exit_code ask(struct cmd *cmd, const char *prompt, const char *what, const struct source *source,
                          struct secret *out)
{
    struct secret_report report;
    if (cmd->settings.no_input)
        return nobody_to_ask(cmd, what, source, "--no-input forbids to ask for it");
    if (secret_ask(out, prompt, cmd->out.options.err_fd, source->any_length, &report) != SECRET_OK)
        return fault_error(cmd, &report, what, source);
    return EXIT_CODE_DONE;
}

enum exit_code password_of(struct cmd *cmd, const char *name, struct secret *out)
{
    char prompt[SECRET_PROMPT_BYTES];
    char what[SECRET_PROMPT_BYTES];
    struct secret_report report;
    struct source source = { cmd->settings.password_file, cmd->settings.password_fd, "--password-file", true };
    memset(out, 0, sizeof *out);
    secret_prompt_of(prompt, name);
    (void)snprintf(what, sizeof what, "the password of @%s", name);
    if (!from_source(&source, out, &report))
        return ask(cmd, prompt, what, &source, out);
    return report.fault == SECRET_OK ? EXIT_CODE_DONE : fault_error(cmd, &report, what, &source);
}

enum exit_code password_new(struct cmd *cmd, bool is_change, struct secret *out)
{
    struct secret again;
    struct secret_report report;
    struct source source = { cmd->settings.password_file, cmd->settings.password_fd, "--password-file", false };
    const char *what = "a new password";
    if (is_change) {
        source.file = args_text(&cmd->args, FLAG_NEW_PASSWORD_FILE);
        source.fd = (int)args_number(&cmd->args, FLAG_NEW_PASSWORD_FD, -1);
        source.flag = "--new-password-file";
    }
    memset(out, 0, sizeof *out);
    if (from_source(&source, out, &report))
        return report.fault == SECRET_OK ? EXIT_CODE_DONE : fault_error(cmd, &report, what, &source);
    enum exit_code code = ask(cmd, SECRET_PROMPT_NEW, what, &source, out);
    if (code != EXIT_CODE_DONE)
        return code;
    source.any_length = true; /* it must only be the same */
    code = ask(cmd, SECRET_PROMPT_AGAIN, what, &source, &again);
    if (code == EXIT_CODE_DONE && !secret_equal(out, &again))
        code = CLI_ERROR(&cmd->error, CLI_PASSWORD_DIFFERS, cmd->typed);
    secret_free(&again);
    if (code != EXIT_CODE_DONE)
        secret_free(out);
    return code;
}
