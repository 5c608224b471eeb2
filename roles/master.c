/* roles/master.c - hivemind master: the requester's page and JSON API on this machine. See master.h.
 *
 * Up: who is the pool, and who are we there (what the commands use) -> the key for programs -> listening ->
 * one line with the address, whose one-time key opens a session. Down (SIGTERM, Ctrl-C): no new request;
 * those there end, with their calls; connections to the pool; the loop. */
#include "roles/master.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/log.h"
#include "net/memory.h"
#include "net/secret_file.h"
#include "proto/status.h"
#include "roles/api.h"
#include "roles/api_result.h"
#include "roles/metrics_page.h"
#include "roles/master_page.h"
#include "roles/roles.h"
#include "roles/worker_home.h"
#include "ui/term.h"

#define LAG_EVERY_MS 1000
#define LISTEN_DEFAULT "127.0.0.1:5001"
#define API_KEY_MIN 32

extern char **environ;

static const struct verb_help help = {
	.usage = "hivemind master [--open] [--listen ADDR] [--pool HOST[:PORT]]",
	.summary = "Your own page and JSON API for a pool, on this machine: submit, watch, fetch results, see what it costs. It prints\n"
	"an address whose key opens it once, in one browser. It is you as far as the pool is concerned, by the login that\n"
	"the other commands use; without one, the page asks for name and password.",
	.examples = "  hivemind master --open\n"
	"  hivemind master --pool pool.example\n"
	"  curl -H \"Authorization: Bearer $(cat ~/.config/hivemind/api-key)\" http://127.0.0.1:5001/api/v1/tasks\n",
};

/* --- who we are -------------------------------------------------------------------------------- */

static int find_pool(struct master *m, struct error *err)
{
	struct error none = {0};
	int rc = 0;

	if (m->globals.pool != NULL)
		rc = endpoint_parse(&m->pool, m->globals.pool, err);
	else if (credentials_default(&m->pool, &none) != 0)
		rc = endpoint_parse(&m->pool, "localhost", err);
	if (rc == 0)
		endpoint_text(&m->pool, m->pool_text, sizeof m->pool_text);
	return rc;
}

/* None is no fault: then the page asks. */
static int find_token(struct master *m, char *token, struct error *err)
{
	int rc = token_from_environment(token, err);

	if (rc == STATUS_NOT_FOUND)
		rc = credentials_find(&m->pool, token, err);
	if (rc != STATUS_NOT_FOUND)
		return rc;
	error_clear(err);
	token[0] = '\0';
	return 0;
}

/* A pool that is not there yet is waited for, request by request; only one that is
 * not the one meant is none. */
static int meet_pool(struct master *m, struct error *err)
{
	int rc = trust_open(&m->trust, &m->pool, err);

	if (rc == 0)
		rc = trust_meet(&m->trust, &m->loop, !m->globals.no_input, err);
	if (rc != STATUS_UNAVAILABLE)
		return rc;
	error_clear(err);
	return 0;
}

/* --- the key for programs ------------------------------------------------------------------------ */

static bool key_path(const struct master *m, char *path, size_t n)
{
	char credentials[500], *slash;

	if (m->key_file != NULL) {
		text_copy(path, n, m->key_file);
		return true;
	}
	if (!credentials_path(credentials, sizeof credentials) || (slash = strrchr(credentials, '/')) == NULL)
		return false;
	*slash = '\0';
	snprintf(path, n, "%s/api-key", credentials);
	return true;
}

static int make_key(struct master *m, const char *path, struct error *err)
{
	char line[sizeof m->api_key + 1], *slash, directory[500];

	memcpy(m->api_key, "hmk_", 4);
	random_id(m->api_key + 4);
	random_id(m->api_key + 4 + ID_LENGTH);
	snprintf(line, sizeof line, "%s\n", m->api_key);
	text_copy(directory, sizeof directory, path);
	slash = strrchr(directory, '/');
	if (slash != NULL && slash != directory) {
		*slash = '\0';
		if (make_directories(directory, err) != 0)
			return err->status;
	}
	secret_file_write(path, 0600, line, strlen(line), err);
	crash_point(MASTER_KEY_WRITTEN);
	wipe(line, sizeof line);
	return err->status;
}

