/*
 * qemu_snapshot_job.c: QEMU's jobs on internal snapshots of chosen nodes
 *
 * The monitor is blocked while such a job runs, so that there is nothing to see
 * of it and no way to cancel it; it is tracked for the sake of its result and of
 * a libvirtd that is restarted meanwhile.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_blockjob.h"
#include "qemu_domain.h"
#include "qemu_monitor.h"
#include "qemu_snapshot.h"
#include "qemu_snapshot_job.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_snapshot_job");

/* QMP commands, names of the jobs they start and values in the status XML */
VIR_ENUM_IMPL(qemuSnapshotJob,
              QEMU_SNAPSHOT_JOB_LAST,
              "snapshot-save",
              "snapshot-load",
              "snapshot-delete",
);


static qemuSnapshotJobRecord *
qemuSnapshotJobRecordNew(virDomainObj *vm,
                         qemuSnapshotJobType type,
                         const char *tag,
                         char **nodes)
{
    qemuSnapshotJobRecord *record = g_new0(qemuSnapshotJobRecord, 1);

    record->type = type;
    record->tag = g_strdup(tag);
    record->current = g_strdup(virDomainSnapshotGetCurrentName(vm->snapshots));
    record->nodes = g_strdupv(nodes);

    return record;
}


void
qemuSnapshotJobRecordFree(qemuSnapshotJobRecord *record)
{
    if (!record)
        return;

    g_free(record->tag);
    g_free(record->current);
    g_strfreev(record->nodes);
    g_free(record);
}


/**
 * qemuSnapshotJobRecordFormat:
 * @buf: buffer of the job element of the status XML
 * @record: record to format; may be NULL
 */
void
qemuSnapshotJobRecordFormat(virBuffer *buf,
                            const qemuSnapshotJobRecord *record)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    char **node;

    if (!record)
        return;

    virBufferAsprintf(&attrBuf, " type='%s'", qemuSnapshotJobTypeToString(record->type));
    virBufferEscapeString(&attrBuf, " tag='%s'", record->tag);
    virBufferEscapeString(&attrBuf, " current='%s'", record->current);

    for (node = record->nodes; *node; node++)
        virBufferEscapeString(&childBuf, "<node name='%s'/>\n", *node);

    virXMLFormatElement(buf, "snapshotJob", &attrBuf, &childBuf);
}


/**
 * qemuSnapshotJobRecordParse:
 * @ctxt: XPath context of the job element of the status XML
 * @record: filled with the record, owned by the caller, or NULL if there is none
 *
 * Returns 0 on success, -1 with an error reported when the record is malformed.
 */
int
qemuSnapshotJobRecordParse(xmlXPathContextPtr ctxt,
                           qemuSnapshotJobRecord **record)
{
    g_autoptr(qemuSnapshotJobRecord) ret = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    xmlNodePtr job = virXPathNode("./snapshotJob", ctxt);
    int nnodes;
    size_t i;

    if (!job)
        return 0;

    if ((nnodes = virXPathNodeSet("./snapshotJob/node", ctxt, &nodes)) < 0)
        return -1;

    ret = g_new0(qemuSnapshotJobRecord, 1);
    ret->nodes = g_new0(char *, nnodes + 1);

    if (virXMLPropEnum(job, "type", qemuSnapshotJobTypeFromString,
                       VIR_XML_PROP_REQUIRED, &ret->type) < 0 ||
        !(ret->tag = virXMLPropStringRequired(job, "tag")))
        return -1;

    ret->current = virXMLPropString(job, "current");

    for (i = 0; i < nnodes; i++) {
        if (!(ret->nodes[i] = virXMLPropStringRequired(nodes[i], "name")))
            return -1;
    }

    *record = g_steal_pointer(&ret);
    return 0;
}


static qemuBlockJobData *
qemuSnapshotJobNew(virDomainObj *vm,
                   qemuSnapshotJobType type)
{
    g_autoptr(qemuBlockJobData) job = NULL;

    if (!(job = qemuBlockJobDataNew(QEMU_BLOCKJOB_TYPE_SNAPSHOT,
                                    qemuSnapshotJobTypeToString(type))))
        return NULL;

    /* QEMU emits all events of the job before it replies to the command, and
     * those of jobs that are not known are dropped */
    qemuBlockJobSyncBegin(job);

    if (qemuBlockJobRegister(job, vm, NULL, true) < 0)
        return NULL;

    return g_steal_pointer(&job);
}


