/* test/fuzz/engine_image.c - what an engine says of an image, part of which the image's maker wrote: a volume
 * that is taken lies at a plain place where we mount nothing ourselves. */
#include "exec/image.c"

#include "test/fuzz/fuzz.h"

static void check_volume(const char *path)
{
	must(path[0] == '/' && path[1] != '\0' && path[strlen(path) - 1] != '/');
	must(strstr(path, "//") == NULL && strstr(path, "/./") == NULL && strstr(path, "/../") == NULL);
	must(!is_below(path, "/proc") && !is_below(path, "/work") && !is_below(path, "/dev"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, n);
	struct image i = {0};

	read_volumes(&i, json);
	must(i.volume_count <= IMAGE_VOLUMES_MAX);
	for (size_t at = 0; at < i.volume_count; at++) {
		check_volume(i.volumes[at]);
		free(i.volumes[at]);
	}
	must(i.failure == 0 || i.error.status != 0);
	cJSON_Delete(json);
	return 0;
}
