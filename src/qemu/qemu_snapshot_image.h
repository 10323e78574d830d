/*
 * qemu_snapshot_image.h: internal snapshots of images that no QEMU serves
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "vircommand.h"
#include "virjson.h"

virJSONValue *
qemuSnapshotImageGetInfo(virStorageSource *src,
                         const char *disk);

GHashTable *
qemuSnapshotImageLookInto(virStorageSource *src,
                          const char *disk,
                          char **bitmap);

GHashTable *
qemuSnapshotImageGetSnapshots(virDomainDiskDef *disk,
                              char **bitmap);

const char *
qemuSnapshotImageFindID(GHashTable *snapshots,
                        const char *name);

char *
qemuSnapshotImageGetNextID(GHashTable *snapshots);

virCommand *
qemuSnapshotImageCommand(virStorageSource *src,
                         const char *op,
                         const char *tag);

bool
qemuSnapshotImageIsHeld(const virStorageSource *src,
                        bool write);

bool
qemuSnapshotImageIsRemoved(virDomainObj *vm,
                           virDomainDiskDef *disk);
