#include "lib/st_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/st_cidr.h"
#include "lib/st_escape.h"
#include "lib/st_file.h"
#include "lib/st_hex.h"
#include "lib/st_time.h"

enum { PROGRAM_SIZE = 32, SENTENCE_SIZE = 1024, ID_MAX = 32 };

struct st_log {
    char program[PROGRAM_SIZE];
    atomic_int level;
    int fd;     /* -1 with a sink */
    char *path; /* owned; NULL for stderr and a sink */
    struct st_env env;
    void (*sink)(void *ctx, const char *line, size_t len);
    void *sink_ctx;
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

enum st_err st_log_open(struct st_log **log_r, const struct st_log_options *options)
{
    *log_r = NULL;
    struct st_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return ST_ENOMEM;
    enum st_err err = ST_OK;
    snprintf(log->program, sizeof log->program, "%s", options->program);
    atomic_init(&log->level, (int)options->level);
    log->env = options->env != NULL ? *options->env : st_env_system();
    log->sink = options->sink;
    log->sink_ctx = options->sink_ctx;
    log->fd = options->sink != NULL ? -1 : STDERR_FILENO;
    if (options->sink == NULL && options->path != NULL) {
        log->path = strdup(options->path);
        log->fd = log->path != NULL ? open_path(log->path) : -1;
        if (log->path == NULL)
            err = ST_ENOMEM;
        else if (log->fd < 0)
            err = st_file_err(errno);
    }
    if (err != ST_OK) {
        free(log->path);
        free(log);
        return err;
    }
    *log_r = log;
    return ST_OK;
}

void st_log_close(struct st_log **log)
{
    if (*log == NULL)
        return;
    int saved = errno;
    if ((*log)->path != NULL)
        close((*log)->fd);
    free((*log)->path);
    free(*log);
    *log = NULL;
    errno = saved;
}

enum st_err st_log_reopen(struct st_log *log)
{
    if (log == NULL || log->path == NULL)
        return ST_OK;
    int saved = errno;
    enum st_err err = ST_OK;
    int fd = open_path(log->path);
    /* dup2 puts the new file under the old number in one step: other threads never meet a closed one. */
    if (fd < 0 || dup2(fd, log->fd) < 0 || fcntl(log->fd, F_SETFD, FD_CLOEXEC) < 0)
        err = st_file_err(errno);
    if (fd >= 0)
        close(fd);
    errno = saved;
    return err;
}

void st_log_set_level(struct st_log *log, enum st_log_level level)
{
    if (log != NULL)
        atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

bool st_log_wants(const struct st_log *log, enum st_log_level level)
{
    return log != NULL && (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

const char *st_log_level_name(enum st_log_level level)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "debug";
}

/* Ends a line that had no room for all its fields. */
static const char cut_mark[] = " cut=yes";

/* A line in the making. */
struct line {
    char text[ST_LOG_LINE_MAX];
    size_t len;
    bool full; /* a field did not fit: nothing more is added */
};

static bool is_plain(struct st_view value)
{
    static const char extra[] = "-_.:/@+#,%[]";
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return value.len > 0 && value.len <= ST_LOG_VALUE_MAX;
}

/* Adds ` key=value` or nothing at all: a full line has whole fields too. */
static void add_bytes(struct line *line, const char *key, struct st_view value)
{
    char text[ST_LOG_VALUE_MAX + 1];
    size_t len;
    if (is_plain(value)) {
        memcpy(text, value.p, value.len);
        len = value.len;
    } else {
        text[0] = '"';
        len = 1 + st_escape(text + 1, sizeof text - 2, value);
        text[len++] = '"';
    }
    size_t key_len = strlen(key);
    size_t gap = line->len > 0;
    /* The mark and the newline always fit: sizeof counts the NUL, which is not written. */
    if (line->full || gap + key_len + 1 + len > sizeof line->text - sizeof cut_mark - line->len) {
        line->full = true;
        return;
    }
    if (gap > 0)
        line->text[line->len++] = ' ';
    memcpy(line->text + line->len, key, key_len);
    line->len += key_len;
    line->text[line->len++] = '=';
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void add_field(struct line *line, const struct st_log_field *field)
{
    char text[2 * ID_MAX + 1];
    _Static_assert(sizeof text >= ST_LOG_ADDRESS_SIZE, "one buffer for all short values");
    switch (field->kind) {
    case ST_LOG_KIND_TEXT:
        add_bytes(line, field->key, field->bytes);
        return;
    case ST_LOG_KIND_INT:
        snprintf(text, sizeof text, "%" PRId64, field->number);
        break;
    case ST_LOG_KIND_UINT:
        snprintf(text, sizeof text, "%" PRIu64, field->count);
        break;
    case ST_LOG_KIND_HEX:
        st_hex_encode(text, field->bytes.p, field->bytes.len < ID_MAX ? field->bytes.len : ID_MAX);
        break;
    case ST_LOG_KIND_ADDRESS: {
        /* The view was made from a text, so it ends with a NUL. */
        const void *address = field->bytes.p;
        st_log_cut_address(text, address);
        break;
    }
    }
    add_bytes(line, field->key, st_view_text(text));
}

/* Out in one call: with O_APPEND, and on a pipe as it is shorter than PIPE_BUF, lines of several writers do not mix. */
static void send_line(struct st_log *log, struct line *line)
{
    if (line->full) {
        memcpy(line->text + line->len, cut_mark, sizeof cut_mark - 1);
        line->len += sizeof cut_mark - 1;
    }
    line->text[line->len++] = '\n';
    if (log->sink != NULL) {
        log->sink(log->sink_ctx, line->text, line->len);
        return;
    }
    ssize_t n;
    do {
        n = write(log->fd, line->text, line->len);
    } while (n < 0 && errno == EINTR);
}

void st_log_write(struct st_log *log, enum st_log_level level, const char *event, const struct st_log_field *fields,
                  size_t count)
{
    if (!st_log_wants(log, level))
        return;
    int saved = errno;
    struct line line = { .len = 0, .full = false };
    char time[ST_TIME_SIZE];
    st_time_format(time, st_env_wall_ms(&log->env));
    add_bytes(&line, "time", st_view_text(time));
    add_bytes(&line, "level", st_view_text(st_log_level_name(level)));
    add_bytes(&line, "prog", st_view_text(log->program));
    add_bytes(&line, "event", st_view_text(event));
    for (size_t i = 0; i < count; i++)
        add_field(&line, &fields[i]);
    send_line(log, &line);
    errno = saved;
}

void st_log_say(struct st_log *log, enum st_log_level level, const char *event, const char *format, ...)
{
    if (!st_log_wants(log, level))
        return;
    int saved = errno;
    char sentence[SENTENCE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    ST_LOG(log, level, event, st_log_text("msg", sentence));
    errno = saved;
}

void st_log_errno(struct st_log *log, enum st_log_level level, const char *event, const char *format, ...)
{
    if (!st_log_wants(log, level))
        return;
    int saved = errno;
    char sentence[SENTENCE_SIZE];
    char reason[128] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (strerror_r(saved, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", saved);
    ST_LOG(log, level, event, st_log_text("msg", sentence), st_log_int("errno", saved), st_log_text("error", reason));
    errno = saved;
}

void st_log_cut_address(char out[static ST_LOG_ADDRESS_SIZE], const char *address)
{
    enum { KEEP_V4 = 96 + 24, KEEP_V6 = 56 };
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    struct st_cidr cidr;
    if (st_cidr_parse_address(cidr.address, address) != ST_OK) {
        memcpy(out, "-", 2);
        return;
    }
    cidr.bits = memcmp(cidr.address, mapped, sizeof mapped) == 0 ? KEEP_V4 : KEEP_V6;
    memset(cidr.address + cidr.bits / 8, 0, sizeof cidr.address - cidr.bits / 8u);
    st_cidr_format(out, &cidr);
}
