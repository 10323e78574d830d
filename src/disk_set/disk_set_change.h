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
#define VIR_DISK_SET_CHANGE_REQUESTS 2

typedef struct _virDiskSetRequest virDiskSetRequest;
struct _virDiskSetRequest {
    const char *flag; /* "migrate" or "snapshot" */
    virDiskSetFlag value;
};

int
virDiskSetChangeDisks(const virDiskSetScope *scope,
                      const char *const *names,
                      const virDiskSetRequest *requests,
                      size_t nrequests,
                      bool lenient);

int
virDiskSetChangeOne(const virDiskSetScope *scope,
                    const char *name,
                    virDiskSetFlag value);

int
virDiskSetChangeAll(const virDiskSetScope *scope,
                    virDiskSetFlag value);
