#include "services/allinone/daemon_init.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/st_file.h"
#include "lib/st_hex.h"
#include "lib/st_num.h"
#include "services/allinone/daemon_config.h"
#include "services/allinone/daemon_dir.h"
#include "services/allinone/daemon_host.h"
#include "services/allinone/daemon_show.h"
#include "services/auth/auth_invite.h"
#include "services/auth/store_sqlite.h"
#include "services/relay/blob_file.h"
#include "services/relay/mailbox_sqlite.h"

enum { FIRST_USES = 10, CONFIG_MAX = 32768 };

static const int64_t first_life_ms = INT64_C(7) * 24 * 3600 * 1000;

/* What init has made so far. */
struct made {
    const char *dir;
    struct st_env env;
    struct daemon_settings settings;
    uint8_t enrol_key[DAEMON_KEY_LEN];
    struct st_invite invite;
    int64_t expires_ms;
    bool made_dir;
};

static enum st_err fail_file(struct made *made, enum st_err err, enum daemon_file file, const char *what,
                             struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    daemon_dir_path(path, made->dir, file);
    daemon_error_file(error, err, path, what, made->dir);
    return err;
}

/* ---- the folder ---- */

static enum st_err not_empty(const char *dir, const char *entry, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    daemon_dir_path(path, dir, DAEMON_CONFIG_FILE);
    daemon_error_what(error, ST_EXIT_USAGE, "not_empty", "%s is not empty", dir);
    daemon_error_why(error, "it holds %s; nothing was changed", entry);
    daemon_error_next(error, access(path, F_OK) == 0 ? "safetalkd run --dir %s" : "safetalkd init --dir %s-2", dir);
    return ST_EEXISTS;
}

/* Makes the folder, or sees that it is ours and empty. */
static enum st_err take_dir(struct made *made, struct daemon_error *error)
{
    if (strlen(made->dir) > DAEMON_DIR_MAX) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "the name of the folder is too long");
        daemon_error_why(error, "--dir takes at most %d bytes", (int)DAEMON_DIR_MAX);
        daemon_error_next(error, "safetalkd init --dir srv");
        return ST_EMALFORMED;
    }
    DIR *folder = opendir(made->dir);
    if (folder != NULL) {
        const struct dirent *entry = NULL;
        char first[256] = "";
        while ((entry = readdir(folder)) != NULL && first[0] == '\0')
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                snprintf(first, sizeof first, "%s", entry->d_name);
        closedir(folder);
        if (first[0] != '\0')
            return not_empty(made->dir, first, error);
    } else if (errno == ENOTDIR) {
        return not_empty(made->dir, "a file, not a folder", error);
    }
    made->made_dir = folder == NULL;
    enum st_err err = st_file_make_folder(made->dir);
    if (err != ST_OK)
        daemon_error_file(error, err, made->dir, "made", made->dir);
    return err;
}

static void remove_all(const struct made *made)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal", ".count" };
    char base[DAEMON_PATH_MAX], path[DAEMON_PATH_MAX + 16];
    for (int file = DAEMON_CONFIG_FILE; file <= DAEMON_LOCK; file++)
        for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
            daemon_dir_path(base, made->dir, (enum daemon_file)file);
            snprintf(path, sizeof path, "%s%s", base, endings[i]);
            (void)(file == DAEMON_BLOBS ? rmdir(path) : unlink(path)); /* most of them do not exist */
        }
    if (made->made_dir)
        (void)rmdir(made->dir); /* what remains is seen by the next init */
}

/* ---- settings from the flags ---- */

static enum st_err set(struct made *made, const char *key, const char *value, const char *flag,
                       struct daemon_error *error)
{
    struct st_config_error why;
    enum st_err err = st_config_set(&daemon_config_table, &made->settings, "server", key, value, flag, &why);
    if (err == ST_OK)
        return ST_OK;
    daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "%s does not take %s", flag, value);
    daemon_error_why(error, "%s", why.text);
    daemon_error_next(error, "safetalkd help init");
    return err;
}

