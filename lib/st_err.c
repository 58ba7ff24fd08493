#include "lib/st_err.h"

const char *st_err_text(enum st_err err)
{
    static const char *const texts[] = {
        [ST_OK] = "ok",
        [ST_ENOTFOUND] = "not found",
        [ST_EEXISTS] = "exists already",
        [ST_EREFUSED] = "refused",
        [ST_ELIMIT] = "limit reached",
        [ST_EMALFORMED] = "malformed",
        [ST_EINTEGRITY] = "integrity check failed",
        [ST_ECONFLICT] = "changed by somebody else",
        [ST_EUNAVAILABLE] = "unavailable, retry later",
        [ST_EUNCERTAIN] = "outcome unknown",
        [ST_ENOMEM] = "out of memory",
        [ST_EFULL] = "disk full or not writable",
        [ST_EFOREIGN] = "foreign, damaged or newer file",
        [ST_EIO] = "operating system error",
    };
    if ((unsigned)err >= sizeof texts / sizeof texts[0])
        return "unknown error";
    return texts[err];
}
