#include "client/shell/client_shell.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>
#include <zmq.h>

#include "client/shell/blob_folder.h"
#include "client/shell/link_socket.h"

struct client_shell {
    struct st_env env;
    void *zmq;
    struct client *client;
    struct blob_folder *blobs;
    struct link_socket links[CLIENT_LINKS];
    int wake_fd;
    void (*event)(void *ctx, const struct client_event *event);
    void *event_ctx;
};

static void on_open(void *ctx, enum client_link link, const struct client_target *target)
{
    struct client_shell *shell = ctx;
    link_socket_close(&shell->links[link]);
    /* A socket that cannot be made shows as a link that never comes up: the operation's time-out tells. */
    if (link_socket_open(&shell->links[link], shell->zmq, target) != ST_OK)
        link_socket_close(&shell->links[link]);
}

static void on_close(void *ctx, enum client_link link)
{
    struct client_shell *shell = ctx;
    link_socket_close(&shell->links[link]);
}

static enum st_err on_send(void *ctx, enum client_link link, struct st_view frame)
{
    struct client_shell *shell = ctx;
    return link_socket_send(&shell->links[link], frame);
}

static void on_event(void *ctx, const struct client_event *event)
{
    struct client_shell *shell = ctx;
    if (shell->event != NULL)
        shell->event(shell->event_ctx, event);
}

static enum st_err on_blob_read(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset, uint8_t *out,
                                size_t *len)
{
    struct client_shell *shell = ctx;
    return blob_folder_read(shell->blobs, id, offset, out, len);
}

static enum st_err on_blob_write(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                                 struct st_view data)
{
    struct client_shell *shell = ctx;
    return blob_folder_write(shell->blobs, id, offset, data);
}

static enum st_err on_blob_sync(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN])
{
    struct client_shell *shell = ctx;
    return blob_folder_sync(shell->blobs, id);
}

static void on_blob_delete(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN])
{
    struct client_shell *shell = ctx;
    blob_folder_delete(shell->blobs, id);
}

enum st_err client_shell_new(struct client_shell **shell_r, const struct client_shell_options *options)
{
    *shell_r = NULL;
    struct client_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        return ST_ENOMEM;
    shell->env = st_env_system();
    shell->wake_fd = options->wake_fd;
    shell->event = options->event;
    shell->event_ctx = options->event_ctx;
    shell->zmq = zmq_ctx_new();
    enum st_err err = shell->zmq == NULL ? ST_EIO : blob_folder_new(&shell->blobs, options->blob_folder);
    struct client_out out = { shell,         on_open,      on_close,       on_send, on_blob_read,
                              on_blob_write, on_blob_sync, on_blob_delete, on_event };
    if (err == ST_OK)
        err = client_new(&shell->client, options->store, options->config, &shell->env, &out);
    if (err != ST_OK)
        client_shell_free(&shell);
    *shell_r = shell;
    return err;
}

void client_shell_free(struct client_shell **shell)
{
    struct client_shell *gone = *shell;
    *shell = NULL;
    if (gone == NULL)
        return;
    client_free(&gone->client);
    for (int i = 0; i < CLIENT_LINKS; i++)
        link_socket_close(&gone->links[i]);
    if (gone->zmq != NULL)
        zmq_ctx_term(gone->zmq);
    blob_folder_free(&gone->blobs);
    free(gone);
}

struct client *client_shell_client(struct client_shell *shell)
{
    return shell->client;
}

enum { FRAMES_PER_TURN = 64 };

/* Hands on what the link has: first its frames, then what its monitor says. A frame that arrived before the link was
 * lost is worth more than the news of the loss. */
static bool drain_link(struct client_shell *shell, enum client_link which)
{
    struct link_socket *link = &shell->links[which];
    bool any = false;
    zmq_msg_t frame;
    for (int i = 0; i < FRAMES_PER_TURN && link_socket_receive(link, &frame); i++) {
        any = true;
        client_frame(shell->client, which, st_view(zmq_msg_data(&frame), zmq_msg_size(&frame)));
        zmq_msg_close(&frame);
    }
    enum client_link_state state;
    while (link_socket_event(link, &state)) {
        any = true;
        if (state == CLIENT_LINK_REFUSED)
            link_socket_close(link);
        client_link_event(shell->client, which, state);
    }
    return any;
}

static bool drain(struct client_shell *shell)
{
    bool any = false;
    for (int i = 0; i < CLIENT_LINKS; i++)
        any |= drain_link(shell, (enum client_link)i);
    return any;
}

/* Waits until something may have come. True: wake_fd is readable. */
static bool wait_for_input(struct client_shell *shell, int64_t until_ms)
{
    zmq_pollitem_t items[2 * CLIENT_LINKS + 1];
    int count = 0;
    for (int i = 0; i < CLIENT_LINKS; i++) {
        struct link_socket *link = &shell->links[i];
        if (link->socket == NULL)
            continue;
        items[count++] = (zmq_pollitem_t) { .socket = link->socket, .events = ZMQ_POLLIN };
        items[count++] = (zmq_pollitem_t) { .socket = link->monitor, .events = ZMQ_POLLIN };
    }
    int wake = -1;
    if (shell->wake_fd >= 0) {
        wake = count;
        items[count++] = (zmq_pollitem_t) { .fd = shell->wake_fd, .events = ZMQ_POLLIN };
    }
    int64_t wait = until_ms - st_env_mono_ms(&shell->env);
    if (wait < 0)
        wait = 0;
    int got = zmq_poll(items, count, (long)wait);
    if (got < 0 && errno == EINTR)
        return shell->wake_fd < 0;
    return got > 0 && wake >= 0 && (items[wake].revents & ZMQ_POLLIN) != 0;
}

enum client_shell_end client_shell_run(struct client_shell *shell, bool (*done)(void *ctx), void *ctx,
                                       int64_t deadline_ms)
{
    for (;;) {
        while (drain(shell) && !done(ctx)) {
        }
        client_tick(shell->client);
        if (done(ctx))
            return CLIENT_SHELL_DONE;
        int64_t now = st_env_mono_ms(&shell->env);
        if (deadline_ms >= 0 && now >= deadline_ms)
            return CLIENT_SHELL_TIMEOUT;
        int64_t until = client_next_ms(shell->client);
        if (deadline_ms >= 0 && deadline_ms < until)
            until = deadline_ms;
        if (wait_for_input(shell, until))
            return CLIENT_SHELL_WOKEN;
    }
}
