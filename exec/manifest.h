/* exec/manifest.h - hivemind.json: what a bundle wants to be run how (hivemind-bundle.5).
 *
 * Reads JSON into a Pb__TaskSpec with defaults filled in and within the bounds of exec/spec.h. Unknown
 * fields are errors with the nearest known name; fields that later versions will know (sweep, after, hosts,
 * network, retry.oom_grow, checkpoint, verify, budget, priority, secrets, inputs, notify, tip, where,
 * start_within, max_cpt, pull) are refused by name. Errors name file, line and field. */
#ifndef EXEC_MANIFEST_H
#define EXEC_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/spec.h" /* spec_check(), spec_set_env() */
#include "net/arena.h"
#include "proto/error.h"
#include "proto/typed.h" /* parse_size(), parse_duration(), nearest_word() */

#include "hivemind.pb-c.h"

#define MANIFEST_NAME "hivemind.json"

/* text of n bytes; everything of spec is allocated from arena. `name` is used when the manifest has none.
 * Without a "command" spec->n_command is 0: manifest_choose_command() is next. */
int manifest_parse(Pb__TaskSpec *spec, struct arena *arena, const char *text, size_t n, const char *name,
		   struct error *err);

/* The spec of a bundle without manifest: run.sh, else main.py (image python:3-slim); INVALID_ARGUMENT if
 * it has neither. */
int manifest_guess(Pb__TaskSpec *spec, struct arena *arena, bool has_run_sh, bool has_main_py,
		   const char *name, struct error *err);

/* Fill in the command of a manifest that has none, by the same rule. Nothing to do when it has one. */
int manifest_choose_command(Pb__TaskSpec *spec, bool has_run_sh, bool has_main_py, struct arena *arena,
			    struct error *err);

#endif
