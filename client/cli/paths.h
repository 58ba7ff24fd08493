/* Where the program's files lie: the XDG folders, and one folder an account, `NAME@HOST:PORT/`. */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/target.h"
#include "lib/st_err.h"

enum { PATHS_MAX = 1024 /* bytes of a path with its NUL */ };

#define PATHS_SYSTEM_CONFIG "/etc/safetalk/config.ini"

struct paths {
    char data[PATHS_MAX];    /* holds the accounts' folders */
    char state[PATHS_MAX];   /* log */
    char cache[PATHS_MAX];   /* ciphertext only */
    char runtime[PATHS_MAX]; /* socket; "" where the system gives none */
    char config[PATHS_MAX];  /* config.ini of the user */
};

typedef const char *(*paths_getenv_fn)(void *ctx, const char *name);

/* Finds the folders without making them. `data_dir` (or NULL) replaces data, state and cache. XDG paths that are not
 * absolute are ignored, as the XDG base directory specification says. ST_ENOTFOUND: neither XDG_DATA_HOME nor HOME is
 * known; ST_ELIMIT: a path is too long. */
enum st_err paths_find(struct paths *out, const char *data_dir, paths_getenv_fn get, void *ctx) ST_MUST_CHECK;

/* The folder of an account, and files in it; nothing is made. ST_ELIMIT: too long. */
enum st_err paths_account(char out[static PATHS_MAX], const struct paths *paths, const char *name, const char *host,
                          uint16_t port) ST_MUST_CHECK;
enum st_err paths_join(char out[static PATHS_MAX], const char *folder, const char *name) ST_MUST_CHECK;

/* A file that stands in an account's folder until the server has said yes: its keys may be registered, or not. */
#define PATHS_PENDING "registering"

/* An account's folder that exists. */
struct paths_found {
    struct target_account account; /* complete: name, host, port */
    char folder[PATHS_MAX];
    bool pending; /* not registered yet */
};

enum { PATHS_ACCOUNTS_MAX = 256 };

/* Calls `fn` for each folder whose name is that of an account, in the order of names, at most PATHS_ACCOUNTS_MAX;
 * anything else in the data folder is passed over. No data folder is no account. What `fn` returns ends the list if
 * it is not ST_OK, and is returned. */
typedef enum st_err (*paths_account_fn)(void *ctx, const struct paths_found *found);
enum st_err paths_each_account(const struct paths *paths, paths_account_fn fn, void *ctx) ST_MUST_CHECK;

#endif
