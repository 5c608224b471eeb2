#define _GNU_SOURCE
#include "net/known_pools.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "net/buf.h"
#include "net/memory.h"
#include "net/secret_file.h"
#include "proto/id.h"
#include "proto/status.h"

#define PIN_PREFIX "sha256:"

/* Is this line endpoint's? Then *value is what stands after it. */
static bool line_is_of(char *line, const char *endpoint, char **value)
{
	size_t n = strlen(endpoint);

	line += strspn(line, " \t");
	if (strncasecmp(line, endpoint, n) != 0 || (line[n] != ' ' && line[n] != '\t'))
		return false;
	*value = line + n + strspn(line + n, " \t");
	(*value)[strcspn(*value, " \t\r")] = '\0';
	return true;
}

static int read_pin(const char *file, const char *endpoint, const char *value, char pin[65],
                    struct error *err)
{
	size_t prefix = strlen(PIN_PREFIX);

	if (strncmp(value, PIN_PREFIX, prefix) == 0 && sha256_hex_valid(value + prefix)) {
		text_copy(pin, 65, value + prefix);
		return 0;
	}
	error_set(err, STATUS_DATA_LOSS, "the line of %s in %s has no sha256:<64 hexadecimal digits>",
	          endpoint, file);
	error_hint(err, "correct the line or remove it");
	return STATUS_DATA_LOSS;
}

/* content is cut into lines while it is read. */
static int find_in(struct buf *content, const char *file, const char *endpoint, char pin[65],
                   struct error *err)
{
	char *rest, *value;

	if (strlen(buf_text(content)) != content->n) { /* it would hide all that stands after it */
		error_set(err, STATUS_DATA_LOSS, "there is a zero byte in %s", file);
		return error_hint(err, "correct the file, or remove it and accept its pools anew");
	}
	rest = (char *)content->data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (line_is_of(line, endpoint, &value))
			return read_pin(file, endpoint, value, pin, err);
	return error_set(err, STATUS_NOT_FOUND, "the pool at %s is not known yet", endpoint);
}

int known_pools_find(const char *file, const char *endpoint, char pin[65], struct error *err)
{
	struct buf content = {0};
	int rc = secret_file_read(file, &content, err);

	if (rc == 0)
		rc = find_in(&content, file, endpoint, pin, err);
	buf_release(&content);
	return rc;
}

static int changed(const char *file, const char *endpoint, const char *known, const char *pin,
                   struct error *err)
{
	error_set(err, STATUS_UNAUTHENTICATED,
	          "the pool at %s is not the one it was: its key is sha256:%s, known is sha256:%s", endpoint,
	          pin, known);
	error_hint(err, "somebody may be in between; if the pool was set up anew, remove its line from %s",
	           file);
	return STATUS_UNAUTHENTICATED;
}

/* The file as it is, and one line more. */
static int append_line(const char *file, const char *endpoint, const char *pin, struct error *err)
{
	struct buf content = {0};
	int rc = secret_file_read(file, &content, err);

	if (rc == 0 || rc == STATUS_NOT_FOUND) {
		if (content.n > 0 && content.data[content.n - 1] != '\n')
			buf_append(&content, "\n", 1);
		buf_printf(&content, "%s " PIN_PREFIX "%s\n", endpoint, pin);
		rc = secret_file_write(file, 0600, content.data, content.n, err);
	}
	buf_release(&content);
	return rc;
}

static int add_locked(const char *file, const char *endpoint, const char *pin, struct error *err)
{
	char known[65];
	int rc = known_pools_find(file, endpoint, known, err);

	if (rc == STATUS_NOT_FOUND) {
		rc = append_line(file, endpoint, pin, err);
		if (rc == 0 && err != NULL)
			error_clear(err); /* "not known yet" was no error */
		return rc;
	}
	return rc == 0 && strcmp(known, pin) != 0 ? changed(file, endpoint, known, pin, err) : rc;
}

int known_pools_add(const char *file, const char *endpoint, const char *pin, struct error *err)
{
	char *copy = xstrdup(file);
	int directory, rc;

	if (strpbrk(endpoint, " \t\r\n#") != NULL || endpoint[0] == '\0' || !sha256_hex_valid(pin)) {
		free(copy);
		return error_set(err, STATUS_INVALID_ARGUMENT, "\"%.80s\" with this key cannot be remembered",
		                 endpoint);
	}
	directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 ||
	    flock(directory, LOCK_EX) < 0) /* the file itself is replaced, so it can hold no lock */
		rc = error_set(err, status_from_errno(errno), "cannot write %s: %s", file, strerror(errno));
	else
		rc = add_locked(file, endpoint, pin, err);
	if (directory >= 0)
		close(directory);
	free(copy);
	return rc;
}
