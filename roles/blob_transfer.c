#include "roles/blob_transfer.h"

#include <string.h>

#include "net/crash.h"
#include "net/memory.h"
#include "roles/download.h"
#include "roles/upload.h"
#include "ui/term.h"

struct blob_transfer {
	struct client *client;
	struct progress progress;
	uint64_t total;
	struct upload upload;
	struct download download;
};

static void ended(struct blob_transfer *t, const struct error *err)
{
	struct client *c = t->client;

	c->error = *err;
	c->over = true;
	loop_stop(&c->loop);
}

/* --- upload ------------------------------------------------------------------------------------- */

static void on_sent(struct upload *u, uint64_t done)
{
	struct blob_transfer *t = u->user;

	progress_bytes(&t->progress, done, u->size);
	crash_point(CLIENT_UPLOAD_PIECE);
}

static void on_upload_done(struct upload *u, const struct error *err)
{
	ended(u->user, err);
}

static void cancel_upload(struct client *c)
{
	struct blob_transfer *t = c->cancelled;

	upload_cancel(&t->upload);
}

int blob_transfer_bundle(struct client *c, const struct bundle *b, bool tell)
{
	struct blob_transfer t = {.client = c};
	char size[24];

	t.upload = (struct upload){.loop = &c->loop,
				   .channel = c->channel,
				   .fd = b->fd,
				   .size = b->size,
				   .on_progress = on_sent,
				   .on_done = on_upload_done,
				   .user = &t};
	memcpy(t.upload.sha256, b->sha256, sizeof t.upload.sha256);
	progress_start(&t.progress, "Uploading", c->globals.json || c->globals.quiet);
	upload_start(&t.upload);
	client_wait(c, cancel_upload, &t);
	crash_point(CLIENT_UPLOAD_DONE);
	if (c->error.status != 0)
		client_explain(c);
	if (c->error.status != 0 || !tell)
		progress_end(&t.progress, NULL);
	else
		progress_end(&t.progress, t.upload.sent > 0 ? format_bytes(t.upload.sent, size)
		                                            : "the pool has it already");
	return c->error.status;
}

/* --- download ----------------------------------------------------------------------------------- */

static void on_received(struct download *d, uint64_t done, uint64_t total)
{
	struct blob_transfer *t = d->user;

	progress_bytes(&t->progress, done, total);
	crash_point(CLIENT_RESULT_PIECE);
}

static void on_download_done(struct download *d, const struct error *err)
{
	ended(d->user, err);
}

static void cancel_download(struct client *c)
{
	struct blob_transfer *t = c->cancelled;

	download_cancel(&t->download);
}

int blob_transfer_result(struct client *c, const Pb__Task *task, int fd, uint64_t have)
{
	struct blob_transfer t = {.client = c};

	t.download = (struct download){.loop = &c->loop,
				       .channel = c->channel,
				       .kind = PB__BLOB_KIND__RESULT,
				       .fd = fd,
				       .have = have,
				       .on_progress = on_received,
				       .on_done = on_download_done,
				       .user = &t};
	text_copy(t.download.task, sizeof t.download.task, task->id);
	text_copy(t.download.expect, sizeof t.download.expect, task->result_sha256);
	progress_start(&t.progress, "Fetching", c->globals.json || c->globals.quiet);
	download_start(&t.download);
	client_wait(c, cancel_download, &t);
	progress_end(&t.progress, NULL);
	if (c->error.status != 0)
		client_explain(c);
	return c->error.status;
}
