/* What people name on the command line: who a message goes to, which account, which message. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_address.h"
#include "lib/st_err.h"
#include "lib/st_name.h"

enum {
    TARGET_ID_DIGITS = 32,    /* hex digits of a whole message id */
    TARGET_ID_DIGITS_MIN = 4, /* of a prefix */
    TARGET_ID_DIGITS_SHOWN = 8,
    TARGET_PART_MAX = 99,     /* attachments of one message */
    TARGET_NUMBER_DIGITS = 60 /* of a safety number */
};

enum target_kind { TARGET_PERSON, TARGET_GROUP, TARGET_ME };

/* TO and CHAT: `@name`, `#group` or `me`. */
struct target {
    enum target_kind kind;
    char name[ST_NAME_LOGIN_MAX + 1];  /* without its sigil; "me" for TARGET_ME */
    char shown[ST_NAME_LOGIN_MAX + 2]; /* with it, as output has it */
};

/* Reads TO or CHAT. `person_only`: only a person fits, so the `@` may be left out. ST_EMALFORMED otherwise; `out` is
 * then zeroed. */
enum st_err target_parse(struct target *out, const char *text, bool person_only) ST_MUST_CHECK;

/* NAME[@HOST[:PORT]] of --account, also `@NAME`. What is left out is empty or 0. */
struct target_account {
    char name[ST_NAME_LOGIN_MAX + 1];
    char host[ST_ADDRESS_HOST_MAX + 1];
    uint16_t port;
};

enum st_err target_parse_account(struct target_account *out, const char *text) ST_MUST_CHECK;

/* A message id or the beginning of one, lower case; and, behind a dot, which attachment (0 = not said). */
struct target_message {
    char prefix[TARGET_ID_DIGITS + 1];
    unsigned part;
};

/* Reads MESSAGE or MESSAGE.N: 4 to 32 hex digits, N from 1 to 99 without leading zero. `with_part`: whether .N may
 * stand there. ST_EMALFORMED otherwise; `out` is then zeroed. */
enum st_err target_parse_message(struct target_message *out, const char *text, bool with_part) ST_MUST_CHECK;

/* Reads a safety number: 60 digits, spaces and dashes free. ST_EMALFORMED otherwise; `out` is then empty. */
enum st_err target_parse_number(char out[static TARGET_NUMBER_DIGITS + 1], const char *text) ST_MUST_CHECK;

#endif
