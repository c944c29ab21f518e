/*
 * Numbers, times and texts as CSV. Every cell of an export passes here, so nothing allocates but the
 * buffer, and nothing is formatted by printf.
 */
#include "sink/csv_cell.h"

#include <math.h>
#include <string.h>
#include <yyjson.h>

#include "base/banned.h"

#define MICROS_A_DAY INT64_C(86400000000)

/* ---- texts ---- */

static bool needs_quotes(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r')
            return true;
    return false;
}

static void put_quoted(const char *text, size_t size, const char *before, struct buf *to)
{
    const char *end = text + size;

    buf_putc(to, '"');
    buf_puts(to, before);
    while (text < end) {
        const char *quote = memchr(text, '"', (size_t)(end - text));
        const char *stop = quote ? quote + 1 : end;

        buf_put(to, text, (size_t)(stop - text));
        if (quote)
            buf_putc(to, '"');
        text = stop;
    }
    buf_putc(to, '"');
}

static bool is_formula(const char *text, size_t size)
{
    return size > 0 && memchr("=+-@\t\r\n", text[0], 7) != NULL;
}

void csv_put_text(const char *text, size_t size, bool formula_safe, struct buf *to)
{
    const char *before = formula_safe && is_formula(text, size) ? "'" : "";

    if (size == 0)
        buf_put(to, "\"\"", 2);
    else if (needs_quotes(text, size))
        put_quoted(text, size, before, to);
    else {
        buf_puts(to, before);
        buf_put(to, text, size);
    }
}

/* ---- numbers ---- */

/* The digits, with zeros before them up to `least` in all. */
static void put_digits(uint64_t number, int least, struct buf *to)
{
    char digits[20];
    int at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
        least--;
    } while (number > 0 || least > 0);
    buf_put(to, digits + at, sizeof digits - (size_t)at);
}

static void put_int(int64_t number, struct buf *to)
{
    if (number < 0)
        buf_putc(to, '-');
    put_digits(number < 0 ? -(uint64_t)number : (uint64_t)number, 1, to);
}

/*
 * As a decimal of few digits, if it is one: the integer over the power of ten is rounded correctly, so if
 * it gives the number back, the text does too; and fewer decimals were tried before.
 */
static bool put_short_decimal(double number, struct buf *to)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    const double size = fabs(number);

    if (!(size < 1e8) || (number == 0 && signbit(number)))
        return false;
    for (int decimals = 0; decimals < 8; decimals++) {
        const double scaled = nearbyint(size * powers[decimals]);
        const uint64_t whole = (uint64_t)scaled;
        const uint64_t power = (uint64_t)powers[decimals];

        if (scaled / powers[decimals] != size)
            continue;
        if (number < 0)
            buf_putc(to, '-');
        put_digits(whole / power, 1, to);
        buf_putc(to, '.');
        put_digits(whole % power, decimals ? decimals : 1, to);
        return true;
    }
    return false;
}

static void put_double(double number, struct buf *to)
{
    yyjson_val value = {0};
    yyjson_alc memory;
    char pool[1024];
    size_t size;
    char *text;

    if (!isfinite(number)) {
        buf_puts(to, isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
        return;
    }
    if (put_short_decimal(number, to))
        return;
    yyjson_alc_pool_init(&memory, pool, sizeof pool);
    yyjson_set_real(&value, number);
    text = yyjson_val_write_opts(&value, YYJSON_WRITE_NOFLAG, &memory, &size, NULL);
    buf_put(to, text, size);
}

/* ---- times ---- */

/* Days since 1970 as a date of the Gregorian calendar (Hinnant, «chrono-compatible date algorithms»). */
static void put_date(int64_t days, struct buf *to)
{
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const uint64_t day_of_era = (uint64_t)(shifted - era * 146097);
    const uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    const uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const int64_t year = (int64_t)year_of_era + era * 400 + (month <= 2);

    if (year < 0)
        buf_putc(to, '-');
    put_digits((uint64_t)(year < 0 ? -year : year), 4, to);
    buf_putc(to, '-');
    put_digits(month, 2, to);
    buf_putc(to, '-');
    put_digits(day_of_year - (153 * month_from_march + 2) / 5 + 1, 2, to);
}

/* Of the fraction as many digits as it has: none, three or six. */
static void put_clock(uint64_t micros, struct buf *to)
{
    const uint64_t seconds = micros / 1000000;
    const uint64_t fraction = micros % 1000000;

    put_digits(seconds / 3600, 2, to);
    buf_putc(to, ':');
    put_digits(seconds / 60 % 60, 2, to);
    buf_putc(to, ':');
    put_digits(seconds % 60, 2, to);
    if (fraction == 0)
        return;
    buf_putc(to, '.');
    if (fraction % 1000 == 0)
        put_digits(fraction / 1000, 3, to);
    else
        put_digits(fraction, 6, to);
}

/* DuckDB's infinity and -infinity stand at the ends. */
static bool put_infinity(int64_t number, int64_t largest, struct buf *to)
{
    if (number != largest && number != -largest)
        return false;
    buf_puts(to, number > 0 ? "Infinity" : "-Infinity");
    return true;
}

static void put_timestamp(int64_t micros, struct buf *to)
{
    int64_t days = micros / MICROS_A_DAY;
    int64_t rest = micros % MICROS_A_DAY;

    if (put_infinity(micros, INT64_MAX, to))
        return;
    if (rest < 0) {
        rest += MICROS_A_DAY;
        days--;
    }
    put_date(days, to);
    buf_putc(to, 'T');
    put_clock((uint64_t)rest, to);
    buf_putc(to, 'Z');
}

/* ---- cells ---- */

bool csv_knows(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return true;
    default:
        return false;
    }
}

static bool is_null(const struct csv_column *column, uint64_t row)
{
    return column->validity && !(column->validity[row / 64] >> (row % 64) & 1);
}

static void put_string(const duckdb_string_t *string, bool formula_safe, struct buf *to)
{
    const bool is_inlined = string->value.inlined.length <= sizeof string->value.inlined.inlined;

    csv_put_text(is_inlined ? string->value.inlined.inlined : string->value.pointer.ptr,
                 string->value.inlined.length, formula_safe, to);
}

void csv_put_cell(const struct csv_column *column, uint64_t row, struct buf *to)
{
    if (is_null(column, row))
        return;
    switch (column->type) {
    case DUCKDB_TYPE_BOOLEAN:
        buf_puts(to, ((const bool *)column->data)[row] ? "true" : "false");
        return;
    case DUCKDB_TYPE_INTEGER:
        put_int(((const int32_t *)column->data)[row], to);
        return;
    case DUCKDB_TYPE_BIGINT:
        put_int(((const int64_t *)column->data)[row], to);
        return;
    case DUCKDB_TYPE_DOUBLE:
        put_double(((const double *)column->data)[row], to);
        return;
    case DUCKDB_TYPE_DATE:
        if (!put_infinity(((const int32_t *)column->data)[row], INT32_MAX, to))
            put_date(((const int32_t *)column->data)[row], to);
        return;
    case DUCKDB_TYPE_VARCHAR:
        put_string(&((const duckdb_string_t *)column->data)[row], column->formula_safe, to);
        return;
    default:
        put_timestamp(((const int64_t *)column->data)[row], to);
    }
}