static int open_key(struct master *m, struct error *err)
{
	struct buf text = {0};
	char path[520];
	int rc;

	if (!key_path(m, path, sizeof path))
		return 0; /* neither HOME nor --api-key: programs use what browsers use */
	rc = secret_file_read(path, &text, err);
	if (rc == STATUS_NOT_FOUND) {
		error_clear(err);
		rc = make_key(m, path, err);
	} else if (rc == 0) {
		text_copy(m->api_key, sizeof m->api_key, buf_text(&text));
		m->api_key[strcspn(m->api_key, "\r\n")] = '\0';
		if (strlen(m->api_key) < API_KEY_MIN)
			rc = error_set(err, STATUS_INVALID_ARGUMENT,
				       "the key in %s is too short: delete the file, and a new one is made",
				       path);
	}
	secret_buf_release(&text);
	return rc;
}

static bool is_api_key(void *data, const char *token)
{
	const struct master *m = data;

	return m->api_key[0] != '\0' && http_secret_equal(token, m->api_key);
}

/* --- is the loop late? --------------------------------------------------------------------------- */

static void on_lag_due(struct timer *t)
{
	struct master *m = container_of(t, struct master, lag);
	int64_t now = clock_ms(), late = now - m->lag_due_ms;

	if (m->lag_due_ms > 0)
		metrics_observe(METRIC_LOOP_LAG, 0, late > 0 ? (double)late / 1000 : 0);
	m->lag_due_ms = now + LAG_EVERY_MS;
	timer_set(t, LAG_EVERY_MS);
}

/* --- down ---------------------------------------------------------------------------------------- */

static void on_http_closed(void *user)
{
	struct master *m = user;
	struct identity *who, *next;

	DL_FOREACH_SAFE(m->identities, who, next)
		identity_end(who, who != m->first);
	result_indexes_free(m->results);
	m->results = NULL;
	timer_close(&m->lag, NULL);
}

static void on_stop(struct loop *loop, int signal)
{
	struct master *m = container_of(loop, struct master, loop);

	(void)signal;
	if (m->ending)
		return;
	m->ending = true;
	http_server_close(m->http, on_http_closed, m);
}

/* --- up ------------------------------------------------------------------------------------------- */

void master_say_address(struct master *m, const char *words)
{
	char key[HTTP_KEY_SIZE];

	http_server_key(m->http, key);
	snprintf(m->address, sizeof m->address, "http://%s/#k=%s", m->at_text, key);
	wipe(key, sizeof key);
	if (!m->globals.quiet)
		printf("%s%s\n", words, m->address);
	fflush(stdout);
}

static void open_browser(struct master *m)
{
	char program[] = "xdg-open", *argv[] = {program, m->address, NULL};
	pid_t pid;

	if (posix_spawnp(&pid, program, NULL, NULL, argv, environ) != 0)
		fprintf(stderr, "hivemind master: there is no xdg-open here; open the address by hand\n");
}

static void greet(struct master *m)
{
	char line[sizeof m->address + 40];
	FILE *file;

	endpoint_text(&m->at, m->at_text, sizeof m->at_text);
	master_say_address(m, "hivemind master ready on ");
	if (!m->first->signed_in && !m->globals.quiet)
		printf("  nobody is logged in at %s: the page asks for name and password\n", m->pool_text);
	fflush(stdout);
	if (m->ready_fd >= 0) {
		snprintf(line, sizeof line, "hivemind master ready on %s\n", m->address);
		dprintf((int)m->ready_fd, "%s", line);
		close((int)m->ready_fd);
		wipe(line, sizeof line);
	}
	file = m->port_file != NULL ? fopen(m->port_file, "we") : NULL;
	if (file != NULL) {
		fprintf(file, "%d\n", m->at.port);
		fclose(file);
	}
	if (m->open_browser)
		open_browser(m);
}

