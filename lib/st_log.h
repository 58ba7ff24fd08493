/* The log: one line an event, `key=value` with stable keys, to stderr, a file or a function.
 *
 *     time=2026-11-25T14:01:07.250Z level=info prog=safetalkd event=listening port=7420
 *
 * A value is written bare if it is plain, else in double quotes through st_escape: whatever a peer sent can neither
 * break the line, nor forge a key, nor reach a terminal raw. A line is at most ST_LOG_LINE_MAX bytes (fields that
 * do not fit are left out, and `cut=yes` says so) and leaves in one write, so threads and processes may share a file.
 * There is no global log: whoever logs is handed a `struct st_log *`, and NULL is a silent one. errno is the same
 * before and after every call.
 *
 * Never logged: keys, tokens, passwords, message text, message ids, pairs of contacts. Addresses only cut
 * (st_log_address). */
#ifndef ST_LOG_H
#define ST_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum st_log_level {
    ST_LOG_ERROR, /* somebody must act, or service is refused */
    ST_LOG_WARN,  /* it goes on, but not as it should */
    ST_LOG_INFO,  /* what an operator wants to know of normal life */
    ST_LOG_DEBUG  /* what a developer wants to know */
};

enum {
    ST_LOG_LINE_MAX = 2048,  /* bytes of a line with its newline; longer values are cut */
    ST_LOG_VALUE_MAX = 512,  /* bytes of one value as written, with its quotes */
    ST_LOG_ADDRESS_SIZE = 64 /* bytes for st_log_cut_address, with the NUL */
};

struct st_log;

/* Where lines go: the first of sink, path and stderr that is set. */
struct st_log_options {
    const char *program;                                   /* prog=; copied; at most 31 bytes */
    enum st_log_level level;                               /* the least important level that is written */
    const char *path;                                      /* a file to append to, made with mode 0600; copied */
    const struct st_env *env;                              /* the clock (wall_ms); copied; NULL = the system's */
    void (*sink)(void *ctx, const char *line, size_t len); /* gets each line with its newline; any thread */
    void *sink_ctx;                                        /* borrowed */
};

/* Returns new. Errors of opening the file as st_file_err says; *log_r is NULL then. */
enum st_err st_log_open(struct st_log **log_r, const struct st_log_options *options) ST_MUST_CHECK;

/* Closes and NULLs. NULL is fine. */
void st_log_close(struct st_log **log);

/* Opens the file again under its name, after a log rotation moved it away. On failure the old one stays in use.
 * Does nothing for stderr, a sink or NULL. */
enum st_err st_log_reopen(struct st_log *log) ST_MUST_CHECK;

/* Changes the level, at any time and from any thread. NULL is fine. */
void st_log_set_level(struct st_log *log, enum st_log_level level);

/* Whether a line of this level would be written: spares the making of costly fields. */
bool st_log_wants(const struct st_log *log, enum st_log_level level);

/* One `key=value`. Made by the functions below; keys are literals of a-z, 0-9 and _, values are borrowed for the
 * time of the call. */
struct st_log_field {
    const char *key;
    enum st_log_kind { ST_LOG_KIND_TEXT, ST_LOG_KIND_INT, ST_LOG_KIND_UINT, ST_LOG_KIND_HEX, ST_LOG_KIND_ADDRESS } kind;
    struct st_view bytes;
    int64_t number;
    uint64_t count;
};

/* Text of any origin. NULL is written as "-". */
static inline struct st_log_field st_log_text(const char *key, const char *text)
{
    struct st_log_field field = { key, ST_LOG_KIND_TEXT, st_view_text(text != NULL ? text : "-"), 0, 0 };
    return field;
}

/* Bytes of any origin, shown as text. */
static inline struct st_log_field st_log_bytes(const char *key, struct st_view bytes)
{
    struct st_log_field field = { key, ST_LOG_KIND_TEXT, bytes, 0, 0 };
    return field;
}

static inline struct st_log_field st_log_int(const char *key, int64_t number)
{
    struct st_log_field field = { key, ST_LOG_KIND_INT, { NULL, 0 }, number, 0 };
    return field;
}

static inline struct st_log_field st_log_uint(const char *key, uint64_t count)
{
    struct st_log_field field = { key, ST_LOG_KIND_UINT, { NULL, 0 }, 0, count };
    return field;
}

/* An account or device id in hex, at most 32 bytes of it. Never a key, never a message id. */
static inline struct st_log_field st_log_id(const char *key, const void *id, size_t len)
{
    struct st_log_field field = { key, ST_LOG_KIND_HEX, st_view(id, len), 0, 0 };
    return field;
}

/* What an error code means, in words. */
static inline struct st_log_field st_log_err(const char *key, enum st_err err)
{
    return st_log_text(key, st_err_text(err));
}

/* A peer's address (IPv4 or IPv6 text), written cut to its network by st_log_cut_address. */
static inline struct st_log_field st_log_address(const char *key, const char *address)
{
    struct st_log_field field = { key, ST_LOG_KIND_ADDRESS, st_view_text(address != NULL ? address : ""), 0, 0 };
    return field;
}

/* Writes one event. `event` is a literal like the keys. A line that cannot be written is lost: the log never
 * stops the program. */
void st_log_write(struct st_log *log, enum st_log_level level, const char *event, const struct st_log_field *fields,
                  size_t count);

/* ST_LOG(log, ST_LOG_INFO, "listening", st_log_int("port", port)): an event with at least one field. */
#define ST_LOG(log, level, event, ...)                                                                                 \
    st_log_write((log), (level), (event), (const struct st_log_field[]) { __VA_ARGS__ },                               \
                 sizeof((const struct st_log_field[]) { __VA_ARGS__ }) / sizeof(struct st_log_field))

/* An event without fields. */
static inline void st_log_event(struct st_log *log, enum st_log_level level, const char *event)
{
    st_log_write(log, level, event, NULL, 0);
}

/* An event with a sentence, `msg="…"`; for people, where no stable field says it. The whole sentence is escaped. */
void st_log_say(struct st_log *log, enum st_log_level level, const char *event, const char *format, ...)
    ST_PRINTF(4, 5);

/* The same, and what errno says now: `errno=28 error="No space left on device"`. */
void st_log_errno(struct st_log *log, enum st_log_level level, const char *event, const char *format, ...)
    ST_PRINTF(4, 5);

/* "error", "warn", "info" or "debug". */
const char *st_log_level_name(enum st_log_level level);

/* Cuts an address so that it names a network and no household: IPv4 to /24, IPv6 to /56 ("203.0.113.0/24",
 * "2001:db8:1:200::/56"). An IPv4 address mapped into IPv6 is IPv4. Text that is no address becomes "-". */
void st_log_cut_address(char out[static ST_LOG_ADDRESS_SIZE], const char *address);

#endif
