#include "client/cli/args.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/flag_value.h"
#include "client/cli/nearest.h"
#include "lib/st_num.h"

enum { SPELLING_BYTES = 64 };

/* What reading the command line needs besides the result. */
struct reader {
    struct args *out;
    int argc;
    char *const *argv;
    int at; /* the next word */
    int64_t now_ms;
    struct cli_error *error;
};

/* " send" for help hints, "" without a command. */
static const char *hint(const struct reader *r, char out[static SPELLING_BYTES])
{
    const char *words = r->out->command != NULL ? r->out->command->words : r->out->noun;
    (void)snprintf(out, SPELLING_BYTES, "%s%s", words != NULL ? " " : "", words != NULL ? words : "");
    return out;
}

static const char *spelling(char out[static SPELLING_BYTES], enum flag_id id)
{
    const struct flag *flag = command_flag(id);
    if (flag->name != NULL)
        (void)snprintf(out, SPELLING_BYTES, "--%s", flag->name);
    else
        (void)snprintf(out, SPELLING_BYTES, "-%c", flag->letter);
    return out;
}

static bool is_named(enum flag_id id, const char *name, size_t len, char letter)
{
    const struct flag *flag = command_flag(id);
    if (name == NULL)
        return flag->letter == letter;
    return flag->name != NULL && strlen(flag->name) == len && memcmp(flag->name, name, len) == 0;
}

/* The flag in the command's own list, then among the global ones. `name` NULL: by letter. */
static enum flag_id find_flag(const struct command *command, const char *name, size_t len, char letter)
{
    for (size_t i = 0; command != NULL && command->flags[i] != FLAG_END; i++)
        if (is_named(command->flags[i], name, len, letter))
            return command->flags[i];
    for (int id = FLAG_END + 1; id <= FLAG_GLOBAL_LAST; id++)
        if (is_named((enum flag_id)id, name, len, letter))
            return (enum flag_id)id;
    return FLAG_END;
}

/* The first command that takes a flag of this name. */
static const struct command *owner_of(const char *name, size_t len, char letter)
{
    size_t count;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; table[i].flags[j] != FLAG_END; j++)
            if (is_named(table[i].flags[j], name, len, letter))
                return &table[i];
    return NULL;
}

static void offer_flag(struct nearest *nearest, enum flag_id id)
{
    if (command_flag(id)->name != NULL)
        nearest_offer(nearest, command_flag(id)->name);
}

static enum exit_code unknown_flag(struct reader *r, const char *typed, const char *name, size_t len, char letter)
{
    char where[SPELLING_BYTES];
    char near[SPELLING_BYTES];
    char word[SPELLING_BYTES];
    const struct command *owner = owner_of(name, len, letter);
    if (r->out->command == NULL && owner != NULL)
        return CLI_ERROR(r->error, CLI_FLAG_BEFORE, typed, owner->words);
    (void)snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), name ? name : &letter);
    struct nearest nearest;
    nearest_begin(&nearest, word);
    for (size_t i = 0; r->out->command != NULL && r->out->command->flags[i] != FLAG_END; i++)
        offer_flag(&nearest, r->out->command->flags[i]);
    for (int id = FLAG_END + 1; id <= FLAG_GLOBAL_LAST; id++)
        offer_flag(&nearest, (enum flag_id)id);
    (void)snprintf(near, sizeof near, "--%s", nearest.word);
    return CLI_ERROR(r->error, CLI_UNKNOWN_FLAG, typed, near, hint(r, where));
}

static enum exit_code take_attach(struct reader *r, const char *text)
{
    char most[32];
    if (r->out->attach_count < ARGS_ATTACH_MAX) {
        r->out->attach[r->out->attach_count++] = text;
        return EXIT_CODE_DONE;
    }
    (void)snprintf(most, sizeof most, "at most %d files", ARGS_ATTACH_MAX);
    return CLI_ERROR(r->error, CLI_BAD_VALUE, "--attach", "given once more", most, " send");
}

