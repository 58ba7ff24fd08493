#include "client/cli/secret_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>
#include <utf8proc.h>

#include "client/cli/interrupt.h"

enum {
    LINE_MAX_BYTES = 4096, /* of what is read, before normalisation */
    POLL_MS = 100
};

void secret_free(struct secret *secret)
{
    if (secret->p != NULL)
        sodium_free(secret->p); /* wipes too */
    secret->p = NULL;
    secret->len = 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && (a->len == 0 || sodium_memcmp(a->p, b->p, a->len) == 0);
}

static enum secret_fault fail(struct secret_report *report, enum secret_fault fault)
{
    report->fault = fault;
    return fault;
}

static bool has_controls(const utf8proc_int32_t *codes, utf8proc_ssize_t count)
{
    for (utf8proc_ssize_t i = 0; i < count; i++)
        if (utf8proc_category(codes[i]) == UTF8PROC_CATEGORY_CC)
            return true;
    return false;
}

/* Normalises into `codes` (room for `room` code points), in place. Returns the bytes, or -1. utf8proc's own
 * one-call normalisation would leave copies in freed memory. */
static utf8proc_ssize_t normalise(utf8proc_int32_t *codes, utf8proc_ssize_t room, struct st_view raw)
{
    utf8proc_option_t form = (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    utf8proc_ssize_t count = utf8proc_decompose(raw.p, (utf8proc_ssize_t)raw.len, codes, room, form);
    if (count < 0 || count >= room || has_controls(codes, count))
        return -1;
    return utf8proc_reencode(codes, count, form);
}

static enum secret_fault take_normal(struct secret *out, struct st_view normal, bool any_length,
                                     struct secret_report *report)
{
    report->bytes = normal.len;
    if (normal.len > SECRET_MAX)
        return fail(report, SECRET_TOO_LONG);
    if (normal.len == 0 || (!any_length && normal.len < SECRET_MIN))
        return fail(report, SECRET_TOO_SHORT);
    out->p = sodium_malloc(normal.len);
    if (out->p == NULL)
        return fail(report, SECRET_NO_MEMORY);
    memcpy(out->p, normal.p, normal.len);
    out->len = normal.len;
    return SECRET_OK;
}

enum secret_fault secret_from_text(struct secret *out, struct st_view raw, bool any_length,
                                   struct secret_report *report)
{
    memset(out, 0, sizeof *out);
    memset(report, 0, sizeof *report);
    report->bytes = raw.len;
    if (raw.len > LINE_MAX_BYTES)
        return fail(report, SECRET_TOO_LONG);
    if (raw.len == 0)
        return fail(report, SECRET_TOO_SHORT);
    /* One code point decomposes into at most 18. */
    size_t room = raw.len * 18 + 1;
    utf8proc_int32_t *codes = sodium_allocarray(room, sizeof *codes);
    if (codes == NULL)
        return fail(report, SECRET_NO_MEMORY);
    utf8proc_ssize_t len = normalise(codes, (utf8proc_ssize_t)room, raw);
    enum secret_fault fault =
        len < 0 ? fail(report, SECRET_NOT_TEXT) : take_normal(out, st_view(codes, (size_t)len), any_length, report);
    sodium_free(codes);
    return fault;
}

/* Reads up to the first newline, one byte at a time so that nothing behind it is taken. Returns the length, -1 on an
 * error of reading, -2 if the line is too long. */
static ssize_t read_line(int fd, uint8_t line[static LINE_MAX_BYTES])
{
    size_t len = 0;
    for (;;) {
        uint8_t byte;
        ssize_t got = read(fd, &byte, 1);
        if (got < 0 && errno == EINTR && interrupt_signal() == 0)
            continue;
        if (got < 0)
            return -1;
        if (got == 0 || byte == '\n')
            break;
        if (len == LINE_MAX_BYTES)
            return -2;
        line[len++] = byte;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    return (ssize_t)len;
}

enum secret_fault secret_from_fd(struct secret *out, int fd, bool any_length, struct secret_report *report)
{
    memset(out, 0, sizeof *out);
    memset(report, 0, sizeof *report);
    uint8_t *line = sodium_malloc(LINE_MAX_BYTES);
    if (line == NULL)
        return fail(report, SECRET_NO_MEMORY);
    ssize_t len = read_line(fd, line);
    int error = errno;
    enum secret_fault fault;
    if (len >= 0)
        fault = secret_from_text(out, st_view(line, (size_t)len), any_length, report);
    else
        fault = fail(report, len == -1 ? SECRET_NO_FILE : SECRET_TOO_LONG);
    if (fault == SECRET_NO_FILE)
        report->error = error;
    if (fault == SECRET_TOO_LONG && len == -2)
        report->bytes = LINE_MAX_BYTES;
    sodium_free(line);
    return fault;
}

enum secret_fault secret_from_file(struct secret *out, const char *path, bool any_length, struct secret_report *report)
{
    struct stat info;
    memset(out, 0, sizeof *out);
    memset(report, 0, sizeof *report);
    if (strcmp(path, "-") == 0)
        return secret_from_fd(out, STDIN_FILENO, any_length, report);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0) {
        report->error = errno;
        if (fd >= 0)
            close(fd);
        return fail(report, SECRET_NO_FILE);
    }
    enum secret_fault fault;
    if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0) {
        report->mode = info.st_mode & 0777;
        fault = fail(report, SECRET_READABLE);
    } else {
        fault = secret_from_fd(out, fd, any_length, report);
    }
    close(fd);
    return fault;
}

