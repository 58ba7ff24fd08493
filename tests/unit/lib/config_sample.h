/* A table with a setting of every kind, for the tests of st_config and its fuzz target. */
#ifndef CONFIG_SAMPLE_H
#define CONFIG_SAMPLE_H

#include <string.h>

#include "lib/st_config.h"

enum sample_registration { SAMPLE_INVITE, SAMPLE_OPEN, SAMPLE_CLOSED };

struct sample {
    int64_t port;
    int64_t frame_bytes;
    int64_t drain_ms;
    bool metrics;
    char store[ST_CONFIG_TEXT_SIZE];
    char key_file[ST_CONFIG_PATH_SIZE];
    int registration;
    struct st_cidr_list proxies;
};

static enum st_err sample_check_store(const char *text, const char **why_r)
{
    *why_r = "a URL such as sqlite:PATH";
    return strncmp(text, "sqlite:", 7) == 0 ? ST_OK : ST_EMALFORMED;
}

static const char *const sample_registrations[] = { "invite", "open", "closed", NULL };

static const struct st_config_row sample_rows[] = {
    ST_CONFIG_BOOL(NULL, "metrics", struct sample, metrics, "no", "Whether figures are published."),
    ST_CONFIG_INT("gateway", "port", struct sample, port, "7420", 1, 65535, "TCP port for clients."),
    ST_CONFIG_SIZE("gateway", "frame.max", struct sample, frame_bytes, "96K", 4096, 1 << 20, "Largest frame."),
    ST_CONFIG_CIDRS("gateway", "trusted_proxies", struct sample, proxies, "",
                    "Addresses that are proxies of ours: the caps per address do not count for them, since a proxy has "
                    "many clients behind it and does the counting itself."),
    ST_CONFIG_DURATION("relay", "drain", struct sample, drain_ms, "10s", 0, 600000, "Longest drain after TERM."),
    ST_CONFIG_TEXT("relay", "store", struct sample, store, "sqlite:relay.db", sample_check_store, "Where mail lies."),
    ST_CONFIG_PATH("auth", "key_file", struct sample, key_file, "auth.key", NULL, "The key."),
    ST_CONFIG_ENUM("auth", "registration", struct sample, registration, "invite", sample_registrations,
                   "Who may join."),
};

static const struct st_config_table sample_table = { "Sample", sample_rows,
                                                     sizeof sample_rows / sizeof sample_rows[0] };

#endif
