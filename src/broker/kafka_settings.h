/*
 * Which of librdkafka's settings a pipeline file may give.
 */
#ifndef RIACHO_KAFKA_SETTINGS_H
#define RIACHO_KAFKA_SETTINGS_H

#include <stdbool.h>

#define KAFKA_SETTING_WHY 512

/*
 * 0 it may be given, -1 not: `ret_why` says why, and may hold the value; `*ret_nearest` is the key
 * that was perhaps meant, or NULL.
 */
int kafka_setting_check(const char *key, const char *value, char ret_why[KAFKA_SETTING_WHY],
                        const char **ret_nearest);

/* Whether its value is a secret by its nature. */
bool kafka_setting_is_secret(const char *key);

#endif
