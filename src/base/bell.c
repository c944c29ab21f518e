/*
 * A count under a lock.
 */
#include "base/bell.h"

#include <pthread.h>
#include <time.h>

#include "base/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the count */
static pthread_cond_t rang = PTHREAD_COND_INITIALIZER;
static uint64_t rings;

void bell_ring(void)
{
    pthread_mutex_lock(&lock);
    rings++;
    pthread_cond_broadcast(&rang);
    pthread_mutex_unlock(&lock);
}

uint64_t bell_count(void)
{
    uint64_t count;

    pthread_mutex_lock(&lock);
    count = rings;
    pthread_mutex_unlock(&lock);
    return count;
}

static void add_ms(struct timespec *time, int ms)
{
    time->tv_sec += ms / 1000;
    time->tv_nsec += ms % 1000 * 1000000L;
    if (time->tv_nsec >= 1000000000L) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000L;
    }
}

void bell_wait(uint64_t count, int ms)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    add_ms(&end, ms);
    pthread_mutex_lock(&lock);
    while (rings == count && pthread_cond_clockwait(&rang, &lock, CLOCK_MONOTONIC, &end) == 0)
        ;
    pthread_mutex_unlock(&lock);
}
