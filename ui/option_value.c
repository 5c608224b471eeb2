#include "ui/option_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/arena.h"
#include "proto/status.h"
#include "proto/typed.h"

static struct arena kept; /* options live as long as the process */

const char *option_keep(const char *text)
{
	return arena_strdup(&kept, text);
}

/* "true" "yes" "on" "1" / "false" "no" "off" "0"; -1 = neither. */
static int parse_bool(const char *text)
{
	static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off",
	                                                                            "0"};

	for (int i = 0; i < 4; i++) {
		if (strcasecmp(text, yes[i]) == 0)
			return 1;
		if (strcasecmp(text, no[i]) == 0)
			return 0;
	}
	return -1;
}

static int set_flag(const struct option *o, const char *text, const char *given, struct error *err)
{
	int value = parse_bool(text);

	if (value < 0)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s: \"%.40s\" is neither true nor false",
		                 given, text);
	*(bool *)o->to = value;
	return 0;
}

static void add_text(struct texts *texts, const char *text)
{
	const char **more = arena_alloc(&kept, (size_t)(texts->n + 1) * sizeof *more);

	if (texts->n > 0)
		memcpy(more, texts->at, (size_t)texts->n * sizeof *more);
	more[texts->n++] = text;
	texts->at = more;
}

static int set_int(const struct option *o, const char *text, const char *given, struct error *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s: \"%.40s\" is not a whole number", given,
		                 text);
	if (value < o->min || value > o->max)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s must be from %lld to %lld, not %lld",
		                 given, (long long)o->min, (long long)o->max, value);
	*(int64_t *)o->to = value;
	return 0;
}

static int set_parsed(const struct option *o, int64_t value, const char *text, const char *given,
                      const char *examples, struct error *err)
{
	if (value < 0)
		return error_set(err, STATUS_INVALID_ARGUMENT, "%s: \"%.40s\" is not %s", given, text,
		                 examples);
	*(int64_t *)o->to = value;
	return 0;
}

int option_set(const struct option *o, const char *text, const char *given, struct error *err)
{
	switch (o->kind) {
	case OPTION_FLAG:
		return set_flag(o, text, given, err);
	case OPTION_TEXT:
		*(const char **)o->to = text;
		return 0;
	case OPTION_TEXTS:
		add_text(o->to, text);
		return 0;
	case OPTION_INT:
		return set_int(o, text, given, err);
	case OPTION_SIZE:
		return set_parsed(o, parse_size(text), text, given, "a size (512MiB, 2G)", err);
	case OPTION_DURATION:
		return set_parsed(o, parse_duration_ms(text), text, given, "a duration (90s, 5m, 2h)", err);
	case OPTION_COMMAND:
		break;
	}
	return 0;
}
