/* roles/log_tail.c - see the header. */
#include "roles/log_tail.h"

#include <stdlib.h>
#include <string.h>

#include "net/memory.h"

/* A piece whose data lies in `kept`. */
struct log_kept {
	struct log_piece piece;
	size_t start;
};

/* The oldest pieces go, until half of what may be kept is left. */
static void forget(struct log_tail *t)
{
	size_t gone = 0, bytes = 0;

	while (gone + 1 < t->count && t->kept.n - bytes > t->most / 2)
		bytes += t->pieces[gone++].piece.n;
	buf_consume(&t->kept, bytes);
	t->count -= gone;
	memmove(t->pieces, t->pieces + gone, t->count * sizeof t->pieces[0]);
	for (size_t i = 0; i < t->count; i++)
		t->pieces[i].start -= bytes;
}

void log_tail_add(struct log_tail *t, const struct log_piece *piece)
{
	if (t->count == t->room) {
		t->room = t->room > 0 ? t->room * 2 : 64;
		t->pieces = xrealloc(t->pieces, t->room * sizeof t->pieces[0]);
	}
	t->pieces[t->count] = (struct log_kept){*piece, t->kept.n};
	if (buf_append(&t->kept, piece->data, piece->n) == 0)
		t->count++;
	if (t->most > 0 && t->kept.n > t->most)
		forget(t);
}

/* Where the last lines begin in what is kept. */
static size_t start_of(const struct log_tail *t)
{
	int64_t lines = 0;
	size_t at = t->kept.n;

	if (at > 0 && t->kept.data[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (t->kept.data[at - 1] == '\n' && ++lines == t->lines)
			return at;
	return 0;
}

bool log_tail_next(struct log_tail *t, struct log_piece *piece)
{
	size_t skip = 0;

	if (t->at == 0) {
		size_t start = start_of(t);

		while (t->at < t->count && t->pieces[t->at].start + t->pieces[t->at].piece.n <= start)
			t->at++;
		if (t->at < t->count && t->pieces[t->at].start < start)
			skip = start - t->pieces[t->at].start;
	}
	if (t->at == t->count)
		return false;
	*piece = t->pieces[t->at].piece;
	piece->data = t->kept.data + t->pieces[t->at++].start + skip;
	piece->n -= skip;
	return true;
}

void log_tail_release(struct log_tail *t)
{
	free(t->pieces);
	buf_release(&t->kept);
	t->pieces = NULL;
	t->count = t->room = t->at = 0;
}
