#include "services/allinone/daemon_host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIR_LAST = 7998 };

static const struct sockaddr_in *as_ipv4(const struct sockaddr *address)
{
    return (const struct sockaddr_in *)(const void *)address;
}

static const struct sockaddr_in6 *as_ipv6(const struct sockaddr *address)
{
    return (const struct sockaddr_in6 *)(const void *)address;
}

/* How good an address is for others to connect to: 0 not at all, then private, IPv6, public IPv4. */
static int rank_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        uint32_t ip = ntohl(as_ipv4(address)->sin_addr.s_addr);
        if (ip >> 24 == 127 || ip >> 16 == 0xa9fe || ip == 0)
            return 0;
        bool is_private = ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || ip >> 22 == 0x191;
        return is_private ? 2 : 3;
    }
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *ip = &as_ipv6(address)->sin6_addr;
        return (ip->s6_addr[0] & 0xe0) == 0x20 ? 1 : 0; /* 2000::/3, the global ones */
    }
    return 0;
}

static bool is_same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return as_ipv4(a)->sin_addr.s_addr == as_ipv4(b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 && memcmp(&as_ipv6(a)->sin6_addr, &as_ipv6(b)->sin6_addr, 16) == 0;
}

/* Is it the address of an interface that is up? */
static bool is_ours(const struct ifaddrs *all, const struct sockaddr *address)
{
    for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next)
        if (at->ifa_addr != NULL && (at->ifa_flags & IFF_UP) != 0 && is_same(at->ifa_addr, address))
            return true;
    return false;
}

static bool try_name(const struct ifaddrs *all, char *out)
{
    char name[ST_ADDRESS_HOST_MAX + 1];
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME };
    struct addrinfo *found = NULL;
    bool ours = false;
    if (gethostname(name, sizeof name) != 0 || memchr(name, '\0', sizeof name) == NULL ||
        getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    const char *full = found->ai_canonname != NULL ? found->ai_canonname : name;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        ours = ours || (rank_of(at->ai_addr) > 0 && is_ours(all, at->ai_addr));
    /* A name without a domain is likely known to this machine alone. */
    bool good = ours && strchr(full, '.') != NULL && st_address_parse_host(out, st_view_text(full)) == ST_OK;
    freeaddrinfo(found);
    return good;
}

static bool try_address(const struct ifaddrs *all, char *out)
{
    const struct sockaddr *best = NULL;
    char text[INET6_ADDRSTRLEN];
    for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
        bool usable = at->ifa_addr != NULL && (at->ifa_flags & IFF_UP) != 0 && rank_of(at->ifa_addr) > 0;
        if (usable && (best == NULL || rank_of(at->ifa_addr) > rank_of(best)))
            best = at->ifa_addr;
    }
    if (best == NULL)
        return false;
    const void *ip =
        best->sa_family == AF_INET ? (const void *)&as_ipv4(best)->sin_addr : (const void *)&as_ipv6(best)->sin6_addr;
    return inet_ntop(best->sa_family, ip, text, sizeof text) != NULL &&
           st_address_parse_host(out, st_view_text(text)) == ST_OK;
}

void daemon_host_default(char out[static ST_ADDRESS_HOST_MAX + 1])
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        all = NULL;
    if (!try_name(all, out) && !try_address(all, out))
        memcpy(out, "127.0.0.1", sizeof "127.0.0.1");
    if (all != NULL)
        freeifaddrs(all);
}

static bool is_free(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool bound = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0;
    close(fd);
    return bound;
}

bool daemon_host_pair_is_free(uint16_t port)
{
    return port > 0 && port < 65535 && is_free(port) && is_free((uint16_t)(port + 1));
}

uint16_t daemon_host_free_pair(void)
{
    for (uint16_t port = ST_ADDRESS_DEFAULT_PORT; port <= PAIR_LAST; port = (uint16_t)(port + 2))
        if (daemon_host_pair_is_free(port))
            return port;
    return 0;
}
