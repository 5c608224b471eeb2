/* test/bench/raw_container.c - what the engine itself takes for a task's container: create, start, wait,
 * remove, one after another with the very body that the worker sends, and nothing of ours around it. Prints
 * milliseconds, one line a round.
 *
 *     raw_container SOCKET WORK ROUNDS -- COMMAND... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/base_image.h"
#include "exec/container_body.h"
#include "exec/engine_call.h"
#include "net/clock.h"
#include "net/memory.h"

static struct loop loop;
static struct engine engine;
static bool answered;

static void fail(const char *what, const struct error *err)
{
	fprintf(stderr, "raw_container: %s: %s\n", what, err->text);
	exit(1);
}

static void run_until_answered(void)
{
	while (!answered)
		uv_run(&loop.uv, UV_RUN_ONCE);
	answered = false;
}

static void on_engine(struct engine *e, const struct error *err, void *user)
{
	(void)e;
	if (err->status != 0)
		fail(user, err);
	answered = true;
}

static void on_call(struct engine_call *c)
{
	if (c->request.error.status != 0)
		fail(c->url, &c->request.error);
	answered = true;
}

static void on_closed(void *user)
{
	(void)user;
	answered = true;
}

static void call(const char *method, const char *path, char *json)
{
	struct engine_call c = {0};

	if (json != NULL)
		call_post_json(&engine, &c, on_call, json, "%s", path);
	else
		call_start(&engine, &c, on_call, method, "%s", path);
	run_until_answered();
}

static void round_of(const struct container_body *body)
{
	int64_t began = clock_us();

	call("POST", "/containers/create?name=raw", container_body_json(body));
	call("POST", "/containers/raw/start", NULL);
	call("POST", "/containers/raw/wait", NULL);
	call("DELETE", "/containers/raw?v=1", NULL);
	printf("%.2f\n", (double)(clock_us() - began) / 1000);
}

static char *base_image_name(void)
{
	struct base_image image = {0};
	struct error err;
	char *name;

	if (base_image_make(&image, &err) != 0)
		fail("base image", &err);
	name = xasprintf("%s:%s", BASE_IMAGE_REPOSITORY, image.tag);
	buf_release(&image.tar);
	return name;
}

int main(int argc, char **argv)
{
	Pb__Resources resources = PB__RESOURCES__INIT;
	Pb__TaskSpec spec = PB__TASK_SPEC__INIT;
	char *image;

	if (argc < 6)
		return 2;
	resources.milli_cpus = 1000;
	resources.memory = 128 << 20;
	resources.disk = 1 << 30;
	spec.resources = &resources;
	spec.command = argv + 5;
	spec.n_command = (size_t)(argc - 5);
	spec.time_limit_s = 60;
	loop_init(&loop);
	engine_open(&engine, &loop, argv[1], "raw", on_engine, (void *)"engine");
	run_until_answered();
	engine_check(&engine, argv[2], on_engine, (void *)"check");
	run_until_answered();
	image = base_image_name();
	for (int i = atoi(argv[3]); i > 0; i--)
		round_of(&(struct container_body){.spec = &spec, .image = image, .worker = "raw", .task = "raw.1",
						  .epoch = 1, .work = argv[2], .uid = 200000, .seccomp_fd = -1, .log_driver = engine.log_driver, .init = true});
	free(image);
	engine_close(&engine, on_closed, NULL);
	run_until_answered();
	loop_close(&loop);
	return 0;
}
