/* roles/free_port.c - ask the kernel by listening there for an instant. */
#include "roles/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/status.h"

#define PORTS_TRIED 200

static bool port_is_free(const struct endpoint *at, int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool is_free;

	if (inet_pton(AF_INET, at->host, &address.sin_addr) != 1)
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* as the pool does: closed connections do not count */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	is_free = bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0 &&
		  getsockname(fd, (struct sockaddr *)&address, &size) == 0;
	*port = ntohs(address.sin_port);
	close(fd);
	return is_free;
}

int free_port_find(struct endpoint *at, struct error *err)
{
	int wanted = at->port;

	for (int i = 0; at->path[0] == '\0' && !port_is_free(at, &at->port); i++) {
		if (i == PORTS_TRIED || at->port == 65535)
			return error_set(err, STATUS_ALREADY_EXISTS, "no port from %d to %d is free", wanted, at->port);
		at->port++;
	}
	return 0;
}
