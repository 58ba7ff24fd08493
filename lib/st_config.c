#include "lib/st_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/st_config_value.h"
#include "lib/st_escape.h"
#include "lib/st_file.h"
#include "lib/st_nearest.h"

enum { NAME_SHOWN = 80, FILE_SHOWN = 300, DOC_WIDTH = 96 };

/* ---- errors ---- */

/* Fills the error: "FILE:LINE: " or "FILE: " and the sentence. Returns ST_EMALFORMED, for a short way out. */
static enum st_err complain(struct st_config_error *error, const char *file, unsigned line, const char *format, ...)
    ST_PRINTF(4, 5);

static enum st_err complain(struct st_config_error *error, const char *file, unsigned line, const char *format, ...)
{
    char shown[FILE_SHOWN];
    st_escape(shown, sizeof shown, st_view_text(file));
    error->line = line;
    int n = line > 0 ? snprintf(error->text, sizeof error->text, "%s:%u: ", shown, line)
                     : snprintf(error->text, sizeof error->text, "%s: ", shown);
    size_t len = n > 0 ? (size_t)n : 0;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text + len, sizeof error->text - len, format, args);
    va_end(args);
    return ST_EMALFORMED;
}

/* ---- the table ---- */

static const char *section_of(const struct st_config_row *row)
{
    return row->section != NULL ? row->section : "";
}

static void *member(const struct st_config_row *row, void *settings)
{
    return (char *)settings + row->offset;
}

static const void *const_member(const struct st_config_row *row, const void *settings)
{
    return (const char *)settings + row->offset;
}

/* The row, or `count` if there is none. */
static size_t find_row(const struct st_config_table *table, const char *section, const char *key)
{
    size_t i = 0;
    while (i < table->count &&
           (strcmp(table->rows[i].key, key) != 0 || strcmp(section_of(&table->rows[i]), section) != 0))
        i++;
    return i;
}

/* Whether the row is the first of its section. */
static bool opens_section(const struct st_config_table *table, size_t i)
{
    return i == 0 || strcmp(section_of(&table->rows[i]), section_of(&table->rows[i - 1])) != 0;
}

/* Mistakes of the program: too many rows, a setting twice, a section in two pieces or after the keys that have none. */
static enum st_err check_table(const struct st_config_table *table, struct st_config_error *error)
{
    if (table->count > ST_CONFIG_ROWS_MAX)
        return complain(error, table->title, 0, "more than %d settings", ST_CONFIG_ROWS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        const char *section = section_of(&table->rows[i]);
        if (find_row(table, section, table->rows[i].key) != i)
            return complain(error, table->title, 0, "[%s] %s stands twice", section, table->rows[i].key);
        if (!opens_section(table, i))
            continue;
        bool apart = i > 0 && section[0] == '\0';
        for (size_t j = 0; j < i; j++)
            apart = apart || strcmp(section, section_of(&table->rows[j])) == 0;
        if (apart)
            return complain(error, table->title, 0, "[%s] is not in one piece", section);
    }
    return ST_OK;
}

enum st_err st_config_defaults(const struct st_config_table *table, void *settings, struct st_config_error *error)
{
    enum st_err err = check_table(table, error);
    for (size_t i = 0; i < table->count && err == ST_OK; i++) {
        const struct st_config_row *row = &table->rows[i];
        const char *why;
        err = st_config_value_parse(row, member(row, settings), row->fallback != NULL ? row->fallback : "", &why);
        if (err != ST_OK)
            err = complain(error, table->title, 0, "the default of [%s] %s is not one", section_of(row), row->key);
    }
    return err;
}

/* ---- unknown names ---- */

static enum st_err unknown_section(const struct st_config_table *table, const char *file, unsigned line,
                                   const char *name, struct st_config_error *error)
{
    char shown[NAME_SHOWN];
    const char *nearest = NULL;
    unsigned nearest_distance = 0;
    st_escape(shown, sizeof shown, st_view_text(name));
    for (size_t i = 0; i < table->count; i++) {
        const char *section = section_of(&table->rows[i]);
        unsigned distance = st_nearest_distance(name, section);
        if (section[0] != '\0' && (nearest == NULL || distance < nearest_distance)) {
            nearest = section;
            nearest_distance = distance;
        }
    }
    if (nearest == NULL)
        return complain(error, file, line, "unknown section [%s]; there are no sections here", shown);
    return complain(error, file, line, "unknown section [%s]; the nearest is [%s]", shown, nearest);
}

