/* net/private_process.h - nobody looks into this process: no core file, and no other process of the same user
 * reads its memory, its environment or attaches to it. What holds tokens and passwords calls it before it has
 * any. Children that are started anew (exec) can be looked into again, but leave no core file. */
#ifndef NET_PRIVATE_PROCESS_H
#define NET_PRIVATE_PROCESS_H

void private_process(void);

#endif
