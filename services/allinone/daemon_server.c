#include "services/allinone/daemon_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "lib/st_address.h"
#include "lib/st_wipe.h"
#include "services/auth/auth_invite.h"
#include "services/auth/store_sqlite.h"
#include "services/relay/blob_file.h"
#include "services/relay/mailbox_sqlite.h"

enum {
    FILES_WANTED = 65536,
    SOCKETS_MAX = 64,
    INVITE_LOOK_MS = 2000, /* how often the first account is looked for */
    ENDPOINT_SIZE = ST_ADDRESS_HOST_PORT_BYTES + 8
};

static const char auth_endpoint[] = "inproc://auth";
static const char relay_endpoint[] = "inproc://relay";

/* ---- cores as their shells call them ---- */

static void auth_input(void *core, const struct service_peer *from, struct st_view hop, struct st_view frame)
{
    auth_core_input(core, from, hop, frame);
}

static void auth_flush(void *core)
{
    auth_core_flush(core);
}

static bool auth_wants_flush(const void *core)
{
    return auth_core_wants_flush(core);
}

static void auth_tick(void *core)
{
    auth_core_tick(core);
}

static int64_t auth_next_ms(const void *core)
{
    return auth_core_next_ms(core);
}

static void relay_input(void *core, const struct service_peer *from, struct st_view hop, struct st_view frame)
{
    relay_core_input(core, from, hop, frame);
}

static void relay_flush(void *core)
{
    relay_core_flush(core);
}

static bool relay_wants_flush(const void *core)
{
    return relay_core_wants_flush(core);
}

static void relay_tick(void *core)
{
    relay_core_tick(core);
}

static int64_t relay_next_ms(const void *core)
{
    return relay_core_next_ms(core);
}

/* ---- auth's own turns, in its thread ---- */

static void take_reload(struct daemon_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool reload = server->auth_reload;
    server->auth_reload = false;
    enum st_err err = reload ? auth_core_reload(server->auth_core, &server->auth_next) : ST_OK;
    pthread_mutex_unlock(&server->lock);
    if (err != ST_OK)
        ST_LOG(server->log, ST_LOG_ERROR, "auth_not_reloaded", st_log_err("why", err));
}

static void auth_turn(void *ctx)
{
    struct daemon_server *server = ctx;
    bool has = false;
    int64_t now = st_env_mono_ms(&server->env);
    take_reload(server);
    if (!server->invite_waits || now < server->invite_ms)
        return;
    server->invite_ms = now + INVITE_LOOK_MS;
    if (auth_has_accounts(&server->auth_store, &has) == ST_OK && has) {
        daemon_dir_remove_invite(server->job->dir);
        server->invite_waits = false;
    }
}

/* ---- opening ---- */

enum st_err daemon_server_fail_file(struct daemon_server *server, enum st_err err, enum daemon_file file,
                                    const char *what)
{
    char path[DAEMON_PATH_MAX];
    daemon_dir_path(path, server->job->dir, file);
    daemon_error_file(&server->error, err, path, what, server->job->dir);
    return err;
}

enum st_err daemon_server_fail(struct daemon_server *server, enum st_err err, const char *what)
{
    daemon_error_what(&server->error, ST_EXIT_FAILED, "unexpected", "%s", what);
    daemon_error_why(&server->error, "%s", st_err_text(err));
    daemon_error_next(&server->error, "safetalkd run --dir %s", server->job->dir);
    return err;
}

static enum st_err read_secrets(struct daemon_server *server)
{
    char path[DAEMON_PATH_MAX];
    uint8_t secret_key[DAEMON_KEY_LEN];
    struct auth_config *config = &server->auth_config;
    daemon_config_auth(&server->settings, config);
    enum st_err err =
        daemon_dir_read_key(server->job->dir, DAEMON_ENROL_KEY, server->enrol_key, secret_key, &server->error);
    if (err == ST_OK)
        err = daemon_dir_read_key(server->job->dir, DAEMON_DEVICE_KEY, server->device_key, secret_key, &server->error);
    ST_WIPE(secret_key);
    if (err != ST_OK)
        return err;
    daemon_dir_path(path, server->job->dir, DAEMON_OPAQUE_KEY);
    err = opaque_server_keys_load(&config->keys, path);
    if (err != ST_OK)
        return daemon_server_fail_file(server, err, DAEMON_OPAQUE_KEY, "read");
    memcpy(config->enrol_key, server->enrol_key, sizeof config->enrol_key);
    struct auth_endpoint *endpoint = &config->endpoints[0];
    snprintf(endpoint->host, sizeof endpoint->host, "%s", server->settings.host);
    endpoint->port = daemon_config_device_port(&server->settings);
    memcpy(endpoint->key, server->device_key, sizeof endpoint->key);
    config->endpoint_count = 1;
    return ST_OK;
}

