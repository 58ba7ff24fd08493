/* The names that people type for accounts, groups and consumers: lower-case ASCII only, so that no name can
 * look like another one. */
#ifndef ST_NAME_H
#define ST_NAME_H

#include <stdbool.h>

#include "lib/st_bytes.h"

enum {
    ST_NAME_LOGIN_MIN = 3, /* bytes */
    ST_NAME_LOGIN_MAX = 32,
    ST_NAME_GROUP_MAX = 32,
    ST_NAME_CONSUMER_MAX = 32
};

/* A login name without its sigil: 3 to 32 of `a-z 0-9 _ . -`. */
bool st_name_is_login(struct st_view name);

/* A group's name without its sigil: 1 to 32 of the same characters. */
bool st_name_is_group(struct st_view name);

/* The name of a consumer of events: 1 to 32 of `a-z 0-9 _ -`. */
bool st_name_is_consumer(struct st_view name);

#endif
