/* test/tool/fail_nth.c - a library to preload: the Nth call of one function of libc fails.
 *
 *     LD_PRELOAD=.../fail_nth.so FAIL=fsync:3        the third fsync() fails with the error that it has most likely
 *     FAIL=malloc:1200                               1,200th allocation: malloc, calloc, realloc together
 *     FAIL=write:5:                                  the fifth and all that follow
 *
 * When a call is made to fail, its number goes to the file $FAIL_TOLD, so that who runs us knows that there
 * was one. Only the process itself: neither its children nor what they start see any of it. With FAIL_IN=VERB
 * it is the child "hivemind VERB" instead. With FAIL=NAME:0 nothing fails, and the number of calls is written
 * to $FAIL_TOLD at the end. */
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* open() where the compiler knows that there is no mode */
extern int __open64_2(const char *path, int flags);

static char name[24];       /* of the function that fails; "" = none does */
static long nth;
static bool from_then_on;
static char told[256];
static atomic_long calls;
static pid_t ours;

/* Is this "hivemind VERB"? */
static bool is_verb(const char *verb)
{
	char words[400] = "";
	long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY),
	     n = syscall(SYS_read, fd, words, sizeof words - 1);

	syscall(SYS_close, fd);
	return n > 0 && strcmp(words + strlen(words) + 1, verb) == 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL"), *file = getenv("FAIL_TOLD"), *verb = getenv("FAIL_IN");
	char more = '\0';

	if (verb != NULL && !is_verb(verb))
		return;
	ours = getpid();
	if (text != NULL && sscanf(text, "%23[^:]:%ld%c", name, &nth, &more) >= 2)
		from_then_on = more == ':';
	snprintf(told, sizeof told, "%s", file != NULL ? file : "");
	unsetenv("LD_PRELOAD");
	unsetenv("FAIL");
	unsetenv("FAIL_IN");
	unsetenv("FAIL_TOLD");
}

/* By system calls of its own: what is counted here must not be called here. */
static void tell(long n)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%ld\n", n);
	long fd = syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	syscall(SYS_write, fd, text, length);
	syscall(SYS_close, fd);
}

static bool fails(const char *function, int error)
{
	static _Thread_local bool telling; /* by the very function */
	long n;

	if (telling || strcmp(function, name) != 0 || getpid() != ours)
		return false;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (nth == 0 || (from_then_on ? n < nth : n != nth))
		return false;
	telling = true;
	if (n == nth)
		tell(n);
	telling = false;
	errno = error;
	return true;
}

__attribute__((destructor)) static void end(void)
{
	if (nth == 0 && name[0] != '\0' && getpid() == ours)
		tell(calls);
}

/* The next one of that name: libc's. */
#define LIBC(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* --- memory: glibc has these under a second name, so that no look-up is needed ------------------- */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
	return fails("malloc", ENOMEM) ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
	return fails("malloc", ENOMEM) ? NULL : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
	return fails("malloc", ENOMEM) ? NULL : __libc_realloc(p, n);
}

/* --- the others ------------------------------------------------------------------------------- */