static enum st_err open_auth(struct daemon_server *server)
{
    char path[DAEMON_PATH_MAX];
    const char *why = NULL;
    enum st_err err = auth_config_check(&server->auth_config, &why);
    if (err != ST_OK) {
        daemon_dir_path(path, server->job->dir, DAEMON_CONFIG_FILE);
        daemon_error_what(&server->error, ST_EXIT_USAGE, "bad_config", "the configuration is wrong");
        daemon_error_why(&server->error, "%s", why != NULL ? why : st_err_text(err));
        daemon_error_next(&server->error, "edit %s", path);
        return err;
    }
    daemon_dir_path(path, server->job->dir, DAEMON_AUTH_DB);
    err = auth_store_sqlite_open(&server->auth_store, path, server->log);
    if (err == ST_OK)
        err = daemon_service_open(&server->auth, server->zmq, auth_endpoint, &server->env, server->log);
    struct auth_deps deps = { server->env, { 0 }, server->auth_store, server->log };
    if (err == ST_OK) {
        deps.out = service_shell_out(server->auth.shell);
        err = auth_core_new(&server->auth_core, &server->auth_config, &deps);
    }
    server->auth.core =
        (struct service_core) { server->auth_core, auth_input, auth_flush, auth_wants_flush, auth_tick, auth_next_ms };
    server->auth.turn = auth_turn;
    server->auth.ctx = server;
    return err == ST_OK ? ST_OK : daemon_server_fail_file(server, err, DAEMON_AUTH_DB, "opened");
}

static enum st_err open_relay(struct daemon_server *server)
{
    char path[DAEMON_PATH_MAX];
    struct relay_options options = daemon_config_relay(&server->settings);
    daemon_dir_path(path, server->job->dir, DAEMON_BLOBS);
    enum st_err err = blob_file_open(&server->blob, path, &server->env);
    if (err != ST_OK)
        return daemon_server_fail_file(server, err, DAEMON_BLOBS, "opened");
    daemon_dir_path(path, server->job->dir, DAEMON_MAILBOX_DB);
    err = mailbox_sqlite_open(&server->mailbox, path, &server->env, server->log);
    if (err == ST_OK)
        err = daemon_service_open(&server->relay, server->zmq, relay_endpoint, &server->env, server->log);
    struct relay_deps deps = { server->env, { 0 }, server->mailbox, server->blob, server->log };
    if (err == ST_OK) {
        deps.out = service_shell_out(server->relay.shell);
        err = relay_core_new(&server->relay_core, &options, &deps);
    }
    server->relay.core = (struct service_core) { server->relay_core, relay_input, relay_flush,
                                                 relay_wants_flush,  relay_tick,  relay_next_ms };
    return err == ST_OK ? ST_OK : daemon_server_fail_file(server, err, DAEMON_MAILBOX_DB, "opened");
}

static void fail_bind(struct daemon_server *server, const struct gateway_shell_failure *failure)
{
    char path[DAEMON_PATH_MAX];
    const char *endpoint = failure->endpoint + strlen("tcp://");
    const char *port = strrchr(endpoint, ':') + 1;
    struct daemon_error *error = &server->error;
    daemon_dir_path(path, server->job->dir, DAEMON_CONFIG_FILE);
    if (failure->error == EADDRINUSE) {
        daemon_error_what(error, ST_EXIT_HELD, "port_in_use", "port %s is in use", port);
        daemon_error_why(error, "another program listens on %s", endpoint);
    } else if (failure->error == EACCES) {
        daemon_error_what(error, ST_EXIT_REFUSED, "port_refused", "port %s may not be used", port);
        daemon_error_why(error, "ports below 1024 are for root");
    } else {
        daemon_error_what(error, ST_EXIT_USAGE, "bad_listen", "cannot listen on %s", endpoint);
        daemon_error_why(error, "%s", zmq_strerror(failure->error));
    }
    daemon_error_next(error, "edit %s, then safetalkd run --dir %s", path, server->job->dir);
}

