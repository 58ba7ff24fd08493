/* What the engine and the store report, in the words of the table of errors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/session.h"
#include "lib/st_file.h"
#include "lib/st_nearest.h"

enum { SENTENCE_BYTES = 512 };

/* What a row needs besides the result. */
struct subject {
    struct session *session;
    struct cmd *cmd;
    const struct client_result *result;
    const char *who;
};

static enum exit_code unreachable(const struct subject *s)
{
    char why[SENTENCE_BYTES];
    int64_t seconds = s->cmd->settings.file.timeout_ms / 1000;
    (void)snprintf(why, sizeof why, "%s gave no answer in %" PRId64 " s", s->session->account.host, seconds);
    return CLI_ERROR(&s->cmd->error, CLI_UNREACHABLE, s->session->place, why, s->cmd->typed);
}

static enum exit_code wrong_key(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_WRONG_SERVER_KEY, s->session->place);
}

static const char *sentence_or(const struct subject *s, const char *otherwise)
{
    return s->result->detail[0] != '\0' ? s->result->detail : otherwise;
}

static enum exit_code unavailable(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_SERVER_BUSY, s->session->place,
                     sentence_or(s, "the server asks to come again later"), s->cmd->typed);
}

static enum exit_code rate_limited(const struct subject *s)
{
    char when[64] = "a little later";
    if (s->result->retry_after_s > 0)
        (void)snprintf(when, sizeof when, "in %" PRIu64 " s", s->result->retry_after_s);
    enum exit_code code = CLI_ERROR(&s->cmd->error, CLI_RATE_LIMITED, "the server was asked", when, s->cmd->typed);
    if (s->result->retry_after_s > 0 && s->result->retry_after_s < INT64_MAX)
        s->cmd->error.retry_after_s = (int64_t)s->result->retry_after_s;
    return code;
}

static enum exit_code wrong_password(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_WRONG_PASSWORD, s->session->shown,
                     "the server does not take it; it was not sent there", s->cmd->typed);
}

static enum exit_code revoked(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_DEVICE_REVOKED, s->session->shown, s->session->account.name);
}

static enum exit_code disabled(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_ACCOUNT_DISABLED, s->session->shown);
}

/* The name without its sigil, for commands. */
static const char *bare(const char *who)
{
    return who[0] == '@' ? who + 1 : who[0] != '\0' ? who : "NAME";
}

/* The contact whose name is nearest to what was typed; name[0] is 0 if none is near. */
struct near {
    const char *typed;
    char name[ST_NAME_LOGIN_MAX + 1];
    unsigned distance;
};

enum { NEAR_MAX = 2 /* letters */ };

static enum st_err offer_contact(void *ctx, const struct store_contact *contact)
{
    struct near *near = ctx;
    unsigned distance = st_nearest_distance(near->typed, contact->name);
    if (distance > 0 && distance < near->distance) {
        near->distance = distance;
        (void)snprintf(near->name, sizeof near->name, "%s", contact->name);
    }
    return ST_OK;
}

static enum exit_code no_such_user(const struct subject *s)
{
    char hint[ST_NAME_LOGIN_MAX + 32] = "";
    struct near near = { bare(s->who), "", NEAR_MAX + 1 };
    /* A hint only: a store that cannot be read has been reported by what came before. */
    if (store_contact_each(s->session->store, offer_contact, &near) != ST_OK)
        near.name[0] = '\0';
    if (near.name[0] != '\0')
        (void)snprintf(hint, sizeof hint, "; you know @%s", near.name);
    return CLI_ERROR(&s->cmd->error, CLI_NO_SUCH_USER, s->who, hint, near.name[0] != '\0' ? near.name : bare(s->who));
}

static enum exit_code key_changed(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_KEY_CHANGED, s->who);
}

static enum exit_code list_untrusted(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_NOT_TRUSTED, s->who[0] != '\0' ? s->who : s->session->shown,
                     "its list of devices does not verify, or contradicts the one we hold; nothing was sent",
                     s->cmd->typed);
}

static enum exit_code no_device(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_NOT_TRUSTED, s->who,
                     "no device of it can be written to: none offers valid keys; nothing was sent", s->cmd->typed);
}

static enum exit_code blocked(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_NOT_ALLOWED, "writing to somebody you blocked", "nothing was sent",
                     "safetalk chats");
}

static enum exit_code mailbox_full(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_MAILBOX_FULL, s->who);
}

static enum exit_code quota(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_QUOTA, "the room for your files at the server",
                     sentence_or(s, "files are kept for 30 days"), s->cmd->typed);
}

static enum exit_code name_taken(const struct subject *s)
{
    const char *server = s->cmd->settings.server != NULL ? s->cmd->settings.server : "ADDR";
    char quoted[QUOTE_LINE_BYTES] = "";
    const char *invite = args_text(&s->cmd->args, FLAG_INVITE);
    if (quote_append(quoted, sizeof quoted, server) != 0)
        (void)snprintf(quoted, sizeof quoted, "ADDR");
    return CLI_ERROR(&s->cmd->error, CLI_NAME_TAKEN, s->session->account.name, quoted,
                     invite != NULL ? invite : "CODE");
}

static enum exit_code invite_needed(const struct subject *s)
{
    char next[QUOTE_LINE_BYTES + 32];
    (void)snprintf(next, sizeof next, "%s --invite CODE", s->cmd->typed);
    return CLI_ERROR(&s->cmd->error, CLI_INVITE_NEEDED, next);
}

