/*
 * disk_set_change.h: setting flags on disks, all or none
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>

#include "disk_set_flag.h"
#include "disk_set_scope.h"

/* How many flags can be set at once. */
#define VIR_DISK_SET_CHANGE_REQUESTS 3

typedef struct _virDiskSetRequest virDiskSetRequest;
struct _virDiskSetRequest {
    const char *flag; /* "migrate", "snapshot" or "backup" */
    virDiskSetFlag value;
};

/* What flags of a disk are to be. */
typedef struct _virDiskSetWish virDiskSetWish;
struct _virDiskSetWish {
    const char *name; /* target or source path; NULL: all disks that can have the flags */
    virDiskSetRequest requests[VIR_DISK_SET_CHANGE_REQUESTS];
    size_t nrequests;
    bool membership; /* in or out of the set, and out however it is */
};

int
virDiskSetChangeDisks(const virDiskSetScope *scope,
                      const virDiskSetWish *wishes,
                      size_t nwishes,
                      bool lenient);

int
virDiskSetChangeFlag(const virDiskSetScope *scope,
                     const char *name,
                     virDiskSetFlag value);
