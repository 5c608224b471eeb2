/* ui/http_parse.c - see http_parse.h. bytes -> raw head, checked as it comes -> the library, once -> fields;
 * then the body, by its length or through the library. */
#include "ui/http_parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/memory.h"

#if __has_include(<llhttp.h>)
#include <llhttp.h>
typedef llhttp_t library_parser;
typedef llhttp_settings_t library_settings;
#else
#include <http_parser.h>
typedef http_parser library_parser;
typedef http_parser_settings library_settings;
#endif

/* A field as the library finds it: where it is in the raw head. */
struct span {
	size_t at, n;
};

struct http_library {
	library_parser parser;
	library_settings settings;
	struct http_parse *parse;
	struct span names[HTTP_FIELDS_MAX], values[HTTP_FIELDS_MAX];
	int name_n, value_n;
	bool head_done, done;
	const char *body_end; /* behind the last piece in what it is fed */
	void (*body)(void *user, const uint8_t *data, size_t n);
	void *user;
};

static int refuse(struct http_parse *p, int status, const char *why)
{
	p->part = HTTP_BAD;
	p->status = status;
	p->why = why;
	return -1;
}

/* --- the library --------------------------------------------------------------------------------- */

static struct http_library *library_of(library_parser *parser)
{
	return container_of(parser, struct http_library, parser);
}

static int on_name(library_parser *parser, const char *at, size_t n)
{
	struct http_library *l = library_of(parser);

	if (l->head_done)
		return refuse(l->parse, 400, "A body in chunks must not be followed by fields.");
	if (l->name_n == HTTP_FIELDS_MAX)
		return refuse(l->parse, 431, "The request has too many header fields.");
	l->names[l->name_n++] = (struct span){(size_t)((const uint8_t *)at - l->parse->raw.data), n};
	return 0;
}

static int on_value(library_parser *parser, const char *at, size_t n)
{
	struct http_library *l = library_of(parser);

	if (l->value_n != l->name_n - 1)
		return refuse(l->parse, 400, "A header field cannot be read.");
	l->values[l->value_n++] = (struct span){(size_t)((const uint8_t *)at - l->parse->raw.data), n};
	return 0;
}

static int on_head(library_parser *parser)
{
	library_of(parser)->head_done = true;
	return 0;
}

static int on_body(library_parser *parser, const char *at, size_t n)
{
	struct http_library *l = library_of(parser);

	if (l->parse->framing + (at - l->body_end) > HTTP_CHUNK_HEAD_MAX)
		return refuse(l->parse, 400, "The body's chunks have too much beside them.");
	l->parse->framing = 0;
	l->body_end = at + n;
	l->body(l->user, (const uint8_t *)at, n);
	return 0;
}

#if __has_include(<llhttp.h>)
static int on_done(library_parser *parser)
{
	library_of(parser)->done = true;
	return HPE_PAUSED;
}

static void library_init(struct http_library *l)
{
	llhttp_settings_init(&l->settings);
	llhttp_init(&l->parser, HTTP_REQUEST, &l->settings);
}

/* How many bytes were taken; -1 = they are wrong. */
static ssize_t library_feed(struct http_library *l, const void *data, size_t n)
{
	llhttp_errno_t e = llhttp_execute(&l->parser, data, n);

	if (e == HPE_OK)
		return (ssize_t)n;
	if (l->done && (e == HPE_PAUSED || e == HPE_PAUSED_UPGRADE))
		return llhttp_get_error_pos(&l->parser) - (const char *)data;
	return e == HPE_PAUSED_UPGRADE ? (ssize_t)n : -1;
}
#else
static int on_done(library_parser *parser)
{
	library_of(parser)->done = true;
	http_parser_pause(parser, 1);
	return 0;
}

static void library_init(struct http_library *l)
{
	http_parser_settings_init(&l->settings);
	http_parser_init(&l->parser, HTTP_REQUEST);
}

/* How many bytes were taken; -1 = they are wrong. */
static ssize_t library_feed(struct http_library *l, const void *data, size_t n)
{
	size_t used = http_parser_execute(&l->parser, &l->settings, data, n);

	return HTTP_PARSER_ERRNO(&l->parser) == HPE_OK || l->done ? (ssize_t)used : -1;
}
#endif

static void library_begin(struct http_parse *p)
{
	struct http_library *l = xcalloc(1, sizeof *l);

	library_init(l);
	l->parse = p;
	l->settings.on_header_field = on_name;
	l->settings.on_header_value = on_value;
	l->settings.on_headers_complete = on_head;
	l->settings.on_body = on_body;
	l->settings.on_message_complete = on_done;
	p->library = l;
}

static void library_end(struct http_parse *p)
{
	free(p->library);
	p->library = NULL;
}

/* --- the request line ----------------------------------------------------------------------------- */

static bool is_token(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", text[i]) != NULL)
			return false;
	return n > 0;
}

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

