/*
 * The bundled earthquakes, read once: where each one's text stands, and what it is chosen by.
 */
#include "cmd/sample_quakes.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The path is as seen from the repository's root, where make runs the compiler. */
__asm__(".pushsection .rodata\n"
        ".global riacho_earthquakes, riacho_earthquakes_end\n"
        "riacho_earthquakes: .incbin \"build/deps/share/earthquakes.json\"\n"
        "riacho_earthquakes_end: .byte 0\n"
        ".popsection\n");
extern const char riacho_earthquakes[];
extern const char riacho_earthquakes_end[];

/* Just behind the object that starts at `at`; the text is known to be valid JSON. */
static const char *object_end(const char *at)
{
    int depth = 0;
    bool in_text = false;

    for (;; at++) {
        if (in_text && *at == '\\')
            at++;
        else if (*at == '"')
            in_text = !in_text;
        else if (!in_text && *at == '{')
            depth++;
        else if (!in_text && *at == '}' && --depth == 0)
            return at + 1;
    }
}

static double number_or_nan(yyjson_val *value)
{
    return yyjson_is_num(value) ? yyjson_get_num(value) : NAN;
}

static void read_quake(yyjson_val *feature, struct quake *ret_quake)
{
    yyjson_val *properties = yyjson_obj_get(feature, "properties");
    yyjson_val *place = yyjson_obj_get(yyjson_obj_get(feature, "geometry"), "coordinates");
    const struct quake quake = {
        .id = json_str(feature, "id"),
        .ids = json_str(properties, "ids"),
        .type = json_str(properties, "type"),
        .status = json_str(properties, "status"),
        .alert = json_str(properties, "alert"),
        .magnitude_type = json_str(properties, "magType"),
        .time_ms = json_int(properties, "time", 0),
        .updated_ms = json_int(properties, "updated", 0),
        .number =
            {
                [QUAKE_LONGITUDE] = number_or_nan(yyjson_arr_get(place, 0)),
                [QUAKE_LATITUDE] = number_or_nan(yyjson_arr_get(place, 1)),
                [QUAKE_DEPTH] = number_or_nan(yyjson_arr_get(place, 2)),
                [QUAKE_MAGNITUDE] = number_or_nan(yyjson_obj_get(properties, "mag")),
                [QUAKE_CDI] = number_or_nan(yyjson_obj_get(properties, "cdi")),
                [QUAKE_MMI] = number_or_nan(yyjson_obj_get(properties, "mmi")),
                [QUAKE_FELT] = number_or_nan(yyjson_obj_get(properties, "felt")),
                [QUAKE_GAP] = number_or_nan(yyjson_obj_get(properties, "gap")),
                [QUAKE_SIG] = number_or_nan(yyjson_obj_get(properties, "sig")),
            },
    };

    *ret_quake = quake;
}

static int latest_first(const void *a, const void *b)
{
    const struct quake *one = a;
    const struct quake *other = b;

    return (one->time_ms < other->time_ms) - (one->time_ms > other->time_ms);
}

int sample_quakes_open(struct sample_quakes *quakes, struct err *err)
{
    const size_t size = (size_t)(riacho_earthquakes_end - riacho_earthquakes);
    const char *at = strstr(riacho_earthquakes, "\"features\":[");
    yyjson_val *features;
    yyjson_val *feature;
    yyjson_arr_iter each;

    TRY(json_parse(&quakes->json, riacho_earthquakes, size, err));
    features = yyjson_obj_get(json_root(&quakes->json), "features");
    quakes->items = mem_alloc(yyjson_arr_size(features) * sizeof *quakes->items);
    yyjson_arr_iter_init(features, &each);
    while ((feature = yyjson_arr_iter_next(&each)) != NULL) {
        struct quake *quake = &quakes->items[quakes->count++];

        read_quake(feature, quake);
        quake->text = strchr(at, '{');
        quake->size = (size_t)(object_end(quake->text) - quake->text);
        at = quake->text + quake->size;
    }
    qsort(quakes->items, quakes->count, sizeof *quakes->items, latest_first);
    return 0;
}

void sample_quakes_close(struct sample_quakes *quakes)
{
    free(quakes->items);
    json_close(&quakes->json);
    *quakes = (struct sample_quakes){0};
}
