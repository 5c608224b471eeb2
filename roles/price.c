/* roles/price.c - see price.h. The largest intermediate number is about 10^34: __int128. */
#define _GNU_SOURCE /* strcasestr */
#include "roles/price.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec/spec.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "ui/ini.h"

#define NANO 1000000ll /* nano-CPT in one milli-CPT */
#define MIB_PER_GIB 1024
#define WHOLE 1000 /* thousandths of a core, of a factor, of a second */

/* Rates are multiples of 1000 (cores) and of 1024 (memory), so that parts of a core and of a GiB are exact.
 */
const struct price_table price_defaults = {
    .start_mcpt = 10,
    .core_ncpt = 1200000,
    .gib_ncpt = 456 * 1024,
    .gpu_ncpt = 20000000,
    .factor = {[PRIORITY_NORMAL] = 1000, [PRIORITY_HIGH] = 1200, [PRIORITY_URGENT] = 1500},
};

/* --- the function ----------------------------------------------------------------------------------- */

static int64_t gpu_rate(const struct price_table *t, const char *model)
{
	for (int i = 0; i < t->model_count; i++) {
		if (strcasestr(model, t->models[i].name) != NULL)
			return t->models[i].gpu_ncpt;
	}
	return t->gpu_ncpt;
}

struct price price_of(const struct price_table *t, const Pb__Resources *r, const char *gpu_model,
                      enum priority p)
{
	uint64_t milli_cpus = r != NULL && r->milli_cpus > 0 ? r->milli_cpus : MILLI_CPUS_DEFAULT;
	uint64_t memory = r != NULL && r->memory > 0 ? r->memory : MEMORY_DEFAULT;
	uint64_t mib = memory / MiB + (memory % MiB > 0);
	__int128 sum =
	    (__int128)milli_cpus * t->core_ncpt * MIB_PER_GIB + (__int128)mib * t->gib_ncpt * WHOLE;

	if (r != NULL)
		sum += (__int128)r->gpus * gpu_rate(t, gpu_model) * WHOLE * MIB_PER_GIB;
	sum = sum * t->factor[p] / ((__int128)WHOLE * MIB_PER_GIB * WHOLE);
	return (struct price){t->start_mcpt, sum > INT64_MAX ? INT64_MAX : (int64_t)sum};
}

int64_t price_amount(const struct price *p, int64_t wall_ms, int64_t cap_mcpt)
{
	int64_t cap = cap_mcpt > 0 && cap_mcpt < CPT_SUPPLY ? cap_mcpt : CPT_SUPPLY;
	__int128 ran = (__int128)(wall_ms > 0 ? wall_ms : 0) * p->rate_ncpt / ((__int128)WHOLE * NANO);
	__int128 sum = p->start_mcpt + ran;

	return sum > cap ? cap : (int64_t)sum;
}

int64_t price_most(const struct price *p, const Pb__TaskSpec *spec)
{
	int64_t each = price_amount(p, 1000 * (int64_t)spec->time_limit_s, 0),
		attempts = 1 + (int64_t)retry_on_exit_most(spec);
	int64_t cap = spec->max_mcpt > 0 ? spec->max_mcpt : CPT_SUPPLY;

	return each > cap / attempts ? cap : each * attempts;
}

int64_t price_lasts_ms(const struct price *p, int64_t mcpt)
{
	__int128 ms;

	if (p->rate_ncpt <= 0)
		return INT64_MAX;
	if (mcpt <= p->start_mcpt)
		return 0;
	ms = (__int128)(mcpt - p->start_mcpt) * NANO * WHOLE / p->rate_ncpt;
	return ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}

int64_t price_per_core(const struct price *p, const Pb__Resources *r)
{
	uint64_t milli_cpus = r != NULL && r->milli_cpus > 0 ? r->milli_cpus : MILLI_CPUS_DEFAULT;
	__int128 rate = (__int128)p->rate_ncpt * WHOLE / milli_cpus;

	return rate > INT64_MAX ? INT64_MAX : (int64_t)rate;
}

bool price_accepted(const struct price_offer *o, const struct price *p, const Pb__Resources *r)
{
	return o->donor || price_per_core(p, r) >= o->min_core_ncpt;
}

struct price price_there(const struct price *p, const struct price_offer *o, bool own)
{
	return own || o->donor ? (struct price){0, 0} : *p;
}

/* --- the file ----------------------------------------------------------------------------------------- */

