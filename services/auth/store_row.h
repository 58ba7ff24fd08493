/* The rows that auth keeps (FLOWS, section 4), as its core and every backend of its store see them.
 *
 * Times are milliseconds since 1970, wall clock; days are whole days of UTC since 1970. Ids and keys are raw bytes. */
#ifndef AUTH_STORE_ROW_H
#define AUTH_STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "proto/st_limits.h"

enum {
    AUTH_DEVICE_ROWS_MAX = 16, /* rows of one account: 8 in its list, 8 pending */
    AUTH_ERASE_DEVS_MAX = 256, /* mailboxes that one erase job names */
    AUTH_SETTING_MAX = 64,     /* bytes of a setting's value */
    AUTH_SETTING_KEY_MAX = 32, /* bytes of a setting's key */
    AUTH_AUDIT_MAX = 200       /* bytes of an audit text */
};

/* A text that an account or device carries. Never longer than its row allows; no NUL. */
struct auth_text {
    uint8_t len; /* bytes */
    uint8_t bytes[ST_NAME_MAX];
};
_Static_assert((int)ST_NAME_MAX == (int)ST_DEVICE_NAME_MAX, "one struct for both");

static inline struct st_view auth_text_view(const struct auth_text *text)
{
    return st_view(text->bytes, text->len);
}

/* ---- rows ---- */

/* A decoy is nobody's account: its row is read in place of one that a name does not have, so that a look costs the same
 * whether the name exists or not. Its name is no login name. */
enum auth_account_state { AUTH_ACCOUNT_ACTIVE = 1, AUTH_ACCOUNT_DISABLED = 2, AUTH_ACCOUNT_DECOY = 3 };

enum { AUTH_ACCOUNT_HIDDEN = 1 }; /* flag: is_user does not find it */

struct auth_account {
    uint8_t acct[ST_ACCT_LEN];
    struct auth_text name; /* login name, unique */
    enum auth_account_state state;
    uint8_t ak[ST_KEY_LEN];
    uint8_t record[ST_OPAQUE_RECORD_LEN];
    uint64_t list_seq; /* of the newest device list */
    uint64_t next_dev; /* the next device id to give, never given before; up to 2^32 */
    uint64_t flags;
    int64_t created_ms;
    int64_t last_seen_ms;
};

enum auth_device_state { AUTH_DEVICE_ACTIVE = 1, AUTH_DEVICE_PENDING = 2 };

/* A device of the newest list (active), or one that has only a password login behind it (pending). */
struct auth_device {
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    enum auth_device_state state;
    bool has_tk;             /* false: logged out, or unseen for too long */
    uint8_t tk[ST_KEY_LEN];  /* CURVE key of its connections, unique */
    uint8_t dsk[ST_KEY_LEN]; /* active only, from the device list, as dik */
    uint8_t dik[ST_KEY_LEN];
    struct auth_text name;
    uint32_t spk_id; /* 0: none published yet */
    uint8_t spk[ST_KEY_LEN];
    uint8_t spk_sig[ST_SIG_LEN];
    uint64_t spk_created_s;
    uint32_t opk_hi; /* the highest one-time prekey id ever taken */
    int64_t last_seen_ms;
};

/* A device list as it travels. */
struct auth_list {
    uint64_t seq;
    size_t len;
    uint8_t wire[ST_LIST_MAX];
};

/* What tk_check wants to know of a transport key, in one look. */
struct auth_session {
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    enum auth_account_state account_state;
    enum auth_device_state device_state;
    int64_t last_seen_ms;
    struct auth_list list; /* newest */
    uint64_t opk_left;
};

/* A one-time prekey, id not 0. */
struct auth_opk {
    uint32_t id;
    uint8_t pub[ST_KEY_LEN];
};

/* That an account took a bundle of a device on a day. */
struct auth_grant {
    uint8_t target[ST_ACCT_LEN];
    uint32_t dev;
    uint8_t requester[ST_ACCT_LEN];
    uint32_t day;
    uint8_t nonce[ST_NONCE_LEN];
    struct auth_opk opk; /* id 0: none was left to give */
};

/* What a pending device offers to the account's manager. */
struct auth_offer {
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    uint8_t dsk[ST_KEY_LEN];
    uint8_t dik[ST_KEY_LEN];
    uint8_t accept[ST_SIG_LEN];
    uint8_t tag[ST_HASH_LEN];
    struct auth_text name;
    int64_t expires_ms;
};

struct auth_invite_row {
    uint8_t hash[ST_HASH_LEN];
    uint32_t uses;         /* how many accounts it was for */
    uint32_t uses_left;    /* … and is still for */
    struct auth_text name; /* empty, or the only login name that it serves */
    int64_t expires_ms;
    struct auth_text creator; /* who made it, for people */
};

/* Mailboxes of a removed account that a relay has not yet confirmed to be erased. */
struct auth_erase {
    uint8_t acct[ST_ACCT_LEN];
    uint32_t devs[AUTH_ERASE_DEVS_MAX];
    size_t dev_count;
    int64_t next_ms; /* when to ask again */
    uint32_t tries;
};

/* From after one time to another one, that included. */
struct auth_span {
    int64_t after_ms;
    int64_t until_ms;
};

/* What a sweep removes, 500 rows at most in one call, and what its `before` means. */
enum auth_sweep {
    AUTH_SWEEP_THROTTLE, /* windows that ended before (ms) */
    AUTH_SWEEP_GRANTS,   /* grants of days before (day) */
    AUTH_SWEEP_OFFERS,   /* link offers that expired before (ms) */
    AUTH_SWEEP_INVITES,  /* invites that expired before (ms) */
    AUTH_SWEEP_PENDING,  /* pending devices last seen before (ms), with their offers */
    AUTH_SWEEP_UNSEEN,   /* transport keys of active devices last seen before (ms); the device stays */
    AUTH_SWEEPS
};

enum { AUTH_SWEEP_ROWS = 500 };

#endif
