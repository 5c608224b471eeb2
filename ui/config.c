#include "ui/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "proto/typed.h"
#include "ui/ini.h"
#include "ui/option_value.h"

#define SYSTEM_FILE "/etc/hivemind/hivemind.conf"

static const char *const sections[] = {"client", "pool", "worker", "dev", NULL};

struct reader {
	const char *section;  /* of this verb */
	struct option *rows;  /* which this section may set */
	int count, offset;    /* offset: of rows in the verb's table, for the bits */
	uint64_t given, here; /* given before; set by this file */
};

bool config_directory(char *path, unsigned long n)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		return (unsigned long)snprintf(path, n, "%s/hivemind", xdg) < n;
	if (home != NULL && home[0] == '/')
		return (unsigned long)snprintf(path, n, "%s/.config/hivemind", home) < n;
	return false;
}

static int unknown(const struct ini_line *l, const char *what, const char *typed, const char *const *words,
		   struct error *err)
{
	const char *near = nearest_word(typed, words);

	error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: there is no %s \"%.64s\"", l->path, l->line, what,
	          typed);
	if (near != NULL)
		return error_hint(err, "Did you mean   %s\nAll of them    man hivemind.conf", near);
	return error_hint(err, "All of them    man hivemind.conf");
}

static int check_section(const struct ini_line *l, struct error *err)
{
	for (int i = 0; sections[i] != NULL; i++)
		if (strcmp(sections[i], l->section) == 0)
			return 0;
	return unknown(l, "section", l->section, sections, err);
}

static int set_key(struct reader *r, const struct ini_line *l, struct error *err)
{
	const char *names[65];
	char given[300];

	for (int i = 0; i < r->count; i++) {
		uint64_t bit = (uint64_t)1 << (r->offset + i);

		names[i] = r->rows[i].name;
		if (strcmp(names[i], l->key) != 0)
			continue;
		if (r->given & bit)
			return 0;
		r->here |= bit;
		snprintf(given, sizeof given, "%s:%d: %s", l->path, l->line, l->key);
		return option_set(&r->rows[i], option_keep(l->value), given, err);
	}
	names[r->count] = NULL;
	return unknown(l, "key", l->key, names, err);
}

static int on_line(void *user, const struct ini_line *l, struct error *err)
{
	struct reader *r = user;

	if (l->key == NULL)
		return check_section(l, err);
	if (l->section[0] == '\0')
		return error_set(err, STATUS_INVALID_ARGUMENT,
		                 "%s:%d: a section must come first, as [client]", l->path, l->line);
	return strcmp(l->section, r->section) == 0 ? set_key(r, l, err) : 0;
}

/* A file that is not there is no error unless it was asked for. */
static int read_file(struct reader *r, const char *path, bool must_exist, struct error *err)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (f == NULL && errno == ENOENT && !must_exist)
		return 0;
	if (f == NULL)
		return error_set(err, status_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	rc = ini_read(f, path, on_line, r, err);
	fclose(f);
	r->given |= r->here;
	return rc;
}

static int read_user_file(struct reader *r, struct error *err)
{
	const char *wanted = getenv("HIVEMIND_CONFIG");
	char directory[400], path[420];

	if (wanted != NULL && wanted[0] != '\0')
		return read_file(r, wanted, true, err);
	if (!config_directory(directory, sizeof directory))
		return 0;
	snprintf(path, sizeof path, "%s/hivemind.conf", directory);
	return read_file(r, path, false, err);
}

int config_apply(const char *verb, struct option *rows, int verb_count, int count, uint64_t given,
                 struct error *err)
{
	struct reader r = {"client", rows + verb_count, count - verb_count, verb_count, given, 0};
	int rc;

	for (int i = 1; sections[i] != NULL; i++)
		if (strcmp(verb, sections[i]) == 0)
			r = (struct reader){sections[i], rows, count, 0, given, 0};
	rc = read_user_file(&r, err);
	return rc == 0 ? read_file(&r, SYSTEM_FILE, false, err) : rc;
}
