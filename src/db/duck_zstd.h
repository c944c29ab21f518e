/*
 * DuckDB compresses and reads each page of a Parquet file by a zstd context of its own, and zstd asks the processor
 * at each beginning what it can do. In a virtual machine that question is a trap of several
 * microseconds: a page of ten values costs thirty times what its compression costs, and a small file is nothing but
 * such pages. Here stand functions of the same names, which the dynamic linker finds before DuckDB's: they keep a
 * context for each thread. The bytes are the same.
 *
 * A DuckDB that does not export its zstd keeps its own way, at its own cost.
 */
#ifndef RIACHO_DUCK_ZSTD_H
#define RIACHO_DUCK_ZSTD_H

/* Before a DuckDB instance is opened; any number of times, from any thread. */
void duck_zstd_prepare(void);

#endif