/* Names the nearest key: one of the same name elsewhere, else the nearest in this section, else in any. */
static enum st_err unknown_key(const struct st_config_table *table, const char *file, unsigned line,
                               const char *section, const char *key, struct st_config_error *error)
{
    char shown[NAME_SHOWN];
    const struct st_config_row *nearest = NULL;
    unsigned nearest_distance = 0;
    st_escape(shown, sizeof shown, st_view_text(key));
    for (size_t i = 0; i < table->count; i++) {
        const struct st_config_row *row = &table->rows[i];
        /* A key of another section must be nearer by more than one letter, unless it is the very word. */
        unsigned distance = 2 * st_nearest_distance(key, row->key);
        if (distance > 0 && strcmp(section_of(row), section) != 0)
            distance += 3;
        if (nearest == NULL || distance < nearest_distance) {
            nearest = row;
            nearest_distance = distance;
        }
    }
    if (nearest == NULL)
        return complain(error, file, line, "unknown key \"%s\"", shown);
    if (strcmp(section_of(nearest), section) == 0)
        return complain(error, file, line, "unknown key \"%s\"; the nearest is \"%s\"", shown, nearest->key);
    if (section_of(nearest)[0] == '\0')
        return complain(error, file, line, "unknown key \"%s\"; the nearest is \"%s\", above all sections", shown,
                        nearest->key);
    return complain(error, file, line, "unknown key \"%s\"; the nearest is \"%s\" in [%s]", shown, nearest->key,
                    nearest->section);
}

/* ---- values ---- */

/* Sets one row. The value itself is never shown again: somebody may have put a secret in the wrong place. */
static enum st_err set_row(const struct st_config_row *row, void *settings, const char *value, const char *file,
                           unsigned line, struct st_config_error *error)
{
    const char *why;
    char description[ST_CONFIG_DESCRIPTION_SIZE];
    enum st_err err = st_config_value_parse(row, member(row, settings), value, &why);
    if (err == ST_OK)
        return ST_OK;
    st_config_value_describe(row, description);
    return complain(error, file, line, "%s must be %s", row->key, why != NULL ? why : description);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the spaces at both ends. */
static struct st_view trim(struct st_view text)
{
    while (text.len > 0 && is_space((char)text.p[0])) {
        text.p++;
        text.len--;
    }
    while (text.len > 0 && is_space((char)text.p[text.len - 1]))
        text.len--;
    return text;
}

static bool has_control(struct st_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.p[i] < 0x20 && text.p[i] != '\t') || text.p[i] == 0x7f)
            return true;
    }
    return false;
}

/* As a string; false if it is too long. */
static bool to_string(char *out, size_t cap, struct st_view text)
{
    if (text.len >= cap)
        return false;
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return true;
}

enum st_err st_config_set(const struct st_config_table *table, void *settings, const char *section, const char *key,
                          const char *value, const char *origin, struct st_config_error *error)
{
    char trimmed[ST_CONFIG_VALUE_SIZE];
    struct st_view view = trim(st_view_text(value));
    size_t i = find_row(table, section != NULL ? section : "", key);
    if (i == table->count) {
        enum st_err ignored = unknown_key(table, origin, 0, section != NULL ? section : "", key, error);
        (void)ignored;
        return ST_ENOTFOUND;
    }
    if (has_control(view) || !to_string(trimmed, sizeof trimmed, view))
        return complain(error, origin, 0, "%s is too long or has control characters in it", table->rows[i].key);
    return set_row(&table->rows[i], settings, trimmed, origin, 0, error);
}

/* ---- the file ---- */

struct reader {
    const struct st_config_table *table;
    void *settings;
    const char *file;
    struct st_config_error *error;
    unsigned line;
    const char *section;                      /* of the table; "" above the first */
    unsigned set_in_line[ST_CONFIG_ROWS_MAX]; /* 0: not yet */
};

static enum st_err read_section(struct reader *reader, struct st_view text)
{
    char name[ST_CONFIG_VALUE_SIZE];
    struct st_view inner = { text.p + 1, text.len - 1 };
    if (inner.len == 0 || inner.p[inner.len - 1] != ']')
        return complain(reader->error, reader->file, reader->line, "a section's name ends with ]");
    inner.len--;
    if (!to_string(name, sizeof name, trim(inner)))
        return complain(reader->error, reader->file, reader->line, "the section's name is too long");
    for (size_t i = 0; i < reader->table->count && name[0] != '\0'; i++) {
        if (strcmp(section_of(&reader->table->rows[i]), name) == 0) {
            reader->section = section_of(&reader->table->rows[i]);
            return ST_OK;
        }
    }
    return unknown_section(reader->table, reader->file, reader->line, name, reader->error);
}

static enum st_err read_setting(struct reader *reader, struct st_view text)
{
    char key[ST_CONFIG_VALUE_SIZE];
    char value[ST_CONFIG_VALUE_SIZE];
    size_t equals = 0;
    while (equals < text.len && text.p[equals] != '=')
        equals++;
    if (equals == text.len)
        return complain(reader->error, reader->file, reader->line,
                        "this is neither \"key = value\", nor a [section], nor a # comment");
    struct st_view before = { text.p, equals };
    struct st_view after = { text.p + equals + 1, text.len - equals - 1 };
    if (!to_string(key, sizeof key, trim(before)) || !to_string(value, sizeof value, trim(after)))
        return complain(reader->error, reader->file, reader->line, "the line is too long");
    size_t i = find_row(reader->table, reader->section, key);
    if (i == reader->table->count)
        return unknown_key(reader->table, reader->file, reader->line, reader->section, key, reader->error);
    if (reader->set_in_line[i] != 0)
        return complain(reader->error, reader->file, reader->line, "%s is set a second time, first in line %u",
                        reader->table->rows[i].key, reader->set_in_line[i]);
    reader->set_in_line[i] = reader->line;
    return set_row(&reader->table->rows[i], reader->settings, value, reader->file, reader->line, reader->error);
}

