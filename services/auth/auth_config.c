#include "services/auth/auth_config.h"

#include <sodium.h>
#include <string.h>

#include "lib/st_wipe.h"
#include "proto/st_msgpack.h"

void auth_limits_default(struct auth_limits *limits_r)
{
    *limits_r = (struct auth_limits) {
        .attempts_free = 5,
        .attempts_window_s = 15 * 60,
        .address_per_minute = 20,
        .passwords_per_hour = 10,
        .lookups_per_hour = 120,
        .lists_per_hour = 600,
        .list_changes_per_hour = 60,
        .bundles_per_hour = 30,
        .targets_per_day = 20,
        .opks_per_hour = 60,
        .link_offers_per_hour = 30,
        .logins_pending_max = 10000,
    };
}

void auth_config_default(struct auth_config *config_r)
{
    memset(config_r, 0, sizeof *config_r);
    config_r->registration = AUTH_REGISTRATION_INVITE;
    auth_limits_default(&config_r->limits);
    config_r->ksf = st_opaque_ksf_default();
    config_r->unseen_days = 90;
}

static const char *find_fault(const struct auth_config *config)
{
    static const char approve[] =
        "registration \"approve\" is not in this version: nobody could approve. Use \"invite\"";
    if (config->registration == AUTH_REGISTRATION_APPROVE)
        return approve;
    if (config->registration < AUTH_REGISTRATION_CLOSED || config->registration > AUTH_REGISTRATION_OPEN)
        return "registration must be closed, invite or open";
    if (sodium_is_zero(config->keys.oprf_seed, sizeof config->keys.oprf_seed) ||
        sodium_is_zero(config->keys.private_key, sizeof config->keys.private_key))
        return "the OPAQUE keys are missing";
    if (sodium_is_zero(config->server_id, sizeof config->server_id))
        return "the server id is missing";
    if (sodium_is_zero(config->enrol_key, sizeof config->enrol_key))
        return "the public key of the enrol endpoint is missing";
    if (config->endpoint_count == 0 || config->endpoint_count > ST_ENDPOINTS_MAX)
        return "there must be 1 to 16 device endpoints";
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct auth_endpoint *endpoint = &config->endpoints[i];
        size_t len = strnlen(endpoint->host, sizeof endpoint->host);
        if (len == 0 || len == sizeof endpoint->host || endpoint->port == 0 ||
            sodium_is_zero(endpoint->key, sizeof endpoint->key))
            return "a device endpoint lacks its host, port or key";
        if (st_text_check(st_view(endpoint->host, len), false) != ST_OK)
            return "the host of a device endpoint has characters that no host has";
    }
    if (config->limits.attempts_free == 0 || config->limits.attempts_window_s == 0 ||
        config->limits.logins_pending_max == 0 || config->limits.logins_pending_max > AUTH_LOGINS_PENDING_MAX)
        return "limits of logins are out of range";
    if (config->unseen_days == 0)
        return "unseen_days must be 1 or more";
    return NULL;
}

enum st_err auth_config_check(const struct auth_config *config, const char **why_r)
{
    const char *why = find_fault(config);
    if (why_r != NULL)
        *why_r = why;
    return why == NULL ? ST_OK : ST_EREFUSED;
}

void auth_config_deinit(struct auth_config *config)
{
    st_wipe(config, sizeof *config);
}
