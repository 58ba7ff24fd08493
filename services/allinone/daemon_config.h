/* The settings of an embedded server, from DIR/safetalkd.conf. One table; unknown keys are refused. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "lib/st_config.h"
#include "lib/st_err.h"
#include "services/auth/auth_config.h"
#include "services/gateway/gateway_core.h"
#include "services/relay/relay_core.h"

struct daemon_settings {
    char host[ST_CONFIG_TEXT_SIZE];   /* what clients connect to */
    char listen[ST_CONFIG_TEXT_SIZE]; /* numeric address to bind */
    int64_t port, device_port;        /* device_port 0 = port + 1 */
    char id[ST_CONFIG_TEXT_SIZE];     /* server id, hex */
    int registration;                 /* index in daemon_registrations */
    int log_level;                    /* enum st_log_level */
    int64_t drain_ms, memory_max, io_threads;

    int profile; /* 0 normal, 1 off */
    int64_t frames_per_s, frames_burst, acks_per_s, acks_burst;
    int64_t chunk_bytes_per_s, chunk_bytes_burst;
    int64_t enrol_frames_burst, ke1_per_s, handshakes_per_min;
    int64_t connections_max, enrol_per_address, device_per_address;
    struct st_cidr_list trusted_proxies;
    int64_t attempts_per_address, targets_per_day;

    int64_t mailbox_entries, mailbox_bytes, retention_ms, blob_bytes;
};

/* "closed", "invite", "approve", "open", NULL: index + 1 is the number of the wire. */
extern const char *const daemon_registrations[];

extern const struct st_config_table daemon_config_table;

/* What the settings mean for each service. Keys and endpoints of auth's are set by the caller. */
struct gateway_limits daemon_config_limits(const struct daemon_settings *settings);
void daemon_config_auth(const struct daemon_settings *settings, struct auth_config *auth);
struct relay_options daemon_config_relay(const struct daemon_settings *settings);

/* Reads DIR/safetalkd.conf. ST_EMALFORMED and the like; *why says what is wrong. */
enum st_err daemon_config_load(struct daemon_settings *settings, const char *path,
                               struct st_config_error *why) ST_MUST_CHECK;

uint16_t daemon_config_device_port(const struct daemon_settings *settings);

#endif