/**
 * qemuSnapshotJobNewRecorded:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @type: save or delete
 * @tag: name of the snapshot in the images
 * @nodes: names of the nodes to work on, terminated by NULL
 *
 * Makes the job known, but doesn't start it, and leaves a record that stays until
 * the caller's asynchronous job ends, i.e. until the metadata match the images
 * again.
 *
 * Returns the job for qemuSnapshotJobPerform, or NULL with an error reported.
 */
qemuBlockJobData *
qemuSnapshotJobNewRecorded(virDomainObj *vm,
                           qemuSnapshotJobType type,
                           const char *tag,
                           char **nodes)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;

    qemuSnapshotJobRecordFree(jobPriv->snapshotJob);
    jobPriv->snapshotJob = qemuSnapshotJobRecordNew(vm, type, tag, nodes);

    return qemuSnapshotJobNew(vm, type);
}


/**
 * qemuSnapshotJobPerform:
 * @vm: running domain
 * @job: job that was not started yet
 * @tag: name of the snapshot in the images
 * @vmstate: name of the node that holds the memory; NULL when deleting
 * @nodes: names of the nodes to work on, terminated by NULL
 * @asyncJob: asynchronous job that the caller holds
 *
 * Starts the job and waits until QEMU is done with it, be it a success or not.
 * Writes no file, so that a guest may stand still meanwhile.
 *
 * Returns 0 when qemuSnapshotJobFinish is to be called, -1 with an error reported
 * when QEMU didn't start the job or is gone.
 */
int
qemuSnapshotJobPerform(virDomainObj *vm,
                       qemuBlockJobData *job,
                       const char *tag,
                       const char *vmstate,
                       char **nodes,
                       virDomainAsyncJob asyncJob)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    int rc;

    if (qemuDomainObjEnterMonitorAsync(vm, asyncJob) < 0)
        return -1;

    rc = qemuMonitorSnapshotJob(priv->mon, job->name, job->name, tag, vmstate,
                                (const char **) nodes);

    qemuDomainObjExitMonitor(vm);

    if (rc < 0)
        return -1;

    while (job->newstate != QEMU_BLOCKJOB_STATE_CONCLUDED) {
        if (qemuDomainObjWait(vm) < 0)
            return -1;
    }

    return 0;
}


/**
 * qemuSnapshotJobFinish:
 * @vm: running domain
 * @job: job that QEMU is done with
 * @tag: name of the snapshot in the images
 * @asyncJob: asynchronous job that the caller holds
 *
 * Dismisses the job.
 *
 * Returns 0 when the job succeeded, -1 otherwise (VIR_ERR_OPERATION_FAILED with
 * QEMU's reason).
 */
int
qemuSnapshotJobFinish(virDomainObj *vm,
                      qemuBlockJobData *job,
                      const char *tag,
                      virDomainAsyncJob asyncJob)
{
    qemuBlockJobSyncEnd(vm, job, asyncJob);

    if (job->state != QEMU_BLOCKJOB_STATE_COMPLETED) {
        /* a QEMU that died meanwhile has told nothing */
        const char *reason = virGetLastErrorCode() == VIR_ERR_OK ?
                             _("QEMU gave no reason") : virGetLastErrorMessage();

        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("%s of snapshot '%s' of domain '%s' failed: %s"),
                       job->name, tag, vm->def->name,
                       job->errmsg ? job->errmsg : reason);
        return -1;
    }

    return 0;
}


/* Takes the reference to @newjob, which may be NULL with an error reported. */
static int
qemuSnapshotJobRunNew(virDomainObj *vm,
                      qemuBlockJobData *newjob,
                      const char *tag,
                      const char *vmstate,
                      char **nodes,
                      virDomainAsyncJob asyncJob)
{
    g_autoptr(qemuBlockJobData) job = newjob;

    if (!job)
        return -1;

    if (qemuSnapshotJobPerform(vm, job, tag, vmstate, nodes, asyncJob) < 0) {
        qemuBlockJobStartupFinalize(vm, g_steal_pointer(&job));
        return -1;
    }

    return qemuSnapshotJobFinish(vm, job, tag, asyncJob);
}