static int listen_here(struct master *m, struct error *err)
{
	struct http_options options = {.name = "hivemind", .data = m, .bearer = is_api_key};

	options.route_count = api_routes(&options.routes);
	metrics_page_open(METRICS_MASTER, options.routes, options.route_count);
	options.on_answered = metrics_page_answered;
	options.file_count = master_page(&options.files);
	m->times = http_times_default;
	if (m->patience_ms > 0)
		m->times.head = m->times.body = m->patience_ms;
	options.times = &m->times;
	m->http = http_server_new(&m->loop, &options);
	if (http_server_listen(m->http, &m->at, err) == 0)
		return 0;
	if (err->status == STATUS_ALREADY_EXISTS)
		error_hint(err, "does another master run there? --listen 127.0.0.1:0 takes any free port");
	return err->status;
}

static int prepare(struct master *m, struct error *err)
{
	char token[TOKEN_SIZE] = "";
	int rc = find_pool(m, err);

	if (rc == 0)
		rc = endpoint_parse(&m->at, m->listen != NULL ? m->listen : LISTEN_DEFAULT, err);
	if (rc == 0)
		rc = find_token(m, token, err);
	if (rc == 0)
		rc = open_key(m, err);
	if (rc == 0)
		rc = meet_pool(m, err);
	if (rc == 0)
		m->first = identity_new(m, 0, token);
	wipe(token, sizeof token);
	return rc;
}

static int run(struct master *m)
{
	struct error err = {0};

	loop_init(&m->loop);
	m->started_ms = clock_wall_ms();
	if (prepare(m, &err) == 0) {
		loop_catch_signals(&m->loop, on_stop);
		timer_init(&m->loop, &m->lag, on_lag_due);
		on_lag_due(&m->lag);
		if (listen_here(m, &err) == 0)
			greet(m);
		else
			on_stop(&m->loop, 0);
		loop_run(&m->loop);
	}
	loop_close(&m->loop);
	trust_release(&m->trust);
	wipe(m->api_key, sizeof m->api_key);
	return err.status != 0 ? term_error(&err, m->globals.json) : 0;
}

int master_main(int argc, char **argv)
{
	struct master *m = xcalloc(1, sizeof *m);
	const struct option options[] = {
		{"open", 0, OPTION_FLAG, &m->open_browser, NULL, "open the page in the browser", NULL, 0, 0},
		{"listen", 0, OPTION_TEXT, &m->listen, "ADDR",
		 "where to listen, on this machine (" LISTEN_DEFAULT ")", NULL, 0, 0},
		{"api-key", 0, OPTION_TEXT, &m->key_file, "FILE",
		 "the key for programs, made when it is not there (~/.config/hivemind/api-key)", NULL, 0, 0},
		{"patience", 0, OPTION_DURATION, &m->patience_ms, "TIME",
		 "how long a client may take over a head, or be silent in a body (10s and 30s)", NULL, 0, 0},
		{"port-file", 0, OPTION_TEXT, &m->port_file, "FILE", "write the port there when ready", NULL, 0, 0},
		{"ready-fd", 0, OPTION_INT, &m->ready_fd, "N", "write the ready line there, once", NULL, 0, 1 << 20},
		{0},
	};
	struct error err = {0};
	int rc, count = 0;

	m->ready_fd = -1;
	rc = options_parse(argc, argv, options, &help, &m->globals, NULL, 0, &count, &err);
	if (rc == 0)
		rc = run(m);
	else
		rc = rc == OPTIONS_HELPED ? 0 : term_error(&err, m->globals.json);
	free(m);
	return rc;
}
