/* exec/image_archive.c owns: the table of contents of an image.tar, and the new archive made of parts of it.
 *
 * The happy path: every header is read once; manifest.json names the configuration and the layers; the new
 * archive is a list of segments, each a piece of memory (headers, our manifest) or a range of the old file,
 * read one after another. In archives of older Dockers a layer that occurs twice is a symbolic link to the
 * first: it is followed within the table, once. */
#include "exec/image_archive.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/engine_call.h"
#include "exec/tar.h"
#include "exec/tar_format.h"
#include "net/memory.h"
#include "proto/limits.h"
#include "proto/status.h"

#define NAME_SIZE 256
#define JSON_MAX (4 * MiB)
#define RECORDS_MAX (64 * KiB)
#define REPEATED_MAX (1 * MiB) /* old Dockers list one and the same empty layer several times */

struct part {
	char name[NAME_SIZE], link[NAME_SIZE];
	char type;             /* '0', '1', '2' as in a tar header */
	uint64_t offset, size;
};

struct segment {
	uint64_t offset, size; /* of the file, or of `memory` when from_memory */
	bool from_memory;
};

struct image_archive {
	int fd;
	uint64_t file_size;
	struct part *parts;
	size_t part_count;
	struct segment segments[3 * (IMAGE_LAYERS_MAX + 4)];
	size_t segment_count, at;
	uint64_t at_offset, size;
	struct buf memory;
};

static int refuse(struct error *err, const char *why)
{
	error_set(err, STATUS_INVALID_ARGUMENT, "image.tar %s", why);
	return error_hint(err, "make it with: docker save NAME -o image.tar");
}

/* --- the table of contents --------------------------------------------------------------------- */
static bool read_at(const struct image_archive *a, void *p, size_t n, uint64_t offset)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(a->fd, (char *)p + have, n - have, (off_t)(offset + have));

		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

static void copy_name(char *to, const char *from, size_t n)
{
	if (n > 2 && from[0] == '.' && from[1] == '/')
		from += 2, n -= 2;
	snprintf(to, NAME_SIZE, "%.*s", (int)(n < NAME_SIZE ? n : NAME_SIZE - 1), from);
}

static uint64_t read_digits(const char **p, const char *end)
{
	uint64_t value = 0;

	for (; *p < end && **p >= '0' && **p <= '9' && value < UINT64_MAX / 100; (*p)++)
		value = value * 10 + (uint64_t)(**p - '0');
	return value;
}

/* "key=value" from p to end. What it says of owners and times is of no use here. */
static void take_record(struct part *next, const char *p, const char *end)
{
	const char *value = memchr(p, '=', (size_t)(end - p));
	size_t key = value != NULL ? (size_t)(value++ - p) : 0;

	if (key == 4 && memcmp(p, "path", 4) == 0)
		copy_name(next->name, value, (size_t)(end - value));
	else if (key == 8 && memcmp(p, "linkpath", 8) == 0)
		copy_name(next->link, value, (size_t)(end - value));
	else if (key == 4 && memcmp(p, "size", 4) == 0)
		next->size = read_digits(&value, end);
}

/* Records of "LENGTH key=value\n" for the entry that follows. false: one is not as long as it says. */
static bool read_pax(struct part *next, const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		const char *record = p;
		uint64_t length = read_digits(&p, end);

		if (length < 5 || length > (uint64_t)(end - record) || *p != ' ' || record[length - 1] != '\n' ||
		    p + 1 >= record + length)
			return false;
		take_record(next, p + 1, record + length - 1);
		p = record + length;
	}
	return true;
}

static void read_names(struct part *part, const struct tar_header *h)
{
	char whole[NAME_SIZE];
	size_t prefix = memcmp(h->magic, "ustar", sizeof(h->magic)) == 0 ? strnlen(h->prefix, sizeof(h->prefix)) : 0;

	snprintf(whole, sizeof(whole), "%.*s%s%.*s", (int)prefix, h->prefix, prefix > 0 ? "/" : "",
		 (int)strnlen(h->name, sizeof(h->name)), h->name);
	if (part->name[0] == '\0')
		copy_name(part->name, whole, strlen(whole));
	if (part->link[0] == '\0')
		snprintf(part->link, NAME_SIZE, "%.*s", (int)strnlen(h->linkname, sizeof(h->linkname)), h->linkname);
}

static int add_part(struct image_archive *a, const struct part *part, struct error *err)
{
	if (a->part_count == IMAGE_ENTRIES_MAX)
		return refuse(err, "has too many files to be one image");
	a->parts[a->part_count++] = *part;
	return 0;
}

/* What a pax header says of the entry that follows; its global kind says nothing that we need. */
static int read_records(struct image_archive *a, char type, uint64_t offset, uint64_t size, struct part *next,
			struct error *err)
{
	char *records;
	bool ok;

