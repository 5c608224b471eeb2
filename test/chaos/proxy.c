/* test/chaos/proxy.c - a network that misbehaves when told to: between a worker, or a client, and the pool.
 *
 *   proxy N HOST:PORT...    N listeners on 127.0.0.1; their ports are printed, a line each
 *
 * Every listener K is one way to the pool; with several addresses the first that takes the connection is used. Commands
 * come on standard input, a line each; K may be "*":
 *   K hold up|down|both   nothing passes in that direction; it waits here, as bytes do that TCP sends again
 *   K free                all of it passes, in order
 *   K delay MS            every byte is late by that, both ways; 0 = none
 *   K cut BYTES           after so many more bytes both sides get a reset, in the middle of whatever it is
 *   K reset               now
 *   K last                prints "K MICROSECONDS" (CLOCK_BOOTTIME): when something last passed upwards */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>
#include <uv.h>

#define ROOM 65536
#define WAITING_MAX (1 << 20) /* bytes held in one direction; then its sender has to wait */

enum { UP, DOWN };

struct piece {
	int64_t due_us;
	size_t n;
	struct piece *prev, *next;
	char data[];
};

struct link;

/* From one socket to the other. */
struct way {
	struct link *link;
	int direction;
	uv_tcp_t *from, *to;
	struct piece *pieces;
	size_t waiting;
	uv_timer_t timer;
	bool ended, shut; /* from has sent its last byte; to was told */
};

struct road {
	uv_tcp_t listener;
	bool held[2];
	int64_t delay_us, cut_after, last_up_us;
	bool cutting;
};

struct link {
	struct road *road;
	uv_tcp_t near, far;
	uv_connect_t connect;
	struct way ways[2];
	bool open, closing;
	int handles, attempt;
	struct link *prev, *next;
};

static uv_loop_t *uv;
static struct road *roads;
static int road_count;
static struct sockaddr_in pools[4];
static int pool_count;
static struct link *links;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- the end of a link ----------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	if (--l->handles > 0)
		return;
	for (int d = UP; d <= DOWN; d++) {
		struct piece *p, *next;

		DL_FOREACH_SAFE(l->ways[d].pieces, p, next)
			free(p);
	}
	DL_DELETE(links, l);
	free(l);
}

static void close_reset(uv_tcp_t *tcp)
{
	if (uv_tcp_close_reset(tcp, on_handle_closed) != 0) /* it was being shut down, or is not connected */
		uv_close((uv_handle_t *)tcp, on_handle_closed);
}

static void break_link(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	close_reset(&l->near);
	close_reset(&l->far);
	uv_close((uv_handle_t *)&l->ways[UP].timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->ways[DOWN].timer, on_handle_closed);
}

static void close_link(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	uv_close((uv_handle_t *)&l->near, on_handle_closed);
	uv_close((uv_handle_t *)&l->far, on_handle_closed);
	uv_close((uv_handle_t *)&l->ways[UP].timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->ways[DOWN].timer, on_handle_closed);
}

/* --- bytes on their way ---------------------------------------------------------------------- */

static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *b);

static void on_room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	static char room[ROOM];

	(void)h;
	(void)n;
	*b = uv_buf_init(room, sizeof room);
}

struct writing {
	uv_write_t write;
	struct piece *piece;
};

static void on_written(uv_write_t *write, int status)
{
	struct writing *w = (struct writing *)write;
	struct link *l = write->handle->data;

	free(w->piece);
	free(w);
	if (status != 0)
		break_link(l);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	(void)status;
	free(req);
}

static void pass(struct way *y, struct piece *p)
{
	struct writing *w = malloc(sizeof *w);
	uv_buf_t b = uv_buf_init(p->data, (unsigned)p->n);

	w->piece = p;
	if (y->direction == UP)
		y->link->road->last_up_us = now_us();
	if (uv_write(&w->write, (uv_stream_t *)y->to, &b, 1, on_written) != 0) {
		free(p);
		free(w);
	}
}

static void move_on(struct way *y);

