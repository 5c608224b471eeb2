/* net/private_process.c - see net/private_process.h. What the kernel refuses is no reason not to run. */
#include "net/private_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void private_process(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak check reads us from a process of its own */
	prctl(PR_SET_DUMPABLE, 0);
#endif
}
