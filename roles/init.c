/* roles/init.c - hivemind init: the two files that make a task. Nothing that is there is overwritten. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/buf.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/roles.h"
#include "ui/json.h"
#include "ui/options.h"
#include "ui/term.h"

static const struct verb_help help = {
    .usage = "hivemind init [options] [DIR]",
    .summary = "Write hivemind.json and run.sh into a directory (this one, when none is named), to begin a "
               "task with.\n"
	       "Nothing that is there is overwritten.",
    .examples = "hivemind init mytask\n"
		"hivemind check mytask\n"
		"hivemind submit mytask --wait",
};

static const char manifest[] =
    "{\n"
    "  \"hivemind\": 1,\n"
    "  \"name\": \"%s\",\n"
    "  \"command\": [\"sh\", \"run.sh\"],\n"
    "  \"resources\": { \"cpus\": 1, \"memory\": \"128MiB\", \"disk\": \"1GiB\" },\n"
    "  \"time_limit\": \"1h\"\n"
    "}\n";

static const char script[] = "#!/bin/sh\n"
			     "# Runs in /work, a copy of this directory, in a container without a network.\n"
			     "# What it leaves in out/ is the result; what it prints is in `hivemind logs`.\n"
			     "set -eu\n"
			     "\n"
			     "echo \"attempt $HIVEMIND_ATTEMPT of task $HIVEMIND_TASK_ID\"\n"
			     "echo 'hello from the hive' > out/answer.txt\n";

static int write_file(int directory, const char *where, const char *name, const char *text, mode_t mode,
                      struct error *err)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	size_t n = strlen(text);

	if (fd < 0 && errno == EEXIST) {
		error_set(err, STATUS_ALREADY_EXISTS, "%s/%s is there already and was left as it is", where,
		          name);
		return error_hint(err, "Another directory   hivemind init DIR");
	}
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		error_set(err, status_from_errno(errno), "cannot write %s/%s: %s", where, name,
		          strerror(errno));
	if (fd >= 0)
		close(fd);
	return err->status;
}

/* The last part of the directory's real path, in the letters that a task's name may have. */
static void name_of(const char *path, char *name, size_t n)
{
	char *real = realpath(path, NULL);
	const char *last = real != NULL ? strrchr(real, '/') : NULL;
	size_t used = 0;

	for (const char *p = last != NULL ? last + 1 : ""; *p != '\0' && used + 1 < n; p++)
		name[used++] = isalnum((unsigned char)*p) || strchr("-_.", *p) != NULL ? *p : '-';
	name[used] = '\0';
	if (used == 0)
		text_copy(name, n, "task");
	free(real);
}

/* Both or none: the second is only written when the first could be. */
static int write_both(int directory, const char *path, struct error *err)
{
	char name[NAME_MAX_LENGTH + 1], text[sizeof manifest + NAME_MAX_LENGTH];

	if (faccessat(directory, "run.sh", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return write_file(directory, path, "run.sh", script, 0755, err);
	name_of(path, name, sizeof name);
	snprintf(text, sizeof text, manifest, name);
	if (write_file(directory, path, "hivemind.json", text, 0644, err) != 0)
		return err->status;
	return write_file(directory, path, "run.sh", script, 0755, err);
}

static int init(const char *path, struct error *err)
{
	int directory, rc;

	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return error_set(err, status_from_errno(errno), "cannot make the directory %s: %s", path,
		                 strerror(errno));
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_set(err, status_from_errno(errno), "cannot write to %s: %s", path,
		                 strerror(errno));
	rc = write_both(directory, path, err);
	close(directory);
	return rc;
}

static void tell(const char *path, const struct globals *globals)
{
	struct buf out = {0};
	struct json j;

	if (globals->json) {
		json_document(&j, &out);
		json_text(&j, "directory", path);
		json_array(&j, "files");
		json_text(&j, NULL, "hivemind.json");
		json_text(&j, NULL, "run.sh");
		json_end(&j);
		json_end(&j);
		printf("%s\n", buf_text(&out));
		buf_release(&out);
	} else if (!globals->quiet) {
		printf("Wrote hivemind.json and run.sh in %s\n", path);
		if (term_is_tty(stderr))
			fprintf(stderr, "  check   hivemind check %s\n  run     hivemind submit %s --wait\n",
			        path, path);
	}
}

int init_main(int argc, char **argv)
{
	struct globals globals;
	struct error err = {0};
	const char *args[1] = {"."};
	int count, rc = options_parse(argc, argv, NULL, &help, &globals, args, 1, &count, &err);

	if (rc == OPTIONS_HELPED)
		return 0;
	if (rc == 0)
		rc = init(args[0], &err);
	if (rc != 0)
		return term_error(&err, globals.json);
	tell(args[0], &globals);
	return 0;
}
