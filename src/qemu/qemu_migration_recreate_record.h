/*
 * qemu_migration_recreate_record.h: disks that a migration has taken out of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virbuffer.h"
#include "virxml.h"

typedef struct _qemuMigrationRecreateRecordDisk qemuMigrationRecreateRecordDisk;
struct _qemuMigrationRecreateRecordDisk {
    char *target;
    char *xml; /* <disk> element to plug it in with */
};

typedef struct _qemuMigrationRecreateRecord qemuMigrationRecreateRecord;
struct _qemuMigrationRecreateRecord {
    bool incoming; /* blank images for a guest that arrives; else disks of one that leaves */
    size_t ndisks;
    qemuMigrationRecreateRecordDisk *disks;
};

void
qemuMigrationRecreateRecordFree(qemuMigrationRecreateRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMigrationRecreateRecord, qemuMigrationRecreateRecordFree);

void
qemuMigrationRecreateRecordAdd(qemuMigrationRecreateRecord **record,
                               bool incoming,
                               const char *target,
                               char **xml);

void
qemuMigrationRecreateRecordRemove(qemuMigrationRecreateRecord **record,
                                  const char *target);

void
qemuMigrationRecreateRecordFormat(virBuffer *buf,
                                  const qemuMigrationRecreateRecord *record);

int
qemuMigrationRecreateRecordParse(xmlXPathContextPtr ctxt,
                                 qemuMigrationRecreateRecord **record);
