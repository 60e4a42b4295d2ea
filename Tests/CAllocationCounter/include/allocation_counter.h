/* Counts how often the calling thread takes memory from libc. */
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/* Starts counting from 0 on the calling thread. */
void allocation_counter_start(void);

/* Ends counting, and returns how often the calling thread took memory since the start. */
long allocation_counter_stop(void);

#endif
