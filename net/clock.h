/* net/clock.h - the one source of time and the one of randomness; a test can set both.
 *
 * Durations and deadlines count on clock_ms(), which also runs while the machine sleeps
 * (CLOCK_BOOTTIME); no other clock decides anything. Wall time is for people and records. */
#ifndef NET_CLOCK_H
#define NET_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);      /* milliseconds since boot */
int64_t clock_us(void);      /* microseconds since boot */
int64_t clock_wall_ms(void); /* milliseconds since 1970 UTC */

/* Fill p with n random bytes from the kernel. */
void random_bytes(void *p, size_t n);

/* A number from 0 to below `bound` (> 0), evenly. For jitter. */
uint32_t random_below(uint32_t bound);

/* A fresh id (proto/id.h); id has ID_SIZE bytes. */
void random_id(char *id);

/* Tests: from now on clock_*() answer this many microseconds, until moved or given back with -1. */
void clock_set_for_test(int64_t us);

#endif
