/* test/exec/image.c - images by name from a registry on this machine, and image.tar, against both
 * engines. */
#include "test/exec/engine_fixture.h"
#include "test/exec/image_archive_fixture.h"

#include <sys/wait.h>

static int port, registry_input = -1;
static pid_t registry;
static char archive_path[100], registries_path[100];

/* --- the registry ------------------------------------------------------------------------------ */
static void start_registry(void)
{
	int in[2], out[2];
	char line[16] = "";

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	registry = fork();
	if (registry == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execl("/usr/bin/python3", "python3", "test/exec/registry_stub.py", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	registry_input = in[1];
	assert_true(read(out[0], line, sizeof(line) - 1) > 0);
	close(out[0]);
	port = atoi(line);
	assert_true(port > 0);
}

static void stop_registry(void)
{
	close(registry_input);
	waitpid(registry, NULL, 0);
}

/* Docker takes every registry on 127.0.0.0/8 without TLS; Podman must be told. */
static int setup_podman(void **state)
{
	FILE *f;

	start_registry();
	snprintf(registries_path, sizeof(registries_path), "/tmp/hm-registries-%d.conf", (int)getpid());
	f = fopen(registries_path, "we");
	assert_non_null(f);
	fprintf(f, "[[registry]]\nlocation = \"127.0.0.1:%d\"\ninsecure = true\n", port);
	fclose(f);
	setenv("CONTAINERS_REGISTRIES_CONF", registries_path, 1);
	start_podman(state);
	snprintf(archive_path, sizeof(archive_path), "%s/image.tar", fixture_dir);
	return 0;
}

static int setup_docker(void **state)
{
	start_registry();
	start_docker(state);
	snprintf(archive_path, sizeof(archive_path), "%s/image.tar", fixture_dir);
	return 0;
}

static int teardown(void **state)
{
	stop_engine(state);
	stop_registry();
	if (registries_path[0] != '\0')
		unlink(registries_path);
	return 0;
}

/* --- by name ----------------------------------------------------------------------------------- */
static char name_of_image[100];

static void job_of_image(struct test_job *t, const char *image)
{
	test_job_init(t, "echo from $0; test -x /bin/busybox");
	t->command[0] = (char *)"/bin/sh";
	snprintf(name_of_image, sizeof(name_of_image), "127.0.0.1:%d/%s", port, image);
	t->spec.image = name_of_image;
}

static void an_image_is_pulled_once(void **state)
{
	struct test_job t;

	(void)state;
	job_of_image(&t, "good:latest");
	test_job_run(&t);
	assert_string_equal(t.job.error.text, "");
	assert_int_equal(t.job.failure, FAILURE_NONE);
	assert_string_equal(buf_text(&t.out), "from /bin/sh\n");
	assert_true(t.progress > 0);
	test_job_release(&t);

	job_of_image(&t, "good:latest");
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_NONE);
	assert_int_equal(t.progress, 0);
	test_job_release(&t);
	assert_int_equal(count_in_engine("containers/json?all=1"), 0);
}

static void an_image_that_cannot_be_had_is_the_images_failure(void **state)
{
	static const char *const images[] = {"nosuch:latest", "digest:latest", "broken:latest", "short:latest"};
	size_t count = sizeof(images) / sizeof(images[0]);

	(void)state;
	if (strcmp(engine.kind, "docker") == 0)
		count--; /* it takes a layer that ends too early five times, 50 s in all */
	for (size_t i = 0; i < count; i++) {
		struct test_job t;

		job_of_image(&t, images[i]);
		test_job_run(&t);
		assert_int_equal(t.job.failure, FAILURE_IMAGE);
		assert_non_null(strstr(t.job.error.text, images[i]));
		assert_false(t.job.has_exit_code);
		test_job_release(&t);
	}
	assert_int_equal(count_in_engine("containers/json?all=1"), 0);
}

static void a_name_that_is_none_is_refused_here(void **state)
{
	struct test_job t;

	(void)state;
	test_job_init(&t, "true");
	t.spec.image = (char *)"x/../../containers?a=b";
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_IMAGE);
	assert_non_null(strstr(t.job.error.text, "not the name of an image"));
	test_job_release(&t);
}

