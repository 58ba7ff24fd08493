/* Wiping secrets. */
#ifndef ST_WIPE_H
#define ST_WIPE_H

#include <sodium.h>

/* Overwrites `len` bytes at `p` with zeros in a way the compiler keeps. */
static inline void st_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}

/* Wipes a whole object: ST_WIPE(key) for an array or struct variable (not for a pointer). */
#define ST_WIPE(object) sodium_memzero(&(object), sizeof(object))

#endif
