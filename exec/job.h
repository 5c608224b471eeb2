/* exec/job.h - run one task in one container and leave nothing behind.
 *
 * Happy path; a state is named after what it waits for:
 *
 *   NEW -> IMAGE (inspect; then pull, or load image.tar) -> CREATING -> ATTACHING -> STARTING -> RUNNING
 *       -> INSPECTING -> done()   and, later, REMOVING -> removed()
 *
 * done() comes exactly once with the outcome, when the container has ended and nothing more of its
 * output will come; removed() comes exactly once after it, when the container and a loaded image are
 * gone (or the engine refuses for good, which is logged). In between the owner may collect the output. A
 * job that never made a container also gives both.
 *
 * A job whose process died is gone on with by job_adopt() of the next one, which asks the engine how the
 * container stands: it runs - its output is followed, its end awaited, its time limit goes on; it has ended -
 * its outcome is read, and it is never started again; it was made and never started - it is started, once;
 * there is none, and none was started - begin as job_start() does.
 *
 * Output that nobody heard, because this process or the engine was away, is read from what the engine kept of
 * it: no byte comes twice, and none is missing while the engine still has it (CONTAINER_LOG_MAX); output_lost
 * says that it had not. The engine keeps whole lines, so the beginning of one may come late.
 *
 * Classification (reliability.md facts 5 and 7): exit code, OOM and "we killed it" are three separate
 * facts. A signal that the task did not send itself (the engine is asked for its events of the container) and
 * every failure of the engine is FAILURE_INFRA. */
#ifndef EXEC_JOB_H
#define EXEC_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "exec/engine.h"
#include "exec/leash.h"
#include "proto/id.h"
#include "proto/task.h"

struct job {
	/* set by the owner; everything pointed to is borrowed until removed() */
	struct engine *engine;
	struct leash *leash;    /* until when it may run; NULL = as long as it likes (the canary) */
	const Pb__TaskSpec *spec;
	char task[TASK_ID_SIZE];
	uint32_t epoch;
	const char *work;       /* directory bound at /work */
	const char *image_tar;  /* path of the bundle's image.tar; NULL = none */
	uid_t uid;
	const char *gpus;       /* UUIDs, comma separated; NULL = none */
	/* for job_adopt(): clock_us() when it was started, 0 = not known;
	 * bytes of stdout and stderr that the owner has */
	int64_t started_us;
	uint64_t told[2];

	/* PHASE_STAGING with bytes done and total while the image is pulled,
	 * PHASE_EXECUTING when the container was started. */
	void (*on_phase)(struct job *j, int phase, uint64_t done, uint64_t total, const char *detail);
	/* stream 1 or 2, as it is printed. The job never waits for its reader. */
	void (*on_output)(struct job *j, int stream, const void *data, size_t n);
	void (*done)(struct job *j);
	void (*removed)(struct job *j);
	void *user;

	/* set when done() comes */
	int failure;           /* enum task_failure */
	struct error error;    /* words for failure; status 0 when it is FAILURE_NONE */
	int exit_code;
	bool has_exit_code, oom_killed, killed_by_us;
	bool output_lost;      /* the engine had not kept all that nobody heard */
	Pb__Usage usage;
	int64_t started_ms, exited_ms; /* wall clock */

	struct job_machine *machine; /* private */
};

void job_start(struct job *j);

/* Go on with what an earlier process began; see above. The engine must have been found. */
void job_adopt(struct job *j);

enum job_stop {
	JOB_STOP_OWNER, JOB_STOP_TIMEOUT, JOB_STOP_DISK, JOB_STOP_LOST, JOB_STOP_BUDGET,
	/* the engine does not answer: done() comes without it, the container is removed when it does again */
	JOB_STOP_ENGINE
};

/* End it early: SIGTERM, spec->grace_s, SIGKILL (JOB_STOP_LOST and JOB_STOP_DISK: SIGKILL at once).
 * Before the container runs: it never will. done() still comes, once. `why` becomes the words of the
 * failure; stopped by its owner it is FAILURE_USER_EXIT with STATUS_CANCELLED. The time limit is kept by
 * the job itself. */
void job_stop(struct job *j, enum job_stop why, const char *words);

/* Pause its container or let it run again; at once if it runs, else when it does. Paused time does not count
 * as run time. Said again it is tried again, if the engine would not. */
void job_pause(struct job *j, bool paused);
bool job_is_paused(const struct job *j);

/* How much longer than LOST_AFTER_MS a job of that spec may run without a word from the pool. */
int64_t job_extra_ms(const Pb__TaskSpec *spec);

/* The name of its container; until removed(). */
const char *job_container(const struct job *j);

/* What it has used so far; false = its container does not run. */
bool job_usage(const struct job *j, Pb__Usage *usage);

#endif