/* Notes a flag with its value (NULL for a switch). */
static enum exit_code set_flag(struct reader *r, enum flag_id id, const char *text)
{
    char where[SPELLING_BYTES];
    char name[SPELLING_BYTES];
    const struct flag *flag = command_flag(id);
    struct args_value *value = &r->out->values[id];
    if (flag->kind != FLAG_KIND_SWITCH && value->origin == ARGS_FLAG && !flag->repeats)
        return CLI_ERROR(r->error, CLI_FLAG_TWICE, spelling(name, id), hint(r, where));
    const char *right;
    int64_t number;
    /* Only a message's own text may be empty, and that is judged later. */
    bool empty = text != NULL && text[0] == '\0' && id != FLAG_MESSAGE && id != FLAG_FORGE_TEXT;
    enum st_err err = flag_value_parse(&number, flag->kind, text != NULL ? text : "", r->now_ms, &right);
    if (err != ST_OK || empty)
        return CLI_ERROR(r->error, CLI_BAD_VALUE, spelling(name, id), empty ? "empty" : text, right, hint(r, where));
    value->origin = ARGS_FLAG;
    value->text = text != NULL ? text : "";
    value->number = number;
    return id == FLAG_ATTACH ? take_attach(r, value->text) : EXIT_CODE_DONE;
}

/* A flag that takes a value: what stands behind it, or the next word. */
static enum exit_code set_flag_with_value(struct reader *r, enum flag_id id, const char *attached)
{
    char where[SPELLING_BYTES];
    char name[SPELLING_BYTES];
    if (attached != NULL)
        return set_flag(r, id, attached);
    if (r->at == r->argc) {
        const char *value = command_flag(id)->value;
        return CLI_ERROR(r->error, CLI_FLAG_VALUE_MISSING, spelling(name, id), value, hint(r, where));
    }
    return set_flag(r, id, r->argv[r->at++]);
}

static enum exit_code read_long(struct reader *r, const char *word)
{
    char where[SPELLING_BYTES];
    char name[SPELLING_BYTES];
    const char *start = word + 2;
    size_t len = strcspn(start, "=");
    const char *attached = start[len] == '=' ? start + len + 1 : NULL;
    enum flag_id id = find_flag(r->out->command, start, len, 0);
    if (id == FLAG_END)
        return unknown_flag(r, word, start, len, 0);
    if (command_flag(id)->kind != FLAG_KIND_SWITCH)
        return set_flag_with_value(r, id, attached);
    if (attached != NULL)
        return CLI_ERROR(r->error, CLI_FLAG_NO_VALUE, spelling(name, id), hint(r, where));
    return set_flag(r, id, NULL);
}

/* `-q`, `-qv`, `-n5`, `-n 5`. */
static enum exit_code read_short(struct reader *r, const char *word)
{
    for (const char *at = word + 1; *at != '\0'; at++) {
        char typed[3] = { '-', *at, '\0' };
        enum flag_id id = find_flag(r->out->command, NULL, 0, *at);
        if (id == FLAG_END)
            return unknown_flag(r, typed, NULL, 1, *at);
        if (command_flag(id)->kind != FLAG_KIND_SWITCH)
            return set_flag_with_value(r, id, at[1] != '\0' ? at + 1 : NULL);
        enum exit_code code = set_flag(r, id, NULL);
        if (code != EXIT_CODE_DONE)
            return code;
    }
    return EXIT_CODE_DONE;
}

/* A mistyped first word. `create` alone means `account create`, whatever else is near. */
static enum exit_code unknown_command(struct reader *r, const char *word)
{
    size_t count;
    const struct command *table = command_table(&count);
    char nouns[COMMAND_COUNT][SPELLING_BYTES];
    struct nearest nearest;
    nearest_begin(&nearest, word);
    for (size_t i = 0; i < count && i < COMMAND_COUNT; i++) {
        size_t len = strcspn(table[i].words, " ");
        const char *verb = table[i].words[len] == ' ' ? table[i].words + len + 1 : NULL;
        if (verb != NULL && strcmp(verb, word) == 0)
            return CLI_ERROR(r->error, CLI_UNKNOWN_COMMAND, word, table[i].words);
        (void)snprintf(nouns[i], sizeof nouns[i], "%.*s", (int)len, table[i].words);
        nearest_offer(&nearest, nouns[i]);
    }
    return CLI_ERROR(r->error, CLI_UNKNOWN_COMMAND, word, nearest.word);
}

static enum exit_code unknown_verb(struct reader *r, const char *verb)
{
    size_t count;
    const struct command *table = command_table(&count);
    char typed[SPELLING_BYTES];
    struct nearest nearest;
    (void)snprintf(typed, sizeof typed, "%.20s %.40s", r->out->noun, verb);
    nearest_begin(&nearest, typed);
    size_t noun_len = strlen(r->out->noun);
    for (size_t i = 0; i < count; i++)
        if (strncmp(table[i].words, r->out->noun, noun_len) == 0 && table[i].words[noun_len] == ' ')
            nearest_offer(&nearest, table[i].words);
    return CLI_ERROR(r->error, CLI_UNKNOWN_COMMAND, typed, nearest.word);
}

