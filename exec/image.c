/* exec/image.c owns: the operation that brings an image into the engine.
 *
 * Failures: the registry has no such image or cannot be reached, the pull takes longer than
 * PULL_TIMEOUT_MS, an image.tar that breaks a rule of exec/image_archive.h (all FAILURE_IMAGE, with the
 * engine's own words); the engine itself does not answer (FAILURE_INFRA). */
#include "exec/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/base_image.h"
#include "exec/image_archive.h"
#include "net/memory.h"
#include "proto/status.h"
#include "proto/task.h"

enum { NEW, MAKING, CHECKING, INSPECTING, IMPORTING, PULLING, LOADING, ENDED };

static const struct state states[] = {
	[NEW] = {"NEW", TO(MAKING) | TO(CHECKING) | TO(INSPECTING) | TO(ENDED)},
	[MAKING] = {"MAKING", TO(INSPECTING) | TO(ENDED)},
	[CHECKING] = {"CHECKING", TO(LOADING) | TO(ENDED)},
	[INSPECTING] = {"INSPECTING", TO(IMPORTING) | TO(PULLING) | TO(ENDED)},
	[IMPORTING] = {"IMPORTING", TO(ENDED)},
	[PULLING] = {"PULLING", TO(INSPECTING) | TO(ENDED)},
	[LOADING] = {"LOADING", TO(INSPECTING) | TO(ENDED)},
	[ENDED] = {"ENDED", 0},
};

struct image_work {
	struct work work;
	struct image *image;
	struct base_image base;
	struct image_archive *archive;
	uint64_t sent;
	struct error error;
	int status;
};

static void go(struct image *i, int state)
{
	step_to(&i->step, state, i->reference[0] != '\0' ? i->reference : "image");
}

/* --- the end ----------------------------------------------------------------------------------- */
static void free_work(struct image *i)
{
	if (i->work == NULL)
		return;
	buf_release(&i->work->base.tar);
	image_archive_close(i->work->archive);
	free(i->work);
	i->work = NULL;
}

static void finish(struct image *i)
{
	go(i, ENDED);
	free_work(i);
	progress_stream_release(&i->progress);
	if (i->cancelled) {
		i->failure = FAILURE_INFRA;
		error_set(&i->error, STATUS_CANCELLED, "the image is no longer needed");
	}
	i->done(i);
}

static void fail(struct image *i, int failure, const struct error *err)
{
	i->failure = failure;
	i->error = *err;
	finish(i);
}

/* The engine could not bring the image: its reason is the image's, unless it did not answer at all. */
static void fail_with_answer(struct image *i, const struct error *err)
{
	struct error words;

	if (i->call.request.http == 0 && err->status != STATUS_DEADLINE_EXCEEDED) {
		fail(i, FAILURE_INFRA, err);
		return;
	}
	error_set(&words, err->status, "image %s: %s", i->reference, err->text);
	fail(i, FAILURE_IMAGE, &words);
}

