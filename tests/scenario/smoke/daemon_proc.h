/* safetalkd as a process, for scenario tests: made in a temporary folder, started, watched, stopped. */
#ifndef DAEMON_PROC_H
#define DAEMON_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_TEXT_MAX = 8192 };

struct daemon_proc {
    char root[256]; /* temporary folder; the server's is root/srv */
    char dir[272];
    uint16_t port; /* enrol; the device port is the next one */
    char address[512];
    char invite[16]; /* the first code */
    uint8_t enrol_key[32];
    pid_t pid;                /* of the parent process while it runs, else 0 */
    int out, err;             /* its stdout and stderr */
    char text[PROC_TEXT_MAX]; /* what it has said on stdout so far */
    char log[PROC_TEXT_MAX];  /* … on stderr, the first of it */
};

/* The program under test; set once, from argv. */
void daemon_proc_program(const char *path);

/* Makes a temporary folder and a server in it on a free pair of ports. */
void daemon_proc_make(struct daemon_proc *proc);

/* Starts it and waits for "ready". */
void daemon_proc_start(struct daemon_proc *proc);

/* Starts it without waiting. */
void daemon_proc_spawn(struct daemon_proc *proc);

/* Waits until `word` stands in its stdout, or in its log; false after `ms`. */
bool daemon_proc_says(struct daemon_proc *proc, const char *word, int64_t ms);
bool daemon_proc_logs(struct daemon_proc *proc, const char *word, int64_t ms);

/* The worker's pid: the child of the parent. 0 if there is none now. */
pid_t daemon_proc_worker(const struct daemon_proc *proc);

/* Waits for its end; returns the exit code, 128 + signal, or -1 after `ms`. */
int daemon_proc_wait(struct daemon_proc *proc, int64_t ms);

/* TERM, and its exit code. */
int daemon_proc_stop(struct daemon_proc *proc);

/* Stops it if it runs, and removes the folder. */
void daemon_proc_remove(struct daemon_proc *proc);

/* Runs safetalkd with these arguments (NULL at the end) to its end. Returns its exit code; `out` and `err` (each of
 * PROC_TEXT_MAX bytes, or NULL) get what it said. */
int daemon_proc_run(const char *const *args, char *out, char *err);

int64_t daemon_proc_now_ms(void);
void daemon_proc_sleep_ms(int64_t ms);

#endif