/* "0.0012" with up to `decimals` decimals as a whole number of the last one. */
static int parse_decimal(const char *text, int decimals, int64_t max, int64_t *value)
{
	size_t whole = strspn(text, "0123456789");
	const char *rest = text + whole;
	int64_t n = 0;

	if (whole == 0 || whole > 9)
		return STATUS_INVALID_ARGUMENT;
	for (size_t i = 0; i < whole; i++)
		n = 10 * n + (text[i] - '0');
	if (*rest == '.')
		rest++;
	for (int i = 0; i < decimals; i++)
		n = 10 * n + (*rest >= '0' && *rest <= '9' ? *rest++ - '0' : 0);
	if (*rest != '\0' || n > max)
		return STATUS_INVALID_ARGUMENT;
	*value = n;
	return 0;
}

int price_parse(const char *text, int64_t *ncpt, struct error *err)
{
	if (parse_decimal(text, 9, PRICE_RATE_MAX, ncpt) == 0)
		return 0;
	return error_set(err, STATUS_INVALID_ARGUMENT,
	                 "\"%.40s\" is no rate: a number of CPT from 0 to 10 with at most nine decimals",
	                 text);
}

const char *price_text(char text[PRICE_TEXT_SIZE], int64_t ncpt)
{
	int n = snprintf(text, PRICE_TEXT_SIZE, "%lld.%09lld", (long long)(ncpt / 1000000000),
	                 (long long)(ncpt % 1000000000));

	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	return text;
}

static int bad(const struct ini_line *l, struct error *err, const char *what)
{
	return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: %.60s: %s", l->path, l->line, l->key, what);
}

static int set_rate(const struct ini_line *l, int64_t *rate, struct error *err)
{
	if (parse_decimal(l->value, 9, PRICE_RATE_MAX, rate) != 0)
		return bad(l, err, "a rate is a number of CPT from 0 to 10 with at most nine decimals");
	return 0;
}

static int set_model(struct price_table *t, const struct ini_line *l, struct error *err)
{
	struct price_model *m = &t->models[t->model_count];

	if (t->model_count == PRICE_MODELS_MAX || l->key[0] == '\0' || strlen(l->key) >= sizeof(m->name))
		return bad(l, err, "too many model classes, or the name is too long");
	text_copy(m->name, sizeof(m->name), l->key);
	t->model_count++;
	return set_rate(l, &m->gpu_ncpt, err);
}

static int set_factor(struct price_table *t, const struct ini_line *l, struct error *err)
{
	static const char *const names[PRIORITY_COUNT] = {"normal", "high", "urgent"};
	int64_t factor;

	for (int i = 0; i < PRIORITY_COUNT; i++) {
		if (strcmp(l->key, names[i]) != 0)
			continue;
		if (parse_decimal(l->value, 3, PRICE_FACTOR_MAX, &factor) != 0)
			return bad(l, err, "a factor is a number from 0 to 10 with at most three decimals");
		t->factor[i] = (int)factor;
		return 0;
	}
	return bad(l, err, "a priority is normal, high or urgent");
}

static int on_line(void *user, const struct ini_line *l, struct error *err)
{
	struct price_table *t = user;

	if (l->key == NULL)
		return 0;
	if (strcmp(l->section, "gpu-second") == 0)
		return set_model(t, l, err);
	if (strcmp(l->section, "priority") == 0)
		return set_factor(t, l, err);
	if (l->section[0] != '\0')
		return bad(l, err, "a section is [gpu-second] or [priority]");
	if (strcmp(l->key, "core-second") == 0)
		return set_rate(l, &t->core_ncpt, err);
	if (strcmp(l->key, "gib-second") == 0)
		return set_rate(l, &t->gib_ncpt, err);
	if (strcmp(l->key, "gpu-second") == 0)
		return set_rate(l, &t->gpu_ncpt, err);
	if (strcmp(l->key, "start") != 0)
		return bad(l, err, "known are start, core-second, gib-second and gpu-second");
	if (cpt_parse(l->value, &t->start_mcpt, NULL) != 0)
		return bad(l, err, "a start fee is a number of CPT with at most three decimals");
	return 0;
}

int price_table_read(struct price_table *t, FILE *f, const char *path, struct error *err)
{
	*t = price_defaults;
	return ini_read(f, path, on_line, t, err);
}

int price_table_open(struct price_table *t, const char *path, struct error *err)
{
	FILE *f;
	int rc;

	*t = price_defaults;
	if (path == NULL)
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return error_set(err, STATUS_NOT_FOUND, "cannot read the prices in %s: %s", path, strerror(errno));
	rc = price_table_read(t, f, path, err);
	fclose(f);
	return rc;
}
