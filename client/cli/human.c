#include "client/cli/human.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/cli/human_parts.h"
#include "client/cli/sanitize.h"
#include "client/cli/target.h"
#include "client/cli/when.h"

enum { CELL_MAX = 4096, PREVIEW_COLUMNS = 60 };

static const char DIM[] = "2";
static const char RED[] = "31";

void human_bytes(char out[static HUMAN_BYTES_TEXT], int64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB" };
    if (bytes < 1000) {
        (void)snprintf(out, HUMAN_BYTES_TEXT, "%" PRId64 " B", bytes);
        return;
    }
    size_t unit = 0;
    int64_t scale = 1000;
    while (unit < 3 && bytes >= scale * 1000) {
        scale *= 1000;
        unit++;
    }
    int64_t tenths = (bytes + scale / 20) / (scale / 10);
    (void)snprintf(out, HUMAN_BYTES_TEXT, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10, units[unit]);
}

void human_id(char out[static HUMAN_ID_TEXT], const char *id)
{
    const char *text = id != NULL ? id : "";
    size_t digits = strcspn(text, ".");
    size_t shown = digits < TARGET_ID_DIGITS_SHOWN ? digits : TARGET_ID_DIGITS_SHOWN;
    (void)snprintf(out, HUMAN_ID_TEXT, "%.*s%.4s", (int)shown, text, text + digits);
}

void human_put(struct human *h, const char *text)
{
    (void)st_buf_append(h->out, text, strlen(text));
}

void human_put_clean(struct human *h, const char *text)
{
    if (text != NULL)
        sanitize_append(h->out, st_view_text(text), SANITIZE_LINE, h->ascii);
}

static void style(struct human *h, const char *code)
{
    if (!h->color)
        return;
    human_put(h, "\x1b[");
    human_put(h, code);
    human_put(h, "m");
}

void human_put_styled(struct human *h, const char *code, const char *text)
{
    style(h, code);
    human_put_clean(h, text);
    style(h, "0");
}

static void put_indent(struct human *h)
{
    for (int i = 0; i < HUMAN_PART_INDENT; i++)
        human_put(h, " ");
}

/* A cell of the table, cleaned. */
static void cell(struct human *h, const char *text)
{
    struct st_buf clean;
    st_buf_init(&clean, CELL_MAX);
    if (text != NULL)
        sanitize_append(&clean, st_view_text(text), SANITIZE_LINE, h->ascii);
    layout_table_cell(h->table, st_buf_view(&clean));
    st_buf_wipe_free(&clean);
}

static void cell_count(struct human *h, int64_t count, const char *one, const char *many)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%" PRId64 " %s", count, count == 1 ? one : many);
    cell(h, text);
}

/* `        9f3c21aa.1  harbour.png  image/png  3.0 MB` */
static void part_line(struct human *h, const struct record_part *part)
{
    char id[HUMAN_ID_TEXT];
    char size[HUMAN_BYTES_TEXT];
    human_id(id, part->id);
    human_bytes(size, part->bytes);
    put_indent(h);
    human_put_clean(h, id);
    human_put(h, "  ");
    human_put_clean(h, part->name);
    human_put(h, "  ");
    human_put_clean(h, part->mime);
    human_put(h, "  ");
    human_put(h, size);
    if (part->path != NULL) {
        human_put(h, "  ");
        human_put_clean(h, part->path);
    }
    human_put(h, "\n");
}

static void day_line(struct human *h, int64_t at_ms)
{
    char day[WHEN_TEXT_BYTES];
    when_day(day, at_ms);
    if (!h->days || strcmp(day, h->last_day) == 0)
        return;
    (void)snprintf(h->last_day, sizeof h->last_day, "%s", day);
    style(h, HUMAN_BOLD);
    human_put(h, day);
    style(h, "0");
    human_put(h, "\n");
}

