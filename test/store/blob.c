/* test/store/blob.c - blobs: resume, wrong hashes, filters, a full disk, two writers, reading. */
#include "test/store/real.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "net/sha256.h"
#include "store/blob.h"

/* The library's fsync() is this one; errno from here on when it is not 0. */
static int sync_error, syncs_until_error;

int fsync(int fd)
{
	if (sync_error == 0 || syncs_until_error-- > 0)
		return (int)syscall(SYS_fsync, fd);
	errno = sync_error;
	return -1;
}

static struct loop loop;
static struct blobs *blobs;
static char dir[64];

struct writer {
	struct blob_writer w;
	bool done;
	int answers;
};

static void on_written(struct blob_writer *w)
{
	struct writer *writer = container_of(w, struct writer, w);

	writer->done = true;
	writer->answers++;
}

static int start(void **state)
{
	struct error err = {0};

	(void)state;
	strcpy(dir, "/tmp/blob-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	loop_init(&loop);
	blobs = blobs_open(&loop, dir, true, &err);
	assert_non_null(blobs);
	return 0;
}

static int end(void **state)
{
	(void)state;
	blobs_free(blobs);
	loop_close(&loop);
	nftw(dir, real_remove, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static int wait_for(struct writer *w)
{
	assert_false(w->done);
	run_until(&loop, &w->done);
	assert_int_equal(w->answers, 1);
	w->done = false;
	w->answers = 0;
	return w->w.error.status;
}

static int open_writer(struct writer *w, const char *key, const char *sha256, uint64_t size,
		       struct blob_filter *filter)
{
	*w = (struct writer){.w.on_done = on_written};
	blob_writer_open(&w->w, blobs, key, sha256, size, filter);
	return wait_for(w);
}

static int write_to(struct writer *w, const void *data, size_t n)
{
	blob_writer_write(&w->w, data, n);
	return wait_for(w);
}

static int commit(struct writer *w)
{
	blob_writer_commit(&w->w);
	return wait_for(w);
}

static char *content(size_t n, char sha256[65])
{
	char *data = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 31 + i / 251);
	sha256_hex_of(data, n, sha256);
	return data;
}

static void write_blob(const char *key, const char *data, size_t n, const char *sha256)
{
	struct writer w;

	assert_int_equal(open_writer(&w, key, sha256, n, NULL), 0);
	assert_int_equal(write_to(&w, data, n), 0);
	assert_int_equal(commit(&w), 0);
	blob_writer_close(&w.w, false);
}

struct reading {
	struct blob_reader r;
	bool done;
};

static void on_data(struct blob_reader *r)
{
	container_of(r, struct reading, r)->done = true;
}

static void a_blob_that_was_written_can_be_read(void **state)
{
	char sha256[65], *data = content(100000, sha256);
	struct reading reading = {.r.on_data = on_data};
	struct error err = {0};
	uint64_t size;
	size_t at = 10;

	(void)state;
	write_blob("k", data, 100000, sha256);
	assert_true(blobs_have(blobs, sha256, &size));
	assert_int_equal(size, 100000);
	assert_int_equal(blobs_bytes(blobs), 100000);
	assert_int_equal(blob_reader_open(&reading.r, blobs, sha256, 10, &err), 0);
	do {
		reading.done = false;
		blob_reader_next(&reading.r);
		run_until(&loop, &reading.done);
		assert_int_equal(reading.r.error.status, 0);
		assert_memory_equal(reading.r.data, data + at, reading.r.n);
		at += reading.r.n;
	} while (reading.r.n > 0);
	assert_int_equal(at, 100000);
	blob_reader_close(&reading.r);
	assert_int_equal(blob_reader_open(&reading.r, blobs, sha256, 100001, &err), STATUS_OUT_OF_RANGE);
	blobs_delete(blobs, sha256);
	assert_int_equal(blobs_bytes(blobs), 0);
	assert_int_equal(blob_reader_open(&reading.r, blobs, sha256, 0, &err), STATUS_NOT_FOUND);
	free(data);
}

static void an_empty_blob_is_a_blob(void **state)
{
	char sha256[65];
	struct writer w;
	uint64_t size = 1;

	(void)state;
	sha256_hex_of("", 0, sha256);
	assert_int_equal(open_writer(&w, "k", sha256, 0, NULL), 0);
	assert_int_equal(commit(&w), 0);
	blob_writer_close(&w.w, false);
	assert_true(blobs_have(blobs, sha256, &size));
	assert_int_equal(size, 0);
}

static void an_upload_goes_on_where_it_stopped(void **state)
{
	char sha256[65], *data = content(200000, sha256);
	struct writer w;
	uint64_t size;

	(void)state;
	assert_int_equal(open_writer(&w, "k", sha256, 200000, NULL), 0);
	assert_int_equal(write_to(&w, data, 150000), 0);
	blob_writer_close(&w.w, false);
	assert_int_equal(blobs_upload_offset(blobs, "k"), 150000);
	assert_false(blobs_have(blobs, sha256, &size));

	assert_int_equal(open_writer(&w, "k", sha256, 200000, NULL), 0);
	assert_int_equal(w.w.offset, 150000);
	assert_int_equal(commit(&w), STATUS_OUT_OF_RANGE);
	assert_int_equal(write_to(&w, data + 150000, 50001), STATUS_INVALID_ARGUMENT);
	assert_int_equal(write_to(&w, data + 150000, 50000), 0);
	assert_int_equal(commit(&w), 0);
	blob_writer_close(&w.w, false);
	assert_true(blobs_have(blobs, sha256, &size));
	assert_int_equal(blobs_upload_offset(blobs, "k"), 0);
	free(data);
}

static void bytes_with_another_hash_are_deleted(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct writer w;
	uint64_t size;

	(void)state;
	data[500] ^= 1;
	assert_int_equal(open_writer(&w, "k", sha256, 1000, NULL), 0);
	assert_int_equal(write_to(&w, data, 1000), 0);
	assert_int_equal(commit(&w), STATUS_DATA_LOSS);
	blob_writer_close(&w.w, false);
	assert_false(blobs_have(blobs, sha256, &size));
	assert_int_equal(blobs_upload_offset(blobs, "k"), 0);
	free(data);
}

static void one_writer_for_a_key(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct writer first, second;

	(void)state;
	assert_int_equal(open_writer(&first, "k", sha256, 1000, NULL), 0);
	assert_int_equal(open_writer(&second, "k", sha256, 1000, NULL), STATUS_ABORTED);
	blob_writer_close(&second.w, true);
	assert_int_equal(write_to(&first, data, 1000), 0);
	assert_int_equal(commit(&first), 0);
	blob_writer_close(&first.w, false);
	assert_int_equal(open_writer(&second, "k", sha256, 1000, NULL), 0);
	blob_writer_close(&second.w, true);
	assert_int_equal(open_writer(&second, "../k", sha256, 1000, NULL), STATUS_INVALID_ARGUMENT);
	blob_writer_close(&second.w, true);
	free(data);
}

static void the_same_blob_twice_is_one_blob(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct writer a, b;

	(void)state;
	assert_int_equal(open_writer(&a, "a", sha256, 1000, NULL), 0);
	assert_int_equal(open_writer(&b, "b", sha256, 1000, NULL), 0);
	assert_int_equal(write_to(&a, data, 1000), 0);
	assert_int_equal(write_to(&b, data, 1000), 0);
	assert_int_equal(commit(&a), 0);
	assert_int_equal(commit(&b), 0);
	blob_writer_close(&a.w, false);
	blob_writer_close(&b.w, false);
	assert_int_equal(blobs_bytes(blobs), 1000);
	free(data);
}

struct count_filter {
	struct blob_filter filter;
	uint64_t seen, refuse_at;
	bool refuse_end;
};

static int count_feed(struct blob_filter *f, const void *data, size_t n, struct error *err)
{
	struct count_filter *count = container_of(f, struct count_filter, filter);

	(void)data;
	count->seen += n;
	return count->seen > count->refuse_at ? error_set(err, STATUS_INVALID_ARGUMENT, "no") : 0;
}

static int count_end(struct blob_filter *f, struct error *err)
{
	return container_of(f, struct count_filter, filter)->refuse_end
		       ? error_set(err, STATUS_INVALID_ARGUMENT, "no end")
		       : 0;
}

static void the_filter_sees_every_byte_also_of_a_resumed_upload(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct count_filter count = {{count_feed, count_end}, 0, 1000, true};
	struct writer w;

	(void)state;
	assert_int_equal(open_writer(&w, "k", sha256, 1000, NULL), 0);
	assert_int_equal(write_to(&w, data, 600), 0);
	blob_writer_close(&w.w, false);
	assert_int_equal(open_writer(&w, "k", sha256, 1000, &count.filter), 0);
	assert_int_equal(count.seen, 600);
	assert_int_equal(write_to(&w, data + 600, 400), 0);
	assert_int_equal(count.seen, 1000);
	assert_int_equal(commit(&w), STATUS_INVALID_ARGUMENT);
	blob_writer_close(&w.w, false);
	assert_int_equal(blobs_upload_offset(blobs, "k"), 0);

	count = (struct count_filter){{count_feed, count_end}, 0, 100, false};
	assert_int_equal(open_writer(&w, "k", sha256, 1000, &count.filter), 0);
	assert_int_equal(write_to(&w, data, 600), STATUS_INVALID_ARGUMENT);
	blob_writer_close(&w.w, false);
	assert_int_equal(blobs_upload_offset(blobs, "k"), 0);
	free(data);
}

/* RLIMIT_FSIZE is a disk that is full at 64 KiB; the write that failed can be made again when there is room.
 */
static void a_full_disk_refuses_and_keeps_what_was_there(void **state)
{
	char sha256[65], *data = content(200000, sha256);
	struct rlimit old, small;
	struct writer w;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){65536, old.rlim_max};
	assert_int_equal(open_writer(&w, "k", sha256, 200000, NULL), 0);
	assert_int_equal(write_to(&w, data, 50000), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(write_to(&w, data + 50000, 150000), STATUS_RESOURCE_EXHAUSTED);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(blobs_upload_offset(blobs, "k"), 50000);
	assert_int_equal(w.w.offset, 50000);
	assert_int_equal(write_to(&w, data + 50000, 150000), 0);
	assert_int_equal(commit(&w), 0);
	blob_writer_close(&w.w, false);
	free(data);
}

/* Commit in a process of its own, with its n-th fsync failing; -1 = it lives and says this status. */
static int commit_with(int error, int nth, int *status)
{
	char sha256[65], *data = content(1000, sha256), key[8];
	pid_t child;
	int how;

	snprintf(key, sizeof(key), "k%d", nth);
	child = fork();
	if (child == 0) {
		struct error err = {0};
		struct writer w;

		loop_init(&loop); /* its threads are the parent's */
		blobs = blobs_open(&loop, dir, true, &err);
		open_writer(&w, key, sha256, 1000, NULL);
		write_to(&w, data, 1000);
		sync_error = error;
		syncs_until_error = nth;
		_exit(100 + commit(&w));
	}
	free(data);
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFEXITED(how));
	*status = WEXITSTATUS(how) - 100;
	return WEXITSTATUS(how) < 100 ? WEXITSTATUS(how) : -1;
}

static void a_disk_that_fails_ends_the_process(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	uint64_t size;
	int status;

	(void)state;
	free(data);
	assert_int_equal(commit_with(EIO, 0, &status), EXIT_WRONG_STATE); /* of the file */
	assert_false(blobs_have(blobs, sha256, &size));
	assert_int_equal(blobs_upload_offset(blobs, "k0"), 0); /* what may be lost is not gone on with */
	/* of its directory: acknowledged to nobody */
	assert_int_equal(commit_with(EIO, 1, &status), EXIT_WRONG_STATE);
	assert_false(blobs_have(blobs, sha256, &size));
	assert_int_equal(commit_with(ENOSPC, 0, &status), -1);
	assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(commit_with(ENOSPC, 1, &status), -1);
	assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
	assert_false(blobs_have(blobs, sha256, &size));
}

static void room_is_what_bundles_may_fill(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(blobs_room(blobs, 1000, &err), 0);
	assert_int_equal(blobs_room(blobs, UINT64_MAX / 2, &err), STATUS_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.text, "no room on its disk"));
}