static enum exit_code read_command_word(struct reader *r, const char *word)
{
    struct args *out = r->out;
    if (out->noun == NULL) {
        out->command = command_find(word, NULL);
        if (out->command != NULL)
            return EXIT_CODE_DONE;
        if (!command_is_noun(word))
            return unknown_command(r, word);
        out->noun = word;
        return EXIT_CODE_DONE;
    }
    out->command = command_find(out->noun, word);
    if (out->command == NULL)
        return unknown_verb(r, word);
    out->noun = NULL;
    return EXIT_CODE_DONE;
}

static enum exit_code read_argument(struct reader *r, const char *word)
{
    struct args *out = r->out;
    size_t min;
    size_t max;
    command_arguments(out->command, &min, &max);
    if (out->argument_count < max) {
        out->arguments[out->argument_count++] = word;
        return EXIT_CODE_DONE;
    }
    char usage[SPELLING_BYTES * 2];
    (void)snprintf(usage, sizeof usage, "%s %s", out->command->words, out->command->arguments);
    return CLI_ERROR(r->error, CLI_ARGUMENT_EXTRA, word, out->command->words, usage);
}

static enum exit_code read_words(struct reader *r)
{
    bool flags_end = false;
    enum exit_code code = EXIT_CODE_DONE;
    while (code == EXIT_CODE_DONE && r->at < r->argc) {
        const char *word = r->argv[r->at++];
        if (!flags_end && strcmp(word, "--") == 0)
            flags_end = true;
        else if (!flags_end && strncmp(word, "--", 2) == 0)
            code = read_long(r, word);
        else if (!flags_end && word[0] == '-' && word[1] != '\0')
            code = read_short(r, word);
        else if (r->out->command == NULL)
            code = read_command_word(r, word);
        else
            code = read_argument(r, word);
    }
    return code;
}

/* Pairs of flags that contradict each other. */
static const enum flag_id EXCLUDES[][2] = {
    { FLAG_JSON, FLAG_PLAIN },
    { FLAG_COLOR, FLAG_NO_COLOR },
    { FLAG_MESSAGE, FLAG_STDIN },
    { FLAG_PASSWORD_FILE, FLAG_PASSWORD_FD },
    { FLAG_NEW_PASSWORD_FILE, FLAG_NEW_PASSWORD_FD },
};

enum { EXCLUDE_COUNT = sizeof EXCLUDES / sizeof EXCLUDES[0] };

static enum exit_code check_excludes(struct reader *r)
{
    char where[SPELLING_BYTES];
    char first[SPELLING_BYTES];
    char second[SPELLING_BYTES];
    for (size_t i = 0; i < EXCLUDE_COUNT; i++)
        if (args_has(r->out, EXCLUDES[i][0]) && args_has(r->out, EXCLUDES[i][1]))
            return CLI_ERROR(r->error, CLI_FLAGS_EXCLUDE, spelling(first, EXCLUDES[i][0]),
                             spelling(second, EXCLUDES[i][1]), hint(r, where));
    return EXIT_CODE_DONE;
}

static enum exit_code verb_missing(struct reader *r)
{
    size_t count;
    const struct command *table = command_table(&count);
    char verbs[256] = "";
    size_t noun_len = strlen(r->out->noun);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(table[i].words, r->out->noun, noun_len) != 0 || table[i].words[noun_len] != ' ')
            continue;
        size_t used = strlen(verbs);
        (void)snprintf(verbs + used, sizeof verbs - used, "%s%s", used > 0 ? ", " : "", table[i].words + noun_len + 1);
    }
    return CLI_ERROR(r->error, CLI_VERB_MISSING, r->out->noun, verbs);
}