static int check_method(struct http_parse *p, const char *method)
{
	if (!is_token(method, strlen(method)))
		return refuse(p, 400, "The request line cannot be read.");
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(method, methods[i]) == 0)
			return 0;
	return refuse(p, 501, "There is no such method here.");
}

static int check_version(struct http_parse *p, const char *version)
{
	if (strcmp(version, "HTTP/1.1") == 0)
		return 0;
	if (strncmp(version, "HTTP/", 5) == 0 && strspn(version + 5, "0123456789.") == strlen(version + 5))
		return refuse(p, 505, "Only HTTP/1.1 is spoken here.");
	return refuse(p, 400, "The request line cannot be read.");
}

/* "METHOD target HTTP/1.1", with one space each: cut into three texts, which stay in the raw head. */
static int read_request_line(struct http_parse *p)
{
	char *line = (char *)p->raw.data, *target, *version;

	line[p->raw.n - 2] = '\0';
	target = strchr(line, ' ');
	version = target == NULL ? NULL : strchr(target + 1, ' ');
	if (version == NULL || target[1] == ' ' || strchr(version + 1, ' ') != NULL)
		return refuse(p, 400, "The request line cannot be read.");
	*target++ = *version++ = '\0';
	p->target = (size_t)(target - line);
	p->fields = p->raw.n;
	if (check_version(p, version) != 0)
		return -1;
	return check_method(p, line);
}

/* --- the head, byte by byte ----------------------------------------------------------------------- */

/* A line has ended, without its CR LF. True: it was the empty one that ends the head. */
static bool line_ends(struct http_parse *p, size_t n)
{
	bool empty = n == 0;

	if (empty && p->lines == 0) /* one before the request line is forgiven (RFC 9112, 2.2) */
		p->lines = -1;
	else if (empty && p->lines < 0)
		refuse(p, 400, "The request line is missing.");
	else if (empty)
		return true;
	else if (p->lines > 0 || read_request_line(p) == 0)
		p->lines = p->lines < 0 ? 1 : p->lines + 1;
	if (p->lines < 0)
		p->raw.n = 0;
	p->line = p->raw.n;
	return false;
}

/* May this byte follow those of the head that have come? */
static int check_byte(struct http_parse *p, uint8_t byte)
{
	bool first_line = p->lines <= 0;

	if (p->last == '\r' && byte != '\n')
		return refuse(p, 400, "A line of the head has a CR that no LF follows.");
	if (p->last != '\r' && byte == '\n')
		return refuse(p, 400, "A line of the head ends with LF alone.");
	if (byte == '\r' || byte == '\n')
		return 0;
	if (first_line && p->raw.n >= HTTP_TARGET_MAX)
		return refuse(p, 414, "The address asked for is too long.");
	if (p->raw.n >= HTTP_HEAD_MAX)
		return refuse(p, 431, "The head of the request is too large.");
	if (p->raw.n == p->line && !first_line && (byte == ' ' || byte == '\t'))
		return refuse(p, 400, "A header field is folded over two lines.");
	if ((byte < ' ' && (byte != '\t' || first_line)) || byte == 0x7f || (byte > 0x7f && first_line))
		return refuse(p, 400, "The head has a character that must not be in it.");
	return 0;
}

/* --- the head, whole ------------------------------------------------------------------------------ */

/* Without the blanks behind it. An empty one may be said to be where the next field begins. */
static const char *text_at(struct http_parse *p, struct span s)
{
	char *text = (char *)p->raw.data + s.at;

	if (s.n == 0)
		return "";
	while (s.n > 0 && (text[s.n - 1] == ' ' || text[s.n - 1] == '\t'))
		s.n--;
	text[s.n] = '\0';
	return text;
}

static int take_fields(struct http_parse *p)
{
	const struct http_library *l = p->library;

	for (int i = 0; i < l->value_n; i++) {
		const struct span at = l->names[i];
		char *name = (char *)p->raw.data + at.at;

		/* "Transfer-Encoding : chunked" is a name to some and none to others */
		if (!is_token(name, at.n) || name[at.n] != ':')
			return refuse(p, 400, "The name of a header field cannot be read.");
		name[at.n] = '\0';
		for (char *c = name; *c != '\0'; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
		p->head.fields[i].name = name;
		p->head.fields[i].value = text_at(p, l->values[i]);
	}
	p->head.field_n = l->value_n;
	return 0;
}

/* What may come only once: two of them are two meanings. */
static const char *const single[] = {
    "host",           "content-length",  "transfer-encoding",
    "content-type",   "authorization",   "origin",
    "cookie",         "expect",          "range",
    "if-range",       "if-none-match",   "last-event-id",
    "accept",         "sec-fetch-site",  "sec-fetch-mode",
    "sec-fetch-dest", "x-hivemind-csrf", "idempotency-key",
};

static int check_once(struct http_parse *p)
{
	const struct http_head *h = &p->head;

	for (size_t s = 0; s < sizeof single / sizeof *single; s++) {
		int n = 0;

		for (int i = 0; i < h->field_n; i++)
			n += strcmp(h->fields[i].name, single[s]) == 0;
		if (n > 1)
			return refuse(p, 400, "A header field that may come only once came twice.");
	}
	return 0;
}

static int read_length(struct http_parse *p)
{
	const char *length = http_head_field(&p->head, "content-length");
	const char *coding = http_head_field(&p->head, "transfer-encoding");

	if (length != NULL && coding != NULL)
		return refuse(p, 400,
		              "The request says its length twice: Content-Length and Transfer-Encoding.");
	if (coding != NULL && strcasecmp(coding, "chunked") != 0)
		return refuse(p, 501, "Of transfer codings only chunked is known here.");
	p->head.length = coding != NULL ? -1 : 0;
	if (length == NULL)
		return 0;
	if (*length == '\0' || strlen(length) > 15 || strspn(length, "0123456789") != strlen(length))
		return refuse(p, 400, "Content-Length is not a number of bytes.");
	p->head.length = strtoll(length, NULL, 10);
	return 0;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list != NULL && *list != '\0'; list += strcspn(list, ",")) {
		list += strspn(list, ", \t");
		if (strncasecmp(list, word, n) == 0 && strchr(", \t", list[n]) != NULL)
			return true;
	}
	return false;
}