static void old_uploads_are_swept_and_open_ones_are_not(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct writer a, b;

	(void)state;
	assert_int_equal(open_writer(&a, "a", sha256, 1000, NULL), 0);
	assert_int_equal(open_writer(&b, "b", sha256, 1000, NULL), 0);
	assert_int_equal(write_to(&a, data, 10), 0);
	assert_int_equal(write_to(&b, data, 10), 0);
	blob_writer_close(&b.w, false);
	blobs_sweep(blobs, 60000);
	assert_int_equal(blobs_upload_offset(blobs, "b"), 10);
	blobs_sweep(blobs, -60000);
	assert_int_equal(blobs_upload_offset(blobs, "b"), 0);
	assert_int_equal(blobs_upload_offset(blobs, "a"), 10);
	blob_writer_close(&a.w, true);
	assert_int_equal(blobs_upload_offset(blobs, "a"), 0);
	free(data);
}

static void a_small_blob_is_safe_within_milliseconds(void **state)
{
	char sha256[65], *data = content(10240, sha256);
	int64_t begin = clock_us(), us;

	(void)state;
	for (int i = 0; i < 50; i++)
		write_blob("k", data, 10240, sha256);
	us = (clock_us() - begin) / 50;
	print_message("10 KiB: open, write, commit in %d us\n", (int)us);
	assert_true(us < 50000);
	free(data);
}