static enum st_err read_line(struct reader *reader, struct st_view line)
{
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    if (has_control(line))
        return complain(reader->error, reader->file, reader->line, "a control character; is this a text file?");
    line = trim(line);
    if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';')
        return ST_OK;
    return line.p[0] == '[' ? read_section(reader, line) : read_setting(reader, line);
}

enum st_err st_config_parse(const struct st_config_table *table, void *settings, struct st_view text, const char *file,
                            struct st_config_error *error)
{
    struct reader reader = { .table = table, .settings = settings, .file = file, .error = error, .section = "" };
    enum st_err err = check_table(table, error);
    if (err == ST_OK && text.len > ST_CONFIG_FILE_MAX) {
        err = complain(error, file, 0, "more than %d bytes", ST_CONFIG_FILE_MAX);
        return ST_ELIMIT;
    }
    while (err == ST_OK && text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.p[len] != '\n')
            len++;
        reader.line++;
        err = read_line(&reader, st_view(text.p, len));
        size_t step = len < text.len ? len + 1 : len;
        text.p += step;
        text.len -= step;
    }
    return err;
}

enum st_err st_config_load(const struct st_config_table *table, void *settings, const char *path,
                           struct st_config_error *error)
{
    struct st_buf text;
    enum st_err err = st_config_defaults(table, settings, error);
    if (err != ST_OK)
        return err;
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    err = st_file_read(path, ST_CONFIG_FILE_MAX, &text);
    if (err == ST_OK)
        err = st_config_parse(table, settings, st_buf_view(&text), path, error);
    else if (err == ST_ELIMIT)
        (void)complain(error, path, 0, "more than %d bytes", ST_CONFIG_FILE_MAX);
    else
        (void)complain(error, path, 0, "%s", err == ST_EFOREIGN ? "this is a folder" : st_err_text(err));
    st_buf_free(&text);
    return err;
}

/* ---- texts made from the table ---- */

/* Appends; the buffer remembers a failure until the end. */
static void add(struct st_buf *out, const char *text)
{
    size_t len = strlen(text);
    uint8_t *to = len > 0 ? st_buf_extend(out, len) : NULL;
    if (to != NULL)
        memcpy(to, text, len);
}

static void add_setting(struct st_buf *out, const char *mark, const char *key, const char *value)
{
    add(out, mark);
    add(out, key);
    add(out, value[0] != '\0' ? " = " : " =");
    add(out, value);
    add(out, "\n");
}

/* Appends a paragraph as comment lines, broken between words; `*column` is where the last line ends (0: none yet). */
static void add_words(struct st_buf *out, const char *text, size_t *column)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (*column > 0 && *column + 1 + len > DOC_WIDTH) {
            add(out, "\n");
            *column = 0;
        }
        add(out, *column == 0 ? "# " : " ");
        uint8_t *to = len > 0 ? st_buf_extend(out, len) : NULL;
        if (to != NULL)
            memcpy(to, text, len);
        *column += (*column == 0 ? 2 : 1) + len;
        text += len;
        text += strspn(text, " ");
    }
}

static void add_section(struct st_buf *out, const struct st_config_table *table, size_t i)
{
    if (!opens_section(table, i) || table->rows[i].section == NULL)
        return;
    add(out, "\n[");
    add(out, table->rows[i].section);
    add(out, "]\n");
}

enum st_err st_config_example(const struct st_config_table *table, struct st_buf *out)
{
    char description[ST_CONFIG_DESCRIPTION_SIZE];
    add(out, "# ");
    add(out, table->title);
    add(out, "\n# Every setting with its default. To change one, take away the # before its name.\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct st_config_row *row = &table->rows[i];
        size_t column = 0;
        add_section(out, table, i);
        add(out, "\n");
        add_words(out, row->doc, &column);
        st_config_value_describe(row, description);
        add_words(out, "Value:", &column);
        add_words(out, description, &column);
        add(out, ".\n");
        add_setting(out, "#", row->key, row->fallback != NULL ? row->fallback : "");
    }
    return st_buf_error(out);
}

enum st_err st_config_print(const struct st_config_table *table, const void *settings, struct st_buf *out)
{
    char value[ST_CONFIG_VALUE_SIZE];
    char fallback[ST_CONFIG_VALUE_SIZE];
    for (size_t i = 0; i < table->count; i++) {
        const struct st_config_row *row = &table->rows[i];
        union st_config_any any;
        const char *why;
        add_section(out, table, i);
        st_config_value_format(row, const_member(row, settings), value);
        enum st_err err = st_config_value_parse(row, &any, row->fallback != NULL ? row->fallback : "", &why);
        if (err != ST_OK)
            return err;
        st_config_value_format(row, &any, fallback);
        if (strcmp(value, fallback) != 0)
            add_setting(out, "# default: ", row->key, fallback);
        add_setting(out, "", row->key, value);
    }
    return st_buf_error(out);
}
