#ifndef CNN_FORK_REPAIR_H
#define CNN_FORK_REPAIR_H

/* Lets a process that forks go on using the Swift runtime inside the shared library. There is
 * nothing to call: see fork_repair.c. */

#endif
