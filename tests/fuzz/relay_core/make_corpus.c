/* Writes the seeds of the fuzz target relay_core into the folder named on the command line: one for each type of
 * message, and a few short stories. To be run again when messages change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/relay/relay_samples.h"

/* Numbers of the steps in relay_core.c. */
enum {
    STEP_RAW,
    STEP_DEVICE,
    STEP_SERVICE,
    STEP_FLUSH,
    STEP_WAIT,
    STEP_FAIL,
    STEP_LOSE,
    STEP_GATEWAYS,
    STEP_RESTART,
    STEP_ACK
};

static void add(struct st_buf *out, const void *bytes, size_t len)
{
    if (st_buf_append(out, bytes, len) != ST_OK)
        exit(1);
}

static void add_byte(struct st_buf *out, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    add(out, &one, 1);
}

static size_t sample_of(const char *name)
{
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        if (strcmp(relay_samples[i].name, name) == 0)
            return i;
    }
    exit(1);
}

/* One step that gives sample `name`, naming account `about`, as a frame of account `who`. */
static void add_sample(struct st_buf *out, const char *name, unsigned who, unsigned about)
{
    uint8_t acct[ST_ACCT_LEN], token[ST_TOKEN_LEN] = { 0 };
    struct st_buf frame;
    size_t i = sample_of(name);
    memset(acct, (int)about, sizeof acct);
    st_buf_init(&frame, ST_FRAME_MAX);
    if (relay_sample_write(i, acct, token, &frame) != ST_OK)
        exit(1);
    size_t len = frame.len - ST_HEADER_LEN;
    add_byte(out, relay_samples[i].kind == ST_HOP_DEVICE ? STEP_DEVICE : STEP_SERVICE);
    add_byte(out, 0);   /* gateway */
    add_byte(out, who); /* account */
    add_byte(out, 1);   /* device */
    add_byte(out, 5);   /* session */
    add_byte(out, (unsigned)relay_samples[i].type);
    add_byte(out, (unsigned)(len >> 8));
    add_byte(out, (unsigned)(len & 0xff));
    add(out, frame.p + ST_HEADER_LEN, len);
    st_buf_free(&frame);
}

static void save(const char *folder, const char *name, struct st_buf *buf)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(buf->p, 1, buf->len, file) != buf->len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    st_buf_clear(buf);
}

/* Account 1 is attached, account 2 writes to it. */
static void add_chat(struct st_buf *out)
{
    add_sample(out, "attach", 1, 1);
    add_byte(out, STEP_FLUSH);
    add_sample(out, "message", 2, 1);
    add_byte(out, STEP_FLUSH);
}

int main(int argc, char **argv)
{
    struct st_buf buf;
    if (argc != 2)
        return 2;
    st_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        add_sample(&buf, "attach", 1, 1);
        add_sample(&buf, relay_samples[i].name, 1, 1);
        add_byte(&buf, STEP_FLUSH);
        save(argv[1], relay_samples[i].name, &buf);
    }
    add_chat(&buf);
    add_byte(&buf, STEP_ACK);
    add_byte(&buf, 1);
    add_byte(&buf, STEP_FLUSH);
    save(argv[1], "story_ack", &buf);
    add_chat(&buf);
    add_byte(&buf, STEP_WAIT);
    add_byte(&buf, 32);
    save(argv[1], "story_again", &buf);
    add_chat(&buf);
    add_byte(&buf, STEP_LOSE);
    add_byte(&buf, 1);
    add_byte(&buf, STEP_WAIT);
    add_byte(&buf, 11);
    save(argv[1], "story_lost", &buf);
    add_byte(&buf, STEP_FAIL);
    add_byte(&buf, 2);
    add_chat(&buf);
    save(argv[1], "story_failing", &buf);
    add_sample(&buf, "attach", 1, 1);
    add_byte(&buf, STEP_FLUSH);
    add_byte(&buf, STEP_GATEWAYS);
    add_byte(&buf, 0);
    add_sample(&buf, "message", 2, 1);
    add_byte(&buf, STEP_FLUSH);
    save(argv[1], "story_gone", &buf);
    add_chat(&buf);
    add_byte(&buf, STEP_RESTART);
    add_sample(&buf, "message", 3, 1);
    add_sample(&buf, "alive", 1, 1);
    add_byte(&buf, STEP_FLUSH);
    save(argv[1], "story_restart", &buf);
    static const uint8_t raw[] = { STEP_RAW, 0, 3, 1, 2, 3, 0, 4, 1, 50, 0, 0 };
    add(&buf, raw, sizeof raw);
    save(argv[1], "raw", &buf);
    st_buf_free(&buf);
    return 0;
}
