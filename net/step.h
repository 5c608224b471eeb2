/* net/step.h - the one function that moves a machine along its table (proto/state.h). */
#ifndef NET_STEP_H
#define NET_STEP_H

#include <assert.h>

#include "net/log.h"
#include "proto/state.h"

struct step {
	const struct state *states;
	int at;
};

/* Move to state s, which the table must allow; `who` names the machine in the log. */
static inline void step_to(struct step *m, int s, const char *who)
{
	assert(m->states[m->at].next & TO(s));
	log_debug("%s: %s -> %s", who, m->states[m->at].name, m->states[s].name);
	m->at = s;
}

#endif
