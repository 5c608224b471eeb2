/* exec/private_directory.h - end everything of a private engine that lives
 * in a directory, and remove the directory. */
#ifndef EXEC_PRIVATE_DIRECTORY_H
#define EXEC_PRIVATE_DIRECTORY_H

/* Kills the engine's helpers that name a path below dir (and the containers they hold), unmounts what is
 * mounted below dir, removes dir. Blocks: on the thread pool. Safe when dir is not there. */
void private_directory_clear(const char *dir);

#endif
