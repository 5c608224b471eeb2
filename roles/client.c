/* roles/client.c - what every client verb needs; see the header.
 *
 * Ctrl-C and --timeout both ask what is under way for an early end (c->cancel); the wait then ends as it
 * always does, with the error CANCELLED, and client_close() turns that into the exit status 130 or 7. A
 * second Ctrl-C ends the process at once. */
#include "roles/client.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "net/crash.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/id.h"
#include "proto/status.h"
#include "ui/term.h"

#define CALL_TIMEOUT_MS 30000

/* --- opening ------------------------------------------------------------------------------------ */

static int find_pool(struct client *c)
{
	struct error none = {0};

	if (c->globals.pool != NULL)
		return endpoint_parse(&c->pool, c->globals.pool, &c->error);
	if (credentials_default(&c->pool, &none) == 0)
		return 0;
	return endpoint_parse(&c->pool, "localhost", &c->error);
}

static int find_token(struct client *c, char *token, bool needs_login)
{
	char where[400];
	int rc = token_from_environment(token, &c->error);

	if (rc == STATUS_NOT_FOUND)
		rc = credentials_find(&c->pool, token, &c->error);
	c->has_token = rc == 0 && token[0] != '\0';
	if (rc == 0 || (rc == STATUS_NOT_FOUND && !needs_login)) {
		error_clear(&c->error);
		return 0;
	}
	if (rc != STATUS_NOT_FOUND)
		return rc;
	endpoint_text(&c->pool, where, sizeof where);
	error_set(&c->error, STATUS_UNAUTHENTICATED, "you are not logged in at %s", where);
	return error_hint(&c->error,
	                  "Log in        hivemind login --pool %s\nNo account?   hivemind register --pool %s",
	                  where, where);
}

static void end_wait(struct client *c)
{
	c->over = true;
	loop_stop(&c->loop);
}

static void end_early(struct client *c)
{
	if (c->cancel != NULL)
		c->cancel(c);
}

static void on_signal(struct loop *l, int number)
{
	struct client *c = container_of(l, struct client, loop);

	c->interrupted = true;
	c->signal = number;
	end_early(c);
}

static void on_deadline(struct timer *t)
{
	struct client *c = container_of(t, struct client, deadline);

	c->timed_out = true;
	end_early(c);
}

static void open_loop(struct client *c, char *token)
{
	/* A pool that goes away is no reason to die; client_flush() looks at stdout itself. */
	signal(SIGPIPE, SIG_IGN);
	retry_start(&c->retry, 0);
	loop_init(&c->loop);
	loop_catch_signals(&c->loop, on_signal);
	timer_init(&c->loop, &c->deadline, on_deadline);
	if (c->globals.timeout_ms > 0)
		timer_set(&c->deadline, (uint64_t)c->globals.timeout_ms);
	c->channel = grpc_channel_new(&c->loop, &c->pool);
	if (c->has_token)
		grpc_channel_set_token(c->channel, token);
	c->opened = true;
}

static void on_knocked(struct knock *k, const struct error *e)
{
	struct client *c = container_of(k, struct client, trust.knock);

	c->error = *e;
	end_wait(c);
}

static void cancel_knock(struct client *c)
{
	knock_cancel(&c->trust.knock);
}

/* Before anything is sent: is it the pool that is meant? */
static int meet(struct client *c)
{
	struct error answer;

	if (c->trust.unknown) {
		knock_start(&c->trust.knock, &c->loop, &c->pool, c->trust.tls, on_knocked);
		client_wait(c, cancel_knock, NULL);
		answer = c->error;
		error_clear(&c->error);
		if (trust_judge(&c->trust, &answer, !c->globals.no_input, &c->error) != 0)
			client_explain(c);
	}
	grpc_channel_set_tls(c->channel, tls_config_keep(c->trust.tls));
	return c->error.status;
}

