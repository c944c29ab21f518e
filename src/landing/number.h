/*
 * JSON number literals, read without losing a digit. The texts are literals of RFC 8259's grammar,
 * checked by the parser before.
 */
#ifndef RIACHO_NUMBER_H
#define RIACHO_NUMBER_H

#include "db/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The narrowest type that keeps every digit of a literal. One with a fraction or an exponent fits a
 * double only if the double, printed with as many significant digits as the literal has, gives the
 * literal's digits: 0.1 and 0.30000000000000004 do, 3.141592653589793238 and 1e400 do not.
 */
struct number {
    enum kind kind;   /* KIND_INT, KIND_UINT, KIND_DOUBLE, or KIND_NUMBER: none of them */
    bool is_big;      /* an integer beyond 2^53, which a double might change */
    bool is_negative; /* an integer below 0 */
    union {
        int64_t i;
        uint64_t u;
        double d; /* of an INT that is not big too: call number_double() */
    };
};

void number_read(const char *text, size_t size, struct number *ret_number);

/* An INT that is not big, or a DOUBLE, as a double. */
double number_double(const struct number *number);

/* <0, 0, >0: compares by value, whatever the length: 1e2 equals 100.0. */
int number_compare(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
