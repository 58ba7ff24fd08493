/* Ctrl-C and TERM: noted by a handler, seen by whoever waits. The first one asks the program to end in good order;
 * a second one of the same kind ends it at once. A broken pipe is no signal here but an error of writing. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/* Installs the handlers; to be called once, at the start. Returns a descriptor that becomes readable at the first
 * signal (for poll), or -1 if the system gives none: interrupt_signal works even so. */
int interrupt_install(void);

/* SIGINT or SIGTERM if one has come, else 0. */
int interrupt_signal(void);

#endif
