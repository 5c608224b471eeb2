/* exec/image.h - see to it that the image of a task is in the engine, and say what it is called there.
 *
 *   NEW -> INSPECTING -> (missing) PULLING -> INSPECTING -> done()          a name
 *   NEW -> MAKING -> INSPECTING -> (missing) IMPORTING -> done()            "", the base image
 *   NEW -> CHECKING -> LOADING -> INSPECTING -> done()                      "image.tar" of the bundle
 *
 * Nothing is pulled that is there. What an image declares as volumes is handed on: the container gets
 * bounded ones instead (exec/container_body.h). */
#ifndef EXEC_IMAGE_H
#define EXEC_IMAGE_H

#include "exec/container_body.h"
#include "exec/engine_call.h"
#include "exec/progress_stream.h"
#include "net/step.h"
#include "proto/limits.h"

/* What is loaded for one task is called hivemind/task-WORKER:TASK-EPOCH, whatever its archive says. */
#define TASK_IMAGE_REPOSITORY "hivemind/task-"

struct image {
	/* set by the owner; borrowed until done() */
	struct engine *engine;
	const char *name;  /* of the manifest; "" = the base image */
	const char *tar;   /* path of an image.tar; NULL = by name */
	const char *task;
	uint32_t epoch;
	void (*on_progress)(struct image *i, uint64_t done, uint64_t total, const char *detail); /* may be NULL */
	void (*done)(struct image *i);
	void *user;

	/* set when done() comes */
	struct error error;
	int failure;                            /* FAILURE_IMAGE, FAILURE_INFRA, or FAILURE_NONE */
	char reference[IMAGE_NAME_MAX + 32];
	bool loaded;                            /* it is this task's own: remove it after the task */
	char *volumes[IMAGE_VOLUMES_MAX];
	size_t volume_count;

	/* private */
	struct step step;
	struct engine_call call;
	struct progress_stream progress;
	struct image_work *work;
	struct deferred later;
	bool cancelled;
};

/* i is zeroed but for what the owner sets; on loan until done(), which comes once, on the loop. */
void image_get(struct image *i);

/* Instead of image_get(): it is loaded already, by an earlier process, and this task's own. */
void image_claim(struct image *i);
void image_cancel(struct image *i);
void image_release(struct image *i); /* after done() */

#endif
