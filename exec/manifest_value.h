/* exec/manifest_value.h - the values of a manifest, one reader for each kind; only for exec/manifest.c.
 *
 * What is read goes into m->arena. All faults are INVALID_ARGUMENT of
 * one shape: "hivemind.json, line 4: ...". */
#ifndef EXEC_MANIFEST_VALUE_H
#define EXEC_MANIFEST_VALUE_H

#include <cjson/cJSON.h>

#include "exec/json_keys.h"
#include "net/arena.h"
#include "proto/error.h"

#include "hivemind.pb-c.h"

/* One manifest while it is read. */
struct manifest {
	Pb__TaskSpec *spec;
	struct arena *arena;
	struct error *err;
	struct json_keys keys;
	bool has_version;
};

/* Where a value stands. */
struct place {
	const char *field; /* "resources.memory" */
	int line, key;
};

int manifest_fail(struct manifest *m, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The value there is wrong: "must be ...". */
int manifest_wrong(struct manifest *m, const struct place *at, const char *words);
/* The line of a field of the object there. */
int manifest_line(const struct manifest *m, const struct place *at, const cJSON *item);

int manifest_string(struct manifest *m, const struct place *at, const cJSON *v, char **out);
int manifest_strings(struct manifest *m, const struct place *at, const cJSON *v, size_t max, size_t *n,
		     char ***out);
/* A whole number that a double holds exactly; -1 = it is none. */
int64_t manifest_whole(const cJSON *v);
/* "512MiB" or bytes; "90s" or seconds. */
int manifest_size(struct manifest *m, const struct place *at, const cJSON *v, uint64_t *out);
int manifest_duration(struct manifest *m, const struct place *at, const cJSON *v, uint32_t *out);

#endif