/* What stands for a text that is not there or cannot be shown; NULL: the text itself. */
static const char *in_place_of_text(const struct record_message *message)
{
    if (message->deleted == 1)
        return "<deleted>";
    if (message->kind != NULL && strcmp(message->kind, "unknown") == 0)
        return "<needs a newer version of safetalk>";
    return NULL;
}

static void message_text(struct human *h, const struct record_message *message, size_t column)
{
    struct st_buf clean;
    struct layout layout = { column, column, h->width };
    const char *instead = in_place_of_text(message);
    const char *text = instead != NULL ? instead : message->text;
    if (text == NULL || text[0] == '\0')
        return;
    if (h->width > 0 && column > h->width / 2)
        layout.indent = HUMAN_TEXT_INDENT_MIN;
    st_buf_init(&clean, (strlen(text) + 1) * SANITIZE_GROWTH_MAX);
    sanitize_append(&clean, st_view_text(text), SANITIZE_MESSAGE, h->ascii);
    human_put(h, "  ");
    layout_wrap(h->out, st_buf_view(&clean), &layout);
    if (st_buf_error(&clean) != ST_OK && st_buf_error(h->out) == ST_OK)
        h->out->err = st_buf_error(&clean);
    st_buf_wipe_free(&clean);
}

static void message_lines(struct human *h, const struct record *record)
{
    const struct record_message *message = &record->as.message;
    char clock[WHEN_TEXT_BYTES];
    char id[HUMAN_ID_TEXT];
    bool came = message->direction != NULL && strcmp(message->direction, "in") == 0;
    int64_t at_ms = came && message->received_at != RECORD_NONE ? message->received_at : message->sent_at;
    day_line(h, at_ms);
    when_clock(clock, at_ms);
    human_id(id, message->id);
    human_put_styled(h, DIM, clock);
    human_put(h, "  ");
    human_put_styled(h, HUMAN_BOLD, message->from);
    human_put(h, "  ");
    human_put_styled(h, DIM, id);
    size_t from_width = message->from != NULL ? layout_width(st_view_text(message->from)) : 0;
    message_text(h, message, strlen(clock) + from_width + strlen(id) + 6);
    human_put(h, "\n");
    for (size_t i = 0; i < message->attachments.count; i++)
        part_line(h, &message->attachments.items[i]);
}

static void state_line(struct human *h, const char *state, const char *id, const char *who)
{
    char shown[HUMAN_ID_TEXT];
    human_id(shown, id);
    bool failed = state != NULL && strcmp(state, "failed") == 0;
    if (failed)
        human_put_styled(h, RED, state);
    else
        human_put_clean(h, state);
    human_put(h, "  ");
    human_put_clean(h, shown);
    human_put(h, "  ");
    human_put_clean(h, who);
    human_put(h, "\n");
}

static void sent_line(struct human *h, const struct record *record)
{
    state_line(h, record->as.sent.state, record->as.sent.id, record->as.sent.to);
}

static void receipt_line(struct human *h, const struct record *record)
{
    state_line(h, record->as.receipt.state, record->as.receipt.id, record->as.receipt.by);
}

static void gap_line(struct human *h, const struct record *record)
{
    const struct record_gap *gap = &record->as.gap;
    char text[64];
    (void)snprintf(text, sizeof text, "%" PRId64 " message%s from ", gap->count, gap->count == 1 ? "" : "s");
    put_indent(h);
    human_put(h, text);
    human_put_clean(h, gap->from);
    human_put(h, gap->count == 1 ? " is missing" : " are missing");
    if (gap->after_at != RECORD_NONE && gap->before_at != RECORD_NONE) {
        char after[WHEN_TEXT_BYTES];
        char before[WHEN_TEXT_BYTES];
        when_clock(after, gap->after_at);
        when_clock(before, gap->before_at);
        (void)snprintf(text, sizeof text, " between %.16s and %.16s", after, before);
        human_put(h, text);
    }
    human_put(h, gap->asked_at == RECORD_NONE ? ".\n" : "; asked again.\n");
}

