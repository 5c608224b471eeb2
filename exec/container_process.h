/* exec/container_process.h - the first process of a container, which can be killed without the engine: with
 * it all of the container ends. For an engine that hangs. It needs the right to do so: root's, or the engine
 * is this user's own; elsewhere the engine alone can kill. */
#ifndef EXEC_CONTAINER_PROCESS_H
#define EXEC_CONTAINER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct container_process {
	int pid;          /* 0 = not known */
	uint64_t started; /* in the kernel's ticks since boot: with the pid, no other process is taken for it */
};

/* The engine says that this is the first process of the container with that id.
 * Its cgroup must say so too, else pid is 0. */
struct container_process container_process_find(int pid, const char *id);

bool container_process_runs(struct container_process p);

/* SIGKILL. false: not known, not there, or not allowed. */
bool container_process_kill(struct container_process p);

#endif
