/* Safety numbers (CRYPTO 4): sixty digits that two people compare aloud. They are made of account keys, so they
 * survive changes of devices. */
#ifndef E2E_SAFETY_H
#define E2E_SAFETY_H

#include <stdint.h>

#include "lib/devlist/st_devlist.h"
#include "lib/st_err.h"

enum {
    E2E_SAFETY_HALF_DIGITS = 30,
    E2E_SAFETY_DIGITS = 60,
    E2E_SAFETY_ROUNDS = 5200,
    E2E_SAFETY_NAME_MAX = 255 /* bytes of a login name */
};

/* One side's 30 digits, with a terminating NUL. ST_ELIMIT if the login name is longer than 255 bytes (then ""). About
 * 5 ms of work on purpose. */
enum st_err e2e_safety_half(char out[static E2E_SAFETY_HALF_DIGITS + 1], const uint8_t ak[static ST_SIGN_PUB_BYTES],
                            const char *login_name) ST_MUST_CHECK;

/* The number of two sides: both halves, the lexicographically smaller first, so it is the same on both sides.
 * NUL-terminated; the groups of five are the caller's to show. */
void e2e_safety_number(char out[static E2E_SAFETY_DIGITS + 1], const char half_a[static E2E_SAFETY_HALF_DIGITS + 1],
                       const char half_b[static E2E_SAFETY_HALF_DIGITS + 1]);

#endif
