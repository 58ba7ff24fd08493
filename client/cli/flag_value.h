/* The values of flags, checked by their kind before anything runs. */
#ifndef FLAG_VALUE_H
#define FLAG_VALUE_H

#include <stdint.h>

#include "client/cli/command.h"
#include "lib/st_err.h"

/* Checks `text` as a value of this kind; `now_ms` is the present. *number is what it says, if it is a number, a
 * duration (ms), a time (ms) or a descriptor, else 0. ST_EMALFORMED if it is none; *right is then a phrase of what
 * would be right (static, or from the address parser). */
enum st_err flag_value_parse(int64_t *number, enum flag_kind kind, const char *text, int64_t now_ms,
                             const char **right) ST_MUST_CHECK;

#endif
