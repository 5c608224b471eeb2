/* roles/worker_policy.c - see roles/worker_policy.h. Pure. */
#include "roles/worker_policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "exec/glob.h"
#include "exec/spec.h"
#include "proto/status.h"

static int check_share(const struct worker_resources *lent, const Pb__Resources *need, struct error *err)
{
	if (need->milli_cpus > lent->milli_cpus)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %.2f cores, its owner lends %.2f",
				 need->milli_cpus / 1000.0, lent->milli_cpus / 1000.0);
	if (need->memory > lent->memory)
		return error_set(err, STATUS_PERMISSION_DENIED,
				 "wants %" PRIu64 " MiB of memory, its owner lends %" PRIu64,
				 need->memory >> 20, lent->memory >> 20);
	if (need->disk > lent->disk)
		return error_set(err, STATUS_PERMISSION_DENIED,
				 "wants %" PRIu64 " MiB of disk, its owner lends %" PRIu64,
				 need->disk >> 20, lent->disk >> 20);
	if (need->gpus > lent->gpus)
		return error_set(err, STATUS_PERMISSION_DENIED, "wants %u GPUs, its owner lends %u",
				 need->gpus, lent->gpus);
	return 0;
}

static int check_image(const struct texts *images, const char *image, struct error *err)
{
	if (images->n == 0 || image[0] == '\0')
		return 0;
	for (int i = 0; i < images->n; i++)
		if (glob_match(images->at[i], image))
			return 0;
	return error_set(err, STATUS_PERMISSION_DENIED, "its owner does not allow the image %.200s", image);
}

int worker_policy_check(const struct worker_resources *lent, const struct texts *images,
			const Pb__TaskSpec *spec,
			struct error *err)
{
	int rc = spec_check(spec, err);

	if (rc == 0)
		rc = check_share(lent, spec->resources, err);
	return rc == 0 ? check_image(images, spec->image, err) : rc;
}

int worker_policy_check_image(const struct worker_policy *p, const char *image, struct error *err)
{
	const char *at[POLICY_IMAGES_MAX];

	for (int i = 0; i < p->image_count; i++)
		at[i] = p->images[i];
	return check_image(&(struct texts){at, p->image_count}, image, err);
}

/* --- when ---------------------------------------------------------------------------------------- */

static bool works_in(const struct worker_policy *p, const struct tm *t)
{
	return (p->hours[t->tm_wday] >> t->tm_hour) & 1;
}

/* "Tuesday 22:00": the next hour in which it works; "" = none. */
static void next_hour(const struct worker_policy *p, int64_t now_ms, char *text, size_t n)
{
	text[0] = '\0';
	for (int h = 1; h <= 7 * 24; h++) {
		time_t at = (time_t)(now_ms / 1000 + h * 3600);
		struct tm t;

		localtime_r(&at, &t);
		if (works_in(p, &t)) {
			t.tm_min = 0;
			strftime(text, n, h < 24 ? "%H:%M" : "%A %H:%M", &t);
			return;
		}
	}
}

void worker_policy_reason(const struct worker_policy *p, const struct surroundings *here, int64_t now_ms,
			  char *text, size_t n)
{
	time_t now = (time_t)(now_ms / 1000), until = (time_t)(p->snooze_until_ms / 1000);
	char word[40];
	struct tm t;

	text[0] = '\0';
	localtime_r(&now, &t);
	if (p->paused) {
		snprintf(text, n, "its owner has paused it");
	} else if (p->snooze_until_ms > now_ms) {
		localtime_r(&until, &t);
		strftime(word, sizeof word, until - now < 86400 ? "%H:%M" : "%A %H:%M", &t);
		snprintf(text, n, "its owner lets it snooze until %s", word);
	} else if (!works_in(p, &t)) {
		next_hour(p, now_ms, word, sizeof word);
		snprintf(text, n, word[0] != '\0' ? "it works at other hours: again at %s"
			 : "its owner has chosen no hours%s", word);
	} else if (p->only_mains && !here->on_mains) {
		snprintf(text, n, "it runs on battery; starts again on mains");
	} else if (p->only_idle && here->in_use) {
		snprintf(text, n, "somebody uses the machine; starts again when it is idle");
	}
}

/* --- as JSON ------------------------------------------------------------------------------------- */

void worker_policy_init(struct worker_policy *p, const struct worker_resources *most)
{
	*p = (struct worker_policy){.milli_cpus = most->milli_cpus, .memory = most->memory,
				    .disk = most->disk,
				    .tasks_max = most->tasks_max};
	for (int day = 0; day < 7; day++)
		p->hours[day] = (1u << 24) - 1;
}

