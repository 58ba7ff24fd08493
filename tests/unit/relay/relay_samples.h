/* One valid frame of every type that a relay takes, for hostile tests and the fuzz corpus. */
#ifndef RELAY_SAMPLES_H
#define RELAY_SAMPLES_H

#include "proto/st_internal.h"
#include "proto/st_messages.h"

enum { RELAY_SAMPLES = 17 };

struct relay_sample {
    const char *name;
    enum st_type type;
    enum st_hop_kind kind; /* the hop that may bring it */
};

extern const struct relay_sample relay_samples[RELAY_SAMPLES];

/* Appends sample number `i` as a frame. `acct` (ST_ACCT_LEN bytes) and `token` (ST_TOKEN_LEN bytes) go into the fields
 * that name one. */
enum st_err relay_sample_write(size_t i, const uint8_t *acct, const uint8_t *token, struct st_buf *out) ST_MUST_CHECK;

#endif
