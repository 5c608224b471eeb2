/* test/exec/seccomp.c - the system call list, both directions: a static probe in a container on each engine. */
#include "test/exec/engine_fixture.h"

static const char probe[] =
	"#define _GNU_SOURCE\n"
	"#include <errno.h>\n#include <linux/sched.h>\n#include <pthread.h>\n#include <sched.h>\n#include <stdio.h>\n#include <string.h>\n"
	"#include <sys/mman.h>\n#include <sys/personality.h>\n#include <sys/resource.h>\n#include <sys/socket.h>\n#include <sys/syscall.h>\n#include <sys/wait.h>\n"
	"#include <unistd.h>\n"
	"static void denied(const char *n, long rc, int want){ if (rc != -1 || errno != want)"
	" printf(\"ALLOWED %s %ld %s\\n\", n, rc, strerror(errno)); }\n"
	"#define D(...) errno = 0, denied(#__VA_ARGS__, syscall(__VA_ARGS__), EPERM)\n"
	"static void allowed(const char *n, int ok){ if (!ok) printf(\"DENIED %s %s\\n\", n, strerror(errno)); }\n"
	"#define A(x) errno = 0, allowed(#x, x)\n"
	"static void *run(void *p){ return p; }\n"
	"int main(void){ pthread_t t; int st; pid_t p;\n"
	"D(SYS_io_uring_setup, 1, 0); D(SYS_io_uring_enter, 0, 0, 0, 0, 0); D(SYS_io_uring_register, 0, 0, 0, 0);\n"
	"D(SYS_userfaultfd, 1); D(SYS_bpf, 0, 0, 0); D(SYS_perf_event_open, 0, 0, 0, 0, 0); D(SYS_keyctl, 0, 0, 0);\n"
	"D(SYS_add_key, 0, 0, 0, 0, 0); D(SYS_request_key, 0, 0, 0, 0); D(SYS_ptrace, 0, 0, 0, 0);\n"
	"D(SYS_process_vm_readv, 0, 0, 0, 0, 0, 0); D(SYS_process_vm_writev, 0, 0, 0, 0, 0, 0); D(SYS_unshare, CLONE_NEWUSER);\n"
	"D(SYS_setns, 0, 0); D(SYS_mount, 0, 0, 0, 0, 0); D(SYS_umount2, 0, 0); D(SYS_open_by_handle_at, 0, 0, 0);\n"
	"D(SYS_name_to_handle_at, 0, 0, 0, 0, 0); D(SYS_personality, ADDR_NO_RANDOMIZE); D(SYS_kexec_load, 0, 0, 0, 0);\n"
	"D(SYS_init_module, 0, 0, 0); D(SYS_reboot, 0, 0, 0, 0); D(SYS_swapon, 0, 0); D(SYS_chroot, \"/\"); D(SYS_pivot_root, 0, 0);\n"
	"D(SYS_socket, AF_VSOCK, SOCK_STREAM, 0); D(SYS_socket, AF_NETLINK, SOCK_RAW, 0); D(SYS_socket, AF_PACKET, SOCK_RAW, 0);\n"
	"D(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0); D(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0); D(SYS_fsopen, 0, 0);\n"
	"D(SYS_move_mount, 0, 0, 0, 0, 0); D(SYS_quotactl, 0, 0, 0, 0); D(SYS_acct, 0); D(SYS_iopl, 3); D(SYS_pidfd_getfd, 0, 0, 0);\n"
	"errno = 0; denied(\"clone3\", syscall(SYS_clone3, 0, 0), ENOSYS);\n"
	"A(socket(AF_UNIX, SOCK_STREAM, 0) >= 0); A(socket(AF_INET, SOCK_STREAM, 0) >= 0); A(socket(AF_INET6, SOCK_DGRAM, 0) >= 0);\n"
	"A(pthread_create(&t, 0, run, 0) == 0); pthread_join(t, 0); p = fork(); if (p == 0) _exit(3);\n"
	"A(p > 0 && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 3); A(memfd_create(\"x\", 0) >= 0);\n"
	"A(personality(0xffffffff) >= 0); A(mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);\n"
	"A(getpriority(0, 0) != -1 || errno == 0); puts(\"probed\"); return 0; }\n";

static void what_a_task_needs_is_allowed_and_the_rest_is_not(void **state)
{
	struct test_job t;
	char path[120], command[400];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/probe.c", fixture_dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(probe, f);
	fclose(f);
	snprintf(command, sizeof(command), "gcc -static -pthread -o %s/probe %s", work_dir, path);
	assert_int_equal(system(command), 0);
	test_job_init(&t, "");
	t.command[0] = (char *)"/work/probe";
	t.spec.n_command = 1;
	test_job_run(&t);
	assert_string_equal(buf_text(&t.out), "probed\n");
	assert_int_equal(t.job.failure, FAILURE_NONE);
	test_job_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_task_needs_is_allowed_and_the_rest_is_not)};
	int failed = cmocka_run_group_tests_name("docker", tests, start_docker, stop_engine);

	return failed + cmocka_run_group_tests_name("podman", tests, start_podman, stop_engine);
}
