#include "services/allinone/daemon_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "lib/st_file.h"

void daemon_error_what(struct daemon_error *error, enum st_exit code, const char *reason, const char *format, ...)
{
    va_list args;
    error->code = code;
    error->reason = reason;
    error->why[0] = error->next[0] = '\0';
    va_start(args, format);
    vsnprintf(error->what, sizeof error->what, format, args);
    va_end(args);
}

void daemon_error_why(struct daemon_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->why, sizeof error->why, format, args);
    va_end(args);
}

void daemon_error_next(struct daemon_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->next, sizeof error->next, format, args);
    va_end(args);
}

/* A database engine may know a full disk only as an I/O error (SQLite, when it cannot map its shared memory). */
static bool is_full(const char *dir)
{
    enum { LEAST_BYTES = 65536 };
    struct statvfs room;
    return statvfs(dir, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < LEAST_BYTES;
}

void daemon_error_file(struct daemon_error *error, enum st_err err, const char *path, const char *what, const char *dir)
{
    char room[ST_FILE_FREE_TEXT_SIZE];
    st_file_free_text(room, path);
    if (err == ST_EIO && is_full(dir))
        err = ST_EFULL;
    switch (err) {
    case ST_EFULL:
    case ST_EUNCERTAIN:
        daemon_error_what(error, ST_EXIT_DISK, "disk_full", "the disk is full or not writable");
        daemon_error_why(error, "%s could not be %s; %s", path, what, room);
        daemon_error_next(error, "free space, then safetalkd run --dir %s", dir);
        break;
    case ST_EREFUSED:
        daemon_error_what(error, ST_EXIT_DISK, "no_permission", "%s cannot be used", path);
        daemon_error_why(error, "this user may not have it %s, or others may read what is secret", what);
        daemon_error_next(error, "chown -R $(id -un) %s && chmod -R go= %s", dir, dir);
        break;
    case ST_EFOREIGN:
        daemon_error_what(error, ST_EXIT_FOREIGN, "foreign_db", "not a Safe Talk file that this program knows");
        daemon_error_why(error, "%s is of another kind, damaged or newer; it was not touched", path);
        daemon_error_next(error, "put back a copy of %s, or run the newer safetalkd", path);
        break;
    case ST_EUNAVAILABLE:
        daemon_error_what(error, ST_EXIT_HELD, "held", "%s is in use", path);
        daemon_error_why(error, "another process has it locked");
        daemon_error_next(error, "fuser %s", path);
        break;
    case ST_ENOTFOUND:
        daemon_error_what(error, ST_EXIT_USAGE, "no_such_file", "%s is missing", path);
        daemon_error_why(error, "it could not be %s: there is no such file or folder", what);
        daemon_error_next(error, "put back a copy of it, or safetalkd init --dir OTHER");
        break;
    default:
        daemon_error_what(error, ST_EXIT_FAILED, "unexpected", "%s could not be %s", path, what);
        daemon_error_why(error, "%s", st_err_text(err));
        daemon_error_next(error, "safetalkd run --dir %s", dir);
        break;
    }
}

static void put_clean(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

int daemon_error_print(const struct daemon_error *error)
{
    fputs("safetalkd: ", stderr);
    put_clean(stderr, error->what);
    fprintf(stderr, " [%d %s]\n  Why:  ", (int)error->code, error->reason);
    put_clean(stderr, error->why);
    fputs("\n  Next: ", stderr);
    put_clean(stderr, error->next);
    fputc('\n', stderr);
    return (int)error->code;
}
