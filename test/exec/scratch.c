/* test/exec/scratch.c - bundles unpacked, hostile trees packed, measured and removed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/glob.h"
#include "exec/scratch.h"
#include "exec/tar.h"
#include "net/memory.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

#define TASK_UID 65534

static char folder[] = "/tmp/hm-test-scratch-XXXXXX";
static struct scratch s;

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[2000];
	va_list args;
	int n = snprintf(command, sizeof command, "cd %s && ", folder);

	va_start(args, format);
	vsnprintf(command + n, sizeof command - (size_t)n, format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int open_scratch(void **state)
{
	struct error err = {0};

	(void)state;
	umask(077);
	if (scratch_open(&s, folder, "7kq2.1-1", TASK_UID, &err) != 0)
		fail_msg("%s", err.text);
	return 0;
}

static int close_scratch(void **state)
{
	(void)state;
	scratch_remove(&s);
	scratch_remove(&s);
	shell("rm -f *.tar && test -z \"$(ls -A)\"");
	return 0;
}

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int unpack(const char *archive, struct error *err)
{
	return scratch_unpack(&s, path_of(archive), 100 * MiB, err);
}

static void a_bundle_is_unpacked_for_the_user_of_the_container(void **state)
{
	struct error err = {0};
	struct stat st;

	(void)state;
	shell("mkdir in && cd in && mkdir -p a/b out && echo hi > a/b/f && printf x > run.sh && chmod 6755 "
	      "run.sh && printf i > image.tar "
	      "&& chmod 2775 a && tar cf ../b.tar . && cd .. && rm -rf in");
	if (unpack("b.tar", &err) != 0)
		fail_msg("%s", err.text);
	assert_true(s.has_image_tar);
	assert_int_equal(fstatat(s.work_fd, "run.sh", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, TASK_UID);
	assert_int_equal(fstatat(s.work_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fstatat(s.work_fd, "a/b/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(fstatat(s.work_fd, "out", &st, 0), 0);
	assert_int_equal(st.st_uid, TASK_UID);
	assert_int_equal(stat(s.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void directories_that_names_imply_are_made(void **state)
{
	struct stat st;

	(void)state;
	shell("mkdir -p in/x/y/z && echo hi > in/x/y/z/f && cd in && tar cf ../b.tar x/y/z/f && cd .. && rm "
	      "-rf in");
	assert_int_equal(unpack("b.tar", NULL), 0);
	assert_int_equal(fstatat(s.work_fd, "x/y", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, TASK_UID);
}

static void hostile_bundles_write_nothing_outside(void **state)
{
	struct error err = {0};

	(void)state;
	shell("mkdir in && cd in && ln -s /etc l && echo x > f && echo x > out && tar cf ../link.tar l && "
	      "tar cPf ../up.tar ../in/f && "
	      "tar cf ../out.tar out && cd .. && rm -rf in");
	assert_int_equal(unpack("link.tar", &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "symbolic link"));
	assert_int_equal(unpack("up.tar", &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(unpack("out.tar", &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(unpack("none.tar", &err), STATUS_NOT_FOUND);
}

static void a_link_that_stands_in_the_way_is_not_followed(void **state)
{
	struct error err = {0};

	(void)state;
	shell("mkdir -p in/d && echo x > in/d/f && cd in && tar cf ../b.tar d/f && cd .. && rm -rf in && ln "
	      "-s /tmp 7kq2.1-1/work/d");
	assert_int_not_equal(unpack("b.tar", &err), 0);
	shell("test ! -e /tmp/f");
}

static void a_bundle_larger_than_its_disk_is_refused(void **state)
{
	struct error err = {0};

	(void)state;
	shell("head -c 200000 /dev/zero > f && tar cf b.tar f && rm f");
	assert_int_equal(scratch_unpack(&s, path_of("b.tar"), 100000, &err), STATUS_RESOURCE_EXHAUSTED);
}

static int pack(char **globs, size_t count, uint64_t max, struct packed *packed, struct error *err)
{
	return scratch_pack(&s, globs, count, max, path_of("r.tar"), packed, err);
}

static void the_result_is_what_was_written_below_out(void **state)
{
	struct packed packed, again;
	char hex[65];

	(void)state;
	shell("cd 7kq2.1-1/work && echo in > bundle && cd out && mkdir -p a/b e && echo 1 > a/b/one && "
	      "printf '' > zero && echo x > run "
	      "&& chmod 755 run && head -c 300000 /dev/urandom > big && ln big hard");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, NULL), 0);
	assert_int_equal(packed.files, 5);
	assert_int_equal(packed.skipped, 0);
	shell("tar tf r.tar > list && printf "
	      "'out/\\nout/a/\\nout/a/b/\\nout/a/b/one\\nout/big\\nout/e/\\nout/hard\\nout/run\\nout/"
	      "zero\\n' "
	      "| cmp - list && rm list && mkdir x && tar xf r.tar -C x && diff -r x/out 7kq2.1-1/work/out && "
	      "test -x x/out/run && rm -r x");
	shell("test $(sha256sum < r.tar | cut -c1-64) = %s && test $(stat -c %%s r.tar) = %llu",
	      packed.sha256, (unsigned long long)packed.size);
	memcpy(hex, packed.sha256, sizeof hex);
	shell("touch -d 2001-01-01 7kq2.1-1/work/out/*");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &again, NULL), 0);
	assert_string_equal(again.sha256, hex);
}

static void globs_choose_what_comes_back(void **state)
{
	char one[] = "*.ckpt", two[] = "logs/**", *globs[] = {one, two};
	struct packed packed;

	(void)state;
	shell("cd 7kq2.1-1/work && touch a.ckpt b.txt out/c.ckpt && mkdir -p logs/x && touch logs/x/l");
	assert_int_equal(pack(globs, 2, 10 * MiB, &packed, NULL), 0);
	shell("tar tf r.tar > list && printf 'a.ckpt\\nlogs/x/\\nlogs/x/l\\n' | cmp - list && rm list");
}

static void what_is_no_file_is_left_out_with_a_remark(void **state)
{
	struct packed packed;
	const char *remarks;

	(void)state;
	shell("cd 7kq2.1-1/work/out && ln -s /etc/shadow shadow && mkfifo pipe && mknod null c 1 3 && touch "
	      "\"$(printf 'a\\nb')\" good && "
	      "ln -s /etc dir && chmod 000 good && mkdir closed && chmod 000 closed && /usr/bin/python3 -c "
	      "'import socket; "
	      "socket.socket(socket.AF_UNIX).bind(\"sock\")' && d=deep && for i in $(seq 40); do d=$d/d; "
	      "done && mkdir -p $d && touch $d/f");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, NULL), 0);
	assert_int_equal(packed.files, 1);
	assert_int_equal(packed.skipped, 7);
	remarks = buf_text(&packed.remarks);
	assert_non_null(strstr(remarks, "\"out/shadow\" was left out: it is a symbolic link\n"));
	assert_non_null(strstr(remarks, "\"out/dir\" was left out: it is a symbolic link\n"));
	assert_non_null(strstr(remarks, "\"out/pipe\" was left out: it is a FIFO\n"));
	assert_non_null(strstr(remarks, "\"out/null\" was left out: it is a device\n"));
	assert_non_null(strstr(remarks, "\"out/sock\" was left out: it is a socket\n"));
	assert_non_null(strstr(remarks, "a\\x0ab\" was left out: it has a line break"));
	assert_non_null(strstr(remarks, "deeper than 32"));
	buf_release(&packed.remarks);
	shell("! tar tf r.tar | grep -e shadow -e null -e pipe");
}

static void what_is_packed_can_be_unpacked(void **state)
{
	struct packed packed;
	struct error err = {0};

	(void)state;
	shell("cd 7kq2.1-1/work/out && d=d && for i in $(seq 45); do d=$d/d; done && mkdir -p $d && touch "
	      "$d/f && "
	      "n=$(printf '%%0250d' 0) && d=. && for i in 1 2 3 4 5 6; do d=$d/$n; done && mkdir -p $d && "
	      "touch $d/f");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, NULL), 0);
	buf_release(&packed.remarks);
	scratch_remove(&s);
	assert_int_equal(scratch_open(&s, folder, "7kq2.1-1", TASK_UID, &err), 0);
	if (unpack("r.tar", &err) != 0)
		fail_msg("%s", err.text);
}

static void a_result_too_large_or_a_sparse_one_is_stopped_at_once(void **state)
{
	struct packed packed;
	struct error err = {0};

	(void)state;
	shell("truncate -s 1T 7kq2.1-1/work/out/hole");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "10485760 bytes allowed"));
	shell("test ! -e r.tar && rm 7kq2.1-1/work/out/hole && cd 7kq2.1-1/work/out && head -c 600000 "
	      "/dev/zero > a && ln a b");
	assert_int_equal(pack(NULL, 0, 1 * MiB, &packed, &err), STATUS_RESOURCE_EXHAUSTED);
}

static void too_many_files_are_stopped(void **state)
{
	struct packed packed;
	struct error err = {0};

	(void)state;
	shell("cd 7kq2.1-1/work/out && seq 100001 | xargs touch");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "more than 100000"));
	shell("cd 7kq2.1-1/work/out && seq 100002 200001 | xargs touch");
	assert_int_equal(pack(NULL, 0, 10 * MiB, &packed, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "more than 200000"));
}

static void used_counts_blocks_and_hard_links_once(void **state)
{
	uint64_t before = scratch_used(&s), used;

	(void)state;
	shell("cd 7kq2.1-1/work && head -c 1048576 /dev/zero > a && ln a b && truncate -s 1T hole && ln -s / "
	      "root");
	used = scratch_used(&s) - before;
	assert_true(used >= 1048576 && used < 1048576 + 65536);
	shell("cd 7kq2.1-1/work && /usr/bin/python3 -c 'import os\nfor i in range(200): os.mkdir(\"d\"); "
	      "os.chdir(\"d\")'");
	assert_true(scratch_used(&s) == UINT64_MAX);
}

static void everything_is_removed_whatever_its_depth_and_modes(void **state)
{
	(void)state;
	shell("mkdir outside && touch outside/precious && cd 7kq2.1-1/work && ln -s %s/outside l && mkdir x "
	      "&& chmod 000 x && "
	      "/usr/bin/python3 -c 'import os\nfor i in range(3000):\n os.mkdir(\"d\"); os.mkdir(\"e\"); "
	      "open(\"f\", \"w\"); os.chdir(\"d\")'",
	      folder);
	scratch_remove(&s);
	shell("test -e outside/precious && rm -r outside && test -z \"$(ls -A)\"");
}

static void a_sweep_leaves_only_what_is_kept(void **state)
{
	const char *const keep[] = {"7kq2.1-1"};

	(void)state;
	shell("mkdir -p old/work/out && touch old/work/out/f && mkdir -m 000 older");
	scratch_sweep(folder, keep, 1);
	shell("test \"$(ls -A)\" = 7kq2.1-1");
}

static void names_of_attempts_cannot_lead_away(void **state)
{
	struct scratch other = {.work_fd = -1};

	(void)state;
	assert_int_equal(scratch_open(&other, folder, "../x", 0, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(scratch_open(&other, folder, "a/b", 0, NULL), STATUS_INVALID_ARGUMENT);
	assert_int_equal(scratch_open(&other, folder, "", 0, NULL), STATUS_INVALID_ARGUMENT);
}

static void globs_match_as_their_header_says(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} cases[] = {
		{"*", "a", true},          {"*", "a/b", false},
		{"*.c", ".c", true},       {"*.c", "x.h", false},
		{"out/**", "out/a", true}, {"out/**", "out/a/b", true},
		{"out/**", "out", false},  {"**/x", "x", true},
		{"**/x", "a/b/x", true},   {"**/x", "ax", false},
		{"a/**/b", "a/b", true},   {"a/**/b", "a/x/y/b", true},
		{"a/**/b", "ab", false},   {"a?c", "abc", true},
		{"a?c", "a/c", false},     {"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},  {"[!a-c]x", "dx", true},
		{"[]]", "]", true},        {"[a", "[a", true},
		{"\\*", "*", true},        {"\\*", "a", false},
		{"a*b*c", "aXbYc", true},  {"a*b*c", "aXbY", false},
		{"**", "a/b/c", true},     {"", "", true},
		{"", "a", false},          {"**/", "a/", true},
	};
	char many[256], path[1025];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (glob_match(cases[i].pattern, cases[i].path) != cases[i].match)
			fail_msg("%s %s", cases[i].pattern, cases[i].path);
	}
	for (size_t i = 0; i < 254; i++)
		many[i] = i % 2 == 0 ? '*' : 'a';
	strcpy(many + 254, "b");
	memset(path, 'a', 1024);
	path[1024] = '\0';
	assert_false(glob_match(many, path));
	assert_true(glob_reaches("out/a/*.c", "out"));
	assert_true(glob_reaches("out/a/*.c", "out/a"));
	assert_false(glob_reaches("out/a/*.c", "out/b"));
	assert_true(glob_reaches("**/x", "q"));
	assert_false(glob_reaches("*.c", "out"));
}

