/* roles/api_submit.c - /check, /quote, and POST /tasks.
 *
 * What a task asks for is read by the same functions as by `hivemind check`: from the manifest in the body,
 * or by guess from the names in the bundle. A bundle that was uploaded before is named by its SHA-256; small
 * files can come in the body itself, and then the bundle is made here:
 *
 *     spec -> [bundle made of "files" -> Blobs.Offset -> Blobs.Upload] -> Tasks.Submit */
#include "roles/api_handlers.h"

#include <string.h>

#include "exec/manifest.h"
#include "exec/tar.h"
#include "net/crash.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "roles/master.h"
#include "roles/money_view.h"
#include "roles/spec_view.h"

struct asked {
	Pb__TaskSpec spec;
	char sha256[SHA256_HEX_SIZE];
	uint64_t size;
	int64_t files;     /* -1 = not known */
	struct buf tar;    /* made here; empty = it was uploaded before */
	bool has_run_sh, has_main_py, has_image_tar;
	size_t sent;
};

static void free_asked(struct api *a)
{
	struct asked *k = a->user;

	buf_release(&k->tar);
}

/* --- what it asks for -------------------------------------------------------------------------------- */

static void see_name(struct asked *k, const char *name)
{
	k->has_run_sh |= strcmp(name, "run.sh") == 0;
	k->has_main_py |= strcmp(name, "main.py") == 0;
	k->has_image_tar |= strcmp(name, "image.tar") == 0;
}

static void see_names(struct api *a, struct asked *k)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, api_item(a, "entries"))
		see_name(k, item->valuestring);
	cJSON_ArrayForEach(item, api_item(a, "files"))
		see_name(k, item->string);
}

static int parse_manifest(struct api *a, struct asked *k, const cJSON *manifest, const char *name,
			  struct error *err)
{
	char *text = cJSON_IsString(manifest) ? manifest->valuestring : cJSON_PrintUnformatted(manifest);
	int rc = manifest_parse(&k->spec, &a->arena, text, strlen(text), name, err);

	if (text != manifest->valuestring)
		cJSON_free(text);
	return rc;
}

static int read_spec(struct api *a, struct asked *k, struct error *err)
{
	const cJSON *manifest = api_item(a, "manifest");
	const char *name = api_item(a, "name") != NULL ? api_text(a, "name") : "task";
	int rc;

	see_names(a, k);
	if (manifest != NULL)
		rc = parse_manifest(a, k, manifest, name, err);
	else
		rc = manifest_guess(&k->spec, &a->arena, k->has_run_sh, k->has_main_py, name, err);
	if (rc != 0)
		return rc;
	if (k->has_image_tar && (k->spec.image[0] == '\0' || manifest == NULL))
		k->spec.image = arena_strdup(&a->arena, "image.tar");
	if (api_item(a, "name") != NULL)
		k->spec.name = arena_strdup(&a->arena, name);
	rc = manifest_choose_command(&k->spec, k->has_run_sh, k->has_main_py, &a->arena, err);
	return rc != 0 ? rc : spec_check(&k->spec, err);
}

/* NULL = answered. */
static struct asked *asked_new(struct api *a)
{
	struct asked *k = api_more(a, sizeof *k);
	struct error err = {0};

	a->on_free = free_asked;
	k->files = -1;
	if (read_spec(a, k, &err) == 0)
		return k;
	api_fail(a, &err);
	return NULL;
}

void api_check(struct api *a)
{
	struct asked *k = asked_new(a);

	if (k == NULL)
		return;
	spec_json(api_reply(a), "task", &k->spec);
	api_send(a);
}

static void on_quote(struct api *a, const void *reply)
{
	struct asked *k = a->user;

	quote_json(api_reply(a), k->spec.name, reply);
	api_send(a);
}

void api_quote(struct api *a)
{
	Pb__QuoteRequest request = PB__QUOTE_REQUEST__INIT;
	struct asked *k = asked_new(a);

	if (k == NULL)
		return;
	request.spec = &k->spec;
	api_ask(a, RPC_QUOTE, &request, on_quote);
}

/* --- a bundle made here ------------------------------------------------------------------------------- */

static int add_file(struct asked *k, const char *name, const char *text, struct error *err)
{
	const struct tar_entry entry = {.name = name, .size = strlen(text), .executable = false};
	static const char zeros[512];
	int rc = tar_write_header(&k->tar, &entry, err);

	if (rc != 0)
		return rc;
	buf_append(&k->tar, text, entry.size);
	buf_append(&k->tar, zeros, tar_pad(entry.size));
	k->files++;
	return 0;
}

