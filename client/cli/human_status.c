/* The lines of `status`. */
#include <inttypes.h>
#include <stdio.h>

#include "client/cli/human_parts.h"
#include "client/cli/when.h"

static void pair(struct human *h, const char *name, const char *value)
{
    char padded[32];
    (void)snprintf(padded, sizeof padded, "  %-12s  ", name);
    human_put(h, padded);
    human_put_clean(h, value);
    human_put(h, "\n");
}

static void pair_bytes(struct human *h, const char *name, int64_t bytes)
{
    char text[HUMAN_BYTES_TEXT];
    if (bytes <= 0)
        return;
    human_bytes(text, bytes);
    pair(h, name, text);
}

static void status_policy(struct human *h, const struct record_policy *policy)
{
    char text[WHEN_TEXT_BYTES];
    if (policy->registration != NULL)
        pair(h, "registration", policy->registration);
    if (policy->retention_s > 0) {
        when_span(text, policy->retention_s * 1000);
        pair(h, "kept", text);
    }
    pair_bytes(h, "mailbox", policy->mailbox_bytes);
    pair_bytes(h, "files", policy->blob_bytes);
}

void human_status(struct human *h, const struct record *record)
{
    const struct record_status *status = &record->as.status;
    char text[128];
    char at[WHEN_TEXT_BYTES] = "";
    human_put_styled(h, HUMAN_BOLD, status->account);
    human_put(h, " at ");
    human_put_clean(h, status->server);
    human_put(h, "\n");
    if (status->synced_at != RECORD_NONE)
        when_short(at, status->synced_at, h->now_ms);
    (void)snprintf(text, sizeof text, "%s%s%s", status->connected ? "yes" : "no",
                   at[0] != '\0' ? ", last in step " : "", at);
    pair(h, "connected", text);
    pair(h, "device", status->device_id);
    (void)snprintf(text, sizeof text, "%" PRId64, status->unread);
    pair(h, "unread", text);
    (void)snprintf(text, sizeof text, "%" PRId64, status->outbox);
    pair(h, "outbox", text);
    (void)snprintf(text, sizeof text, "%" PRId64 " at the server; %" PRId64 " chats began without one", status->prekeys,
                   status->no_opk_count);
    pair(h, "prekeys", text);
    if (status->holder_pid != RECORD_NONE) {
        (void)snprintf(text, sizeof text, "pid %" PRId64, status->holder_pid);
        pair(h, "held by", text);
    }
    status_policy(h, &status->policy);
}
