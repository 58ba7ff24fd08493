/* Every size and limit of SafeTalk/1 in one place (CRYPTO 5 to 13, PROTOCOL 3). */
#ifndef E2E_LIMITS_H
#define E2E_LIMITS_H

enum {
    E2E_KEY_BYTES = 32,     /* X25519 keys, chain keys, MAC keys */
    E2E_HASH_BYTES = 32,    /* SHA-256 */
    E2E_SID_BYTES = 16,     /* session id */
    E2E_TAG_BYTES = 32,     /* HMAC-SHA-256, never cut */
    E2E_IDENT_BYTES = 116,  /* acct_id ‖ dev_id ‖ AK ‖ DSK ‖ DIK */
    E2E_BLOCK_BYTES = 156,  /* type 1: ident_A ‖ EK ‖ spk_id ‖ opk_id */
    E2E_HEADER_BYTES = 128, /* type 2: all bytes before the ciphertext */
    E2E_HEADER_INITIAL_BYTES = E2E_HEADER_BYTES + E2E_BLOCK_BYTES,

    E2E_PAD_MIN = 256,     /* the smallest ciphertext; each is 256 · 2^k */
    E2E_PAD_MAX = 65536,   /* the largest */
    E2E_PLAIN_MAX = 65535, /* plaintext bytes of one message: padding takes at least one */
    E2E_ENVELOPE_MIN = E2E_HEADER_BYTES + E2E_PAD_MIN + E2E_TAG_BYTES,
    E2E_ENVELOPE_MAX = E2E_HEADER_INITIAL_BYTES + E2E_PAD_MAX + E2E_TAG_BYTES,

    E2E_SKIP_MAX = 1000, /* messages passed over in one chain by one message */
    E2E_KEYS_MAX = 2000, /* partial keys that one session keeps; the oldest goes first */
    E2E_OLD_CHAINS_MAX =
        40,                 /* closed receiving chains that still have keys; and closed ones that are only remembered */
    E2E_CHAIN_MAX = 10000,  /* messages in one sending chain: n is at most 9,999 */
    E2E_SENT_MAX = 9999,    /* what is sent in one: so that its length still fits into pn */
    E2E_CHAIN_STEP_AT = 64, /* from here on a ratchet step is asked for */
    E2E_COPIES_MAX = 1000,  /* copies without an end-to-end receipt in one session */
    E2E_SESSIONS_MAX = 4,   /* per device pair: 1 active, 3 receive-only */
    E2E_OPK_RETRIES_PER_DAY = 3,

    E2E_KEY_LIFE_S = 30 * 86400,          /* of a partial key or an m, from the closing of its chain */
    E2E_RECEIVE_ONLY_LIFE_S = 37 * 86400, /* of a session that is not chosen */
    E2E_UNANSWERED_S = 7 * 86400,         /* an initiated session that was never answered */

    E2E_FAILED_TAGS_MAX = 20, /* in one minute, then ... */
    E2E_FAILED_TAGS_WINDOW_S = 60,
    E2E_FAILED_TAGS_PAUSE_S = 60, /* ... nothing is tried for so long */

    E2E_BIRTH_BYTES = 8,       /* of a store: seconds(4) ‖ random(4) */
    E2E_SAVED_MAX = 512 * 1024 /* bytes of one saved set, whatever it holds */
};

#endif
