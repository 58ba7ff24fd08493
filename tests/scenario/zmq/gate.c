#include "tests/scenario/zmq/gate.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/st_num.h"

/* What this file itself relies on; stays on in every build. */
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, zmq_strerror(zmq_errno()));            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

int64_t gate_now_ms(void)
{
    struct st_env env = st_env_system();
    return st_env_mono_ms(&env);
}

void gate_sleep_ms(int64_t ms)
{
    struct timespec wait = { ms / 1000, (ms % 1000) * 1000000 };
    nanosleep(&wait, NULL);
}

bool gate_wait(atomic_uint *value, unsigned want, int64_t ms)
{
    for (int64_t end_ms = gate_now_ms() + ms; atomic_load(value) != want;) {
        if (gate_now_ms() > end_ms)
            return false;
        gate_sleep_ms(5);
    }
    return true;
}

/* ---- the services ---- */

struct played {
    struct gate *gate;
    int index; /* 0 auth, 1 relay */
    struct service_out out;
    struct st_buf late; /* a tk_check that is answered later */
    struct service_peer late_peer;
    int64_t late_ms; /* when; INT64_MAX: none */
};

static void say(struct played *played, const struct service_peer *to, const struct st_hop *hop, enum st_type type,
                uint64_t request, const void *msg)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    NEED(st_frame_write(type, request, msg, &frame) == ST_OK);
    /* A gateway that has left needs no answer. */
    enum st_err err = played->out.send(played->out.ctx, to, hop, st_buf_view(&frame), st_view(NULL, 0));
    NEED(err == ST_OK || err == ST_ENOTFOUND || err == ST_EUNAVAILABLE);
    st_buf_free(&frame);
}

static void answer_check(struct played *played, const struct service_peer *to, const struct st_frame *frame)
{
    static const struct st_hop service = { .kind = ST_HOP_SERVICE };
    struct st_int_tk_check check;
    struct st_int_tk_item items[ST_TK_CHECK_MAX];
    struct st_view tk;
    size_t count = 0;
    int auth = atomic_load(&played->gate->auth);
    NEED(st_frame_read(frame, &check) == ST_OK);
    while (st_bytes_list_next(&check.tks, &tk)) {
        items[count] = (struct st_int_tk_item) { .tk = tk,
                                                 .state = auth == GATE_KNOWS_NONE ? ST_TK_NONE : ST_TK_ACTIVE,
                                                 .acct = st_view(tk.p, ST_ACCT_LEN),
                                                 .dev = 1,
                                                 .list_seq = 1 };
        for (unsigned key = 3; key <= 7 && auth != GATE_KNOWS_NONE; key++)
            ST_SET(&items[count], key);
        count++;
    }
    struct st_int_tk_check_r answer = { .items = { .count = count, .items = items } };
    say(played, to, &service, ST_TK_CHECK_R, frame->request, &answer);
}

static void play(void *core, const struct service_peer *from, struct st_view hop_bytes, struct st_view bytes)
{
    struct played *played = core;
    struct st_hop hop;
    struct st_frame frame;
    NEED(st_hop_read(hop_bytes, &hop) == ST_OK && st_frame_open(bytes, ST_FRAME_MAX, &frame) == ST_OK);
    struct st_int_svc_pong pong = { .boot = 1 + (uint64_t)played->index, .registration = 2 };
    static const uint8_t epoch[ST_EPOCH_LEN];
    struct st_int_attach_r attach = { .attach = hop.sid, .epoch = st_view(epoch, sizeof epoch), .pending = 1 };
    int auth = atomic_load(&played->gate->auth);
    if (played->index == 0)
        ST_SET(&pong, 3);
    if (frame.type == ST_SVC_PING) {
        say(played, from, &hop, ST_SVC_PONG, frame.request, &pong);
    } else if (frame.type == ST_TK_CHECK && auth == GATE_LATE) {
        st_buf_clear(&played->late);
        st_buf_append(&played->late, bytes.p, bytes.len);
        played->late_peer = *from;
        played->late_ms = gate_now_ms() + 2000;
        atomic_store(&played->gate->auth, GATE_KNOWS_ALL);
    } else if (frame.type == ST_TK_CHECK && auth != GATE_SILENT && played->late_ms == INT64_MAX) {
        answer_check(played, from, &frame);
    } else if (frame.type == ST_ATTACH) {
        say(played, from, &hop, ST_ATTACH_R, frame.request, &attach);
    } else if (frame.type < 128) {
        atomic_fetch_add(&played->gate->forwarded, 1);
        if (frame.type == ST_FETCH || frame.type == ST_ENDPOINTS) /* something to hear */
            say(played, from, &hop, ST_ERROR, frame.request,
                &(struct st_msg_error) { .code = ST_CODE_NOT_FOUND, .sentence = st_view_text("played") });
    }
}

static void nothing(void *core)
{
    (void)core;
}