static enum st_err set_ports(struct made *made, const char *given, struct daemon_error *error)
{
    char text[ST_NUM_TEXT_SIZE];
    uint16_t port = given == NULL ? daemon_host_free_pair() : 0;
    if (given == NULL && port == 0) {
        daemon_error_what(error, ST_EXIT_HELD, "no_port", "no free pair of ports");
        daemon_error_why(error, "all from 7420 to 7999 are in use");
        daemon_error_next(error, "safetalkd init --dir %s --port N", made->dir);
        return ST_ENOTFOUND;
    }
    snprintf(text, sizeof text, "%u", (unsigned)port);
    enum st_err err = set(made, "port", given != NULL ? given : text, "--port", error);
    if (err == ST_OK && daemon_config_device_port(&made->settings) == 0) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "--port does not take 65535");
        daemon_error_why(error, "the device port is the one after it");
        daemon_error_next(error, "safetalkd init --dir %s --port 65534", made->dir);
        err = ST_EMALFORMED;
    }
    return err;
}

static enum st_err take_settings(struct made *made, const struct daemon_args *args, struct daemon_error *error)
{
    struct st_config_error why;
    uint8_t id[ST_SERVER_ID_LEN];
    char host[ST_ADDRESS_HOST_MAX + 1], id_text[2 * ST_SERVER_ID_LEN + 1];
    enum st_err err = st_config_defaults(&daemon_config_table, &made->settings, &why);
    if (err != ST_OK) {
        daemon_error_what(error, ST_EXIT_FAILED, "unexpected", "the built-in settings do not hold together");
        daemon_error_why(error, "%s", why.text);
        daemon_error_next(error, "safetalkd version");
        return err;
    }
    if (args->registration != NULL && strcmp(args->registration, "approve") == 0) {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_value", "--registration does not take approve");
        daemon_error_why(error, "this version has no command to approve an account with");
        daemon_error_next(error, "safetalkd init --dir %s --registration invite", made->dir);
        return ST_EREFUSED;
    }
    daemon_host_default(host);
    st_env_random(&made->env, id, sizeof id);
    st_hex_encode(id_text, id, sizeof id);
    err = set(made, "host", args->host != NULL ? args->host : host, "--host", error);
    if (err == ST_OK)
        err = set(made, "id", id_text, "id", error);
    if (err == ST_OK && args->registration != NULL)
        err = set(made, "registration", args->registration, "--registration", error);
    return err == ST_OK ? set_ports(made, args->port, error) : err;
}

/* ---- files ---- */

/* What was chosen stands at the top, everything else below as a comment with its default. */
static enum st_err write_config(struct made *made, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX], head[1024];
    struct st_buf text;
    st_buf_init(&text, CONFIG_MAX);
    daemon_dir_path(path, made->dir, DAEMON_CONFIG_FILE);
    int len = snprintf(head, sizeof head,
                       "# Written by safetalkd init. HUP makes a running server read it again.\n\n"
                       "[server]\nhost = %s\nport = %lld\nid = %s\nregistration = %s\n\n"
                       "# All settings, with their defaults:\n\n",
                       made->settings.host, (long long)made->settings.port, made->settings.id,
                       daemon_registrations[made->settings.registration]);
    enum st_err err = st_buf_append(&text, head, (size_t)len);
    if (err == ST_OK)
        err = st_config_example(&daemon_config_table, &text);
    if (err == ST_OK)
        err = st_file_write(path, st_buf_view(&text), 0600);
    st_buf_free(&text);
    return err == ST_OK ? ST_OK : fail_file(made, err, DAEMON_CONFIG_FILE, "written", error);
}

