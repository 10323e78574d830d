/*
 * virsh-disk-flags-file.h: flags of disks in a file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virsh.h"

#include "disk_set/disk_set_change.h"
#include "virjson.h"

virJSONValue *
virshDiskFlagsFileRead(vshControl *ctl,
                       const char *path);

virDiskSetWish *
virshDiskFlagsFileParse(vshControl *ctl,
                        const char *path,
                        virJSONValue *disks,
                        size_t *nwishes);