	if (size > RECORDS_MAX)
		return refuse(err, "has a header that is too long");
	records = xmalloc(size); /* as many as there are: a step beyond them is seen */
	ok = read_at(a, records, size, offset) && (type != 'x' || read_pax(next, records, size));
	free(records);
	return ok ? 0 : refuse(err, "has a header that cannot be read");
}

static int read_entry(struct image_archive *a, const struct tar_header *h, uint64_t offset, uint64_t size,
		      struct part *next, struct error *err)
{
	read_names(next, h);
	next->type = h->type == '\0' ? '0' : h->type;
	next->size = next->type != '0' ? 0 : next->size != 0 ? next->size : size;
	next->offset = offset;
	if (strchr("0125", next->type) == NULL)
		return refuse(err, "holds something that is no file, directory or link");
	if (next->size > a->file_size - offset)
		return refuse(err, "ends too early");
	return next->type == '5' ? 0 : add_part(a, next, err);
}

/* One header at *offset, which then points behind it and its data. next: what a pax header said of it. */
static int read_header(struct image_archive *a, const struct tar_header *h, struct part *next,
		       uint64_t *offset, struct error *err)
{
	uint64_t size;
	int status;

	if (!tar_checksum_right(h) || !tar_read_number(h->size, sizeof(h->size), &size))
		return refuse(err, "is not a tar file");
	*offset += TAR_BLOCK;
	if (h->type == 'x' || h->type == 'g') {
		status = read_records(a, h->type, *offset, size, next, err);
	} else {
		status = read_entry(a, h, *offset, size, next, err);
		size = next->size;
		*next = (struct part){0};
	}
	*offset += size + tar_pad(size);
	return status;
}

static int read_contents(struct image_archive *a, struct error *err)
{
	static const struct tar_header zeros;
	struct tar_header header;
	uint64_t offset = 0;
	struct part next = {0};

	while (offset + TAR_BLOCK <= a->file_size && read_at(a, &header, sizeof(header), offset)) {
		int status;

		if (memcmp(&header, &zeros, sizeof(zeros)) == 0)
			return 0;
		status = read_header(a, &header, &next, &offset, err);
		if (status != 0)
			return status;
	}
	return refuse(err, a->part_count == 0 ? "is not a tar file" : "ends too early");
}

/* --- what the manifest names ------------------------------------------------------------------- */
static const struct part *find(const struct image_archive *a, const char *name)
{
	for (size_t i = 0; i < a->part_count; i++) {
		if (strcmp(a->parts[i].name, name) == 0)
			return &a->parts[i];
	}
	return NULL;
}

/* "../X/layer.tar" as seen from "Y/layer.tar" is "X/layer.tar"; a hard link names its target from the top. */
static const struct part *follow(const struct image_archive *a, const struct part *part)
{
	const char *target = part->link;
	const struct part *found;

	if (part->type == '2' && strncmp(target, "../", 3) == 0)
		target += 3;
	found = find(a, target);
	return found != NULL && found->type == '0' ? found : NULL;
}

static const struct part *find_file(const struct image_archive *a, const cJSON *name)
{
	const struct part *part = cJSON_IsString(name) ? find(a, name->valuestring) : NULL;

	return part == NULL || part->type == '0' ? part : follow(a, part);
}

static cJSON *read_json(const struct image_archive *a, const struct part *part)
{
	char *text;
	cJSON *json = NULL;

	if (part == NULL || part->size == 0 || part->size > JSON_MAX)
		return NULL;
	text = xmalloc(part->size);
	if (read_at(a, text, part->size, part->offset))
		json = cJSON_ParseWithLength(text, part->size);
	free(text);
	return json;
}

/* gzip, zstd, xz, bzip2: they would become larger in the engine than anyone was asked for. */
static bool is_compressed(const struct image_archive *a, const struct part *part)
{
	uint8_t magic[4] = {0};

	if (part->size < sizeof(magic) || !read_at(a, magic, sizeof(magic), part->offset))
		return false;
	return (magic[0] == 0x1f && magic[1] == 0x8b) || memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 ||
	       memcmp(magic, "\xfd" "7zX", 4) == 0 || memcmp(magic, "BZh", 3) == 0;
}

/* --- the new archive --------------------------------------------------------------------------- */
static void add_segment(struct image_archive *a, bool from_memory, uint64_t offset, uint64_t size)
{
	if (size == 0)
		return;
	a->segments[a->segment_count++] = (struct segment){offset, size, from_memory};
	a->size += size;
}

static void add_memory(struct image_archive *a, const void *data, size_t n)
{
	uint64_t offset = a->memory.n;

	buf_append(&a->memory, data, n);
	add_segment(a, true, offset, n);
}

