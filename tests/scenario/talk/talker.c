/* A client without a screen, for scenarios: the real engine on real sockets over a real account. It sends N numbered
 * texts to one peer, at a pace, and takes what comes, until all of its own are delivered and all of the peer's are
 * shown. It may be killed at any time: started again, it goes on where its store stands.
 *
 *   safetalk-talker FOLDER PEER COUNT PACE_MS < password */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/shell/client_shell.h"
#include "client/store/vault.h"

struct talker {
    struct st_env env;
    struct store *store;
    struct client_shell *shell;
    const char *peer;
    unsigned count; /* texts to send, and to be shown */
    int64_t pace_ms;
    int64_t next_ms;
    bool sending;
    char text[64];
    struct client_outgoing outgoing;
};

struct counts {
    unsigned sent, delivered, shown;
};

static enum st_err count_message(void *ctx, const struct store_message *message)
{
    struct counts *counts = ctx;
    if (message->direction == STORE_IN) {
        counts->shown++;
    } else {
        counts->sent++;
        counts->delivered += message->state >= STORE_STATE_DELIVERED;
    }
    return ST_OK;
}

static struct counts count(struct talker *talker)
{
    struct counts counts = { 0 };
    struct store_chat chat;
    if (store_chat_find_name(talker->store, STORE_CHAT_PERSON, talker->peer, &chat) != ST_OK)
        return counts;
    struct store_message_query query = { .chat = chat.id };
    if (store_message_each(talker->store, &query, count_message, &counts) != ST_OK)
        fputs("the chat does not read\n", stderr);
    return counts;
}

static void on_sent(void *ctx, const struct client_result *result)
{
    struct talker *talker = ctx;
    talker->sending = false;
    if (result->reason != CLIENT_OK)
        fprintf(stderr, "send: reason %d %s\n", result->reason, result->detail);
}

static void send_next(struct talker *talker, unsigned number)
{
    snprintf(talker->text, sizeof talker->text, "number %u", number);
    talker->outgoing = (struct client_outgoing) { .to = talker->peer, .text = st_view_text(talker->text) };
    talker->sending = true;
    talker->next_ms = st_env_mono_ms(&talker->env) + talker->pace_ms;
    client_send(client_shell_client(talker->shell), &talker->outgoing, on_sent, talker);
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

/* One turn of the loop; true when everything is done. */
static bool turn(struct talker *talker)
{
    struct client *client = client_shell_client(talker->shell);
    int64_t now = st_env_mono_ms(&talker->env);
    client_go_online(client);
    client_shell_run(talker->shell, never, NULL, now + (talker->pace_ms < 50 ? talker->pace_ms : 50));
    struct counts counts = count(talker);
    if (!talker->sending && counts.sent < talker->count && st_env_mono_ms(&talker->env) >= talker->next_ms)
        send_next(talker, counts.sent + 1);
    return counts.delivered >= talker->count && counts.shown >= talker->count && client_is_settled(client);
}

static int run(struct talker *talker, const char *folder)
{
    char blobs[4096], password[128] = "";
    if (fgets(password, sizeof password, stdin) == NULL)
        return 2;
    password[strcspn(password, "\n")] = '\0';
    snprintf(blobs, sizeof blobs, "%s/blobs", folder);
    enum st_err err = vault_open(&talker->store, folder, st_view_text(password), STORE_READ_WRITE, &talker->env);
    struct client_config config = client_config_default();
    struct client_shell_options options = {
        .store = talker->store, .blob_folder = blobs, .config = &config, .wake_fd = -1
    };
    if (err == ST_OK)
        err = client_shell_new(&talker->shell, &options);
    if (err != ST_OK) {
        fprintf(stderr, "talker: %s\n", st_err_text(err));
        store_close(&talker->store);
        return 1;
    }
    while (!turn(talker)) {
    }
    client_shell_free(&talker->shell);
    store_close(&talker->store);
    puts("done");
    return 0;
}

int main(int argc, char **argv)
{
    struct talker talker = { .env = st_env_system() };
    if (argc != 5 || sodium_init() < 0) {
        fputs("usage: safetalk-talker FOLDER PEER COUNT PACE_MS < password\n", stderr);
        return 2;
    }
    talker.peer = argv[2];
    talker.count = (unsigned)strtoul(argv[3], NULL, 10);
    talker.pace_ms = (int64_t)strtol(argv[4], NULL, 10);
    return run(&talker, argv[1]);
}