/* --- what is in the engine --------------------------------------------------------------------- */
static int refuse_image(struct image *i, const char *why)
{
	i->failure = FAILURE_IMAGE;
	return error_set(&i->error, STATUS_INVALID_ARGUMENT, "image %s %s", i->reference, why);
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Each part has a name of its own: "//proc" and "/./proc" are /proc too. */
static bool is_plain(const char *path, size_t n)
{
	for (size_t at = 0; at < n; at++) {
		size_t part = strcspn(path + at + 1, "/");

		if (path[at + 1] == '.' && (part == 1 || (part == 2 && path[at + 2] == '.')))
			return false;
		if (part == 0)
			return false;
		at += part;
	}
	return true;
}

/* Where we mount something ourselves, the image has no say. */
static int add_volume(struct image *i, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (path[0] != '/' || n == 1 || !is_plain(path, n) || is_below(path, "/proc") || is_below(path, "/sys") ||
	    is_below(path, "/dev"))
		return refuse_image(i, "declares a volume where none can be");
	if (is_below(path, "/work") || is_below(path, "/tmp"))
		return 0;
	if (i->volume_count == IMAGE_VOLUMES_MAX)
		return refuse_image(i, "declares too many volumes");
	i->volumes[i->volume_count++] = xasprintf("%.*s", (int)n, path);
	return 0;
}

static void read_volumes(struct image *i, const cJSON *image)
{
	const cJSON *volumes = json_get(json_get(image, "Config"), "Volumes"), *volume;

	if (!cJSON_IsObject(volumes)) /* in a list they would have no names */
		return;
	cJSON_ArrayForEach(volume, volumes) {
		if (add_volume(i, volume->string) != 0)
			return;
	}
}

static void import(struct image *i);
static void pull(struct image *i);

static void on_inspected(struct engine_call *c)
{
	struct image *i = c->user;
	bool brought = i->progress.line.max != 0 || i->loaded;

	if (i->cancelled) {
		finish(i);
	} else if (c->request.error.status == 0) {
		cJSON *image = call_json(c);

		read_volumes(i, image);
		cJSON_Delete(image);
		if (i->name[0] == '\0' && i->tar == NULL)
			text_copy(i->engine->base, sizeof(i->engine->base), i->reference);
		finish(i);
	} else if (c->request.http != 404 || brought) {
		fail(i, c->request.http == 404 ? FAILURE_IMAGE : FAILURE_INFRA, &c->request.error);
	} else if (i->work != NULL) {
		import(i);
	} else {
		pull(i);
	}
}

static void inspect(struct image *i)
{
	go(i, INSPECTING);
	i->call = (struct engine_call){.user = i};
	call_start(i->engine, &i->call, on_inspected, "GET", "/images/%s/json", i->reference);
}

/* --- by name ----------------------------------------------------------------------------------- */
static bool on_progress_data(struct fetch_request *r, const void *data, size_t n)
{
	struct image *i = container_of(r, struct image, call.request);

	progress_stream_feed(&i->progress, data, n);
	if (i->on_progress != NULL && !i->cancelled)
		i->on_progress(i, i->progress.done, i->progress.total, i->progress.status);
	return true;
}

static const struct error *answer_error(struct image *i)
{
	progress_stream_end(&i->progress);
	return i->call.request.error.status != 0 ? &i->call.request.error : &i->progress.error;
}

/* It was pulled, or loaded: is it there now? */
static void on_brought(struct engine_call *c)
{
	struct image *i = c->user;
	const struct error *err = answer_error(i);

	if (i->cancelled)
		finish(i);
	else if (err->status != 0)
		fail_with_answer(i, err);
	else
		inspect(i);
}

/* Split "host:5000/name:tag" and "name@sha256:..." where the API wants two parts. */
static void split_reference(const char *reference, char *name, size_t size, const char **tag)
{
	const char *slash = strrchr(reference, '/');
	const char *at = strchr(reference, '@'), *colon = strchr(slash != NULL ? slash : reference, ':');
	const char *cut = at != NULL ? at : colon;

	*tag = cut != NULL ? cut + 1 : "latest";
	snprintf(name, size, "%.*s", cut != NULL ? (int)(cut - reference) : (int)strlen(reference), reference);
}

static void pull(struct image *i)
{
	char name[IMAGE_NAME_MAX + 1];
	const char *tag;

	go(i, PULLING);
	split_reference(i->reference, name, sizeof(name), &tag);
	i->call = (struct engine_call){.user = i};
	i->call.request.timeout_ms = PULL_TIMEOUT_MS;
	i->call.request.on_data = on_progress_data;
	call_start(i->engine, &i->call, on_brought, "POST", "/images/create?fromImage=%s&tag=%s", name, tag);
}

/* --- the base image ---------------------------------------------------------------------------- */
static void on_imported(struct engine_call *c)
{
	struct image *i = c->user;
	const struct error *err = answer_error(i);

	if (err->status != 0 && !i->cancelled) {
		fail(i, FAILURE_INFRA, err);
		return;
	}
	if (!i->cancelled)
		text_copy(i->engine->base, sizeof(i->engine->base), i->reference);
	finish(i);
}

/* Docker takes repository and tag apart; Podman wants them together and would call it "latest". */
static void import(struct image *i)
{
	bool together = strcmp(i->engine->kind, "podman") == 0;

	go(i, IMPORTING);
	i->call = (struct engine_call){.user = i};
	i->call.request.on_data = on_progress_data;
	i->call.request.type = "application/x-tar";
	i->call.request.body = i->work->base.tar.data;
	i->call.request.body_size = i->work->base.tar.n;
	call_start(i->engine, &i->call, on_imported, "POST", "/images/create?fromSrc=-&repo=%s%s%s",
		   BASE_IMAGE_REPOSITORY, together ? ":" : "&tag=", i->work->base.tag);
}

static void make_base(struct work *w)
{
	struct image_work *work = container_of(w, struct image_work, work);

	work->status = base_image_make(&work->base, &work->error);
}

static void on_base_made(struct work *w)
{
	struct image_work *work = container_of(w, struct image_work, work);
	struct image *i = work->image;
	struct error err = work->error;

	if (i->cancelled) {
		finish(i);
	} else if (work->status != 0) {
		fail(i, FAILURE_INFRA, &err);
	} else {
		snprintf(i->reference, sizeof(i->reference), "%s:%s", BASE_IMAGE_REPOSITORY, work->base.tag);
		inspect(i);
	}
}

static void start_base(struct image *i)
{
	go(i, MAKING);
	i->work = xcalloc(1, sizeof(*i->work));
	i->work->image = i;
	work_start(i->engine->loop, &i->work->work, make_base, on_base_made);
}

/* --- an image.tar of the bundle ---------------------------------------------------------------- */
/* Read on the loop: the bundle was unpacked a moment ago and is still in the page cache. */
static long read_archive(struct fetch_request *r, void *p, size_t n)
{
	struct image *i = container_of(r, struct image, call.request);
	ssize_t got = image_archive_read(i->work->archive, p, n);

	i->work->sent += got > 0 ? (uint64_t)got : 0;
	if (i->on_progress != NULL && !i->cancelled)
		i->on_progress(i, i->work->sent, image_archive_size(i->work->archive), "Loading image.tar");
	return got;
}

static bool on_load_data(struct fetch_request *r, const void *data, size_t n)
{
	progress_stream_feed(&container_of(r, struct image, call.request)->progress, data, n);
	return true;
}

static void load(struct image *i)
{
	go(i, LOADING);
	i->loaded = true; /* from here on it may be there, whatever the answer */
	i->call = (struct engine_call){.user = i};
	i->call.request.timeout_ms = PULL_TIMEOUT_MS;
	i->call.request.type = "application/x-tar";
	i->call.request.read_body = read_archive;
	i->call.request.body_size = image_archive_size(i->work->archive);
	i->call.request.on_data = on_load_data;
	call_start(i->engine, &i->call, on_brought, "POST", "/images/load?quiet=1");
}

static void check_archive(struct work *w)
{
	struct image_work *work = container_of(w, struct image_work, work);

	work->archive = image_archive_open(work->image->tar, work->image->reference, &work->error);
}

static void on_checked(struct work *w)
{
	struct image_work *work = container_of(w, struct image_work, work);
	struct image *i = work->image;
	struct error err = work->error;

	if (i->cancelled)
		finish(i);
	else if (work->archive == NULL)
		fail(i, FAILURE_IMAGE, &err);
	else
		load(i);
}

static void name_as_task(struct image *i)
{
	snprintf(i->reference, sizeof(i->reference), TASK_IMAGE_REPOSITORY "%s:%s-%u", i->engine->worker,
		 i->task, i->epoch);
}

void image_claim(struct image *i)
{
	name_as_task(i);
	i->loaded = true;
}

static void start_archive(struct image *i)
{
	name_as_task(i);
	go(i, CHECKING);
	i->work = xcalloc(1, sizeof(*i->work));
	i->work->image = i;
	work_start(i->engine->loop, &i->work->work, check_archive, on_checked);
}

/* --- begin, cancel ----------------------------------------------------------------------------- */
static void on_known(struct deferred *d)
{
	finish(container_of(d, struct image, later));
}

/* Names go into a path of the API: only what a reference may hold. */
static bool reference_valid(const char *reference)
{
	size_t n = strspn(reference, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@");

	return n > 0 && reference[n] == '\0' && n <= IMAGE_NAME_MAX && strstr(reference, "..") == NULL;
}

void image_get(struct image *i)
{
	i->step = (struct step){states, NEW};
	i->failure = FAILURE_NONE;
	if (i->tar != NULL) {
		start_archive(i);
	} else if (i->name[0] == '\0' && i->engine->base[0] == '\0') {
		start_base(i);
	} else if (i->name[0] == '\0') {
		text_copy(i->reference, sizeof(i->reference), i->engine->base);
		loop_defer(i->engine->loop, &i->later, on_known);
	} else if (!reference_valid(i->name)) {
		i->failure = FAILURE_IMAGE;
		error_set(&i->error, STATUS_INVALID_ARGUMENT, "\"%s\" is not the name of an image", i->name);
		loop_defer(i->engine->loop, &i->later, on_known);
	} else {
		text_copy(i->reference, sizeof(i->reference), i->name);
		inspect(i);
	}
}

void image_cancel(struct image *i)
{
	i->cancelled = true;
	call_cancel(&i->call);
}

void image_release(struct image *i)
{
	for (size_t n = 0; n < i->volume_count; n++)
		free(i->volumes[n]);
	i->volume_count = 0;
}
