#include "roles/password.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/memory.h"
#include "proto/status.h"

/* A yescrypt hash of the usual cost that no password has: what is compared with when there is no account. */
#define NOBODY "$y$j9T$0123456789abcdefghijk/$nothinghasthishashnothinghasthishashnothing0"

void passwords_init(struct passwords *p, struct loop *loop)
{
	*p = (struct passwords){.loop = loop};
}

/* Equal, in a time that says nothing of where they differ. */
static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);
	unsigned char differ = 0;

	if (n != strlen(b))
		return false;
	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

/* On a thread: one crypt_r, its 32 KiB of scratch on the heap. */
static void run(struct work *w)
{
	struct password_job *job = container_of(w, struct password_job, work);
	struct crypt_data *data = xcalloc(1, sizeof *data);
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], random[16];
	const char *with = job->hash, *hash;

	if (job->making) {
		random_bytes(random, sizeof random);
		with = crypt_gensalt_rn("$y$", 0, random, sizeof random, setting, sizeof setting);
	}
	hash = with != NULL ? crypt_r(job->password, with, data) : NULL;
	if (hash == NULL || hash[0] == '*' || strlen(hash) >= sizeof job->hash)
		error_set(&job->error, STATUS_INTERNAL, "this machine's libcrypt cannot hash a password");
	else if (job->making)
		text_copy(job->hash, sizeof job->hash, hash);
	else
		job->right = same(hash, job->hash);
	wipe(data, sizeof *data);
	wipe(job->password, sizeof job->password);
	free(data);
}

static void done(struct work *w);

static void start_next(struct passwords *p)
{
	while (p->running < PASSWORDS_AT_ONCE && p->waiting != NULL) {
		struct password_job *job = p->waiting;

		DL_DELETE(p->waiting, job);
		p->wait_count--;
		p->running++;
		work_start(p->loop, &job->work, run, done);
	}
}

static void done(struct work *w)
{
	struct password_job *job = container_of(w, struct password_job, work);
	struct passwords *p = job->passwords;

	p->running--;
	start_next(p);
	job->on_done(job); /* job may be gone from here on */
}

static int queue(struct passwords *p, struct password_job *job, const char *password, struct error *err)
{
	if (p->wait_count >= PASSWORD_QUEUE_MAX) {
		error_set(err, STATUS_RESOURCE_EXHAUSTED, "too many people log in at this moment");
		return error_hint(err, "try again in a few seconds");
	}
	job->passwords = p;
	error_clear(&job->error);
	job->right = false;
	text_copy(job->password, sizeof job->password, password);
	DL_APPEND(p->waiting, job);
	p->wait_count++;
	start_next(p);
	return 0;
}

int password_make(struct passwords *p, struct password_job *job, const char *password, struct error *err)
{
	job->making = true;
	return queue(p, job, password, err);
}

int password_check(struct passwords *p, struct password_job *job, const char *password, const char *hash,
                   struct error *err)
{
	job->making = false;
	text_copy(job->hash, sizeof job->hash, hash != NULL ? hash : NOBODY);
	return queue(p, job, password, err);
}
