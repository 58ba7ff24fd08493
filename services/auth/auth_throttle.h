/* How often somebody may do something, counted in the store, so that all auths count together. Who is limited is kept
 * as a keyed hash, and everybody costs the same: nothing here tells whether a name exists. */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_secrets.h"
#include "services/auth/store.h"

/* What is limited, and by what it is counted. The numbers are part of stored keys. */
enum auth_limit {
    AUTH_LIMIT_ADDRESS = 1,     /* attempts and registrations; address */
    AUTH_LIMIT_LOGIN = 2,       /* attempts; name */
    AUTH_LIMIT_REGISTER = 3,    /* attempts; name. A registration answers one guess at a password, as a login does */
    AUTH_LIMIT_REMOVE = 4,      /* attempts; account */
    AUTH_LIMIT_PASSWORD = 5,    /* set_password; account */
    AUTH_LIMIT_LOOKUP = 6,      /* is_user; account */
    AUTH_LIMIT_LIST = 7,        /* get_list; account */
    AUTH_LIMIT_LIST_CHANGE = 8, /* put_list; account */
    AUTH_LIMIT_BUNDLE = 9,      /* start_chat; account */
    AUTH_LIMIT_OPK = 10,        /* one-time prekeys given; target account and device */
    AUTH_LIMIT_OFFER = 11       /* link_offer; account */
};

/* Who counts. All borrowed. */
struct auth_throttle {
    const struct auth_store *store;
    const struct auth_limits *limits;
    const struct auth_secrets *secrets;
    int64_t now_ms; /* wall clock */
};

/* Counts one event in its hour or minute. ST_OK: go on. ST_ELIMIT: too many, and *retry_s_r says in how many seconds it
 * may work. Else a store error. */
enum st_err auth_throttle_count(const struct auth_throttle *throttle, enum auth_limit limit, struct st_view subject,
                                uint64_t *retry_s_r) ST_MUST_CHECK;

/* Counts one attempt at a password: some are free, then fewer and fewer go through. Refused attempts count too: who
 * hammers waits longest. Results as above. */
enum st_err auth_throttle_attempt(const struct auth_throttle *throttle, enum auth_limit limit, struct st_view subject,
                                  uint64_t *retry_s_r) ST_MUST_CHECK;

/* Forgets the attempts: this one was right. */
enum st_err auth_throttle_forget(const struct auth_throttle *throttle, enum auth_limit limit,
                                 struct st_view subject) ST_MUST_CHECK;

#endif
