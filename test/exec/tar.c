/* test/exec/tar.c - the strict reader against hostile archives, the writer against the reader and against
 * tar(1). */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/tar.h"
#include "net/buf.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

static char folder[] = "/tmp/hm-test-tar-XXXXXX";

static struct buf read_file(const char *path)
{
	struct buf b = {.max = 256 * MiB};
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	while ((n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
		b.n += n;
	fclose(f);
	return b;
}

/* Feed it in pieces of `step` bytes. */
static int check(const struct buf *archive, size_t step, const struct tar_reader_events *events,
		 struct error *err)
{
	struct tar_reader *t = tar_reader_new(events, 1 * GiB);
	int status = 0;

	for (size_t at = 0; status == 0 && at < archive->n; at += step)
		status = tar_reader_feed(t, archive->data + at,
					 archive->n - at < step ? archive->n - at : step, err);
	if (status == 0)
		status = tar_reader_end(t, err);
	tar_reader_free(t);
	return status;
}

static int make_folder(void **state)
{
	char command[200];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(command, sizeof command, "/usr/bin/python3 test/hostile/make_archives.py %s", folder);
	return system(command);
}

static int remove_folder(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void refuses_one(const cJSON *item, size_t step)
{
	const char *name = cJSON_GetObjectItemCaseSensitive(item, "file")->valuestring;
	const char *words = cJSON_GetObjectItemCaseSensitive(item, "words")->valuestring;
	struct error err = {0};
	struct buf archive;
	char path[200];
	int status;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	archive = read_file(path);
	status = check(&archive, step, NULL, &err);
	if (status != cJSON_GetObjectItemCaseSensitive(item, "status")->valueint ||
	    strstr(err.text, words) == NULL)
		fail_msg("%s: expected \"%s\", got %d \"%s\"", name, words, status, err.text);
	assert_int_equal(err.status, status);
	assert_null(strchr(err.text, '\n'));
	buf_release(&archive);
}

static void every_hostile_archive_is_refused_with_its_sentence(void **state)
{
	char path[100];
	struct buf text;
	cJSON *index, *item;
	int count = 0;

	(void)state;
	snprintf(path, sizeof path, "%s/index.json", folder);
	text = read_file(path);
	index = cJSON_Parse(buf_text(&text));
	assert_non_null(index);
	cJSON_ArrayForEach(item, index)
	{
		refuses_one(item, 65536);
		if (++count < 80)
			refuses_one(item, 7);
	}
	assert_true(count >= 60);
	cJSON_Delete(index);
	buf_release(&text);
}

struct seen {
	struct buf words; /* "name size\n", data of files added up */
	uint64_t bytes;
	int ended;
};

static int see_entry(void *user, const struct tar_entry *e, struct error *err)
{
	struct seen *s = user;

	(void)err;
	return buf_printf(&s->words, "%s%s%s %llu\n", e->name, e->directory ? "/" : "",
			  e->executable ? "*" : "", (unsigned long long)e->size);
}

static int see_data(void *user, const void *data, size_t n, struct error *err)
{
	(void)data, (void)err;
	((struct seen *)user)->bytes += n;
	return 0;
}

static int see_end(void *user, struct error *err)
{
	(void)err;
	((struct seen *)user)->ended++;
	return 0;
}

static struct tar_reader_events seeing(struct seen *s)
{
	return (struct tar_reader_events){see_entry, see_data, see_end, s};
}

static void add(struct buf *out, const char *name, bool directory, bool executable, size_t size)
{
	struct tar_entry e = {name, directory, executable, size};
	char *data = xcalloc(1, size + 512);

	assert_int_equal(tar_write_header(out, &e, NULL), 0);
	assert_int_equal(buf_append(out, data, size + tar_pad(size)), 0);
	free(data);
}

static void what_is_written_reads_the_same_in_pieces_of_any_size(void **state)
{
	static const size_t steps[] = {1, 3, 511, 512, 513, 4096, 1 << 20};
	char longest[700], middle[180];
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof longest - 1; i++)
		longest[i] = i % 100 == 99 ? '/' : 'n';
	longest[sizeof longest - 1] = '\0';
	memset(middle, 'm', sizeof middle - 1);
	middle[179] = '\0';
	middle[90] = '/';
	add(&out, "d", true, false, 0);
	add(&out, "d/run.sh", false, true, 513);
	add(&out, "empty", false, false, 0);
	add(&out, middle, false, false, 512);
	add(&out, longest, false, false, 1);
	add(&out, "\xe8\x9c\x82", false, false, 7);
	tar_write_end(&out);
	assert_int_equal(out.n % 512, 0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct seen s = {0};
		struct tar_reader_events events = seeing(&s);
		char expected[2000];

		assert_int_equal(check(&out, steps[i], &events, NULL), 0);
		snprintf(expected, sizeof expected,
			 "d/ 0\nd/run.sh* 513\nempty 0\n%s 512\n%s 1\n\xe8\x9c\x82 7\n", middle, longest);
		assert_string_equal(buf_text(&s.words), expected);
		assert_int_equal(s.bytes, 513 + 512 + 1 + 7);
		assert_int_equal(s.ended, 6);
		buf_release(&s.words);
	}
	buf_release(&out);
}

static void a_file_above_8_gib_has_its_size_in_a_pax_record(void **state)
{
	struct tar_entry e = {"big", false, false, 9 * GiB};
	struct buf out = {0};
	struct seen s = {0};
	struct tar_reader_events events = seeing(&s);
	struct tar_reader *t = tar_reader_new(&events, 64 * GiB);

	(void)state;
	assert_int_equal(tar_write_header(&out, &e, NULL), 0);
	assert_int_equal(tar_reader_feed(t, out.data, out.n, NULL), 0);
	assert_string_equal(buf_text(&s.words), "big 9663676416\n");
	tar_reader_free(t);
	buf_release(&s.words);
	buf_release(&out);
}

/* Make an archive with this shell command in a folder with files in it and read it. */
static void reads(const char *format)
{
	char command[900], path[100];
	struct seen s = {0};
	struct tar_reader_events events = seeing(&s);
	struct error err = {0};
	struct buf archive;

	snprintf(command, sizeof command,
		 "cd %s && rm -rf in && mkdir -p in/sub/%060d/%070d && cd in && printf 12345 > f && mv f "
		 "sub/0*/0*/ && printf 1 > run.sh && "
		 "chmod 4755 run.sh && %s",
		 folder, 0, 0, format);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof path, "%s/made.tar", folder);
	archive = read_file(path);
	if (check(&archive, 1000, &events, &err) != 0)
		fail_msg("%s: %s", format, err.text);
	assert_int_equal(s.bytes, 6);
	assert_non_null(strstr(buf_text(&s.words), "run.sh* 1\n"));
	assert_non_null(strstr(buf_text(&s.words), "/f 5\n"));
	buf_release(&s.words);
	buf_release(&archive);
}

static void what_the_usual_programs_write_is_accepted(void **state)
{
	(void)state;
	reads("tar cf ../made.tar .");
	reads("tar cf ../made.tar --format=ustar --exclude=nothing *");
	reads("tar cf ../made.tar --format=gnu .");
	reads("tar cf ../made.tar --format=pax .");
	reads("tar cf ../made.tar --format=pax --pax-option=globexthdr.name=g,comment=hello .");
	reads("busybox tar cf ../made.tar .");
	reads("/usr/bin/python3 -c 'import tarfile; t = tarfile.open(\"../made.tar\", \"w\"); t.add(\".\"); "
	      "t.close()'");
}

static void tar_and_python_read_what_is_written(void **state)
{
	struct buf out = {0};
	char command[400];
	char name[300];
	FILE *f;

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[299] = '\0';
	name[120] = '/';
	add(&out, "d", true, false, 0);
	add(&out, name, false, true, 1000);
	tar_write_end(&out);
	snprintf(command, sizeof command, "%s/ours.tar", folder);
	f = fopen(command, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(out.data, 1, out.n, f), out.n);
	fclose(f);
	snprintf(
		command, sizeof command,
		"cd %s && tar tvf ours.tar | grep -c n/n | grep -q 1 && /usr/bin/python3 -c 'import tarfile; "
		"assert [m.size for m in tarfile.open(\"ours.tar\")] == [0, 1000]'",
		folder);
	assert_int_equal(system(command), 0);
	buf_release(&out);
}

static int refuse_entry(void *user, const struct tar_entry *e, struct error *err)
{
	(void)user, (void)e;
	return error_set(err, STATUS_ABORTED, "not this one");
}

static void a_callback_that_refuses_ends_the_reading_for_good(void **state)
{
	struct tar_reader_events events = {.on_entry = refuse_entry};
	struct tar_reader *t = tar_reader_new(&events, 100);
	struct error err = {0};
	struct buf out = {0};

	(void)state;
	add(&out, "a", false, false, 1);
	tar_write_end(&out);
	assert_int_equal(tar_reader_feed(t, out.data, out.n, &err), STATUS_ABORTED);
	assert_string_equal(err.text, "not this one");
	assert_int_equal(tar_reader_feed(t, out.data, out.n, NULL), STATUS_ABORTED);
	assert_int_equal(tar_reader_end(t, NULL), STATUS_ABORTED);
	tar_reader_free(t);
	buf_release(&out);
}

static void an_archive_of_nothing_has_no_entries(void **state)
{
	struct tar_reader *t = tar_reader_new(NULL, 100);
	char zeros[10240] = {0};

	(void)state;
	assert_int_equal(tar_reader_feed(t, zeros, sizeof zeros, NULL), 0);
	assert_int_equal(tar_reader_end(t, NULL), 0);
	assert_int_equal(tar_reader_entries(t), 0);
	tar_reader_free(t);
}

static void names_that_differ_in_case_are_two_names(void **state)
{
	struct buf out = {0};

	(void)state;
	add(&out, "README", false, false, 1);
	add(&out, "readme", false, false, 1);
	tar_write_end(&out);
	assert_int_equal(check(&out, 512, NULL, NULL), 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hostile_archive_is_refused_with_its_sentence),
		cmocka_unit_test(what_is_written_reads_the_same_in_pieces_of_any_size),
		cmocka_unit_test(a_file_above_8_gib_has_its_size_in_a_pax_record),
		cmocka_unit_test(what_the_usual_programs_write_is_accepted),
		cmocka_unit_test(tar_and_python_read_what_is_written),
		cmocka_unit_test(a_callback_that_refuses_ends_the_reading_for_good),
		cmocka_unit_test(an_archive_of_nothing_has_no_entries),
		cmocka_unit_test(names_that_differ_in_case_are_two_names),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
