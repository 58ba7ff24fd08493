/* A scene for hostile frames: two people, one of them with a device that is only pending, and a well-formed sample of
 * every request. The same each time: all keys come from the world's own randomness. */
#ifndef AUTH_SCENE_H
#define AUTH_SCENE_H

#include "tests/unit/auth/auth_world.h"

enum place { ENROL, PENDING, ACTIVE, PLACES };

struct scene {
    struct world *world;
    struct person mallory;
    struct person bob;
    struct gadget pending; /* Mallory's */
};

void scene_set(struct scene *scene, struct world *world);

/* Where Mallory speaks from. */
struct st_hop scene_hop(const struct scene *scene, enum place place);

/* Writes a well-formed frame of a type that a client may send to auth, about `acct` where it names an account. */
void scene_sample(struct scene *scene, enum st_type type, const uint8_t *acct, struct st_buf *out);

#endif
