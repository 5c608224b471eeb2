/* ui/http_file.c - parts of what does not change, and the files of the program (http.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/http_server.h"

/* --- has it changed? ----------------------------------------------------------------------------- */

static const char *strong(const char *etag)
{
	return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

/* Does a list of tags name this one? Weak ones do (RFC 9110, 13.1.2). */
static bool names_tag(const char *list, const char *etag)
{
	size_t n = strlen(strong(etag));

	for (; list != NULL && *list != '\0'; list += strcspn(list, ",")) {
		list += strspn(list, ", \t");
		if (*list == '*')
			return true;
		list = strong(list);
		if (strncmp(list, strong(etag), n) == 0)
			return true;
	}
	return false;
}

bool http_unchanged(struct http_request *r, const char *etag)
{
	http_header(r, "ETag", "%s", etag);
	if (!names_tag(http_field(r, "if-none-match"), etag))
		return false;
	http_answer(r, 304, NULL, NULL, 0);
	return true;
}

/* --- a part of it -------------------------------------------------------------------------------- */

/* "123" at *text, which moves behind it; -1 = no number. */
static int64_t number(const char **text)
{
	size_t n = strspn(*text, "0123456789");
	int64_t value = n == 0 || n > 15 ? -1 : strtoll(*text, NULL, 10);

	*text += n;
	return value;
}

/* 206, 200 or 416 for "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-N". */
static int read_range(const char *range, int64_t size, int64_t *from, int64_t *n)
{
	int64_t first, last;

	if (strncmp(range, "bytes=", 6) != 0)
		return 200;
	range += 6;
	first = *range == '-' ? -1 : number(&range);
	if (first < 0 && *range != '-')
		return 200;
	if (*range++ != '-')
		return 200;
	last = *range == '\0' && first >= 0 ? size - 1 : number(&range);
	if (last < 0 && !(first >= 0 && size == 0))
		return 200;
	if (*range != '\0' || (first >= 0 && last < first && first < size))
		return 200;
	if (first < 0) { /* the last so many */
		first = last < size ? size - last : 0;
		last = last == 0 ? -1 : size - 1;
	}
	if (first >= size || last < first)
		return 416;
	*from = first;
	*n = (last < size ? last : size - 1) - first + 1;
	return 206;
}

int http_range(struct http_request *r, int64_t size, const char *etag, int64_t *from, int64_t *n)
{
	const char *range = http_field(r, "range"), *unless = http_field(r, "if-range");
	int status = 200;

	*from = 0;
	*n = size;
	http_header(r, "Accept-Ranges", "bytes");
	if (range != NULL && (unless == NULL || strcmp(unless, etag) == 0))
		status = read_range(range, size, from, n);
	if (status == 206)
		http_header(r, "Content-Range", "bytes %lld-%lld/%lld", (long long)*from,
		            (long long)(*from + *n - 1), (long long)size);
	if (status == 416) {
		http_header(r, "Content-Range", "bytes */%lld", (long long)size);
		http_refuse(http_connection_of(r), 416, "It has no such part.");
	}
	return status;
}

/* --- a file -------------------------------------------------------------------------------------- */

/* The rest of a file that is being sent. */
struct rest {
	const uint8_t *data;
	size_t n;
};

static void send_rest(struct http_request *r)
{
	struct rest *rest = r->user;
	bool room = true;

	while (room && rest->n > 0) {
		size_t piece = rest->n < HTTP_PIECE ? rest->n : HTTP_PIECE;

		room = http_write(r, rest->data, piece);
		rest->data += piece;
		rest->n -= piece;
	}
	if (rest->n == 0)
		http_end(r);
}

static void send_file(struct http_request *r, int status, const char *type, const void *data, size_t n)
{
	struct rest *rest = arena_alloc(&r->arena, sizeof *rest);

	*rest = (struct rest){data, n};
	r->user = rest;
	r->on_space = send_rest;
	http_connection_of(r)->live = true;
	http_begin(r, status, type, (int64_t)n);
	send_rest(r);
}

void http_answer_file(struct http_request *r, const struct http_file *f)
{
	size_t file = (size_t)(f - r->server->options.files);
	const char *etag = http_server_etag(r->server, file);
	bool zipped = http_takes_gzip(r) && http_field(r, "range") == NULL && *f->gzip_size < *f->size;
	char tag[48];
	int64_t from, n;
	int status;

	http_header(r, "Cache-Control", "no-cache");
	http_header(r, "Vary", "Accept-Encoding");
	snprintf(tag, sizeof tag, zipped ? "%.*s-gz\"" : "%.*s\"", (int)strlen(etag) - 1, etag);
	if (http_unchanged(r, tag))
		return;
	if (zipped) {
		http_header(r, "Content-Encoding", "gzip");
		send_file(r, 200, f->type, f->gzip, *f->gzip_size);
		return;
	}
	status = http_range(r, (int64_t)*f->size, tag, &from, &n);
	if (status != 416)
		send_file(r, status, f->type, (const uint8_t *)f->data + from, (size_t)n);
}
