/* test/exec/bundle.c - bundles from directories, tars, gzip and commands, good and hostile. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/bundle.h"
#include "proto/limits.h"
#include "proto/status.h"

static char folder[] = "/tmp/hm-test-bundle-XXXXXX";
static struct bundle b;
static struct error err;

static char top[300]; /* of the project */

static int make_folder(void **state)
{
	(void)state;
	if (getcwd(top, sizeof top) == NULL)
		return -1;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static int clean(void **state)
{
	(void)state;
	return system("rm -rf ./* ./.[!.]*");
}

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void opens(const char *path)
{
	error_clear(&err);
	if (bundle_open(&b, path, NULL, NULL, &err) != 0)
		fail_msg("%s: %s (%s)", path, err.text, err.hint);
}

static void refuses(const char *path, int status, const char *words)
{
	error_clear(&err);
	if (bundle_open(&b, path, NULL, NULL, &err) != status || strstr(err.text, words) == NULL)
		fail_msg("%s: expected %d \"%s\", got %d \"%s\"", path, status, words, err.status, err.text);
	assert_int_equal(b.fd, -1);
}

/* What tar(1) lists of the open bundle. */
static void lists(const char *expected)
{
	char command[200], names[4000];
	FILE *f;
	size_t n;

	snprintf(command, sizeof command, "tar tf /proc/%d/fd/%d", (int)getpid(), b.fd);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(names, 1, sizeof names - 1, f);
	names[n] = '\0';
	assert_int_equal(pclose(f), 0);
	assert_string_equal(names, expected);
}

static void a_directory_gives_the_same_bytes_each_time(void **state)
{
	char first[SHA256_HEX_SIZE], command[300];

	(void)state;
	shell("mkdir -p d/sub/deep d/.git && echo x > d/.git/HEAD && echo 'echo hi' > d/run.sh && chmod 700 "
	      "d/run.sh && echo 1 > d/sub/b && echo 2 > d/sub/a "
	      "&& touch d/zero && echo '{\"hivemind\":1,\"name\":\"mine\"}' > d/hivemind.json");
	opens("d");
	lists("hivemind.json\nrun.sh\nsub/\nsub/a\nsub/b\nsub/deep/\nzero\n");
	assert_int_equal(b.files, 5);
	assert_int_equal(b.directories, 2);
	assert_true(b.has_manifest);
	assert_string_equal(b.spec.name, "mine");
	assert_string_equal(b.spec.command[1], "run.sh");
	memcpy(first, b.sha256, sizeof first);
	snprintf(command, sizeof command, "test $(sha256sum < /proc/%d/fd/%d | cut -c1-64) = %s",
		 (int)getpid(), b.fd, first);
	shell(command);
	bundle_release(&b);
	shell("cp -r d e && touch -d 2001-01-01 e/run.sh && rm -r d && mv e d");
	opens("d/");
	assert_string_equal(b.sha256, first);
	bundle_release(&b);
}

static void hivemindignore_leaves_out_what_it_names(void **state)
{
	(void)state;
	shell("mkdir -p d/build/x d/src/build d/doc && touch d/run.sh d/a.o d/src/b.o d/build/x/f "
	      "d/src/build/f d/doc/secret d/doc/plain d/log && "
	      "printf '# objects\\n*.o\\n/build/\\n\\ndoc/secret\\nlog/\\n' > d/.hivemindignore && ln -s / "
	      "d/link.o");
	opens("d");
	lists("doc/\ndoc/plain\nlog\nrun.sh\nsrc/\nsrc/build/\nsrc/build/f\n");
	bundle_release(&b);
	shell("echo '!a.o' > d/.hivemindignore");
	refuses("d", STATUS_INVALID_ARGUMENT, ".hivemindignore, line 1");
}

static void a_tar_is_checked_where_it_lies(void **state)
{
	char command[300];

	(void)state;
	shell("mkdir d && echo 'print(1)' > d/main.py && tar cf job.tar -C d .");
	opens("job.tar");
	assert_string_equal(b.spec.name, "job");
	assert_string_equal(b.spec.image, "python:3-slim");
	assert_int_equal(lseek(b.fd, 0, SEEK_CUR), 0);
	snprintf(command, sizeof command,
		 "cmp job.tar /proc/%d/fd/%d && test $(sha256sum < job.tar | cut -c1-64) = %s", (int)getpid(),
		 b.fd, b.sha256);
	shell(command);
	bundle_release(&b);
}

static uint64_t progressed;

static void note_progress(void *user, uint64_t bytes)
{
	(void)user;
	assert_true(bytes >= progressed);
	progressed = bytes;
}

static void gzip_is_unpacked_also_in_several_members(void **state)
{
	(void)state;
	shell("mkdir d && echo hi > d/run.sh && head -c 500000 /dev/urandom > d/data && tar cf job.tar -C d "
	      "data run.sh && split -b 200000 job.tar part. && "
	      "for p in part.*; do gzip -c $p; done > job.tgz");
	progressed = 0;
	assert_int_equal(bundle_open(&b, "job.tgz", note_progress, NULL, &err), 0);
	assert_true(progressed > 500000);
	assert_int_equal(b.files, 2);
	assert_string_equal(b.spec.name, "job");
	lists("data\nrun.sh\n");
	bundle_release(&b);
}

static void standard_input_is_read(void **state)
{
	int saved = dup(0), fd;

	(void)state;
	shell("mkdir d && echo hi > d/run.sh && tar czf job.tar.gz -C d .");
	fd = open("job.tar.gz", O_RDONLY);
	dup2(fd, 0);
	opens("-");
	assert_string_equal(b.spec.name, "task");
	assert_int_equal(b.files, 1);
	bundle_release(&b);
	dup2(saved, 0);
	close(saved);
	close(fd);
}

static void what_is_no_bundle_is_refused_with_its_reason(void **state)
{
	(void)state;
	shell("mkdir empty nothing link fifo && touch nothing/f && ln -s /etc/passwd link/l && mkfifo fifo/p "
	      "&& echo text > text && "
	      "touch zero run.sh && tar cf plain.tar run.sh && gzip -c plain.tar > g && head -c 40 g > "
	      "cut.tgz && (cat g; echo junk) > junk.tgz && "
	      "xz -c plain.tar > p.xz && mkdir bad && echo '{\"hivemind\":1,\n\"comand\":\"x\"}' > "
	      "bad/hivemind.json && mkdir img && "
	      "echo '{\"hivemind\":1,\"image\":\"image.tar\",\"command\":\"x\"}' > img/hivemind.json && "
	      "mkdir slink && cd slink && ln -s x y && tar cf ../s.tar y");
	refuses("nowhere.tar", STATUS_NOT_FOUND, "no such file: nowhere.tar");
	refuses("empty", STATUS_INVALID_ARGUMENT, "empty: there are no files in it");
	assert_non_null(strstr(err.hint, "hivemind init"));
	refuses("nothing", STATUS_INVALID_ARGUMENT, "does not say what to run");
	refuses("link", STATUS_INVALID_ARGUMENT, "link: \"l\" is a symbolic link");
	assert_non_null(strstr(err.hint, ".hivemindignore"));
	refuses("fifo", STATUS_INVALID_ARGUMENT, "fifo: \"p\" is a FIFO");
	refuses("text", STATUS_INVALID_ARGUMENT, "text: this is not a tar archive");
	refuses("zero", STATUS_INVALID_ARGUMENT, "zero: the archive is empty");
	refuses("cut.tgz", STATUS_INVALID_ARGUMENT, "cut.tgz: the gzip data ends early");
	refuses("junk.tgz", STATUS_INVALID_ARGUMENT, "something follows it");
	refuses("p.xz", STATUS_INVALID_ARGUMENT, "p.xz: this is xz data");
	assert_non_null(strstr(err.hint, "unxz"));
	refuses("bad", STATUS_INVALID_ARGUMENT, "hivemind.json, line 2: a manifest has no field \"comand\"");
	assert_string_equal(err.hint, "did you mean \"command\"?");
	refuses("img", STATUS_INVALID_ARGUMENT, "has no such file");
	refuses("s.tar", STATUS_INVALID_ARGUMENT, "s.tar: \"y\" is a symbolic link");
	refuses("/dev/null", STATUS_INVALID_ARGUMENT, "neither a file nor a directory");
}

static void a_gzip_bomb_is_stopped(void **state)
{
	struct rusage usage;

	(void)state;
	shell("echo hi > run.sh && truncate -s 1G zeros && tar cf - run.sh zeros | gzip -1 > bomb.tgz && rm "
	      "zeros");
	refuses("bomb.tgz", STATUS_INVALID_ARGUMENT, "more than 200 times");
	getrusage(RUSAGE_SELF, &usage);
	if (getenv("ASAN_OPTIONS") == NULL && strstr(program_invocation_name, "/san/") == NULL)
		assert_true(usage.ru_maxrss < 32 * 1024);
}

static void an_image_in_the_bundle_is_its_image(void **state)
{
	(void)state;
	shell("mkdir d && touch d/image.tar d/main.py");
	opens("d");
	assert_true(b.has_image_tar);
	assert_string_equal(b.spec.image, "image.tar");
	assert_string_equal(b.spec.command[1], "main.py");
	bundle_release(&b);
}

static void a_command_needs_no_files(void **state)
{
	char echo[] = "/bin/echo", hi[] = "hi", *argv[] = {echo, hi, NULL};

	(void)state;
	if (bundle_of_command(&b, NULL, 2, argv, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(b.spec.name, "echo");
	assert_int_equal(b.spec.n_command, 2);
	assert_string_equal(b.spec.command[1], "hi");
	lists("out/\n");
	bundle_release(&b);
	shell("mkdir d && echo data > d/data && echo "
	      "'{\"hivemind\":1,\"command\":\"no\",\"env\":{\"A\":\"1\"}}' > d/hivemind.json");
	if (bundle_of_command(&b, "d", 2, argv, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(b.spec.command[0], "/bin/echo");
	assert_int_equal(b.spec.n_env, 1);
	lists("hivemind.json\ndata\n");
	bundle_release(&b);
	assert_int_equal(bundle_of_command(&b, "nowhere", 2, argv, &err), STATUS_NOT_FOUND);
}

static void the_examples_are_bundles(void **state)
{
	char path[400];

	(void)state;
	snprintf(path, sizeof path, "%s/examples/primes", top);
	opens(path);
	assert_string_equal(b.spec.name, "primes");
	bundle_release(&b);
	snprintf(path, sizeof path, "%s/examples/python", top);
	opens(path);
	assert_string_equal(b.spec.image, "python:3-slim");
	bundle_release(&b);
}

#define bundle_test(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bundle_test(a_directory_gives_the_same_bytes_each_time),
		bundle_test(hivemindignore_leaves_out_what_it_names),
		bundle_test(a_tar_is_checked_where_it_lies),
		bundle_test(gzip_is_unpacked_also_in_several_members),
		bundle_test(standard_input_is_read),
		bundle_test(what_is_no_bundle_is_refused_with_its_reason),
		bundle_test(a_gzip_bomb_is_stopped),
		bundle_test(an_image_in_the_bundle_is_its_image),
		bundle_test(a_command_needs_no_files),
		bundle_test(the_examples_are_bundles),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
