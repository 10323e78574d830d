/*
 * disk_set_snapshot.h: snapshot XML for the disks of a set
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "disk_set_xml.h"

char *
virDiskSetSnapshotRestrict(xmlDocPtr definition,
                           const char *xml);

char *
virDiskSetSnapshotForSave(xmlDocPtr definition,
                          const char *xml,
                          const char *file);