static void on_due(uv_timer_t *timer)
{
	move_on((struct way *)((char *)timer - offsetof(struct way, timer)));
}

/* The end of the stream passes when all before it has. */
static void pass_end(struct way *y)
{
	uv_shutdown_t *req;

	if (!y->ended || y->shut || y->pieces != NULL)
		return;
	y->shut = true;
	if (y->link->ways[!y->direction].shut) {
		close_link(y->link);
		return;
	}
	req = malloc(sizeof *req);
	if (uv_shutdown(req, (uv_stream_t *)y->to, on_shut) != 0)
		free(req);
}

static void move_on(struct way *y)
{
	struct link *l = y->link;

	if (l->closing || !l->open || l->road->held[y->direction])
		return;
	while (y->pieces != NULL && y->pieces->due_us <= now_us()) {
		struct piece *p = y->pieces;

		DL_DELETE(y->pieces, p);
		y->waiting -= p->n;
		pass(y, p);
	}
	if (y->pieces != NULL)
		uv_timer_start(&y->timer, on_due, (uint64_t)((y->pieces->due_us - now_us()) / 1000 + 1), 0);
	else
		pass_end(y);
	if (y->waiting < WAITING_MAX && !y->ended)
		uv_read_start((uv_stream_t *)y->from, on_room, on_read);
}

/* false: this byte was the last one, and the link is no more. */
static bool survives_cut(struct road *r, struct link *l, size_t n)
{
	if (!r->cutting)
		return true;
	r->cut_after -= (int64_t)n;
	if (r->cut_after > 0)
		return true;
	r->cutting = false;
	break_link(l);
	return false;
}

static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *b)
{
	struct link *l = from->data;
	struct way *y = &l->ways[from == (uv_stream_t *)&l->near ? UP : DOWN];
	struct piece *p;

	if (n < 0 && n != UV_EOF) {
		break_link(l);
		return;
	}
	if (n == UV_EOF) {
		uv_read_stop(from);
		y->ended = true;
	} else if (n > 0) {
		p = malloc(sizeof *p + (size_t)n);
		p->due_us = now_us() + l->road->delay_us;
		p->n = (size_t)n;
		memcpy(p->data, b->base, (size_t)n);
		DL_APPEND(y->pieces, p);
		y->waiting += p->n;
		if (y->waiting >= WAITING_MAX)
			uv_read_stop(from);
	}
	move_on(y);
	if (n > 0)
		survives_cut(l->road, l, (size_t)n);
}

/* --- a new link ------------------------------------------------------------------------------ */

static void connect_next(struct link *l);

static void on_far_closed_to_retry(uv_handle_t *far)
{
	struct link *l = far->data;

	if (l->closing) {
		on_handle_closed(far);
		return;
	}
	uv_tcp_init(uv, &l->far);
	l->far.data = l;
	connect_next(l);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct link *l = connect->data;

	if (l->closing)
		return;
	if (status != 0 && l->attempt < pool_count) {
		uv_close((uv_handle_t *)&l->far, on_far_closed_to_retry);
		return;
	}
	if (status != 0) {
		break_link(l);
		return;
	}
	l->open = true;
	uv_tcp_nodelay(&l->far, 1);
	uv_read_start((uv_stream_t *)&l->near, on_room, on_read);
	uv_read_start((uv_stream_t *)&l->far, on_room, on_read);
}

static void connect_next(struct link *l)
{
	l->connect.data = l;
	if (uv_tcp_connect(&l->connect, &l->far, (struct sockaddr *)&pools[l->attempt++], on_connected) != 0)
		break_link(l);
}

static void init_way(struct link *l, int direction, uv_tcp_t *from, uv_tcp_t *to)
{
	struct way *y = &l->ways[direction];

	*y = (struct way){.link = l, .direction = direction, .from = from, .to = to};
	uv_timer_init(uv, &y->timer);
	y->timer.data = l;
}

