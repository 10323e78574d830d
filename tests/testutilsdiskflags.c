/*
 * testutilsdiskflags.c: shared by the tests of disks' <flags>
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"
#include "testutilsdiskflags.h"


/**
 * testDiskFlagsCheckError:
 * @code: expected code of the last error
 * @parts: NULL-terminated pieces that its message must have
 *
 * Takes the last error back, so that it is not taken for the test's own.
 *
 * Returns 0 when the last error is the expected one, -1 otherwise.
 */
int
testDiskFlagsCheckError(virErrorNumber code,
                        const char *const *parts)
{
    virErrorPtr err = virGetLastError();
    const char *const *next;

    if (!err || err->code != code) {
        VIR_TEST_VERBOSE("expected error code %d, got %d: %s",
                         code, err ? err->code : 0, virGetLastErrorMessage());
        return -1;
    }

    for (next = parts; *next; next++) {
        if (!strstr(err->message, *next)) {
            VIR_TEST_VERBOSE("no \"%s\" in error \"%s\"", *next, err->message);
            return -1;
        }
    }

    virResetLastError();
    return 0;
}