/* The terminal that can be asked, or -1. `*own`: it must be closed. */
static int open_terminal(bool *own)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    *own = fd >= 0;
    if (fd >= 0)
        return fd;
    return isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1;
}

bool secret_can_ask(void)
{
    bool own;
    int fd = open_terminal(&own);
    if (own)
        close(fd);
    return fd >= 0;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done < 0 && errno != EINTR)
            return; /* an unseen prompt is no reason not to read the answer */
        if (done > 0) {
            text += done;
            len -= (size_t)done;
        }
    }
}

/* Waits for input or a signal. False at a signal. */
static bool wait_readable(int fd)
{
    while (interrupt_signal() == 0) {
        struct pollfd ready = { fd, POLLIN, 0 };
        int count = poll(&ready, 1, POLL_MS);
        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* Reads a line of the terminal in its line mode: read returns whole lines. Returns as read_line; -1 at a signal. */
static ssize_t read_terminal(int fd, uint8_t line[static LINE_MAX_BYTES])
{
    if (!wait_readable(fd))
        return -1;
    ssize_t len = read(fd, line, LINE_MAX_BYTES);
    if (len <= 0)
        return -1;
    if (line[len - 1] != '\n')
        return len == LINE_MAX_BYTES ? -2 : len;
    return len - 1;
}

/* Signals that would leave the terminal without echo. Those that interrupt_install handles only set a flag. */
static void block_stops(sigset_t *before)
{
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTSTP);
    (void)sigaddset(&stops, SIGQUIT);
    (void)sigaddset(&stops, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &stops, before);
}

static ssize_t ask(int fd, int prompt_fd, const char *prompt, bool echo, uint8_t line[static LINE_MAX_BYTES])
{
    struct termios before;
    sigset_t mask;
    bool silenced = false;
    block_stops(&mask);
    if (!echo && tcgetattr(fd, &before) == 0) {
        struct termios quiet = before;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
        quiet.c_lflag |= ICANON | ISIG;
        silenced = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    ssize_t len = -1;
    if (echo || silenced) {
        say(prompt_fd, prompt);
        say(prompt_fd, " ");
        len = read_terminal(fd, line);
    }
    if (silenced) {
        (void)tcsetattr(fd, TCSAFLUSH, &before);
        say(prompt_fd, "\n");
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return len;
}

enum secret_fault secret_ask(struct secret *out, const char *prompt, int err_fd, bool any_length,
                             struct secret_report *report)
{
    bool own;
    memset(out, 0, sizeof *out);
    memset(report, 0, sizeof *report);
    int fd = open_terminal(&own);
    if (fd < 0)
        return fail(report, SECRET_NO_TERMINAL);
    uint8_t *line = sodium_malloc(LINE_MAX_BYTES);
    enum secret_fault fault = SECRET_NO_MEMORY;
    if (line != NULL) {
        ssize_t len = ask(fd, isatty(err_fd) == 1 ? err_fd : fd, prompt, false, line);
        if (len >= 0)
            fault = secret_from_text(out, st_view(line, (size_t)len), any_length, report);
        else
            fault = len == -2 ? SECRET_TOO_LONG : SECRET_CANCELLED;
        sodium_free(line);
    }
    if (own)
        close(fd);
    report->fault = fault;
    return fault;
}

void secret_prompt_of(char out[static SECRET_PROMPT_BYTES], const char *name)
{
    (void)snprintf(out, SECRET_PROMPT_BYTES, "Password of @%s:", name);
}

enum secret_fault secret_ask_plainly(char *out, size_t cap, const char *prompt, int err_fd)
{
    bool own;
    uint8_t line[LINE_MAX_BYTES];
    out[0] = '\0';
    int fd = open_terminal(&own);
    if (fd < 0)
        return SECRET_NO_TERMINAL;
    ssize_t len = ask(fd, isatty(err_fd) == 1 ? err_fd : fd, prompt, true, line);
    if (own)
        close(fd);
    if (len == -1)
        return SECRET_CANCELLED;
    if (len < 0 || (size_t)len >= cap || memchr(line, '\0', (size_t)len) != NULL)
        return SECRET_TOO_LONG;
    memcpy(out, line, (size_t)len);
    out[len] = '\0';
    return SECRET_OK;
}
