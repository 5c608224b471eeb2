/* roles/download.c - one blob into a file, machine and all. See the header for its drawing.
 *
 * Two buffers: `incoming` fills on the loop while the thread pool hashes and writes `writing`; above
 * INCOMING_MAX the call is paused. Where it can end early: the pool refuses; the first message does not fit
 * what was expected; the disk is full; nothing comes for STALL_MS (the call is cancelled and counts as lost).
 * Whatever happens, the machine passes CLOSING once: no call open, no write under way, the timer closed, then
 * on_done(). */
#include "roles/download.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define INCOMING_MAX (256 * KiB)
#define REREAD_PIECE (16 * MiB) /* in one go on the thread pool: a cancel waits no longer than that */
#define STALL_MS 30000

enum { NEW, REREADING, FETCHING, DRAINING, RESTING, CLOSING };

static const struct state states[] = {
	[NEW] = {"NEW", TO(REREADING) | TO(FETCHING)},
	[REREADING] = {"REREADING", TO(REREADING) | TO(FETCHING) | TO(CLOSING)},
	[FETCHING] = {"FETCHING", TO(DRAINING)},
	[DRAINING] = {"DRAINING", TO(RESTING) | TO(CLOSING)},
	[RESTING] = {"RESTING", TO(FETCHING) | TO(CLOSING)},
	[CLOSING] = {"CLOSING", 0},
};

static void fetch(struct download *d);
static void end_try(struct download *d);

static void await(struct download *d, int state)
{
	step_to(&d->step, state, "download");
}

static struct download *download_of(struct timer *t)
{
	return container_of(t, struct download, timer);
}

static void on_closed(struct timer *t)
{
	struct download *d = download_of(t);

	buf_release(&d->incoming);
	buf_release(&d->writing);
	d->on_done(d, &d->error);
}

static void finish(struct download *d)
{
	char sum[SHA256_HEX_SIZE];

	sha256_hex(&d->hash, sum);
	if (d->error.status == 0 && strcmp(sum, d->sha256) != 0)
		error_set(&d->error, STATUS_DATA_LOSS,
		          "what was fetched has another SHA-256 than the pool says");
	await(d, CLOSING);
	timer_close(&d->timer, on_closed);
}

static void on_timer(struct timer *t)
{
	struct download *d = download_of(t);

	if (d->step.at == RESTING) {
		fetch(d);
	} else if (d->paused) { /* it is the disk that is slow */
		timer_set(&d->timer, STALL_MS);
	} else {
		error_set(&d->error, STATUS_UNAVAILABLE, "the pool sent nothing for %d s", STALL_MS / 1000);
		grpc_call_cancel(&d->call);
	}
}

