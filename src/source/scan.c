/*
 * The loop that most bytes of a body go through, twice: for every x86-64, and for those with AVX2.
 */
#include "source/scan.h"

#include "base/banned.h"

/* Enters the block into `pass`, if no record ends in it. */
static inline __attribute__((always_inline)) bool enter(struct scan_pass *pass,
                                                        const struct scan_block *found)
{
    struct scan_state after = pass->state;
    const uint64_t outside = ~scan_strings(&after, found, SCAN_BLOCK);
    const int64_t closes = scan_count(found->closes & outside);

    if (pass->depth <= closes)
        return false;
    pass->depth += scan_count(found->opens & outside) - closes;
    pass->has_escapes |= found->backslashes != 0;
    pass->state = after;
    return true;
}

const char *scan_pass_portable(struct scan_pass *pass, const char *at, const char *end)
{
    struct scan_block found;

    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        scan_block(at, &found);
        if (!enter(pass, &found))
            break;
    }
    return at;
}

#if defined(__x86_64__)

#define WITH_AVX2 __attribute__((target("avx2,popcnt")))

WITH_AVX2 static inline uint64_t equal_avx2(__m256i low, __m256i high, char wanted)
{
    const __m256i all = _mm256_set1_epi8(wanted);
    const uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
    const uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all));

    return a | (uint64_t)b << 32;
}

WITH_AVX2 static inline void block_avx2(const char *bytes, struct scan_block *ret_block)
{
    const __m256i *at = (const __m256i *)(const void *)bytes;
    const __m256i low = _mm256_loadu_si256(at), high = _mm256_loadu_si256(at + 1);
    const __m256i fold = _mm256_set1_epi8(0x20);
    const __m256i low_folded = _mm256_or_si256(low, fold);
    const __m256i high_folded = _mm256_or_si256(high, fold);

    ret_block->quotes = equal_avx2(low, high, '"');
    ret_block->backslashes = equal_avx2(low, high, '\\');
    ret_block->opens = equal_avx2(low_folded, high_folded, '{');
    ret_block->closes = equal_avx2(low_folded, high_folded, '}');
}

WITH_AVX2 static const char *pass_avx2(struct scan_pass *pass, const char *at, const char *end)
{
    struct scan_block found;

    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        block_avx2(at, &found);
        if (!enter(pass, &found))
            break;
    }
    return at;
}

const char *scan_pass(struct scan_pass *pass, const char *at, const char *end)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")
               ? pass_avx2(pass, at, end)
               : scan_pass_portable(pass, at, end);
}

#else

const char *scan_pass(struct scan_pass *pass, const char *at, const char *end)
{
    return scan_pass_portable(pass, at, end);
}

#endif
