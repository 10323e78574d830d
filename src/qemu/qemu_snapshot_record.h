/*
 * qemu_snapshot_record.h: images that a snapshot job of a domain is changing
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "snapshot_conf.h"
#include "virxml.h"

typedef enum {
    QEMU_SNAPSHOT_RECORD_SAVE,
    QEMU_SNAPSHOT_RECORD_DELETE,

    QEMU_SNAPSHOT_RECORD_LAST
} qemuSnapshotRecordType;

VIR_ENUM_DECL(qemuSnapshotRecord);

typedef struct _qemuSnapshotRecord qemuSnapshotRecord;
struct _qemuSnapshotRecord {
    qemuSnapshotRecordType type;
    virDomainSnapshotDef *snapdef; /* name, disks and file of the memory, nothing else */
    char *current; /* snapshot that was current before; NULL if none was */
    bool stopped; /* the guest is about to be stopped for it, or was, and is to go on */
    bool stopping; /* right now; not in the XML */
    int unprotecting; /* timer that keeps the memory unprotected; 0 for none, not in the XML */
};

qemuSnapshotRecord *
qemuSnapshotRecordNew(qemuSnapshotRecordType type,
                      const virDomainSnapshotDef *snapdef,
                      const char *current);

void
qemuSnapshotRecordFree(qemuSnapshotRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuSnapshotRecord, qemuSnapshotRecordFree);

void
qemuSnapshotRecordFormat(virBuffer *buf,
                         const qemuSnapshotRecord *record);

int
qemuSnapshotRecordParse(xmlXPathContextPtr ctxt,
                        qemuSnapshotRecord **record);
