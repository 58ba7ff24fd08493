/* What went wrong, for the person at the terminal: three lines (docs, "Errors").
 *
 *     safetalkd: WHAT [code reason]
 *       Why:  the measured cause
 *       Next: what to type
 *
 * A function that may fail fills one in; only main prints it. Control characters in a text are shown as `?`. */
#ifndef DAEMON_ERROR_H
#define DAEMON_ERROR_H

#include "lib/st_err.h"
#include "lib/st_service.h"

enum { DAEMON_TEXT_MAX = 1200 /* bytes of a line with its NUL: a path fits */ };

struct daemon_error {
    enum st_exit code;
    const char *reason; /* a literal: stable, for scripts */
    char what[DAEMON_TEXT_MAX];
    char why[DAEMON_TEXT_MAX];
    char next[DAEMON_TEXT_MAX];
};

/* Begins an error: code, reason and the first line; the other two are then empty. */
void daemon_error_what(struct daemon_error *error, enum st_exit code, const char *reason, const char *format, ...)
    ST_PRINTF(4, 5);
void daemon_error_why(struct daemon_error *error, const char *format, ...) ST_PRINTF(2, 3);
void daemon_error_next(struct daemon_error *error, const char *format, ...) ST_PRINTF(2, 3);

/* An error of the file system or a store about `path`, which was being `what` ("opened", "written"); `dir` is the
 * server's folder, for Next. */
void daemon_error_file(struct daemon_error *error, enum st_err err, const char *path, const char *what,
                       const char *dir);

/* Prints it to stderr; returns its code. */
int daemon_error_print(const struct daemon_error *error);

#endif
