/*
 * From the chunks of a query to a chunk a file.
 */
#include "engine/duckdb_gather.h"

#include "base/mem.h"
#include "db/duck_files.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#define FUNCTION "riacho_gathered"

void gathered_close(struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->chunk_count; i++)
        duckdb_destroy_data_chunk(&gathered->chunks[i]);
    for (size_t i = 0; i < gathered->file_count; i++)
        free(gathered->files[i].pieces);
    free(gathered->chunks);
    free(gathered->files);
    duck_result_close(&gathered->result);
    *gathered = (struct gathered){0};
}

bool gathered_has(const struct gathered *gathered, size_t file)
{
    const struct gathered_file *of = &gathered->files[file];

    return !of->is_left && of->rows > 0 && of->rows <= DUCK_FILES_ROWS;
}

/* ---- gathering ---- */

static void add_row(struct gathered_file *file, size_t chunk, uint64_t row)
{
    struct gathered_piece *last = file->count ? &file->pieces[file->count - 1] : NULL;

    file->rows++;
    if (last && last->chunk == chunk && last->first + last->count == row)
        last->count++;
    else
        *MEM_PUSH(file->pieces, file->count) =
            (struct gathered_piece){.chunk = chunk, .first = row, .count = 1};
}

static int add_chunk(struct gathered *gathered, duckdb_data_chunk chunk_taken, struct err *err)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk_taken);
    const idx_t last = duckdb_data_chunk_get_column_count(chunk_taken) - 1;
    const int64_t *files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_taken, last));

    *MEM_PUSH(gathered->chunks, gathered->chunk_count) = chunk_taken;
    for (idx_t row = 0; row < rows; row++) {
        if (files[row] < 0 || (size_t)files[row] >= gathered->file_count)
            return err_set(err, ERR_SQL, "DuckDB gave a row of file %" PRId64 " of %zu", files[row],
                           gathered->file_count);
        add_row(&gathered->files[files[row]], gathered->chunk_count - 1, row);
    }
    return 0;
}

int gathered_fill(struct gathered *gathered, struct duck_conn *conn, const char *sql, size_t files,
                  struct looking *looking, struct err *err)
{
    duckdb_data_chunk chunk;
    int got;

    gathered_close(gathered);
    gathered->files = mem_alloc(files * sizeof *gathered->files);
    gathered->file_count = files;
    TRY(duck_stream(conn, sql, &gathered->result, err));
    gathered->columns =
        duckdb_column_count(&gathered->result.result) - (looking ? LOOK_COLUMNS : 1);
    while ((got = duck_next(&gathered->result, &chunk, err)) > 0) {
        TRY(add_chunk(gathered, chunk, err));
        if (looking)
            looking_see(looking, chunk);
    }
    return got;
}

/* ---- reading what was gathered ---- */

/* A COPY at work: named to DuckDB by its number, which a user's SQL may guess in vain. */
struct reading {
    const struct gathered *gathered;
    size_t next_file;
    int64_t number; /* 0: closed */
    struct reading *next;
};

static pthread_mutex_t readings_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below */
static struct reading *readings;
static int64_t last_number;

static struct reading *find_reading(int64_t number)
{
    struct reading *reading;

    pthread_mutex_lock(&readings_lock);
    for (reading = readings; reading && reading->number != number; reading = reading->next)
        ;
    pthread_mutex_unlock(&readings_lock);
    return reading;
}

static void reading_open(struct reading *reading)
{
    pthread_mutex_lock(&readings_lock);
    reading->number = ++last_number;
    reading->next = readings;
    readings = reading;
    pthread_mutex_unlock(&readings_lock);
}

static void reading_close(struct reading *reading)
{
    struct reading **at = &readings;

    if (reading->number == 0)
        return;
    pthread_mutex_lock(&readings_lock);
    while (*at && *at != reading)
        at = &(*at)->next;
    if (*at)
        *at = reading->next;
    pthread_mutex_unlock(&readings_lock);
    reading->number = 0;
}