void worker_policy_json(struct json *j, const struct worker_policy *p)
{
	json_seconds(j, "cpus", p->milli_cpus); /* thousandths, written like those of seconds */
	json_uint(j, "memory", p->memory);
	json_uint(j, "disk", p->disk);
	json_uint(j, "max_tasks", p->tasks_max);
	json_bool(j, "only_idle", p->only_idle);
	json_bool(j, "only_mains", p->only_mains);
	json_array(j, "hours");
	for (int day = 0; day < 7; day++) {
		char word[25] = "";

		for (int h = 0; h < 24; h++)
			word[h] = (p->hours[day] >> h) & 1 ? '1' : '0';
		json_text(j, NULL, word);
	}
	json_end(j);
	json_array(j, "images");
	for (int i = 0; i < p->image_count; i++)
		json_text(j, NULL, p->images[i]);
	json_end(j);
	json_bool(j, "paused", p->paused);
	json_time(j, "snooze_until", p->snooze_until_ms);
}

static int wrong(struct error *err, const char *name, const char *what)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "\"%.40s\" must be %s", name, what);
}

/* A number above 0 and at most `most`, both counted in units of 1/scale. */
static int amount(const cJSON *v, double scale, uint64_t most, uint64_t *to, struct error *err)
{
	char words[120];

	if (cJSON_IsNumber(v) && v->valuedouble * scale >= 1 &&
	    v->valuedouble * scale <= (double)most * (1 + 1e-9)) {
		*to = (uint64_t)(v->valuedouble * scale + 0.5) < most
			? (uint64_t)(v->valuedouble * scale + 0.5) : most;
		return 0;
	}
	snprintf(words, sizeof words,
		 "a number above 0, at most %.12g: more is not lent by the worker's options",
		 (double)most / scale);
	return wrong(err, v->string, words);
}

static int flag(const cJSON *v, bool *to, struct error *err)
{
	if (!cJSON_IsBool(v))
		return wrong(err, v->string, "true or false");
	*to = cJSON_IsTrue(v);
	return 0;
}

static int hours(const cJSON *v, uint32_t to[7], struct error *err)
{
	static const char what[] =
		"seven texts, Sunday first, each of 24 times 0 or 1: \"000000001111111111110000\"";
	const cJSON *day;
	int d = 0;

	if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) != 7)
		return wrong(err, v->string, what);
	cJSON_ArrayForEach(day, v)
	{
		if (!cJSON_IsString(day) || strlen(day->valuestring) != 24 ||
		    strspn(day->valuestring, "01") != 24)
			return wrong(err, v->string, what);
		to[d] = 0;
		for (int h = 0; h < 24; h++)
			to[d] |= (uint32_t)(day->valuestring[h] - '0') << h;
		d++;
	}
	return 0;
}

static int images(const cJSON *v, struct worker_policy *p, struct error *err)
{
	static const char what[] = "at most 32 texts like \"python:*\", of 199 bytes at most; none = every image";
	const cJSON *image;

	if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) > POLICY_IMAGES_MAX)
		return wrong(err, v->string, what);
	p->image_count = 0;
	cJSON_ArrayForEach(image, v)
	{
		if (!cJSON_IsString(image) || image->valuestring[0] == '\0' ||
		    strlen(image->valuestring) >= POLICY_IMAGE_SIZE)
			return wrong(err, v->string, what);
		text_copy(p->images[p->image_count++], POLICY_IMAGE_SIZE, image->valuestring);
	}
	return 0;
}

static int change_one(struct worker_policy *p, const cJSON *v, const struct worker_resources *most,
		      struct error *err)
{
	const char *name = v->string;
	uint64_t n = 0;
	int rc = 0;

	if (strcmp(name, "cpus") == 0) {
		rc = amount(v, 1000, most->milli_cpus, &n, err);
		p->milli_cpus = rc == 0 ? (uint32_t)n : p->milli_cpus;
	} else if (strcmp(name, "memory") == 0) {
		rc = amount(v, 1, most->memory, &p->memory, err);
	} else if (strcmp(name, "disk") == 0) {
		rc = amount(v, 1, most->disk, &p->disk, err);
	} else if (strcmp(name, "max_tasks") == 0) {
		rc = amount(v, 1, most->tasks_max, &n, err);
		p->tasks_max = rc == 0 ? (uint32_t)n : p->tasks_max;
	} else if (strcmp(name, "only_idle") == 0) {
		rc = flag(v, &p->only_idle, err);
	} else if (strcmp(name, "only_mains") == 0) {
		rc = flag(v, &p->only_mains, err);
	} else if (strcmp(name, "hours") == 0) {
		rc = hours(v, p->hours, err);
	} else if (strcmp(name, "images") == 0) {
		rc = images(v, p, err);
	} else {
		rc = error_set(err, STATUS_INVALID_ARGUMENT,
			       "\"%.40s\" is no limit: there are cpus, memory, disk, max_tasks, hours, "
			       "only_idle, only_mains, images",
			       name);
	}
	return rc;
}

int worker_policy_change(struct worker_policy *p, const cJSON *object, const struct worker_resources *most,
			 struct error *err)
{
	struct worker_policy changed = *p;
	const cJSON *v;

	if (!cJSON_IsObject(object))
		return error_set(err, STATUS_INVALID_ARGUMENT, "the limits must be a JSON object");
	cJSON_ArrayForEach(v, object)
		if (change_one(&changed, v, most, err) != 0)
			return err->status;
	*p = changed;
	return 0;
}