static enum exit_code check_complete(struct reader *r)
{
    const struct command *command = r->out->command;
    char name[SPELLING_BYTES];
    char flag[SPELLING_BYTES * 2];
    size_t min;
    size_t max;
    if (r->out->noun != NULL)
        return verb_missing(r);
    if (command == NULL)
        return EXIT_CODE_DONE;
    command_arguments(command, &min, &max);
    if (r->out->argument_count < min && command->id == COMMAND_SEND)
        return CLI_ERROR(r->error, CLI_NO_RECIPIENT, "");
    if (r->out->argument_count < min) {
        command_argument_name(name, sizeof name, command, r->out->argument_count);
        return CLI_ERROR(r->error, CLI_ARGUMENT_MISSING, command->words, name);
    }
    for (size_t i = 0; i < sizeof command->required / sizeof command->required[0]; i++) {
        enum flag_id id = command->required[i];
        if (id == FLAG_END || command_flag_is_global(id) || args_has(r->out, id))
            continue;
        (void)snprintf(flag, sizeof flag, "%s %s", spelling(name, id), command_flag(id)->value);
        return CLI_ERROR(r->error, CLI_FLAG_MISSING, command->words, flag);
    }
    return EXIT_CODE_DONE;
}

enum exit_code args_parse(struct args *out, int argc, char *const *argv, int64_t now_ms, struct cli_error *error)
{
    memset(out, 0, sizeof *out);
    cli_error_clear(error);
    struct reader r = { out, argc, argv, 1, now_ms, error };
    enum exit_code code = read_words(&r);
    if (code == EXIT_CODE_DONE)
        code = check_excludes(&r);
    if (code == EXIT_CODE_DONE && !args_has(out, FLAG_HELP) && !args_has(out, FLAG_VERSION))
        code = check_complete(&r);
    return code;
}

/* SAFETALK_NO_INPUT for --no-input. */
static void variable_name(char out[static SPELLING_BYTES], const struct flag *flag)
{
    (void)snprintf(out, SPELLING_BYTES, "SAFETALK_%s", flag->name);
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '-')
            *at = '_';
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
}

/* Whether the command line has already said this, or the opposite. */
static bool is_decided(const struct args *args, enum flag_id id)
{
    if (args->values[id].origin == ARGS_FLAG)
        return true;
    for (size_t i = 0; i < EXCLUDE_COUNT; i++) {
        if (EXCLUDES[i][0] == id && args->values[EXCLUDES[i][1]].origin == ARGS_FLAG)
            return true;
        if (EXCLUDES[i][1] == id && args->values[EXCLUDES[i][0]].origin == ARGS_FLAG)
            return true;
    }
    return false;
}

static enum exit_code take_variable(struct args *args, enum flag_id id, const char *text, struct cli_error *error)
{
    const struct flag *flag = command_flag(id);
    struct args_value *value = &args->values[id];
    const char *right = "yes or no";
    int64_t number = 0;
    bool on = false;
    enum st_err err = flag->kind == FLAG_KIND_SWITCH ? st_num_parse_bool(text, &on)
                                                     : flag_value_parse(&number, flag->kind, text, 0, &right);
    if (err != ST_OK) {
        char name[SPELLING_BYTES];
        variable_name(name, flag);
        return CLI_ERROR(error, CLI_BAD_ENVIRONMENT, name, right);
    }
    value->origin = ARGS_ENVIRONMENT;
    value->text = flag->kind == FLAG_KIND_SWITCH ? "" : text;
    value->number = flag->kind == FLAG_KIND_SWITCH ? on : number;
    return EXIT_CODE_DONE;
}

enum exit_code args_environment(struct args *args, args_getenv_fn get, void *ctx, struct cli_error *error)
{
    for (int id = FLAG_END + 1; id <= FLAG_GLOBAL_LAST; id++) {
        char name[SPELLING_BYTES];
        if (id == FLAG_HELP || id == FLAG_VERSION || is_decided(args, (enum flag_id)id))
            continue;
        variable_name(name, command_flag((enum flag_id)id));
        const char *text = get(ctx, name);
        if (text == NULL || text[0] == '\0')
            continue;
        enum exit_code code = take_variable(args, (enum flag_id)id, text, error);
        if (code != EXIT_CODE_DONE)
            return code;
    }
    struct reader r = { args, 0, NULL, 0, 0, error };
    return check_excludes(&r);
}

void args_public_line(char out[static ARGS_PUBLIC_BYTES], const struct args *args)
{
    const char *words = args->command != NULL ? args->command->words : "";
    (void)snprintf(out, ARGS_PUBLIC_BYTES, "safetalk %s", words);
    for (int id = FLAG_END + 1; id < FLAG_COUNT; id++) {
        const struct flag *flag = command_flag((enum flag_id)id);
        size_t used = strlen(out);
        if (flag->kind == FLAG_KIND_SWITCH && args->values[id].origin == ARGS_FLAG)
            (void)snprintf(out + used, ARGS_PUBLIC_BYTES - used, " --%s", flag->name);
    }
}
