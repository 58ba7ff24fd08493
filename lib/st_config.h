/* Configuration from one table. A program writes down each setting once, as a row: where it stands in the file, what
 * kind of value it takes, its default, its range, a line that explains it, and where it goes in the program's own
 * struct. Reading, checking, the documented example file and the print of what is in force all come from the table.
 *
 *     struct relay_settings { int64_t port; int64_t drain_ms; char store[ST_CONFIG_TEXT_SIZE]; };
 *
 *     static const struct st_config_row rows[] = {
 *         ST_CONFIG_INT("relay", "port", struct relay_settings, port, "7430", 1, 65535, "TCP port of the gateways."),
 *         ST_CONFIG_DURATION("relay", "drain", struct relay_settings, drain_ms, "10s", 0, 600000, "After TERM."),
 *         ST_CONFIG_TEXT("relay", "store", struct relay_settings, store, "sqlite:relay.db", store_url_check, "Where."),
 *     };
 *     static const struct st_config_table table = { "Safe Talk relay", rows, sizeof rows / sizeof rows[0] };
 *
 * The file: `key = value` lines under `[section]` lines; a line that begins with # or ; is a comment (a # further on
 * belongs to the value, as in an address); spaces around keys and values do not count; no quotes, no escapes, no
 * continuation. At most ST_CONFIG_FILE_MAX bytes. An unknown section or key, a key set twice and a value out of range
 * are errors that name file, line, what would be right and the nearest key. */
#ifndef ST_CONFIG_H
#define ST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_cidr.h"
#include "lib/st_err.h"

enum {
    ST_CONFIG_FILE_MAX = 65536, /* bytes of a file */
    ST_CONFIG_ROWS_MAX = 128,   /* rows of a table */
    ST_CONFIG_TEXT_SIZE = 256,  /* bytes of a text setting, with the NUL */
    ST_CONFIG_PATH_SIZE = 1024, /* bytes of a path setting, with the NUL */
    ST_CONFIG_ERROR_SIZE = 1024 /* bytes of an error text, with the NUL */
};

enum st_config_kind {
    ST_CONFIG_KIND_INT,      /* int64_t */
    ST_CONFIG_KIND_SIZE,     /* int64_t, bytes: 64K 8M 1G */
    ST_CONFIG_KIND_DURATION, /* int64_t, milliseconds: 250ms 30s 5m 8h 7d 2w */
    ST_CONFIG_KIND_BOOL,     /* bool: yes no */
    ST_CONFIG_KIND_TEXT,     /* char[ST_CONFIG_TEXT_SIZE] */
    ST_CONFIG_KIND_PATH,     /* char[ST_CONFIG_PATH_SIZE] */
    ST_CONFIG_KIND_ENUM,     /* int: index in `names` */
    ST_CONFIG_KIND_CIDRS     /* struct st_cidr_list */
};

/* A further check of a text, path or list: ST_OK, or an error and in *why_r what would be right ("a URL such as
 * sqlite:PATH"), a static string. */
typedef enum st_err (*st_config_check_fn)(const char *text, const char **why_r);

struct st_config_row {
    const char *section; /* NULL: above the first [section] */
    const char *key;     /* a-z 0-9 _ . - */
    enum st_config_kind kind;
    size_t offset;            /* of the member in the program's struct */
    const char *fallback;     /* the default, as it would stand in a file; NULL means "" */
    int64_t min, max;         /* numbers: the range, both ends allowed */
    const char *const *names; /* enums: the words, NULL at the end */
    st_config_check_fn check; /* texts and paths: NULL for none */
    const char *doc;          /* what it does and in what unit; one or more sentences */
};

struct st_config_table {
    const char *title; /* first line of the example file */
    const struct st_config_row *rows;
    size_t count; /* ≤ ST_CONFIG_ROWS_MAX */
};

/* The offset of a member, if a pointer to it has the type that the kind wants; a compile error if not. */
#define ST_CONFIG_AT(pointer, holder, member) _Generic(&((holder *)0)->member, pointer : offsetof(holder, member))

#define ST_CONFIG_INT(section, key, holder, member, fallback, min, max, doc)                                           \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_INT, ST_CONFIG_AT(int64_t *, holder, member), (fallback), (min), (max), NULL, \
            NULL, (doc)                                                                                                \
    }