static enum st_err open_gateway(struct daemon_server *server)
{
    static const char *const auths[] = { auth_endpoint };
    static const char *const relays[] = { relay_endpoint };
    const struct daemon_settings *settings = &server->settings;
    char endpoints[GATEWAY_SOCKETS][ENDPOINT_SIZE], place[ST_ADDRESS_HOST_PORT_BYTES];
    struct gateway_shell_options options = { .auths = auths, .auth_count = 1, .relays = relays, .relay_count = 1 };
    struct gateway_shell_failure failure;
    uint8_t public_key[DAEMON_KEY_LEN];
    st_address_format_host_port(place, settings->listen, (uint16_t)settings->port);
    snprintf(endpoints[GATEWAY_ENROL], ENDPOINT_SIZE, "tcp://%s", place);
    st_address_format_host_port(place, settings->listen, daemon_config_device_port(settings));
    snprintf(endpoints[GATEWAY_DEVICE], ENDPOINT_SIZE, "tcp://%s", place);
    for (int i = 0; i < GATEWAY_SOCKETS; i++)
        options.listen[i].endpoint = endpoints[i];
    options.core =
        (struct gateway_options) { .limits = daemon_config_limits(settings),
                                   .promises = { (uint64_t)settings->retention_ms / 1000,
                                                 (uint64_t)settings->mailbox_bytes, (uint64_t)settings->blob_bytes },
                                   .log = server->log };
    enum st_err err = daemon_dir_read_key(server->job->dir, DAEMON_ENROL_KEY, public_key,
                                          options.listen[GATEWAY_ENROL].secret_key, &server->error);
    if (err == ST_OK)
        err = daemon_dir_read_key(server->job->dir, DAEMON_DEVICE_KEY, public_key,
                                  options.listen[GATEWAY_DEVICE].secret_key, &server->error);
    if (err == ST_OK) {
        err = gateway_shell_new(&server->gateway, server->zmq, &options, &server->env, &failure);
        if (err != ST_OK && failure.endpoint != NULL)
            fail_bind(server, &failure);
        else if (err != ST_OK)
            daemon_server_fail(server, err, "the gateway could not be made");
    }
    ST_WIPE(options.listen);
    return err;
}

static enum st_err open_zmq(struct daemon_server *server)
{
    /* Each connection costs a descriptor and its duplicate; libzmq spins when there are none left. */
    int64_t files = st_service_raise_files(FILES_WANTED);
    int64_t most = (files - 256) / 2;
    if (server->settings.connections_max > most) {
        ST_LOG(server->log, ST_LOG_WARN, "connections_bounded_by_files", st_log_int("connections", most),
               st_log_int("files", files));
        server->settings.connections_max = most > 0 ? most : 1;
    }
    server->zmq = zmq_ctx_new();
    if (server->zmq == NULL || zmq_ctx_set(server->zmq, ZMQ_IO_THREADS, (int)server->settings.io_threads) != 0 ||
        zmq_ctx_set(server->zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX) != 0)
        return daemon_server_fail(server, ST_ENOMEM, "ZeroMQ could not be started");
    return ST_OK;
}

enum st_err daemon_server_open(struct daemon_server *server)
{
    enum st_err err = read_secrets(server);
    if (err == ST_OK)
        err = open_zmq(server);
    if (err == ST_OK)
        err = open_auth(server);
    if (err == ST_OK)
        err = open_relay(server);
    if (err == ST_OK)
        err = open_gateway(server);
    return err;
}

void daemon_server_close(struct daemon_server *server)
{
    daemon_service_stop(&server->auth);
    daemon_service_stop(&server->relay);
    gateway_shell_free(&server->gateway);
    auth_core_free(&server->auth_core);
    relay_core_free(&server->relay_core);
    daemon_service_close(&server->auth);
    daemon_service_close(&server->relay);
    auth_store_close(&server->auth_store);
    mailbox_close(&server->mailbox);
    blob_close(&server->blob);
    if (server->zmq != NULL)
        zmq_ctx_term(server->zmq);
    auth_config_deinit(&server->auth_config);
    auth_config_deinit(&server->auth_next);
}
