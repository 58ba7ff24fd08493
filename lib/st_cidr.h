/* Lists of networks, as `trusted_proxies` has them: "10.0.0.0/8, 2001:db8::/32, 192.0.2.7". */
#ifndef ST_CIDR_H
#define ST_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

enum {
    ST_CIDR_MAX = 32,           /* networks in one list */
    ST_CIDR_TEXT_SIZE = 50,     /* one network as text, with the NUL */
    ST_CIDR_ADDRESS_BYTES = 16, /* IPv6, or IPv4 mapped into it */
};

struct st_cidr {
    uint8_t address[ST_CIDR_ADDRESS_BYTES]; /* network part only; IPv4 is ::ffff:a.b.c.d */
    uint8_t bits;                           /* of the 128 that count; IPv4 /8 is 104 */
};

struct st_cidr_list {
    struct st_cidr items[ST_CIDR_MAX];
    size_t count;
};

/* An address as 16 bytes: IPv6, or IPv4 mapped, so that 192.0.2.7 and ::ffff:192.0.2.7 are the same.
 * ST_EMALFORMED for anything else (names, ports, zones); `out` is then zeroed. */
enum st_err st_cidr_parse_address(uint8_t out[static ST_CIDR_ADDRESS_BYTES], const char *text) ST_MUST_CHECK;

/* Networks or single addresses, parted by commas, spaces around them allowed; empty text is an empty list. A network
 * with bits behind its length ("10.1.2.3/8") is ST_EMALFORMED: it is likely a slip. More than ST_CIDR_MAX: ST_ELIMIT.
 * The list is empty on failure. */
enum st_err st_cidr_parse_list(struct st_cidr_list *list_r, const char *text) ST_MUST_CHECK;

/* Whether an address as above lies in one of the networks. */
bool st_cidr_contains(const struct st_cidr_list *list, const uint8_t address[static ST_CIDR_ADDRESS_BYTES]);

/* One network as text ("10.0.0.0/8"). */
void st_cidr_format(char out[static ST_CIDR_TEXT_SIZE], const struct st_cidr *cidr);

#endif
