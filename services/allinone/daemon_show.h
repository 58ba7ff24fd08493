/* The lines that `init`, `run` and `invite` show on stdout. */
#ifndef DAEMON_SHOW_H
#define DAEMON_SHOW_H

#include <stdint.h>

#include "lib/st_invite.h"
#include "services/allinone/daemon_config.h"

/* "  address       safetalk://HOST:PORT#KEY" */
void daemon_show_address(const struct daemon_settings *settings, const uint8_t enrol_key[static ST_KEY_LEN]);

/* "  invite        CODE  (10 accounts, until 2 Dec 2026)" */
void daemon_show_invite(const struct st_invite *invite, int64_t uses, int64_t expires_ms);

/* "  invite        CODE  (shown until the first account exists)" */
void daemon_show_first_invite(const struct st_invite *invite);

/* "  listening     0.0.0.0:7420 (enrol), 0.0.0.0:7421 (device)" */
void daemon_show_listening(const struct daemon_settings *settings);

/* "  registration  invite"; with `dir`, how to make a new code. */
void daemon_show_registration(const struct daemon_settings *settings, const char *dir);

/* "  durability    full: on disk before "stored"" */
void daemon_show_durability(void);

#endif
