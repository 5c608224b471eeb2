#include "net/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "proto/id.h"

static int64_t test_us = -1;

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	if (test_us >= 0)
		return test_us;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

int64_t clock_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void random_bytes(void *p, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = getrandom((char *)p + got, n - got, 0);

		if (r < 0)
			abort(); /* no kernel that we run on fails here; ids must not be guessable */
		got += (size_t)r;
	}
}

uint32_t random_below(uint32_t bound)
{
	uint32_t value;

	random_bytes(&value, sizeof value);
	return (uint32_t)(((uint64_t)value * bound) >> 32);
}

void random_id(char *id)
{
	uint8_t bytes[10];

	random_bytes(bytes, sizeof bytes);
	id_from_bytes(id, bytes);
}

void clock_set_for_test(int64_t us)
{
	test_us = us;
}
