#include "services/common/service_shell.h"

#include <errno.h>
#include <stdlib.h>

#include <zmq.h>

#include "lib/st_service.h"

enum {
    TURN_PACKETS = 4096, /* read in one turn, however few a core takes into a batch */
    FRAMES_MAX = 3       /* routing id, hop, frame: a gateway sends no more */
};

struct service_shell {
    struct st_env env;
    struct st_log *log;
    void *router;
    bool terminated;
};

static enum st_err send_failed(void)
{
    return errno == EHOSTUNREACH ? ST_ENOTFOUND : ST_EUNAVAILABLE;
}

static enum st_err send_packet(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                               struct st_view boxes)
{
    struct service_shell *shell = ctx;
    uint8_t head[ST_HOP_ENROL_LEN];
    size_t head_len = st_hop_write(hop, head);
    int more = ZMQ_SNDMORE | ZMQ_DONTWAIT;
    if (zmq_send(shell->router, to->name, strlen(to->name), more) < 0)
        return send_failed();
    /* The rest goes where the name went: it cannot be refused. */
    if (zmq_send(shell->router, head, head_len, more) < 0 ||
        zmq_send(shell->router, frame.p, frame.len, boxes.len > 0 ? more : ZMQ_DONTWAIT) < 0 ||
        (boxes.len > 0 && zmq_send(shell->router, boxes.p, boxes.len, ZMQ_DONTWAIT) < 0))
        return send_failed();
    return ST_OK;
}

struct service_out service_shell_out(struct service_shell *shell)
{
    struct service_out out = { shell, send_packet };
    return out;
}

static bool read_name(zmq_msg_t *frame, struct service_peer *peer)
{
    const char *name = zmq_msg_data(frame);
    size_t len = zmq_msg_size(frame);
    memset(peer, 0, sizeof *peer);
    if (len == 0 || len > SERVICE_PEER_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] < '!' || name[i] > '~')
            return false;
    memcpy(peer->name, name, len);
    return true;
}

/* Takes one packet and gives it to the core. False if none waits. */
static bool read_packet(struct service_shell *shell, const struct service_core *core)
{
    zmq_msg_t frames[FRAMES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        zmq_msg_init(&frames[i]);
    for (bool more = true; more;) {
        zmq_msg_t spare;
        zmq_msg_init(&spare);
        zmq_msg_t *frame = count < FRAMES_MAX ? &frames[count] : &spare;
        if (zmq_msg_recv(frame, shell->router, ZMQ_DONTWAIT) < 0) {
            shell->terminated = shell->terminated || errno == ETERM;
            zmq_msg_close(&spare);
            break; /* at the first frame: the frames of one packet come all or none */
        }
        count++;
        more = zmq_msg_more(frame) != 0;
        zmq_msg_close(&spare);
    }
    struct service_peer from;
    if (count == FRAMES_MAX && read_name(&frames[0], &from))
        core->input(core->core, &from, st_view(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1])),
                    st_view(zmq_msg_data(&frames[2]), zmq_msg_size(&frames[2])));
    else if (count > 0)
        ST_LOG(shell->log, ST_LOG_WARN, "packet_refused", st_log_uint("frames", count));
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        zmq_msg_close(&frames[i]);
    return count > 0;
}

bool service_shell_step(struct service_shell *shell, const struct service_core *core, int fd, int64_t wait_ms)
{
    zmq_pollitem_t items[2] = { { .socket = shell->router, .events = ZMQ_POLLIN }, { .fd = fd, .events = ZMQ_POLLIN } };
    int64_t now = st_env_mono_ms(&shell->env);
    int64_t until_ms = core->next_ms(core->core);
    if (until_ms - now < wait_ms)
        wait_ms = until_ms > now ? until_ms - now : 0;
    if (zmq_poll(items, fd >= 0 ? 2 : 1, (long)wait_ms) < 0 && errno == ETERM)
        shell->terminated = true;
    for (unsigned i = 0; i < TURN_PACKETS && !shell->terminated && read_packet(shell, core); i++)
        if (core->wants_flush(core->core))
            break;
    if (shell->terminated)
        return false;
    core->flush(core->core);
    if (st_env_mono_ms(&shell->env) >= core->next_ms(core->core))
        core->tick(core->core);
    return true;
}

static enum st_err bind_failed(int error)
{
    switch (error) {
    case EADDRINUSE:
        return ST_EEXISTS;
    case EACCES:
        return ST_EREFUSED;
    case EINVAL:
    case EPROTONOSUPPORT:
    case EADDRNOTAVAIL:
    case ENODEV:
        return ST_EMALFORMED;
    case ENOMEM:
        return ST_ENOMEM;
    default:
        return ST_EIO;
    }
}

static int set_options(void *router)
{
    static const struct {
        int name, value;
    } options[] = {
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDTIMEO, 0 },
        { ZMQ_RCVHWM, 1000 },
        { ZMQ_SNDHWM, 12000 }, /* answers to all clients of one gateway */
        { ZMQ_ROUTER_MANDATORY, 1 },
        /* A gateway that reconnects before its old connection was noticed to be dead takes its name along. Only
         * gateways can connect here. */
        { ZMQ_ROUTER_HANDOVER, 1 },
        { ZMQ_HEARTBEAT_IVL, 1000 },
        { ZMQ_HEARTBEAT_TIMEOUT, 3000 },
    };
    int64_t frame_max = ST_FRAME_MAX;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (zmq_setsockopt(router, options[i].name, &options[i].value, sizeof options[i].value) != 0)
            return -1;
    return zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max);
}

enum st_err service_shell_new(struct service_shell **shell_r, void *zmq, const char *endpoint, const struct st_env *env,
                              struct st_log *log)
{
    *shell_r = NULL;
    struct service_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        return ST_ENOMEM;
    shell->env = *env;
    shell->log = log;
    st_service_seed_rand(); /* before the first ROUTER */
    shell->router = zmq_socket(zmq, ZMQ_ROUTER);
    if (shell->router == NULL || set_options(shell->router) != 0 || zmq_bind(shell->router, endpoint) != 0) {
        enum st_err err = bind_failed(errno);
        service_shell_free(&shell);
        return err;
    }
    *shell_r = shell;
    return ST_OK;
}

void service_shell_free(struct service_shell **shell_at)
{
    struct service_shell *shell = *shell_at;
    if (shell == NULL)
        return;
    if (shell->router != NULL)
        zmq_close(shell->router);
    free(shell);
    *shell_at = NULL;
}