static bool never(const void *core)
{
    (void)core;
    return false;
}

static void late(void *core)
{
    struct played *played = core;
    struct st_frame frame;
    if (gate_now_ms() < played->late_ms)
        return;
    played->late_ms = INT64_MAX;
    NEED(st_frame_open(st_buf_view(&played->late), ST_FRAME_MAX, &frame) == ST_OK);
    answer_check(played, &played->late_peer, &frame);
}

static int64_t next(const void *core)
{
    const struct played *played = core;
    return played->late_ms;
}

static void *run_service(void *arg)
{
    struct played *played = arg;
    struct gate *gate = played->gate;
    struct service_shell *shell = gate->services[played->index];
    struct service_core core = { played, play, nothing, never, late, next };
    while (!atomic_load(&gate->stop) && service_shell_step(shell, &core, gate->stop_fd, 200))
        ;
    st_buf_free(&played->late);
    free(played);
    return NULL;
}

static void *run_gateway(void *arg)
{
    struct gate *gate = arg;
    while (!atomic_load(&gate->stop) && gateway_shell_step(gate->shell, gate->stop_fd, 200)) {
        struct gateway_stats stats;
        gateway_core_stats(gateway_shell_core(gate->shell), &stats);
        atomic_store(&gate->connections, (unsigned)gateway_shell_connections(gate->shell));
        atomic_store(&gate->sessions, (unsigned)stats.sessions);
        atomic_store(&gate->refused, (unsigned)stats.refused);
        atomic_store(&gate->cuts, (unsigned)stats.cut);
    }
    return NULL;
}

/* ---- life ---- */

static void key_pair(uint8_t public_key[static 32], uint8_t secret_key[static 32])
{
    char public_text[41], secret_text[41];
    NEED(zmq_curve_keypair(public_text, secret_text) == 0);
    NEED(zmq_z85_decode(public_key, public_text) != NULL && zmq_z85_decode(secret_key, secret_text) != NULL);
}

static void start_service(struct gate *gate, int index, const char *endpoint)
{
    struct st_env env = st_env_system();
    struct played *played = calloc(1, sizeof *played);
    NEED(played != NULL);
    NEED(service_shell_new(&gate->services[index], gate->zmq, endpoint, &env, NULL) == ST_OK);
    *played = (struct played) {
        .gate = gate, .index = index, .out = service_shell_out(gate->services[index]), .late_ms = INT64_MAX
    };
    st_buf_init(&played->late, ST_FRAME_MAX);
    NEED(pthread_create(&gate->threads[index], NULL, run_service, played) == 0);
}

void gate_open(struct gate *gate, const struct gate_options *options)
{
    static const char *const auths[] = { "inproc://auth" };
    static const char *const relays[] = { "inproc://relay" };
    struct st_env env = st_env_system();
    struct gateway_shell_failure failure;
    char listen[64];
    NEED(sodium_init() >= 0);
    memset(gate, 0, sizeof *gate);
    gate->zmq = zmq_ctx_new();
    gate->stop_fd = eventfd(0, EFD_CLOEXEC);
    NEED(gate->zmq != NULL && gate->stop_fd >= 0);
    start_service(gate, 0, auths[0]);
    start_service(gate, 1, relays[0]);
    const char *host = options->host != NULL ? options->host : "127.0.0.1";
    snprintf(listen, sizeof listen, "tcp://%s:*", host);
    struct gateway_shell_options shell = { .listen = { { .endpoint = listen }, { .endpoint = listen } },
                                           .auths = auths,
                                           .auth_count = 1,
                                           .relays = relays,
                                           .relay_count = 1,
                                           .handshake_ms = options->handshake_ms,
                                           .door_ms = options->door_ms };
    gateway_limits_default(&shell.core.limits);
    shell.core.limits.off = true;
    shell.core.limits.enrol_per_address = options->per_address > 0 ? options->per_address : 10000;
    shell.core.limits.device_per_address = shell.core.limits.enrol_per_address;
    if (options->connections_max > 0)
        shell.core.limits.connections_max = options->connections_max;
    key_pair(gate->enrol_key, shell.listen[GATEWAY_ENROL].secret_key);
    key_pair(gate->device_key, shell.listen[GATEWAY_DEVICE].secret_key);
    NEED(gateway_shell_new(&gate->shell, gate->zmq, &shell, &env, &failure) == ST_OK);
    snprintf(gate->enrol, sizeof gate->enrol, "%s", gateway_shell_bound(gate->shell, GATEWAY_ENROL));
    snprintf(gate->device, sizeof gate->device, "%s", gateway_shell_bound(gate->shell, GATEWAY_DEVICE));
    NEED(pthread_create(&gate->threads[2], NULL, run_gateway, gate) == 0);
}

