#include "client/cli/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/st_file.h"

/* `base` followed by `rest`. */
static enum st_err concat(char out[static PATHS_MAX], const char *base, const char *rest)
{
    int len = snprintf(out, PATHS_MAX, "%s%s", base, rest);
    if (len >= 0 && len < PATHS_MAX)
        return ST_OK;
    out[0] = '\0';
    return ST_ELIMIT;
}

enum st_err paths_join(char out[static PATHS_MAX], const char *folder, const char *name)
{
    int len = snprintf(out, PATHS_MAX, "%s/%s", folder, name);
    if (len >= 0 && len < PATHS_MAX)
        return ST_OK;
    out[0] = '\0';
    return ST_ELIMIT;
}

static const char *absolute(const char *path)
{
    return path != NULL && path[0] == '/' ? path : NULL;
}

/* An XDG folder: its variable, or what stands below HOME; then `/safetalk` and `tail`. */
static enum st_err xdg(char out[static PATHS_MAX], const char *variable, const char *home, const char *below,
                       const char *tail)
{
    char base[PATHS_MAX];
    const char *from = absolute(variable);
    out[0] = '\0';
    if (from == NULL) {
        if (absolute(home) == NULL)
            return ST_ENOTFOUND;
        enum st_err err = concat(base, home, below);
        if (err != ST_OK)
            return err;
        from = base;
    }
    return concat(out, from, tail);
}

static enum st_err find_data(struct paths *out, const char *data_dir, paths_getenv_fn get, void *ctx)
{
    const char *home = get(ctx, "HOME");
    if (data_dir == NULL) {
        enum st_err err = xdg(out->data, get(ctx, "XDG_DATA_HOME"), home, "/.local/share", "/safetalk");
        if (err == ST_OK)
            err = xdg(out->state, get(ctx, "XDG_STATE_HOME"), home, "/.local/state", "/safetalk");
        if (err == ST_OK)
            err = xdg(out->cache, get(ctx, "XDG_CACHE_HOME"), home, "/.cache", "/safetalk");
        return err;
    }
    enum st_err err = concat(out->data, data_dir, "");
    if (err == ST_OK)
        err = concat(out->state, data_dir, "/log");
    if (err == ST_OK)
        err = concat(out->cache, data_dir, "/cache");
    return err;
}

enum st_err paths_find(struct paths *out, const char *data_dir, paths_getenv_fn get, void *ctx)
{
    memset(out, 0, sizeof *out);
    enum st_err err = find_data(out, data_dir, get, ctx);
    if (err != ST_OK)
        return err;
    const char *runtime = absolute(get(ctx, "XDG_RUNTIME_DIR"));
    if (runtime != NULL && concat(out->runtime, runtime, "/safetalk") != ST_OK)
        return ST_ELIMIT;
    /* Without a home there is no configuration of the user's own. */
    err = xdg(out->config, get(ctx, "XDG_CONFIG_HOME"), get(ctx, "HOME"), "/.config", "/safetalk/config.ini");
    return err == ST_ENOTFOUND ? ST_OK : err;
}

enum st_err paths_account(char out[static PATHS_MAX], const struct paths *paths, const char *name, const char *host,
                          uint16_t port)
{
    char place[ST_ADDRESS_HOST_PORT_BYTES];
    st_address_format_host_port(place, host, port);
    int len = snprintf(out, PATHS_MAX, "%s/%s@%s", paths->data, name, place);
    if (len >= 0 && len < PATHS_MAX)
        return ST_OK;
    out[0] = '\0';
    return ST_ELIMIT;
}

/* Whether the entry is an account's folder. The name must be the one that we would give, port included. */
static bool is_account(struct paths_found *out, const struct paths *paths, const char *entry)
{
    struct stat info;
    char expected[PATHS_MAX];
    if (target_parse_account(&out->account, entry) != ST_OK || out->account.host[0] == '\0')
        return false;
    const struct target_account *account = &out->account;
    if (paths_account(expected, paths, account->name, account->host, account->port) != ST_OK ||
        paths_join(out->folder, paths->data, entry) != ST_OK || strcmp(expected, out->folder) != 0)
        return false;
    char pending[PATHS_MAX];
    out->pending = paths_join(pending, out->folder, PATHS_PENDING) == ST_OK && access(pending, F_OK) == 0;
    return lstat(out->folder, &info) == 0 && S_ISDIR(info.st_mode);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int has_at(const struct dirent *entry)
{
    return strchr(entry->d_name, '@') != NULL;
}

enum st_err paths_each_account(const struct paths *paths, paths_account_fn fn, void *ctx)
{
    struct dirent **entries = NULL;
    int count = scandir(paths->data, &entries, has_at, by_name);
    if (count < 0) {
        enum st_err err = st_file_err(errno);
        return err == ST_ENOTFOUND ? ST_OK : err;
    }
    enum st_err err = ST_OK;
    int called = 0;
    for (int i = 0; i < count; i++) {
        struct paths_found found;
        if (err == ST_OK && called < PATHS_ACCOUNTS_MAX && is_account(&found, paths, entries[i]->d_name)) {
            err = fn(ctx, &found);
            called++;
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}
