/* exec/job_machine.h - the inside of a job, shared by exec/job.c (up to the start), exec/job_run.c
 * (while it runs), exec/job_log.c (output that the engine kept), exec/job_adopt.c (what an earlier process
 * began) and exec/job_end.c (outcome and removal). Nobody else includes it. */
#ifndef EXEC_JOB_MACHINE_H
#define EXEC_JOB_MACHINE_H

#include "exec/engine_call.h"
#include "exec/leash.h"
#include "exec/image.h"
#include "exec/job.h"
#include "exec/outcome.h"
#include "exec/stdio_stream.h"
#include "exec/usage_meter.h"
#include "net/step.h"

enum {
	NEW, IMAGE, CREATING, LOOKING, ATTACHING, STARTING, RUNNING, INSPECTING, ASKING, DRAINING, READING, ENDING,
	REMOVING, REMOVING_IMAGE, CLOSING
};

struct job_machine {
	struct job *job;
	struct engine *engine;
	struct step step;
	char name[CONTAINER_NAME_SIZE];
	struct image image;
	bool image_again;          /* the base image went away behind our back: it was asked for twice */
	struct engine_call call;   /* what the state waits for */
	struct engine_call attach, wait, kill, look, pause;
	struct stdio_stream stream;
	uint64_t skip[2];          /* bytes of the engine's log that the owner has heard */
	uint64_t log_cost;         /* what it takes on the engine's disk, at most */
	int64_t follow_ms;         /* when it was last asked to be followed; 0 = never */
	bool by_log;               /* some output went unheard: the engine's log is read at the end */
	struct usage_meter meter;
	struct timer retry, limit, sample;
	int timers;                /* not yet closed */
	bool attached, waiting;    /* attach and wait have begun to answer */
	bool output_ended, look_again;
	bool engine_away;          /* its connection broke while the container ran */
	bool created;              /* a container of ours may exist */
	bool adopting;             /* an earlier process may have begun it */
	bool stopping, hit;        /* asked to stop; a signal of ours has reached it */
	enum job_stop stop;
	char words[200];
	int signal;                /* the last one that we sent */
	int64_t started_us;
	struct ending ending;      /* since ASKING */
	struct leash_slot *slot;   /* held from the start until it is known to be dead; NULL = not */
	bool want_paused, is_paused, pausing; /* pausing: what `pause` asks for */
	int64_t paused_since_us;   /* clock_us(), while is_paused */
	int64_t paused_us;         /* in all, before that */
	uint64_t sample_ms;
	int64_t deadline;          /* of asking an engine that does not answer; 0 = it answers */
	uint64_t delay;
};

/* exec/job.c */
void machine_go(struct job_machine *m, int state);
bool machine_at(const struct job_machine *m, int state);
void machine_fresh_call(struct engine_call *c, struct job_machine *m);
/* Set the timer `retry`, each time twice as late. */
void machine_retry_later(struct job_machine *m);
/* Has the engine been silent for too long? Counts from the first call. */
bool machine_out_of_patience(struct job_machine *m, int64_t patience_ms);

void machine_get_image(struct job_machine *m);
void machine_attach(struct job_machine *m);
void machine_look_for_container(struct job_machine *m);

/* exec/job_adopt.c */
/* the answer to machine_look_for_container() */
void machine_adopt(struct job_machine *m, const struct engine_call *c);

/* exec/job_log.c */
void machine_follow_log(struct job_machine *m);   /* it runs, and nobody hears it */
void machine_read_log(struct job_machine *m);     /* in READING: it has ended; ENDING follows */

/* exec/job_run.c */
void machine_begin_running(struct job_machine *m);
void machine_go_on_running(struct job_machine *m, int64_t ran_us);
void machine_wait(struct job_machine *m, const char *condition);
void machine_hear(struct job_machine *m, int stream, const void *data, size_t n);
void machine_inspect(struct job_machine *m);
void machine_look(struct job_machine *m); /* something says that it may have ended */
void machine_begin_stop(struct job_machine *m);
void machine_on_limit(struct timer *t);
void machine_on_sample(struct timer *t);
bool machine_on_attach_data(struct fetch_request *r, const void *data, size_t n);
void machine_on_attach_ended(struct engine_call *c);
void machine_on_wait_ended(struct engine_call *c);
void machine_open_call_ended(struct job_machine *m, const struct engine_call *c);

/* exec/job_pause.c */
bool machine_hold(struct job_machine *m); /* false: too many containers */
void machine_release(struct job_machine *m);
void machine_kill_process(const struct job_machine *m); /* without the engine, where that is possible */
int64_t machine_ran_us(const struct job_machine *m); /* since its start, without the time it was paused */
int64_t machine_time_left_ms(const struct job_machine *m); /* of its time limit */
void machine_settle_pause(struct job_machine *m); /* make it as it is wanted */
/* so the engine says of one that an earlier process began */
void machine_found_paused(struct job_machine *m, bool paused);

/* exec/job_end.c */
void machine_conclude(struct job_machine *m, int failure, const struct error *err); /* no end of its own */
/* it could not be started */
void machine_conclude_start(struct job_machine *m, const struct engine_call *c);
void machine_conclude_exit(struct job_machine *m, const cJSON *state, int64_t ran_us); /* it has ended */
void machine_begin_ending(struct job_machine *m);
void machine_end_when_quiet(struct job_machine *m);
void machine_ask_removal(struct job_machine *m);

#endif
