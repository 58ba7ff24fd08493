/* Invite codes: 11 random characters of Crockford's base32 and a check character (Luhn mod 32), shown as
 * `7QK2-M9XD-4TR5`. The check finds every single wrong character and, in the codes made here, every pair of
 * swapped neighbours, so that a slip of the finger is noticed before anything is sent. 55 bits of chance. */
#ifndef ST_INVITE_H
#define ST_INVITE_H

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum {
    ST_INVITE_CHARS = 12,                           /* with the check character */
    ST_INVITE_TEXT_BYTES = ST_INVITE_CHARS + 2 + 1, /* two dashes and a NUL */
    ST_INVITE_INPUT_MAX = 64                        /* bytes that a typed code may have, spaces included */
};

/* A code in its one canonical form: upper case, no dashes. It is these 12 characters that a server hashes. */
struct st_invite {
    char code[ST_INVITE_CHARS + 1];
};

/* Reads what a person typed: case, spaces and dashes are free, O reads as 0, I and L as 1.
 * ST_EMALFORMED for any other character, another count or a wrong check character; `out` is then empty. */
enum st_err st_invite_parse(struct st_invite *out, struct st_view text) ST_MUST_CHECK;

/* A new code. The neighbours `0Z` and `Z0`, whose swapping the check cannot see, do not occur in it. */
void st_invite_random(struct st_invite *out, const struct st_env *env);

/* Writes the code as people see it, with two dashes and a NUL. `invite` came from one of the two above. */
void st_invite_format(char out[static ST_INVITE_TEXT_BYTES], const struct st_invite *invite);

#endif
