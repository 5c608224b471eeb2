/* test/exec/image_archive.c - what becomes of an image.tar, and which are refused with which words. */
#include "exec/image_archive.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/memory.h"
#include "test/exec/image_archive_fixture.h"

static char path[] = "/tmp/hm-image-XXXXXX";

static int setup(void **state)
{
	(void)state;
	close(mkstemp(path));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void refused(const char *words)
{
	struct error err = {0};

	assert_null(image_archive_open(path, "hivemind/task-w:1", &err));
	assert_non_null(strstr(err.text, words));
	assert_true(err.hint[0] != '\0');
}

static void manifest_of(const char *manifest, const char *words)
{
	struct buf tar = {0};

	put_text(&tar, "c.json", "{}");
	put_text(&tar, "a/layer.tar", "some layer");
	put_text(&tar, "manifest.json", manifest);
	write_whole(path, &tar);
	refused(words);
}

struct listing {
	char names[1000];
	struct buf manifest;
	bool in_manifest;
};

static int on_entry(void *user, const struct tar_entry *entry, struct error *err)
{
	struct listing *l = user;

	(void)err;
	l->in_manifest = strcmp(entry->name, "manifest.json") == 0;
	strncat(l->names, entry->name, 100);
	strcat(l->names, " ");
	return 0;
}

static int on_data(void *user, const void *data, size_t n, struct error *err)
{
	struct listing *l = user;

	(void)err;
	return l->in_manifest ? buf_append(&l->manifest, data, n) : 0;
}

/* Read it in pieces with the strict reader: what we send holds nothing but plain files. */
static void read_all(struct listing *l, size_t piece)
{
	struct tar_reader_events events = {.on_entry = on_entry, .on_data = on_data, .user = l};
	struct tar_reader *reader = tar_reader_new(&events, 100 << 20);
	struct error err = {0};
	struct image_archive *a = image_archive_open(path, "hivemind/task-w:1", &err);
	char *space = xmalloc(piece);
	uint64_t sum = 0;
	ssize_t got;

	assert_non_null(a);
	while ((got = image_archive_read(a, space, piece)) > 0) {
		sum += (uint64_t)got;
		assert_int_equal(tar_reader_feed(reader, space, (size_t)got, &err), 0);
	}
	assert_int_equal(got, 0);
	assert_int_equal(sum, image_archive_size(a));
	assert_int_equal(tar_reader_end(reader, &err), 0);
	tar_reader_free(reader);
	image_archive_close(a);
	free(space);
}

static void only_its_parts_and_our_name_are_left(void **state)
{
	(void)state;
	write_image_tar(path);
	for (size_t piece = 100; piece < 200000; piece *= 31) {
		struct listing l = {0};

		read_all(&l, piece);
		assert_string_equal(l.names, "config.json layer-0.tar manifest.json ");
		assert_string_equal(buf_text(&l.manifest),
				    "[{\"Config\":\"config.json\",\"RepoTags\":[\"hivemind/task-w:1\"],"
				    "\"Layers\":[\"layer-0.tar\"]}]");
		buf_release(&l.manifest);
	}
}

static void a_layer_may_be_a_link_to_another(void **state)
{
	struct buf tar = {0};
	struct listing l = {0};

	(void)state;
	put_text(&tar, "c.json", "{}");
	put_text(&tar, "a/layer.tar", "some layer");
	put_link(&tar, '2', "b/layer.tar", "../a/layer.tar");
	put_text(&tar, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"a/layer.tar\",\"b/layer.tar\"]}]");
	write_whole(path, &tar);
	read_all(&l, 1000);
	assert_string_equal(l.names, "config.json layer-0.tar layer-1.tar manifest.json ");
	buf_release(&l.manifest);
}

static void links_lead_nowhere_else(void **state)
{
	static const char *const targets[] = {"/etc/shadow", "../../etc/shadow", "b/layer.tar",
					      "../b/layer.tar", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct buf tar = {0};

		put_text(&tar, "c.json", "{}");
		put_link(&tar, '2', "b/layer.tar", targets[i]);
		put_text(&tar, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"b/layer.tar\"]}]");
		write_whole(path, &tar);
		refused("lacks a layer");
	}
}

static void broken_archives_are_refused_with_words(void **state)
{
	struct buf tar = {0};

	(void)state;
	manifest_of("[]", "must hold one image");
	manifest_of("[{},{}]", "must hold one image");
	manifest_of("{", "broken manifest.json");
	manifest_of("[{\"Layers\":[]}]", "lacks the image's configuration");
	manifest_of("[{\"Config\":\"c.json\"}]", "has no layers");
	manifest_of("[{\"Config\":\"c.json\",\"Layers\":[\"b/layer.tar\"]}]", "lacks a layer");
	manifest_of("[{\"Config\":\"c.json\",\"Layers\":[7]}]", "lacks a layer");
	put_text(&tar, "x", "y");
	write_whole(path, &tar);
	refused("has no manifest.json");
	put_text(&tar, "c.json", "{}");
	put_text(&tar, "l", "\x1f\x8b\x08 packed");
	put_text(&tar, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
	write_whole(path, &tar);
	refused("compressed");
	put_link(&tar, '3', "dev", "");
	write_whole(path, &tar);
	refused("no file, directory or link");
	write_image_tar(path);
	assert_int_equal(truncate(path, 100000), 0);
	refused("ends too early");
	assert_int_equal(truncate(path, 0), 0);
	refused("is not a tar file");
	unlink(path);
	refused("is not in the bundle");
}

/* A pax record before a file; its header is made of a file's. */
static void put_record(struct buf *tar, const char *record)
{
	char *header;
	unsigned sum = 0;

	put_text(tar, "pax", record);
	header = (char *)tar->data + tar->n - 1024;
	header[156] = 'x';
	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

/* What lies behind them in memory must not become a name. */
static void records_that_are_not_as_long_as_they_say_are_refused(void **state)
{
	static const char *const records[] = {
		"7 path=", "9999", "7 abcd\n8 path=x", "99999999999999999999999 path=x\n", "4 =\n",
		"-8 path=\n"};
	struct buf tar = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		put_record(&tar, records[i]);
		put_text(&tar, "a", "b");
		write_whole(path, &tar);
		refused("has a header that cannot be read");
	}
	put_record(&tar, "12 path=b/c\n11 mtime=1\n");
	put_text(&tar, "a", "b");
	write_whole(path, &tar);
	refused("has no manifest.json");
}

static void a_layer_listed_again_and_again_is_refused(void **state)
{
	struct buf tar = {0}, manifest = {0};
	char *layer = xcalloc(1, 200 << 10);

	(void)state;
	buf_printf(&manifest, "[{\"Config\":\"c.json\",\"Layers\":[\"l\"");
	for (int i = 0; i < 20; i++)
		buf_printf(&manifest, ",\"l\"");
	buf_printf(&manifest, "]}]");
	put_text(&tar, "c.json", "{}");
	put_file(&tar, "l", layer, 200 << 10);
	put_text(&tar, "manifest.json", buf_text(&manifest));
	write_whole(path, &tar);
	refused("more than once");
	buf_release(&manifest);
	free(layer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_its_parts_and_our_name_are_left, setup, teardown),
		cmocka_unit_test_setup_teardown(a_layer_may_be_a_link_to_another, NULL, teardown),
		cmocka_unit_test_setup_teardown(links_lead_nowhere_else, NULL, teardown),
		cmocka_unit_test_setup_teardown(broken_archives_are_refused_with_words, NULL, teardown),
		cmocka_unit_test_setup_teardown(records_that_are_not_as_long_as_they_say_are_refused, NULL, teardown),
		cmocka_unit_test_setup_teardown(a_layer_listed_again_and_again_is_refused, NULL, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
