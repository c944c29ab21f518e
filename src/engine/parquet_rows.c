/*
 * Reading footers.
 */
#include "engine/parquet_rows.h"

#include "base/banned.h"

#define MEMORY_BYTES ((int64_t)32 << 20)

static int open_once(struct parquet_rows *rows, struct err *err)
{
    if (rows->conn.conn)
        return 0;
    TRY(duck_open(&rows->duck, &(struct duck_conf){.memory_bytes = MEMORY_BYTES, .threads = 1},
                  err));
    return duck_connect(&rows->duck, &rows->conn, err);
}

int parquet_rows_count(struct parquet_rows *rows, const char *path, int64_t *ret_rows,
                       struct err *err)
{
    AUTO(buf) sql = {0};

    TRY(open_once(rows, err));
    buf_puts(&sql, "SELECT num_rows FROM parquet_file_metadata(");
    sql_put_text(&sql, path);
    buf_putc(&sql, ')');
    if (duck_number(&rows->conn, sql.data, ret_rows, err) == 0)
        return 0;
    if (err->code == ERR_SQL)
        err->code = ERR_DATA;
    return -1;
}

void parquet_rows_close(struct parquet_rows *rows)
{
    duck_conn_close(&rows->conn);
    duck_close(&rows->duck);
}
