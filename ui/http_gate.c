#include "ui/http_gate.h"

#include <string.h>
#include <strings.h>

const struct http_refusal http_gate_refusals[GATE_KINDS] = {
    [GATE_HOST] = {403, "WRONG_HOST", "Wrong host", "This page is not called by that name.",
                   "Open it at http://127.0.0.1 or http://localhost, with its port."},
    [GATE_ORIGIN] = {403, "CROSS_ORIGIN", "Not from here",
                     "The request was made by a page of another origin.",
                     "Open the page itself; no other page may speak for it."},
    [GATE_SITE] = {403, "CROSS_SITE", "Not from here", "The request was made by a page of another site.",
                   "Open the address in a window of its own."},
    [GATE_SESSION] = {401, "NO_SESSION", "Not signed in",
                      "This needs a session or a token, and the request has none that is known here.",
                      "In a browser, open the address that hivemind printed when it started. A program sends "
                      "Authorization: Bearer KEY; where the key is, man hivemind-api says."},
    [GATE_NO_ORIGIN] = {403, "NO_ORIGIN", "Not from the page",
                        "What changes something says where it comes from, and this has no Origin.",
                        "Programs send a token: Authorization: Bearer TOKEN."},
    [GATE_CSRF] = {403, "NO_CSRF_HEADER", "Not from the page",
                   "What changes something has the header X-Hivemind-Csrf: 1, and this has not.",
                   "Programs send a token: Authorization: Bearer TOKEN."},
    [GATE_TYPE] = {415, "WRONG_TYPE", "Wrong type", "The body is not of the type that is taken here.",
                   "Send Content-Type: application/json, or what the API document says."},
};

const struct http_pair http_gate_headers[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
     "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {NULL, NULL},
};

static bool is(const char *value, const char *text)
{
	return value != NULL && strcmp(value, text) == 0;
}

static bool host_is_ours(const struct http_gate_ask *ask)
{
	if (ask->host == NULL || (ask->authority != NULL && strcmp(ask->authority, ask->host) != 0))
		return false;
	for (const char *const *name = ask->names; *name != NULL; name++)
		if (strcasecmp(*name, ask->host) == 0)
			return true;
	return false;
}

static bool origin_is_ours(const struct http_gate_ask *ask)
{
	return strncmp(ask->origin, "http://", 7) == 0 && strcasecmp(ask->origin + 7, ask->host) == 0;
}

/* A link that somebody followed: what it opens is a page of its own, and is shown without a session. */
static bool is_link(const struct http_gate_ask *ask)
{
	return ask->is_public && !ask->changes && is(ask->mode, "navigate") && is(ask->dest, "document");
}

static bool site_is_ours(const struct http_gate_ask *ask)
{
	return ask->site == NULL || is(ask->site, "same-origin") || is(ask->site, "none") || is_link(ask);
}

/* Is the type, without its parameters, the one that is taken? */
static bool type_is_right(const struct http_gate_ask *ask)
{
	size_t n;

	if (!ask->has_body || is(ask->takes, "*"))
		return true;
	if (ask->type == NULL)
		return false;
	n = strcspn(ask->type, "; \t");
	return n == strlen(ask->takes) && strncasecmp(ask->type, ask->takes, n) == 0;
}

enum http_gate http_gate(const struct http_gate_ask *ask)
{
	if (!host_is_ours(ask))
		return GATE_HOST;
	if (ask->origin != NULL && !origin_is_ours(ask))
		return GATE_ORIGIN;
	if (!site_is_ours(ask))
		return GATE_SITE;
	if (!ask->is_public && !ask->session && !ask->bearer)
		return GATE_SESSION;
	if (!ask->changes)
		return GATE_OPEN;
	if (!ask->bearer && ask->origin == NULL)
		return GATE_NO_ORIGIN;
	if (!ask->bearer && !is(ask->csrf, "1"))
		return GATE_CSRF;
	return type_is_right(ask) ? GATE_OPEN : GATE_TYPE;
}
