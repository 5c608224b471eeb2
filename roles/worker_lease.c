/* roles/worker_lease.c - a lease has come: begin the attempt, or give it back and say why.
 *
 * Before anything is done for a lease all of it is checked: what it asks for, what this machine lends and its
 * owner allows, whether tasks are taken at all now. One that was said twice is passed over. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "net/crash.h"
#include "net/log.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/worker.h"
#include "roles/worker_policy.h"

#define DISK_RESERVE (2 * GiB)

/* Little room, both in bytes and as a part of the disk? Then what runs needs it. */
static bool disk_is_short(const struct worker *w)
{
	struct statvfs fs;

	return statvfs(w->data, &fs) == 0 && fs.f_bavail < fs.f_blocks / 10 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < (uint64_t)DISK_RESERVE;
}

const char *worker_not_ready(struct worker *w)
{
	if (w->leaving)
		return "it is being stopped";
	if (w->page.reason[0] != '\0')
		return w->page.reason;
	if (w->engine.error.status != 0)
		return w->engine.error.text;
	if (!w->engine.known)
		return "its container engine is being looked at";
	if (disk_is_short(w))
		return "its disk is nearly full";
	if (worker_resources_full(&w->resources)) {
		snprintf(w->full, sizeof w->full, "it runs %u tasks, as many as its owner allows", w->resources.tasks);
		return w->full;
	}
	return "";
}

static int check_lease(struct worker *w, const Pb__Lease *lease, struct reservation *reserved,
		       struct error *err)
{
	const char *not_ready = worker_not_ready(w);
	int rc;

	if (!task_id_valid(lease->task) || lease->spec == NULL || lease->spec->resources == NULL ||
	    !sha256_hex_valid(lease->bundle_sha256))
		return error_set(err, STATUS_INVALID_ARGUMENT, "the lease is not one that this worker understands");
	rc = worker_policy_check(&w->resources, &w->options.images, lease->spec, err);
	if (rc == 0)
		rc = worker_policy_check_image(&w->page.policy, lease->spec->image, err);
	if (rc != 0)
		return rc;
	if (not_ready[0] != '\0')
		return error_set(err, STATUS_UNAVAILABLE, "%s", not_ready);
	return worker_resources_take(&w->resources, lease->spec->resources, reserved, err);
}

static void refuse(struct worker *w, const Pb__Lease *lease, const struct error *why)
{
	Pb__GiveBack give_back = PB__GIVE_BACK__INIT;
	Pb__WorkerMessage message = PB__WORKER_MESSAGE__INIT;

	log_warn("lease refused task=%s text=\"%s\"", lease->task, why->text);
	worker_page_refused(&w->page, lease->task, lease->epoch, why->text);
	give_back.task = lease->task;
	give_back.epoch = lease->epoch;
	give_back.reason = (char *)why->text;
	give_back.not_allowed = why->status == STATUS_PERMISSION_DENIED;
	message.kind_case = PB__WORKER_MESSAGE__KIND_GIVE_BACK;
	message.give_back = &give_back;
	worker_link_send(&w->link, &message);
}

void worker_lease(struct worker *w, const Pb__Lease *lease)
{
	struct reservation reserved;
	struct error err = {0};

	crash_point(WORKER_LEASE_HEARD);
	if (worker_attempt(w, lease->task, lease->epoch) != NULL)
		return; /* said twice */
	if (check_lease(w, lease, &reserved, &err) != 0) {
		refuse(w, lease, &err);
		return;
	}
	attempt_start(w, lease, &reserved);
	crash_point(WORKER_LEASE_BEGUN);
	if (worker_resources_full(&w->resources))
		worker_link_beat(&w->link);
}
