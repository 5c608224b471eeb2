/* roles/submission.h - what submit and run share: options that change what the manifest says, and the way
 * into the queue.
 *
 *     submission_change -> submission_send: is there money enough? -> the bundle (roles/blob_transfer.h)
 *          -> the queue */
#ifndef ROLES_SUBMISSION_H
#define ROLES_SUBMISSION_H

#include "exec/bundle.h"
#include "proto/limits.h"
#include "roles/client.h"
#include "roles/pending.h"

struct submission {
	const char *name, *image, *cpus, *max_cpt;
	struct texts env;
	int64_t memory, disk, gpus, time_limit_ms; /* 0 = as the manifest says */
};

/* Rows for the option table of a verb that has a struct submission. */
#define SUBMISSION_ROWS(s) \
	{"name", 0, OPTION_TEXT, &(s).name, "NAME", "name of the task, for people", NULL, 0, 0}, \
	{"image", 0, OPTION_TEXT, &(s).image, "IMAGE", \
	 "container image (none: the built-in base image)", NULL, 0, 0}, \
	{"env", 'e', OPTION_TEXTS, &(s).env, "K=V", "environment variable; may be repeated", NULL, 0, 0}, \
	{"cpus", 0, OPTION_TEXT, &(s).cpus, "N", "cores: 2, 0.5", NULL, 0, 0}, \
	{"memory", 0, OPTION_SIZE, &(s).memory, "SIZE", "memory: 512MiB, 2G", NULL, 0, 0}, \
	{"disk", 0, OPTION_SIZE, &(s).disk, "SIZE", "disk below /work", NULL, 0, 0}, \
	{"gpus", 0, OPTION_INT, &(s).gpus, "N", "GPUs", NULL, 0, GPUS_MAX}, \
	{"time-limit", 0, OPTION_DURATION, &(s).time_limit_ms, "TIME", \
	 "end the command after this long: 90s, 2h", NULL, 0, 0}, \
	{"max-cpt", 0, OPTION_TEXT, &(s).max_cpt, "CPT", \
	 "end it when it has cost this much", NULL, 0, 0}

/* Put what was typed in the place of what the manifest says, and check all of it. */
int submission_change(const struct submission *s, struct bundle *b, struct error *err);

/* What it would cost; NULL = c->error says why. */
Pb__QuoteReply *submission_quote(struct client *c, const struct bundle *b);

/* Look whether the money is there (RESOURCE_EXHAUSTED: how much is missing), upload the bundle and put it
 * in the queue. tell: say how much was sent. NULL = c->error says why. Asked again over a broken connection
 * with the same call_id: it is one submission. key: the call_id; NULL = one of our own, which stands on
 * disk until submission_shown(). With a key, or one that an earlier command has left, it may be queued
 * already, and then its money is set aside already: the pool alone judges. quote: where what was asked
 * first goes, in c->arena; may be NULL. */
Pb__SubmitReply *submission_send(struct client *c, const struct bundle *b, const char *key, bool tell,
				 struct pending *pending, const Pb__QuoteReply **quote);

/* The answer was shown, or the refusal will be. After each submission_send(). */
void submission_shown(const struct client *c, struct pending *pending);

#endif
