/*
 * What a running query tells to those who look at it: each under the lock, for a moment.
 */
#include "base/mem.h"
#include "board/queries.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void query_columns_close(struct query_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        free(columns->items[i].name);
        free(columns->items[i].type);
    }
    free(columns->items);
    *columns = (struct query_columns){0};
}

void query_tell_columns(struct query_run *run, const struct query_columns *columns)
{
    AUTO(buf) text = {0};

    buf_putc(&text, '[');
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(&text, i ? ",{\"name\":" : "{\"name\":");
        json_put_string(&text, columns->items[i].name);
        buf_puts(&text, ",\"type\":");
        json_put_string(&text, columns->items[i].type);
        buf_putc(&text, '}');
    }
    buf_putc(&text, ']');
    pthread_mutex_lock(&run->queries->lock);
    free(run->query->columns);
    run->query->columns = buf_take(&text);
    pthread_mutex_unlock(&run->queries->lock);
}

/* A chunk of text columns. */
struct text_chunk {
    duckdb_data_chunk chunk;
    idx_t columns;
};

static void put_cell(struct buf *to, const struct text_chunk *of, idx_t column, idx_t row)
{
    duckdb_vector vector = duckdb_data_chunk_get_vector(of->chunk, column);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    duckdb_string_t *texts = duckdb_vector_get_data(vector);
    char *text;

    if (validity && !duckdb_validity_row_is_valid(validity, row)) {
        buf_puts(to, "null");
        return;
    }
    text = mem_strn(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
    json_put_string(to, text);
    free(text);
}

static void put_row(struct buf *to, const struct text_chunk *of, idx_t row)
{
    buf_putc(to, '[');
    for (idx_t column = 0; column < of->columns; column++) {
        if (column > 0)
            buf_putc(to, ',');
        put_cell(to, of, column, row);
    }
    buf_putc(to, ']');
}

/* Returns whether there is room for more. */
static bool tell_row(struct query_run *run, const struct buf *row, int64_t most)
{
    struct query *query = run->query;
    struct err ignored;
    bool has_room;

    pthread_mutex_lock(&run->queries->lock);
    has_room =
        (int64_t)query->row_count < most && query->rows.size + row->size + 1 < query->rows.ceiling;
    if (has_room) {
        if (query->row_count > 0 && buf_add(&query->rows, ",", 1, &ignored) < 0)
            has_room = false;
        if (buf_add(&query->rows, row->data, row->size, &ignored) == 0)
            *MEM_PUSH(query->row_ends, query->row_count) = query->rows.size;
    } else
        query->is_truncated = true;
    pthread_mutex_unlock(&run->queries->lock);
    return has_room;
}

static bool tell_chunk(struct query_run *run, duckdb_data_chunk chunk, int64_t most)
{
    const struct text_chunk of = {chunk, duckdb_data_chunk_get_column_count(chunk)};
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    AUTO(buf) text = {0};
    bool has_room = true;

    for (idx_t row = 0; row < rows && has_room; row++) {
        buf_reset(&text);
        put_row(&text, &of, row);
        has_room = tell_row(run, &text, most);
    }
    pthread_mutex_lock(&run->queries->lock);
    pthread_cond_broadcast(&run->queries->changed);
    pthread_mutex_unlock(&run->queries->lock);
    return has_room;
}

int query_tell_rows(struct query_run *run, const char *sql, int64_t most, struct err *err)
{
    AUTO(duck_result) stream = {0};
    duckdb_data_chunk chunk = NULL;
    bool has_room = true;
    int got = 1;

    TRY(duck_stream(run->conn, sql, &stream, err));
    while (has_room && (got = duck_next(&stream, &chunk, err)) > 0) {
        has_room = tell_chunk(run, chunk, most);
        duckdb_destroy_data_chunk(&chunk);
    }
    return got < 0 ? -1 : 0;
}

void query_tell_total(struct query_run *run, int64_t total)
{
    pthread_mutex_lock(&run->queries->lock);
    run->query->total = total;
    pthread_mutex_unlock(&run->queries->lock);
}

void query_tell_result(struct query_run *run, struct json_out *result)
{
    AUTO(buf) text = {0};

    json_out_write(result, &text);
    pthread_mutex_lock(&run->queries->lock);
    free(run->query->result);
    run->query->result = buf_take(&text);
    pthread_mutex_unlock(&run->queries->lock);
}

void query_tell_file(struct query_run *run, char *path_taken, char *name_taken, const char *type)
{
    pthread_mutex_lock(&run->queries->lock);
    run->query->file = path_taken;
    run->query->file_name = name_taken;
    run->query->file_type = type;
    pthread_mutex_unlock(&run->queries->lock);
}

void query_tell_position(struct query_run *run, int64_t position)
{
    pthread_mutex_lock(&run->queries->lock);
    run->query->position = position;
    pthread_mutex_unlock(&run->queries->lock);
}

const struct board_setup *query_setup(const struct query_run *run)
{
    return run->queries->setup;
}

const char *query_folder(const struct query_run *run)
{
    return run->queries->folder;
}
