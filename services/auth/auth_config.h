/* How one auth service is set up. All auths of one server have the same configuration, the same key file (OPAQUE) and
 * the same database. */
#ifndef AUTH_CONFIG_H
#define AUTH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "services/auth/opaque/opaque_server_keys.h"

/* Who may make an account; the numbers are those of the wire (endpoints_r). AUTH_REGISTRATION_APPROVE is refused by
 * auth_config_check: nothing in this version lets an operator approve. */
enum auth_registration {
    AUTH_REGISTRATION_CLOSED = 1,
    AUTH_REGISTRATION_INVITE = 2,
    AUTH_REGISTRATION_APPROVE = 3,
    AUTH_REGISTRATION_OPEN = 4
};

/* Limits, shared by all auths through the database (PROTOCOL 4). */
struct auth_limits {
    bool off; /* none of the counts below: for benchmarks and simulations. Said in the log */

    /* Password attempts are counted at KE1. So many are free in any window; further ones are let through one a minute,
     * then one in 2, 4, 8 and 15 minutes. A login that succeeds forgets them. */
    uint32_t attempts_free;
    uint32_t attempts_window_s;
    uint32_t address_per_minute; /* attempts and registrations of one address */

    uint32_t passwords_per_hour;    /* set_password, of one account */
    uint32_t lookups_per_hour;      /* is_user, of one account */
    uint32_t lists_per_hour;        /* get_list, of one account */
    uint32_t list_changes_per_hour; /* put_list, of one account */
    uint32_t bundles_per_hour;      /* start_chat, of one account */
    uint32_t targets_per_day;       /* other accounts whose bundles one account takes */
    uint32_t opks_per_hour;         /* handed out of one device */
    uint32_t link_offers_per_hour;  /* of one account */
    uint32_t logins_pending_max;    /* logins between KE1 and KE3 at once */
};

enum { AUTH_LOGINS_PENDING_MAX = 1000000 };

struct auth_endpoint {
    char host[ST_HOST_MAX + 1]; /* as clients shall connect to it */
    uint16_t port;
    uint8_t key[ST_KEY_LEN]; /* CURVE public key of the device endpoint */
};

struct auth_config {
    enum auth_registration registration;
    struct auth_limits limits;
    struct opaque_server_keys keys; /* secret */
    uint8_t server_id[ST_SERVER_ID_LEN];
    uint8_t enrol_key[ST_KEY_LEN]; /* CURVE public key of the enrol endpoint: every OPAQUE context and every tk-bind
                                    * signature is made with it, on the device endpoint too */
    struct st_opaque_ksf ksf;      /* how clients stretch passwords; part of the OPAQUE context */
    struct auth_endpoint endpoints[ST_ENDPOINTS_MAX];
    size_t endpoint_count; /* 1 or more */
    uint32_t unseen_days;  /* a transport key that was not seen for so long is forgotten */
};

/* Zeroes it and fills in the defaults: registration by invite, the limits of the design pages, Argon2id with 64 MiB, 90
 * days. Keys, ids and endpoints are still to be set. */
void auth_config_default(struct auth_config *config_r);

/* The limits by themselves. */
void auth_limits_default(struct auth_limits *limits_r);

/* Is it complete and possible? ST_EREFUSED if not, and *why_r (may be NULL) is then a static sentence for the operator;
 * NULL otherwise. */
enum st_err auth_config_check(const struct auth_config *config, const char **why_r) ST_MUST_CHECK;

/* Wipes it. */
void auth_config_deinit(struct auth_config *config);

#endif
