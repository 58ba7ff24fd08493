#include "services/allinone/daemon_worker.h"

#include <stdio.h>
#include <string.h>

#include "services/allinone/daemon_server.h"
#include "services/allinone/daemon_show.h"
#include "services/auth/auth_invite.h"

enum {
    IDLE_MS = 1000,
    START_MS = 10000,         /* for the two services to answer */
    RECONNECT_MS = 1000,      /* hint of a bye */
    DRAIN_LEAST_MS = 700,     /* for the byes to leave … */
    DRAIN_CLIENTS_PER_MS = 20 /* … and more for many clients */
};

static bool are_up(struct daemon_server *server)
{
    struct gateway_core *core = gateway_shell_core(server->gateway);
    return gateway_core_peer_is_live(core, 0) && gateway_core_peer_is_live(core, 1);
}

static enum st_err start(struct daemon_server *server)
{
    struct st_invite invite;
    bool has = false;
    enum st_err err = auth_has_accounts(&server->auth_store, &has);
    if (err != ST_OK)
        return daemon_server_fail_file(server, err, DAEMON_AUTH_DB, "read");
    if (has)
        daemon_dir_remove_invite(server->job->dir);
    server->invite_waits = daemon_dir_read_invite(server->job->dir, &invite) == ST_OK;
    err = daemon_service_start(&server->auth);
    if (err == ST_OK)
        err = daemon_service_start(&server->relay);
    int64_t end_ms = st_env_mono_ms(&server->env) + START_MS;
    while (err == ST_OK && !are_up(server)) {
        if (st_env_mono_ms(&server->env) > end_ms)
            err = ST_EUNAVAILABLE;
        gateway_shell_step(server->gateway, -1, IDLE_MS);
    }
    if (err != ST_OK)
        return daemon_server_fail(server, err, "auth and relay do not answer");
    if (!atomic_exchange(server->job->shown, true)) {
        printf("safetalkd %s: gateway, auth, relay in one process\n", DAEMON_VERSION_TEXT);
        daemon_show_address(&server->settings, server->enrol_key);
        if (server->invite_waits)
            daemon_show_first_invite(&invite);
        daemon_show_listening(&server->settings);
        daemon_show_registration(&server->settings, server->job->dir);
        daemon_show_durability();
        puts("ready");
        fflush(stdout);
    }
    return ST_OK;
}

/* Says what a reload cannot change. */
static void compare(struct daemon_server *server, const struct daemon_settings *fresh)
{
    const struct daemon_settings *now = &server->settings;
    bool same = strcmp(now->host, fresh->host) == 0 && strcmp(now->listen, fresh->listen) == 0 &&
                strcmp(now->id, fresh->id) == 0 && now->port == fresh->port && now->device_port == fresh->device_port &&
                now->io_threads == fresh->io_threads && now->memory_max == fresh->memory_max &&
                now->mailbox_entries == fresh->mailbox_entries && now->mailbox_bytes == fresh->mailbox_bytes &&
                now->retention_ms == fresh->retention_ms && now->blob_bytes == fresh->blob_bytes &&
                now->drain_ms == fresh->drain_ms;
    if (!same)
        st_log_say(server->log, ST_LOG_WARN, "reload_needs_restart",
                   "host, ports, id, threads, memory, drain and mailbox settings change with the next start");
}

/* HUP: limits, registration and log level take effect at once; a file that is wrong keeps everything as it was. */
static void reload(struct daemon_server *server)
{
    char path[DAEMON_PATH_MAX];
    struct st_config_error why;
    struct daemon_settings fresh;
    struct auth_config auth;
    const char *refused = NULL;
    daemon_dir_path(path, server->job->dir, DAEMON_CONFIG_FILE);
    enum st_err err = daemon_config_load(&fresh, path, &why);
    if (err != ST_OK) {
        ST_LOG(server->log, ST_LOG_ERROR, "configuration_kept", st_log_text("why", why.text));
        return;
    }
    daemon_config_auth(&fresh, &auth);
    pthread_mutex_lock(&server->lock);
    server->auth_next = server->auth_config;
    server->auth_next.registration = auth.registration;
    server->auth_next.limits = auth.limits;
    server->auth_reload = auth_config_check(&server->auth_next, &refused) == ST_OK;
    pthread_mutex_unlock(&server->lock);
    auth_config_deinit(&auth);
    if (refused != NULL) {
        ST_LOG(server->log, ST_LOG_ERROR, "configuration_kept", st_log_text("why", refused));
        return;
    }
    compare(server, &fresh);
    fresh.connections_max = fresh.connections_max < server->settings.connections_max ? fresh.connections_max
                                                                                     : server->settings.connections_max;
    struct gateway_limits limits = daemon_config_limits(&fresh);
    gateway_core_set_limits(gateway_shell_core(server->gateway), &limits);
    st_log_set_level(server->log, (enum st_log_level)fresh.log_level);
    daemon_service_wake(&server->auth);
    st_log_event(server->log, ST_LOG_INFO, "configuration_read");
}

/* Serves until the end is asked for and has come. */
static void serve(struct daemon_server *server)
{
    int64_t end_ms = INT64_MAX; /* of a drain */
    for (;;) {
        int64_t now = st_env_mono_ms(&server->env);
        enum st_service_event event = st_service_next(&server->signals, now);
        if (event == ST_SERVICE_STOP)
            return;
        if (event == ST_SERVICE_RELOAD)
            reload(server);
        if (event == ST_SERVICE_DRAIN) {
            st_log_event(server->log, ST_LOG_INFO, "draining");
            gateway_shell_drain(server->gateway, RECONNECT_MS);
            end_ms = now + DRAIN_LEAST_MS + (int64_t)gateway_shell_connections(server->gateway) / DRAIN_CLIENTS_PER_MS;
        }
        if (event != ST_SERVICE_NOTHING)
            continue;
        /* Drained: the byes had time to leave. Whoever comes back meanwhile is not let in. */
        if (now >= end_ms)
            return;
        int64_t wait_ms = st_service_wait_ms(&server->signals, now, end_ms < INT64_MAX ? 50 : IDLE_MS);
        if (!gateway_shell_step(server->gateway, st_service_fd(&server->signals), wait_ms))
            return;
    }
}

int daemon_worker(struct st_worker *worker, void *ctx)
{
    struct daemon_job *job = ctx;
    struct daemon_server server = { .job = job, .settings = job->settings, .env = st_env_system(), .log = job->log };
    int code = ST_EXIT_FAILED;
    pthread_mutex_init(&server.lock, NULL);
    enum st_err err = st_service_open(&server.signals, job->settings.drain_ms);
    if (err != ST_OK)
        daemon_server_fail(&server, err, "signals cannot be taken");
    if (err == ST_OK && (err = st_service_limit_memory(job->settings.memory_max)) != ST_OK)
        daemon_server_fail(&server, err, "the memory bound cannot be set");
    if (err == ST_OK)
        err = daemon_server_open(&server);
    if (err == ST_OK)
        err = start(&server);
    if (err == ST_OK) {
        if (server.settings.profile == 1)
            st_log_event(server.log, ST_LOG_WARN, "limits_off");
        st_worker_ready(worker);
        serve(&server);
        code = st_service_end_code(&server.signals);
    } else {
        code = daemon_error_print(&server.error);
    }
    daemon_server_close(&server);
    st_service_close(&server.signals);
    pthread_mutex_destroy(&server.lock);
    return code;
}
