/* roles/worker_policy.h - what a worker's owner allows, whatever the pool says. Pure but for the file.
 *
 * A lease is a wish of a stranger. Before anything is done for it: its spec is within the bounds that an
 * honest pool keeps, it wants no more than is lent, and its image is one that the owner allows. There is
 * no way to wish for mounts, devices, capabilities, users or a network: a lease has no words for them, and
 * exec/container_body.c says the same for every task.
 *
 * The options of `hivemind worker` say what is lent at most. Within that the owner changes struct
 * worker_policy while the worker runs, on its page; it lies in DATA/policy.json and counts at the next
 * start too. */
#ifndef ROLES_WORKER_POLICY_H
#define ROLES_WORKER_POLICY_H

#include <cjson/cJSON.h>

#include "exec/surroundings.h"
#include "net/buf.h"
#include "proto/error.h"
#include "roles/worker_resources.h"
#include "ui/json.h"
#include "ui/options.h"

#define POLICY_IMAGES_MAX 32
#define POLICY_IMAGE_SIZE 200
#define POLICY_FILE_MAX (16 * KiB)
#define POLICY_SNOOZE_MAX_MS (7ll * 86400 * 1000)

struct worker_policy {
	uint32_t milli_cpus;  /* lent now, as all of these */
	uint64_t memory, disk;
	uint32_t tasks_max;
	uint32_t hours[7];    /* bit h of day d (0 = Sunday): works in that hour, local time */
	bool only_idle;       /* not while somebody uses the machine */
	bool only_mains;      /* not on battery */
	bool paused;
	int64_t snooze_until_ms; /* wall clock; 0 = does not snooze */
	int image_count;      /* 0 = every image that the options allow */
	char images[POLICY_IMAGES_MAX][POLICY_IMAGE_SIZE];
};

/* images: globs, none = every image. The base image is always allowed; one that comes in the bundle is called
 * image.tar. PERMISSION_DENIED says what the owner does not allow. */
int worker_policy_check(const struct worker_resources *lent, const struct texts *images,
			const Pb__TaskSpec *spec,
			struct error *err);
/* The same of the images of the policy. */
int worker_policy_check_image(const struct worker_policy *p, const char *image, struct error *err);

/* All that the options lend, always. */
void worker_policy_init(struct worker_policy *p, const struct worker_resources *most);

/* Take over what the object says; what it does not name stays. most: what can be lent.
 *   INVALID_ARGUMENT  names the field; then p is as it was */
int worker_policy_change(struct worker_policy *p, const cJSON *object, const struct worker_resources *most,
			 struct error *err);

/* As fields of the object that is open in j; worker_policy_change() reads the same. */
void worker_policy_json(struct json *j, const struct worker_policy *p);

/* Why no new task is taken now; "" = tasks are taken. now_ms: wall clock. */
void worker_policy_reason(const struct worker_policy *p, const struct surroundings *here, int64_t now_ms,
			  char *text, size_t n);

/* Read the file, before the loop runs. What is beyond `most` by now is cut down to it; a file that cannot
 * be read is said in the log and left out. */
void worker_policy_load(struct worker_policy *p, const char *path, const struct worker_resources *most);

/* What is to be in the file. */
void worker_policy_text(const struct worker_policy *p, struct buf *out);

#endif
