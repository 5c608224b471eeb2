/* exec/engine_sweep.c owns: removing what an earlier process of this worker left in the engine.
 *
 * The happy path: list the containers with our label; remove each that is not to be kept, one after another;
 * the same with the images that were loaded for single tasks (their repository names the worker); done().
 * What cannot be removed is reported once, after everything else has been. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/engine.h"
#include "exec/engine_call.h"
#include "exec/image.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/step.h"

enum { NEW, LISTING_CONTAINERS, REMOVING_CONTAINERS, LISTING_IMAGES, REMOVING_IMAGES, ENDED };

static const struct state states[] = {
	[NEW] = {"NEW", TO(LISTING_CONTAINERS)},
	[LISTING_CONTAINERS] = {"LISTING_CONTAINERS", TO(REMOVING_CONTAINERS) | TO(ENDED)},
	[REMOVING_CONTAINERS] = {"REMOVING_CONTAINERS", TO(LISTING_IMAGES)},
	[LISTING_IMAGES] = {"LISTING_IMAGES", TO(REMOVING_IMAGES) | TO(ENDED)},
	[REMOVING_IMAGES] = {"REMOVING_IMAGES", TO(ENDED)},
	[ENDED] = {"ENDED", 0},
};

struct sweep {
	struct engine *engine;
	struct step step;
	struct engine_call call;
	char **keep;
	size_t keep_count;
	char **names;          /* of what is to be removed */
	size_t count, at;
	struct error error;
	void (*done)(struct engine *e, const struct error *err, void *user);
	void *user;
};

static void go(struct sweep *s, int state)
{
	step_to(&s->step, state, "sweep");
}

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

static void finish(struct sweep *s)
{
	go(s, ENDED);
	s->done(s->engine, &s->error, s->user);
	free_list(s->keep, s->keep_count);
	free_list(s->names, s->count);
	free(s);
}

static void list(struct sweep *s, int state);

/* --- remove, one after another ----------------------------------------------------------------- */
static void remove_next(struct sweep *s);

static void on_removed(struct engine_call *c)
{
	struct sweep *s = c->user;

	if (c->request.error.status == 0)
		log_info("removed what was left name=%s", s->names[s->at]);
	else if (!call_says_gone(c) && s->error.status == 0)
		s->error = c->request.error;
	s->at++;
	remove_next(s);
}

static void remove_next(struct sweep *s)
{
	bool containers = s->step.at == REMOVING_CONTAINERS;

	if (s->at < s->count) {
		s->call = (struct engine_call){.user = s};
		call_start(s->engine, &s->call, on_removed, "DELETE",
			   containers ? "/containers/%s?force=1&v=1" : "/images/%s", s->names[s->at]);
	} else if (containers) {
		list(s, LISTING_IMAGES);
	} else {
		finish(s);
	}
}

/* --- list -------------------------------------------------------------------------------------- */

/* keep holds names of containers, hm-TASK-EPOCH; an image's tag is TASK-EPOCH. */
static bool is_kept(const struct sweep *s, const char *name)
{
	const char *tag = strrchr(name, ':');

	for (size_t i = 0; i < s->keep_count; i++) {
		if (strcmp(s->keep[i], name) == 0 || (tag != NULL && strcmp(s->keep[i] + 3, tag + 1) == 0))
			return true;
	}
	return false;
}

static void add_name(struct sweep *s, const char *name)
{
	if (name[0] == '/')
		name++;
	if (name[0] == '\0' || is_kept(s, name))
		return;
	s->names = xrealloc(s->names, (s->count + 1) * sizeof(*s->names));
	s->names[s->count++] = xstrdup(name);
}

/* An image may have other names as well (Podman lists all of them): only ours is taken away. */
static bool is_task_image(const struct sweep *s, const char *name)
{
	char ours[80];
	const char *found;

	snprintf(ours, sizeof(ours), TASK_IMAGE_REPOSITORY "%s:", s->engine->worker);
	found = strstr(name, ours);
	return found == name || (found != NULL && found[-1] == '/');
}

static void add_names(struct sweep *s, const cJSON *item, bool containers)
{
	const cJSON *name;

	cJSON_ArrayForEach(name, json_get(item, containers ? "Names" : "RepoTags")) {
		if (cJSON_IsString(name) && (containers || is_task_image(s, name->valuestring)))
			add_name(s, name->valuestring);
	}
}

static void on_listed(struct engine_call *c)
{
	struct sweep *s = c->user;
	bool containers = s->step.at == LISTING_CONTAINERS;
	cJSON *answer = call_json(c);
	const cJSON *item;

	if (c->request.error.status != 0) {
		cJSON_Delete(answer);
		s->error = c->request.error;
		finish(s);
		return;
	}
	free_list(s->names, s->count);
	s->names = NULL;
	s->count = s->at = 0;
	cJSON_ArrayForEach(item, answer)
		add_names(s, item, containers);
	cJSON_Delete(answer);
	go(s, containers ? REMOVING_CONTAINERS : REMOVING_IMAGES);
	remove_next(s);
}

static void list(struct sweep *s, int state)
{
	go(s, state);
	s->call = (struct engine_call){.user = s};
	if (state == LISTING_CONTAINERS)
		call_start(s->engine, &s->call, on_listed, "GET",
			   "/containers/json?all=1&filters="
			   "%%7B%%22label%%22%%3A%%5B%%22hivemind.worker%%3D%s%%22%%5D%%7D",
			   s->engine->worker);
	else
		call_start(s->engine, &s->call, on_listed, "GET",
			   "/images/json?filters="
			   "%%7B%%22reference%%22%%3A%%5B%%22" TASK_IMAGE_REPOSITORY "%s%%22%%5D%%7D",
			   s->engine->worker);
}

void engine_sweep(struct engine *e, const char *const *keep, size_t count,
		  void (*done)(struct engine *e, const struct error *err, void *user), void *user)
{
	struct sweep *s = xcalloc(1, sizeof(*s));

	s->engine = e;
	s->step = (struct step){states, NEW};
	s->done = done;
	s->user = user;
	s->keep = xcalloc(count + 1, sizeof(*s->keep));
	for (size_t i = 0; i < count; i++) {
		if (strncmp(keep[i], "hm-", 3) == 0)
			s->keep[s->keep_count++] = xstrdup(keep[i]);
	}
	list(s, LISTING_CONTAINERS);
}