/**
 * qemuSnapshotJobRun:
 * @vm: running domain
 * @type: what to do
 * @tag: name of the snapshot in the images
 * @vmstate: name of the node that holds the memory; NULL when deleting
 * @nodes: names of the nodes to work on, terminated by NULL
 * @asyncJob: asynchronous job that the caller holds
 *
 * Runs the job and waits for its end.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_FAILED with QEMU's
 * reason, or the error of the monitor).
 */
int
qemuSnapshotJobRun(virDomainObj *vm,
                   qemuSnapshotJobType type,
                   const char *tag,
                   const char *vmstate,
                   char **nodes,
                   virDomainAsyncJob asyncJob)
{
    return qemuSnapshotJobRunNew(vm, qemuSnapshotJobNew(vm, type), tag, vmstate,
                                 nodes, asyncJob);
}


/**
 * qemuSnapshotJobDeleteRecorded:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @tag: name of the snapshot in the images
 * @nodes: names of the nodes to work on, terminated by NULL
 *
 * Deletes the snapshot and leaves a record (see qemuSnapshotJobNewRecorded).
 *
 * Returns 0 on success, -1 otherwise (see qemuSnapshotJobRun).
 */
int
qemuSnapshotJobDeleteRecorded(virDomainObj *vm,
                              const char *tag,
                              char **nodes)
{
    return qemuSnapshotJobRunNew(vm,
                                 qemuSnapshotJobNewRecorded(vm, QEMU_SNAPSHOT_JOB_DELETE,
                                                            tag, nodes),
                                 tag, NULL, nodes, VIR_ASYNC_JOB_SNAPSHOT);
}


static void
qemuSnapshotJobRecoverDelete(virDomainObj *vm,
                             const qemuSnapshotJobRecord *record)
{
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, record->tag);

    if (!snap)
        return;

    if (qemuSnapshotDiscardMetadata(vm, snap, true) < 0)
        VIR_WARN("cannot remove metadata of snapshot '%s' of domain '%s'",
                 record->tag, vm->def->name);
}


/* The metadata of the earlier current snapshot are written before those of the
 * new one: in between, no file says which one is current. A file that was written
 * but not yet renamed is put in its place, too. */
static void
qemuSnapshotJobRecoverCurrent(virDomainObj *vm,
                              const qemuSnapshotJobRecord *record)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, record->tag);

    if (!snap && record->current)
        snap = virDomainSnapshotFindByName(vm->snapshots, record->current);

    if (!snap)
        return;

    virDomainSnapshotSetCurrent(vm->snapshots, snap);

    if (qemuDomainSnapshotWriteMetadata(vm, snap, priv->driver->xmlopt,
                                        cfg->snapshotDir) < 0)
        VIR_WARN("cannot make snapshot '%s' of domain '%s' the current one",
                 snap->def->name, vm->def->name);
}


/**
 * qemuSnapshotJobRecover:
 * @vm: running domain whose monitor was just connected
 * @job: job that libvirtd had on it before it was killed
 *
 * Makes the images match the snapshot metadata: a snapshot that was taken but
 * has no metadata is removed, and the one before it is current again; a deletion
 * that was begun is finished. What cannot be mended is logged, since the domain
 * has to go on all the same.
 */
void
qemuSnapshotJobRecover(virDomainObj *vm,
                       virDomainJobObj *job)
{
    qemuDomainJobPrivate *jobPriv = job->privateData;
    const qemuSnapshotJobRecord *record = jobPriv->snapshotJob;

    if (!record)
        return;

    if (record->type == QEMU_SNAPSHOT_JOB_SAVE) {
        qemuSnapshotJobRecoverCurrent(vm, record);

        if (virDomainSnapshotFindByName(vm->snapshots, record->tag))
            return;
    }

    VIR_DEBUG("recovering from %s of snapshot '%s'",
              qemuSnapshotJobTypeToString(record->type), record->tag);

    /* the job that was interrupted has concluded by now and has to be dismissed */
    if (qemuBlockJobRefreshJobs(vm) < 0 ||
        qemuSnapshotJobRun(vm, QEMU_SNAPSHOT_JOB_DELETE, record->tag, NULL,
                           record->nodes, VIR_ASYNC_JOB_NONE) < 0) {
        VIR_WARN("cannot remove snapshot '%s' from the images of domain '%s': %s",
                 record->tag, vm->def->name, virGetLastErrorMessage());
        return;
    }

    if (record->type == QEMU_SNAPSHOT_JOB_DELETE)
        qemuSnapshotJobRecoverDelete(vm, record);
}
