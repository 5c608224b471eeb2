/* exec/usage_meter.h - what a container has used so far, read from the kernel's own files for its cgroup.
 *
 * Sampled while it runs: when the container has ended its cgroup is gone, and what it
 * used after the last sample is not counted. Works for both cgroup versions; where the
 * files cannot be read, nothing is measured. */
#ifndef EXEC_USAGE_METER_H
#define EXEC_USAGE_METER_H

#include <stdbool.h>
#include <stdint.h>

struct usage_meter {
	int cpu, memory, oom;     /* open files; -1 = none */
	bool second;              /* cgroup version 2 */
	uint64_t cpu_us, peak_memory;
	uint64_t oom_kills;
};

void usage_meter_init(struct usage_meter *m);

/* Find the files of the cgroup that process `pid` is in. root is "" outside of tests. */
void usage_meter_open(struct usage_meter *m, const char *root, int pid);
bool usage_meter_is_open(const struct usage_meter *m);

/* Read them; what cannot be read any more keeps its last value. */
void usage_meter_read(struct usage_meter *m);
void usage_meter_close(struct usage_meter *m);

#endif
