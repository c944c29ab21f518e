/*
 * What a piece of work cost: seconds on the clock and CPU seconds of all threads of this process.
 */
#ifndef RIACHO_BENCH_COST_H
#define RIACHO_BENCH_COST_H

struct cost {
    double seconds;
    double cpu;
};

struct cost cost_now(void);
void cost_add(struct cost *cost, const struct cost *since);
/* Prints {"seconds":…,"cpu":…} on stdout. */
void cost_print(const struct cost *cost);

#endif
