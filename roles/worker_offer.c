/* roles/worker_offer.c - shares of the machine as options say them: all of it, but
 * for what it needs itself. */
#include "roles/worker_offer.h"

#include <inttypes.h>
#include <string.h>

#include "exec/probe.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "proto/typed.h"
#include "roles/price.h"
#include "roles/roles.h"

static int read_share(const char *option, const char *text, uint64_t total, uint64_t scale, uint64_t *to,
			struct error *err)
{
	bool size = text != NULL && scale == 1 && strchr(text, '%') == NULL;
	int64_t bytes = size ? parse_size(text) : 0;

	if (text == NULL)
		return 0;
	if (size)
		*to = bytes > 0 && (uint64_t)bytes <= total ? (uint64_t)bytes : 0;
	else
		*to = share_of(text, total, scale);
	if (*to != 0)
		return 0;
	error_set(err, STATUS_INVALID_ARGUMENT, "%s %.32s is no part of what this machine has", option, text);
	return scale == 1 ? error_hint(err, "it has %" PRIu64 " MiB, for example %s 50%%", total >> 20, option)
			  : error_hint(err, "it has %g cores, for example %s 75%%", (double)total / 1000, option);
}

/* What its owner lends of the machine: all of it, but for some memory and disk that
 * the machine itself needs. */
static int offer(struct worker *w, struct error *err)
{
	const Pb__Resources *total = w->host->total;
	Pb__Resources *offered = arena_alloc(&w->arena, sizeof *offered);
	uint64_t cpus = total->milli_cpus;
	int rc;

	*offered = (Pb__Resources)PB__RESOURCES__INIT;
	offered->memory = total->memory - total->memory / 16;
	offered->disk = total->disk - total->disk / 16;
	offered->gpus = w->host->n_gpus < (size_t)w->options.gpus ? (uint32_t)w->host->n_gpus
								    : (uint32_t)w->options.gpus;
	rc = read_share("--cpus", w->options.cpus, total->milli_cpus, 1000, &cpus, err);
	if (rc == 0)
		rc = read_share("--memory", w->options.memory, total->memory, 1, &offered->memory, err);
	if (rc == 0)
		rc = read_share("--disk", w->options.disk, total->disk, 1, &offered->disk, err);
	offered->milli_cpus = (uint32_t)cpus;
	w->host->offered = offered;
	w->resources = (struct worker_resources){.milli_cpus = offered->milli_cpus, .memory = offered->memory,
						 .disk = offered->disk, .gpus = offered->gpus,
						 .tasks_max = (uint32_t)w->options.tasks_max};
	return rc;
}

int worker_describe(struct worker *w, struct error *err)
{
	w->host = probe_host(&w->arena, w->data);
	w->host->version = arena_strdup(&w->arena, HIVEMIND_VERSION);
	w->host->donor = w->options.donate;
	if (w->options.min_price != NULL && price_parse(w->options.min_price, &w->host->min_core_ncpt, err) != 0)
		return err->status;
	text_copy(w->name, sizeof w->name, w->options.name != NULL ? w->options.name : w->host->name);
	return offer(w, err);
}
