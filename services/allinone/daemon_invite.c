#include "services/allinone/daemon_invite.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/st_num.h"
#include "lib/st_wipe.h"
#include "services/allinone/daemon_config.h"
#include "services/allinone/daemon_dir.h"
#include "services/allinone/daemon_show.h"
#include "services/auth/auth_invite.h"
#include "services/auth/store_sqlite.h"

static const int64_t default_life_ms = INT64_C(7) * 24 * 3600 * 1000;

struct maker {
    const char *dir;
    struct st_env env;
    struct daemon_settings settings;
    uint8_t enrol_key[DAEMON_KEY_LEN];
    struct st_invite invite;
};

static enum st_err read_terms(const struct daemon_args *args, struct auth_invite_terms *terms, int64_t *life_ms,
                              struct daemon_error *error)
{
    int64_t uses = 1;
    *life_ms = default_life_ms;
    if (args->uses != NULL && st_num_parse(args->uses, 1, AUTH_INVITE_USES_MAX, &uses) != ST_OK) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "--uses does not take %s", args->uses);
        daemon_error_why(error, "it takes a number from 1 to %d", (int)AUTH_INVITE_USES_MAX);
        daemon_error_next(error, "safetalkd invite --dir %s --uses 10", args->dir);
        return ST_EMALFORMED;
    }
    if (args->expires != NULL &&
        st_num_parse_duration_ms(args->expires, 1000, INT64_C(3650) * 86400000, life_ms) != ST_OK) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "--expires does not take %s", args->expires);
        daemon_error_why(error, "it takes a duration such as 8h or 7d, up to ten years");
        daemon_error_next(error, "safetalkd invite --dir %s --expires 7d", args->dir);
        return ST_EMALFORMED;
    }
    *terms = (struct auth_invite_terms) { .uses = (uint32_t)uses, .creator = "safetalkd invite" };
    return ST_OK;
}

/* Reads what the answer needs: settings, enrol key, OPAQUE keys (the hash of a code is keyed with them). */
static enum st_err read_server(struct maker *maker, struct opaque_server_keys *keys, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    struct st_config_error why;
    uint8_t secret_key[DAEMON_KEY_LEN];
    enum st_err err = daemon_dir_check(maker->dir, error);
    if (err != ST_OK)
        return err;
    daemon_dir_path(path, maker->dir, DAEMON_CONFIG_FILE);
    err = daemon_config_load(&maker->settings, path, &why);
    if (err != ST_OK) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_config", "the configuration is wrong");
        daemon_error_why(error, "%s", why.text);
        daemon_error_next(error, "edit %s", path);
        return err;
    }
    err = daemon_dir_read_key(maker->dir, DAEMON_ENROL_KEY, maker->enrol_key, secret_key, error);
    st_wipe(secret_key, sizeof secret_key);
    if (err != ST_OK)
        return err;
    daemon_dir_path(path, maker->dir, DAEMON_OPAQUE_KEY);
    err = opaque_server_keys_load(keys, path);
    if (err != ST_OK)
        daemon_error_file(error, err, path, "read", maker->dir);
    return err;
}

int daemon_invite(const struct daemon_args *args)
{
    struct maker maker = { .dir = args->dir, .env = st_env_system() };
    struct daemon_error error = { 0 };
    struct auth_invite_terms terms;
    struct opaque_server_keys keys = { 0 };
    struct auth_store store = { 0 };
    char path[DAEMON_PATH_MAX];
    int64_t life_ms = 0;
    enum st_err err = read_terms(args, &terms, &life_ms, &error);
    if (err == ST_OK)
        err = read_server(&maker, &keys, &error);
    if (err != ST_OK)
        return daemon_error_print(&error);
    terms.expires_ms = st_env_wall_ms(&maker.env) + life_ms;
    daemon_dir_path(path, maker.dir, DAEMON_AUTH_DB);
    err = access(path, F_OK) == 0 ? auth_store_sqlite_open(&store, path, NULL) : ST_ENOTFOUND;
    if (err == ST_OK)
        err = auth_invite_create(&store, &keys, &terms, &maker.env, &maker.invite);
    auth_store_close(&store);
    opaque_server_keys_deinit(&keys);
    if (err != ST_OK) {
        daemon_error_file(&error, err, path, "written", maker.dir);
        return daemon_error_print(&error);
    }
    daemon_show_address(&maker.settings, maker.enrol_key);
    daemon_show_invite(&maker.invite, terms.uses, terms.expires_ms);
    return ST_EXIT_OK;
}
