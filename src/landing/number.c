/*
 * The fast ways are taken where they are exact; the slow one asks the C library for the digits.
 */
#include "landing/number.h"

#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/banned.h"

#define BIG ((uint64_t)1 << 53)
#define MOST_DIGITS 800 /* a double's exact expansion has at most 767 */
#define MOST_EXPONENT 1000000
#define SHORT_INTEGER 18  /* characters: so many digits are an int64_t */
#define SHORT_FRACTION 16 /* characters without the sign: 15 digits and the point */

__extension__ typedef unsigned __int128 uint128; /* too long a name to repeat */

/* A literal taken apart. Its value is ±mantissa × 10^exponent if it has at most 19 digits. */
struct literal {
    uint64_t mantissa; /* of the first 19 significant digits */
    int64_t exponent;
    int digits; /* significant ones: from the first that is not 0 */
    bool is_negative;
    bool is_integer; /* no fraction, no exponent */
};

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t read_exponent(const char *at, const char *end)
{
    const bool is_negative = *at == '-';
    int64_t exponent = 0;

    for (at += *at == '-' || *at == '+'; at < end; at++)
        if (exponent < MOST_EXPONENT)
            exponent = exponent * 10 + (*at - '0');
    return is_negative ? -exponent : exponent;
}

/* Adds digits to the mantissa. Returns where they end. */
static const char *take_digits(struct literal *literal, const char *at, const char *end)
{
    for (; at < end && is_digit(*at); at++) {
        if (literal->digits == 0 && *at == '0')
            continue;
        if (literal->digits < 19)
            literal->mantissa = literal->mantissa * 10 + (uint64_t)(*at - '0');
        else
            literal->exponent++;
        literal->digits += literal->digits < MOST_EXPONENT;
    }
    return at;
}

static const char *add_digits(uint64_t *mantissa, const char *at, const char *end)
{
    for (; at < end && is_digit(*at); at++)
        *mantissa = *mantissa * 10 + (uint64_t)(*at - '0');
    return at;
}

/*
 * A literal as most are: no exponent, and so few digits that nothing can overflow, and a fraction's are exact.
 * False: it is not such a one.
 */
static bool read_short(const char *text, size_t size, struct number *ret_number)
{
    const bool is_negative = *text == '-';
    const char *const end = text + size;
    uint64_t mantissa = 0;
    const char *at, *fraction;
    double d;

    if (size > SHORT_INTEGER)
        return false;
    at = add_digits(&mantissa, text + is_negative, end);
    if (at == end) {
        *ret_number = (struct number){.kind = KIND_INT,
                                      .is_big = mantissa > BIG,
                                      .is_negative = is_negative && mantissa > 0,
                                      .i = is_negative ? -(int64_t)mantissa : (int64_t)mantissa};
        return true;
    }
    if (*at != '.' || size - is_negative > SHORT_FRACTION)
        return false;
    fraction = at + 1;
    at = add_digits(&mantissa, fraction, end);
    if (at != end)
        return false;
    d = (double)mantissa / powers[at - fraction];
    *ret_number = (struct number){.kind = KIND_DOUBLE, .d = is_negative ? -d : d};
    return true;
}

static void take_apart(const char *text, size_t size, struct literal *ret_literal)
{
    struct literal literal = {.is_integer = true};
    const char *const end = text + size;
    const char *at = text;

    if (*at == '-') {
        literal.is_negative = true;
        at++;
    }
    at = take_digits(&literal, at, end);
    if (at < end && *at == '.') {
        const char *const fraction = at + 1;

        at = take_digits(&literal, fraction, end);
        literal.exponent -= at - fraction;
        literal.is_integer = false;
    }
    if (at < end) {
        literal.exponent += read_exponent(at + 1, end);
        literal.is_integer = false;
    }
    *ret_literal = literal;
}

/* ---- integers ---- */

