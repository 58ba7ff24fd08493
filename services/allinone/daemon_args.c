#include "services/allinone/daemon_args.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/st_nearest.h"

struct flag {
    const char *name;  /* with its dashes */
    const char *value; /* as help shows it */
    size_t offset;     /* of the member in struct daemon_args */
    bool required;
    const char *doc;
};

struct command {
    const char *name;
    enum daemon_command command;
    const char *usage, *doc;
    const struct flag *flags;
    size_t flag_count;
};

#define FLAG(name, value, member, required, doc)                                                                       \
    {                                                                                                                  \
        name, value, offsetof(struct daemon_args, member), required, doc                                               \
    }
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct flag init_flags[] = {
    FLAG("--dir", "DIR", dir, true, "folder to make; must not exist, or be empty"),
    FLAG("--host", "H", host, false,
         "what clients connect to: a name or address. Default: a host name that\n"
         "                  resolves to this machine, else a global address, else 127.0.0.1"),
    FLAG("--port", "N", port, false, "enrol port; the device port is the next one. Default: 7420, or a free pair"),
    FLAG("--registration", "R", registration, false,
         "invite, open or closed: who may make an account. Default: invite"),
};
static const struct flag run_flags[] = { FLAG("--dir", "DIR", dir, true, "folder made by init") };
static const struct flag invite_flags[] = {
    FLAG("--dir", "DIR", dir, true, "folder made by init; a server may be running in it"),
    FLAG("--uses", "N", uses, false, "accounts that may be made with the code. Default: 1"),
    FLAG("--expires", "D", expires, false, "how long it is good: 30s 5m 8h 7d 2w. Default: 7d"),
};

static const struct command commands[] = {
    { "init", DAEMON_INIT, "init --dir DIR [--host H] [--port N] [--registration invite/open/closed]",
      "make a server: configuration, keys, databases, first invite", init_flags, COUNT(init_flags) },
    { "run", DAEMON_RUN, "run --dir DIR",
      "serve, in the foreground: TERM drains, a second ends at once, HUP reads\n"
      "            the configuration again, KILL is safe",
      run_flags, COUNT(run_flags) },
    { "invite", DAEMON_INVITE, "invite --dir DIR [--uses N] [--expires D]",
      "make an invite code, while the server runs too", invite_flags, COUNT(invite_flags) },
    { "help", DAEMON_HELP, "help [COMMAND]", "this text, or that of a command", NULL, 0 },
    { "version", DAEMON_VERSION, "version", "name and version", NULL, 0 },
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static enum st_err unknown_command(const char *typed, struct daemon_error *error)
{
    const char *names[COUNT(commands)];
    for (size_t i = 0; i < COUNT(commands); i++)
        names[i] = commands[i].name;
    size_t near = st_nearest(typed, names, COUNT(commands));
    daemon_error_what(error, ST_EXIT_USAGE, "unknown_command", "no command %s", typed);
    daemon_error_why(error, near == SIZE_MAX ? "it is none of init, run, invite, help, version" : "nearest: %s",
                     near == SIZE_MAX ? "" : names[near]);
    daemon_error_next(error, "safetalkd %s", near == SIZE_MAX ? "help" : commands[near].usage);
    return ST_EMALFORMED;
}

static enum st_err bad_flag(const struct command *command, const char *reason, const char *flag, const char *why,
                            struct daemon_error *error)
{
    daemon_error_what(error, ST_EXIT_USAGE, reason, "%s: %s", command->name, flag);
    daemon_error_why(error, "%s", why);
    daemon_error_next(error, "safetalkd %s", command->usage);
    return ST_EMALFORMED;
}

/* Takes argv[*at], and argv[*at + 1] if the value stands there. */
static enum st_err take_flag(struct daemon_args *args, const struct command *command, int argc, char **argv, int *at,
                             struct daemon_error *error)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct flag *flag = &command->flags[i];
        if (strlen(flag->name) != len || memcmp(flag->name, word, len) != 0)
            continue;
        const char **value = (const char **)(void *)((char *)args + flag->offset);
        if (*value != NULL)
            return bad_flag(command, "flag_twice", flag->name, "it was given twice", error);
        if (equals == NULL && *at + 1 >= argc)
            return bad_flag(command, "flag_value_missing", flag->name, "its value is missing", error);
        *value = equals != NULL ? equals + 1 : argv[++*at];
        return ST_OK;
    }
    return bad_flag(command, "unknown_flag", word, "this command does not know it", error);
}

static enum st_err parse_flags(struct daemon_args *args, const struct command *command, int argc, char **argv,
                               struct daemon_error *error)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *args = (struct daemon_args) { .command = DAEMON_HELP, .topic = command->name };
            return ST_OK;
        }
        enum st_err err = take_flag(args, command, argc, argv, &i, error);
        if (err != ST_OK)
            return err;
    }
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct flag *flag = &command->flags[i];
        const char *const *value = (const char *const *)(const void *)((const char *)args + flag->offset);
        if (flag->required && (*value == NULL || **value == '\0'))
            return bad_flag(command, "flag_missing", flag->name, "it must be given", error);
    }
    return ST_OK;
}

enum st_err daemon_args_parse(struct daemon_args *args, int argc, char **argv, struct daemon_error *error)
{
    *args = (struct daemon_args) { .command = DAEMON_HELP };
    if (argc < 2) {
        daemon_error_what(error, ST_EXIT_USAGE, "no_command", "nothing to do");
        daemon_error_why(error, "no command was given");
        daemon_error_next(error, "safetalkd help");
        return ST_EMALFORMED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return ST_OK;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        args->command = DAEMON_VERSION;
        return ST_OK;
    }
    const struct command *command = find(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1], error);
    args->command = command->command;
    if (command->command != DAEMON_HELP)
        return parse_flags(args, command, argc, argv, error);
    args->topic = argc > 2 ? argv[2] : NULL;
    return args->topic == NULL || find(args->topic) != NULL ? ST_OK : unknown_command(args->topic, error);
}

static void help_all(void)
{
    puts("safetalkd: a Safe Talk server in one program\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        printf("  safetalkd %s\n            %s\n", commands[i].usage, commands[i].doc);
    puts("\nExit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 unreachable, 10 held by another process,\n"
         "16 disk full or not writable, 17 database foreign, damaged or newer, 19 not allowed.");
}

void daemon_args_help(const char *topic)
{
    const struct command *command = topic != NULL ? find(topic) : NULL;
    if (command == NULL) {
        help_all();
        return;
    }
    printf("safetalkd %s\n  %s\n", command->usage, command->doc);
    for (size_t i = 0; i < command->flag_count; i++)
        printf("  %s %-*s %s\n", command->flags[i].name, 15 - (int)strlen(command->flags[i].name),
               command->flags[i].value, command->flags[i].doc);
}