static enum st_err make_keys(struct made *made, struct opaque_server_keys *keys, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    uint8_t device_key[DAEMON_KEY_LEN];
    enum st_err err = daemon_dir_make_key(made->dir, DAEMON_ENROL_KEY, made->enrol_key, error);
    if (err == ST_OK)
        err = daemon_dir_make_key(made->dir, DAEMON_DEVICE_KEY, device_key, error);
    if (err != ST_OK)
        return err;
    daemon_dir_path(path, made->dir, DAEMON_OPAQUE_KEY);
    err = opaque_server_keys_generate(keys, &made->env);
    if (err == ST_OK)
        err = opaque_server_keys_save(keys, path);
    return err == ST_OK ? ST_OK : fail_file(made, err, DAEMON_OPAQUE_KEY, "written", error);
}

static enum st_err make_relay_stores(struct made *made, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    struct mailbox mailbox = { 0 };
    struct blob_store blob = { 0 };
    daemon_dir_path(path, made->dir, DAEMON_MAILBOX_DB);
    enum st_err err = mailbox_sqlite_open(&mailbox, path, &made->env, NULL);
    mailbox_close(&mailbox);
    if (err != ST_OK)
        return fail_file(made, err, DAEMON_MAILBOX_DB, "made", error);
    daemon_dir_path(path, made->dir, DAEMON_BLOBS);
    err = blob_file_open(&blob, path, &made->env);
    blob_close(&blob);
    return err == ST_OK ? ST_OK : fail_file(made, err, DAEMON_BLOBS, "made", error);
}

static bool wants_invite(const struct made *made)
{
    return strcmp(daemon_registrations[made->settings.registration], "invite") == 0;
}

static enum st_err make_accounts(struct made *made, const struct opaque_server_keys *keys, struct daemon_error *error)
{
    char path[DAEMON_PATH_MAX];
    struct auth_store store = { 0 };
    made->expires_ms = st_env_wall_ms(&made->env) + first_life_ms;
    struct auth_invite_terms terms = { .uses = FIRST_USES, .expires_ms = made->expires_ms, .creator = "init" };
    daemon_dir_path(path, made->dir, DAEMON_AUTH_DB);
    enum st_err err = auth_store_sqlite_open(&store, path, NULL);
    if (err == ST_OK && wants_invite(made))
        err = auth_invite_create(&store, keys, &terms, &made->env, &made->invite);
    auth_store_close(&store);
    if (err != ST_OK)
        return fail_file(made, err, DAEMON_AUTH_DB, "made", error);
    return wants_invite(made) ? daemon_dir_write_invite(made->dir, &made->invite, made->expires_ms, error) : ST_OK;
}

/* The configuration comes last: a folder with one is whole. */
static enum st_err make_all(struct made *made, struct daemon_error *error)
{
    struct opaque_server_keys keys = { 0 };
    enum st_err err = make_keys(made, &keys, error);
    if (err == ST_OK)
        err = make_accounts(made, &keys, error);
    if (err == ST_OK)
        err = make_relay_stores(made, error);
    if (err == ST_OK)
        err = write_config(made, error);
    opaque_server_keys_deinit(&keys);
    return err;
}

static void show(const struct made *made)
{
    printf("Server created in %s\n", made->dir);
    daemon_show_address(&made->settings, made->enrol_key);
    if (wants_invite(made))
        daemon_show_invite(&made->invite, FIRST_USES, made->expires_ms);
    daemon_show_registration(&made->settings, NULL);
    daemon_show_durability();
    printf("Next: safetalkd run --dir %s\n", made->dir);
}

int daemon_init(const struct daemon_args *args)
{
    struct made made = { .dir = args->dir, .env = st_env_system() };
    struct daemon_error error = { 0 };
    if (take_settings(&made, args, &error) != ST_OK || take_dir(&made, &error) != ST_OK)
        return daemon_error_print(&error);
    if (make_all(&made, &error) != ST_OK) {
        remove_all(&made);
        return daemon_error_print(&error);
    }
    show(&made);
    return ST_EXIT_OK;
}
