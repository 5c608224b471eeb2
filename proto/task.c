#include "proto/task.h"

#include <stddef.h>

#include "proto/state.h"

static const struct state states[] = {
	[TASK_PENDING] = {"PENDING", TO(TASK_RUNNING) | TO(TASK_FAILED) | TO(TASK_STOPPED)},
	[TASK_RUNNING] = {"RUNNING", TO(TASK_PENDING) | TO(TASK_COMPLETED) | TO(TASK_FAILED) |
				     TO(TASK_STOPPED)},
	[TASK_COMPLETED] = {"COMPLETED", 0},
	[TASK_FAILED] = {"FAILED", 0},
	[TASK_STOPPED] = {"STOPPED", 0},
};

static const char *const phases[] = {
	[PHASE_QUEUED] = "QUEUED",       [PHASE_ASSIGNED] = "ASSIGNED",
	[PHASE_STAGING] = "STAGING",     [PHASE_EXECUTING] = "EXECUTING",
	[PHASE_COLLECTING] = "COLLECTING", [PHASE_ENDED] = "ENDED",
};

static const char *const failures[] = {
	[FAILURE_NONE] = "",           [FAILURE_USER_EXIT] = "user_exit",
	[FAILURE_OOM] = "oom",         [FAILURE_TIMEOUT] = "timeout",
	[FAILURE_DISK] = "disk",       [FAILURE_IMAGE] = "image",
	[FAILURE_INPUT] = "input",     [FAILURE_BUDGET] = "budget",
	[FAILURE_INFRA] = "infra",
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct state *find(int state)
{
	if (state < 0 || state >= COUNT(states) || states[state].name == NULL)
		return NULL;
	return &states[state];
}

const char *task_state_name(int state)
{
	const struct state *s = find(state);

	return s != NULL ? s->name : "?";
}

const char *task_phase_name(int phase)
{
	return phase > 0 && phase < COUNT(phases) ? phases[phase] : "?";
}

const char *task_failure_name(int failure)
{
	return failure >= 0 && failure < COUNT(failures) ? failures[failure] : "?";
}

bool task_state_final(int state)
{
	const struct state *s = find(state);

	return s != NULL && s->next == 0;
}

bool task_may_become(int from, int to)
{
	const struct state *s = find(from);

	return s != NULL && find(to) != NULL && (s->next & TO(to)) != 0;
}
