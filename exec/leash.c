/* exec/leash.c - a file of one size, its blocks reserved (a full disk must
 * not end who writes to it), mapped shared. */
#include "exec/leash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/status.h"

#define VERSION "hivemind leash2"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void read_boot(char *boot, size_t size)
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, boot, size - 1) : 0;

	boot[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* --- open ------------------------------------------------------------------------------------ */

static int map(struct leash *f, const char *data, struct error *err)
{
	char path[512];
	int rc = -1;
	void *page = MAP_FAILED;

	snprintf(path, sizeof path, "%s/leash", data);
	f->page = NULL;
	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->fd >= 0 && (rc = posix_fallocate(f->fd, 0, sizeof *f->page)) == 0)
		page = mmap(NULL, sizeof *f->page, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (page == MAP_FAILED) {
		error_set(err, status_from_errno(rc > 0 ? rc : errno), "cannot make %s: %s", path,
			  strerror(rc > 0 ? rc : errno));
		leash_close(f);
		return err->status;
	}
	f->page = page;
	return 0;
}

static void begin_anew(struct leash_page *page, const char *boot)
{
	memset(page->slots, 0, sizeof page->slots);
	page->acked_ms = 0;
	text_copy(page->version, sizeof page->version, VERSION);
	text_copy(page->boot, sizeof page->boot, boot);
}

int leash_open(struct leash *f, const char *data, struct error *err)
{
	struct leash_page *page;
	char boot[sizeof page->boot];

	if (map(f, data, err) != 0)
		return err->status;
	page = f->page;
	read_boot(boot, sizeof boot);
	flock(f->fd, LOCK_EX);
	if (memcmp(page->version, VERSION, sizeof VERSION) != 0 || strncmp(page->boot, boot, sizeof boot) != 0)
		begin_anew(page, boot);
	f->generation = atomic_fetch_add(&page->generation, 1) + 1;
	page->lost_after_ms = LOST_AFTER_MS;
	page->owns_engine = false;
	flock(f->fd, LOCK_UN);
	return 0;
}

int leash_join(struct leash *f, const char *data, uint64_t generation, struct error *err)
{
	f->generation = generation;
	if (map(f, data, err) != 0 || leash_is_ours(f))
		return err->status;
	leash_close(f);
	return error_set(err, STATUS_ABORTED, "another worker has taken over %s", data);
}

void leash_close(struct leash *f)
{
	if (f->page != NULL)
		munmap(f->page, sizeof *f->page);
	if (f->fd >= 0)
		close(f->fd);
	f->page = NULL;
	f->fd = -1;
}

bool leash_is_ours(const struct leash *f)
{
	return atomic_load(&f->page->generation) == f->generation;
}

bool leash_lock(struct leash *f)
{
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	if (leash_is_ours(f))
		return true;
	leash_unlock(f);
	return false;
}

void leash_unlock(struct leash *f)
{
	flock(f->fd, LOCK_UN);
}

/* --- the clock ------------------------------------------------------------------------------- */

void leash_renew(struct leash *f, int64_t sent_ms, int64_t lost_after_ms)
{
	f->page->lost_after_ms = lost_after_ms;
	if (sent_ms > f->page->acked_ms)
		f->page->acked_ms = sent_ms;
}

static int64_t begins(const struct leash *f, enum leash_stage stage, int64_t late_ms)
{
	int64_t lost_ms = f->page->lost_after_ms;

	return f->page->acked_ms + late_ms + (stage == LEASH_PAUSE ? PAUSE_AFTER(lost_ms) : KILL_AFTER(lost_ms));
}

enum leash_stage leash_stage(const struct leash *f, int64_t now_ms, int64_t late_ms)
{
	if (now_ms >= begins(f, LEASH_KILL, late_ms))
		return LEASH_KILL;
	return now_ms >= begins(f, LEASH_PAUSE, late_ms) ? LEASH_PAUSE : LEASH_RUN;
}

int64_t leash_next(const struct leash *f, int64_t now_ms, int64_t late_ms)
{
	enum leash_stage stage = leash_stage(f, now_ms, late_ms);

	return stage == LEASH_KILL ? INT64_MAX : begins(f, stage + 1, late_ms) - now_ms;
}

/* --- containers ------------------------------------------------------------------------------ */

bool leash_slot_live(const struct leash_slot *slot)
{
	return atomic_load(&slot->holder) != 0;
}

unsigned leash_live(const struct leash *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < LEASH_SLOTS; i++)
		n += leash_slot_live(&f->page->slots[i]);
	return n;
}

struct leash_slot *leash_hold(struct leash *f, const char *socket, const char *name, int64_t extra_ms)
{
	struct leash_slot *slot, *empty = NULL;

	for (slot = f->page->slots; slot < f->page->slots + LEASH_SLOTS; slot++) {
		if (leash_slot_live(slot) && strncmp(slot->name, name, sizeof slot->name) == 0)
			break;
		if (!leash_slot_live(slot) && empty == NULL)
			empty = slot;
	}
	if (slot == f->page->slots + LEASH_SLOTS) {
		slot = empty;
		if (slot == NULL)
			return NULL;
		text_copy(slot->name, sizeof slot->name, name);
		slot->paused_ms = 0;
		slot->killed = false;
		slot->pid = 0;
	}
	text_copy(slot->socket, sizeof slot->socket, socket);
	slot->extra_ms = extra_ms;
	slot->holder = f->generation; /* last: now the rest of it is there to be read */
	return slot;
}

void leash_note(struct leash_slot *slot, struct container_process p)
{
	if (slot == NULL)
		return;
	slot->started = p.started;
	slot->pid = p.pid;
}

struct container_process leash_process(const struct leash_slot *slot)
{
	return (struct container_process){.pid = slot->pid, .started = slot->started};
}

bool leash_kill(struct leash_slot *slot)
{
	slot->killed = true; /* before: its end may be seen at once */
	return container_process_kill(leash_process(slot));
}

void leash_release(struct leash_slot *slot)
{
	if (slot != NULL)
		slot->holder = 0;
}

void leash_forget_others(struct leash *f)
{
	for (size_t i = 0; i < LEASH_SLOTS; i++)
		if (f->page->slots[i].holder != f->generation)
			leash_release(&f->page->slots[i]);
}
