/*
 * The bytes of a block of 64 that matter to JSON's structure, as bit masks (bit 0 is the first
 * byte), and which of them stand inside strings. SSE2 where there is; a plain loop elsewhere.
 *
 * This is how a list of records is cut without looking at each byte in turn: most blocks lie
 * wholly inside a record, and are passed after two counts of bits.
 */
#ifndef RIACHO_SCAN_H
#define RIACHO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define SCAN_BLOCK 64

struct scan_block {
    uint64_t quotes;
    uint64_t backslashes;
    uint64_t opens;  /* [ and { */
    uint64_t closes; /* ] and } */
};

/* What one block tells the next. {0} stands outside of any string. */
struct scan_state {
    uint64_t in_string; /* all bits set: the next byte is inside a string */
    bool is_escaped;    /* the next byte follows a backslash */
};

static inline void scan_block_portable(const char *bytes, struct scan_block *ret_block)
{
    struct scan_block block = {0};

    for (int i = 0; i < SCAN_BLOCK; i++) {
        const uint64_t bit = (uint64_t)1 << i;
        const char folded = (char)(bytes[i] | 0x20);

        block.quotes |= bytes[i] == '"' ? bit : 0;
        block.backslashes |= bytes[i] == '\\' ? bit : 0;
        block.opens |= folded == '{' ? bit : 0; /* '[' | 0x20 is '{', and ']' | 0x20 is '}' */
        block.closes |= folded == '}' ? bit : 0;
    }
    *ret_block = block;
}

static inline uint64_t scan_commas_portable(const char *bytes)
{
    uint64_t commas = 0;

    for (int i = 0; i < SCAN_BLOCK; i++)
        commas |= bytes[i] == ',' ? (uint64_t)1 << i : 0;
    return commas;
}

#if defined(__SSE2__)

/* A block as four registers: by name, as compilers do not keep an array of them in registers. */
struct scan_registers {
    __m128i a, b, c, d;
};

static inline struct scan_registers scan_load(const char *bytes)
{
    const __m128i *at = (const __m128i *)(const void *)bytes;

    return (struct scan_registers){_mm_loadu_si128(at), _mm_loadu_si128(at + 1),
                                   _mm_loadu_si128(at + 2), _mm_loadu_si128(at + 3)};
}

static inline struct scan_registers scan_fold(struct scan_registers block)
{
    const __m128i fold = _mm_set1_epi8(0x20);

    return (struct scan_registers){_mm_or_si128(block.a, fold), _mm_or_si128(block.b, fold),
                                   _mm_or_si128(block.c, fold), _mm_or_si128(block.d, fold)};
}

static inline uint64_t scan_equal(struct scan_registers block, char wanted)
{
    const __m128i all = _mm_set1_epi8(wanted);
    const uint64_t a = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block.a, all));
    const uint64_t b = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block.b, all));
    const uint64_t c = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block.c, all));
    const uint64_t d = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block.d, all));

    return a | b << 16 | c << 32 | d << 48;
}

static inline void scan_block(const char *bytes, struct scan_block *ret_block)
{
    const struct scan_registers block = scan_load(bytes);
    const struct scan_registers folded = scan_fold(block);

    ret_block->quotes = scan_equal(block, '"');
    ret_block->backslashes = scan_equal(block, '\\');
    ret_block->opens = scan_equal(folded, '{');
    ret_block->closes = scan_equal(folded, '}');
}

static inline uint64_t scan_commas(const char *bytes)
{
    return scan_equal(scan_load(bytes), ',');
}

#else

static inline void scan_block(const char *bytes, struct scan_block *ret_block)
{
    scan_block_portable(bytes, ret_block);
}

static inline uint64_t scan_commas(const char *bytes)
{
    return scan_commas_portable(bytes);
}

#endif

/* Number of bits set, by halves; the processor's own instruction is not in every x86-64. */
static inline int64_t scan_count(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int64_t)(bits * 0x0101010101010101u >> 56);
}

/*
 * Bytes that follow a backslash which is not itself escaped. `size` of the block's bytes are real.
 */
static inline uint64_t scan_escaped(struct scan_state *state, uint64_t backslashes, size_t size)
{
    uint64_t escaped = state->is_escaped ? 1 : 0;
    bool beyond = false;

    backslashes &= ~escaped;
    while (backslashes) {
        const uint64_t first = backslashes & (~backslashes + 1);

        beyond = first == (uint64_t)1 << 63;
        escaped |= first << 1;
        backslashes &= ~(first | first << 1);
    }
    state->is_escaped = size == SCAN_BLOCK ? beyond : (escaped >> size & 1) != 0;
    return escaped;
}

/*
 * The bytes inside strings (with their opening quotes, without the closing ones), and the state for
 * the next block. A block of fewer than 64 bytes is filled up with spaces.
 */
static inline uint64_t scan_strings(struct scan_state *state, const struct scan_block *block,
                                    size_t size)
{
    uint64_t inside = block->quotes;

    if (block->backslashes || state->is_escaped)
        inside &= ~scan_escaped(state, block->backslashes, size);
    inside ^= inside << 1;
    inside ^= inside << 2;
    inside ^= inside << 4;
    inside ^= inside << 8;
    inside ^= inside << 16;
    inside ^= inside << 32;
    inside ^= state->in_string;
    state->in_string = (uint64_t)0 - (inside >> 63);
    return inside;
}

/* What a list's records are passed with, from one block to the next. */
struct scan_pass {
    struct scan_state state;
    int64_t depth;    /* open brackets of the record */
    bool has_escapes; /* a backslash was passed; set back by whom it concerns */
};

/* Passes whole blocks from `at` on in which no record ends. Returns the place of the first that was not passed. */
const char *scan_pass(struct scan_pass *pass, const char *at, const char *end);
/* The same on any processor. */
const char *scan_pass_portable(struct scan_pass *pass, const char *at, const char *end);

#endif
