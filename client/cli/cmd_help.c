/* `help`, and `safetalk` alone. */
#include "client/cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/help.h"
#include "client/cli/nearest.h"

enum { HELP_MAX = 1 << 20 };

static size_t help_width(const struct cmd *cmd)
{
    const struct terminal *terminal = &cmd->out.options.terminal;
    return terminal->out_is_terminal ? terminal->width : TERMINAL_WIDTH_DEFAULT;
}

enum exit_code cmd_show_help(struct cmd *cmd, const struct command *command, const char *noun)
{
    struct st_buf text;
    st_buf_init(&text, HELP_MAX);
    if (command != NULL)
        help_command(&text, command, help_width(cmd));
    else if (noun != NULL)
        help_noun(&text, noun, help_width(cmd));
    else
        help_general(&text, help_width(cmd));
    output_page(&cmd->out);
    enum st_err err = st_buf_error(&text);
    if (err == ST_OK)
        err = output_text(&cmd->out, st_buf_view(&text));
    st_buf_free(&text);
    return cmd_written(err);
}

enum exit_code cmd_help(struct cmd *cmd)
{
    const char *first = cmd->args.arguments[0];
    const char *second = cmd->args.arguments[1];
    if (first == NULL)
        return cmd_show_help(cmd, NULL, NULL);
    const struct command *command = command_find(first, second);
    if (command != NULL || (second == NULL && command_is_noun(first)))
        return cmd_show_help(cmd, command, first);
    size_t count;
    char typed[128];
    struct nearest nearest;
    const struct command *table = command_table(&count);
    (void)snprintf(typed, sizeof typed, "%.60s%s%.60s", first, second != NULL ? " " : "", second != NULL ? second : "");
    nearest_begin(&nearest, typed);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, table[i].words);
    return CLI_ERROR(&cmd->error, CLI_UNKNOWN_COMMAND, typed, nearest.word);
}

/* The accounts of this machine in one line. */
struct line {
    char text[512];
    size_t count;
};

static enum st_err add_account(void *ctx, const struct paths_found *found)
{
    struct line *line = ctx;
    char place[ST_ADDRESS_HOST_PORT_BYTES];
    size_t used = strlen(line->text);
    st_address_format_host_port(place, found->account.host, found->account.port);
    (void)snprintf(line->text + used, sizeof line->text - used, "%s@%s at %s", used > 0 ? ", " : "",
                   found->account.name, place);
    line->count++;
    return ST_OK;
}

enum exit_code cmd_nothing(struct cmd *cmd)
{
    struct st_buf text;
    struct line line = { "", 0 };
    bool terminal = cmd->out.options.terminal.out_is_terminal;
    st_buf_init(&text, HELP_MAX);
    if (!terminal) {
        help_short(&text, TERMINAL_WIDTH_DEFAULT);
        output_err_text(&cmd->out, st_buf_view(&text));
        st_buf_free(&text);
        return EXIT_CODE_USAGE;
    }
    enum st_err err = paths_each_account(&cmd->paths, add_account, &line);
    if (err == ST_OK)
        (void)st_buf_append(&text, "Safe Talk: ", strlen("Safe Talk: "));
    const char *status = err != ST_OK ? "" : line.count > 0 ? line.text : "no account on this machine yet";
    (void)st_buf_append(&text, status, strlen(status));
    (void)st_buf_append(&text, "\n\n", 2);
    help_short(&text, help_width(cmd));
    if (err == ST_OK)
        err = st_buf_error(&text);
    if (err == ST_OK)
        err = output_text(&cmd->out, st_buf_view(&text));
    st_buf_free(&text);
    return err == ST_OK || cmd->out.failed != ST_OK ? cmd_written(err)
                                                    : cmd_file_error(cmd, cmd->paths.data, err, false);
}