#define ST_CONFIG_SIZE(section, key, holder, member, fallback, min, max, doc)                                          \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_SIZE, ST_CONFIG_AT(int64_t *, holder, member), (fallback), (min), (max),      \
            NULL, NULL, (doc)                                                                                          \
    }
#define ST_CONFIG_DURATION(section, key, holder, member, fallback, min_ms, max_ms, doc)                                \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_DURATION, ST_CONFIG_AT(int64_t *, holder, member), (fallback), (min_ms),      \
            (max_ms), NULL, NULL, (doc)                                                                                \
    }
#define ST_CONFIG_BOOL(section, key, holder, member, fallback, doc)                                                    \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_BOOL, ST_CONFIG_AT(bool *, holder, member), (fallback), 0, 0, NULL, NULL,     \
            (doc)                                                                                                      \
    }
#define ST_CONFIG_TEXT(section, key, holder, member, fallback, check, doc)                                             \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_TEXT, ST_CONFIG_AT(char(*)[ST_CONFIG_TEXT_SIZE], holder, member), (fallback), \
            0, 0, NULL, (check), (doc)                                                                                 \
    }
#define ST_CONFIG_PATH(section, key, holder, member, fallback, check, doc)                                             \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_PATH, ST_CONFIG_AT(char(*)[ST_CONFIG_PATH_SIZE], holder, member), (fallback), \
            0, 0, NULL, (check), (doc)                                                                                 \
    }
#define ST_CONFIG_ENUM(section, key, holder, member, fallback, names, doc)                                             \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_ENUM, ST_CONFIG_AT(int *, holder, member), (fallback), 0, 0, (names), NULL,   \
            (doc)                                                                                                      \
    }
#define ST_CONFIG_CIDRS(section, key, holder, member, fallback, doc)                                                   \
    {                                                                                                                  \
        (section), (key), ST_CONFIG_KIND_CIDRS, ST_CONFIG_AT(struct st_cidr_list *, holder, member), (fallback), 0, 0, \
            NULL, NULL, (doc)                                                                                          \
    }

/* Why something was refused, ready to be shown: printable ASCII, one line. */
struct st_config_error {
    unsigned line; /* in the file, from 1; 0 if no line is to blame */
    char text[ST_CONFIG_ERROR_SIZE];
};

/* Fills the struct with the table's defaults. ST_EMALFORMED if a default breaks its own row: a mistake of the program,
 * found by its test; error->text says which. */
enum st_err st_config_defaults(const struct st_config_table *table, void *settings,
                               struct st_config_error *error) ST_MUST_CHECK;

/* Reads the text of a file over what `settings` holds. `file` is only named in errors. ST_EMALFORMED (with error
 * filled) for anything wrong in it, ST_ELIMIT above ST_CONFIG_FILE_MAX bytes. On failure `settings` may be half
 * changed: read into a fresh struct and swap it in, and a bad file keeps the old. */
enum st_err st_config_parse(const struct st_config_table *table, void *settings, struct st_view text, const char *file,
                            struct st_config_error *error) ST_MUST_CHECK;

/* Defaults, then the file at `path`. ST_ENOTFOUND if there is none (the defaults are set), else as st_file_read
 * and st_config_parse; error->text is filled in every case of failure. */
enum st_err st_config_load(const struct st_config_table *table, void *settings, const char *path,
                           struct st_config_error *error) ST_MUST_CHECK;

/* Sets one value from elsewhere: a flag, an environment variable. `origin` names it in errors ("--port").
 * ST_ENOTFOUND for an unknown key, ST_EMALFORMED for a bad value. */
enum st_err st_config_set(const struct st_config_table *table, void *settings, const char *section, const char *key,
                          const char *value, const char *origin, struct st_config_error *error) ST_MUST_CHECK;

/* Appends the example file: every setting with its explanation, kind, range and default, commented out. Parsing it
 * gives the defaults, and so does parsing it with every "#key" line uncommented. */
enum st_err st_config_example(const struct st_config_table *table, struct st_buf *out) ST_MUST_CHECK;

/* Appends what is in force, every setting in the form of a file; parsing it gives the same settings. What differs
 * from its default is preceded by a comment that tells the default. */
enum st_err st_config_print(const struct st_config_table *table, const void *settings,
                            struct st_buf *out) ST_MUST_CHECK;

#endif
