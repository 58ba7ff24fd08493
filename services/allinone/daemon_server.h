/* Everything a worker opens: stores, cores, shells; and the turns that auth takes in its own thread. Private to the
 * worker. */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include <pthread.h>

#include "services/allinone/daemon_dir.h"
#include "services/allinone/daemon_service.h"
#include "services/allinone/daemon_worker.h"
#include "services/auth/auth_core.h"
#include "services/gateway/gateway_shell.h"
#include "services/relay/relay_core.h"

struct daemon_server {
    const struct daemon_job *job;
    struct daemon_settings settings; /* in force */
    struct st_env env;
    struct st_log *log;
    struct st_service signals;
    struct daemon_error error;

    void *zmq;
    struct gateway_shell *gateway;
    uint8_t enrol_key[DAEMON_KEY_LEN], device_key[DAEMON_KEY_LEN];
    unsigned peers[2]; /* auth, relay */

    struct daemon_service auth;
    struct auth_core *auth_core;
    struct auth_store auth_store;
    struct auth_config auth_config; /* secret */
    bool invite_waits;              /* the first invite's file is there */
    int64_t invite_ms;              /* when to look again */
    pthread_mutex_t lock;           /* over the next two */
    bool auth_reload;
    struct auth_config auth_next; /* secret */

    struct daemon_service relay;
    struct relay_core *relay_core;
    struct mailbox mailbox;
    struct blob_store blob;
};

/* Opens all of it, threads not yet started. `server` has job, settings, env, log and lock set, the rest zeroed. On
 * failure error is filled in; call daemon_server_close in any case. */
enum st_err daemon_server_open(struct daemon_server *server) ST_MUST_CHECK;

/* Stops the threads, then closes all of it. */
void daemon_server_close(struct daemon_server *server);

/* Fills in the error: about a file of the folder, or something else. Both return `err`. */
enum st_err daemon_server_fail_file(struct daemon_server *server, enum st_err err, enum daemon_file file,
                                    const char *what);
enum st_err daemon_server_fail(struct daemon_server *server, enum st_err err, const char *what);

#endif
