/* test/exec/image_archive_fixture.h - makes image.tar files, good and hostile, out of the
 * built-in image's layer. */
#ifndef TEST_EXEC_IMAGE_ARCHIVE_FIXTURE_H
#define TEST_EXEC_IMAGE_ARCHIVE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "exec/base_image.h"
#include "exec/tar.h"
#include "net/sha256.h"

static __attribute__((unused)) void put_file(struct buf *tar, const char *name, const void *data, size_t n)
{
	static const char zeros[512];
	struct tar_entry entry = {.name = name, .size = n};

	assert_int_equal(tar_write_header(tar, &entry, NULL), 0);
	buf_append(tar, data, n);
	buf_append(tar, zeros, tar_pad(n));
}

static __attribute__((unused)) void put_text(struct buf *tar, const char *name, const char *text)
{
	put_file(tar, name, text, strlen(text));
}

/* A link of the kind '1' or '2': what exec/tar.h never writes. */
static __attribute__((unused)) void put_link(struct buf *tar, char type, const char *name, const char *target)
{
	char *header;
	unsigned sum = 0;

	put_file(tar, name, "", 0);
	header = (char *)tar->data + tar->n - 512;
	header[156] = type;
	snprintf(header + 157, 100, "%s", target);
	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

static __attribute__((unused)) void write_whole(const char *path, struct buf *tar)
{
	FILE *f = fopen(path, "we");

	tar_write_end(tar);
	assert_non_null(f);
	assert_int_equal(fwrite(tar->data, 1, tar->n, f), tar->n);
	fclose(f);
	buf_release(tar);
}

/* An image of one layer whose configuration wants everything that a container of ours must not have. */
static __attribute__((unused)) void write_image_tar(const char *path)
{
	struct base_image base;
	struct buf tar = {0}, config = {0};
	char hex[SHA256_HEX_SIZE];

	assert_int_equal(base_image_make(&base, NULL), 0);
	sha256_hex_of(base.tar.data, base.tar.n, hex);
	buf_printf(&config,
		   "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":\"0\",\"Entrypoint\":[\"/bin/echo\",\"hostile\"],"
		   "\"Cmd\":[\"x\"],\"WorkingDir\":\"/proc/self/fd/8\",\"Volumes\":{\"/data\":{},\"/work\":{},\"/tmp\":{}},"
		   "\"Env\":[\"PATH=/bin:/usr/bin\",\"HIVEMIND_TASK_ID=wrong\"],"
		   "\"Healthcheck\":{\"Test\":[\"CMD\",\"touch\",\"/work/healthy\"],\"Interval\":1000000000}},"
		   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]},\"history\":[{\"created_by\":\"test\"}]}", hex);
	put_text(&tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	put_text(&tar, "index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
	put_text(&tar, "repositories", "{\"hivemind/base\":{\"latest\":\"a\"}}");
	put_file(&tar, "a/layer.tar", base.tar.data, base.tar.n);
	put_file(&tar, "config.json", config.data, config.n);
	put_text(&tar, "manifest.json",
		 "[{\"Config\":\"config.json\",\"RepoTags\":[\"hivemind/base:victim\",\"debian:latest\"],\"Layers\":[\"a/layer.tar\"]}]");
	write_whole(path, &tar);
	buf_release(&config);
	buf_release(&base.tar);
}

#endif
