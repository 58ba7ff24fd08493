/* Shared by the files of the outbox, and by nobody else: outbox.c sends, outbox_accept.c takes the answers,
 * outbox_again.c sends the same bytes again, outbox_anew.c encrypts again what its session can bring no longer. */
#ifndef CLIENT_CORE_OUTBOX_H
#define CLIENT_CORE_OUTBOX_H

#include "client/core/core.h"

enum {
    OUTBOX_FLIGHTS_MAX = 128,     /* copies that were sent and are not answered */
    OUTBOX_RETRY_FIRST_MS = 1000, /* 1, 2, 4 … 30 s */
    OUTBOX_RETRY_LAST_MS = 30000
};

/* A copy on its way. */
struct flight {
    bool in_use;
    uint8_t id[ST_MSG_ID_LEN];
    struct store_device to;
    enum store_copy_kind kind;
    int64_t again_ms; /* monotonic: when it is sent again without an answer */
    bool stale;       /* the copy has other bytes by now: the answer says nothing of them */
};

struct outbox {
    struct flight flights[OUTBOX_FLIGHTS_MAX];
    size_t flight_count;
    uint8_t own_epoch[ST_EPOCH_LEN];
    uint64_t cursor;       /* order of the last copy looked at */
    int64_t paused_ms;     /* nothing is sent before */
    int64_t recheck_ms;    /* look from the beginning again */
    int64_t wall_ahead_ms; /* of the monotonic clock, when it was looked at last */
    bool blocked;          /* something waits for an upload */
    bool unsealed;         /* something waits for a session to be encrypted in */
};

/* The copy if it is on its way, or NULL. */
struct flight *outbox_find_flight(struct outbox *outbox, const uint8_t id[static ST_MSG_ID_LEN],
                                  const struct store_device *to);
/* It was answered, or nothing is to be expected any more. */
void outbox_land(struct outbox *outbox, struct flight *flight);
/* Nothing is on its way any more. */
void outbox_land_all(struct outbox *outbox);
/* The outbox is read from its beginning again, after `wait_ms` at the latest. */
void outbox_rewind(struct client *client, int64_t wait_ms);
/* Tells the shell what became of one of our messages. */
void outbox_tell(struct client *client, const uint8_t id[static ST_MSG_ID_LEN], enum store_state state,
                 enum client_reason reason);

/* Encrypts the copies that wait for a session, where there is one now, and asks for one where there is none. True: some
 * can be sent. */
bool outbox_seal(struct client *client);

#endif
