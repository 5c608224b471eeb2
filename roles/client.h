/* roles/client.h - what every client verb needs: options, credentials, one channel, one call at a time.
 *
 * A client verb is sequential: it asks, the loop runs until the answer is there, it prints. Only here.
 * Credentials: HIVEMIND_TOKEN (removed from the environment), HIVEMIND_TOKEN_FILE, else
 * $XDG_CONFIG_HOME/hivemind/credentials (0600; refused when others may read it), one section per pool. */
#ifndef ROLES_CLIENT_H
#define ROLES_CLIENT_H

#include "net/grpc_client.h"
#include "net/loop.h"
#include "proto/error.h"
#include "proto/rpc.h"
#include "ui/options.h"

struct client {
	struct loop loop;
	struct globals globals;
	struct endpoint pool;
	struct grpc_channel *channel;
	struct arena arena; /* answers lie here */
	struct error error;
	bool interrupted;   /* Ctrl-C came; calls end with CANCELLED */
};

/* Parse options, find pool and credentials, make the channel (nothing is sent yet). Returns -1 to go on, else the
 * exit code to return at once (help was shown, or an error was printed). needs_login: say how to log in when there is no token. */
int client_open(struct client *c, int argc, char **argv, const struct option *options, const struct verb_help *help,
		const char **args, int max_args, int *arg_count, bool needs_login);

/* One call. The reply lies in c->arena; NULL = failed, c->error says why. */
void *client_call(struct client *c, enum rpc_id id, const void *in);

/* A call whose replies stream. on_message returns false to end it early (that is no error). Returns the status. */
int client_stream(struct client *c, enum rpc_id id, const void *in,
		  bool (*on_message)(struct client *c, const void *out, void *user), void *user);

/* Close everything and return the exit code: `code`, or that of c->error (printed) when it is set. */
int client_close(struct client *c, int code);

/* A fresh call id, in c->arena. */
const char *client_call_id(struct client *c);

/* --- credentials ----------------------------------------------------------------------------- */
int credentials_save(const struct endpoint *pool, const char *token, const char *account, struct error *err);
int credentials_forget(const struct endpoint *pool, struct error *err);
/* The token for this pool into token (128 bytes); NOT_FOUND = none. */
int credentials_find(const struct endpoint *pool, char *token, struct error *err);

#endif
