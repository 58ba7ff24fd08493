#include "services/allinone/daemon_config.h"

#include <string.h>

#include <arpa/inet.h>

#include "lib/st_address.h"
#include "lib/st_hex.h"

const char *const daemon_registrations[] = { "closed", "invite", "approve", "open", NULL };

static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const profiles[] = { "normal", "off", NULL };

static enum st_err check_host(const char *text, const char **why_r)
{
    char host[ST_ADDRESS_HOST_MAX + 1];
    *why_r = "a host name or an address, without a port";
    return st_address_parse_host(host, st_view_text(text));
}

static enum st_err check_listen(const char *text, const char **why_r)
{
    uint8_t address[16];
    *why_r = "a numeric address of this machine, 0.0.0.0 or ::";
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 ? ST_OK : ST_EMALFORMED;
}

static enum st_err check_id(const char *text, const char **why_r)
{
    uint8_t id[ST_SERVER_ID_LEN];
    *why_r = "32 hex digits, as init wrote them";
    return st_hex_decode(id, sizeof id, text);
}

#define S struct daemon_settings
static const struct st_config_row rows[] = {
    ST_CONFIG_TEXT("server", "host", S, host, "127.0.0.1", check_host,
                   "What clients connect to; part of the address that is given away."),
    ST_CONFIG_TEXT("server", "listen", S, listen, "0.0.0.0", check_listen, "Address to bind; :: takes IPv4 too."),
    ST_CONFIG_INT("server", "port", S, port, "7420", 1, 65535, "TCP port for registration and login (enrol)."),
    ST_CONFIG_INT("server", "device_port", S, device_port, "0", 0, 65535,
                  "TCP port of registered devices; 0 is the port after the one above."),
    ST_CONFIG_TEXT("server", "id", S, id, "00000000000000000000000000000000", check_id,
                   "Identity of this server in every login. Never change it: no password would work any more."),
    ST_CONFIG_ENUM("server", "registration", S, registration, "invite", daemon_registrations,
                   "Who may make an account: closed (nobody), invite (who has a code), open (anybody)."),
    ST_CONFIG_ENUM("server", "log", S, log_level, "info", levels, "Least important log lines that are written."),
    ST_CONFIG_DURATION("server", "drain", S, drain_ms, "5s", 0, 600000, "Longest time between TERM and the end."),
    ST_CONFIG_SIZE("server", "memory", S, memory_max, "2G", 0, INT64_MAX,
                   "The server is ended and started again beyond this much memory; 0 is no bound."),
    ST_CONFIG_INT("server", "io_threads", S, io_threads, "1", 1, 16, "Threads that encrypt and move bytes."),

    ST_CONFIG_ENUM("limits", "profile", S, profile, "normal", profiles,
                   "off: no rates at all, for benchmarks. Said in the log."),
    ST_CONFIG_INT("limits", "frames_per_s", S, frames_per_s, "20", 1, 1000000, "Requests of a device."),
    ST_CONFIG_INT("limits", "frames_burst", S, frames_burst, "400", 1, 1000000, "So many at once."),
    ST_CONFIG_INT("limits", "acks_per_s", S, acks_per_s, "100", 1, 1000000, "Acknowledgements and pings of a device."),
    ST_CONFIG_INT("limits", "acks_burst", S, acks_burst, "1000", 1, 1000000, "So many at once."),
    ST_CONFIG_SIZE("limits", "chunk_bytes_per_s", S, chunk_bytes_per_s, "4M", 65536, 1 << 30,
                   "Attachments of a device, up and down."),
    ST_CONFIG_SIZE("limits", "chunk_bytes_burst", S, chunk_bytes_burst, "32M", 131072, 1 << 30, "So much at once."),
    ST_CONFIG_INT("limits", "enrol_frames_burst", S, enrol_frames_burst, "16", 4, 1000,
                  "Requests of one connection before anybody is known; one a second comes back."),
    ST_CONFIG_INT("limits", "ke1_per_s", S, ke1_per_s, "50", 1, 100000, "Password attempts and registrations, all."),
    ST_CONFIG_INT("limits", "handshakes_per_min", S, handshakes_per_min, "10", 1, 100000, "Of one key."),
    ST_CONFIG_INT("limits", "connections", S, connections_max, "10000", 1, 100000, "Open at once."),
    ST_CONFIG_INT("limits", "enrol_per_address", S, enrol_per_address, "32", 1, 100000,
                  "Unknown connections of one IPv4 address or IPv6 /64."),
    ST_CONFIG_INT("limits", "device_per_address", S, device_per_address, "64", 1, 100000,
                  "Connections of registered devices from one address."),
    ST_CONFIG_CIDRS("limits", "trusted_proxies", S, trusted_proxies, "",
                    "Proxies that count addresses themselves: the limits by address do not hold for them."),
    ST_CONFIG_INT("limits", "attempts_per_address", S, attempts_per_address, "20", 1, 1000000,
                  "Password attempts and registrations of one address in a minute."),
    ST_CONFIG_INT("limits", "targets_per_day", S, targets_per_day, "20", 1, 1000000,
                  "New people that one account may write to in a day."),

    ST_CONFIG_INT("mailbox", "entries", S, mailbox_entries, "10000", 1, 1000000, "Messages that wait for one device."),
    ST_CONFIG_SIZE("mailbox", "bytes", S, mailbox_bytes, "64M", 65536, INT64_C(1) << 40, "Bytes of them."),
    ST_CONFIG_DURATION("mailbox", "retention", S, retention_ms, "30d", 3600000, INT64_C(365) * 86400000,
                       "How long messages and attachments wait."),
    ST_CONFIG_SIZE("mailbox", "attachments", S, blob_bytes, "1G", 65536, INT64_C(1) << 44,
                   "Bytes of all attachments of one account."),
};

