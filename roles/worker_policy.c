/* roles/worker_policy.c - see roles/worker_policy.h. Pure. */
#include "roles/worker_policy.h"

#include <inttypes.h>

#include "exec/glob.h"
#include "exec/spec.h"
#include "proto/status.h"

static int check_share(const struct worker_resources *lent, const Pb__Resources *need, struct error *err)
{
	if (need->milli_cpus > lent->milli_cpus)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %.2f cores, its owner lends %.2f",
				 need->milli_cpus / 1000.0, lent->milli_cpus / 1000.0);
	if (need->memory > lent->memory)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %" PRIu64 " MiB of memory, its owner lends %" PRIu64,
				 need->memory >> 20, lent->memory >> 20);
	if (need->disk > lent->disk)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %" PRIu64 " MiB of disk, its owner lends %" PRIu64,
				 need->disk >> 20, lent->disk >> 20);
	if (need->gpus > lent->gpus)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %u GPUs, its owner lends %u", need->gpus, lent->gpus);
	return 0;
}

static int check_image(const struct texts *images, const char *image, struct error *err)
{
	if (images->n == 0 || image[0] == '\0')
		return 0;
	for (int i = 0; i < images->n; i++)
		if (glob_match(images->at[i], image))
			return 0;
	return error_set(err, STATUS_PERMISSION_DENIED, "its owner does not allow the image %.200s", image);
}

int worker_policy_check(const struct worker_resources *lent, const struct texts *images, const Pb__TaskSpec *spec,
			struct error *err)
{
	int rc = spec_check(spec, err);

	if (rc == 0)
		rc = check_share(lent, spec->resources, err);
	return rc == 0 ? check_image(images, spec->image, err) : rc;
}
