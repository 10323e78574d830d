/*
 * qemu_snapshot_image.h: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "vircommand.h"
#include "virjson.h"

virCommand *
qemuSnapshotImageCommand(virStorageSource *src,
                         const char *op,
                         const char *tag);

virJSONValue *
qemuSnapshotImageGetInfo(virDomainDiskDef *disk);

bool
qemuSnapshotImageIsRemoved(const virDomainDiskDef *disk);

bool
qemuSnapshotImageInfoHasTag(virJSONValue *info,
                            const char *tag,
                            bool *memory);

const char *
qemuSnapshotImageInfoGetBitmap(virJSONValue *info);