#define WRAP(error, result, function, parameters, arguments) \
	result function parameters \
	{ \
		static __typeof__(&function) next; \
		if (next == NULL) \
			next = LIBC(function); \
		return fails(#function, error) ? (result)-1 : next arguments; \
	}

WRAP(EIO, int, fsync, (int fd), (fd))
WRAP(EIO, int, fdatasync, (int fd), (fd))
WRAP(EIO, ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
WRAP(ENOSPC, ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
WRAP(ECONNRESET, ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags))
WRAP(ECONNRESET, ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags))
WRAP(ECONNRESET, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
WRAP(ENOSPC, int, ftruncate64, (int fd, off64_t n), (fd, n))
WRAP(ENOSPC, int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(ENOSPC, int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(ENOSPC, int, rename, (const char *from, const char *to), (from, to))
WRAP(ENOSPC, int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(ENOSPC, int, link, (const char *from, const char *to), (from, to))
WRAP(EIO, int, unlink, (const char *path), (path))
WRAP(EIO, int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP(EIO, int, statvfs64, (const char *path, struct statvfs64 *to), (path, to))
WRAP(EMFILE, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(ENETUNREACH, int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(EMFILE, int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
WRAP(ENOMEM, int, setsockopt, (int fd, int level, int option, const void *v, socklen_t n),
     (fd, level, option, v, n))
WRAP(ENOSPC, int, epoll_ctl, (int at, int what, int fd, struct epoll_event *event), (at, what, fd, event))
WRAP(EAGAIN, pid_t, fork, (void), ())
WRAP(EMFILE, int, pipe2, (int fds[2], int flags), (fds, flags))
WRAP(EMFILE, int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
WRAP(EMFILE, int, epoll_create1, (int flags), (flags))
WRAP(EMFILE, int, eventfd, (unsigned count, int flags), (count, flags))
WRAP(EMFILE, int, dup, (int fd), (fd))
WRAP(EADDRINUSE, int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(EADDRINUSE, int, listen, (int fd, int n), (fd, n))
WRAP(ENOTCONN, int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
WRAP(ENOTCONN, int, getsockopt, (int fd, int level, int option, void *v, socklen_t *n),
     (fd, level, option, v, n))
WRAP(ECONNRESET, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(EIO, int, fstat64, (int fd, struct stat64 *st), (fd, st))
WRAP(EIO, int, stat64, (const char *path, struct stat64 *st), (path, st))
WRAP(EIO, int, lstat64, (const char *path, struct stat64 *st), (path, st))
WRAP(EIO, int, fstatat64, (int at, const char *path, struct stat64 *st, int flags), (at, path, st, flags))
WRAP(EIO, int, access, (const char *path, int mode), (path, mode))
WRAP(EPERM, int, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(EPERM, int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(EPERM, int, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags))
WRAP(EPERM, int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
WRAP(EPERM, int, fchownat, (int at, const char *path, uid_t u, gid_t g, int flags), (at, path, u, g, flags))
WRAP(EPERM, int, utimensat, (int at, const char *path, const struct timespec t[2], int flags),
     (at, path, t, flags))
WRAP(ENOLCK, int, flock, (int fd, int what), (fd, what))
WRAP(EIO, int, rmdir, (const char *path), (path))
WRAP(EIO, ssize_t, readlink, (const char *path, char *to, size_t n), (path, to, n))
WRAP(EIO, off64_t, lseek64, (int fd, off64_t at, int from), (fd, at, from))
WRAP(EAGAIN, ssize_t, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags))
WRAP(EMFILE, int, memfd_create, (const char *label, unsigned flags), (label, flags))
WRAP(EMFILE, int, __open64_2, (const char *path, int flags), (path, flags))

/* Of files and sockets: libuv speaks to itself through pipes, and there these cannot fail. */
static bool is_outside(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

ssize_t read(int fd, void *to, size_t n)
{
	static __typeof__(&read) next;

	if (next == NULL)
		next = LIBC(read);
	return is_outside(fd) && fails("read", EIO) ? -1 : next(fd, to, n);
}

ssize_t write(int fd, const void *data, size_t n)
{
	static __typeof__(&write) next;

	if (next == NULL)
		next = LIBC(write);
	return is_outside(fd) && fails("write", ENOSPC) ? -1 : next(fd, data, n);
}

DIR *opendir(const char *path)
{
	static __typeof__(&opendir) next;

	if (next == NULL)
		next = LIBC(opendir);
	return fails("opendir", EMFILE) ? NULL : next(path);
}

char *realpath(const char *path, char *to)
{
	static __typeof__(&realpath) next;

	if (next == NULL)
		next = LIBC(realpath);
	return fails("realpath", EIO) ? NULL : next(path, to);
}

struct dirent64 *readdir64(DIR *dir)
{
	static __typeof__(&readdir64) next;

	if (next == NULL)
		next = LIBC(readdir64);
	return fails("readdir64", EIO) ? NULL : next(dir);
}

FILE *fopen64(const char *path, const char *mode)
{
	static __typeof__(&fopen64) next;

	if (next == NULL)
		next = LIBC(fopen64);
	return fails("fopen64", EMFILE) ? NULL : next(path, mode);
}

static bool is_young(long number)
{
	return number == SYS_openat2 || number == SYS_pidfd_open || number == SYS_pidfd_send_signal;
}

/* What has no function of its own, and old kernels do not have. Of libuv's own nobody takes a kernel without. */
long syscall(long number, ...)
{
	static __typeof__(&syscall) next;
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (next == NULL)
		next = LIBC(syscall);
	return is_young(number) && fails("syscall", ENOSYS) ? -1 : next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* These return what went wrong. */
int posix_fallocate64(int fd, off64_t at, off64_t n)
{
	static __typeof__(&posix_fallocate64) next;

	if (next == NULL)
		next = LIBC(posix_fallocate64);
	return fails("posix_fallocate64", ENOSPC) ? ENOSPC : next(fd, at, n);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *user)
{
	static __typeof__(&pthread_create) next;

	if (next == NULL)
		next = LIBC(pthread_create);
	return fails("pthread_create", EAGAIN) ? EAGAIN : next(t, attr, run, user);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	static __typeof__(&posix_spawnp) next;

	if (next == NULL)
		next = LIBC(posix_spawnp);
	return fails("posix_spawnp", EAGAIN) ? EAGAIN : next(pid, file, actions, attr, argv, env);
}

void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
{
	static __typeof__(&mmap64) next;

	if (next == NULL)
		next = LIBC(mmap64);
	return fails("mmap64", ENOMEM) ? MAP_FAILED : next(at, n, protection, flags, fd, offset);
}

int open64(const char *path, int flags, ...)
{
	static __typeof__(&open64) next;
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (next == NULL)
		next = LIBC(open64);
	return fails("open64", EMFILE) ? -1 : next(path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
	static __typeof__(&openat64) next;
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (next == NULL)
		next = LIBC(openat64);
	return fails("openat64", EMFILE) ? -1 : next(at, path, flags, mode);
}