static void add_header(struct image_archive *a, const char *name, uint64_t size)
{
	struct tar_entry entry = {.name = name, .size = size};
	uint64_t offset = a->memory.n;

	tar_write_header(&a->memory, &entry, NULL);
	add_segment(a, true, offset, a->memory.n - offset);
}

static void add_file(struct image_archive *a, const char *name, const struct part *part)
{
	static const char zeros[TAR_BLOCK];

	add_header(a, name, part->size);
	add_segment(a, false, part->offset, part->size);
	add_memory(a, zeros, tar_pad(part->size));
}

static void add_manifest(struct image_archive *a, const char *tag, int layers)
{
	static const char zeros[TAR_BLOCK];
	struct buf text = {0};

	buf_printf(&text, "[{\"Config\":\"config.json\",\"RepoTags\":[\"%s\"],\"Layers\":[", tag);
	for (int i = 0; i < layers; i++)
		buf_printf(&text, "%s\"layer-%d.tar\"", i > 0 ? "," : "", i);
	buf_printf(&text, "]}]");
	add_header(a, "manifest.json", text.n);
	add_memory(a, text.data, text.n);
	add_memory(a, zeros, tar_pad(text.n));
	buf_release(&text);
	text = (struct buf){0};
	tar_write_end(&text);
	add_memory(a, text.data, text.n);
	buf_release(&text);
}

static int add_layers(struct image_archive *a, const cJSON *layers, struct error *err)
{
	const cJSON *name;
	uint64_t sum = 0;
	int count = 0;

	cJSON_ArrayForEach(name, layers) {
		const struct part *part = find_file(a, name);
		char own[32];

		if (part == NULL)
			return refuse(err, "lacks a layer that its manifest names");
		if (is_compressed(a, part))
			return refuse(err, "has compressed layers");
		sum += part->size;
		if (sum > a->file_size + REPEATED_MAX)
			return refuse(err, "lists its layers more than once");
		snprintf(own, sizeof(own), "layer-%d.tar", count++);
		add_file(a, own, part);
	}
	return 0;
}

static int rewrite(struct image_archive *a, const cJSON *manifest, const char *tag, struct error *err)
{
	const cJSON *image = cJSON_GetArrayItem(manifest, 0), *layers = json_get(image, "Layers");
	const struct part *config = find_file(a, json_get(image, "Config"));
	int status;

	if (!cJSON_IsArray(manifest) || cJSON_GetArraySize(manifest) != 1)
		return refuse(err, "must hold one image");
	if (config == NULL || config->size > JSON_MAX)
		return refuse(err, "lacks the image's configuration");
	if (!cJSON_IsArray(layers) || cJSON_GetArraySize(layers) > IMAGE_LAYERS_MAX)
		return refuse(err, "has no layers, or too many");
	add_file(a, "config.json", config);
	status = add_layers(a, layers, err);
	if (status == 0)
		add_manifest(a, tag, cJSON_GetArraySize(layers));
	return status;
}

static int read_archive(struct image_archive *a, const char *tag, struct error *err)
{
	const struct part *part;
	cJSON *manifest;
	int status = read_contents(a, err);

	if (status != 0)
		return status;
	part = find(a, "manifest.json");
	if (part == NULL)
		return refuse(err, "has no manifest.json: it is no archive of docker save");
	manifest = read_json(a, part);
	status = manifest != NULL ? rewrite(a, manifest, tag, err) : refuse(err, "has a broken manifest.json");
	cJSON_Delete(manifest);
	return status;
}

struct image_archive *image_archive_open(const char *path, const char *tag, struct error *err)
{
	struct image_archive *a = xcalloc(1, sizeof(*a));
	struct stat st;

	a->parts = xcalloc(IMAGE_ENTRIES_MAX, sizeof(*a->parts));
	a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (a->fd < 0 || fstat(a->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		refuse(err, "is not in the bundle");
	} else {
		a->file_size = (uint64_t)st.st_size;
		if (read_archive(a, tag, err) == 0)
			return a;
	}
	image_archive_close(a);
	return NULL;
}

ssize_t image_archive_read(struct image_archive *a, void *p, size_t n)
{
	const struct segment *s = &a->segments[a->at];
	uint64_t left;

	if (a->at == a->segment_count)
		return 0;
	left = s->size - a->at_offset;
	if (n > left)
		n = left;
	if (s->from_memory)
		memcpy(p, a->memory.data + s->offset + a->at_offset, n);
	else if (!read_at(a, p, n, s->offset + a->at_offset))
		return -1;
	a->at_offset += n;
	if (a->at_offset == s->size) {
		a->at++;
		a->at_offset = 0;
	}
	return (ssize_t)n;
}

uint64_t image_archive_size(const struct image_archive *a)
{
	return a->size;
}

void image_archive_close(struct image_archive *a)
{
	if (a == NULL)
		return;
	if (a->fd >= 0)
		close(a->fd);
	buf_release(&a->memory);
	free(a->parts);
	free(a);
}
