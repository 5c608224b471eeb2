/* roles/api_files.c - /tasks/{id}/files: what is in a result, and single files out of it.
 *
 *     the task -> is its index kept? -> no: one pass over the tar (Blobs.Download) makes it -> the answer
 *
 * After that a file is a part of the tar, fetched from where it lies. What a task has written is shown as
 * what it cannot harm with: text and a few kinds of pictures, in a sandbox; all else is only for download. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "exec/tar.h"
#include "net/memory.h"
#include "roles/api_handlers.h"
#include "roles/api_result.h"
#include "roles/master.h"

struct looking {
	char task[TASK_ID_SIZE], sha256[SHA256_HEX_SIZE];
	uint64_t size;
	void (*then)(struct api *a);
	struct result_index *index;
	/* while it is made */
	struct tar_reader *tar;
	uint64_t fed, skip; /* bytes; that are still of a file */
	struct error error;
};

/* --- indexes that are kept ----------------------------------------------------------------------------- */

static void index_drop(struct result_index *index)
{
	if (--index->uses > 0)
		return;
	arena_release(&index->arena);
	free(index->files);
	free(index);
}

static struct result_index *index_find(struct master *m, const char *sha256)
{
	struct result_index *index;

	DL_FOREACH(m->results, index)
		if (strcmp(index->sha256, sha256) == 0)
			return index;
	return NULL;
}

/* The newest is first; the last ones go. */
static void index_add(struct master *m, struct result_index *index)
{
	struct result_index *each, *last = NULL;
	int count = 0;

	DL_PREPEND(m->results, index);
	index->uses++;
	DL_FOREACH(m->results, each) {
		last = each;
		count++;
	}
	if (count > RESULT_INDEXES_MAX) {
		DL_DELETE(m->results, last);
		index_drop(last);
	}
}

void result_indexes_free(struct result_index *list)
{
	struct result_index *index, *next;

	DL_FOREACH_SAFE(list, index, next)
		index_drop(index);
}

/* --- making one ------------------------------------------------------------------------------- */

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct looking *k = user;
	struct result_index *index = k->index;

	(void)err;
	k->skip = entry->size;
	if (entry->directory)
		return 0;
	if (index->count == index->room) {
		index->room = index->room > 0 ? 2 * index->room : 64;
		index->files = xrealloc(index->files, index->room * sizeof *index->files);
	}
	index->files[index->count++] = (struct result_file){.path = arena_strdup(&index->arena, entry->name),
							    .size = entry->size,
							    .at = k->fed,
							    .executable = entry->executable};
	return 0;
}

/* Block by block where headers are, so that it is known where each file begins. */
static int feed(struct looking *k, const uint8_t *data, size_t n)
{
	int rc = 0;

	while (n > 0 && rc == 0) {
		size_t block = 512 - (size_t)(k->fed % 512), piece;

		if (k->skip > 0)
			block = k->skip < n ? (size_t)k->skip : n;
		piece = block < n ? block : n;
		if (k->skip > 0)
			k->skip -= piece;
		k->fed += piece;
		rc = tar_reader_feed(k->tar, data, piece, &k->error);
		data += piece;
		n -= piece;
	}
	return rc;
}

static void on_chunk(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct api *a = call->user;
	struct looking *k = a->user;
	const ProtobufCBinaryData *data = &((const Pb__DownloadChunk *)out)->data;

	if (a->r != NULL && k->error.status == 0 && feed(k, data->data, data->len) != 0)
		grpc_call_cancel(call);
}

static void on_end(struct grpc_call *call, const struct error *e)
{
	struct api *a = call->user;
	struct looking *k = a->user;

	a->open = false;
	if (k->error.status == 0 && e->status != 0)
		k->error = *e;
	if (k->error.status == 0)
		tar_reader_end(k->tar, &k->error);
	tar_reader_free(k->tar);
	k->tar = NULL;
	if (a->r == NULL) {
		api_wait(a);
		api_waited(a);
	} else if (k->error.status != 0) {
		api_fail(a, &k->error);
	} else {
		index_add(a->m, k->index);
		k->then(a);
	}
}

static void make_index(struct api *a)
{
	Pb__DownloadRequest request = PB__DOWNLOAD_REQUEST__INIT;
	struct looking *k = a->user;

	k->index = xcalloc(1, sizeof *k->index);
	k->index->uses = 1;
	text_copy(k->index->sha256, sizeof k->index->sha256, k->sha256);
	k->tar = tar_reader_new(&(struct tar_reader_events){.on_entry = on_entry, .user = k}, (uint64_t)BUNDLE_MAX);
	request.task = k->task;
	request.kind = PB__BLOB_KIND__RESULT;
	api_start(a, RPC_BLOB_DOWNLOAD, NULL);
	a->call.on_message = on_chunk;
	a->call.on_done = on_end;
	grpc_call_send(&a->call, &request.base);
	grpc_call_half_close(&a->call);
}

static void free_looking(struct api *a)
{
	struct looking *k = a->user;

	if (k->index != NULL)
		index_drop(k->index);
}

