/* exec/base_image.c owns: the layer of the built-in image: /bin/busybox, a link to it for every applet, and
 * the few files that programs expect (/etc/passwd, /etc/group, /tmp, /work). */
#include "exec/base_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/tar.h"
#include "exec/tar_format.h"
#include "net/sha256.h"
#include "proto/limits.h"
#include "proto/status.h"

#define BUSYBOX_MAX (16 * MiB)
#define APPLETS_MAX 1000

/* --- the program ------------------------------------------------------------------------------- */
static const char *find_busybox(void)
{
	static const char *const places[] = {"/bin/busybox", "/usr/bin/busybox"};
	const char *named = getenv("HIVEMIND_BUSYBOX");

	if (named != NULL && named[0] != '\0')
		return named;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return places[0];
}

static int missing(struct error *err, const char *path, const char *why)
{
	error_set(err, STATUS_FAILED_PRECONDITION, "the built-in image needs a static busybox: %s %s", path, why);
	return error_hint(err, "sudo apt-get install busybox-static");
}

static int read_program(const char *path, struct buf *program, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *p;
	ssize_t got = -1;

	if (fd < 0)
		return missing(err, path, "is not there");
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= BUSYBOX_MAX &&
	    (p = buf_reserve(program, (size_t)st.st_size)) != NULL)
		got = read(fd, p, (size_t)st.st_size);
	close(fd);
	if (got <= 0 || got != st.st_size)
		return missing(err, path, "cannot be read");
	program->n = (size_t)got;
	return 0;
}

/* A program that names an interpreter needs shared libraries, which the image does not have. */
static bool is_static(const struct buf *program)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)program->data;
	const Elf64_Phdr *segment;

	if (program->n < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(*segment) ||
	    header->e_phoff > program->n ||
	    header->e_phnum > (program->n - header->e_phoff) / sizeof(*segment))
		return false;
	segment = (const Elf64_Phdr *)(program->data + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* --- the layer: links and modes that exec/tar.h, which is for strangers' files, does not know --- */
static void add_header(struct buf *tar, char type, const char *name, unsigned mode, size_t size,
		       const char *target)
{
	struct tar_header h = {.type = type, .magic = "ustar", .version = "00"};
	const unsigned char *bytes = (const unsigned char *)&h;
	unsigned sum = 0;

	snprintf(h.name, sizeof(h.name), "%s", name);
	snprintf(h.mode, sizeof(h.mode), "%07o", mode);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0);
	snprintf(h.size, sizeof(h.size), "%011zo", size);
	snprintf(h.mtime, sizeof(h.mtime), "%011o", 0);
	snprintf(h.linkname, sizeof(h.linkname), "%s", target);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += bytes[i];
	snprintf(h.checksum, sizeof(h.checksum), "%06o", sum);
	buf_append(tar, &h, sizeof(h));
}

static void add_directory(struct buf *tar, const char *name, unsigned mode)
{
	add_header(tar, '5', name, mode, 0, "");
}

static void add_file(struct buf *tar, const char *name, unsigned mode, const void *data, size_t n)
{
	static const char zeros[TAR_BLOCK];

	add_header(tar, '0', name, mode, n, "");
	buf_append(tar, data, n);
	buf_append(tar, zeros, tar_pad(n));
}

/* Its applets, one path a line: "usr/bin/awk". */
static int add_links(struct buf *tar, const char *busybox, struct error *err)
{
	char command[512], name[100];
	FILE *list;
	int count = 0;

	snprintf(command, sizeof(command), "'%s' --list-full", busybox);
	list = popen(command, "re");
	if (list == NULL)
		return missing(err, busybox, "cannot be run");
	while (count < APPLETS_MAX && fgets(name, sizeof(name), list) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		if (name[0] == '\0' || name[0] == '/' || strcmp(name, "bin/busybox") == 0)
			continue;
		add_header(tar, '2', name, 0777, 0, "/bin/busybox");
		count++;
	}
	return pclose(list) == 0 && count > 0 ? 0 : missing(err, busybox, "does not list its applets");
}

static const struct {
	const char *name;
	unsigned mode;
} directories[] = {
	{"bin/", 0755}, {"sbin/", 0755}, {"usr/", 0755}, {"usr/bin/", 0755}, {"usr/sbin/", 0755}, {"etc/", 0755},
	{"dev/", 0755}, {"proc/", 0555}, {"sys/", 0555}, {"tmp/", 01777}, {"work/", 0755},
};

static const char passwd[] = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/work:/bin/sh\n";
static const char group[] = "root:x:0:\nnogroup:x:65534:\n";

int base_image_make(struct base_image *b, struct error *err)
{
	const char *busybox = find_busybox();
	struct buf program = {0};
	char hex[SHA256_HEX_SIZE];
	int status = read_program(busybox, &program, err);

	*b = (struct base_image){0};
	if (status == 0 && !is_static(&program))
		status = missing(err, busybox, "needs shared libraries");
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		add_directory(&b->tar, directories[i].name, directories[i].mode);
	add_file(&b->tar, "etc/passwd", 0644, passwd, sizeof(passwd) - 1);
	add_file(&b->tar, "etc/group", 0644, group, sizeof(group) - 1);
	if (status == 0)
		add_file(&b->tar, "bin/busybox", 0755, program.data, program.n);
	if (status == 0)
		status = add_links(&b->tar, busybox, err);
	tar_write_end(&b->tar);
	buf_release(&program);
	sha256_hex_of(b->tar.data, b->tar.n, hex);
	text_copy(b->tag, sizeof(b->tag), hex);
	return status;
}