int client_open(struct client *c, int argc, char **argv, const struct option *options,
                const struct verb_help *help, const char **args, int max_args, int *arg_count,
                bool needs_login)
{
	char token[TOKEN_SIZE] = "";
	int rc;

	*c = (struct client){0};
	rc = options_parse(argc, argv, options, help, &c->globals, args, max_args, arg_count, &c->error);
	if (rc == OPTIONS_HELPED)
		return 0;
	if (rc == 0)
		rc = find_pool(c);
	if (rc == 0)
		rc = trust_open(&c->trust, &c->pool, &c->error);
	if (rc == 0)
		rc = find_token(c, token, needs_login);
	if (rc == 0)
		open_loop(c, token);
	wipe(token, sizeof token);
	if (rc == 0)
		return meet(c) == 0 ? -1 : client_close(c, 0);
	trust_release(&c->trust);
	return term_error(&c->error, c->globals.json);
}

/* --- waiting ------------------------------------------------------------------------------------ */

void client_wait(struct client *c, void (*cancel)(struct client *c), void *cancelled)
{
	c->cancel = cancel;
	c->cancelled = cancelled;
	if (c->interrupted || c->timed_out)
		end_early(c);
	while (!c->over)
		loop_run(&c->loop);
	c->cancel = NULL;
	c->over = false;
}

struct sleeper {
	struct client *client;
	struct timer timer;
};

static void on_slept(struct timer *t)
{
	end_wait(container_of(t, struct sleeper, timer)->client);
}

static void cancel_sleep(struct client *c)
{
	end_wait(c);
}

bool client_sleep(struct client *c, uint64_t ms)
{
	struct sleeper s = {.client = c};

	timer_init(&c->loop, &s.timer, on_slept);
	timer_set(&s.timer, ms);
	client_wait(c, cancel_sleep, NULL);
	timer_close(&s.timer, on_slept);
	client_wait(c, NULL, NULL);
	return !c->interrupted && !c->timed_out;
}

/* --- calls -------------------------------------------------------------------------------------- */

struct call {
	struct client *client;
	struct grpc_call call;
	void *reply; /* of a call with one */
	bool (*on_message)(struct client *c, const void *out, void *user);
	void *user;
	bool ended; /* by on_message */
};

void *client_copy(struct client *c, const void *out)
{
	const ProtobufCMessage *message = out;
	ProtobufCAllocator allocator = arena_allocator(&c->arena);
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = xmalloc(n);
	void *copy;

	protobuf_c_message_pack(message, packed);
	copy = protobuf_c_message_unpack(message->descriptor, &allocator, n, packed);
	free(packed);
	return copy;
}

static void on_reply(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct call *k = call->user;

	retry_moved(&k->client->retry);
	if (k->on_message == NULL) {
		k->reply = client_copy(k->client, out);
	} else if (!k->ended && !k->on_message(k->client, out, k->user)) {
		k->ended = true;
		grpc_call_cancel(call);
	}
}

void client_explain(struct client *c)
{
	char where[400];

	trust_explain(&c->trust, &c->error);
	if (c->error.hint[0] != '\0')
		return;
	endpoint_text(&c->pool, where, sizeof where);
	if (c->error.status == STATUS_UNAVAILABLE && strncmp(c->error.text, "cannot reach ", 13) == 0) {
		char why[300];

		text_copy(why, sizeof why, c->error.text + 13);
		error_set(&c->error, STATUS_UNAVAILABLE, "cannot reach the pool at %s", why);
		error_hint(&c->error, "Is the pool running there?   hivemind pool\n"
		                      "Is it another one?           --pool HOST:PORT");
	} else if (c->error.status == STATUS_UNAUTHENTICATED) {
		error_hint(&c->error, "Log in        hivemind login --pool %s", where);
	}
}

static void on_done(struct grpc_call *call, const struct error *e)
{
	struct call *k = call->user;
	struct client *c = k->client;

	if (e->status != 0 && !k->ended) {
		c->error = *e;
		client_explain(c);
	} else if (k->on_message == NULL && k->reply == NULL) {
		error_set(&c->error, STATUS_INTERNAL, "the pool answered %s with nothing",
		          call->method->path);
	}
	end_wait(c);
}

