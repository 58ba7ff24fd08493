/* The command line and the environment, read against the table of commands. Nothing runs when anything is
 * mistyped: the error names the nearest that exists. */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/cli_error.h"
#include "client/cli/command.h"

enum { ARGS_ATTACH_MAX = 64 /* files of one message on the command line */ };

/* Where a value is from; higher wins. */
enum args_origin { ARGS_NOT_SET = 0, ARGS_ENVIRONMENT, ARGS_FLAG };

struct args_value {
    enum args_origin origin;
    const char *text; /* borrowed from argv or the environment; "" for switches */
    int64_t number;   /* durations and times in ms, numbers, descriptors; 1 for a switch that is on, 0 off */
};

struct args {
    const struct command *command;                /* NULL: none was named */
    const char *noun;                             /* a noun without its verb, or NULL */
    const char *arguments[COMMAND_ARGUMENTS_MAX]; /* borrowed; NULL where there is none */
    size_t argument_count;
    struct args_value values[FLAG_COUNT];
    const char *attach[ARGS_ATTACH_MAX]; /* the values of --attach, in order */
    size_t attach_count;
};

/* Reads the command line. `now_ms` is the present, for WHEN. Fills `error` and returns its code if anything is wrong;
 * EXIT_CODE_DONE otherwise. With --help or --version nothing but the flags is checked. Borrows argv. */
enum exit_code args_parse(struct args *out, int argc, char *const *argv, int64_t now_ms, struct cli_error *error);

/* How the environment is asked; returns NULL for what is not set. */
typedef const char *(*args_getenv_fn)(void *ctx, const char *name);

/* Takes `SAFETALK_` and any global flag from the environment (SAFETALK_NO_INPUT=1) where the command line did not say.
 * Empty counts as not set. Errors as args_parse. */
enum exit_code args_environment(struct args *args, args_getenv_fn get, void *ctx, struct cli_error *error);

/* Whether a flag is set (a switch: set and on). */
static inline bool args_has(const struct args *args, enum flag_id id)
{
    return args->values[id].origin != ARGS_NOT_SET &&
           (command_flag(id)->kind != FLAG_KIND_SWITCH || args->values[id].number != 0);
}

/* The text of a flag, or NULL. */
static inline const char *args_text(const struct args *args, enum flag_id id)
{
    return args->values[id].origin != ARGS_NOT_SET ? args->values[id].text : NULL;
}

/* The number of a flag, or `otherwise`. */
static inline int64_t args_number(const struct args *args, enum flag_id id, int64_t otherwise)
{
    return args->values[id].origin != ARGS_NOT_SET ? args->values[id].number : otherwise;
}

enum { ARGS_PUBLIC_BYTES = 128 };

/* What may be told to others of this command line: the command and its switches, no value and no argument. */
void args_public_line(char out[static ARGS_PUBLIC_BYTES], const struct args *args);

#endif
