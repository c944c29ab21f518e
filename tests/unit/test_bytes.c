/*
 * Short runs of bytes, and blocks of memory.
 */
#include "base/bytes.h"

#include "base/block.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/banned.h"

#define MOST 40

/* A copy with nothing behind it, so that the sanitizer sees what reads too far. */
static char *exactly(const char *bytes, size_t size)
{
    char *copy = mem_grow(NULL, size ? size : 1, 1);

    memcpy(copy, bytes, size);
    return copy;
}

static void bytes_are_the_same_if_all_of_them_are(void **state)
{
    static const char text[MOST + 1] = "0123456789abcdefghijklmnopqrstuvwxyzABCD";

    (void)state;
    for (size_t size = 0; size <= MOST; size++) {
        char *one = exactly(text, size), *other = exactly(text, size);

        assert_true(bytes_same(one, other, size));
        for (size_t i = 0; i < size; i++) {
            other[i] ^= 1;
            assert_false(bytes_same(one, other, size));
            other[i] ^= 1;
        }
        free(one);
        free(other);
    }
}

static void a_short_copy_writes_its_bytes_and_no_other(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 16; size++) {
        char *from = exactly("0123456789abcdef", size);
        char to[18];

        memset(to, '-', sizeof to);
        bytes_copy_short(to + 1, from, size);
        assert_memory_equal(to + 1, from, size);
        assert_int_equal(to[0], '-');
        assert_int_equal(to[1 + size], '-');
        free(from);
    }
}

static void a_block_is_whole_and_belongs_to_one(void **state)
{
    char *blocks[100];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++) {
            blocks[i] = block_take();
            memset(blocks[i], (int)i, BLOCK_BYTES);
        }
        for (size_t i = 0; i < 100; i++) {
            assert_int_equal(blocks[i][0], (int)i);
            assert_int_equal(blocks[i][BLOCK_BYTES - 1], (int)i);
            block_give(blocks[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_the_same_if_all_of_them_are),
        cmocka_unit_test(a_short_copy_writes_its_bytes_and_no_other),
        cmocka_unit_test(a_block_is_whole_and_belongs_to_one),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
