/*
 * qemu_snapshot_job.h: QEMU's jobs on internal snapshots of chosen nodes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu_blockjob.h"
#include "virbuffer.h"
#include "virenum.h"
#include "virxml.h"

typedef enum {
    QEMU_SNAPSHOT_JOB_SAVE,
    QEMU_SNAPSHOT_JOB_LOAD,
    QEMU_SNAPSHOT_JOB_DELETE,

    QEMU_SNAPSHOT_JOB_LAST
} qemuSnapshotJobType;

VIR_ENUM_DECL(qemuSnapshotJob);

/* What an API call is about to change in the images of a running domain. It is
 * kept in the status XML until the call ends, so that a libvirtd that was killed
 * in between can tidy up when it is back. */
typedef struct _qemuSnapshotJobRecord qemuSnapshotJobRecord;
struct _qemuSnapshotJobRecord {
    qemuSnapshotJobType type;
    char *tag;
    char *current; /* snapshot that was the current one before; may be NULL */
    char **nodes; /* NULL-terminated */
};

void
qemuSnapshotJobRecordFree(qemuSnapshotJobRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuSnapshotJobRecord, qemuSnapshotJobRecordFree);

void
qemuSnapshotJobRecordFormat(virBuffer *buf,
                            const qemuSnapshotJobRecord *record);

int
qemuSnapshotJobRecordParse(xmlXPathContextPtr ctxt,
                           qemuSnapshotJobRecord **record);

qemuBlockJobData *
qemuSnapshotJobNewRecorded(virDomainObj *vm,
                           qemuSnapshotJobType type,
                           const char *tag,
                           char **nodes);

int
qemuSnapshotJobPerform(virDomainObj *vm,
                       qemuBlockJobData *job,
                       const char *tag,
                       const char *vmstate,
                       char **nodes,
                       virDomainAsyncJob asyncJob);

int
qemuSnapshotJobFinish(virDomainObj *vm,
                      qemuBlockJobData *job,
                      const char *tag,
                      virDomainAsyncJob asyncJob);

int
qemuSnapshotJobRun(virDomainObj *vm,
                   qemuSnapshotJobType type,
                   const char *tag,
                   const char *vmstate,
                   char **nodes,
                   virDomainAsyncJob asyncJob);

int
qemuSnapshotJobDeleteRecorded(virDomainObj *vm,
                              const char *tag,
                              char **nodes);

void
qemuSnapshotJobRecover(virDomainObj *vm,
                       virDomainJobObj *job);
