/* roles/orphans.c - see roles/orphans.h. For each directory, page by page:
 *
 *   list (on the thread pool) -> store_blobs_known -> delete what is not -> the next page, or directory */
#include "roles/orphans.h"

#include "net/log.h"
#include "net/memory.h"
#include "roles/pool.h"

static void list(struct orphans *o);

static void run_list(struct work *work)
{
	struct orphans *o = container_of(work, struct orphans, work);

	o->count = blobs_list(o->pool->blobs, o->part, BLOB_ORPHAN_MS, o->skip, o->names, ORPHAN_PAGE);
}

static void next_part(struct orphans *o)
{
	o->part = (o->part + 1) % 256;
	o->skip = 0;
	if (--o->left > 0)
		list(o);
	else
		o->on_done(o);
}

static void on_known(struct store_req *req)
{
	struct orphans *o = req->user;
	int status = req->error.status;
	size_t gone = 0;

	/* Whoever was replaced meanwhile deletes nothing: leader_certain(). */
	for (size_t i = 0; status == 0 && i < o->count && leader_certain(&o->pool->leader); i++) {
		if (req->outcomes[i] != OUTCOME_GONE)
			continue;
		blobs_delete(o->pool->blobs, o->names[i]);
		gone++;
	}
	store_req_release(req);
	if (gone > 0)
		log_info("files of blobs that nobody knows deleted part=%02x count=%zu", o->part, gone);
	if (o->closed)
		return;
	o->skip += o->count - gone;
	if (status != 0)
		o->on_done(o);
	else if (o->count == ORPHAN_PAGE)
		list(o);
	else
		next_part(o);
}

static void on_listed(struct work *work)
{
	struct orphans *o = container_of(work, struct orphans, work);
	const char *names[ORPHAN_PAGE];

	if (o->closed)
		return;
	if (o->count == 0) {
		next_part(o);
		return;
	}
	for (size_t i = 0; i < o->count; i++)
		names[i] = o->names[i];
	o->req = (struct store_req){.on_done = on_known, .user = o};
	store_blobs_known(o->pool->store, &o->req, names, o->count);
}

static void list(struct orphans *o)
{
	work_start(&o->pool->loop, &o->work, run_list, on_listed);
}

void orphans_init(struct orphans *o, struct pool *pool)
{
	o->pool = pool;
}

void orphans_look(struct orphans *o, void (*on_done)(struct orphans *o))
{
	o->on_done = on_done;
	o->left = ORPHAN_PARTS;
	o->skip = 0;
	list(o);
}

void orphans_close(struct orphans *o)
{
	o->closed = true;
}
