/* roles/api_bundle.c - /bundles/{sha256}: bring a bundle to the pool, in one piece or in several.
 *
 *     GET (how much is there?) -> Blobs.Offset
 *     PUT, PATCH -> Blobs.Offset -> is Upload-Offset what it says? -> Blobs.Upload
 *          -> the body, as the pool takes it
 *
 * The bytes go through: what the pool has not taken yet holds the browser back, so memory is the same for any
 * size. A body that is only a part ends the pool's call as well, which keeps what it has written; so the
 * answer tells, by another Blobs.Offset, from where to go on. */
#include "roles/api_handlers.h"

#include <stdlib.h>
#include <string.h>

#include "net/crash.h"
#include "net/memory.h"
#include "roles/master.h"

struct sending {
	char sha256[SHA256_HEX_SIZE];
	uint64_t size, offset; /* of the whole; of what comes next */
	bool ready;            /* the pool's call takes bytes */
	bool part;             /* the body has ended before the bundle */
	bool over;             /* the body has ended */
	struct error why;      /* of the pool, while it is asked what it has */
};

/* --- how much is there ------------------------------------------------------------------------------- */

static void tell(struct api *a, uint64_t offset, bool complete, int status)
{
	struct sending *s = a->user;
	struct json *j;

	http_header(a->r, "Upload-Offset", "%llu", (unsigned long long)offset);
	j = api_reply(a);
	json_text(j, "sha256", s->sha256);
	json_uint(j, "bytes", s->size);
	json_uint(j, "offset", complete ? s->size : offset);
	json_bool(j, "complete", complete);
	api_send_status(a, status);
}

static void on_offset(struct api *a, const void *reply)
{
	const Pb__UploadReply *there = reply;

	tell(a, there->offset, there->complete, 200);
}

static void ask_offset(struct api *a, void (*then)(struct api *a, const void *reply))
{
	Pb__UploadHeader header = PB__UPLOAD_HEADER__INIT;
	struct sending *s = a->user;

	header.sha256 = s->sha256;
	header.size = s->size;
	api_ask(a, RPC_BLOB_OFFSET, &header, then);
}

/* NULL = answered. */
static struct sending *sending_new(struct api *a)
{
	struct sending *s = api_more(a, sizeof *s);
	const char *sha256 = api_sha256(api_param(a, "sha256"));

	if (sha256[0] == '\0') {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "a bundle is named by its SHA-256: 64 hexadecimal digits");
		return NULL;
	}
	text_copy(s->sha256, sizeof s->sha256, sha256);
	s->size = (uint64_t)api_query_count(a, "bytes", 0);
	return s;
}

void api_bundle(struct api *a)
{
	if (sending_new(a) != NULL)
		ask_offset(a, on_offset);
}

/* --- the body ------------------------------------------------------------------------------------------ */

static void on_part_offset(struct api *a, const void *reply)
{
	const Pb__UploadReply *there = reply;
	struct sending *s = a->user;

	if (there->offset == s->offset && !there->complete)
		tell(a, there->offset, false, 202);
	else if (there->complete)
		tell(a, there->offset, true, a->row->status);
	else
		api_fail(a, &s->why);
}

/* The pool's words for a body that was only a part are no failure, when it has got all of the part. */
static bool is_part(struct api *a, const struct error *e)
{
	struct sending *s = a->user;

	s->ready = false;
	if (!s->part || e->status != STATUS_INVALID_ARGUMENT)
		return false;
	s->why = *e;
	a->failed = NULL;
	ask_offset(a, on_part_offset);
	return true;
}

static void on_stored(struct api *a, const void *reply)
{
	const Pb__UploadReply *stored = reply;

	crash_point(MASTER_BUNDLE_STORED);
	tell(a, stored->offset, stored->complete, a->row->status);
}

static void on_space(struct grpc_call *call)
{
	struct api *a = call->user;

	if (a->r != NULL && !http_over(a->r))
		http_resume(a->r);
}

static void on_body(struct http_request *r, const uint8_t *data, size_t n)
{
	struct api *a = r->user;
	struct sending *s = a->user;
	Pb__UploadChunk chunk = PB__UPLOAD_CHUNK__INIT;

	if (!s->ready)
		return; /* the pool has answered already */
	if (n > s->size - s->offset) {
		s->ready = false;
		api_refuse(a, STATUS_INVALID_ARGUMENT, "the body is longer than \"bytes\" says");
		grpc_call_cancel(&a->call);
		return;
	}
	for (size_t at = 0; at < n; at += chunk.data.len) {
		chunk.data.data = (uint8_t *)data + at;
		chunk.data.len = n - at < (size_t)CHUNK_SIZE ? n - at : (size_t)CHUNK_SIZE;
		grpc_call_send(&a->call, &chunk.base);
	}
	crash_point(MASTER_BUNDLE_PIECE);
	s->offset += n;
	if (grpc_call_queued(&a->call) >= (size_t)SEND_QUEUE_HIGH)
		http_pause(r);
}

static void on_body_end(struct http_request *r)
{
	struct api *a = r->user;
	struct sending *s = a->user;

	s->part = s->offset < s->size;
	s->over = true;
	if (s->ready)
		grpc_call_half_close(&a->call);
}

static void open_call(struct api *a)
{
	struct sending *s = a->user;
	Pb__UploadHeader header = PB__UPLOAD_HEADER__INIT;
	Pb__UploadChunk chunk = PB__UPLOAD_CHUNK__INIT;

	header.sha256 = s->sha256;
	header.size = s->size;
	header.offset = s->offset;
	chunk.header = &header;
	a->failed = is_part;
	api_start(a, RPC_BLOB_UPLOAD, on_stored);
	a->call.on_space = on_space;
	grpc_call_send(&a->call, &chunk.base);
	s->ready = true;
	http_resume(a->r);
}

static void on_offset_before(struct api *a, const void *reply)
{
	const Pb__UploadReply *there = reply;
	struct sending *s = a->user;
	struct error err;

	if (there->complete) {
		tell(a, there->offset, true, 200); /* the body is of no use any more */
	} else if (there->offset != s->offset) {
		error_set(&err, STATUS_OUT_OF_RANGE, "the pool has %llu bytes of it, and Upload-Offset says %llu",
			  (unsigned long long)there->offset, (unsigned long long)s->offset);
		error_hint(&err, "go on from there: PATCH with Upload-Offset: %llu", (unsigned long long)there->offset);
		http_header(a->r, "Upload-Offset", "%llu", (unsigned long long)there->offset);
		api_fail(a, &err);
	} else {
		open_call(a);
	}
}

void api_bundle_put(struct api *a)
{
	struct sending *s = sending_new(a);
	const char *offset = http_field(a->r, "upload-offset");

	if (s == NULL)
		return;
	if (offset != NULL &&
	    (offset[0] == '\0' || strlen(offset) > 18 || offset[strspn(offset, "0123456789")] != '\0')) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "Upload-Offset must be a number of bytes");
		return;
	}
	s->offset = offset != NULL ? strtoull(offset, NULL, 10) : 0;
	a->r->on_body = on_body;
	a->r->on_body_end = on_body_end;
	http_pause(a->r);
	ask_offset(a, on_offset_before);
}
