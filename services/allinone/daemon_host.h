/* What `init` assumes about the machine when it is not told: the host that clients connect to, and two free ports. */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_address.h"

/* A host name of ours with a domain that resolves to an address of this machine; else a global address (IPv4 before
 * IPv6, public before private); else 127.0.0.1. In canonical form. */
void daemon_host_default(char out[static ST_ADDRESS_HOST_MAX + 1]);

/* Can both TCP ports `port` and `port` + 1 be bound now on every address? */
bool daemon_host_pair_is_free(uint16_t port);

/* 7420 if that pair is free, else the next free pair; 0 if there is none up to 7999. */
uint16_t daemon_host_free_pair(void);

#endif
