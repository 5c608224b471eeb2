/* ui/http_gate.h - private to the front: may this request do anything here? Every web page that the user
 * visits can reach the loopback, and so can every other user of this machine; a pure function tells them from
 * the pages and programs that are meant.
 *
 *   anything       Host is exactly a name of ours           403   (DNS rebinding brings the attacker's)
 *                  Origin, if it came, is that Host         403
 *                  Sec-Fetch-Site, if it came, is same-origin or none; a link from elsewhere may open what is
 *                  public, as a page of its own             403
 *   not public     has a session's cookie or a token        401   (other users of this machine have neither)
 *   changes        Origin came; so did X-Hivemind-Csrf: 1   403   (a form sends neither; a token needs none)
 *                  the body is of the type that is taken    415
 *
 * There is no CORS: no answer allows another origin anything, and OPTIONS is answered with 405. */
#ifndef UI_HTTP_GATE_H
#define UI_HTTP_GATE_H

#include "ui/http.h"

enum http_gate {
	GATE_OPEN,
	GATE_HOST,
	GATE_ORIGIN,
	GATE_SITE,
	GATE_SESSION,
	GATE_NO_ORIGIN,
	GATE_CSRF,
	GATE_TYPE,
	GATE_KINDS,
};

struct http_gate_ask {
	const char *host, *origin, *site, *mode, *dest, *csrf, *type; /* fields; NULL = did not come */
	const char *authority;    /* of the target; NULL = it had none */
	const char *const *names; /* of ours, NULL at the end */
	const char *takes;        /* the type of body; "*" = any */
	bool changes;             /* the method is none of GET, HEAD, OPTIONS */
	bool has_body;
	bool is_public;
	bool session, bearer; /* came with one of ours */
};

enum http_gate http_gate(const struct http_gate_ask *ask);

/* Of the answer to those who do not get in. */
struct http_refusal {
	int status;
	const char *code, *title, *detail, *hint;
};
extern const struct http_refusal http_gate_refusals[GATE_KINDS];

/* What every answer says, unless its handler has said otherwise: "Name: value" pairs, NULL at the end. */
extern const struct http_pair http_gate_headers[];

#endif
