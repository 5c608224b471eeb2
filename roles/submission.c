#include "roles/submission.h"

#include <stdlib.h>
#include <string.h>

#include "exec/spec.h"
#include "net/crash.h"
#include "proto/cpt.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/blob_transfer.h"

static int set_cpus(Pb__Resources *r, const char *text, struct error *err)
{
	char *end;
	double cores = strtod(text, &end);

	if (end == text || *end != '\0' || !(cores > 0) || cores > MILLI_CPUS_MAX / 1000)
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "--cpus: \"%.40s\" is not a number of cores (2, 0.5)", text);
	r->milli_cpus = (uint32_t)(cores * 1000 + 0.5);
	return 0;
}

static int set_env(const struct submission *s, struct bundle *b, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < s->env.n && rc == 0; i++)
		rc = spec_set_env(&b->spec, &b->arena, s->env.at[i], err);
	return rc;
}

static int set_max_cpt(Pb__TaskSpec *spec, const char *text, struct error *err)
{
	if (cpt_parse(text, &spec->max_mcpt, err) == 0 && spec->max_mcpt == 0)
		error_set(err, STATUS_INVALID_ARGUMENT, "--max-cpt must be above 0");
	return err->status;
}

int submission_change(const struct submission *s, struct bundle *b, struct error *err)
{
	Pb__TaskSpec *spec = &b->spec;
	int rc = set_env(s, b, err);

	if (s->name != NULL)
		spec->name = (char *)s->name;
	if (s->image != NULL)
		spec->image = (char *)s->image;
	if (s->memory > 0)
		spec->resources->memory = (uint64_t)s->memory;
	if (s->disk > 0)
		spec->resources->disk = (uint64_t)s->disk;
	if (s->gpus > 0)
		spec->resources->gpus = (uint32_t)s->gpus;
	if (s->time_limit_ms > 0)
		spec->time_limit_s = (uint32_t)((s->time_limit_ms + 999) / 1000);
	if (rc == 0 && s->cpus != NULL)
		rc = set_cpus(spec->resources, s->cpus, err);
	if (rc == 0 && s->max_cpt != NULL)
		rc = set_max_cpt(spec, s->max_cpt, err);
	return rc == 0 ? spec_check(spec, err) : rc;
}

Pb__QuoteReply *submission_quote(struct client *c, const struct bundle *b)
{
	Pb__QuoteRequest request = PB__QUOTE_REQUEST__INIT;

	request.spec = (Pb__TaskSpec *)&b->spec;
	return client_call_again(c, RPC_QUOTE, &request);
}

static int too_little(struct client *c, const Pb__QuoteReply *q)
{
	char most[CPT_TEXT_SIZE], balance[CPT_TEXT_SIZE], missing[CPT_TEXT_SIZE];

	error_set(&c->error, STATUS_RESOURCE_EXHAUSTED,
		  "this can cost up to %s CPT and you have %s: %s are missing",
		  cpt_grouped(most, q->most_mcpt), cpt_grouped(balance, q->balance_mcpt),
		  cpt_grouped(missing, q->missing_mcpt));
	return error_hint(&c->error, "Less costs less   --time-limit TIME, --cpus N, or at most   --max-cpt %s",
			  cpt_text(balance, q->balance_mcpt));
}

Pb__SubmitReply *submission_send(struct client *c, const struct bundle *b, const char *key, bool tell,
				 struct pending *pending, const Pb__QuoteReply **quote)
{
	Pb__SubmitRequest request = PB__SUBMIT_REQUEST__INIT;
	const Pb__QuoteReply *q = submission_quote(c, b);

	*pending = (struct pending){.fd = -1};
	if (quote != NULL)
		*quote = q;
	if (q == NULL)
		return NULL;
	if (key == NULL)
		pending_open(pending, &c->pool, b);
	if (key == NULL && !pending->known && q->missing_mcpt > 0 && too_little(c, q) != 0)
		return NULL;
	if (blob_transfer_bundle(c, b, tell) != 0)
		return NULL;
	request.spec = (Pb__TaskSpec *)&b->spec;
	request.bundle_sha256 = (char *)b->sha256;
	request.bundle_size = b->size;
	request.call_id = (char *)(key != NULL ? key : pending->id);
	crash_point(CLIENT_SUBMIT_READY);
	return client_call_again(c, RPC_SUBMIT, &request);
}

/* Only an answer of the pool says that nothing is on its way. */
void submission_shown(const struct client *c, struct pending *pending)
{
	int status = c->error.status;

	pending_close(pending, status != STATUS_UNAVAILABLE && status != STATUS_DEADLINE_EXCEEDED &&
				       status != STATUS_CANCELLED && status != STATUS_INTERNAL && status != STATUS_UNKNOWN);
}
