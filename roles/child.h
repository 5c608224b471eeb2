/* roles/child.h - one of our own roles as a child process: `dev` runs the pool and the workers so.
 *
 * Its pid stands in a file, its output goes to a log, and it says that it is ready by a line on a pipe
 * (--ready-fd). It has a session of its own, so that Ctrl-C at our terminal reaches us alone, and it gets
 * SIGTERM from the kernel when we die, however we die.
 *
 * Set the upper fields, call child_start(); ended() comes once for each start, after which
 * it may be started again. */
#ifndef ROLES_CHILD_H
#define ROLES_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/loop.h"
#include "proto/error.h"

#define CHILD_WORDS_MAX 32

struct child {
	struct loop *loop;
	char name[24];
	char pid_path[320], log_path[320];
	const char *words[CHILD_WORDS_MAX]; /* the command line after the program; NULL-ended; borrowed */
	const char *env[4];                 /* "K=V" added to ours; NULL-ended; borrowed */
	void (*ready)(struct child *c, const char *line);
	void (*ended)(struct child *c, int64_t status, int signal);
	void *user;

	/* private */
	uv_process_t process;
	uv_pipe_t pipe;
	struct timer patience;
	char line[512];
	size_t n;
	pid_t pid;          /* 0 = none runs */
	unsigned open;      /* handles */
	int64_t status;
	int signal;
};

/* Also after an error ended() comes. */
int child_start(struct child *c, struct error *err);

/* SIGTERM, and SIGKILL when it has not ended in patience_ms. ended() comes. Nothing when none runs. */
void child_end(struct child *c, uint64_t patience_ms);

/* The first thing in main(): if we were started by child_start(), end when our parent ends. */
void child_tie_to_parent(void);

/* The last lines of its log into text (for an error); at most n bytes. */
void child_last_words(const struct child *c, char *text, size_t n);

#endif
