/* roles/submission.h - what submit and run share: options that change what the manifest says, and the way into the queue.
 *
 *     submission_change -> (the bundle goes up: roles/transfer.h) -> submission_send */
#ifndef ROLES_SUBMISSION_H
#define ROLES_SUBMISSION_H

#include "exec/bundle.h"
#include "roles/client.h"

struct submission {
	const char *name, *image, *cpus;
	struct texts env;
	int64_t memory, disk, gpus, time_limit_ms; /* 0 = as the manifest says */
};

/* Rows for the option table of a verb that has a struct submission. */
#define SUBMISSION_ROWS(s) \
	{.name = "name", .kind = OPTION_TEXT, .to = &(s).name, .value = "NAME", .help = "name of the task, for people"}, \
	{.name = "image", .kind = OPTION_TEXT, .to = &(s).image, .value = "IMAGE", \
	 .help = "container image (none: the built-in base image)"}, \
	{.name = "env", .letter = 'e', .kind = OPTION_TEXTS, .to = &(s).env, .value = "K=V", \
	 .help = "environment variable; may be repeated"}, \
	{.name = "cpus", .kind = OPTION_TEXT, .to = &(s).cpus, .value = "N", .help = "cores: 2, 0.5"}, \
	{.name = "memory", .kind = OPTION_SIZE, .to = &(s).memory, .value = "SIZE", .help = "memory: 512MiB, 2G"}, \
	{.name = "disk", .kind = OPTION_SIZE, .to = &(s).disk, .value = "SIZE", .help = "disk below /work"}, \
	{.name = "gpus", .kind = OPTION_INT, .to = &(s).gpus, .value = "N", .help = "GPUs", .min = 0, .max = GPUS_MAX}, \
	{.name = "time-limit", .kind = OPTION_DURATION, .to = &(s).time_limit_ms, .value = "TIME", \
	 .help = "end the command after this long: 90s, 2h"}

/* Put what was typed in the place of what the manifest says, and check all of it. */
int submission_change(const struct submission *s, struct bundle *b, struct error *err);

/* Upload the bundle and put it in the queue. tell: say how much was sent. NULL = c->error says why. Asked again over a broken connection with the same
 * call_id: it is one submission. */
Pb__SubmitReply *submission_send(struct client *c, const struct bundle *b, bool tell);

#endif
