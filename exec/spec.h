/* exec/spec.h - a task's spec within bounds, wherever it came from: a manifest, the command line, the wire.
 */
#ifndef EXEC_SPEC_H
#define EXEC_SPEC_H

#include <stdbool.h>

#include "net/arena.h"
#include "proto/error.h"

#include "hivemind.pb-c.h"

/* Empty, with every default in its place; command and name are still to be set. */
void spec_init(Pb__TaskSpec *spec, struct arena *arena);

/* Are all values within proto/limits.h? Used by client and pool alike; the words name the field. */
int spec_check(const Pb__TaskSpec *spec, struct error *err);

/* Only the field of this name as the manifest has it ("resources.memory"). */
int spec_check_field(const Pb__TaskSpec *spec, const char *field, struct error *err);

/* "requeue", "fail", "wait:10m" as the manifest's on_disconnect has it; false = it is none of them. */
bool on_disconnect_parse(Pb__TaskSpec *spec, const char *text);
/* The same words; "wait:600s". */
const char *on_disconnect_text(const Pb__TaskSpec *spec, char *buf, size_t n);

/* How many attempts may follow those that end with an exit status of `retry`: with this one, and in all. */
uint32_t retry_on_exit(const Pb__TaskSpec *spec, int exit_code);
uint32_t retry_on_exit_most(const Pb__TaskSpec *spec);

/* Set or replace an environment variable: "K=V" (as --env gives it). */
int spec_set_env(Pb__TaskSpec *spec, struct arena *arena, const char *assignment, struct error *err);

#endif
