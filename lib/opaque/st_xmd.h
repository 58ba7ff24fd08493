/* expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1): spreads a message over uniformly random bytes. */
#ifndef ST_XMD_H
#define ST_XMD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_XMD_DST_PLAIN_MAX = 255, /* bytes of a tag that is taken as it is; a longer one is hashed first */
    ST_XMD_PARTS_MAX = 8        /* parts of a message */
};

/* Fills `out` from the message, which is the `count` parts joined, under the domain separation tag `dst`. Both are
 * borrowed. ST_ELIMIT above 255 hash lengths (16,320 bytes) or ST_XMD_PARTS_MAX, ST_EMALFORMED for an empty tag, which
 * the RFC forbids; `out` is then zeroed. */
enum st_err st_xmd_sha512(uint8_t *out, size_t out_len, struct st_view dst, const struct st_view *parts,
                          size_t count) ST_MUST_CHECK;

#endif
