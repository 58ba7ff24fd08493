#include "services/gateway/gateway_guard.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FD_MAX = 1 << 20,  /* no descriptor is higher */
    SCAN_STEP_MS = 50, /* between two shares of a scan */
    SCAN_LEAST = 512   /* descriptors in one share at least: about half a millisecond */
};

#define FD_BITS 20 /* low bits of a connection's number: its descriptor */

struct entry {
    uint64_t conn;
    struct entry *next; /* of those that have ended */
    enum gateway_socket socket;
    int copy;    /* our duplicate */
    ino_t inode; /* of the socket: tells a descriptor that was given again */
    bool fresh;  /* a whole message came since the last look */
    bool cut;
    uint64_t base; /* bytes the kernel had received at the look after the last whole message */
};

struct gateway_guard {
    struct gateway_guard_rule rules[GATEWAY_SOCKETS];
    struct gateway_guard_out out;
    struct entry **by_fd; /* libzmq's descriptor → entry */
    struct entry *ended;  /* libzmq is done with them; not reported yet */
    size_t fd_count;      /* room in by_fd */
    size_t count;
    uint64_t serial;
    size_t cursor[GATEWAY_SOCKETS]; /* where each socket's scan goes on */
    int64_t next_ms;
};

enum st_err gateway_guard_new(struct gateway_guard **guard_r,
                              const struct gateway_guard_rule rules[static GATEWAY_SOCKETS],
                              const struct gateway_guard_out *out)
{
    *guard_r = calloc(1, sizeof **guard_r);
    if (*guard_r == NULL)
        return ST_ENOMEM;
    memcpy((*guard_r)->rules, rules, sizeof(*guard_r)->rules);
    (*guard_r)->out = *out;
    return ST_OK;
}

static struct entry *find(const struct gateway_guard *guard, int fd)
{
    return fd >= 0 && (size_t)fd < guard->fd_count ? guard->by_fd[fd] : NULL;
}

/* libzmq is done with this descriptor. */
static void retire(struct gateway_guard *guard, int fd)
{
    struct entry *entry = find(guard, fd);
    if (entry == NULL)
        return;
    guard->by_fd[fd] = NULL;
    entry->next = guard->ended;
    guard->ended = entry;
}

void gateway_guard_free(struct gateway_guard **guard_at)
{
    struct gateway_guard *guard = *guard_at;
    if (guard == NULL)
        return;
    for (size_t fd = 0; fd < guard->fd_count; fd++)
        retire(guard, (int)fd);
    while (guard->ended != NULL) {
        struct entry *entry = guard->ended;
        guard->ended = entry->next;
        close(entry->copy);
        free(entry);
    }
    free(guard->by_fd);
    free(guard);
    *guard_at = NULL;
}

size_t gateway_guard_count(const struct gateway_guard *guard)
{
    return guard->count;
}

/* Is it a TCP connection that came to our port? Fills in where from. */
static bool is_ours(const struct gateway_guard *guard, enum gateway_socket socket, int fd, uint8_t *address)
{
    struct sockaddr_storage here, there;
    socklen_t here_len = sizeof here;
    socklen_t there_len = sizeof there;
    if (getsockname(fd, (struct sockaddr *)&here, &here_len) != 0 ||
        getpeername(fd, (struct sockaddr *)&there, &there_len) != 0)
        return false;
    memset(address, 0, ST_ADDR_LEN);
    in_port_t port = 0;
    if (here.ss_family == AF_INET && there.ss_family == AF_INET) {
        port = ((const struct sockaddr_in *)(const void *)&here)->sin_port;
        address[10] = address[11] = 0xff;
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)&there)->sin_addr, 4);
    } else if (here.ss_family == AF_INET6 && there.ss_family == AF_INET6) {
        port = ((const struct sockaddr_in6 *)(const void *)&here)->sin6_port;
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)&there)->sin6_addr, ST_ADDR_LEN);
    }
    return port != 0 && ntohs(port) == guard->rules[socket].port;
}

static bool make_room(struct gateway_guard *guard, int fd)
{
    if (fd < 0 || fd >= FD_MAX)
        return false;
    size_t want = (size_t)fd + 1;
    if (want <= guard->fd_count)
        return true;
    size_t room = guard->fd_count < 64 ? 64 : guard->fd_count;
    while (room < want)
        room *= 2;
    struct entry **grown = realloc(guard->by_fd, room * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + guard->fd_count, 0, (room - guard->fd_count) * sizeof *grown);
    guard->by_fd = grown;
    guard->fd_count = room;
    return true;
}

