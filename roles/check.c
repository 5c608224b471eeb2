/* roles/check.c - hivemind check: is this bundle in order, and what would be run? No network. */
#include <stdio.h>
#include <string.h>

#include "exec/bundle.h"
#include "exec/spec.h"
#include "proto/limits.h"
#include "roles/roles.h"
#include "roles/spec_view.h"
#include "ui/json.h"
#include "ui/options.h"
#include "ui/term.h"

static const struct verb_help help = {
	.usage = "hivemind check [options] DIR | TASK.TAR | TASK.TAR.GZ | -",
	.summary = "Check a bundle as submit would, without any network, and show what would be run.",
	.examples = "hivemind check ./mytask\n"
		    "hivemind check task.tar.gz --json\n"
		    "tar c . | hivemind check -",
};

static void print_json(const struct bundle *b)
{
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_object(&j, "bundle");
	json_text(&j, "sha256", b->sha256);
	json_uint(&j, "bytes", b->size);
	json_uint(&j, "content_bytes", b->content);
	json_uint(&j, "files", b->files);
	json_uint(&j, "directories", b->directories);
	json_bool(&j, "manifest", b->has_manifest);
	json_bool(&j, "image_tar", b->has_image_tar);
	json_end(&j);
	spec_json(&j, "task", &b->spec);
	json_end(&j);
	printf("%s\n", buf_text(&out));
	buf_release(&out);
}

static void append_safe(struct buf *out, const char *text)
{
	if (out->n > 0)
		buf_append(out, " ", 1);
	term_safe(out, text, strlen(text), false);
}

static void print_retry(const Pb__TaskSpec *s)
{
	char words[32];

	printf("  lost      on_disconnect %s; tried again %d times", on_disconnect_text(s, words, sizeof words),
	       s->retry != NULL && s->retry->infra >= 0 ? s->retry->infra : LOSSES_MAX);
	for (size_t i = 0; s->retry != NULL && i < s->retry->n_on_exit; i++)
		printf(", after exit status %u %u times", s->retry->on_exit[i]->exit_code, s->retry->on_exit[i]->times);
	printf("\n");
}

static void print_words(const struct bundle *b)
{
	const Pb__TaskSpec *s = &b->spec;
	struct buf name = {0}, command = {0};
	char a[24], c[24], d[24], e[24];

	append_safe(&name, s->name);
	for (size_t i = 0; i < s->n_command; i++)
		append_safe(&command, s->command[i]);
	printf("\"%s\" is in order%s.\n", buf_text(&name),
	       b->has_manifest ? "" : " (without a hivemind.json)");
	printf("  runs      %s\n", buf_text(&command));
	printf("  in        %s, no network\n", s->image[0] != '\0' ? s->image : "the built-in base image");
	printf("  with      cpus %g, memory %s, disk %s, gpus %u; for %s at most\n",
	       s->resources->milli_cpus / 1000.0, format_bytes(s->resources->memory, a),
	       format_bytes(s->resources->disk, c), s->resources->gpus,
	       format_ms((int64_t)s->time_limit_s * 1000, d));
	if (s->on_disconnect != PB__ON_DISCONNECT__REQUEUE || s->retry != NULL)
		print_retry(s);
	printf("  bundle    %u file%s, %s; as a tar %s\n", b->files, b->files == 1 ? "" : "s",
	       format_bytes(b->content, e), format_bytes(b->size, a));
	printf("  sha256    %s\n", b->sha256);
	buf_release(&name);
	buf_release(&command);
}

static int check(const char *path, const struct globals *globals)
{
	struct bundle b = {.fd = -1};
	struct error err = {0};
	int rc = bundle_open(&b, path, NULL, NULL, &err);

	if (rc == 0)
		rc = spec_check(&b.spec, &err);
	if (rc != 0)
		rc = term_error(&err, globals->json);
	else if (globals->json)
		print_json(&b);
	else if (globals->quiet)
		printf("%s\n", b.sha256);
	else
		print_words(&b);
	bundle_release(&b);
	return rc;
}

int check_main(int argc, char **argv)
{
	struct globals globals;
	struct error err = {0};
	const char *args[1];
	int count, rc = options_parse(argc, argv, NULL, &help, &globals, args, 1, &count, &err);

	if (rc == OPTIONS_HELPED)
		return 0;
	return rc != 0 ? term_error(&err, globals.json) : check(count > 0 ? args[0] : ".", &globals);
}
