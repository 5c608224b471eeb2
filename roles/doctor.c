/* roles/doctor.c - checks in order, each with a mark, a sentence and, when it fails, what to type.
 *
 * The engine is asked as a worker asks it, with a canary container that must be killed at its memory limit:
 * what people read here is what a worker would find. Nothing is left behind. */
#define _GNU_SOURCE
#include "roles/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "exec/engine.h"
#include "net/buf.h"
#include "net/grpc_client.h"
#include "net/loop.h"
#include "net/memory.h"
#include "net/tls.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "roles/roles.h"
#include "roles/trust.h"
#include "ui/json.h"
#include "ui/options.h"
#include "ui/term.h"

#define DISK_WANTED (2 * GiB)
#define FINDINGS_MAX 16

enum verdict { GOOD, WARNING, BAD };

struct finding {
	const char *name;
	enum verdict verdict;
	int exit_code;      /* when it is BAD */
	char text[400], fix[240];
};

struct doctor {
	struct loop loop;
	const char *docker, *data, *pool;
	struct engine engine;
	bool engine_found;
	char scratch[64];
	struct error error; /* of the present asynchronous check */
	struct grpc_call call;
	char pool_text[120];
	struct finding findings[FINDINGS_MAX];
	int count;
};

static struct finding *add(struct doctor *d, const char *name, enum verdict verdict, const char *fix)
{
	struct finding *f = &d->findings[d->count++];

	f->name = name;
	f->verdict = verdict;
	f->exit_code = 1;
	text_copy(f->fix, sizeof f->fix, fix);
	return f;
}

#define SAY(finding, ...) snprintf((finding)->text, sizeof (finding)->text, __VA_ARGS__)

/* Is one of these programs in PATH? Its name, or NULL. */
static const char *program(const char *first, const char *second)
{
	const char *const names[] = {first, second};
	const char *path = getenv("PATH");
	char file[512];

	for (int i = 0; i < 2; i++)
		for (const char *at = path; at != NULL && names[i] != NULL;
		     at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
			snprintf(file, sizeof file, "%.*s/%s", (int)strcspn(at, ":"), at, names[i]);
			if (access(file, X_OK) == 0)
				return names[i];
		}
	return NULL;
}

/* --- the engine ------------------------------------------------------------------------------ */

static void on_engine(struct engine *e, const struct error *err, void *user)
{
	struct doctor *d = user;

	(void)e;
	d->error = *err;
	loop_stop(&d->loop);
}

static void on_engine_closed(void *user)
{
	loop_stop(&((struct doctor *)user)->loop);
}

static void check_limits(struct doctor *d)
{
	struct finding *f;

	engine_check(&d->engine, d->scratch, on_engine, d);
	loop_run(&d->loop);
	if (d->error.status != 0) {
		f = add(d, "limits", BAD, d->error.hint);
		SAY(f, "no container could be tried: %.300s", d->error.text);
	} else if (!d->engine.limits_enforced) {
		f = add(d, "limits", BAD, d->engine.canary.hint[0] != '\0' ? d->engine.canary.hint
			: "sudo hivemind worker, or cgroup v2, or --allow-unlimited if you know whose tasks run here");
		SAY(f, "%s", d->engine.canary.text);
	} else {
		SAY(add(d, "limits", GOOD, ""), "a container above its memory limit was ended");
	}
}

static void check_engine(struct doctor *d)
{
	const char *installed = program("podman", geteuid() == 0 ? "dockerd" : NULL);
	struct finding *f;

	engine_open(&d->engine, &d->loop, d->docker, "doctor", on_engine, d);
	loop_run(&d->loop);
	d->engine_found = d->error.status == 0;
	if (d->engine_found) {
		SAY(add(d, "engine", GOOD, ""), "%s %s at %s, API %s%s", d->engine.kind, d->engine.version,
		    d->engine.socket, d->engine.api,
		    d->engine.live_restore ? "" : " (without live-restore: its restart ends running tasks)");
		check_limits(d);
	} else if (d->docker == NULL && installed != NULL && d->error.status == STATUS_UNAVAILABLE) {
		SAY(add(d, "engine", GOOD, ""),
		    "none runs; %s is installed, and a worker starts one of its own", installed);
	} else {
		f = add(d, "engine", BAD, d->error.hint);
		f->exit_code = EXIT_NO_POOL;
		SAY(f, "%s", d->error.text);
	}
	engine_close(&d->engine, on_engine_closed, d);
	loop_run(&d->loop);
}

