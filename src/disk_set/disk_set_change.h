/*
 * disk_set_change.h: setting a flag on disks, all or none
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "disk_set_definition.h"
#include "disk_set_scope.h"

int
virDiskSetChangeOne(const virDiskSetScope *scope,
                    const char *name,
                    virDiskSetFlag value);

int
virDiskSetChangeAll(const virDiskSetScope *scope,
                    virDiskSetFlag value);