static void copy_piece(const struct gathered *gathered, const struct gathered_piece *piece,
                       uint64_t to, duckdb_data_chunk chunk)
{
    duckdb_selection_vector rows = duckdb_create_selection_vector(piece->count);
    sel_t *row = duckdb_selection_vector_get_data_ptr(rows);

    for (uint64_t i = 0; i < piece->count; i++)
        row[i] = (sel_t)(piece->first + i);
    for (idx_t i = 0; i < duckdb_data_chunk_get_column_count(chunk); i++)
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(gathered->chunks[piece->chunk], i),
                               duckdb_data_chunk_get_vector(chunk, i), rows, piece->count, 0, to);
    duckdb_destroy_selection_vector(rows);
}

static void read_gathered(duckdb_function_info info, duckdb_data_chunk chunk)
{
    struct reading *reading = duckdb_function_get_bind_data(info);
    const struct gathered *gathered = reading->gathered;
    uint64_t rows = 0;

    while (reading->next_file < gathered->file_count && !gathered_has(gathered, reading->next_file))
        reading->next_file++;
    if (reading->next_file < gathered->file_count) {
        const struct gathered_file *file = &gathered->files[reading->next_file++];

        for (size_t i = 0; i < file->count; i++) {
            copy_piece(gathered, &file->pieces[i], rows, chunk);
            rows += file->pieces[i].count;
        }
    }
    duckdb_data_chunk_set_size(chunk, rows);
}

static void bind_gathered(duckdb_bind_info info)
{
    duckdb_value number = duckdb_bind_get_parameter(info, 0);
    struct reading *reading = find_reading(duckdb_get_int64(number));
    duckdb_result result;

    duckdb_destroy_value(&number);
    if (reading == NULL) {
        duckdb_bind_set_error(info, FUNCTION ": there is no such job");
        return;
    }
    result = reading->gathered->result.result;
    for (idx_t i = 0; i < reading->gathered->columns; i++) {
        duckdb_logical_type type = duckdb_column_logical_type(&result, i);

        duckdb_bind_add_result_column(info, duckdb_column_name(&result, i), type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_bind_data(info, reading, NULL);
}

static void init_gathered(duckdb_init_info info)
{
    duckdb_init_set_max_threads(info, 1);
}

int gathered_register(struct duck_conn *conn, struct err *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_state state;

    duckdb_table_function_set_name(function, FUNCTION);
    duckdb_table_function_add_parameter(function, number);
    duckdb_table_function_set_bind(function, bind_gathered);
    duckdb_table_function_set_init(function, init_gathered);
    duckdb_table_function_set_function(function, read_gathered);
    state = duckdb_register_table_function(conn->conn, function);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_SQL, "DuckDB refused " FUNCTION "()");
}

/* ---- writing ---- */

static int check(const struct gathered *gathered, struct duck_conn *conn, const char *dir,
                 int64_t copied, struct err *err)
{
    int64_t *rows = mem_alloc(gathered->file_count * sizeof *rows);
    size_t count = 0;
    int checked;

    for (size_t i = 0; i < gathered->file_count; i++)
        if (gathered_has(gathered, i))
            rows[count++] = gathered->files[i].rows;
    checked = duck_files_check(conn, dir, rows, count, copied, err);
    free(rows);
    return checked;
}

int gathered_write(const struct gathered *gathered, struct duck_conn *conn, const char *dir,
                   const char *options, struct err *err)
{
    AUTO(reading) reading = {.gathered = gathered};
    AUTO(buf) sql = {0};
    int64_t copied;

    reading_open(&reading);
    buf_printf(&sql, "COPY (SELECT * FROM " FUNCTION "(%" PRId64 ")) TO ", reading.number);
    sql_put_text(&sql, dir);
    buf_printf(&sql, " (" DUCK_FILES_OPTIONS ", %s)", options);
    TRY(duck_number(conn, sql.data, &copied, err));
    return check(gathered, conn, dir, copied, err);
}
