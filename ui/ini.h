/* ui/ini.h - read `key = value` lines under [sections]; # begins a comment line. */
#ifndef UI_INI_H
#define UI_INI_H

#include <stdio.h>

#include "proto/error.h"

struct ini_line {
	const char *path;
	int line;
	const char *section; /* "" before the first */
	const char *key;     /* NULL = the section begins here */
	const char *value;
};

/* Calls on_line for each section and each key; ends at the first status other than 0. INVALID_ARGUMENT: a
 * line is neither. */
int ini_read(FILE *f, const char *path,
             int (*on_line)(void *user, const struct ini_line *line, struct error *err), void *user,
             struct error *err);

#endif
