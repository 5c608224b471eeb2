/* roles/demo.h - the demo's job: how many primes are below 2,000,000? Eight tasks of one
 * bundle, counted side by side.
 *
 *   UPLOADING -> SUBMITTING (eight) -> WATCHING (eight) -> FETCHING (eight) -> over()
 *
 * Any call that fails ends the whole; the first error is the one reported. */
#ifndef ROLES_DEMO_H
#define ROLES_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "exec/bundle.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/step.h"
#include "proto/error.h"
#include "proto/id.h"
#include "roles/download.h"
#include "roles/upload.h"
#include "ui/term.h"

#define DEMO_PIECES 8
#define DEMO_BELOW 2000000
#define DEMO_ANSWER 148933

struct demo;

struct demo_piece {
	struct demo *demo;
	struct grpc_call call;      /* Submit, then Watch */
	struct download download;
	char task[TASK_ID_SIZE], worker[65], result_path[400];
	int state, phase;           /* as the pool tells */
	bool calling, fetching;     /* call, download is on loan */
	bool ended;
	int64_t queue_ms, stage_ms, run_ms, collect_ms;
	uint64_t count;             /* primes in it */
	int fd;
};

struct demo {
	/* set by the owner */
	struct loop *loop;
	struct grpc_channel *channel;
	const char *dir;            /* for its files; exists */
	bool quiet;
	void (*over)(struct demo *m);
	void *user;

	/* set when over() comes */
	struct error error;
	uint64_t answer;
	int64_t took_ms;            /* from the first Submit to the last end */

	struct step step;
	struct bundle bundle;
	struct upload upload;
	struct demo_piece pieces[DEMO_PIECES];
	struct progress progress;
	int open;                   /* calls on loan */
	int64_t begun_ms;
	bool has_bundle, cancelled;
};

/* Begin; over() comes once, on the loop, unless this returns an error. */
int demo_start(struct demo *m, struct error *err);
void demo_cancel(struct demo *m);

/* "where time went", a table on f. */
void demo_print_times(const struct demo *m);

#endif
