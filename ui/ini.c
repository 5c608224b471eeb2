#include "ui/ini.h"

#include <string.h>

#include "net/memory.h"
#include "proto/status.h"

#define LINE_SIZE 2048

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL; n--)
		;
	text[n] = '\0';
	return text;
}

/* Split text in place into what l points to; section is the array that l->section stays valid in. */
static int split(struct ini_line *l, char *text, char *section, size_t size, struct error *err)
{
	size_t n = strlen(text);
	char *equals = strchr(text, '=');

	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: a section is written [name]",
			                 l->path, l->line);
		text[n - 1] = '\0';
		text_copy(section, size, text + 1);
		l->key = l->value = NULL;
		return 0;
	}
	if (equals == NULL)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: a line is written key = value",
		                 l->path, l->line);
	*equals = '\0';
	l->key = trim(text);
	l->value = trim(equals + 1);
	return 0;
}

int ini_read(FILE *f, const char *path,
             int (*on_line)(void *user, const struct ini_line *line, struct error *err), void *user,
             struct error *err)
{
	char text[LINE_SIZE], section[400] = "";
	struct ini_line l = {.path = path, .section = section};
	int rc = 0;

	while (rc == 0 && fgets(text, sizeof text, f) != NULL) {
		char *trimmed = trim(text);

		l.line++;
		if (strlen(text) == sizeof text - 1)
			return error_set(err, STATUS_INVALID_ARGUMENT, "%s:%d: the line is too long", path,
			                 l.line);
		if (trimmed[0] == '\0' || trimmed[0] == '#')
			continue;
		rc = split(&l, trimmed, section, sizeof section, err);
		if (rc == 0)
			rc = on_line(user, &l, err);
	}
	wipe(text, sizeof text); /* there may have been a secret in it */
	return rc;
}