static void notice_line(struct human *h, const struct record *record)
{
    human_put_clean(h, record->as.notice.text);
    human_put(h, "\n");
}

/* As much of a text as a list has room for, in one line. */
static void cell_preview(struct human *h, const char *text)
{
    struct st_buf clean;
    size_t len = text != NULL ? strlen(text) : 0;
    const char *newline = text != NULL ? strchr(text, '\n') : NULL;
    bool cut = newline != NULL;
    if (cut)
        len = (size_t)(newline - text);
    if (len > CELL_MAX / SANITIZE_GROWTH_MAX) {
        len = CELL_MAX / SANITIZE_GROWTH_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
        cut = true;
    }
    st_buf_init(&clean, CELL_MAX);
    sanitize_append(&clean, st_view(text, len), SANITIZE_LINE, h->ascii);
    size_t fits = layout_fit(st_buf_view(&clean), PREVIEW_COLUMNS);
    cut = cut || fits < clean.len;
    clean.len = fits;
    if (cut)
        (void)st_buf_append(&clean, h->ascii ? "..." : "\xE2\x80\xA6", 3);
    layout_table_cell(h->table, st_buf_view(&clean));
    st_buf_wipe_free(&clean);
}

static void chat_row(struct human *h, const struct record *record)
{
    const struct record_chat *chat = &record->as.chat;
    char at[WHEN_TEXT_BYTES] = "";
    cell(h, chat->chat);
    if (chat->unread > 0)
        cell_count(h, chat->unread, "new", "new");
    else
        cell(h, "");
    if (chat->last_at != RECORD_NONE)
        when_short(at, chat->last_at, h->now_ms);
    cell(h, at);
    cell_preview(h, chat->last_text);
    layout_table_row(h->table);
}

static void account_row(struct human *h, const struct record *record)
{
    const struct record_account *account = &record->as.account;
    cell(h, account->name);
    cell(h, account->server);
    cell(h, account->note != NULL ? account->note : account->is_default ? "default" : "");
    layout_table_row(h->table);
}

static void contact_row(struct human *h, const struct record *record)
{
    const struct record_contact *contact = &record->as.contact;
    cell(h, contact->name);
    cell(h, contact->trust);
    cell(h, contact->relation != NULL && strcmp(contact->relation, "none") != 0 ? contact->relation : "");
    cell_count(h, contact->devices, "device", "devices");
    cell(h, contact->nickname);
    layout_table_row(h->table);
}

/* Twelve groups of five digits, six a line. */
static void safety_number_lines(struct human *h, const struct record *record)
{
    const struct record_safety_number *number = &record->as.safety_number;
    if (number->result != NULL) {
        bool match = strcmp(number->result, "match") == 0;
        human_put_styled(h, match ? HUMAN_BOLD : RED, match ? "verified" : "DOES NOT MATCH");
        human_put(h, "  ");
        human_put_clean(h, number->contact);
        human_put(h, "\n");
        return;
    }
    if (number->contact != NULL) {
        human_put_clean(h, number->contact);
        human_put(h, "  ");
        human_put_clean(h, number->trust);
        human_put(h, "\n");
    }
    const char *digits = number->digits != NULL ? number->digits : "";
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        char digit[2] = { digits[i], '\0' };
        human_put_clean(h, digit);
        if ((i + 1) % 30 == 0 || i + 1 == len)
            human_put(h, "\n");
        else if ((i + 1) % 5 == 0)
            human_put(h, " ");
    }
}