static void fail(struct download *d)
{
	if (d->call_open)
		grpc_call_cancel(&d->call);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_all(int fd, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(fd, data, n);

		if (wrote < 0 && errno == EAGAIN) { /* a pipe that someone made non-blocking */
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (wrote < 0 && errno != EINTR)
			return errno;
		if (wrote > 0) {
			data += wrote;
			n -= (size_t)wrote;
		}
	}
	return 0;
}

/* On the thread pool. */
static void write_piece(struct work *w)
{
	struct download *d = container_of(w, struct download, work);

	d->write_errno = write_all(d->fd, d->writing.data, d->writing.n);
	if (d->write_errno == 0)
		sha256_update(&d->hash, d->writing.data, d->writing.n);
}

static void on_written(struct work *w);

static void start_writing(struct download *d)
{
	struct buf full = d->incoming;

	if (d->busy || d->incoming.n == 0)
		return;
	d->incoming = d->writing;
	d->writing = full;
	d->incoming.n = 0;
	d->busy = true;
	work_start(d->loop, &d->work, write_piece, on_written);
	if (d->paused && d->call_open) {
		d->paused = false;
		grpc_call_resume(&d->call);
	}
}

static void on_written(struct work *w)
{
	struct download *d = container_of(w, struct download, work);

	d->busy = false;
	if (d->write_errno != 0) {
		d->incoming.n = 0; /* what comes after a hole is worth nothing */
		error_set(&d->error, status_from_errno(d->write_errno), "cannot write what was fetched: %s",
			  strerror(d->write_errno));
		fail(d);
	} else {
		d->done += d->writing.n;
		if (d->on_progress != NULL)
			d->on_progress(d, d->done, d->size);
		start_writing(d);
	}
	if (d->step.at == DRAINING && !d->busy)
		end_try(d);
}

/* --- one try ---------------------------------------------------------------------------------- */

/* The first message of a try says which blob this is: it must be the one that was expected, each time. */
static int check_head(struct download *d, const Pb__DownloadChunk *m)
{
	const char *wanted = d->sha256[0] != '\0' ? d->sha256 : d->expect;
	uint64_t max = d->max > 0 ? d->max : BUNDLE_MAX;

	if (!sha256_hex_valid(m->sha256))
		return error_set(&d->error, STATUS_INTERNAL, "the pool sent a blob without its hash");
	if (wanted[0] != '\0' && strcmp(wanted, m->sha256) != 0)
		return error_set(&d->error, STATUS_DATA_LOSS,
		                 "the pool has another blob there than was expected");
	if (m->size > max)
		return error_set(&d->error, STATUS_RESOURCE_EXHAUSTED,
		                 "the blob has %llu bytes; at most %llu are allowed",
		                 (unsigned long long)m->size, (unsigned long long)max);
	text_copy(d->sha256, sizeof d->sha256, m->sha256);
	d->size = m->size;
	return 0;
}

static void on_chunk(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct download *d = call->user;
	const Pb__DownloadChunk *m = (const void *)out;
	uint64_t pending = d->incoming.n + (d->busy ? d->writing.n : 0);

	if (d->error.status != 0)
		return;
	timer_set(&d->timer, STALL_MS);
	retry_moved(&d->retry);
	if ((m->sha256[0] != '\0' || d->sha256[0] == '\0') && check_head(d, m) != 0) {
		fail(d);
		return;
	}
	if (d->done + pending + m->data.len > d->size) {
		error_set(&d->error, STATUS_DATA_LOSS, "the pool sent more than the blob has");
		fail(d);
		return;
	}
	buf_append(&d->incoming, m->data.data, m->data.len);
	d->received += m->data.len;
	start_writing(d);
	if (d->incoming.n >= INCOMING_MAX && !d->paused) {
		d->paused = true;
		grpc_call_pause(call);
	}
}

static void on_call_done(struct grpc_call *call, const struct error *e)
{
	struct download *d = call->user;

	d->call_open = false;
	d->paused = false;
	timer_clear(&d->timer);
	if (d->error.status == 0)
		d->error = *e;
	if (d->error.status == STATUS_OUT_OF_RANGE)
		error_set(&d->error, STATUS_DATA_LOSS, "the file holds more than the blob has");
	await(d, DRAINING);
	if (!d->busy)
		end_try(d);
}

static void fetch(struct download *d)
{
	Pb__DownloadRequest request = PB__DOWNLOAD_REQUEST__INIT;

	await(d, FETCHING);
	request.task = d->task;
	request.kind = (Pb__BlobKind)d->kind;
	request.epoch = d->epoch;
	request.offset = d->done;
	d->call = (struct grpc_call){
		.method = &rpc_methods[RPC_BLOB_DOWNLOAD],
		.on_message = on_chunk,
		.on_done = on_call_done,
		.user = d,
	};
	d->call_open = true;
	timer_set(&d->timer, STALL_MS);
	grpc_call_unary(d->channel, &d->call, &request.base);
}

/* The call is over and everything that came is written: was it the end? */
static void end_try(struct download *d)
{
	uint64_t ms;

	if (d->error.status == 0 && d->sha256[0] == '\0')
		error_set(&d->error, STATUS_INTERNAL, "the pool sent no blob and no error");
	if (d->error.status == 0 && d->done < d->size)
		error_set(&d->error, STATUS_UNAVAILABLE, "the pool stopped at byte %llu of %llu",
			  (unsigned long long)d->done, (unsigned long long)d->size);
	/* A break after the last byte is none. */
	if (d->error.status == STATUS_UNAVAILABLE && d->sha256[0] != '\0' && d->done == d->size)
		error_clear(&d->error);
	if (d->error.status == 0 || !retry_again(&d->retry, d->error.status, &ms)) {
		finish(d);
		return;
	}
	error_clear(&d->error);
	await(d, RESTING);
	timer_set(&d->timer, ms);
}

/* --- what an earlier run left ----------------------------------------------------------------- */

/* On the thread pool. */
static void reread_piece(struct work *w)
{
	struct download *d = container_of(w, struct download, work);
	uint64_t end = d->have - d->done < REREAD_PIECE ? d->have : d->done + REREAD_PIECE;
	uint8_t piece[CHUNK_SIZE];

	d->write_errno = 0;
	while (d->done < end) {
		size_t n = end - d->done < sizeof piece ? (size_t)(end - d->done) : sizeof piece;
		ssize_t got = pread(d->fd, piece, n, (off_t)d->done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			d->write_errno = got < 0 ? errno : EIO;
			return;
		}
		sha256_update(&d->hash, piece, (size_t)got);
		d->done += (uint64_t)got;
	}
}

static void reread(struct download *d);

static void on_reread(struct work *w)
{
	struct download *d = container_of(w, struct download, work);

	if (d->write_errno != 0 && d->error.status == 0)
		error_set(&d->error, status_from_errno(d->write_errno),
		          "cannot read back what was fetched before: %s", strerror(d->write_errno));
	if (d->error.status != 0)
		finish(d);
	else if (d->done < d->have)
		reread(d);
	else
		fetch(d);
}

static void reread(struct download *d)
{
	await(d, REREADING);
	work_start(d->loop, &d->work, reread_piece, on_reread);
}

void download_start(struct download *d)
{
	d->step = (struct step){states, NEW};
	timer_init(d->loop, &d->timer, on_timer);
	retry_start(&d->retry, d->patience_ms);
	sha256_init(&d->hash);
	if (d->have > 0)
		reread(d);
	else
		fetch(d);
}

void download_cancel(struct download *d)
{
	if (d->step.at == CLOSING || d->error.status != 0)
		return;
	error_set(&d->error, STATUS_CANCELLED, "the download was cancelled");
	if (d->step.at == RESTING)
		finish(d);
	else
		fail(d);
}
