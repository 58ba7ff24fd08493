#include "services/relay/relay_inflight.h"

#include <stdlib.h>

enum { FIRST_CAP = 8 };

void relay_inflight_deinit(struct relay_inflight *flights)
{
    free(flights->items);
    memset(flights, 0, sizeof *flights);
}

bool relay_inflight_has_credit(const struct relay_inflight *flights, size_t len)
{
    if (flights->count == 0)
        return true;
    return flights->count < ST_PUSH_CREDIT_ENTRIES && flights->bytes + len <= ST_PUSH_CREDIT_BYTES;
}

/* Makes sure that one more fits behind the last. */
static enum st_err make_room(struct relay_inflight *flights)
{
    if (flights->first + flights->count < flights->cap)
        return ST_OK;
    if (flights->first > 0) {
        memmove(flights->items, flights->items + flights->first, flights->count * sizeof *flights->items);
        flights->first = 0;
        return ST_OK;
    }
    size_t cap = flights->cap == 0 ? FIRST_CAP : flights->cap * 2;
    struct relay_flight *items = realloc(flights->items, cap * sizeof *items);
    if (items == NULL)
        return ST_ENOMEM;
    flights->items = items;
    flights->cap = cap;
    return ST_OK;
}

enum st_err relay_inflight_add(struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN], size_t len,
                               int64_t now_ms)
{
    enum st_err err = make_room(flights);
    if (err != ST_OK)
        return err;
    struct relay_flight *flight = &flights->items[flights->first + flights->count];
    memcpy(flight->id, id, MAILBOX_ENTRY_LEN);
    flight->len = (uint32_t)len;
    flight->pushed_ms = now_ms;
    flights->count++;
    flights->bytes += flight->len;
    return ST_OK;
}

/* The index from `first` on, or count. Acks come mostly in the order of pushing, so the search is short. */
static size_t find(const struct relay_inflight *flights, const uint8_t *id)
{
    size_t i = 0;
    while (i < flights->count && memcmp(flights->items[flights->first + i].id, id, MAILBOX_ENTRY_LEN) != 0)
        i++;
    return i;
}

bool relay_inflight_has(const struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN])
{
    return find(flights, id) < flights->count;
}

bool relay_inflight_take(struct relay_inflight *flights, const uint8_t id[static MAILBOX_ENTRY_LEN])
{
    size_t i = find(flights, id);
    if (i == flights->count)
        return false;
    struct relay_flight *flight = &flights->items[flights->first + i];
    flights->bytes -= flight->len;
    if (i == 0)
        flights->first++;
    else
        memmove(flight, flight + 1, (flights->count - i - 1) * sizeof *flight);
    flights->count--;
    if (flights->count == 0)
        flights->first = 0;
    return true;
}

void relay_inflight_drop_last(struct relay_inflight *flights, size_t count)
{
    for (; count > 0 && flights->count > 0; count--) {
        flights->count--;
        flights->bytes -= flights->items[flights->first + flights->count].len;
    }
}

size_t relay_inflight_drop_until(struct relay_inflight *flights, int64_t before_ms)
{
    size_t dropped = 0;
    while (flights->count > 0 && flights->items[flights->first].pushed_ms <= before_ms) {
        flights->bytes -= flights->items[flights->first].len;
        flights->first++;
        flights->count--;
        dropped++;
    }
    if (flights->count == 0)
        flights->first = 0;
    return dropped;
}

void relay_inflight_clear(struct relay_inflight *flights)
{
    flights->first = 0;
    flights->count = 0;
    flights->bytes = 0;
}

int64_t relay_inflight_oldest_ms(const struct relay_inflight *flights)
{
    return flights->count == 0 ? INT64_MAX : flights->items[flights->first].pushed_ms;
}
