/*
 * Threads that cannot be started, at will. For one source file of a test program to include: its function stands in
 * for libc's. Counted are the threads of this program's own code, not those of its libraries.
 */
#ifndef RIACHO_FAULT_THREADS_H
#define RIACHO_FAULT_THREADS_H

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

typedef int start_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                         void *ctx);

extern const char __executable_start, etext;

static _Atomic int threads_left; /* 0: none is refused; 1: the next one is, … */
static _Atomic bool was_refused;

/* From now on the nth thread (from 1) cannot be started; 0: each can. */
static void fault_refuse_thread(int nth)
{
    was_refused = false;
    threads_left = nth;
}

static bool is_ours(void *(*body)(void *))
{
    const char *address = NULL;

    memcpy(&address, &body, sizeof address);
    return address >= &__executable_start && address < &etext;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *ctx)
{
    void *libc = dlsym(RTLD_NEXT, "pthread_create");
    start_thread *start = NULL;

    if (threads_left > 0 && is_ours(body) && --threads_left == 0) {
        was_refused = true;
        return EAGAIN;
    }
    memcpy(&start, &libc, sizeof start);
    return start(thread, attributes, body, ctx);
}

#endif
