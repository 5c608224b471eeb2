#include "net/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/status.h"

int crash_armed = -1;

static atomic_int left; /* times that the point is still passed alive */
static pid_t victim; /* 0 = this process */

static const struct {
	const char *name, *what;
} points[] = {
#define ROW(id, name, what) {name, what},
	CRASH_POINTS(ROW)
#undef ROW
};

/* Whoever let us be killed may not be our parent, and looks for these words. */
void crash_hit(void)
{
	if (atomic_fetch_sub(&left, 1) != 1)
		return;
	dprintf(STDERR_FILENO, "crash point %s\n", points[crash_armed].name);
	kill(victim != 0 ? victim : getpid(), SIGKILL);
}

static int list(void)
{
	for (int i = 0; i < CRASH_COUNT; i++)
		printf("%-24s %s\n", points[i].name, points[i].what);
	return 0;
}

int crash_arm(void)
{
	const char *text = getenv("HIVEMIND_CRASH");
	char name[40];
	int n = 0, pid = 0;

	if (text == NULL)
		return -1;
	if (strcmp(text, "list") == 0)
		return list();
	if (sscanf(text, "%39[^:]:%d:%d", name, &n, &pid) >= 2 && n > 0 && pid >= 0)
		for (int i = 0; i < CRASH_COUNT; i++)
			if (strcmp(points[i].name, name) == 0)
				crash_armed = i;
	if (crash_armed < 0) {
		fprintf(stderr, "hivemind: HIVEMIND_CRASH=%.60s names no crash point; HIVEMIND_CRASH=list does\n", text);
		return EXIT_USAGE;
	}
	left = n;
	victim = pid;
	return -1;
}
