/* What was pushed to one device and is not acknowledged yet, in the order of pushing. At most RELAY_CREDIT_ENTRIES. */
#ifndef RELAY_INFLIGHT_H
#define RELAY_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"
#include "services/relay/mailbox.h"

struct relay_flight {
    uint8_t id[MAILBOX_ENTRY_LEN];
    uint32_t len; /* bytes of its body */
    int64_t pushed_ms;
};

struct relay_inflight {
    struct relay_flight *items; /* owned; those in flight at [first, first + count) */
    size_t first, count, cap;
    uint64_t bytes;
};

/* An all-zero struct is empty. */
void relay_inflight_deinit(struct relay_inflight *flights);

/* Is there credit for one more entry of `len` bytes? With nothing in flight there always is. */
bool relay_inflight_has_credit(const struct relay_inflight *flights, size_t len);

/* Adds an entry for which there is credit. ST_ENOMEM. */
enum st_err relay_inflight_add(struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN], size_t len,
                               int64_t now_ms) ST_MUST_CHECK;

bool relay_inflight_has(const struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN]);

/* Takes an entry out; false if it is not there. */
bool relay_inflight_take(struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN]);

/* Takes the newest `count` out again: they were not sent. */
void relay_inflight_drop_last(struct relay_inflight *flights, size_t count);

/* Forgets what was pushed at or before `before_ms`; returns how many. */
size_t relay_inflight_drop_until(struct relay_inflight *flights, int64_t before_ms);

void relay_inflight_clear(struct relay_inflight *flights);

/* When the oldest was pushed; INT64_MAX if there is none. */
int64_t relay_inflight_oldest_ms(const struct relay_inflight *flights);

#endif
