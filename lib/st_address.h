/* The server's address, which a server prints and people paste: `safetalk://HOST:PORT#KEY`.
 * HOST is a DNS name, an IPv4 address or an IPv6 address in brackets; PORT the enrol port; KEY the server's CURVE
 * public key in base32. The key in the address is the whole trust in the server: it is pinned, not looked up. */
#ifndef ST_ADDRESS_H
#define ST_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_ADDRESS_HOST_MAX = 253, /* characters of a host, without brackets */
    ST_ADDRESS_KEY_BYTES = 32,
    ST_ADDRESS_DEFAULT_PORT = 7420,   /* the enrol port */
    ST_ADDRESS_HOST_PORT_BYTES = 262, /* `[HOST]:65535` and a NUL */
    ST_ADDRESS_TEXT_BYTES = 326       /* the longest address and a NUL */
};

struct st_address {
    char host[ST_ADDRESS_HOST_MAX + 1]; /* lower case; IPv6 without brackets, in its canonical form */
    uint16_t port;                      /* 1 to 65535 */
    uint8_t key[ST_ADDRESS_KEY_BYTES];  /* not all zero */
};

/* Reads an address. A missing `:PORT` means 7420; upper case is allowed in HOST only. ST_EMALFORMED otherwise; `out`
 * is then zeroed, and `*why` (if `why` is not NULL) a static English phrase that says which part is wrong. */
enum st_err st_address_parse(struct st_address *out, struct st_view text, const char **why) ST_MUST_CHECK;

/* Reads `HOST[:PORT]` alone, with the same rules, into `host` and `port`; the key stays zero. */
enum st_err st_address_parse_host_port(struct st_address *out, struct st_view text, const char **why) ST_MUST_CHECK;

/* Reads a host by the same rules (IPv6 without brackets) and writes its canonical form. */
enum st_err st_address_parse_host(char out[static ST_ADDRESS_HOST_MAX + 1], struct st_view text) ST_MUST_CHECK;

/* Writes the address in full, always with its port, and a NUL. */
void st_address_format(char out[static ST_ADDRESS_TEXT_BYTES], const struct st_address *address);

/* Writes `HOST:PORT`, or `[HOST]:PORT` for IPv6, and a NUL: for error texts and the names of account folders;
 * behind `tcp://` it is what libzmq connects to. */
void st_address_format_host_port(char out[static ST_ADDRESS_HOST_PORT_BYTES], const char *host, uint16_t port);

/* Same host, port and key. */
bool st_address_equal(const struct st_address *a, const struct st_address *b);

#endif
