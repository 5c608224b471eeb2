/* proto/task.h - the words for a task's life: five states, their legal moves, phases, failures.
 *
 * The numbers are those of hivemind.proto, so that code, Redis, wire and screen agree.
 *
 *   PENDING --> RUNNING --> COMPLETED
 *      ^          |   \---> FAILED(failure)
 *      |          |   \---> STOPPED
 *      +----------+   its worker is lost or gives it back: next epoch
 *   PENDING --> STOPPED, FAILED                            (stopped or given up before it ran)
 */
#ifndef PROTO_TASK_H
#define PROTO_TASK_H

#include <stdbool.h>

#include "hivemind.pb-c.h"

enum task_state {
	TASK_PENDING = PB__TASK_STATE__PENDING,
	TASK_RUNNING = PB__TASK_STATE__RUNNING,
	TASK_COMPLETED = PB__TASK_STATE__COMPLETED,
	TASK_FAILED = PB__TASK_STATE__FAILED,
	TASK_STOPPED = PB__TASK_STATE__STOPPED,
};

enum task_phase {
	PHASE_QUEUED = PB__TASK_PHASE__QUEUED,
	PHASE_ASSIGNED = PB__TASK_PHASE__ASSIGNED,
	PHASE_STAGING = PB__TASK_PHASE__STAGING,
	PHASE_EXECUTING = PB__TASK_PHASE__EXECUTING,
	PHASE_COLLECTING = PB__TASK_PHASE__COLLECTING,
	PHASE_ENDED = PB__TASK_PHASE__ENDED,
};

enum task_failure {
	FAILURE_NONE = PB__TASK_FAILURE__NO_FAILURE,
	FAILURE_USER_EXIT = PB__TASK_FAILURE__USER_EXIT,
	FAILURE_OOM = PB__TASK_FAILURE__OOM,
	FAILURE_TIMEOUT = PB__TASK_FAILURE__TIMEOUT,
	FAILURE_DISK = PB__TASK_FAILURE__DISK,
	FAILURE_IMAGE = PB__TASK_FAILURE__IMAGE,
	FAILURE_INPUT = PB__TASK_FAILURE__INPUT,
	FAILURE_BUDGET = PB__TASK_FAILURE__BUDGET,
	FAILURE_INFRA = PB__TASK_FAILURE__INFRA,
};

const char *task_state_name(int state);     /* "PENDING"; "?" for none of them */
const char *task_phase_name(int phase);     /* "QUEUED" */
const char *task_failure_name(int failure); /* "user_exit", as people write it; "" for none */

/* Has it reached a state that never changes again? */
bool task_state_final(int state);

/* May a task in `from` become `to`? (PENDING to PENDING is no move.) */
bool task_may_become(int from, int to);

#endif