static void cancel_call(struct client *c)
{
	struct call *k = c->cancelled;

	grpc_call_cancel(&k->call);
}

static void run_call(struct client *c, struct call *k, enum rpc_id id, const void *in, int64_t timeout_ms)
{
	error_clear(&c->error);
	k->client = c;
	k->call = (struct grpc_call){.method = &rpc_methods[id],
	                             .timeout_ms = timeout_ms,
	                             .on_message = on_reply,
	                             .on_done = on_done,
	                             .user = k};
	grpc_call_unary(c->channel, &k->call, in);
	crash_point(CLIENT_CALL_SENT);
	client_wait(c, cancel_call, k);
}

void *client_call(struct client *c, enum rpc_id id, const void *in)
{
	struct call k = {0};

	run_call(c, &k, id, in, CALL_TIMEOUT_MS);
	return c->error.status == 0 ? k.reply : NULL;
}

bool client_again(struct client *c)
{
	uint64_t ms;

	return c->error.status == STATUS_UNAVAILABLE && retry_again(&c->retry, STATUS_UNAVAILABLE, &ms) &&
	       client_sleep(c, ms);
}

void *client_call_again(struct client *c, enum rpc_id id, const void *in)
{
	void *reply;

	do
		reply = client_call(c, id, in);
	while (reply == NULL && client_again(c));
	return reply;
}

int client_stream(struct client *c, enum rpc_id id, const void *in,
                  bool (*on_message)(struct client *c, const void *out, void *user), void *user)
{
	struct call k = {.on_message = on_message, .user = user};

	run_call(c, &k, id, in, 0);
	return c->error.status;
}

const char *client_call_id(struct client *c)
{
	char id[ID_SIZE];

	random_id(id);
	return arena_strdup(&c->arena, id);
}

/* --- the end ------------------------------------------------------------------------------------ */

void client_flush(struct client *c)
{
	int code = 0;

	if (fflush(stdout) != 0)
		code = errno;
	if (code == EPIPE) { /* hivemind logs -f | head */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (code != 0 && c->error.status == 0)
		error_set(&c->error, status_from_errno(code), "cannot write to standard output: %s",
		          strerror(code));
}

void client_print(struct client *c, struct buf *out)
{
	buf_append(out, "\n", 1);
	fwrite(out->data, 1, out->n, stdout);
	out->n = 0;
	client_flush(c);
}

int client_usage(struct client *c, const char *verb, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	error_set(&c->error, STATUS_INVALID_ARGUMENT, "%s", text);
	error_hint(&c->error, "How it is used   hivemind %s --help", verb);
	return client_close(c, EXIT_USAGE);
}

static void on_closed(void *user)
{
	end_wait(user);
}

static void on_deadline_closed(struct timer *t)
{
	end_wait(container_of(t, struct client, deadline));
}

static void close_loop(struct client *c)
{
	grpc_channel_close(c->channel, on_closed, c);
	client_wait(c, NULL, NULL);
	timer_close(&c->deadline, on_deadline_closed);
	client_wait(c, NULL, NULL);
	loop_close(&c->loop);
}

/* Being cut short is told by its own exit status, and it is no error of what was cut. */
static int exit_code(struct client *c, int code)
{
	if (c->error.status == STATUS_CANCELLED && (c->interrupted || c->timed_out))
		error_clear(&c->error);
	if (c->error.status != 0)
		return term_error(&c->error, c->globals.json);
	if (c->interrupted)
		return 128 + c->signal;
	if (c->timed_out) {
		char limit[24];

		error_set(&c->error, STATUS_DEADLINE_EXCEEDED, "gave up after --timeout %s",
		          format_ms(c->globals.timeout_ms, limit));
		return term_error(&c->error, c->globals.json);
	}
	return code;
}

int client_close(struct client *c, int code)
{
	client_flush(c);
	if (c->opened)
		close_loop(c);
	code = exit_code(c, code);
	arena_release(&c->arena);
	trust_release(&c->trust);
	return code;
}
