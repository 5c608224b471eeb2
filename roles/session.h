/* roles/session.h - what register and login share: name and password, and keeping the session that the pool
 * opens. */
#ifndef ROLES_SESSION_H
#define ROLES_SESSION_H

#include "roles/client.h"

struct session {
	struct client client;
	const char *password_file; /* --password-file; NULL = ask */
	char name[80];
	char password[300];        /* wiped by session_keep() */
};

#define SESSION_ROWS(s) \
	{"password-file", 0, OPTION_TEXT, &(s).password_file, "FILE", \
	 "read the password from its first line; - = standard input", "HIVEMIND_PASSWORD_FILE", 0, 0}

/* Find out name and password. name: as typed, NULL = ask. twice: a new password is asked for twice. Returns
 * 0, or the status in c->error. */
int session_ask(struct session *s, const char *name, bool twice);

/* Keep the session on disk and say who one is now; s NULL = the call had failed. Closes the client and
 * returns the exit status. */
int session_keep(struct session *s, const Pb__Session *session);

/* {"v":1,"account":{...}} or "alice at localhost:50051 (submit read worker)". */
void account_print(struct client *c, const Pb__Account *account, int64_t expires_ms);

#endif
