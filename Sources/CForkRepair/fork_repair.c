/*
 * The Swift runtime remembers the number of each thread in thread-local variables: one for
 * swift_once (every `static let`), one for Synchronization.Mutex. After fork(), the one thread of the
 * child has another number and still remembers the old one. The first lock for which it has to wait,
 * or on which another thread waits, then never opens: the kernel says that the lock belongs to
 * somebody else, and the runtime asks again for ever. (Seen with Swift 6.3.1: two threads of a forked
 * child that meet in the first use of a `static let`.)
 *
 * So, in the child, every word of the library's own thread-local memory that holds the old number is
 * set to 0, which makes the runtime ask for the new one. The memory is 200 bytes long and holds
 * nothing else that could be taken for it. Other libraries' memory is not looked at.
 *
 * This is a constructor, because the runtime remembers the number as soon as the library is loaded.
 */
#include "fork_repair.h"

#if defined(__linux__)

#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

extern long syscall(long number, ...);

/* What a thread that forks knows of itself before it does. */
static __thread uint32_t number_before;
static __thread uint32_t *block;
static __thread size_t words;

/* Finds the thread-local memory of the module that this function is part of. */
static int find_block(struct dl_phdr_info *info, size_t size, void *address) {
  size_t tls_words = 0;
  int is_ours = 0, i;
  if (size < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof info->dlpi_tls_data) return 0;
  for (i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_TLS) tls_words = header->p_memsz / sizeof(uint32_t);
    if (header->p_type == PT_LOAD && (uintptr_t)address >= start &&
        (uintptr_t)address - start < header->p_memsz) {
      is_ours = 1;
    }
  }
  if (!is_ours) return 0;
  block = info->dlpi_tls_data;
  words = block == NULL ? 0 : tls_words;
  return 1;
}

static void before_fork(void) {
  words = 0;
  number_before = (uint32_t)syscall(SYS_gettid);
  dl_iterate_phdr(find_block, (void *)(uintptr_t)before_fork);
}

static void in_child(void) {
  uint32_t number = number_before, *word = block, *end = block + words;
  if (number == 0) return;
  for (; word < end; word++) {
    if (*word == number) *word = 0;
  }
}

__attribute__((constructor)) static void install(void) {
  pthread_atfork(before_fork, NULL, in_child);
}

#endif