static enum exit_code invite_unknown(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_INVITE_UNKNOWN, "ask whoever gave it for another");
}

static enum exit_code invite_used(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_INVITE_USED, sentence_or(s, "all its accounts were made"));
}

static enum exit_code invite_expired(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_INVITE_EXPIRED, sentence_or(s, "its time is over"));
}

static enum exit_code registration_closed(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_REGISTRATION_CLOSED, s->session->place);
}

static enum exit_code not_allowed(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_NOT_ALLOWED, "that", sentence_or(s, "the server refuses it"),
                     "safetalk status");
}

static enum exit_code not_found(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_NO_SUCH_ATTACHMENT, s->who,
                     "the server has it no more; files are kept for 30 days", "ask the sender to send it again");
}

static enum exit_code damaged(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_ATTACHMENT_DAMAGED, s->who,
                     "its digest or its end is wrong; nothing was saved", s->cmd->typed);
}

static enum exit_code too_large(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_TEXT_LENGTH, "too many", "65,000", "the same in several messages");
}

static enum exit_code busy(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_UNEXPECTED, "begin", "the same operation is running already", s->cmd->typed);
}

static enum exit_code protocol(const struct subject *s)
{
    return CLI_ERROR(&s->cmd->error, CLI_UNEXPECTED, "understand the server", "its answer breaks the protocol",
                     s->cmd->typed);
}

static enum exit_code store_failed(const struct subject *s)
{
    return session_store_error(s->session, s->result->store);
}

typedef enum exit_code (*subject_fn)(const struct subject *subject);

static const subject_fn REASONS[] = {
    [CLIENT_BUSY] = busy,
    [CLIENT_UNREACHABLE] = unreachable,
    [CLIENT_WRONG_SERVER_KEY] = wrong_key,
    [CLIENT_UNAVAILABLE] = unavailable,
    [CLIENT_RATE_LIMITED] = rate_limited,
    [CLIENT_WRONG_PASSWORD] = wrong_password,
    [CLIENT_DEVICE_REVOKED] = revoked,
    [CLIENT_ACCOUNT_DISABLED] = disabled,
    [CLIENT_NO_SUCH_USER] = no_such_user,
    [CLIENT_KEY_CHANGED] = key_changed,
    [CLIENT_LIST_UNTRUSTED] = list_untrusted,
    [CLIENT_NO_DEVICE] = no_device,
    [CLIENT_MAILBOX_FULL] = mailbox_full,
    [CLIENT_QUOTA] = quota,
    [CLIENT_NAME_TAKEN] = name_taken,
    [CLIENT_INVITE_REQUIRED] = invite_needed,
    [CLIENT_INVITE_UNKNOWN] = invite_unknown,
    [CLIENT_INVITE_USED] = invite_used,
    [CLIENT_INVITE_EXPIRED] = invite_expired,
    [CLIENT_REGISTRATION_CLOSED] = registration_closed,
    [CLIENT_NOT_ALLOWED] = not_allowed,
    [CLIENT_NOT_FOUND] = not_found,
    [CLIENT_DAMAGED] = damaged,
    [CLIENT_TOO_LARGE] = too_large,
    [CLIENT_BLOCKED] = blocked,
    [CLIENT_PROTOCOL] = protocol,
    [CLIENT_STORE] = store_failed,
};

enum exit_code session_error(struct session *session, const struct client_result *result, const char *who)
{
    struct subject subject = { session, session->cmd, result, who };
    size_t reason = (size_t)result->reason;
    if (reason < sizeof REASONS / sizeof REASONS[0] && REASONS[reason] != NULL)
        return REASONS[reason](&subject);
    return CLI_ERROR(&session->cmd->error, CLI_UNEXPECTED, "do that", "the engine gives no reason",
                     session->cmd->typed);
}

/* A database that does not open although its key is right. One that is not encrypted is not ours; otherwise it is
 * damaged or newer. */
static enum exit_code foreign_db(struct session *session)
{
    static const char plain[] = "SQLite format 3";
    char path[PATHS_MAX];
    char head[sizeof plain] = "";
    FILE *file = paths_join(path, session->folder, "store.db") == ST_OK ? fopen(path, "rb") : NULL;
    size_t got = file != NULL ? fread(head, 1, sizeof head, file) : 0;
    if (file != NULL)
        (void)fclose(file); /* only read */
    if (got < sizeof head || memcmp(head, plain, sizeof plain) == 0)
        return CLI_ERROR(&session->cmd->error, CLI_FOREIGN_DB, "store.db");
    return CLI_ERROR(&session->cmd->error, CLI_CORRUPT_DB, "store.db",
                     "damaged, or written by a newer version; it was not touched");
}

enum exit_code session_store_error(struct session *session, enum st_err err)
{
    struct cmd *cmd = session->cmd;
    char room[ST_FILE_FREE_TEXT_SIZE];
    switch (err) {
    case ST_EFULL:
        st_file_free_text(room, session->folder);
        return CLI_ERROR(&cmd->error, CLI_DISK_FULL, room, session->folder, "; un-acked messages come again",
                         cmd->typed);
    case ST_EFOREIGN:
        return foreign_db(session);
    case ST_EINTEGRITY:
        return CLI_ERROR(&cmd->error, CLI_CORRUPT_DB, "store.db", "a page does not verify");
    case ST_ENOMEM:
        return CLI_ERROR(&cmd->error, CLI_NO_MEMORY, "");
    default:
        return CLI_ERROR(&cmd->error, CLI_UNEXPECTED, "use the account's database", st_err_text(err), cmd->typed);
    }
}
