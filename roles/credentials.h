/* roles/credentials.h - the tokens of the pools that a person has logged in to, and which pool was last.
 *
 * In $XDG_CONFIG_HOME/hivemind/credentials (0600, in a directory 0700), one section per pool; refused
 * when others can read it. Written to a new file that then takes the old one's place. */
#ifndef ROLES_CREDENTIALS_H
#define ROLES_CREDENTIALS_H

#include <stdbool.h>

#include "net/endpoint.h"
#include "proto/error.h"

#define TOKEN_SIZE 128

/* Keep a token; the pool becomes the default of later commands. */
int credentials_save(const struct endpoint *pool, const char *token, const char *account, struct error *err);

/* NOT_FOUND = there was none. */
int credentials_forget(const struct endpoint *pool, struct error *err);

/* The token for this pool into token (TOKEN_SIZE bytes). NOT_FOUND = none. */
int credentials_find(const struct endpoint *pool, char *token, struct error *err);

/* The pool of the last login. NOT_FOUND = none. */
int credentials_default(struct endpoint *pool, struct error *err);

/* Where they are. false = neither HOME nor XDG_CONFIG_HOME is set. */
bool credentials_path(char *path, unsigned long n);

/* The token that the environment gives: HIVEMIND_TOKEN (removed from the environment), else the file
 * HIVEMIND_TOKEN_FILE. NOT_FOUND = neither is set. */
int token_from_environment(char *token, struct error *err);

/* The first line of a file into secret; "-" = standard input. */
int read_secret(const char *path, char *secret, unsigned long n, struct error *err);

#endif