static void blobs_of_an_earlier_run_are_counted(void **state)
{
	char sha256[65], *data = content(1000, sha256);
	struct error err = {0};

	(void)state;
	write_blob("k", data, 1000, sha256);
	blobs_free(blobs);
	blobs = blobs_open(&loop, dir, true, &err);
	assert_int_equal(blobs_bytes(blobs), 1000);
	free(data);
}

static void blobs_are_listed_by_part_and_age(void **state)
{
	char sha256[65], names[4][65], *data = content(1000, sha256);
	unsigned part;

	(void)state;
	write_blob("k", data, 1000, sha256);
	sscanf(sha256, "%2x", &part);
	assert_int_equal(blobs_list(blobs, part, 60000, 0, names, 4), 0);
	assert_int_equal(blobs_list(blobs, part, -60000, 0, names, 4), 1);
	assert_string_equal(names[0], sha256);
	assert_int_equal(blobs_list(blobs, part + 1, -60000, 0, names, 4), 0);
	assert_int_equal(blobs_list(blobs, part, -60000, 1, names, 4), 0);
	free(data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
		T(a_blob_that_was_written_can_be_read),
		T(an_empty_blob_is_a_blob),
		T(an_upload_goes_on_where_it_stopped),
		T(bytes_with_another_hash_are_deleted),
		T(one_writer_for_a_key),
		T(the_same_blob_twice_is_one_blob),
		T(the_filter_sees_every_byte_also_of_a_resumed_upload),
		T(a_full_disk_refuses_and_keeps_what_was_there),
		T(a_disk_that_fails_ends_the_process),
		T(room_is_what_bundles_may_fill),
		T(old_uploads_are_swept_and_open_ones_are_not),
		T(a_small_blob_is_safe_within_milliseconds),
		T(blobs_of_an_earlier_run_are_counted),
		T(blobs_are_listed_by_part_and_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
