/* roles/doctor.h - `hivemind doctor` and `hivemind worker doctor`: what is missing on this machine, in
 * order, with what to type. */
#ifndef ROLES_DOCTOR_H
#define ROLES_DOCTOR_H

#include <stdbool.h>

/* All may be NULL. Returns 0 when everything a worker and a pool need is here, else 6
 * (no engine, no pool) or 1. */
int doctor_run(const char *docker, const char *data, const char *pool, bool json);

#endif
