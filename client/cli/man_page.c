/* The man page, in roff, from the table of commands. */
#include "client/cli/help.h"

#include <stdio.h>
#include <string.h>

static void put(struct st_buf *out, const char *text)
{
    (void)st_buf_append(out, text, strlen(text));
}

/* Text that roff shows as it is. A newline begins a paragraph. */
static void put_roff(struct st_buf *out, const char *text)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            put(out, "\\&");
        line_start = false;
        if (*text == '\\') {
            put(out, "\\e");
        } else if (*text == '-') {
            put(out, "\\-");
        } else if (*text == '\n') {
            put(out, "\n.PP\n");
            line_start = true;
        } else {
            (void)st_buf_append(out, text, 1);
        }
    }
}

static void line(struct st_buf *out, const char *macro, const char *text)
{
    put(out, macro);
    put_roff(out, text);
    put(out, "\n");
}

static void flag_item(struct st_buf *out, const char *name, const char *help)
{
    put(out, ".TP\n");
    line(out, ".B ", name);
    line(out, "", help);
}

/* Examples keep their lines. */
static void examples(struct st_buf *out, const char *text)
{
    put(out, ".PP\n.EX\n");
    while (*text != '\0') {
        char one[256];
        size_t len = strcspn(text, "\n");
        (void)snprintf(one, sizeof one, "%.*s", (int)len, text);
        line(out, "", one);
        text += len + (text[len] == '\n');
    }
    put(out, ".EE\n");
}

static void command_codes(struct st_buf *out, exit_code_set codes)
{
    const char *before = "";
    put(out, ".PP\nExit codes: ");
    for (size_t i = 0; i < EXIT_CODE_MEANINGS; i++) {
        char number[16];
        if ((codes & exit_code_meanings[i].bit) == 0)
            continue;
        (void)snprintf(number, sizeof number, "%s%d", before, (int)exit_code_meanings[i].code);
        put(out, number);
        before = ", ";
    }
    put(out, ".\n");
}

static void command_section(struct st_buf *out, const struct command *command)
{
    char name[96];
    char flag[HELP_FLAG_BYTES];
    (void)snprintf(name, sizeof name, "%s %s", command->words, command->arguments);
    line(out, ".SS ", name);
    line(out, "", command->summary);
    if (command->details[0] != '\0') {
        put(out, ".PP\n");
        line(out, "", command->details);
    }
    for (size_t i = 0; command->flags[i] != FLAG_END; i++) {
        help_flag(flag, command->flags[i]);
        flag_item(out, flag, command_flag_help(command, command->flags[i]));
    }
    if (command->id == COMMAND_RECEIVE) {
        help_flag(flag, FLAG_TIMEOUT);
        flag_item(out, flag, command_flag_help(command, FLAG_TIMEOUT));
    }
    if (command->records[0] != '\0') {
        put(out, ".PP\nPrints: ");
        line(out, "", command->records);
    }
    command_codes(out, command->codes);
    examples(out, command->examples);
}

static const struct {
    const char *name;
    const char *text;
} FILES[] = {
    { "$XDG_DATA_HOME/safetalk/NAME@HOST:PORT/", "an account: encrypted store, key slots, lock, encrypted files" },
    { "$XDG_STATE_HOME/safetalk/", "log" },
    { "$XDG_CACHE_HOME/safetalk/", "ciphertext only" },
    { "$XDG_CONFIG_HOME/safetalk/config.ini", "configuration of the user" },
    { "/etc/safetalk/config.ini", "configuration of the machine" },
};

void help_man_page(struct st_buf *out, const char *version)
{
    size_t count;
    const struct command *table = command_table(&count);
    char title[96];
    (void)snprintf(title, sizeof title, ".TH SAFETALK 1 \"\" \"Safe Talk %s\" \"Safe Talk\"\n", version);
    put(out, ".\\\" Made from the table of commands; change client/cli/command_table.c, then build the target man.\n");
    put(out, title);
    put(out, ".SH NAME\nsafetalk \\- write to people so that nobody else can read it\n");
    put(out, ".SH SYNOPSIS\n.B safetalk\n[FLAGS] COMMAND [ARGUMENTS]\n");
    put(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++)
        command_section(out, &table[i]);
    put(out, ".SH GLOBAL FLAGS\nThey stand before or after the command. Each can also be set as SAFETALK_ and its "
             "name in the environment (SAFETALK_NO_INPUT=1).\n");
    for (int id = FLAG_END + 1; id <= FLAG_GLOBAL_LAST; id++) {
        char flag[HELP_FLAG_BYTES];
        help_flag(flag, (enum flag_id)id);
        flag_item(out, flag, command_flag((enum flag_id)id)->help);
    }
    put(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_CODE_MEANINGS; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", (int)exit_code_meanings[i].code);
        flag_item(out, number, exit_code_meanings[i].meaning);
    }
    put(out, ".SH FILES\n");
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        flag_item(out, FILES[i].name, FILES[i].text);
}
