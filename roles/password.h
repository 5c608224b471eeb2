/* roles/password.h - account passwords as yescrypt strings, hashed on the thread pool.
 *
 * A hash costs some 15 ms and 16 MiB: at most PASSWORDS_AT_ONCE run, PASSWORD_QUEUE_MAX wait, more are
 * refused. To check a password against an account that does not exist costs the same time as any other: it is
 * compared with a hash that nothing matches.
 *
 * A job is embedded in its owner and on loan from password_make() or password_check() to on_done(). */
#ifndef ROLES_PASSWORD_H
#define ROLES_PASSWORD_H

#include <stdbool.h>

#include "net/loop.h"
#include "proto/error.h"
#include "proto/limits.h"

#define PASSWORDS_AT_ONCE 2
#define PASSWORD_HASH_SIZE 384

struct passwords {
	struct loop *loop;
	struct password_job *waiting; /* a list, first come first served */
	unsigned wait_count, running;
};

struct password_job {
	void (*on_done)(struct password_job *job);
	void *user;
	struct error error;            /* INTERNAL: the machine's crypt cannot do yescrypt */
	bool right;                    /* of password_check */
	char hash[PASSWORD_HASH_SIZE]; /* of password_make; what to compare with, of password_check */
	/* private */
	struct passwords *passwords;
	struct work work;
	char password[PASSWORD_MAX + 1]; /* wiped before on_done() */
	bool making;
	struct password_job *prev, *next;
};

void passwords_init(struct passwords *p, struct loop *loop);

/* Both copy what they are given. RESOURCE_EXHAUSTED: too many wait; then on_done() does not come.
 * The password is at most PASSWORD_MAX bytes (the caller has looked). */
int password_make(struct passwords *p, struct password_job *job, const char *password, struct error *err);

/* hash NULL = there is no such account: takes its time and is wrong. */
int password_check(struct passwords *p, struct password_job *job, const char *password, const char *hash,
                   struct error *err);

#endif
