/* An account whose device lists a test makes, changes and signs. */
#ifndef DEVLIST_FIXTURE_H
#define DEVLIST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/devlist/st_devlist.h"

enum { FIXTURE_NOW = 1800000000, FIXTURE_DAY = 86400 };

/* An account with up to eight devices, and its newest list. */
struct account {
    uint8_t ak[ST_SIGN_PUB_BYTES];
    uint8_t ak_secret[ST_SIGN_SECRET_BYTES];
    uint8_t dsk_secret[ST_DEVLIST_DEVICES_MAX][ST_SIGN_SECRET_BYTES];
    struct st_device devices[ST_DEVLIST_DEVICES_MAX];
    struct st_devlist list;
};

/* Account `number` with the first `count` devices in list 1. Device i has the id 10 (i + 1). */
void fixture_make(struct account *account, uint8_t number, uint8_t count);

/* Signs account->list anew after a change: acceptances of all devices, then AK's signature. */
void fixture_sign(struct account *account);

/* The list after account->list, with the devices of `mask`. */
void fixture_next(struct account *account, unsigned mask);

/* The list as it travels; free `buf` with st_buf_free. */
struct st_view fixture_wire(const struct st_devlist *list, struct st_buf *buf);

#endif
