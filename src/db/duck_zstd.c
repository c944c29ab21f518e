/*
 * zstd as DuckDB has it built in, with contexts that outlive a page.
 */
#include "db/duck_zstd.h"

#include <pthread.h>
#include <stddef.h>

#include "base/banned.h"

/* zstd's own functions by the names that they have in DuckDB's library; NULL if it keeps them to itself. */
#define OF_DUCKDB(name) __asm__("_ZN11duckdb_zstd" name) __attribute__((weak))

struct zstd_writer; /* ZSTD_CCtx */
struct zstd_reader; /* ZSTD_DCtx */

struct zstd_writer *zstd_writer_make(void) OF_DUCKDB("15ZSTD_createCCtxEv");
size_t zstd_writer_free(struct zstd_writer *writer) OF_DUCKDB("13ZSTD_freeCCtxEPNS_11ZSTD_CCtx_sE");
size_t zstd_write(struct zstd_writer *writer, void *to, size_t room, const void *from, size_t size,
                  int level) OF_DUCKDB("17ZSTD_compressCCtxEPNS_11ZSTD_CCtx_sEPvmPKvmi");
struct zstd_reader *zstd_reader_make(void) OF_DUCKDB("15ZSTD_createDCtxEv");
size_t zstd_reader_free(struct zstd_reader *reader) OF_DUCKDB("13ZSTD_freeDCtxEPNS_11ZSTD_DCtx_sE");
size_t zstd_read(struct zstd_reader *reader, void *to, size_t room, const void *from, size_t size)
    OF_DUCKDB("19ZSTD_decompressDCtxEPNS_11ZSTD_DCtx_sEPvmPKvm");

/* What DuckDB calls, and finds here. */
size_t duck_zstd_compress(void *to, size_t room, const void *from, size_t size,
                          int level) __asm__("_ZN11duckdb_zstd13ZSTD_compressEPvmPKvmi");
size_t duck_zstd_decompress(void *to, size_t room, const void *from,
                            size_t size) __asm__("_ZN11duckdb_zstd15ZSTD_decompressEPvmPKvm");

#define OUT_OF_MEMORY ((size_t)-64) /* ZSTD_error_memory_allocation, as zstd returns it */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t writer_key; /* each thread's own, freed when it ends */
static pthread_key_t reader_key;

static void free_writer(void *writer)
{
    zstd_writer_free(writer);
}

static void free_reader(void *reader)
{
    zstd_reader_free(reader);
}

static void make_keys(void)
{
    pthread_key_create(&writer_key, free_writer);
    pthread_key_create(&reader_key, free_reader);
}

void duck_zstd_prepare(void)
{
    pthread_once(&once, make_keys);
}

size_t duck_zstd_compress(void *to, size_t room, const void *from, size_t size, int level)
{
    struct zstd_writer *writer = pthread_getspecific(writer_key);

    if (writer == NULL) {
        writer = zstd_writer_make();
        pthread_setspecific(writer_key, writer);
    }
    return writer ? zstd_write(writer, to, room, from, size, level) : OUT_OF_MEMORY;
}

size_t duck_zstd_decompress(void *to, size_t room, const void *from, size_t size)
{
    struct zstd_reader *reader = pthread_getspecific(reader_key);

    if (reader == NULL) {
        reader = zstd_reader_make();
        pthread_setspecific(reader_key, reader);
    }
    return reader ? zstd_read(reader, to, room, from, size) : OUT_OF_MEMORY;
}
