/*
 * The parameters of the sample API: one row per parameter tells how it is read and where it goes.
 */
#include "cmd/sample_query.h"

#include "base/clock.h"
#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define STANDARD_AGE_MS ((int64_t)30 * 24 * 3600 * 1000)

enum kind { KIND_TIME, KIND_NUMBER, KIND_INTEGER, KIND_TEXT, KIND_UNSERVED };

struct parameter {
    const char *name;
    const char *alias;
    enum kind kind;
    size_t at;                /* in struct sample_query */
    const char *const *words; /* TEXT: what it may be; NULL: any */
    double least, most;       /* NUMBER, INTEGER; infinite: no bound */
};

static const char *const formats[] = {"quakeml", "geojson", "csv", "kml", "xml", "text", NULL};
static const char *const orders[] = {"time", "time-asc", "magnitude", "magnitude-asc", NULL};
static const char *const statuses[] = {"automatic", "reviewed", NULL};
static const char *const alerts[] = {"green", "yellow", "orange", "red", NULL};
static const char *const truths[] = {"true", "false", NULL};
static const char *const no_datas[] = {"204", "404", NULL};

#define AT(member) offsetof(struct sample_query, member)
#define TIME(name, alias, member) name, alias, KIND_TIME, AT(member), NULL, 0, 0
#define TEXT(name, alias, member, words) name, alias, KIND_TEXT, AT(member), words, 0, 0
#define INTEGER(name, member, from, to) name, NULL, KIND_INTEGER, AT(member), NULL, from, to
#define UNSERVED(name) name, NULL, KIND_UNSERVED, 0, NULL, 0, 0
#define NUMBER(name, alias, bound, of, from, to)                                                   \
    name, alias, KIND_NUMBER, AT(bound) + QUAKE_##of * sizeof(double), NULL, from, to

static const struct parameter parameters[] = {
    {TEXT("format", NULL, format, formats)},
    {TIME("starttime", "start", start_ms)},
    {TIME("endtime", "end", end_ms)},
    {TIME("updatedafter", NULL, updated_ms)},
    {NUMBER("minlatitude", "minlat", least, LATITUDE, -90, 90)},
    {NUMBER("maxlatitude", "maxlat", most, LATITUDE, -90, 90)},
    {NUMBER("minlongitude", "minlon", least, LONGITUDE, -360, 360)},
    {NUMBER("maxlongitude", "maxlon", most, LONGITUDE, -360, 360)},
    {NUMBER("mindepth", NULL, least, DEPTH, -100, 1000)},
    {NUMBER("maxdepth", NULL, most, DEPTH, -100, 1000)},
    {NUMBER("minmagnitude", "minmag", least, MAGNITUDE, -INFINITY, INFINITY)},
    {NUMBER("maxmagnitude", "maxmag", most, MAGNITUDE, -INFINITY, INFINITY)},
    {NUMBER("mincdi", NULL, least, CDI, 0, 12)},
    {NUMBER("maxcdi", NULL, most, CDI, 0, 12)},
    {NUMBER("minmmi", NULL, least, MMI, 0, 12)},
    {NUMBER("maxmmi", NULL, most, MMI, 0, 12)},
    {NUMBER("mingap", NULL, least, GAP, 0, 360)},
    {NUMBER("maxgap", NULL, most, GAP, 0, 360)},
    {NUMBER("minsig", NULL, least, SIG, 0, INFINITY)},
    {NUMBER("maxsig", NULL, most, SIG, 0, INFINITY)},
    {NUMBER("minfelt", NULL, least, FELT, 0, INFINITY)},
    {INTEGER("limit", limit, 1, SAMPLE_MOST_EVENTS)},
    {INTEGER("offset", offset, 1, INFINITY)},
    {TEXT("orderby", NULL, order, orders)},
    {TEXT("eventid", NULL, event_id, NULL)},
    {TEXT("eventtype", NULL, event_type, NULL)},
    {TEXT("magnitudetype", "magtype", magnitude_type, NULL)},
    {TEXT("reviewstatus", NULL, review_status, statuses)},
    {TEXT("alertlevel", NULL, alert_level, alerts)},
    {TEXT("jsonerror", NULL, json_error, truths)},
    {TEXT("nodata", NULL, no_data, no_datas)},
    {UNSERVED("callback")},
    {UNSERVED("catalog")},
    {UNSERVED("contributor")},
    {UNSERVED("includeallmagnitudes")},
    {UNSERVED("includeallorigins")},
    {UNSERVED("includearrivals")},
    {UNSERVED("includedeleted")},
    {UNSERVED("includesuperseded")},
    {UNSERVED("kmlanimated")},
    {UNSERVED("kmlcolorby")},
    {UNSERVED("latitude")},
    {UNSERVED("longitude")},
    {UNSERVED("maxradius")},
    {UNSERVED("maxradiuskm")},
    {UNSERVED("productcode")},
    {UNSERVED("producttype")},
};

