/* Error codes of every fallible function. A code says what the caller can do about it.
 * What peers and users read are other codes (proto/st_wire.h, client/cli/exit_code.h), mapped in one place each. */
#ifndef ST_ERR_H
#define ST_ERR_H

enum st_err {
    ST_OK = 0,
    ST_ENOTFOUND,    /* the thing named does not exist */
    ST_EEXISTS,      /* it exists already */
    ST_EREFUSED,     /* not allowed for this caller, or not in this state */
    ST_ELIMIT,       /* a stated limit is reached */
    ST_EMALFORMED,   /* bytes that break their format */
    ST_EINTEGRITY,   /* a tag, signature or digest is wrong */
    ST_ECONFLICT,    /* somebody else changed it first: read again, then retry */
    ST_EUNAVAILABLE, /* not now; the same call may work later. Nothing was changed */
    ST_EUNCERTAIN,   /* the change may or may not have happened */
    ST_ENOMEM,       /* memory */
    ST_EFULL,        /* the disk is full or not writable */
    ST_EFOREIGN,     /* the file is not ours, is damaged, or is newer than this program */
    ST_EIO           /* any other failure of the operating system */
};

/* A result must be looked at. */
#define ST_MUST_CHECK        __attribute__((warn_unused_result))
#define ST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A short English phrase for an error code. Returns a static string, never NULL. */
const char *st_err_text(enum st_err err);

#endif
