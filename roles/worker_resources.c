/* roles/worker_resources.c - take a reservation, give it back. Fails only for want of
 * something, which it names. */
#include "roles/worker_resources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"

static uint32_t count_bits(uint64_t bits)
{
	return (uint32_t)__builtin_popcountll(bits);
}

/* More may be used than is lent now: what an earlier process had begun goes on. */
static uint64_t room(uint64_t lent, uint64_t used)
{
	return lent > used ? lent - used : 0;
}

static int check(const struct worker_resources *r, const Pb__Resources *need, struct error *err)
{
	uint32_t free_gpus = (uint32_t)room(r->gpus, count_bits(r->used_gpus));
	uint64_t milli_cpus = room(r->milli_cpus, r->used_milli_cpus), memory = room(r->memory, r->used_memory);
	uint64_t disk = room(r->disk, r->used_disk);

	if (worker_resources_full(r))
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "this worker runs %u tasks already, as many as it may",
				 r->tasks);
	if (need->milli_cpus > milli_cpus)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "needs %.2f cores, %.2f of %.2f are free",
				 need->milli_cpus / 1000.0, (double)milli_cpus / 1000.0, r->milli_cpus / 1000.0);
	if (need->memory > memory)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "needs %" PRIu64 " MiB of memory, %" PRIu64 " are free",
				 need->memory >> 20, memory >> 20);
	if (need->disk > disk)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "needs %" PRIu64 " MiB of disk, %" PRIu64 " are free",
				 need->disk >> 20, disk >> 20);
	if (need->gpus > free_gpus)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "needs %u GPUs, %u are free", need->gpus, free_gpus);
	return 0;
}

static int take_slot(struct worker_resources *r)
{
	for (int slot = 0; slot < ATTEMPTS_MAX; slot++)
		if (!r->slots[slot]) {
			r->slots[slot] = true;
			return slot;
		}
	return -1;
}

static void add(struct worker_resources *r, const struct reservation *got)
{
	r->used_milli_cpus += got->milli_cpus;
	r->used_memory += got->memory;
	r->used_disk += got->disk;
	r->used_gpus |= got->gpus;
	r->tasks++;
}

static uint64_t take_gpus(const struct worker_resources *r, uint32_t count)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; i < r->gpus && count > 0; i++)
		if (!(r->used_gpus & (1ull << i))) {
			taken |= 1ull << i;
			count--;
		}
	return taken;
}

int worker_resources_take(struct worker_resources *r, const Pb__Resources *need, struct reservation *got,
			  struct error *err)
{
	int rc = check(r, need, err);

	if (rc != 0)
		return rc;
	*got = (struct reservation){.milli_cpus = need->milli_cpus, .memory = need->memory, .disk = need->disk};
	got->slot = take_slot(r);
	if (got->slot < 0)
		return error_set(err, STATUS_RESOURCE_EXHAUSTED, "too many ended tasks are still being cleared away");
	got->gpus = take_gpus(r, need->gpus);
	add(r, got);
	return 0;
}

int worker_resources_retake(struct worker_resources *r, const Pb__Resources *need, uint32_t slot,
			    uint64_t gpus, bool whole, struct reservation *got, struct error *err)
{
	if (slot >= ATTEMPTS_MAX || r->slots[slot] || (whole && (gpus & r->used_gpus) != 0))
		return error_set(err, STATUS_INVALID_ARGUMENT, "slot %u is not free", slot);
	r->slots[slot] = true;
	*got = (struct reservation){.slot = (int)slot};
	if (!whole)
		return 0;
	got->milli_cpus = need->milli_cpus;
	got->memory = need->memory;
	got->disk = need->disk;
	got->gpus = gpus;
	add(r, got);
	return 0;
}

void worker_resources_give(struct worker_resources *r, const struct reservation *back)
{
	r->used_milli_cpus -= back->milli_cpus;
	r->used_memory -= back->memory;
	r->used_disk -= back->disk;
	r->used_gpus &= ~back->gpus;
	r->tasks--;
}

void worker_resources_give_slot(struct worker_resources *r, const struct reservation *back)
{
	r->slots[back->slot] = false;
}

bool worker_resources_full(const struct worker_resources *r)
{
	return r->tasks >= r->tasks_max;
}

const char *reservation_gpus(const struct reservation *r, Pb__Gpu *const *gpus, struct arena *arena)
{
	const char *list = NULL;

	for (int i = 0; i < GPUS_MAX; i++)
		if (r->gpus & (1ull << i))
			list = list == NULL ? arena_strdup(arena, gpus[i]->uuid)
					    : arena_printf(arena, "%s,%s", list, gpus[i]->uuid);
	return list;
}

uint64_t share_of(const char *text, uint64_t total, uint64_t scale)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !(value > 0))
		return 0;
	if (strcmp(end, "%") == 0)
		value = value / 100 * (double)total;
	else if (*end == '\0')
		value *= (double)scale;
	else
		return 0;
	return value < 1 || value > (double)total ? 0 : (uint64_t)value;
}
