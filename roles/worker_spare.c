#include "roles/worker_spare.h"

#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "roles/worker.h"

struct grpc_channel *worker_channel(struct worker *w)
{
	struct grpc_channel *channel = grpc_channel_new(&w->loop, &w->pool);

	grpc_channel_set_tls(channel, tls_config_keep(w->trust.tls));
	grpc_channel_set_token(channel, w->token);
	return channel;
}

static void on_answered(struct grpc_call *call, const struct error *e)
{
	struct worker_spare *s = container_of(call, struct worker_spare, call);
	struct grpc_channel *channel = s->channel;

	s->call_open = false;
	s->channel = NULL;
	if (channel == NULL)
		return; /* dropped */
	if (e->status == 0)
		s->found(s, channel);
	else
		grpc_channel_close(channel, NULL, NULL);
}

void worker_spare_look(struct worker_spare *s)
{
	const Pb__WhoamiRequest who = PB__WHOAMI_REQUEST__INIT;

	if (s->call_open)
		return;
	s->call = (struct grpc_call){.method = &rpc_methods[RPC_WHOAMI], .timeout_ms = CONNECT_TIMEOUT_MS,
				     .on_done = on_answered};
	s->call_open = true;
	s->channel = worker_channel(s->worker);
	grpc_call_unary(s->channel, &s->call, &who.base);
}

void worker_spare_drop(struct worker_spare *s)
{
	if (s->channel != NULL)
		grpc_channel_close(s->channel, NULL, NULL);
	s->channel = NULL;
}
