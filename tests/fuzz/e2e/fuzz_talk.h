/* Two devices with a conversation, the same in every run: what the fuzz targets of SafeTalk/1 start from. */
#ifndef FUZZ_TALK_H
#define FUZZ_TALK_H

#include "client/e2e/e2e.h"

struct fuzz_party {
    struct e2e_self self;
    struct e2e_sign_pair ak;
    struct e2e_sign_pair dsk;
    struct e2e_pair dik;
    struct e2e_pair spk; /* id 1 */
    struct e2e_pair opk; /* id 1; never used up */
    struct e2e_set set;
};

struct fuzz_talk {
    struct st_env env;
    uint32_t draws;
    struct fuzz_party a; /* opened the conversation */
    struct fuzz_party b;
    struct st_buf wire; /* an initial message of A that nobody has read; later whatever was encrypted last */
};

/* Makes both parties; A has opened a session and encrypted one message. Ends the program if that fails. */
void fuzz_talk_init(struct fuzz_talk *talk);

/* Encrypts at `from` into talk->wire. */
void fuzz_talk_send(struct fuzz_talk *talk, struct fuzz_party *from, struct st_view plain);

/* Decrypts `wire` at `to`, which names its sender in the block as listed. */
enum e2e_verdict fuzz_talk_receive(struct fuzz_talk *talk, struct fuzz_party *to, struct st_view wire);

/* Saves a set into a cleared buffer, or loads one; ends the program on an error. */
void fuzz_talk_save(const struct e2e_set *set, struct st_buf *out);
void fuzz_talk_load(struct e2e_set *set, struct st_view bytes);

/* Something that must hold whatever the input is. */
void fuzz_require(bool holds);

#endif
