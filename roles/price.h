/* roles/price.h - what a task costs: a pure function, used by the quote, the hold, the
 * ticks and the charge alike.
 *
 *     amount = start + wall time x rate, rounded down once to the milli-CPT, never above the cap
 *     rate   = cores x core + GiB x gib + GPUs x gpu, times the factor of the priority
 *
 * A rate is a whole number of nano-CPT (10^-9 CPT; a millionth of a milli-CPT) for a second, so that a line
 * of a statement (seconds, rate) gives its amount exactly. Twice the cores or twice the time is twice that
 * part. What is reserved counts, not what was used. Memory counts in MiB, rounded up.
 *
 *     quote, hold   price_most(): price_amount(&price, 1000 * spec->time_limit_s, spec->max_mcpt)
 *     tick, charge  price_amount(&price, ms that the pool's own lease clock saw, the hold)
 *
 * The price of a task is fixed at submit (store_submit keeps it), so new rates change no hold. */
#ifndef ROLES_PRICE_H
#define ROLES_PRICE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/cpt.h"

#include "hivemind.pb-c.h"

#define PRICE_MODELS_MAX 32
#define PRICE_RATE_MAX 10000000000ll /* nano-CPT a second: 10 CPT for one core-second */
#define PRICE_FACTOR_MAX 10000       /* thousandths */

enum priority { PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_URGENT, PRIORITY_COUNT };

struct price_table {
	int64_t start_mcpt;                   /* for each attempt that ran */
	int64_t core_ncpt, gib_ncpt, gpu_ncpt; /* for a second of one of them */
	/* first that the GPU's model contains, case ignored */
	struct price_model { char name[48]; int64_t gpu_ncpt; } models[PRICE_MODELS_MAX];
	int model_count;
	int factor[PRIORITY_COUNT]; /* thousandths */
};

/* 150 CPT run about 25 core-hours with 1 GiB each; one second of one core is more than one milli-CPT. */
extern const struct price_table price_defaults;

/* `key = value` lines over the defaults; amounts are decimal CPT with up to nine decimals:
 *     start = 0.01    core-second = 0.0012    gib-second = 0.000466944    gpu-second = 0.02
 *     [gpu-second]    A100 = 0.05  (by model class)    [priority]    high = 1.2
 * INVALID_ARGUMENT names file and line. */
int price_table_read(struct price_table *t, FILE *f, const char *path, struct error *err);

/* The same from a file; NULL = the defaults alone. NOT_FOUND: it cannot be read. */
int price_table_open(struct price_table *t, const char *path, struct error *err);

/* Of one attempt. */
struct price {
	int64_t start_mcpt, rate_ncpt;
};

/* resources NULL and zeros in it count as the defaults of proto/limits.h. gpu_model "" = any. */
struct price price_of(const struct price_table *t, const Pb__Resources *r, const char *gpu_model,
		      enum priority p);

/* wall_ms below 0 counts as 0; cap_mcpt 0 = no cap but the supply. */
int64_t price_amount(const struct price *p, int64_t wall_ms, int64_t cap_mcpt);

/* The quote, and the hold: the most that a task of this spec can cost. */
int64_t price_most(const struct price *p, const Pb__TaskSpec *spec);

/* How long this much lasts, ms; INT64_MAX when it costs nothing. */
int64_t price_lasts_ms(const struct price *p, int64_t mcpt);

/* "0.0012": a rate in CPT, for people and JSON alike. Returns text. */
#define PRICE_TEXT_SIZE 32
const char *price_text(char text[PRICE_TEXT_SIZE], int64_t ncpt);
/* And back; INVALID_ARGUMENT: no number from 0 to 10 with at most nine decimals. */
int price_parse(const char *text, int64_t *ncpt, struct error *err);

/* The rate for one core of what is reserved, rounded down: what a worker's owner compares. */
int64_t price_per_core(const struct price *p, const Pb__Resources *r);

/* What a worker's owner asks. */
struct price_offer {
	int64_t min_core_ncpt; /* less than this for a second of a core: not run here; 0 = anything */
	bool donor;            /* takes no money */
};

bool price_accepted(const struct price_offer *o, const struct price *p, const Pb__Resources *r);

/* The price there: nothing for an own worker (nobody pays oneself) or a donor's. */
struct price price_there(const struct price *p, const struct price_offer *o, bool own);

#endif
