/* The commands: what each needs from the program, and the functions that run them. */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/args.h"
#include "client/cli/cli_error.h"
#include "client/cli/output.h"
#include "client/cli/paths.h"
#include "client/cli/quote.h"
#include "client/cli/settings.h"
#include "lib/st_env.h"
#include "lib/st_log.h"

/* What every command is handed. */
struct cmd {
    struct args args;
    struct settings settings;
    struct paths paths;
    struct output out;
    struct cli_error error; /* a command that fails leaves it here; the program prints it */
    struct st_env env;
    struct st_log *log;           /* NULL: none */
    int wake_fd;                  /* readable once Ctrl-C or TERM came; -1: none */
    char typed[QUOTE_LINE_BYTES]; /* the command line, to be typed again */
};

/* Runs the command that `cmd` names and returns its exit code; `cmd->error` is filled unless it is 0. */
enum exit_code cmd_run(struct cmd *cmd);

/* One function a command, or for a few. Each returns its exit code with `cmd->error` filled. */
enum exit_code cmd_send(struct cmd *cmd);
enum exit_code cmd_receive(struct cmd *cmd);
enum exit_code cmd_chats(struct cmd *cmd);
enum exit_code cmd_read(struct cmd *cmd);
enum exit_code cmd_status(struct cmd *cmd);
enum exit_code cmd_outbox_list(struct cmd *cmd);
enum exit_code cmd_help(struct cmd *cmd);
enum exit_code cmd_account_create(struct cmd *cmd);
enum exit_code cmd_account_login(struct cmd *cmd);
enum exit_code cmd_account_logout(struct cmd *cmd);
enum exit_code cmd_account_passwd(struct cmd *cmd);
enum exit_code cmd_account_delete(struct cmd *cmd);
enum exit_code cmd_account_list(struct cmd *cmd);
enum exit_code cmd_contact_lookup(struct cmd *cmd);
enum exit_code cmd_key_show(struct cmd *cmd);
enum exit_code cmd_key_verify(struct cmd *cmd);
enum exit_code cmd_attachment_get(struct cmd *cmd);
enum exit_code cmd_deny_transcript(struct cmd *cmd);
enum exit_code cmd_deny_forge(struct cmd *cmd);
enum exit_code cmd_deny_check(struct cmd *cmd);

/* What is shown for `safetalk` alone: a status line and the short help. */
enum exit_code cmd_nothing(struct cmd *cmd);

/* Help for a command, a noun, or all, through the pager. */
enum exit_code cmd_show_help(struct cmd *cmd, const struct command *command, const char *noun);

/* ---- what commands share ---- */

/* The exit code of a failed write to stdout: output_end tells it, and nothing more is printed. */
static inline enum exit_code cmd_written(enum st_err err)
{
    return err == ST_OK ? EXIT_CODE_DONE : EXIT_CODE_UNEXPECTED;
}

/* With --dry-run: says what would be done and returns true. */
bool cmd_is_dry_run(struct cmd *cmd, const char *what);

/* Asks for agreement by name, where something dies: --confirm NAME, or typed at the question. `what` is said in the
 * question and in the error ("nothing was deleted"). */
enum exit_code cmd_confirm_name(struct cmd *cmd, const char *name, const char *question, const char *nothing_done);

/* Asks a question of yes or no: --yes, or `yes` typed. *agreed. */
enum exit_code cmd_confirm(struct cmd *cmd, const char *question, bool *agreed);

/* An error of a local file: not found, not readable, not writable, disk full. `writing` says which way. */
enum exit_code cmd_file_error(struct cmd *cmd, const char *path, enum st_err err, bool writing);

#endif
