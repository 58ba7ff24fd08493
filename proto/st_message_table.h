/* The two halves of the table of messages, joined by st_wire.c. Private to proto/. */
#ifndef ST_MESSAGE_TABLE_H
#define ST_MESSAGE_TABLE_H

#include "proto/st_wire.h"

extern const struct st_message_type st_client_messages[];
extern const size_t st_client_message_count;
extern const struct st_message_type st_internal_messages[];
extern const size_t st_internal_message_count;

#endif