static struct test_job *to_stop;

static void stop_it(struct timer *timer)
{
	(void)timer;
	job_stop(&to_stop->job, JOB_STOP_OWNER, "stopped while it was pulled");
}

static void a_pull_that_stalls_can_be_stopped(void **state)
{
	struct test_job t;
	struct timer timer;

	(void)state;
	job_of_image(&t, "stall:latest");
	to_stop = &t;
	timer_init(&loop, &timer, stop_it);
	timer_set(&timer, 700);
	test_job_run(&t);
	timer_close(&timer, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_string_equal(t.job.error.text, "stopped while it was pulled");
	test_job_release(&t);
}

/* --- image.tar --------------------------------------------------------------------------------- */
static int images_named(const char *reference)
{
	char path[200];

	snprintf(path, sizeof(path), "images/json?filters=%%7B%%22reference%%22%%3A%%5B%%22%s%%22%%5D%%7D",
		 reference);
	return count_in_engine(path);
}

static void an_image_tar_runs_and_leaves_nothing(void **state)
{
	struct test_job t;
	int before = count_in_engine("images/json");

	(void)state;
	write_image_tar(archive_path);
	test_job_init(&t, "echo $HIVEMIND_TASK_ID $(pwd) $(id -u); touch /data/x && df -k /data | tail -1 | tr -s ' ' | cut -d' ' -f2; "
			  "sleep 1.5; ls /work");
	t.job.image_tar = archive_path;
	test_job_run(&t);
	assert_string_equal(t.job.error.text, "");
	assert_string_equal(buf_text(&t.out), "7kq2mm9c3v8w04ta.1 /work 200001\n1024\n");
	test_job_release(&t);
	assert_int_equal(count_in_engine("containers/json?all=1"), 0);
	assert_int_equal(images_named("hivemind/task-w1"), 0);
	assert_int_equal(images_named("debian"), 0);
	assert_int_equal(images_named("hivemind/base:victim"), 0);
	assert_int_equal(count_in_engine("images/json"), before);
	assert_int_equal(count_in_engine("volumes?x=1"), count_in_engine("volumes?x=2"));
}

static void a_bad_image_tar_is_the_images_failure(void **state)
{
	struct test_job t;
	struct buf tar = {0};

	(void)state;
	put_text(&tar, "c.json", "{}");
	put_text(&tar, "l", "no layer");
	put_text(&tar, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
	write_whole(archive_path, &tar);
	test_job_init(&t, "true");
	t.job.image_tar = archive_path;
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_IMAGE);
	assert_true(t.job.error.text[0] != '\0');
	test_job_release(&t);
	unlink(archive_path);
	test_job_init(&t, "true");
	t.job.image_tar = archive_path;
	test_job_run(&t);
	assert_int_equal(t.job.failure, FAILURE_IMAGE);
	assert_string_equal(t.job.error.text, "image.tar is not in the bundle");
	test_job_release(&t);
	assert_int_equal(images_named("hivemind/task-w1"), 0);
}

static void the_base_image_is_made_again_when_somebody_removed_it(void **state)
{
	struct test_job t;
	struct engine_call c = {0};

	(void)state;
	test_job_init(&t, "true");
	test_job_run(&t);
	test_job_release(&t);
	assert_true(engine.base[0] != '\0');
	call_start(&engine, &c, on_counted_nothing, "DELETE", "/images/%s?force=1", engine.base);
	await(1);
	test_job_init(&t, "echo again");
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "again\n");
	test_job_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_pulled_once),
		cmocka_unit_test(an_image_that_cannot_be_had_is_the_images_failure),
		cmocka_unit_test(a_name_that_is_none_is_refused_here),
		cmocka_unit_test(a_pull_that_stalls_can_be_stopped),
		cmocka_unit_test(an_image_tar_runs_and_leaves_nothing),
		cmocka_unit_test(a_bad_image_tar_is_the_images_failure),
		cmocka_unit_test(the_base_image_is_made_again_when_somebody_removed_it),
	};
	int failed = cmocka_run_group_tests_name("docker", tests, setup_docker, teardown);

	return failed + cmocka_run_group_tests_name("podman", tests, setup_podman, teardown);
}
