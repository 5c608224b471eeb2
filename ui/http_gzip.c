/* ui/http_gzip.c - long texts are packed for clients that take that: those who come through ssh notice. */
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "ui/http_server.h"

#define SHORT 1024 /* below, the head is longer than what is saved */
#define GZIP_WINDOW (15 + 16)
#define LEVEL 4 /* most of what 9 saves, in a third of the time */

bool http_takes_gzip(const struct http_request *r)
{
	const char *coding = http_field(r, "accept-encoding");
	const char *gzip = coding == NULL ? NULL : strstr(coding, "gzip");

	return gzip != NULL && strncmp(gzip + 4, ";q=0", 4) != 0;
}

/* Is it text of some length? What is packed already would only grow. */
static bool is_worth_it(const char *type, size_t n)
{
	static const char *const texts[] = {"text/", "application/json", "application/problem+json",
	                                    "application/openapi+json", "image/svg+xml"};

	for (size_t i = 0; n >= SHORT && type != NULL && i < sizeof texts / sizeof *texts; i++)
		if (strncasecmp(type, texts[i], strlen(texts[i])) == 0)
			return true;
	return false;
}

bool http_gzip(const struct http_request *r, const char *type, const void *body, size_t n, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)body, .avail_in = (uInt)n};
	int rc;

	if (!is_worth_it(type, n) || n > HTTP_BODY_MAX || !http_takes_gzip(r) ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_out = buf_reserve(out, n);
	z.avail_out = (uInt)n;
	rc = deflate(&z, Z_FINISH); /* ends early when it would be longer than it was */
	out->n = z.total_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END;
}
