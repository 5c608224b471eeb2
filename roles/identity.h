/* roles/identity.h - whom the pool takes a browser of the master for: a token, the connection that carries
 * it, and what changes for that account.
 *
 * The first one is the person's who started the master, from the credentials that the commands use; whoever
 * has the one-time key is that person. A browser that signs in by name and password gets one of its own, and
 * its token never leaves the master. One lives until its session ends and its last request is over. */
#ifndef ROLES_IDENTITY_H
#define ROLES_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "net/grpc_client.h"
#include "roles/event_hub.h"

struct master;

#define IDENTITIES_MAX 16 /* signed in by password; the oldest makes room */

struct identity {
	struct master *m;
	struct grpc_channel *channel;
	bool signed_in;           /* carries a token */
	uint64_t session;         /* of ui/http.h; 0 = the person's who started us */
	int uses;                 /* requests, and the list */
	bool ended;
	struct event_hub events;
	struct grpc_call logout;
	struct identity *prev, *next;
};

/* token NULL or "" = none. */
struct identity *identity_new(struct master *m, uint64_t session, const char *token);
struct identity *identity_keep(struct identity *who);
void identity_drop(struct identity *who);

/* The one of this session, else the first. Kept for the caller. */
struct identity *identity_of(struct master *m, uint64_t session);

/* A session ends: so does its identity. logout: its token too. */
void identity_end(struct identity *who, bool logout);

#endif
