/* The client's encrypted store: everything a client core needs to keep, typed. This header only gathers the parts;
 * store_db.h holds the rules for transactions, errors and lists that hold for all of them. */
#ifndef CLIENT_STORE_STORE_H
#define CLIENT_STORE_STORE_H

#include "client/store/store_attachment.h"
#include "client/store/store_chat.h"
#include "client/store/store_contact.h"
#include "client/store/store_db.h"
#include "client/store/store_epoch.h"
#include "client/store/store_event.h"
#include "client/store/store_expose.h"
#include "client/store/store_gap.h"
#include "client/store/store_list.h"
#include "client/store/store_message.h"
#include "client/store/store_meta.h"
#include "client/store/store_outbox.h"
#include "client/store/store_prekey.h"
#include "client/store/store_receipt.h"
#include "client/store/store_session.h"
#include "client/store/store_wire.h"

#endif
