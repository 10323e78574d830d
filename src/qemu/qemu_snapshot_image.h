/*
 * qemu_snapshot_image.h: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu_conf.h"
#include "qemu_snapshot_tags.h"

qemuSnapshotTags *
qemuSnapshotImageGetTags(virQEMUDriver *driver,
                         virDomainDiskDef *disk);

int
qemuSnapshotImageDelete(virQEMUDriver *driver,
                        virDomainDiskDef *disk,
                        const char *tag);
