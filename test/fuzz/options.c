/* test/fuzz/options.c - a command line (words apart by zero bytes, after a byte that chooses the verb) and,
 * behind the word "--conf", a configuration file: options of every kind are set or refused with words. */
#define _GNU_SOURCE /* memfd_create */
#include "ui/options.h"
#include "test/fuzz/file.h"
#include "ui/option_value.c" /* to free what options keep for as long as the process lives */

#define WORDS_MAX 32
#define ARGS_MAX 4

static struct {
	bool follow;
	const char *out;
	struct texts labels;
	int64_t count, size, duration;
} v;

static const struct option rows[] = {
    {"follow", 'f', OPTION_FLAG, &v.follow, NULL, "a flag", NULL, 0, 0},
    {"out", 'o', OPTION_TEXT, &v.out, "DIR", "a text", NULL, 0, 0},
    {"label", 'l', OPTION_TEXTS, &v.labels, "K=V", "texts", NULL, 0, 0},
    {"count", 'n', OPTION_INT, &v.count, "N", "a number", NULL, 1, 100},
    {"memory", 'm', OPTION_SIZE, &v.size, "SIZE", "a size", NULL, 0, 0},
    {"keep", 0, OPTION_DURATION, &v.duration, "TIME", "a duration", NULL, 0, 0},
    {0},
};

static const struct option run_rows[] = {
    {"count", 'n', OPTION_INT, &v.count, "N", "a number", NULL, 1, 100},
    {"", 0, OPTION_COMMAND, NULL, NULL, NULL, NULL, 0, 0},
    {0},
};

static void parse(int argc, char **argv, const struct option *table)
{
	const struct verb_help help = {"usage", "summary", "examples"};
	const char *args[ARGS_MAX];
	struct globals globals;
	struct error e = {0};
	int arg_count, status;

	for (int i = 1; i < argc; i++) /* the help is long, and has nothing to do with what was typed */
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return;
	memset(&v, 0, sizeof v);
	v.count = 1;
	status = options_parse(argc, argv, table, &help, &globals, args, ARGS_MAX, &arg_count, &e);
	must(status == OPTIONS_HELPED || status == e.status);
	must(arg_count >= 0 && arg_count <= ARGS_MAX);
	must(v.count >= 1 && v.count <= 100 && v.size >= 0 && v.duration >= 0);
	for (int i = 0; i < v.labels.n; i++)
		must(v.labels.at[i] != NULL);
	arena_release(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const verbs[] = {"submit", "pool", "worker", "run"};
	char *text = text_of(data, n), *at = text + 1, *argv[WORDS_MAX + 1] = {NULL};
	struct file conf;
	int argc = 1;

	argv[0] = (char *)verbs[n > 0 ? data[0] % 4 : 0];
	while (at < text + n && argc < WORDS_MAX && strcmp(at, "--conf") != 0) {
		argv[argc++] = at;
		at += strlen(at) + 1;
	}
	if (at < text + n && strcmp(at, "--conf") == 0)
		at += sizeof "--conf";
	file_open(&conf, at, at < text + n ? (size_t)(text + n - at) : 0);
	setenv("HIVEMIND_CONFIG", conf.path, 1);
	parse(argc, argv, argv[0] == verbs[3] ? run_rows : rows);
	file_close(&conf);
	free(text);
	return 0;
}