static int make_bundle(struct api *a, struct asked *k, struct error *err)
{
	struct tar_reader *strict = tar_reader_new(NULL, (uint64_t)API_SUBMIT_MAX);
	struct sha256 hash;
	const cJSON *item;
	int rc = 0;

	k->files = 0;
	cJSON_ArrayForEach(item, api_item(a, "files"))
		if (rc == 0)
			rc = add_file(k, item->string, item->valuestring, err);
	tar_write_end(&k->tar);
	if (rc == 0)
		rc = tar_reader_feed(strict, k->tar.data, k->tar.n, err);
	if (rc == 0)
		rc = tar_reader_end(strict, err);
	tar_reader_free(strict);
	sha256_init(&hash);
	sha256_update(&hash, k->tar.data, k->tar.n);
	sha256_hex(&hash, k->sha256);
	k->size = k->tar.n;
	return rc;
}

/* --- into the queue ------------------------------------------------------------------------------------ */

static void on_submitted(struct api *a, const void *reply)
{
	struct asked *k = a->user;
	const Pb__SubmitReply *s = reply;

	crash_point(MASTER_SUBMIT_ANSWERED);
	http_header(a->r, "Location", "/api/v1/tasks/%s.1", s->id);
	submitted_json(api_reply(a), &k->spec, k->sha256, k->size, k->files, s);
	api_send_status(a, s->duplicate ? 200 : a->row->status);
}

static void submit(struct api *a)
{
	Pb__SubmitRequest request = PB__SUBMIT_REQUEST__INIT;
	struct asked *k = a->user;

	request.call_id = (char *)api_call_id(a);
	if (request.call_id == NULL)
		return;
	request.spec = &k->spec;
	request.bundle_sha256 = k->sha256;
	request.bundle_size = k->size;
	crash_point(MASTER_SUBMIT_READY);
	api_ask(a, RPC_SUBMIT, &request, on_submitted);
	crash_point(MASTER_SUBMIT_SENT);
}

static void on_uploaded(struct api *a, const void *reply)
{
	(void)reply;
	submit(a);
}

static void send_bundle(struct api *a, uint64_t offset)
{
	Pb__UploadHeader header = PB__UPLOAD_HEADER__INIT;
	Pb__UploadChunk chunk = PB__UPLOAD_CHUNK__INIT;
	struct asked *k = a->user;

	header.sha256 = k->sha256;
	header.size = k->size;
	header.offset = offset;
	chunk.header = &header;
	api_start(a, RPC_BLOB_UPLOAD, on_uploaded);
	grpc_call_send(&a->call, &chunk.base);
	chunk.header = NULL;
	for (; offset < k->size; offset += chunk.data.len) {
		chunk.data.data = k->tar.data + offset;
		chunk.data.len = k->size - offset < (uint64_t)CHUNK_SIZE ? k->size - offset : (size_t)CHUNK_SIZE;
		grpc_call_send(&a->call, &chunk.base);
	}
	grpc_call_half_close(&a->call);
}

static void on_offset(struct api *a, const void *reply)
{
	const Pb__UploadReply *there = reply;

	if (there->complete)
		submit(a);
	else
		send_bundle(a, there->offset);
}

static void ask_offset(struct api *a)
{
	Pb__UploadHeader header = PB__UPLOAD_HEADER__INIT;
	struct asked *k = a->user;

	header.sha256 = k->sha256;
	header.size = k->size;
	api_ask(a, RPC_BLOB_OFFSET, &header, on_offset);
}

void api_submit(struct api *a)
{
	struct asked *k = asked_new(a);
	const cJSON *bundle = api_item(a, "bundle");
	struct error err = {0};

	if (k == NULL)
		return;
	if (bundle != NULL && api_item(a, "files") != NULL) {
		api_refuse(a, STATUS_INVALID_ARGUMENT, "\"bundle\" and \"files\" cannot be there together");
	} else if (bundle != NULL) {
		text_copy(k->sha256, sizeof k->sha256,
			  api_sha256(cJSON_GetObjectItemCaseSensitive(bundle, "sha256")->valuestring));
		k->size = (uint64_t)cJSON_GetObjectItemCaseSensitive(bundle, "bytes")->valuedouble;
		submit(a);
	} else if (make_bundle(a, k, &err) != 0) {
		api_fail(a, &err);
	} else {
		ask_offset(a);
	}
}