static int read_fields(struct http_parse *p)
{
	const char *expect;

	if (check_once(p) != 0 || read_length(p) != 0)
		return -1;
	if (http_head_field(&p->head, "host") == NULL)
		return refuse(p, 400, "The request has no Host.");
	expect = http_head_field(&p->head, "expect");
	if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
		return refuse(p, 417, "Of expectations only 100-continue is known here.");
	p->head.expects = expect != NULL && p->head.length != 0;
	p->head.close = has_word(http_head_field(&p->head, "connection"), "close");
	return 0;
}

/* The raw head is complete: let the library find the fields, then see what they say. The library is shown a
 * request line of which it thinks nothing. */
static int head_ends(struct http_parse *p)
{
	static const char any[] = "PUT / HTTP/1.1\r\n";
	bool read;

	p->head.method = (char *)p->raw.data;
	p->head.target = (char *)p->raw.data + p->target;
	library_begin(p);
	read = library_feed(p->library, any, sizeof any - 1) >= 0 &&
	       library_feed(p->library, p->raw.data + p->fields, p->raw.n - p->fields) >= 0;
	if (p->part == HTTP_BAD || take_fields(p) != 0 || read_fields(p) != 0)
		return -1;
	if (!read || !p->library->head_done)
		return refuse(p, 400, "A header field cannot be read.");
	p->left = p->head.length;
	p->part = p->head.length == 0 ? HTTP_DONE : HTTP_IN_BODY;
	if (p->head.length >= 0)
		library_end(p);
	return 0;
}

size_t http_parse_head(struct http_parse *p, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (check_byte(p, data[i]) != 0)
			return i;
		buf_append(&p->raw, &data[i], 1);
		p->last = data[i];
		if (data[i] == '\n' && line_ends(p, p->raw.n - p->line - 2)) {
			head_ends(p);
			return i + 1;
		}
		if (p->part == HTTP_BAD)
			return i;
	}
	return n;
}

/* --- the body ------------------------------------------------------------------------------------- */

static size_t chunks(struct http_parse *p, const uint8_t *data, size_t n)
{
	ssize_t used;

	p->library->body_end = (const char *)data;
	used = library_feed(p->library, data, n);
	if (used < 0) {
		if (p->part != HTTP_BAD)
			refuse(p, 400, "The body's chunks cannot be read.");
		return 0;
	}
	p->framing += (const char *)data + used - p->library->body_end;
	if (p->library->done)
		p->part = HTTP_DONE;
	else if (p->framing > HTTP_CHUNK_HEAD_MAX)
		refuse(p, 400, "The body's chunks have too much beside them.");
	return (size_t)used;
}

size_t http_parse_body(struct http_parse *p, const uint8_t *data, size_t n,
                       void (*body)(void *user, const uint8_t *data, size_t n), void *user)
{
	if (p->head.length < 0) {
		p->library->body = body;
		p->library->user = user;
		return chunks(p, data, n);
	}
	if ((int64_t)n > p->left)
		n = (size_t)p->left;
	p->left -= (int64_t)n;
	if (p->left == 0)
		p->part = HTTP_DONE;
	body(user, data, n);
	return n;
}

/* --- the rest ------------------------------------------------------------------------------------- */

const char *http_head_field(const struct http_head *h, const char *name)
{
	for (int i = 0; i < h->field_n; i++)
		if (strcmp(h->fields[i].name, name) == 0)
			return h->fields[i].value;
	return NULL;
}

void http_parse_begin(struct http_parse *p)
{
	struct http_parse fresh = {.part = HTTP_IN_HEAD};

	*p = fresh;
}

void http_parse_release(struct http_parse *p)
{
	buf_release(&p->raw);
	library_end(p);
}
