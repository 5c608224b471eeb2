/* roles/client.h - what every client verb needs: options, credentials, one channel, one call at a time.
 *
 * A client verb is sequential: it asks, the loop runs until the answer is there, it prints. Only here.
 *
 *     client_open -> client_call, client_call, client_stream, ... -> client_close
 *
 * The pool is --pool (or HIVEMIND_POOL, or the configuration), else that of the last login, else localhost.
 * The token is what the environment gives, else that of the last login there (roles/credentials.h). */
#ifndef ROLES_CLIENT_H
#define ROLES_CLIENT_H

#include "net/buf.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "proto/error.h"
#include "proto/rpc.h"
#include "roles/credentials.h"
#include "roles/retry.h"
#include "roles/trust.h"
#include "ui/options.h"

struct client {
	struct loop loop;
	struct globals globals;
	struct endpoint pool;
	struct trust trust; /* that it is the pool that is meant */
	struct grpc_channel *channel;
	struct arena arena; /* answers lie here */
	struct error error;
	bool interrupted; /* Ctrl-C came; calls end with CANCELLED */
	bool timed_out;   /* --timeout has run out; calls end with CANCELLED, the verb with exit status 7 */
	int signal;       /* what interrupted it */
	bool has_token, opened;
	struct retry retry; /* moved by each answer */
	struct timer deadline;
	/* What is under way, for Ctrl-C and --timeout: ask it for an early end. NULL = nothing. */
	void (*cancel)(struct client *c);
	void *cancelled; /* what cancel() is about */
	bool over;       /* what is under way has ended */
};

/* Parse options, find pool and credentials, make the channel; at first contact ask who the pool is and then
 * the person (nothing else is sent yet). Returns -1 to go on, else the exit code to return at once (help was
 * shown, or an error was printed). needs_login: say how to log in when there is no token. */
int client_open(struct client *c, int argc, char **argv, const struct option *options,
                const struct verb_help *help, const char **args, int max_args, int *arg_count,
                bool needs_login);

/* One call. The reply lies in c->arena; NULL = failed, c->error says why. */
void *client_call(struct client *c, enum rpc_id id, const void *in);

/* The same for a call that may be repeated (it reads, or carries a call_id): asked again while the connection
 * breaks. */
void *client_call_again(struct client *c, enum rpc_id id, const void *in);

/* After a failed call: has the connection only broken, and is it worth to ask again? Then it has waited a
 * while. */
bool client_again(struct client *c);

/* Add to c->error what a person can do about it, where neither the pool nor the network said so. */
void client_explain(struct client *c);

/* A copy of a message, in c->arena. */
void *client_copy(struct client *c, const void *message);

/* A call whose replies stream. on_message returns false to end it early (that is no error). Returns the
 * status. */
int client_stream(struct client *c, enum rpc_id id, const void *in,
                  bool (*on_message)(struct client *c, const void *out, void *user), void *user);

/* Run the loop until c->over; what was started before it sets that at its end, and stops the loop. cancel is
 * called at Ctrl-C and when --timeout has run out, at once if that was before. */
void client_wait(struct client *c, void (*cancel)(struct client *c), void *cancelled);

/* Wait. Ends early, with false, at Ctrl-C and when --timeout has run out. */
bool client_sleep(struct client *c, uint64_t ms);

/* Write what stands in stdout's buffer. A reader that went away (| head) ends us as SIGPIPE would. */
void client_flush(struct client *c);

/* Write out, a line of its own, to stdout, and empty it. */
void client_print(struct client *c, struct buf *out);

/* A word that was typed wrong: for errors that a verb finds itself. Returns the exit code of the verb. */
int client_usage(struct client *c, const char *verb, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Close everything and return the exit code: `code`, or that of c->error (printed) when it is set. */
int client_close(struct client *c, int code);

/* A fresh call id, in c->arena. */
const char *client_call_id(struct client *c);

#endif
