/* ui/option_value.h - what the command line, the environment and a configuration file share: set a row's
 * value from text. */
#ifndef UI_OPTION_VALUE_H
#define UI_OPTION_VALUE_H

#include "ui/options.h"

/* `given` is how the person wrote it, for the words of an error: "--cpus", "HIVEMIND_POOL", "hivemind.conf:3:
 * cpus". text is kept by reference; copy it first when it does not live as long as the process. */
int option_set(const struct option *o, const char *text, const char *given, struct error *err);

/* A copy that lives as long as the process. */
const char *option_keep(const char *text);

#endif
