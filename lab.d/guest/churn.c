/*
 * churn.c: changes its memory as fast as it can, and notices a page of another time
 *
 * usage: churn MIB [SWEEPS]
 *
 * Goes through MIB mebibytes, page by page, over and over, or so many times and keeps
 * them then. A page that is visited must hold what the sweep before has written to it. In
 * a guest that was put back to an instant, one that was saved earlier or later does not,
 * and the next sweep says so. No page is like another, and none compresses well.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS 512 /* of a page */

static uint64_t noise[WORDS];


static void
make_noise(void)
{
    uint64_t state = UINT64_C(88172645463325252);
    size_t i;

    for (i = 0; i < WORDS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise[i] = state;
    }
}


static uint64_t
salt_of(uint64_t sweep, uint64_t page)
{
    return (sweep << 40 | page) * UINT64_C(0x9e3779b97f4a7c15);
}


static void
write_page(uint64_t *words, uint64_t sweep, uint64_t page)
{
    uint64_t salt = salt_of(sweep, page);
    size_t i;

    for (i = 0; i < WORDS; i++)
        words[i] = noise[i] ^ salt;
}


static int
is_page_of(const uint64_t *words, uint64_t sweep, uint64_t page)
{
    uint64_t salt = salt_of(sweep, page);
    size_t i;

    for (i = 0; i < WORDS; i++) {
        if (words[i] != (noise[i] ^ salt))
            return 0;
    }

    return 1;
}


int
main(int argc, char **argv)
{
    uint64_t npages = argc > 1 ? strtoull(argv[1], NULL, 10) * 256 : 0;
    uint64_t sweeps = argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX;
    uint64_t sweep;
    uint64_t page;
    uint64_t *memory;

    if (npages == 0)
        return 2;

    memory = mmap(NULL, npages * WORDS * sizeof(*memory), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("churn");
        return 1;
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    make_noise();

    for (sweep = 1; sweep <= sweeps; sweep++) {
        for (page = 0; page < npages; page++) {
            uint64_t *words = memory + page * WORDS;

            if (sweep > 1 && !is_page_of(words, sweep - 1, page)) {
                printf("TORN page %" PRIu64 " in sweep %" PRIu64 "\n", page, sweep);
                return 1;
            }

            write_page(words, sweep, page);
        }

        printf("SWEEP %" PRIu64 "\n", sweep);
    }

    return pause();
}
