/* test/exec/unpack.c tests exec/unpack.c: what is there before never leads it astray. */
#define _GNU_SOURCE
#include "exec/unpack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/tar.h"
#include "proto/status.h"

struct place {
	char path[64];
	int fd;
};

static struct place a_place(void)
{
	struct place p = {.path = "/tmp/hm-unpack-XXXXXX"};

	assert_non_null(mkdtemp(p.path));
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY);
	assert_true(p.fd >= 0);
	return p;
}

static void leave(struct place *p)
{
	char command[100];

	close(p->fd);
	snprintf(command, sizeof command, "rm -rf %s", p->path);
	assert_int_equal(system(command), 0);
}

static void add(struct buf *tar, const char *name, const char *content, bool executable)
{
	struct tar_entry entry = {.name = name, .directory = content == NULL, .executable = executable};
	static const char zeros[512];

	entry.size = content != NULL ? strlen(content) : 0;
	assert_int_equal(tar_write_header(tar, &entry, NULL), 0);
	if (content != NULL) {
		buf_append(tar, content, entry.size);
		buf_append(tar, zeros, tar_pad(entry.size));
	}
}

static int unpack(struct place *p, struct buf *tar, struct error *err)
{
	struct unpack u = {.directory = p->fd, .max_bytes = 1 << 20, .owner = UNPACK_NO_OWNER};
	int fd = memfd_create("tar", 0);
	int rc;

	tar_write_end(tar);
	assert_int_equal(write(fd, tar->data, tar->n), (ssize_t)tar->n);
	lseek(fd, 0, SEEK_SET);
	rc = unpack_tar(&u, fd, err);
	close(fd);
	buf_release(tar);
	return rc;
}

static const char *content(struct place *p, const char *name)
{
	static char text[100];
	int fd = openat(p->fd, name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void files_and_directories_come_out(void **state)
{
	struct place p = a_place();
	struct buf tar = {0};
	struct error err = {0};
	struct stat st;

	(void)state;
	add(&tar, "out/empty", NULL, false);
	add(&tar, "out/deep/er/answer", "42\n", false);
	add(&tar, "out/deep/er/run", "#!\n", true);
	add(&tar, "out/\xe7\xad\x94\xe6\xa1\x88/\xe7\xad\x94", "yes", false);
	assert_int_equal(unpack(&p, &tar, &err), 0);
	assert_string_equal(content(&p, "out/deep/er/answer"), "42\n");
	assert_string_equal(content(&p, "out/\xe7\xad\x94\xe6\xa1\x88/\xe7\xad\x94"), "yes");
	assert_int_equal(fstatat(p.fd, "out/empty", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fstatat(p.fd, "out/deep/er/run", &st, 0), 0);
	assert_true(st.st_mode & 0100);
	leave(&p);
}

static void a_file_that_is_there_is_replaced_by_a_new_one(void **state)
{
	struct place p = a_place();
	struct buf one = {0}, two = {0};
	struct stat before, after;

	(void)state;
	add(&one, "out/a", "a long first content", false);
	add(&two, "out/a", "second", false);
	assert_int_equal(unpack(&p, &one, NULL), 0);
	assert_int_equal(linkat(p.fd, "out/a", p.fd, "hard", 0), 0);
	assert_int_equal(unpack(&p, &two, NULL), 0);
	assert_string_equal(content(&p, "out/a"), "second");
	assert_string_equal(content(&p, "hard"), "a long first content");
	assert_int_equal(fstatat(p.fd, "hard", &before, 0), 0);
	assert_int_equal(fstatat(p.fd, "out/a", &after, 0), 0);
	assert_true(before.st_ino != after.st_ino);
	leave(&p);
}

static void a_link_that_is_there_leads_nowhere(void **state)
{
	struct place p = a_place(), outside = a_place();
	struct buf through_directory = {0}, through_file = {0};
	struct error err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(symlinkat(outside.path, p.fd, "out"), 0);
	add(&through_directory, "out/a", "x", false);
	assert_int_equal(unpack(&p, &through_directory, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "symbolic link"));
	assert_int_equal(fstatat(outside.fd, "a", &st, 0), -1);

	assert_int_equal(symlinkat("/tmp/hm-unpack-nowhere", p.fd, "file"), 0);
	add(&through_file, "file", "x", false);
	assert_int_equal(unpack(&p, &through_file, &err), 0);
	assert_string_equal(content(&p, "file"), "x");
	assert_int_equal(access("/tmp/hm-unpack-nowhere", F_OK), -1);
	leave(&p);
	leave(&outside);
}

static void a_directory_in_the_way_of_a_file_is_left_alone(void **state)
{
	struct place p = a_place();
	struct buf tar = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(mkdirat(p.fd, "a", 0700), 0);
	add(&tar, "a", "x", false);
	assert_int_equal(unpack(&p, &tar, &err), STATUS_INVALID_ARGUMENT);
	assert_non_null(strstr(err.text, "\"a\""));
	leave(&p);
}

static void an_archive_that_ends_early_is_refused(void **state)
{
	struct place p = a_place();
	struct unpack u = {.directory = p.fd, .max_bytes = 1 << 20, .owner = UNPACK_NO_OWNER};
	struct buf tar = {0};
	struct error err = {0};
	int fd = memfd_create("tar", 0);

	(void)state;
	add(&tar, "a", "some content", false);
	assert_int_equal(write(fd, tar.data, 700), 700);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(unpack_tar(&u, fd, &err), STATUS_INVALID_ARGUMENT);
	close(fd);
	buf_release(&tar);
	leave(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_directories_come_out),
		cmocka_unit_test(a_file_that_is_there_is_replaced_by_a_new_one),
		cmocka_unit_test(a_link_that_is_there_leads_nowhere),
		cmocka_unit_test(a_directory_in_the_way_of_a_file_is_left_alone),
		cmocka_unit_test(an_archive_that_ends_early_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
