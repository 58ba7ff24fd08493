#include "client/cli/help.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/layout.h"

enum { NAME_COLUMNS = 34, NARROW = 50 };

static void put(struct st_buf *out, const char *text)
{
    (void)st_buf_append(out, text, strlen(text));
}

/* A paragraph (or several, a newline between them), indented. */
static void paragraph(struct st_buf *out, const char *text, size_t indent, size_t width)
{
    struct layout layout = { indent, indent, width };
    for (size_t i = 0; i < indent; i++)
        put(out, " ");
    layout_wrap(out, st_view_text(text), &layout);
    put(out, "\n");
}

/* `  name        what it is`, the second column wrapped; a name that is too long gets its own line. */
static void entry(struct st_buf *out, const char *name, const char *text, size_t width)
{
    size_t columns = width < NARROW ? NAME_COLUMNS / 2 : NAME_COLUMNS;
    struct layout layout = { columns, columns, width };
    size_t used = 2 + strlen(name);
    put(out, "  ");
    put(out, name);
    if (used + 2 > columns) {
        put(out, "\n");
        used = 0;
    }
    for (size_t i = used; i < columns; i++)
        put(out, " ");
    layout_wrap(out, st_view_text(text), &layout);
    put(out, "\n");
}

static void usage(char *out, size_t cap, const struct command *command)
{
    (void)snprintf(out, cap, "%s%s%s", command->words, command->arguments[0] != '\0' ? " " : "", command->arguments);
}

void help_flag(char out[static HELP_FLAG_BYTES], enum flag_id id)
{
    const struct flag *flag = command_flag(id);
    char letter[8] = "";
    if (flag->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c%s", flag->letter, flag->name != NULL ? ", " : "");
    (void)snprintf(out, HELP_FLAG_BYTES, "%s%s%s%s%s", letter, flag->name != NULL ? "--" : "",
                   flag->name != NULL ? flag->name : "", flag->value != NULL ? " " : "",
                   flag->value != NULL ? flag->value : "");
}

static void command_entry(struct st_buf *out, const struct command *command, size_t width)
{
    char name[96];
    usage(name, sizeof name, command);
    entry(out, name, command->summary, width);
}

void help_short(struct st_buf *out, size_t width)
{
    size_t count;
    const struct command *table = command_table(&count);
    put(out, "usage: safetalk [FLAGS] COMMAND …\n\n");
    for (size_t i = 0; i < count; i++)
        command_entry(out, &table[i], width);
    put(out, "\n");
    paragraph(out, "`safetalk help COMMAND` explains one, `safetalk help` tells of the global flags.", 0, width);
}

static void flag_entry(struct st_buf *out, const struct command *command, enum flag_id id, size_t width)
{
    char name[HELP_FLAG_BYTES];
    help_flag(name, id);
    entry(out, name, command != NULL ? command_flag_help(command, id) : command_flag(id)->help, width);
}

void help_general(struct st_buf *out, size_t width)
{
    help_short(out, width);
    put(out, "\nGlobal flags, before or after the command:\n");
    for (int id = FLAG_END + 1; id <= FLAG_GLOBAL_LAST; id++)
        flag_entry(out, NULL, (enum flag_id)id, width);
    put(out, "\n");
    paragraph(out,
              "Each global flag can also be set as SAFETALK_ and its name (SAFETALK_NO_INPUT=1), or in config.ini. "
              "Flags win over variables, variables over $XDG_CONFIG_HOME/safetalk/config.ini, that one over "
              "/etc/safetalk/config.ini.",
              0, width);
}

static void exit_codes(struct st_buf *out, exit_code_set codes, size_t width)
{
    for (size_t i = 0; i < EXIT_CODE_MEANINGS; i++) {
        const struct exit_code_meaning *meaning = &exit_code_meanings[i];
        char line[128];
        if ((codes & meaning->bit) == 0)
            continue;
        (void)snprintf(line, sizeof line, "%3d  %s", (int)meaning->code, meaning->meaning);
        paragraph(out, line, 2, width);
    }
}

void help_command(struct st_buf *out, const struct command *command, size_t width)
{
    char name[96];
    usage(name, sizeof name, command);
    put(out, "usage: safetalk ");
    put(out, name);
    put(out, command->flags[0] != FLAG_END ? " [FLAGS]\n\n" : "\n\n");
    paragraph(out, command->summary, 0, width);
    if (command->details[0] != '\0') {
        put(out, "\n");
        paragraph(out, command->details, 0, width);
    }
    if (command->flags[0] != FLAG_END)
        put(out, "\nFlags:\n");
    for (size_t i = 0; command->flags[i] != FLAG_END; i++)
        flag_entry(out, command, command->flags[i], width);
    if (command->id == COMMAND_RECEIVE)
        flag_entry(out, command, FLAG_TIMEOUT, width);
    put(out, "\n");
    if (command->records[0] != '\0') {
        put(out, "Prints (with --json): ");
        put(out, command->records);
        put(out, "\n\n");
    }
    put(out, "Exit codes:\n");
    exit_codes(out, command->codes, width);
    put(out, "\nExamples:\n");
    paragraph(out, command->examples, 2, 0);
}

void help_noun(struct st_buf *out, const char *noun, size_t width)
{
    size_t count;
    const struct command *table = command_table(&count);
    size_t len = strlen(noun);
    put(out, "usage: safetalk ");
    put(out, noun);
    put(out, " VERB …\n\n");
    for (size_t i = 0; i < count; i++)
        if (strncmp(table[i].words, noun, len) == 0 && table[i].words[len] == ' ')
            command_entry(out, &table[i], width);
}