void gate_close(struct gate *gate)
{
    uint64_t one = 1;
    atomic_store(&gate->stop, true);
    NEED(write(gate->stop_fd, &one, sizeof one) == sizeof one);
    for (int i = 0; i < 3; i++)
        NEED(pthread_join(gate->threads[i], NULL) == 0);
    gateway_shell_free(&gate->shell);
    service_shell_free(&gate->services[0]);
    service_shell_free(&gate->services[1]);
    NEED(zmq_ctx_term(gate->zmq) == 0);
    close(gate->stop_fd);
}

/* ---- clients ---- */

void *gate_client_idle(struct gate *gate, bool device, const uint8_t *secret, const void *rid, size_t rid_len)
{
    uint8_t public_key[32], secret_key[32];
    int zero = 0, interval = 100;
    void *client = zmq_socket(gate->zmq, ZMQ_DEALER);
    NEED(client != NULL);
    key_pair(public_key, secret_key);
    if (secret != NULL) {
        memcpy(secret_key, secret, sizeof secret_key);
        NEED(crypto_scalarmult_curve25519_base(public_key, secret_key) == 0);
    }
    const uint8_t *server = device ? gate->device_key : gate->enrol_key;
    NEED(zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, server, 32) == 0);
    NEED(zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, public_key, 32) == 0);
    NEED(zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, secret_key, 32) == 0);
    NEED(zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof zero) == 0);
    NEED(zmq_setsockopt(client, ZMQ_RECONNECT_IVL, &interval, sizeof interval) == 0);
    if (rid != NULL)
        NEED(zmq_setsockopt(client, ZMQ_ROUTING_ID, rid, rid_len) == 0);
    return client;
}

void gate_connect(struct gate *gate, bool device, void *client)
{
    NEED(zmq_connect(client, device ? gate->device : gate->enrol) == 0);
}

void *gate_client(struct gate *gate, bool device, const uint8_t *secret, const void *rid, size_t rid_len)
{
    void *client = gate_client_idle(gate, device, secret, rid, rid_len);
    gate_connect(gate, device, client);
    return client;
}

void *gate_monitor(struct gate *gate, void *client, int events)
{
    char endpoint[64];
    static atomic_int number;
    snprintf(endpoint, sizeof endpoint, "inproc://client.monitor.%d", atomic_fetch_add(&number, 1));
    NEED(zmq_socket_monitor(client, endpoint, events) == 0);
    void *monitor = zmq_socket(gate->zmq, ZMQ_PAIR);
    NEED(monitor != NULL && zmq_connect(monitor, endpoint) == 0);
    return monitor;
}

int gate_event(void *monitor, int64_t ms)
{
    zmq_pollitem_t item = { .socket = monitor, .events = ZMQ_POLLIN };
    uint8_t event[6];
    char address[256];
    uint16_t number = 0;
    if (zmq_poll(&item, 1, (long)ms) <= 0)
        return 0;
    NEED(zmq_recv(monitor, event, sizeof event, 0) == sizeof event);
    NEED(zmq_recv(monitor, address, sizeof address, 0) >= 0);
    memcpy(&number, event, sizeof number);
    return number;
}

bool gate_say(void *client, enum st_type type, const void *msg)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    NEED(st_frame_write(type, 1, msg, &frame) == ST_OK);
    bool sent = zmq_send(client, frame.p, frame.len, ZMQ_DONTWAIT) >= 0;
    st_buf_free(&frame);
    return sent;
}

int gate_hear(void *client, int64_t ms)
{
    static uint8_t bytes[ST_FRAME_MAX];
    zmq_pollitem_t item = { .socket = client, .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, (long)ms) <= 0)
        return 0;
    int len = zmq_recv(client, bytes, sizeof bytes, 0);
    struct st_frame frame;
    NEED(len >= 0 && st_frame_open(st_view(bytes, (size_t)len), ST_FRAME_MAX, &frame) == ST_OK);
    return frame.type;
}

int gate_hello(void *client, int64_t ms)
{
    struct st_msg_hello hello = { 0 };
    return gate_say(client, ST_HELLO, &hello) ? gate_hear(client, ms) : 0;
}

int gate_tcp(const char *endpoint)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    const char *colon = strrchr(endpoint, ':');
    int64_t port = 0;
    NEED(colon != NULL && st_num_parse(colon + 1, 1, 65535, &port) == ST_OK);
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int64_t gate_closed_after(int fd, int64_t ms)
{
    int64_t start_ms = gate_now_ms();
    while (gate_now_ms() - start_ms < ms) {
        struct pollfd item = { .fd = fd, .events = POLLIN };
        uint8_t bytes[256];
        if (poll(&item, 1, 50) > 0 && recv(fd, bytes, sizeof bytes, 0) <= 0)
            return gate_now_ms() - start_ms;
    }
    return -1;
}

size_t gate_rss(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file != NULL && fscanf(file, "%lu %lu", &total, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

unsigned gate_fds(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    NEED(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}
