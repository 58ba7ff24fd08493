/* What the files of the human form share. Private to human*.c. */
#ifndef HUMAN_PARTS_H
#define HUMAN_PARTS_H

#include "client/cli/human.h"

#define HUMAN_BOLD "1"

/* Text of ours. */
void human_put(struct human *h, const char *text);

/* Remote text in one line. NULL is nothing. */
void human_put_clean(struct human *h, const char *text);

/* The same in a style (HUMAN_BOLD), where colours are wanted. */
void human_put_styled(struct human *h, const char *code, const char *text);

/* The lines of a status. */
void human_status(struct human *h, const struct record *record);

#endif