void gateway_guard_flush(struct gateway_guard *guard)
{
    while (guard->ended != NULL) {
        struct entry *entry = guard->ended;
        uint64_t conn = entry->conn;
        guard->ended = entry->next;
        close(entry->copy);
        free(entry);
        guard->count--;
        guard->out.closed(guard->out.ctx, conn);
    }
}

void gateway_guard_accepted(struct gateway_guard *guard, enum gateway_socket socket, int fd)
{
    uint8_t address[ST_ADDR_LEN];
    struct stat stat;
    retire(guard, fd); /* given again: the old connection is over */
    if (!make_room(guard, fd) || !is_ours(guard, socket, fd, address))
        return;
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    /* Between the two looks the descriptor may have become another file: then the copy stays open rather than being
     * closed (see the header). */
    if (copy < 0 || !is_ours(guard, socket, copy, address)) {
        free(entry);
        return;
    }
    if (fstat(copy, &stat) != 0) {
        close(copy);
        free(entry);
        return;
    }
    *entry = (struct entry) { .socket = socket, .copy = copy, .inode = stat.st_ino };
    entry->conn = (++guard->serial << FD_BITS) | (uint64_t)fd;
    guard->by_fd[fd] = entry;
    if (guard->count++ == 0)
        guard->next_ms = 0; /* no longer idle */
    guard->out.opened(guard->out.ctx, entry->conn, socket, address);
}

void gateway_guard_disconnected(struct gateway_guard *guard, int fd)
{
    retire(guard, fd);
}

uint64_t gateway_guard_message(struct gateway_guard *guard, int fd)
{
    struct entry *entry = find(guard, fd);
    if (entry == NULL)
        return 0;
    entry->fresh = true;
    return entry->conn;
}

/* A hard end is a reset: the peer hears of it at once, whatever it still sends. */
static void cut(struct entry *entry, bool hard)
{
    static const struct linger reset = { 1, 0 };
    if (hard)
        (void)setsockopt(entry->copy, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else it ends softly */
    /* A connection that the client closed meanwhile needs no shutdown: its failure says nothing. */
    (void)shutdown(entry->copy, SHUT_RDWR);
    entry->cut = true;
}

void gateway_guard_cut(struct gateway_guard *guard, uint64_t conn)
{
    struct entry *entry = find(guard, (int)(conn & ((1u << FD_BITS) - 1)));
    if (entry != NULL && entry->conn == conn)
        cut(entry, false);
}

/* One connection: has libzmq closed it without telling, does it hide too much? */
static void look(struct gateway_guard *guard, int fd, struct entry *entry)
{
    struct stat stat;
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    if (fstat(fd, &stat) != 0 || stat.st_ino != entry->inode) {
        retire(guard, fd);
        return;
    }
    if (entry->cut || getsockopt(entry->copy, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return;
    if (entry->fresh) {
        entry->fresh = false;
        entry->base = info.tcpi_bytes_received;
    } else if (info.tcpi_bytes_received - entry->base > guard->rules[entry->socket].hidden_max) {
        cut(entry, true);
        guard->out.overfull(guard->out.ctx, entry->conn, entry->socket);
    }
}

/* The share of one step: as many descriptors as let a whole round end within the rule's time, and all of them while
 * they are few. */
static void scan_socket(struct gateway_guard *guard, enum gateway_socket socket)
{
    int64_t steps = guard->rules[socket].scan_ms / SCAN_STEP_MS;
    size_t share = guard->fd_count / (size_t)(steps < 1 ? 1 : steps) + 1;
    if (guard->rules[socket].port == 0)
        return;
    if (share < SCAN_LEAST)
        share = guard->fd_count < SCAN_LEAST ? guard->fd_count : SCAN_LEAST;
    for (size_t i = 0; i < share && guard->fd_count > 0; i++) {
        size_t fd = guard->cursor[socket]++ % guard->fd_count;
        if (guard->by_fd[fd] != NULL && guard->by_fd[fd]->socket == socket)
            look(guard, (int)fd, guard->by_fd[fd]);
    }
}

int64_t gateway_guard_scan(struct gateway_guard *guard, int64_t now_ms)
{
    if (now_ms < guard->next_ms)
        return guard->next_ms;
    guard->next_ms = now_ms + (guard->count > 0 ? SCAN_STEP_MS : 20 * SCAN_STEP_MS);
    if (guard->count > 0)
        for (int socket = 0; socket < GATEWAY_SOCKETS; socket++)
            scan_socket(guard, (enum gateway_socket)socket);
    return guard->next_ms;
}
