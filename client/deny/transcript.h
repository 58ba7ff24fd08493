/* Transcripts of a chat that prove nothing: the wire bytes of every message with the MAC key that its receiver has
 * exposed, so that whoever holds the file can check it, and can just as well make another one that checks.
 *
 * A file (`.stx`) is UTF-8 text, one JSON object a line. The first is the head:
 *     {"safetalk_transcript":1,"chat":"@alice","owner":"@bob"}
 * and each message:
 *     {"id":HEX,"from":"@alice","sent_at_ms":N,"text":T,"th":HEX,"payload":BASE64,"envelope":BASE64,"mac_key":HEX or
 * null} `th` is the session's transcript hash, `payload` the plaintext before padding, `envelope` the SafeTalk/1 copy
 * (A.5).
 *
 * Checking a message (CRYPTO 7): tag = HMAC-SHA-256(mac_key, th ‖ header ‖ ct), all taken from the file.
 * Forging one (A.9): the cipher is a stream cipher, so ct' = ct xor pad(payload) xor pad(payload') is the ciphertext
 * of payload' under a key that the forger never sees; the tag is made with the exposed key. */
#ifndef DENY_TRANSCRIPT_H
#define DENY_TRANSCRIPT_H

#include <stdint.h>

#include "client/store/store.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    TRANSCRIPT_MAX = 256 * 1024 * 1024, /* bytes of a file */
    TRANSCRIPT_LINE_MAX = 512 * 1024    /* bytes of one line */
};

enum transcript_verdict { TRANSCRIPT_VALID = 1, TRANSCRIPT_INVALID = 2, TRANSCRIPT_KEY_NOT_EXPOSED = 3 };

/* A message as a reader of the file sees it. Borrowed for the call. */
struct transcript_message {
    char id[33];                   /* hex */
    char from[STORE_NAME_MAX + 2]; /* with its sigil; remote text */
    int64_t sent_at_ms;
    struct st_view text; /* remote text */
    enum transcript_verdict verdict;
};

typedef enum st_err (*transcript_fn)(void *ctx, const struct transcript_message *message);

/* Appends the transcript of a chat to `out` (limit TRANSCRIPT_MAX), and says how many messages are in it. `own_name`
 * without sigil. ST_ENOTFOUND: no such chat. */
enum st_err transcript_write(struct store *store, int64_t chat, const char *own_name, struct st_buf *out,
                             uint64_t *count_r) ST_MUST_CHECK;

/* Reads a transcript, gives every message with its verdict. `chat_r` becomes the head's chat. ST_EMALFORMED: not such
 * a file; *line_r is then the number of the line that does not read. */
enum st_err transcript_check(struct st_view file, char chat_r[static STORE_NAME_MAX + 2], uint64_t *line_r,
                             transcript_fn fn, void *ctx) ST_MUST_CHECK;

/* Writes the same transcript with another text in the message `id` (hex, at least 4 digits, the first that begins so)
 * to `out`. ST_ENOTFOUND: no such message; ST_EREFUSED: its key is not exposed; ST_ELIMIT: the text does not fit the
 * padding class, *room_r is how many bytes do; ST_EMALFORMED as above. */
enum st_err transcript_forge(struct st_view file, const char *id, struct st_view text, struct st_buf *out,
                             size_t *room_r) ST_MUST_CHECK;

#endif
