#include "roles/identity.h"

#include <stdlib.h>
#include <utlist.h>

#include "net/memory.h"
#include "net/tls.h"
#include "roles/master.h"

#define LOGOUT_MS 3000

static void on_channel_closed(void *user)
{
	struct identity *who = user;

	who->m->open_channels--;
	free(who);
}

static void on_events_closed(struct event_hub *hub)
{
	struct identity *who = container_of(hub, struct identity, events);

	grpc_channel_close(who->channel, on_channel_closed, who);
}

struct identity *identity_new(struct master *m, uint64_t session, const char *token)
{
	struct identity *who = xcalloc(1, sizeof *who);

	who->m = m;
	who->session = session;
	who->uses = 1;
	who->channel = grpc_channel_new(&m->loop, &m->pool);
	grpc_channel_set_tls(who->channel, tls_config_keep(m->trust.tls));
	who->signed_in = token != NULL && token[0] != '\0';
	if (who->signed_in)
		grpc_channel_set_token(who->channel, token);
	event_hub_init(&who->events, &m->loop, who->channel);
	m->open_channels++;
	DL_APPEND(m->identities, who);
	return who;
}

struct identity *identity_keep(struct identity *who)
{
	who->uses++;
	return who;
}

void identity_drop(struct identity *who)
{
	if (--who->uses == 0)
		event_hub_close(&who->events, on_events_closed);
}

struct identity *identity_of(struct master *m, uint64_t session)
{
	struct identity *who;

	DL_FOREACH(m->identities, who)
		if (session != 0 && who->session == session)
			return identity_keep(who);
	return identity_keep(m->first);
}

static void on_logged_out(struct grpc_call *call, const struct error *e)
{
	(void)e; /* the token is forgotten here either way */
	identity_drop(call->user);
}

void identity_end(struct identity *who, bool logout)
{
	Pb__LogoutRequest request = PB__LOGOUT_REQUEST__INIT;

	if (who->ended)
		return;
	who->ended = true;
	DL_DELETE(who->m->identities, who);
	if (logout && who->signed_in) {
		who->logout = (struct grpc_call){.method = &rpc_methods[RPC_LOGOUT], .timeout_ms = LOGOUT_MS,
						 .on_done = on_logged_out, .user = identity_keep(who)};
		grpc_call_unary(who->channel, &who->logout, &request.base);
	}
	identity_drop(who);
}
