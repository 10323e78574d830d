/*
 * testutilsdiskflags.h: shared by the tests of disks' <flags>
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virerror.h"

int
testDiskFlagsCheckError(virErrorNumber code,
                        const char *const *parts);
