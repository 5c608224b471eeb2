/* ui/ask.c - questions on the terminal (declared in ui/term.h).
 *
 * A secret is read with echo off. The terminal is put right again whatever happens: a signal that ends the
 * process while we wait restores it first. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "net/memory.h"
#include "ui/term.h"

static struct termios before;
static int terminal = -1;

static void restore_and_die(int number)
{
	tcsetattr(terminal, TCSANOW, &before);
	signal(number, SIG_DFL);
	raise(number);
}

static void echo_off(int fd)
{
	struct termios quiet;

	terminal = fd;
	if (tcgetattr(fd, &before) != 0)
		return;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	signal(SIGINT, restore_and_die);
	signal(SIGTERM, restore_and_die);
	tcsetattr(fd, TCSAFLUSH, &quiet);
}

static void echo_on(int fd)
{
	tcsetattr(fd, TCSAFLUSH, &before);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	terminal = -1;
}

/* A line without its newline; a longer one is no answer, and neither is half a line. */
static bool read_line(int fd, char *answer, size_t n)
{
	size_t used = 0;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			answer[used < n ? used : n - 1] = '\0';
			return used < n;
		}
		if (used < n)
			answer[used++] = c;
	}
	wipe(answer, n);
	return false;
}

bool ask_line(const char *question, char *answer, size_t n, bool secret)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool answered;

	if (fd < 0)
		return false;
	if (secret)
		echo_off(fd);
	answered = write(fd, question, strlen(question)) >= 0 && read_line(fd, answer, n);
	if (secret)
		echo_on(fd);
	close(fd);
	return answered;
}

bool ask_yes(const char *question, bool otherwise)
{
	char *line = xasprintf("%s %s ", question, otherwise ? "[Y/n]" : "[y/N]");
	char answer[16];
	bool yes = otherwise;

	if (ask_line(line, answer, sizeof answer, false) && answer[0] != '\0')
		yes = answer[0] == 'y' || answer[0] == 'Y';
	free(line);
	return yes;
}