void sample_query_init(struct sample_query *query, int64_t now_ms)
{
    *query = (struct sample_query){
        .start_ms = now_ms - STANDARD_AGE_MS,
        .end_ms = INT64_MAX,
        .updated_ms = INT64_MIN,
        .offset = 1,
    };
    for (int i = 0; i < QUAKE_NUMBERS; i++) {
        query->least[i] = -INFINITY;
        query->most[i] = INFINITY;
    }
}

static int refuse(const struct parameter *p, const char *value, const char *valid, struct err *err)
{
    return err_set(err, ERR_USAGE, "Bad %s value \"%.200s\". Valid values are %s", p->name, value,
                   valid);
}

static int refuse_number(const struct parameter *p, const char *value, struct err *err)
{
    char least[32] = "";
    char most[32] = "";
    char valid[128];

    if (isinf(p->least) && isinf(p->most))
        return refuse(p, value, "numeric", err);
    if (!isinf(p->least))
        snprintf(least, sizeof least, "%g <= ", p->least);
    if (!isinf(p->most))
        snprintf(most, sizeof most, " <= %g", p->most);
    snprintf(valid, sizeof valid, "%s%s%s", least, p->name, most);
    return refuse(p, value, valid, err);
}

/* Decimal digits, a point, an exponent; neither hexadecimal nor "inf" nor blanks. */
static bool looks_like_number(const char *value)
{
    return strspn(value, "+-.0123456789eE") == strlen(value) &&
           strpbrk(value, "0123456789") != NULL;
}

static int set_number(const struct parameter *p, const char *value, double *target, struct err *err)
{
    char *end;
    const double number = strtod(value, &end);

    if (!looks_like_number(value) || *end != '\0' || !(number >= p->least && number <= p->most))
        return refuse_number(p, value, err);
    *target = number;
    return 0;
}

static int set_integer(const struct parameter *p, const char *value, int64_t *target,
                       struct err *err)
{
    const int64_t most = isinf(p->most) ? INT64_MAX : (int64_t)p->most;

    if (!isdigit((unsigned char)value[0]) ||
        str_to_int(value, (int64_t)p->least, most, target, err) < 0)
        return refuse_number(p, value, err);
    return 0;
}

/* The service counts in whole seconds, whatever fraction is asked for. */
static int set_time(const struct parameter *p, const char *value, int64_t *target, struct err *err)
{
    int64_t us;

    if (clock_parse(value, &us, err) < 0)
        return refuse(p, value, "ISO-8601 timestamps.", err);
    *target = us / 1000000 * 1000 - (us < 0 && us % 1000000 != 0 ? 1000 : 0);
    return 0;
}

static int set_text(const struct parameter *p, const char *value, const char **target,
                    struct err *err)
{
    AUTO(buf) valid = {0};

    for (size_t i = 0; p->words != NULL && p->words[i] != NULL; i++) {
        if (strcasecmp(value, p->words[i]) == 0) {
            *target = p->words[i];
            return 0;
        }
        buf_printf(&valid, "%s\"%s\"", i ? ", " : ": ", p->words[i]);
    }
    if (p->words != NULL)
        return refuse(p, value, buf_text(&valid), err);
    *target = value;
    return 0;
}

static const struct parameter *find_parameter(const char *name)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (str_same(parameters[i].name, name) || str_same(parameters[i].alias, name))
            return &parameters[i];
    return NULL;
}

int sample_query_set(struct sample_query *query, const char *name, const char *value,
                     struct err *err)
{
    const struct parameter *p = find_parameter(name);
    void *target = p == NULL ? NULL : (char *)query + p->at;

    if (value == NULL || value[0] == '\0')
        return 0;
    if (p == NULL)
        return err_set(err, ERR_USAGE, "Unknown parameter \"%.200s\".", name);
    switch (p->kind) {
    case KIND_TIME:
        return set_time(p, value, target, err);
    case KIND_NUMBER:
        return set_number(p, value, target, err);
    case KIND_INTEGER:
        return set_integer(p, value, target, err);
    case KIND_TEXT:
        return set_text(p, value, target, err);
    case KIND_UNSERVED:
        break;
    }
    return err_set(err, ERR_USAGE, "This sample does not serve the parameter \"%s\".", name);
}

