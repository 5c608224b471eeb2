/* exec/probe.h - what this machine is: cores (cgroup quota counted), memory, disk, GPUs, architecture,
 * kernel.
 *
 * GPUs come from `nvidia-smi --query-gpu=uuid,name,memory.total --format=csv,noheader,nounits` when it is in
 * PATH (5 s deadline). Blocks: on the thread pool, or before the loop runs. */
#ifndef EXEC_PROBE_H
#define EXEC_PROBE_H

#include "net/arena.h"

#include "hivemind.pb-c.h"

/* disk: a path whose file system's free space is offered. Everything lies in arena. */
Pb__Host *probe_host(struct arena *arena, const char *disk);

/* CPU and memory files of both cgroup versions; root is "" outside of tests. 0 = no limit. */
uint32_t probe_milli_cpus(const char *root);
uint64_t probe_memory(const char *root);

#endif