const struct st_config_table daemon_config_table = { "Safe Talk server", rows, sizeof rows / sizeof rows[0] };

static struct st_rate rate(int64_t tokens, uint32_t per_ms, int64_t burst)
{
    return (struct st_rate) { (uint32_t)tokens, per_ms, (uint32_t)burst };
}

struct gateway_limits daemon_config_limits(const struct daemon_settings *settings)
{
    struct gateway_limits limits;
    gateway_limits_default(&limits);
    limits.off = settings->profile == 1;
    limits.frames = rate(settings->frames_per_s, 1000, settings->frames_burst);
    limits.acks = rate(settings->acks_per_s, 1000, settings->acks_burst);
    limits.chunk_bytes = rate(settings->chunk_bytes_per_s, 1000, settings->chunk_bytes_burst);
    limits.enrol_frames = rate(1, 1000, settings->enrol_frames_burst);
    limits.ke1 = rate(settings->ke1_per_s, 1000, settings->ke1_per_s);
    limits.handshakes = rate(settings->handshakes_per_min, 60 * 1000, settings->handshakes_per_min);
    limits.connections_max = (uint32_t)settings->connections_max;
    limits.enrol_per_address = (uint32_t)settings->enrol_per_address;
    limits.device_per_address = (uint32_t)settings->device_per_address;
    limits.trusted_proxies = settings->trusted_proxies;
    return limits;
}

void daemon_config_auth(const struct daemon_settings *settings, struct auth_config *auth)
{
    auth_config_default(auth);
    auth->registration = (enum auth_registration)(settings->registration + 1);
    auth->limits.off = settings->profile == 1;
    auth->limits.address_per_minute = (uint32_t)settings->attempts_per_address;
    auth->limits.targets_per_day = (uint32_t)settings->targets_per_day;
    /* The row's check has seen that it decodes. */
    if (st_hex_decode(auth->server_id, sizeof auth->server_id, settings->id) != ST_OK)
        memset(auth->server_id, 0, sizeof auth->server_id);
}

struct relay_options daemon_config_relay(const struct daemon_settings *settings)
{
    struct relay_options options;
    relay_options_default(&options);
    options.limits.entries_max = (uint64_t)settings->mailbox_entries;
    options.limits.bytes_max = (uint64_t)settings->mailbox_bytes;
    options.retention_ms = settings->retention_ms;
    options.blob_bytes_max = (uint64_t)settings->blob_bytes;
    if (settings->profile == 1)
        options.get_exposed_per_hour = 0;
    return options;
}

enum st_err daemon_config_load(struct daemon_settings *settings, const char *path, struct st_config_error *why)
{
    memset(settings, 0, sizeof *settings);
    return st_config_load(&daemon_config_table, settings, path, why);
}

uint16_t daemon_config_device_port(const struct daemon_settings *settings)
{
    int64_t port = settings->device_port != 0 ? settings->device_port : settings->port + 1;
    return port > 65535 ? 0 : (uint16_t)port;
}