static void look(struct api *a, const Pb__Task *task, void (*then)(struct api *a))
{
	struct looking *k = api_more(a, sizeof *k);

	a->on_free = free_looking;
	text_copy(k->task, sizeof k->task, task->id);
	text_copy(k->sha256, sizeof k->sha256, task->result_sha256);
	k->size = task->result_size;
	k->then = then;
	k->index = index_find(a->m, k->sha256);
	if (k->index == NULL) {
		make_index(a);
		return;
	}
	k->index->uses++;
	then(a);
}

/* --- the list --------------------------------------------------------------------------------- */

static void send_list(struct api *a)
{
	struct looking *k = a->user;
	struct json *j = api_reply(a);

	json_text(j, "id", k->task);
	json_text(j, "sha256", k->sha256);
	json_uint(j, "bytes", k->size);
	json_array(j, "files");
	for (size_t i = 0; i < k->index->count; i++) {
		const struct result_file *f = &k->index->files[i];

		json_object(j, NULL);
		json_text(j, "path", f->path);
		json_uint(j, "bytes", f->size);
		json_bool(j, "executable", f->executable);
		json_end(j);
	}
	json_end(j);
	api_send(a);
}

static void list_files(struct api *a, const Pb__Task *task)
{
	look(a, task, send_list);
}

void api_files(struct api *a)
{
	api_with_result(a, list_files);
}

/* --- one -------------------------------------------------------------------------------------- */

/* What may be shown; all else is for download. HTML and SVG are as good as programs: never. */
static const char *shown_type(const char *path)
{
	static const char *const types[][2] = {
		{"txt", "text/plain; charset=utf-8"}, {"log", "text/plain; charset=utf-8"}, {"md",
		 "text/plain; charset=utf-8"},
		{"csv", "text/plain; charset=utf-8"}, {"tsv", "text/plain; charset=utf-8"}, {"json",
		 "text/plain; charset=utf-8"},
		{"py", "text/plain; charset=utf-8"},  {"sh", "text/plain; charset=utf-8"},  {"yaml",
		 "text/plain; charset=utf-8"},
		{"c", "text/plain; charset=utf-8"},   {"h", "text/plain; charset=utf-8"},   {"out",
		 "text/plain; charset=utf-8"},
		{"png", "image/png"},                 {"jpg", "image/jpeg"},                {"jpeg", "image/jpeg"},
		{"gif", "image/gif"},                 {"webp", "image/webp"}};
	const char *name = strrchr(path, '/'), *dot = strrchr(name != NULL ? name : path, '.');

	for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++)
		if (strcasecmp(dot + 1, types[i][0]) == 0)
			return types[i][1];
	return NULL;
}

/* RFC 8187: the name in UTF-8, escaped. */
static const char *escaped(struct arena *arena, const char *text)
{
	struct buf out = {0};
	char *copy;

	for (const uint8_t *p = (const uint8_t *)text; *p != '\0'; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			     strchr("-._", *p) != NULL;

		buf_printf(&out, plain ? "%c" : "%%%02X", *p);
	}
	copy = arena_strdup(arena, buf_text(&out));
	buf_release(&out);
	return copy;
}

static void send_one(struct api *a, const struct result_file *f)
{
	struct looking *k = a->user;
	const char *slash = strrchr(f->path, '/'), *name = slash != NULL ? slash + 1 : f->path;
	const char *type = api_query_flag(a, "download") ? NULL : shown_type(f->path);
	const char *etag = arena_printf(&a->arena, "\"%.32s-%llx\"", k->sha256, (unsigned long long)f->at);
	uint64_t at = f->at;
	int64_t from, n;
	int status;

	if (http_unchanged(a->r, etag))
		return;
	http_header(a->r, "Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'self'");
	http_header(a->r, "Content-Disposition", "%s; filename*=UTF-8''%s", type != NULL ? "inline" : "attachment",
		    escaped(&a->arena, name));
	status = http_range(a->r, (int64_t)f->size, etag, &from, &n);
	if (status == 416)
		return;
	http_begin(a->r, status, type != NULL ? type : "application/octet-stream", n);
	free_looking(a); /* f goes with it, perhaps */
	a->on_free = NULL;
	api_send_result(a, arena_strdup(&a->arena, k->task), at + (uint64_t)from, (uint64_t)n);
}

static void send_file(struct api *a)
{
	struct looking *k = a->user;
	const char *path = api_param(a, "path");
	struct error err;

	for (size_t i = 0; i < k->index->count; i++) {
		if (strcmp(k->index->files[i].path, path) == 0) {
			send_one(a, &k->index->files[i]);
			return;
		}
	}
	error_set(&err, STATUS_NOT_FOUND, "the result has no file \"%.200s\"", path);
	error_hint(&err, "GET /api/v1/tasks/%s/files lists them", k->task);
	api_fail(a, &err);
}

static void find_file(struct api *a, const Pb__Task *task)
{
	look(a, task, send_file);
}

void api_file(struct api *a)
{
	api_with_result(a, find_file);
}