/* --- this machine ---------------------------------------------------------------------------- */

static void check_cgroup(struct doctor *d)
{
	struct statfs fs;
	bool v2 = statfs("/sys/fs/cgroup", &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC;

	if (v2 || geteuid() == 0)
		SAY(add(d, "cgroup", GOOD, ""), "version %d%s", v2 ? 2 : 1, v2 ? "" : ", as root");
	else
		SAY(add(d, "cgroup", WARNING,
			"add systemd.unified_cgroup_hierarchy=1 to the kernel's command line, or run as "
			"root"),
		    "version 1: an engine without root cannot enforce limits");
}

static void check_disk(struct doctor *d)
{
	const char *path = d->data != NULL && access(d->data, F_OK) == 0 ? d->data : "/var/tmp";
	char bytes[24];
	struct statvfs fs;
	uint64_t there;

	if (statvfs(path, &fs) != 0) {
		SAY(add(d, "disk", WARNING, ""), "cannot look at %s: %s", path, strerror(errno));
		return;
	}
	there = (uint64_t)fs.f_bavail * fs.f_frsize;
	SAY(add(d, "disk", there >= (uint64_t)DISK_WANTED ? GOOD : BAD,
		"make room, or use another disk: --data DIR"),
	    "%s free at %s", format_bytes(there, bytes), path);
}

static void check_redis(struct doctor *d)
{
	const char *name = program("valkey-server", "redis-server");

	SAY(add(d, "redis", name != NULL ? GOOD : WARNING, "sudo apt-get install redis-server"), "%s",
	    name != NULL ? name
			 : "neither redis-server nor valkey-server is installed; a pool needs one (a worker "
			   "does not)");
}

/* Static: the ELF file names no loader. */
static bool is_static(const char *path)
{
	char head[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(head, (size_t)n, "/ld-", 4) == NULL;
}

static void check_busybox(struct doctor *d)
{
	static const char *const paths[] = {"/bin/busybox", "/usr/bin/busybox", "/usr/lib/busybox/bin/busybox"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], X_OK) == 0 && is_static(paths[i])) {
			SAY(add(d, "busybox", GOOD, ""), "%s: the base image is made of it", paths[i]);
			return;
		}
	SAY(add(d, "busybox", BAD, "sudo apt-get install busybox-static"),
	    "no static busybox: the base image cannot be made, tasks without an image of their own fail");
}

static void check_clock(struct doctor *d)
{
	struct timex t = {0};
	bool kept = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);

	SAY(add(d, "clock", kept ? GOOD : WARNING, "sudo timedatectl set-ntp true"), "%s",
	    kept ? "kept by NTP" : "not kept by NTP: times shown may be wrong (nothing is decided by them)");
}

/* --- the pool -------------------------------------------------------------------------------- */

static void on_info(struct grpc_call *call, const ProtobufCMessage *out)
{
	struct doctor *d = container_of(call, struct doctor, call);

	snprintf(d->pool_text, sizeof d->pool_text, "answers, version %.60s", ((const Pb__InfoReply *)out)->version);
}

static void on_info_done(struct grpc_call *call, const struct error *err)
{
	struct doctor *d = container_of(call, struct doctor, call);

	d->error = *err;
	loop_stop(&d->loop);
}

