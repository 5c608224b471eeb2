/* roles/dev_home.h - the files of `dev`: its directory, made and removed, and the notes in it. All of
 * it blocks for a moment. */
#ifndef ROLES_DEV_HOME_H
#define ROLES_DEV_HOME_H

#include "roles/dev.h"

/* Find or make DATA, lock it, take away what a killed run left. ABORTED: another dev uses it. */
int dev_home_open(struct dev *d, struct error *err);

/* Write a file of ours, 0600, as a whole or not at all. */
int dev_home_write(const struct dev *d, const char *name, const char *text, struct error *err);

/* Remove all of ours, and DATA if we made it. */
void dev_home_remove(struct dev *d);

#endif
