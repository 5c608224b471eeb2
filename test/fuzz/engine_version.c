/* test/fuzz/engine_version.c - what a socket that may be an engine's says of itself, and of a container's
 * end. */
#include "exec/engine.c"

#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, n);
	struct engine e = {.seccomp_fd = -1};
	struct opening o = {.engine = &e};
	int status = json != NULL ? read_version(&o, json) : 0;

	must(status == o.error.status);
	must(status != 0 || json == NULL || (strncmp(e.api, "1.", 2) == 0 && e.kind[0] != '\0'));
	json_integer(json_get(json, "State"), "ExitCode");
	json_true(json, "OOMKilled");
	if (e.seccomp_fd >= 0)
		close(e.seccomp_fd);
	cJSON_Delete(json);
	return 0;
}