static void set_unsigned(struct number *number, uint64_t value)
{
    if (value <= INT64_MAX)
        *number = (struct number){.kind = KIND_INT, .is_big = value > BIG, .i = (int64_t)value};
    else
        *number = (struct number){.kind = KIND_UINT, .is_big = true, .u = value};
}

static void set_integer(struct number *number, const struct literal *literal, const char *last)
{
    const uint64_t value = literal->mantissa;
    uint64_t whole;

    *number = (struct number){.kind = KIND_NUMBER};
    if (literal->is_negative && literal->digits <= 19 && value <= (uint64_t)INT64_MAX + 1)
        *number = (struct number){.kind = KIND_INT,
                                  .is_big = value > BIG,
                                  .is_negative = value > 0,
                                  .i = (int64_t)(0 - value)};
    else if (!literal->is_negative && literal->digits <= 19)
        set_unsigned(number, value);
    else if (!literal->is_negative && literal->digits == 20 &&
             !__builtin_mul_overflow(value, (uint64_t)10, &whole) &&
             !__builtin_add_overflow(whole, (uint64_t)(*last - '0'), &whole))
        set_unsigned(number, whole);
}

/* ---- doubles ---- */

/*
 * The nearest double; infinity if it is too large. Independent of the locale, as strtod() is not.
 */
static double nearest_double(const char *text, size_t size)
{
    char small[64];
    char *copy = size < sizeof small ? memcpy(small, text, size) : mem_strn(text, size);
    yyjson_val value;
    const char *end;
    double nearest;

    copy[size] = '\0';
    end = yyjson_read_number(copy, &value, YYJSON_READ_ALLOW_INF_AND_NAN, NULL, NULL);
    nearest = end ? yyjson_get_num(&value) : HUGE_VAL;
    if (copy != small)
        free(copy);
    return nearest;
}

/* The significant digits of a literal or of printf's %e, without the zeros at either end. */
static int bare_digits(const char *text, size_t size, char ret_digits[MOST_DIGITS])
{
    int count = 0, zeros = 0;

    for (size_t i = 0; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
        if (!is_digit(text[i]) || (count == 0 && text[i] == '0'))
            continue;
        if (count == MOST_DIGITS)
            return -1;
        zeros = text[i] == '0' ? zeros + 1 : 0;
        ret_digits[count++] = text[i];
    }
    return count - zeros;
}

/* Prints the double with the literal's count of digits, and compares the digits. */
static bool keeps_digits(const char *text, size_t size, double d)
{
    char wanted[MOST_DIGITS], got[MOST_DIGITS], printed[MOST_DIGITS + 16];
    const int count = bare_digits(text, size, wanted);
    int length;

    if (count <= 0)
        return count == 0;
    if (d == 0 || !isfinite(d))
        return false;
    length = snprintf(printed, sizeof printed, "%.*e", count - 1, d);
    return bare_digits(printed, (size_t)length, got) == count &&
           memcmp(got, wanted, (size_t)count) == 0;
}

/*
 * The same in integers, for 16 and 17 digits with a fraction: with d = f × 2^-q and the literal m ×
 * 10^-k, the digits are kept if |f × 10^k - m × 2^q| is less than half of 2^q. 1 yes, 0 no, -1 ask
 * otherwise.
 */
static int keeps_digits_quickly(const struct literal *literal, double d)
{
    const int64_t k = -literal->exponent;
    int exponent;
    const double fraction = frexp(d, &exponent);
    const int q = 53 - exponent;
    uint128 ten = 1, one, other, apart;

    if (literal->digits > 17 || k < 1 || k > 22 || q < 1 || q > 70)
        return -1;
    for (int64_t i = 0; i < k; i++)
        ten *= 10;
    one = (uint128)(uint64_t)ldexp(fraction, 53) * ten;
    other = (uint128)literal->mantissa << q;
    apart = one > other ? one - other : other - one;
    if (apart == (uint128)1 << (q - 1))
        return -1;
    return apart < (uint128)1 << (q - 1);
}