static void outbox_row(struct human *h, const struct record *record)
{
    const struct record_outbox *item = &record->as.outbox;
    char id[HUMAN_ID_TEXT];
    char next[WHEN_TEXT_BYTES + 16] = "";
    human_id(id, item->id);
    cell(h, item->state);
    cell(h, id);
    cell(h, item->to);
    cell_count(h, item->attempts, "try", "tries");
    if (item->next_try_at != RECORD_NONE) {
        char at[WHEN_TEXT_BYTES];
        when_short(at, item->next_try_at, h->now_ms);
        (void)snprintf(next, sizeof next, "next %s", at);
    }
    cell(h, next);
    cell(h, item->reason);
    layout_table_row(h->table);
}

static void attachment_line(struct human *h, const struct record *record)
{
    const struct record_attachment *file = &record->as.attachment;
    char id[HUMAN_ID_TEXT];
    char size[HUMAN_BYTES_TEXT];
    human_id(id, file->id);
    human_bytes(size, file->bytes);
    human_put(h, file->path != NULL ? "saved  " : "");
    human_put_clean(h, id);
    human_put(h, "  ");
    human_put_clean(h, file->path != NULL ? file->path : file->name);
    human_put(h, "  ");
    human_put_clean(h, file->mime);
    human_put(h, "  ");
    human_put(h, size);
    human_put(h, "\n");
}

static void transcript_row(struct human *h, const struct record *record)
{
    const struct record_transcript *transcript = &record->as.transcript;
    char id[HUMAN_ID_TEXT];
    if (transcript->verdict != NULL) {
        human_id(id, transcript->id);
        cell(h, transcript->verdict);
        cell(h, id);
        cell_preview(h, transcript->text);
    } else {
        cell(h, transcript->id != NULL ? "forged" : "written");
        cell(h, transcript->file);
        cell(h, transcript->chat);
        if (transcript->messages != RECORD_NONE)
            cell_count(h, transcript->messages, "message", "messages");
    }
    layout_table_row(h->table);
}

typedef void (*human_fn)(struct human *h, const struct record *record);

static const struct {
    human_fn fn;
    bool row; /* kept back to be aligned */
} FORMS[RECORD_KINDS] = {
    [RECORD_MESSAGE] = { message_lines, false },
    [RECORD_SENT] = { sent_line, false },
    [RECORD_RECEIPT] = { receipt_line, false },
    [RECORD_GAP] = { gap_line, false },
    [RECORD_NOTICE] = { notice_line, false },
    [RECORD_CHAT] = { chat_row, true },
    [RECORD_ACCOUNT] = { account_row, true },
    [RECORD_CONTACT] = { contact_row, true },
    [RECORD_SAFETY_NUMBER] = { safety_number_lines, false },
    [RECORD_STATUS] = { human_status, false },
    [RECORD_OUTBOX] = { outbox_row, true },
    [RECORD_ATTACHMENT] = { attachment_line, false },
    [RECORD_TRANSCRIPT] = { transcript_row, true },
};

void human_flush(struct human *human)
{
    layout_table_print(human->table, human->out);
}

void human_record(struct human *human, const struct record *record)
{
    if (record->sentence != NULL) {
        human_flush(human);
        human_put_clean(human, record->sentence);
        human_put(human, "\n");
        return;
    }
    if (FORMS[record->kind].fn == NULL)
        return;
    if (!FORMS[record->kind].row)
        human_flush(human);
    FORMS[record->kind].fn(human, record);
}

void human_error(struct human *human, const struct record_error *error)
{
    char code[32];
    (void)snprintf(code, sizeof code, " [%" PRId64 " ", error->code);
    human_flush(human);
    human_put_styled(human, RED, "safetalk:");
    human_put(human, " ");
    human_put_clean(human, error->message);
    human_put(human, code);
    human_put_clean(human, error->reason);
    human_put(human, "]\n");
    if (error->why != NULL && error->why[0] != '\0') {
        human_put(human, "  Why:  ");
        human_put_clean(human, error->why);
        human_put(human, "\n");
    }
    if (error->next != NULL && error->next[0] != '\0') {
        human_put(human, "  Next: ");
        human_put_clean(human, error->next);
        human_put(human, "\n");
    }
}
