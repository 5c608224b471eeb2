/* proto/state.h - a state of a machine, as data: its name and the states that may follow.
 *
 * A table of these, indexed by the machine's own enum, is the machine's drawing. net/step.h moves a
 * machine along it and checks every move; the names appear in logs, in the store and on screens. */
#ifndef PROTO_STATE_H
#define PROTO_STATE_H

#include <stdint.h>

struct state {
	const char *name;
	uint32_t next; /* bit set of the states that may follow: TO(A) | TO(B) */
};

#define TO(s) (1u << (s))

#endif
