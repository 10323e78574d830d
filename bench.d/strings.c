/*
 * strings.c: string functions whose cost depends on the strings alone
 *
 * glibc's take another path where a string lies near the end of a page, so that
 * the instructions of unchanged code vary with where the linker happens to put
 * a constant. To be preloaded where instructions of two builds are compared.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stddef.h>

size_t strlen(const char *string);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

size_t
strlen(const char *string)
{
    const char *end = string;

    while (*end)
        end++;

    return end - string;
}


int
strcmp(const char *a,
       const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }

    return (unsigned char) *a - (unsigned char) *b;
}


int
strncmp(const char *a,
        const char *b,
        size_t max)
{
    while (max && *a && *a == *b) {
        a++;
        b++;
        max--;
    }

    return max ? (unsigned char) *a - (unsigned char) *b : 0;
}
