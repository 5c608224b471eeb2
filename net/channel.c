/* net/channel.c - the connection of a channel (grpc_client.h); its calls are in grpc_client.c.
 *
 * A call that finds no link makes one: dial -> up -> the calls that wait go out. A link that is refused
 * further streams (GOAWAY) is left to finish what it has; the next call makes a new one. */
#include "net/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/log.h"
#include "net/memory.h"
#include "net/tls.h"

static void free_link(struct link *link)
{
	struct grpc_channel *ch = link->channel;

	if (ch->link == link)
		ch->link = NULL;
	DL_DELETE(ch->all, link);
	free(link);
	ch->links--;
	channel_check(ch);
}

static void on_link_closed(struct h2 *h2)
{
	free_link((struct link *)h2);
}

static void leave(struct link *link)
{
	if (link->channel->link == link)
		link->channel->link = NULL;
}

static void on_goaway(struct h2 *h2)
{
	leave((struct link *)h2);
}

static void on_down(struct h2 *h2, const char *why)
{
	struct link *link = (struct link *)h2;

	log_debug("connection ended to=%s why=\"%s\"", link->channel->authority, why);
	leave(link);
	h2_close(h2, on_link_closed);
}

static const struct h2_events events = {
    .on_header = call_on_header,
    .on_headers = call_on_headers,
    .on_data = call_on_data,
    .on_remote_end = call_on_remote_end,
    .on_sent = call_on_sent,
    .on_close = call_on_close,
    .on_goaway = on_goaway,
    .on_down = on_down,
};

static void on_dialled(struct dial *dial, const struct error *e)
{
	struct link *link = container_of(dial, struct link, dial);
	struct grpc_channel *ch = link->channel;

	if (e->status != 0) {
		leave(link);
		channel_calls_fail(ch, e);
		free_link(link);
		return;
	}
	link->up = true;
	if (ch->tls != NULL)
		stream_secure(&link->h2.stream, ch->tls);
	stream_start(&link->h2.stream);
	h2_open(&link->h2, ch->loop, false, &events);
	if (ch->closing)
		h2_abort(&link->h2, "the channel is closed");
	else
		channel_calls_send(ch);
}

struct h2 *channel_connection(struct grpc_channel *ch)
{
	struct link *link = ch->link;

	if (link != NULL && link->up && !h2_usable(&link->h2))
		link = NULL;
	if (link == NULL) {
		link = ch->link = xcalloc(1, sizeof *link);
		link->channel = ch;
		ch->links++;
		DL_APPEND(ch->all, link);
		dial_start(&link->dial, ch->loop, &ch->to, &link->h2.stream, &h2_stream_events, on_dialled);
	}
	return link->up ? &link->h2 : NULL;
}

/* --- a channel ------------------------------------------------------------------------------- */

struct grpc_channel *grpc_channel_new(struct loop *loop, const struct endpoint *to)
{
	struct grpc_channel *ch = xcalloc(1, sizeof *ch);

	ch->loop = loop;
	ch->to = *to;
	if (to->path[0] != '\0')
		strcpy(ch->authority, "localhost");
	else
		endpoint_text(to, ch->authority, sizeof ch->authority);
	return ch;
}

void grpc_channel_set_tls(struct grpc_channel *ch, struct tls_config *config)
{
	ch->tls = config;
}

static void drop_token(struct grpc_channel *ch)
{
	if (ch->authorization != NULL)
		wipe(ch->authorization, strlen(ch->authorization));
	free(ch->authorization);
	ch->authorization = NULL;
}

void grpc_channel_set_token(struct grpc_channel *ch, const char *token)
{
	drop_token(ch);
	if (token != NULL)
		ch->authorization = xasprintf("Bearer %s", token);
}

static void on_check(struct deferred *d)
{
	struct grpc_channel *ch = container_of(d, struct grpc_channel, check);

	if (ch->links > 0 || ch->outgoing > 0)
		return;
	if (ch->closed != NULL)
		ch->closed(ch->closed_user);
	drop_token(ch);
	tls_config_release(ch->tls);
	free(ch);
}

void channel_check(struct grpc_channel *ch)
{
	if (ch->closing)
		loop_defer(ch->loop, &ch->check, on_check);
}

void grpc_channel_hang_up(struct grpc_channel *ch, const char *why)
{
	struct link *link;

	DL_FOREACH(ch->all, link)
		if (link->up)
			h2_abort(&link->h2, why);
}

void grpc_channel_close(struct grpc_channel *ch, void (*closed)(void *user), void *user)
{
	struct link *link;

	ch->closing = true;
	ch->closed = closed;
	ch->closed_user = user;
	channel_calls_cancel(ch);
	DL_FOREACH(ch->all, link)
	{ /* also one that said GOAWAY and takes nothing any more */
		if (link->up)
			h2_abort(&link->h2, "the channel is closed");
		else
			dial_cancel(&link->dial);
	}
	channel_check(ch);
}
