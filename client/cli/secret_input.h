/* Passwords: asked on the terminal without echo, or the first line of a file or descriptor. They come out in Unicode
 * normal form C, 8 to 1,024 bytes long, in memory that libsodium guards and wipes. */
#ifndef SECRET_INPUT_H
#define SECRET_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    SECRET_MIN = 8, /* bytes in normal form */
    SECRET_MAX = 1024
};

/* A password. `p` is sodium_malloc memory; NULL when empty. */
struct secret {
    uint8_t *p;
    size_t len; /* bytes */
};

/* Wipes and frees; the secret is empty then. Empty is fine. */
void secret_free(struct secret *secret);

static inline struct st_view secret_view(const struct secret *secret)
{
    return st_view(secret->p, secret->len);
}

bool secret_equal(const struct secret *a, const struct secret *b);

enum secret_fault {
    SECRET_OK = 0,
    SECRET_TOO_SHORT, /* or too long: `bytes` says */
    SECRET_TOO_LONG,
    SECRET_NOT_TEXT,    /* not UTF-8, or control characters in it */
    SECRET_READABLE,    /* others can read the file: `mode` says */
    SECRET_NO_FILE,     /* it cannot be opened or read: `error` says */
    SECRET_NO_TERMINAL, /* nobody can be asked */
    SECRET_CANCELLED,   /* end of input, Ctrl-C or TERM at the prompt */
    SECRET_NO_MEMORY
};

/* What went wrong, for the error's sentences. */
struct secret_report {
    enum secret_fault fault;
    size_t bytes;  /* of the password, when it is too short or long */
    unsigned mode; /* of the file, when others can read it */
    int error;     /* errno, when the file cannot be read */
};

/* Checks and normalises `raw` (which is borrowed). `any_length`: an old password, whose length was judged when it was
 * made; only SECRET_MAX holds. Returns new in `out`; empty on failure. */
enum secret_fault secret_from_text(struct secret *out, struct st_view raw, bool any_length,
                                   struct secret_report *report);

/* The first line of the file at `path`; `-` is descriptor 0. A file must be a plain one that group and others have no
 * right on; what is no plain file (a pipe, a terminal) is read as it is. */
enum secret_fault secret_from_file(struct secret *out, const char *path, bool any_length, struct secret_report *report);

/* The first line of an open descriptor; nothing behind it is read away. */
enum secret_fault secret_from_fd(struct secret *out, int fd, bool any_length, struct secret_report *report);

/* Asks on the terminal (/dev/tty, else descriptor 0 if it is one): writes `prompt` and a space, reads a line without
 * echo, and puts the terminal back in every case. `err_fd` gets the prompt if it is a terminal, else the terminal. */
enum secret_fault secret_ask(struct secret *out, const char *prompt, int err_fd, bool any_length,
                             struct secret_report *report);

/* Whether secret_ask could ask. */
bool secret_can_ask(void);

/* The prompts, word for word. */
#define SECRET_PROMPT_NEW   "New password (8 or more characters; it never leaves this machine):"
#define SECRET_PROMPT_AGAIN "Again:"

/* "Password of @alice:" */
enum { SECRET_PROMPT_BYTES = 64 };
void secret_prompt_of(char out[static SECRET_PROMPT_BYTES], const char *name);

/* Asks a question that is no secret on the same terminal, with echo: the answer's line without its newline.
 * SECRET_TOO_LONG if it does not fit. */
enum secret_fault secret_ask_plainly(char *out, size_t cap, const char *prompt, int err_fd);

#endif