int sample_query_check(const struct sample_query *query, struct err *err)
{
    const double west = query->least[QUAKE_LONGITUDE];
    const double east = query->most[QUAKE_LONGITUDE];

    if (query->least[QUAKE_LATITUDE] > query->most[QUAKE_LATITUDE])
        return err_set(err, ERR_USAGE, "minlatitude must be less than maxlatitude");
    if (west > east)
        return err_set(err, ERR_USAGE, "minlongitude must be less than maxlongitude");
    if ((west < -180 && !isinf(west) && isinf(east)) || (east > 180 && !isinf(east) && isinf(west)))
        return err_set(err, ERR_USAGE,
                       "Searches that cross the date line need minlongitude and maxlongitude.");
    if (!isinf(west) && !isinf(east) && east - west > 360)
        return err_set(err, ERR_USAGE, "Searches cannot span more than 360 degrees of longitude.");
    return 0;
}

static bool is_within(const struct sample_query *query, enum quake_number which, double number)
{
    /* Null is no number, so it is chosen only where nothing is asked of it. */
    if (isnan(number))
        return isinf(query->least[which]) && isinf(query->most[which]);
    return number >= query->least[which] && number <= query->most[which];
}

static bool is_one_of(const char *wanted, const char *text)
{
    const size_t size = text == NULL ? 0 : strlen(text);

    if (wanted == NULL)
        return true;
    while (text != NULL) {
        const size_t word = strcspn(wanted, ",");

        if (word == size && strncasecmp(wanted, text, size) == 0)
            return true;
        if (wanted[word] == '\0')
            return false;
        wanted += word + 1;
    }
    return false;
}

/* One of the names between the commas of ",us1000chw0,ak18383983,". */
static bool has_name(const struct quake *quake, const char *name)
{
    const size_t size = strlen(name);
    const char *at = quake->ids;

    while (at != NULL && (at = strstr(at, name)) != NULL) {
        if (at > quake->ids && at[-1] == ',' && at[size] == ',')
            return true;
        at++;
    }
    return str_same(quake->id, name);
}

/* A rectangle may cross the date line: 170 to 190 is 170 to 180 and -180 to -170. */
static bool is_between_meridians(const struct sample_query *query, double longitude)
{
    const double west = query->least[QUAKE_LONGITUDE];
    const double east = query->most[QUAKE_LONGITUDE];

    return is_within(query, QUAKE_LONGITUDE, longitude) ||
           (!isinf(east) && east > 180 && is_within(query, QUAKE_LONGITUDE, longitude + 360)) ||
           (!isinf(west) && west < -180 && is_within(query, QUAKE_LONGITUDE, longitude - 360));
}

static bool is_wanted(const struct sample_query *query, const struct quake *quake)
{
    /* Of a named event nothing else is asked. */
    if (query->event_id != NULL)
        return has_name(quake, query->event_id);
    if (quake->time_ms < query->start_ms || quake->time_ms > query->end_ms ||
        quake->updated_ms < query->updated_ms)
        return false;
    for (int i = 0; i < QUAKE_NUMBERS; i++)
        if (i != QUAKE_LONGITUDE && !is_within(query, (enum quake_number)i, quake->number[i]))
            return false;
    return is_between_meridians(query, quake->number[QUAKE_LONGITUDE]) &&
           is_one_of(query->event_type, quake->type) &&
           is_one_of(query->magnitude_type, quake->magnitude_type) &&
           is_one_of(query->review_status, quake->status) &&
           is_one_of(query->alert_level, quake->alert);
}

/* The events come the latest first, which also decides between equal magnitudes. */
static int greatest_first(const void *a, const void *b)
{
    const struct quake *one = *(const struct quake *const *)a;
    const struct quake *other = *(const struct quake *const *)b;
    const double x = one->number[QUAKE_MAGNITUDE];
    const double y = other->number[QUAKE_MAGNITUDE];

    return x != y ? (x < y) - (x > y) : (one > other) - (one < other);
}

static void turn_around(const struct quake **quakes, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const struct quake *held = quakes[i];

        quakes[i] = quakes[count - 1 - i];
        quakes[count - 1 - i] = held;
    }
}

size_t sample_query_choose(const struct sample_query *query, const struct sample_quakes *quakes,
                           const struct quake **ret_chosen)
{
    const char *order = query->order == NULL ? orders[0] : query->order;
    size_t count = 0;
    size_t skipped;

    for (size_t i = 0; i < quakes->count; i++)
        if (is_wanted(query, &quakes->items[i]))
            ret_chosen[count++] = &quakes->items[i];
    if (str_starts(order, "magnitude"))
        qsort(ret_chosen, count, sizeof(const struct quake *), greatest_first);
    if (str_ends(order, "-asc"))
        turn_around(ret_chosen, count);
    skipped = query->offset - 1 < (int64_t)count ? (size_t)(query->offset - 1) : count;
    count -= skipped;
    memmove(ret_chosen, ret_chosen + skipped, count * sizeof(const struct quake *));
    return query->limit > 0 && query->limit < (int64_t)count ? (size_t)query->limit : count;
}