/* In a child that is not root: its own directory, modes that let the container's user in, and everything
 * removable. */
static void a_worker_that_is_not_root_lets_the_containers_user_in(void **state)
{
	struct scratch own = {.work_fd = -1};
	char parent[200];
	struct stat st;
	int status;
	pid_t pid;

	(void)state;
	shell("mkdir -m 777 mine && mkdir in && echo x > in/f && cd in && tar cf ../b.tar f && chmod 644 "
	      "../b.tar && cd .. && rm -r in && chmod 755 .");
	snprintf(parent, sizeof parent, "%s/mine", folder);
	pid = fork();
	if (pid == 0) {
		bool ok = setresuid(1234, 1234, 1234) == 0 &&
			  scratch_open(&own, parent, "a", 1234, NULL) == 0 &&
			  scratch_unpack(&own, path_of("b.tar"), 1 * MiB, NULL) == 0 &&
			  fstatat(own.work_fd, "f", &st, 0) == 0 && (st.st_mode & 0777) == 0666 &&
			  fstat(own.work_fd, &st) == 0 && (st.st_mode & 0777) == 0777 &&
			  mkdirat(own.work_fd, "closed", 0700) == 0 &&
			  mkdirat(own.work_fd, "closed/x", 0) == 0 &&
			  fchmodat(own.work_fd, "closed", 0, 0) == 0;

		scratch_remove(&own);
		_exit(ok && access(own.path, F_OK) != 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	shell("rmdir mine");
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, open_scratch, close_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(a_bundle_is_unpacked_for_the_user_of_the_container),
		scratch_test(directories_that_names_imply_are_made),
		scratch_test(hostile_bundles_write_nothing_outside),
		scratch_test(a_link_that_stands_in_the_way_is_not_followed),
		scratch_test(a_bundle_larger_than_its_disk_is_refused),
		scratch_test(the_result_is_what_was_written_below_out),
		scratch_test(globs_choose_what_comes_back),
		scratch_test(what_is_no_file_is_left_out_with_a_remark),
		scratch_test(what_is_packed_can_be_unpacked),
		scratch_test(a_result_too_large_or_a_sparse_one_is_stopped_at_once),
		scratch_test(too_many_files_are_stopped),
		scratch_test(used_counts_blocks_and_hard_links_once),
		scratch_test(everything_is_removed_whatever_its_depth_and_modes),
		scratch_test(a_sweep_leaves_only_what_is_kept),
		scratch_test(a_worker_that_is_not_root_lets_the_containers_user_in),
		cmocka_unit_test(names_of_attempts_cannot_lead_away),
		cmocka_unit_test(globs_match_as_their_header_says),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
