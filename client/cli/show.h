/* Records made from what the store holds. A `struct show` owns the texts that its record points to, until the next
 * call on it. */
#ifndef SHOW_H
#define SHOW_H

#include "client/cli/record.h"
#include "client/cli/session.h"

enum { SHOW_ID_BYTES = 40, SHOW_NAME_BYTES = ST_NAME_LOGIN_MAX + 2 };

struct show;

/* Returns new, or NULL without memory. */
struct show *show_new(struct session *session);
void show_free(struct show **show);

/* A message with its attachments. Errors of the store. */
enum st_err show_message(struct show *show, const struct store_message *message, struct record *out) ST_MUST_CHECK;

/* The newest message of a chat as the preview in `chat`, and the chat itself. */
enum st_err show_chat(struct show *show, const struct store_chat *chat, struct record *out) ST_MUST_CHECK;

/* A gap, with the times of the messages around it. */
enum st_err show_gap(struct show *show, const struct store_gap *gap, struct record *out) ST_MUST_CHECK;

/* An event of `receive` (message, receipt, gap or notice). ST_ENOTFOUND: what it speaks of is gone. */
enum st_err show_event(struct show *show, const struct store_event *event, struct record *out) ST_MUST_CHECK;

/* A contact with the count of its devices. */
enum st_err show_contact(struct show *show, const struct store_contact *contact, struct record *out) ST_MUST_CHECK;

/* One attachment, as `attachment get` prints it; `path`: where it was saved, or NULL. */
enum st_err show_attachment(struct show *show, const struct store_message *message,
                            const struct store_attachment *attachment, const char *path,
                            struct record *out) ST_MUST_CHECK;

/* This account. */
void show_account(struct session *session, struct record *out, char account_id[static SHOW_ID_BYTES],
                  char device_id[static SHOW_ID_BYTES]);

/* The words of records. */
const char *show_state(enum store_state state);
const char *show_trust(enum store_trust trust);

#endif
