/* `receive`: hands the outbox over, prints what waits, acks what was printed. */
#include "client/cli/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

static const char CONSUMER[] = "default";

enum {
    BATCH = 64,     /* events printed between two acks */
    PEOPLE_MAX = 32 /* unverified senders that are named once */
};

struct receiving {
    struct session session;
    struct show *show;
    bool news;        /* the store has something new */
    uint64_t printed; /* the number of the newest event that was printed */
    size_t count;     /* events printed in this batch */
    size_t total;
    bool output_failed;
    char unverified[PEOPLE_MAX][SHOW_NAME_BYTES];
    size_t unverified_count;
    size_t unverified_said;
};

static void on_event(void *ctx, const struct client_event *event)
{
    struct receiving *receiving = ctx;
    if (event->kind == CLIENT_EVENT_SHOWN || event->kind == CLIENT_EVENT_STATE)
        receiving->news = true;
}

/* Remembers a sender whose number nobody has compared. */
static void note_unverified(struct receiving *receiving, const struct record *record)
{
    const struct record_message *message = &record->as.message;
    if (record->kind != RECORD_MESSAGE || message->trust == NULL || strcmp(message->trust, "unverified") != 0 ||
        strcmp(message->direction, "in") != 0)
        return;
    for (size_t i = 0; i < receiving->unverified_count; i++)
        if (strcmp(receiving->unverified[i], message->from) == 0)
            return;
    if (receiving->unverified_count < PEOPLE_MAX)
        (void)snprintf(receiving->unverified[receiving->unverified_count++], SHOW_NAME_BYTES, "%s", message->from);
}

/* Once for each, after what they wrote. */
static void say_unverified(struct receiving *receiving)
{
    while (receiving->unverified_said < receiving->unverified_count) {
        char text[192];
        const char *name = receiving->unverified[receiving->unverified_said++];
        (void)snprintf(text, sizeof text, "%s is unverified. Compare numbers when you can: safetalk key show %s", name,
                       name);
        output_notice(&receiving->session.cmd->out, "unverified", name, text);
    }
}

static enum st_err print_event(void *ctx, const struct store_event *event)
{
    struct receiving *receiving = ctx;
    struct record record;
    enum st_err err = show_event(receiving->show, event, &record);
    if (err == ST_OK) {
        note_unverified(receiving, &record);
        err = output_record(&receiving->session.cmd->out, &record);
        receiving->output_failed = err != ST_OK;
    } else if (err == ST_ENOTFOUND) {
        err = ST_OK; /* what it spoke of was deleted: nothing is left to print */
    }
    if (err == ST_OK) {
        receiving->printed = event->number;
        receiving->count++;
        receiving->total++;
    }
    return err;
}

static enum st_err ack(struct receiving *receiving)
{
    struct store *store = receiving->session.store;
    enum st_err err = store_begin(store);
    if (err == ST_OK)
        err = store_event_ack(store, CONSUMER, receiving->printed);
    if (err == ST_OK)
        return store_commit(store);
    store_rollback(store);
    return err;
}

/* Prints and acks all that waits in the store. */
static enum exit_code print_all(struct receiving *receiving)
{
    struct session *session = &receiving->session;
    do {
        receiving->count = 0;
        enum st_err err = store_event_each(session->store, CONSUMER, BATCH, print_event, receiving);
        enum st_err acked = receiving->count > 0 ? ack(receiving) : ST_OK;
        if (receiving->output_failed)
            return cmd_written(err);
        if (err == ST_OK)
            err = acked;
        if (err != ST_OK)
            return session_store_error(session, err);
    } while (receiving->count == BATCH && interrupt_signal() == 0);
    say_unverified(receiving);
    return EXIT_CODE_DONE;
}

static bool has_news(void *ctx)
{
    const struct receiving *receiving = ctx;
    return receiving->news;
}

static bool is_settled(void *ctx)
{
    const struct receiving *receiving = ctx;
    return receiving->news || client_is_settled(receiving->session.client);
}

/* Runs until nothing waits any more, printing what comes. */
static enum exit_code take_all(struct receiving *receiving)
{
    struct session *session = &receiving->session;
    for (;;) {
        receiving->news = false;
        int64_t deadline_ms = session_deadline(session, session->cmd->settings.file.timeout_ms);
        enum client_shell_end end = session_run(session, is_settled, receiving, deadline_ms);
        enum exit_code code = print_all(receiving);
        if (code != EXIT_CODE_DONE)
            return code;
        if (end == CLIENT_SHELL_WOKEN)
            return session_interrupted(session, "what was not printed comes again");
        if (client_is_settled(session->client) && !receiving->news)
            return EXIT_CODE_DONE;
        if (end == CLIENT_SHELL_TIMEOUT || session_is_hopeless(session))
            return session_connect(session); /* says why, or that it is online and merely slow */
    }
}

/* Listens until `deadline_ms` (negative: for ever), printing what comes. */
static enum exit_code listen(struct receiving *receiving, int64_t deadline_ms)
{
    struct session *session = &receiving->session;
    for (;;) {
        receiving->news = false;
        enum client_shell_end end = session_run(session, has_news, receiving, deadline_ms);
        enum exit_code code = print_all(receiving);
        if (code == EXIT_CODE_DONE)
            code = cmd_written(output_flush(&session->cmd->out));
        if (code != EXIT_CODE_DONE || end == CLIENT_SHELL_TIMEOUT)
            return code;
        if (end == CLIENT_SHELL_WOKEN)
            return session_interrupted(session, "what was not printed comes again");
        if (session_is_hopeless(session))
            return session_connect(session);
    }
}

static enum exit_code receive(struct receiving *receiving)
{
    struct session *session = &receiving->session;
    struct cmd *cmd = session->cmd;
    bool follow = args_has(&cmd->args, FLAG_FOLLOW);
    session->on_event = on_event;
    session->on_event_ctx = receiving;
    enum exit_code code = print_all(receiving);
    if (code == EXIT_CODE_DONE)
        code = session_connect(session);
    if (code == EXIT_CODE_UNREACHABLE && follow) {
        /* It will be tried for as long as it takes. */
        output_error(&cmd->out, &cmd->error);
        cli_error_clear(&cmd->error);
        code = EXIT_CODE_DONE;
    } else if (code == EXIT_CODE_DONE) {
        code = take_all(receiving);
    }
    if (code == EXIT_CODE_DONE && (follow || cmd->settings.listen_ms > 0))
        code = listen(receiving, follow ? -1 : session_deadline(session, cmd->settings.listen_ms));
    if (code == EXIT_CODE_DONE && receiving->total == 0 && args_has(&cmd->args, FLAG_FAIL_EMPTY))
        return CLI_ERROR(&cmd->error, CLI_NOTHING, "safetalk receive --follow");
    return code;
}

enum exit_code cmd_receive(struct cmd *cmd)
{
    struct receiving receiving;
    memset(&receiving, 0, sizeof receiving);
    enum exit_code code = session_open(&receiving.session, cmd);
    if (code == EXIT_CODE_DONE) {
        receiving.show = show_new(&receiving.session);
        code = receiving.show != NULL ? receive(&receiving) : session_store_error(&receiving.session, ST_ENOMEM);
    }
    show_free(&receiving.show);
    session_close(&receiving.session);
    return code;
}
