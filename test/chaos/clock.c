/* test/chaos/clock.c - a library to preload: the wall clock jumps.
 *
 *     LD_PRELOAD=.../clock.so CLOCK_JUMP=FILE      FILE has 8 bytes: the seconds to add, in the machine's byte order
 *
 * They count from the moment they are written, in every process that has the file. The clocks that only run on
 * (CLOCK_BOOTTIME, CLOCK_MONOTONIC) are as they were: nobody can set those. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *jump; /* NULL = there is none */
static int (*real)(clockid_t id, struct timespec *t);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCK_JUMP");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof *jump, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	jump = p != MAP_FAILED ? p : NULL;
	real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = real(id, t);

	if (jump != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += (time_t)*jump;
	return rc;
}

time_t time(time_t *out)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
