/* ui/config.h - hivemind.conf: options that are not typed each time (hivemind.conf.5).
 *
 *     # comment
 *     [client]
 *     pool = pool.example
 *     [worker]
 *     cpus = 75%
 *
 * Keys are the long names of options. Unknown sections and keys are errors with file, line and the nearest
 * known word. Sections of other roles are skipped: only the role itself knows its keys. */
#ifndef UI_CONFIG_H
#define UI_CONFIG_H

#include <stdint.h>

#include "ui/options.h"

/* Give rows their values from the user's file, then from the system's, except those in `given` (bit i =
 * rows[i]). rows[0] to rows[verb_count-1] are the verb's own, the others up to count are the global ones. */
int config_apply(const char *verb, struct option *rows, int verb_count, int count, uint64_t given,
                 struct error *err);

/* $XDG_CONFIG_HOME/hivemind, or ~/.config/hivemind, into path. false = neither is known. */
bool config_directory(char *path, unsigned long n);

#endif