static void strip_zeros(struct literal *literal)
{
    while (literal->digits > 0 && literal->digits <= 19 && literal->mantissa % 10 == 0) {
        literal->mantissa /= 10;
        literal->exponent++;
        literal->digits--;
    }
}

static bool fits_double(const char *text, size_t size, struct literal *literal, double *ret_double)
{
    double d;
    int kept = -1;

    if (literal->digits > 15)
        strip_zeros(literal);
    if (literal->digits <= 15 && literal->exponent >= -22 && literal->exponent <= 22) {
        d = (double)literal->mantissa;
        *ret_double =
            literal->exponent < 0 ? d / powers[-literal->exponent] : d * powers[literal->exponent];
        return true;
    }
    d = fabs(nearest_double(text, size));
    *ret_double = d;
    if (literal->digits <= 15 && d >= DBL_MIN && d <= DBL_MAX)
        return true;
    if (d >= DBL_MIN && d <= DBL_MAX)
        kept = keeps_digits_quickly(literal, d);
    return kept < 0 ? keeps_digits(text, size, d) : kept == 1;
}

void number_read(const char *text, size_t size, struct number *ret_number)
{
    struct literal literal;
    double d;

    if (read_short(text, size, ret_number))
        return;
    take_apart(text, size, &literal);
    if (literal.is_integer)
        set_integer(ret_number, &literal, text + size - 1);
    else if (fits_double(text, size, &literal, &d))
        *ret_number = (struct number){.kind = KIND_DOUBLE, .d = literal.is_negative ? -d : d};
    else
        *ret_number = (struct number){.kind = KIND_NUMBER};
}

double number_double(const struct number *number)
{
    return number->kind == KIND_DOUBLE ? number->d : (double)number->i;
}

/* ---- comparing ---- */

/* The place of the first digit that is not 0, and its power of ten; false: the value is 0. */
static bool find_first(const char **at, const char *end, int64_t *ret_power)
{
    const char *e = memchr(*at, 'e', (size_t)(end - *at));
    const char *dot = memchr(*at, '.', (size_t)(end - *at));
    const char *first = *at;

    e = e ? e : memchr(*at, 'E', (size_t)(end - *at));
    *ret_power = e ? read_exponent(e + 1, end) : 0;
    e = e ? e : end;
    dot = dot ? dot : e;
    while (first < e && (*first == '0' || *first == '.'))
        first++;
    if (first == e)
        return false;
    *ret_power += first < dot ? dot - first - 1 : dot - first;
    *at = first;
    return true;
}

/* The digit at `*at` (0 after the last); moves on. */
static char next_digit(const char **at, const char *end)
{
    if (*at < end && **at == '.')
        (*at)++;
    return *at < end && is_digit(**at) ? *(*at)++ : '0';
}

static int compare_digits(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while ((a < a_end && (is_digit(*a) || *a == '.')) ||
           (b < b_end && (is_digit(*b) || *b == '.'))) {
        const int apart = next_digit(&a, a_end) - next_digit(&b, b_end);

        if (apart)
            return apart;
    }
    return 0;
}

int number_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const char *const a_end = a + a_size, *const b_end = b + b_size;
    const int a_sign = *a == '-' ? -1 : 1, b_sign = *b == '-' ? -1 : 1;
    int64_t a_power, b_power;
    const char *a_at = a + (a_sign < 0), *b_at = b + (b_sign < 0);
    const bool a_counts = find_first(&a_at, a_end, &a_power);
    const bool b_counts = find_first(&b_at, b_end, &b_power);

    if (!a_counts || !b_counts || a_sign != b_sign)
        return a_sign * a_counts - b_sign * b_counts;
    if (a_power != b_power)
        return a_power < b_power ? -a_sign : a_sign;
    return a_sign * compare_digits(a_at, a_end, b_at, b_end);
}
