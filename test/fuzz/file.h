/* test/fuzz/file.h - for the targets whose reader takes a path: a file in memory, private to its owner. */
#ifndef TEST_FUZZ_FILE_H
#define TEST_FUZZ_FILE_H

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/fuzz/fuzz.h"

struct file {
	int fd;
	char path[40];
};

static inline void file_open(struct file *f, const void *data, size_t n)
{
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(f->fd >= 0 && fchmod(f->fd, 0600) == 0);
	must(write(f->fd, data, n) == (ssize_t)n && lseek(f->fd, 0, SEEK_SET) == 0);
	snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
}

static inline void file_close(struct file *f)
{
	close(f->fd);
}

#endif
