/* roles/pool_identity.c - see the header.
 *
 * open -> serve -> timer -> renew on the thread pool -> the server's next connections get it -> timer ...
 * A renewal that fails is said in the log and tried again an hour later; the old certificate has a third of
 * its life left then. */
#include "roles/pool_identity.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/tls.h"
#include "roles/pool.h"

#define HOUR_MS (3600 * 1000)

static int open_certificate(const struct pool_identity *i, struct certificate **c, struct error *err)
{
	const struct pool_options *o = &i->pool->options;

	if (o->cert != NULL)
		return certificate_load(c, o->cert, o->key, err);
	return certificate_open(c, i->directory, i->names, (size_t)i->name_count, err);
}

static void note(struct pool_identity *i, const struct certificate *c)
{
	text_copy(i->pin, sizeof i->pin, certificate_pin(c));
	i->renew_at_ms = certificate_renew_at(c);
	i->expires_at_ms = certificate_expires_at(c);
}

/* --- names ----------------------------------------------------------------------------------- */

static int add_name(struct pool_identity *i, const char *name, struct error *err)
{
	if (i->name_count == POOL_NAMES_MAX)
		return error_set(err, STATUS_INVALID_ARGUMENT, "a pool has at most %d names", POOL_NAMES_MAX);
	if (!certificate_name_valid(name))
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "--name %.100s is neither a host name nor an address", name);
	i->names[i->name_count++] = name;
	return 0;
}

static bool is_everywhere(const char *host)
{
	return strcmp(host, "::") == 0 || strcmp(host, "0.0.0.0") == 0;
}

/* What was given, else the address we listen on, else what this machine calls itself. */
static int find_names(struct pool_identity *i, struct error *err)
{
	const struct texts *given = &i->pool->options.names;
	const struct endpoint *at = &i->pool->at;
	int rc = 0;

	for (int n = 0; n < given->n && rc == 0; n++)
		rc = add_name(i, given->at[n], err);
	if (rc == 0 && at->path[0] == '\0' && !is_everywhere(at->host) && certificate_name_valid(at->host))
		rc = add_name(i, at->host, err);
	if (rc == 0 && gethostname(i->host, sizeof i->host - 1) == 0 && certificate_name_valid(i->host) &&
	    i->name_count < POOL_NAMES_MAX)
		rc = add_name(i, i->host, err);
	return rc;
}

const char *pool_identity_join(const struct pool_identity *i, char out[JOIN_STRING_SIZE])
{
	const char *host = i->name_count > 0 ? i->names[0] : "localhost";

	return join_string(out, host, i->pool->at.port, i->pin);
}

/* --- renewal --------------------------------------------------------------------------------- */

static void wait_for_next(struct pool_identity *i)
{
	int64_t ms = i->pool->options.cert != NULL ? HOUR_MS : i->renew_at_ms - clock_wall_ms();

	if (ms > HOUR_MS)
		ms = HOUR_MS; /* a clock that is put right, a laptop that slept: look again */
	timer_set(&i->timer, ms > 1000 ? (uint64_t)ms : 1000);
}

static void renew(struct work *work)
{
	struct pool_identity *i = container_of(work, struct pool_identity, work);

	open_certificate(i, &i->fresh, &i->error);
}

static void on_timer_closed(struct timer *t)
{
	(void)t;
}

static void serve_fresh(struct pool_identity *i)
{
	if (i->pool->server == NULL || i->closing) {
		certificate_free(i->fresh);
	} else {
		note(i, i->fresh);
		grpc_server_set_tls(i->pool->server, tls_config_server(i->fresh));
		log_info("certificate renewed expires_ms=%lld", (long long)i->expires_at_ms);
	}
	i->fresh = NULL;
}

static void on_renewed(struct work *work)
{
	struct pool_identity *i = container_of(work, struct pool_identity, work);

	i->working = false;
	if (i->fresh == NULL)
		log_warn("certificate not renewed error=\"%s\" hint=\"%s\"", i->error.text, i->error.hint);
	else if (certificate_expires_at(i->fresh) == i->expires_at_ms)
		certificate_free(i->fresh); /* the same one */
	else
		serve_fresh(i);
	if (i->closing)
		timer_close(&i->timer, on_timer_closed);
	else if (i->fresh == NULL && i->error.status != 0)
		timer_set(&i->timer, HOUR_MS);
	else
		wait_for_next(i);
	i->fresh = NULL;
}

static void on_timer(struct timer *t)
{
	struct pool_identity *i = container_of(t, struct pool_identity, timer);

	if (i->pool->options.cert == NULL && clock_wall_ms() < i->renew_at_ms) {
		wait_for_next(i);
		return;
	}
	i->working = true;
	error_clear(&i->error);
	work_start(&i->pool->loop, &i->work, renew, on_renewed);
}

/* --- open and close -------------------------------------------------------------------------- */

int pool_identity_open(struct pool_identity *i, struct pool *pool, struct error *err)
{
	int rc;

	i->pool = pool;
	if ((pool->options.cert == NULL) != (pool->options.key == NULL))
		return error_set(err, STATUS_INVALID_ARGUMENT, "--cert and --key belong together");
	snprintf(i->directory, sizeof i->directory, "%s/tls", pool->data);
	rc = find_names(i, err);
	if (rc == 0)
		rc = open_certificate(i, &i->fresh, err);
	if (rc == 0)
		note(i, i->fresh);
	return rc;
}

void pool_identity_serve(struct pool_identity *i)
{
	grpc_server_set_tls(i->pool->server, tls_config_server(i->fresh));
	i->fresh = NULL;
	timer_init(&i->pool->loop, &i->timer, on_timer);
	wait_for_next(i);
}

void pool_identity_close(struct pool_identity *i)
{
	i->closing = true;
	if (i->timer.run == NULL) { /* never served */
		certificate_free(i->fresh);
		i->fresh = NULL;
	} else if (!i->working) {
		timer_close(&i->timer, on_timer_closed);
	}
}
