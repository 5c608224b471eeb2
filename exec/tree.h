/* exec/tree.h - trees of files that somebody else has made: how much is in them, and removing them.
 *
 * Each step is one name below an open directory, never through a link; nothing outside the tree is touched.
 */
#ifndef EXEC_TREE_H
#define EXEC_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes of disk below the open directory (blocks used; a file with n links counts 1/n at each). UINT64_MAX
 * when it is deeper than TREE_DEPTH_MAX: nothing honest is, and it must not be a place to hide bytes. */
#define TREE_DEPTH_MAX 128
uint64_t tree_used(int fd);

/* Remove `name` of the open directory with all below it, whatever its depth, modes and owners. 0 or an errno.
 */
int tree_remove(int fd, const char *name);

/* Names in the open directory but . and .., sorted; at most max of them, NULL when there are more or it
 * cannot be read (errno). free() it: one block. */
char **tree_names(int fd, size_t max, size_t *count);

/* "a symbolic link", "a FIFO", ...: what this mode is when it is neither file nor directory. */
const char *tree_kind(mode_t mode);

#endif
