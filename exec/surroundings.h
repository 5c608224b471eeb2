/* exec/surroundings.h - does somebody need this machine just now? Is it on mains? Read from the kernel's
 * files.
 *
 * In use: something was typed at a terminal in the last SURROUNDINGS_IDLE_S, or other programs than our
 * tasks have kept more than a quarter of its cores busy for the last minute. A graphical session is only
 * noticed by what its programs do. */
#ifndef EXEC_SURROUNDINGS_H
#define EXEC_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#define SURROUNDINGS_IDLE_S 300

struct surroundings {
	bool on_mains;    /* true where there is no battery */
	bool has_battery;
	bool in_use;
	int64_t typed_s;  /* since something was typed; INT64_MAX = nobody has */
	double load;      /* of the last minute, without what our tasks use; in cores */
};

/* root is "" outside of tests; ours: cores that our tasks have used; now_s: wall clock. Reads some small
 * files of the kernel: does not block. */
void surroundings_look(struct surroundings *s, const char *root, double cores, double ours, int64_t now_s);

#endif