static void check_pool(struct doctor *d)
{
	Pb__InfoRequest request = PB__INFO_REQUEST__INIT;
	struct grpc_channel *channel;
	struct trust trust = {0};
	struct endpoint to;
	struct finding *f;

	if (d->pool == NULL)
		return;
	if (endpoint_parse(&to, d->pool, &d->error) == 0 && trust_open(&trust, &to, &d->error) == 0 &&
	    trust_meet(&trust, &d->loop, false, &d->error) == 0) {
		channel = grpc_channel_new(&d->loop, &to);
		d->call = (struct grpc_call){.method = &rpc_methods[RPC_INFO], .timeout_ms = CONNECT_TIMEOUT_MS,
					     .on_message = on_info, .on_done = on_info_done};
		grpc_channel_set_tls(channel, tls_config_keep(trust.tls));
		grpc_call_unary(channel, &d->call, &request.base);
		loop_run(&d->loop);
		grpc_channel_close(channel, on_engine_closed, d);
		loop_run(&d->loop);
		trust_explain(&trust, &d->error);
	}
	trust_release(&trust);
	f = add(d, "pool", d->error.status == 0 ? GOOD : BAD, d->error.hint);
	f->exit_code = EXIT_NO_POOL;
	SAY(f, "%.200s %.190s", d->pool, d->error.status == 0 ? d->pool_text : d->error.text);
}

/* --- what people see ------------------------------------------------------------------------- */

static void print_json(const struct doctor *d, int code)
{
	static const char *const words[] = {"good", "warning", "bad"};
	struct buf out = {0};
	struct json j;

	json_document(&j, &out);
	json_bool(&j, "ok", code == 0);
	json_array(&j, "checks");
	for (int i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];

		json_object(&j, NULL);
		json_text(&j, "name", f->name);
		json_text(&j, "verdict", words[f->verdict]);
		json_text(&j, "text", f->text);
		json_text(&j, "fix", f->verdict == GOOD || f->fix[0] == '\0' ? NULL : f->fix);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(buf_text(&out));
	buf_release(&out);
}

static void print_text(const struct doctor *d, int code)
{
	static const char *const marks[][2] = {{"✓", "ok"}, {"!", "! "}, {"✗", "no"}};
	static const enum style styles[] = {STYLE_GREEN, STYLE_YELLOW, STYLE_RED};

	for (int i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];

		fputs("  ", stdout);
		term_styled(stdout, styles[f->verdict], marks[f->verdict][!term_is_utf8()]);
		printf(" %-8s %s\n", f->name, f->text);
		if (f->verdict != GOOD && f->fix[0] != '\0')
			printf("             fix: %s\n", f->fix);
	}
	puts(code == 0 ? "\nThis machine can run tasks." : "\nFix what is marked, then run this again.");
}

int doctor_run(const char *docker, const char *data, const char *pool, bool json)
{
	struct doctor *d = xcalloc(1, sizeof *d);
	int code = 0;

	d->docker = docker;
	d->data = data;
	d->pool = pool;
	strcpy(d->scratch, "/var/tmp/hivemind-doctor-XXXXXX");
	if (mkdtemp(d->scratch) == NULL)
		strcpy(d->scratch, "/var/tmp");
	loop_init(&d->loop);
	check_engine(d);
	check_cgroup(d);
	check_disk(d);
	check_redis(d);
	check_busybox(d);
	check_clock(d);
	check_pool(d);
	loop_close(&d->loop);
	rmdir(d->scratch);
	for (int i = d->count - 1; i >= 0; i--)
		if (d->findings[i].verdict == BAD)
			code = d->findings[i].exit_code;
	(json ? print_json : print_text)(d, code);
	free(d);
	return code;
}

int doctor_main(int argc, char **argv)
{
	static const struct verb_help help = {
		.usage = "hivemind doctor [--docker unix:PATH] [--data DIR] [--pool HOST[:PORT]]",
		.summary = "Check what a worker and a pool need on this machine, in order, and say what to type where something is missing.",
		.examples = "  hivemind doctor\n  hivemind doctor --json\n",
	};
	const char *docker = NULL, *data = NULL;
	const struct option options[] = {
		{"docker", 0, OPTION_TEXT, &docker, "unix:PATH", "the container engine's socket", NULL, 0, 0},
		{"data", 0, OPTION_TEXT, &data, "DIR", "where a worker's files would lie", NULL, 0, 0},
		{0},
	};
	struct globals globals = {0};
	struct error err = {0};
	int count = 0, rc = options_parse(argc, argv, options, &help, &globals, NULL, 0, &count, &err);

	if (rc == OPTIONS_HELPED)
		return 0;
	return rc != 0 ? term_error(&err, globals.json) : doctor_run(docker, data, globals.pool, globals.json);
}
