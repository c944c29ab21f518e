#include "cost.h"

#include <stdio.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct cost cost_now(void)
{
    return (struct cost){
        .seconds = read_clock(CLOCK_MONOTONIC),
        .cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID),
    };
}

void cost_add(struct cost *cost, const struct cost *since)
{
    struct cost now = cost_now();

    cost->seconds += now.seconds - since->seconds;
    cost->cpu += now.cpu - since->cpu;
}

void cost_print(const struct cost *cost)
{
    printf("{\"seconds\":%.4f,\"cpu\":%.4f}\n", cost->seconds, cost->cpu);
}