static void on_connection(uv_stream_t *server, int status)
{
	struct link *l;

	if (status != 0)
		return;
	l = calloc(1, sizeof *l);
	l->road = server->data;
	l->handles = 4;
	uv_tcp_init(uv, &l->near);
	uv_tcp_init(uv, &l->far);
	l->near.data = l->far.data = l;
	init_way(l, UP, &l->near, &l->far);
	init_way(l, DOWN, &l->far, &l->near);
	DL_APPEND(links, l);
	uv_accept(server, (uv_stream_t *)&l->near);
	uv_tcp_nodelay(&l->near, 1);
	connect_next(l);
}

/* --- commands -------------------------------------------------------------------------------- */

static void move_all(struct road *r)
{
	struct link *l, *next;

	DL_FOREACH_SAFE(links, l, next) {
		if (l->road != r)
			continue;
		move_on(&l->ways[UP]);
		move_on(&l->ways[DOWN]);
	}
}

static void reset_all(struct road *r)
{
	struct link *l, *next;

	DL_FOREACH_SAFE(links, l, next)
		if (l->road == r)
			break_link(l);
}

static void obey(struct road *r, const char *verb, const char *word)
{
	if (strcmp(verb, "hold") == 0) {
		r->held[UP] |= strcmp(word, "down") != 0;
		r->held[DOWN] |= strcmp(word, "up") != 0;
	} else if (strcmp(verb, "free") == 0) {
		r->held[UP] = r->held[DOWN] = r->cutting = false;
		r->delay_us = 0;
		move_all(r);
	} else if (strcmp(verb, "delay") == 0) {
		r->delay_us = atoll(word) * 1000;
	} else if (strcmp(verb, "cut") == 0) {
		r->cutting = true;
		r->cut_after = atoll(word);
	} else if (strcmp(verb, "reset") == 0) {
		reset_all(r);
	} else if (strcmp(verb, "last") == 0) {
		printf("%d %lld\n", (int)(r - roads), (long long)r->last_up_us);
		fflush(stdout);
	}
}

static void read_command(const char *line)
{
	char which[16], verb[16], word[32] = "";

	if (sscanf(line, "%15s %15s %31s", which, verb, word) < 2)
		return;
	for (int i = 0; i < road_count; i++)
		if (strcmp(which, "*") == 0 || atoi(which) == i)
			obey(&roads[i], verb, word);
}

static void on_command(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	static char line[200];
	static size_t length;

	(void)s;
	if (n < 0)
		exit(0); /* the test has ended */
	for (ssize_t i = 0; i < n; i++) {
		if (b->base[i] != '\n') {
			length += length < sizeof line - 1;
			line[length - 1] = b->base[i];
			continue;
		}
		line[length] = '\0';
		length = 0;
		read_command(line);
	}
}

static int open_road(struct road *r)
{
	struct sockaddr_in at;
	int n = sizeof at;

	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(uv, &r->listener);
	r->listener.data = r;
	if (uv_tcp_bind(&r->listener, (struct sockaddr *)&at, 0) != 0 ||
	    uv_listen((uv_stream_t *)&r->listener, 512, on_connection) != 0)
		return 1;
	uv_tcp_getsockname(&r->listener, (struct sockaddr *)&at, &n);
	printf("%d\n", ntohs(at.sin_port));
	return 0;
}

int main(int argc, char **argv)
{
	uv_pipe_t commands;
	char host[64];
	int port;

	if (argc < 3) {
		fprintf(stderr, "proxy N HOST:PORT...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	uv = uv_default_loop();
	road_count = atoi(argv[1]);
	roads = calloc((size_t)road_count, sizeof *roads);
	for (int i = 2; i < argc && pool_count < 4; i++)
		if (sscanf(argv[i], "%63[^:]:%d", host, &port) == 2)
			uv_ip4_addr(host, port, &pools[pool_count++]);
	for (int i = 0; i < road_count; i++)
		if (open_road(&roads[i]) != 0)
			return 1;
	fflush(stdout);
	uv_pipe_init(uv, &commands, 0);
	uv_pipe_open(&commands, 0);
	uv_read_start((uv_stream_t *)&commands, on_room, on_command);
	return uv_run(uv, UV_RUN_DEFAULT);
}
