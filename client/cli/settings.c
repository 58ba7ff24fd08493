#include "client/cli/settings.h"

#include <stdio.h>
#include <string.h>

#include "lib/st_file.h"

/* Ten years, as for flags. */
#define WAIT_MAX_MS (INT64_C(3653) * 86400 * 1000)

static const char *const COLORS[] = { "auto", "always", "never", NULL };
static const char *const OUTPUTS[] = { "human", "json", "plain", NULL };
static const char *const REQUESTS[] = { "auto", "ask", "accept", NULL };

static enum st_err check_account(const char *text, const char **why_r)
{
    struct target_account account;
    *why_r = "an account: NAME, NAME@HOST or NAME@HOST:PORT";
    if (text[0] == '\0')
        return ST_OK;
    return target_parse_account(&account, text);
}

static const struct st_config_row ROWS[] = {
    ST_CONFIG_TEXT(NULL, "account", struct settings_file, account, "", check_account,
                   "The account to use, if there are several: NAME[@HOST[:PORT]]."),
    ST_CONFIG_ENUM(NULL, "color", struct settings_file, color, "auto", COLORS, "Colours; auto: on a terminal."),
    ST_CONFIG_ENUM(NULL, "output", struct settings_file, output, "human", OUTPUTS,
                   "The form of what is printed, as --json and --plain choose it."),
    ST_CONFIG_BOOL(NULL, "pager", struct settings_file, pager, "yes",
                   "Show what is longer than the screen in a pager."),
    ST_CONFIG_BOOL(NULL, "quiet", struct settings_file, quiet, "no", "No notices."),
    ST_CONFIG_DURATION(NULL, "timeout", struct settings_file, timeout_ms, "15s", 0, WAIT_MAX_MS,
                       "Longest wait for server, peer or event."),
    ST_CONFIG_DURATION(NULL, "lock-timeout", struct settings_file, lock_timeout_ms, "5s", 0, WAIT_MAX_MS,
                       "Longest wait for another process of the account."),
    ST_CONFIG_PATH(NULL, "log-file", struct settings_file, log_file, "", NULL, "Where to log; empty: nowhere."),
    ST_CONFIG_BOOL(NULL, "scrub-log", struct settings_file, scrub_log, "yes",
                   "Leave names, addresses and ids out of the log."),
    ST_CONFIG_ENUM(NULL, "requests", struct settings_file, requests, "auto", REQUESTS,
                   "Strangers who write: ask keeps them apart until they are accepted, accept takes them in, auto asks "
                   "where registration is open."),
    ST_CONFIG_DURATION(NULL, "expose-within", struct settings_file, expose_within_ms, "10m", 0, 3600000,
                       "Used MAC keys are published at a random time within this, a minute after their message at the "
                       "earliest."),
    ST_CONFIG_BOOL(NULL, "strict-handshake", struct settings_file, strict_handshake, "no",
                   "Ask for a fresh ratchet step before every message while the other side is online."),
};

static const struct st_config_table TABLE = { "Safe Talk, the client", ROWS, sizeof ROWS / sizeof ROWS[0] };

const struct st_config_table *settings_table(void)
{
    return &TABLE;
}

/* Lays one file over what is there. */
static enum exit_code read_file(struct settings_file *file, const char *path, bool must_exist, struct cli_error *error)
{
    struct st_buf text;
    struct st_config_error fault;
    char why[ST_CONFIG_ERROR_SIZE + 32];
    memset(&fault, 0, sizeof fault);
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    enum st_err err = st_file_read(path, ST_CONFIG_FILE_MAX, &text);
    if (err == ST_OK)
        err = st_config_parse(&TABLE, file, st_buf_view(&text), path, &fault);
    else
        (void)snprintf(fault.text, sizeof fault.text, "it cannot be read: %s", st_err_text(err));
    st_buf_free(&text);
    if (err == ST_OK || (err == ST_ENOTFOUND && !must_exist))
        return EXIT_CODE_DONE;
    (void)snprintf(why, sizeof why, "%s", fault.text);
    return CLI_ERROR(error, CLI_BAD_CONFIG, path, why, path);
}

static enum exit_code read_files(struct settings_file *file, const struct args *args, const struct paths *paths,
                                 struct cli_error *error)
{
    const char *only = args_text(args, FLAG_CONFIG);
    struct st_config_error fault;
    if (st_config_defaults(&TABLE, file, &fault) != ST_OK)
        return CLI_ERROR(error, CLI_UNEXPECTED, "set the defaults", fault.text, "safetalk help");
    if (only != NULL)
        return read_file(file, only, true, error);
    enum exit_code code = read_file(file, PATHS_SYSTEM_CONFIG, false, error);
    if (code == EXIT_CODE_DONE && paths->config[0] != '\0')
        code = read_file(file, paths->config, false, error);
    return code;
}

static void copy_text(char *to, size_t cap, const char *from)
{
    if (from != NULL)
        (void)snprintf(to, cap, "%s", from);
}

/* A switch that was given, on or off, decides; otherwise the file does. */
static bool decide(const struct args *args, enum flag_id id, bool otherwise)
{
    return args->values[id].origin != ARGS_NOT_SET ? args->values[id].number != 0 : otherwise;
}

static int index_of(const char *const *words, const char *word)
{
    int i = 0;
    while (words[i] != NULL && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static void overlay(struct settings *out, const struct args *args)
{
    struct settings_file *file = &out->file;
    copy_text(file->account, sizeof file->account, args_text(args, FLAG_ACCOUNT));
    copy_text(file->log_file, sizeof file->log_file, args_text(args, FLAG_LOG_FILE));
    if (args_text(args, FLAG_COLOR) != NULL)
        file->color = index_of(COLORS, args_text(args, FLAG_COLOR));
    if (args_has(args, FLAG_NO_COLOR))
        file->color = TERMINAL_COLOR_NEVER;
    if (args_has(args, FLAG_JSON))
        file->output = OUTPUT_JSON;
    if (args_has(args, FLAG_PLAIN))
        file->output = OUTPUT_PLAIN;
    file->pager = !decide(args, FLAG_NO_PAGER, !file->pager);
    file->quiet = decide(args, FLAG_QUIET, file->quiet);
    file->scrub_log = !decide(args, FLAG_NO_SCRUB_LOG, !file->scrub_log);
    bool listens = args->command != NULL && args->command->id == COMMAND_RECEIVE;
    if (listens && args->values[FLAG_TIMEOUT].origin == ARGS_FLAG)
        out->listen_ms = args_number(args, FLAG_TIMEOUT, 0);
    else
        file->timeout_ms = args_number(args, FLAG_TIMEOUT, file->timeout_ms);
    file->lock_timeout_ms = args_number(args, FLAG_LOCK_TIMEOUT, file->lock_timeout_ms);
    out->verbose = args_has(args, FLAG_VERBOSE);
    out->no_input = args_has(args, FLAG_NO_INPUT);
    out->yes = args_has(args, FLAG_YES);
    out->dry_run = args_has(args, FLAG_DRY_RUN);
    out->confirm = args_text(args, FLAG_CONFIRM);
    out->password_file = args_text(args, FLAG_PASSWORD_FILE);
    out->password_fd = (int)args_number(args, FLAG_PASSWORD_FD, -1);
    out->server = args_text(args, FLAG_SERVER);
}

enum exit_code settings_load(struct settings *out, const struct args *args, const struct paths *paths,
                             struct cli_error *error)
{
    memset(out, 0, sizeof *out);
    enum exit_code code = read_files(&out->file, args, paths, error);
    if (code == EXIT_CODE_DONE)
        overlay(out, args);
    return code;
}
