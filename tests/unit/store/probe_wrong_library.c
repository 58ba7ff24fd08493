/* What happens when another SQLite stands before SQLCipher: creates a store at argv[1]. Exit 0: refused and nothing
 * left; 3: it was made. Run with the other library preloaded (two_sqlites.sh). */
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "client/store/store.h"

int main(int argc, char **argv)
{
    static const uint8_t key[STORE_KEY_BYTES] = { 1 };
    if (argc != 2 || sodium_init() < 0)
        return 2;
    struct st_env env = st_env_system();
    struct store *store = NULL;
    enum st_err err = store_create(&store, argv[1], key, &env);
    store_close(&store);
    printf("%s\n", st_err_text(err));
    if (err == ST_OK)
        return 3;
    return err == ST_EFOREIGN && access(argv[1], F_OK) != 0 ? 0 : 1;
}
