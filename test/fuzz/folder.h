/* test/fuzz/folder.h - for the targets whose reader takes a directory: one in memory, of this
 * process, empty at each input. */
#ifndef TEST_FUZZ_FOLDER_H
#define TEST_FUZZ_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/fuzz/fuzz.h"

static char folder[64];

/* Delete what is in it. How many files were there? */
static inline int folder_empty(const char *below)
{
	char path[128];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof path, "%s/%s", folder, below);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n += unlinkat(dirfd(dir), entry->d_name, 0) == 0;
	if (dir != NULL)
		closedir(dir);
	return n;
}

static inline void folder_remove(void)
{
	rmdir(folder);
}

static inline void folder_open(void)
{
	if (folder[0] != '\0')
		return;
	snprintf(folder, sizeof folder, "%s/hm-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(folder) != NULL);
	atexit(folder_remove);
}

static inline void folder_put(const char *name, const void *data, size_t n)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	close(fd);
}

#endif
