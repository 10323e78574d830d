/*
 * qemu_snapshot_subset.c: internal snapshots of some of a domain's disks
 *
 * qemu_snapshot.c takes them, goes back to them and deletes them, and asks here
 * which disks belong to one, whether the images hold what is needed, and what is
 * to be done when one of them does not come out whole. A snapshot's metadata say
 * which disks it has: a disk that is left out may hold a snapshot of the same name
 * that is none of libvirt's.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_block.h"
#include "qemu_blockjob.h"
#include "qemu_domain.h"
#include "qemu_snapshot.h"
#include "qemu_snapshot_image.h"
#include "qemu_snapshot_live.h"
#include "qemu_snapshot_subset.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virfile.h"
#include "virhash.h"
#include "virlog.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A QEMU process that has closed its monitor is about to end: how often to look,
 * and after how many milliseconds again. */
#define QEMU_SNAPSHOT_SUBSET_DEATH_CHECKS 200
#define QEMU_SNAPSHOT_SUBSET_DEATH_INTERVAL 50

/* The metadata are written to a file NAME.xml.new first. */
#define QEMU_SNAPSHOT_SUBSET_NAME_MAX 247

VIR_LOG_INIT("qemu.qemu_snapshot_subset");


static const virDomainSnapshotDiskDef *
qemuSnapshotSubsetFindDisk(const virDomainSnapshotDef *snapdef,
                           const char *target)
{
    size_t i;

    for (i = 0; i < snapdef->ndisks; i++) {
        if (STREQ(snapdef->disks[i].name, target))
            return &snapdef->disks[i];
    }

    return NULL;
}


/**
 * qemuSnapshotSubsetHasDisk:
 * @snapdef: snapshot
 * @target: target of a disk of the domain
 *
 * Returns true when the metadata say that the disk was taken internally. Reports
 * no error.
 */
bool
qemuSnapshotSubsetHasDisk(const virDomainSnapshotDef *snapdef,
                          const char *target)
{
    const virDomainSnapshotDiskDef *disk = qemuSnapshotSubsetFindDisk(snapdef, target);

    return disk && disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
}


/**
 * qemuSnapshotSubsetIsDiskWritable:
 * @disk: disk of a domain
 *
 * Returns true when QEMU writes to the image of @disk: no other has an internal
 * snapshot, whatever its metadata say. Reports no error.
 */
bool
qemuSnapshotSubsetIsDiskWritable(const virDomainDiskDef *disk)
{
    return !virStorageSourceIsEmpty(disk->src) &&
           !disk->src->readonly &&
           disk->src->type != VIR_STORAGE_TYPE_VHOST_USER;
}


/**
 * qemuSnapshotSubsetMayHold:
 * @snapdef: internal snapshot
 * @disk: disk of the domain
 *
 * Returns true when what the image of @disk holds under the name of @snapdef is
 * part of it: the metadata say so or, where they were redefined without their
 * disks, say nothing. Reports no error.
 */
bool
qemuSnapshotSubsetMayHold(const virDomainSnapshotDef *snapdef,
                          const virDomainDiskDef *disk)
{
    if (!qemuSnapshotSubsetIsDiskWritable(disk))
        return false;

    return !qemuSnapshotSubsetFindDisk(snapdef, disk->dst) ||
           qemuSnapshotSubsetHasDisk(snapdef, disk->dst);
}


/**
 * qemuSnapshotSubsetIsPartial:
 * @def: definition of the domain
 * @snapdef: internal snapshot
 *
 * Where a snapshot takes every writable disk, nothing that stock libvirt lets
 * pass may be refused.
 *
 * Returns true when @snapdef leaves out a writable disk. Reports no error.
 */
bool
qemuSnapshotSubsetIsPartial(const virDomainDef *def,
                            const virDomainSnapshotDef *snapdef)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qemuSnapshotSubsetIsDiskWritable(def->disks[i]) &&
            !qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst))
            return true;
    }

    return false;
}


static int
qemuSnapshotSubsetReportNothing(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (!qemuSnapshotSubsetIsDiskWritable(disk))
            continue;

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("nothing selected for snapshot: disk '%1$s' and every other disk is left out; set the flag <snapshot> of a disk to 'true' or select one in the snapshot XML (--diskspec %2$s,snapshot=internal)"),
                       disk->dst, disk->dst);
        return -1;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("nothing selected for snapshot: domain '%1$s' has no writable disk"),
                   def->name);
    return -1;
}


static const char *
qemuSnapshotSubsetFirst(const virDomainSnapshotDef *snapdef,
                        virDomainSnapshotLocation location)
{
    size_t i;

    for (i = 0; i < snapdef->ndisks; i++) {
        if (snapdef->disks[i].snapshot == location)
            return snapdef->disks[i].name;
    }

    return NULL;
}


static int
qemuSnapshotSubsetValidateMixing(const virDomainSnapshotDef *snapdef,
                                 const char *internal,
                                 const char *external,
                                 bool live)
{
    if (internal && external) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("mixing internal and external targets for a snapshot is not yet supported: disk '%1$s' is internal and disk '%2$s' external; choose one way for both or leave one out with the flag <snapshot>false</snapshot> (--diskspec %3$s,snapshot=no)"),
                       internal, external, external);
        return -1;
    }

    if (internal && snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL && !live) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("mixing internal and external targets for a snapshot is not yet supported: the memory is 'external' and disk '%1$s' is not; take the snapshot live (--live), choose one way for both or leave the disk out with the flag <snapshot>false</snapshot>"),
                       internal);
        return -1;
    }

    if (external && snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("mixing internal and external targets for a snapshot is not yet supported: the memory is 'internal' and disk '%1$s' is not; choose one way for both or leave the disk out with the flag <snapshot>false</snapshot>"),
                       external);
        return -1;
    }

    return 0;
}


/* QEMU would cut the name, and the metadata could not be written any more. */
static int
qemuSnapshotSubsetValidateName(const char *name)
{
    size_t len = strlen(name);

    if (len <= QEMU_SNAPSHOT_SUBSET_NAME_MAX)
        return 0;

    virReportError(VIR_ERR_INVALID_ARG,
                   _("the name of the snapshot, which begins with '%1$.32s', is %2$zu bytes long: choose one of at most %3$d bytes"),
                   name, len, QEMU_SNAPSHOT_SUBSET_NAME_MAX);
    return -1;
}


/**
 * qemuSnapshotSubsetValidate:
 * @vm: domain object
 * @snapdef: definition of the snapshot, aligned to the disks of @vm
 * @flags: virDomainSnapshotCreateFlags
 *
 * Checks that what the snapshot takes can be taken together under its name.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_CONFIG_UNSUPPORTED naming disk, flag
 * and remedy, or VIR_ERR_INVALID_ARG if the name is too long).
 */
int
qemuSnapshotSubsetValidate(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef,
                           unsigned int flags)
{
    const char *internal = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL);
    const char *external = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL);
    const char *manual = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL);

    if (!internal && !external && !manual &&
        snapdef->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        return qemuSnapshotSubsetReportNothing(vm->def);

    if (qemuSnapshotSubsetValidateName(snapdef->parent.name) < 0)
        return -1;

    return qemuSnapshotSubsetValidateMixing(snapdef, internal, external,
                                            flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE);
}


/**
 * qemuSnapshotSubsetReportFormat:
 * @disk: disk selected for an internal snapshot that its format can't hold
 *
 * Reports VIR_ERR_CONFIG_UNSUPPORTED naming the disk, the flag and the remedy.
 */
void
qemuSnapshotSubsetReportFormat(const virDomainDiskDef *disk)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("internal snapshot for disk %1$s unsupported for storage type %2$s: leave the disk out with the flag <snapshot>false</snapshot> (--diskspec %3$s,snapshot=no)"),
                   disk->dst, virStorageFileFormatTypeToString(disk->src->format),
                   disk->dst);
}


/**
 * qemuSnapshotSubsetCheckDataFile:
 * @disk: disk of a running domain, selected for an internal snapshot
 *
 * QEMU would find out with the guest stopped.
 *
 * Returns 0 on success, -1 if the data are in another file than the image
 * (VIR_ERR_CONFIG_UNSUPPORTED naming the disk, the flag and the remedy).
 */
int
qemuSnapshotSubsetCheckDataFile(const virDomainDiskDef *disk)
{
    if (!disk->src->dataFileStore)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("internal snapshot for disk '%1$s' unsupported, since the data of its image are in the file '%2$s': leave the disk out with the flag <snapshot>false</snapshot> (--diskspec %3$s,snapshot=no)"),
                   disk->dst, disk->src->dataFileStore->path, disk->dst);
    return -1;
}


static int
qemuSnapshotSubsetReportTag(const char *image,
                            const char *disk,
                            const char *tag)
{
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("image '%1$s' of disk '%2$s' already holds a snapshot '%3$s': choose another name or delete it with 'qemu-img snapshot -d' while the domain is shut off"),
                   NULLSTR(image), disk, tag);
    return -1;
}


/* QEMU looks for a snapshot by its ID in the image before it looks by name, and
 * would go back to another one than was asked for. */
static int
qemuSnapshotSubsetCheckNew(GHashTable *snapshots,
                           const char *image,
                           const char *disk,
                           const char *tag)
{
    g_autofree char *next = NULL;
    const char *other;

    if (virHashHasEntry(snapshots, tag))
        return qemuSnapshotSubsetReportTag(image, disk, tag);

    if ((other = qemuSnapshotImageFindID(snapshots, tag))) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("snapshot '%1$s' cannot be told from snapshot '%2$s', which has the ID %3$s in image '%4$s' of disk '%5$s': choose another name"),
                       tag, other, tag, NULLSTR(image), disk);
        return -1;
    }

    next = qemuSnapshotImageGetNextID(snapshots);

    if (STRNEQ(next, tag) && virHashHasEntry(snapshots, next)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("snapshot '%1$s' would get the ID %2$s in image '%3$s' of disk '%4$s' and could not be told from snapshot '%5$s': delete snapshot '%6$s' first"),
                       tag, next, NULLSTR(image), disk, next, next);
        return -1;
    }

    return 0;
}


static int
qemuSnapshotSubsetCheckNewInNode(GHashTable *nodedata,
                                 virStorageSource *src,
                                 const char *disk,
                                 const char *tag)
{
    const char *node = qemuBlockStorageSourceGetFormatNodename(src);
    qemuBlockNamedNodeData *data = node ? virHashLookup(nodedata, node) : NULL;

    if (!data || !data->snapshots)
        return 0;

    return qemuSnapshotSubsetCheckNew(data->snapshots, src->path, disk, tag);
}


/**
 * qemuSnapshotSubsetGetMemoryNode:
 * @vm: running domain
 * @snapdef: internal snapshot to be taken, aligned to the disks of @vm
 *
 * QEMU ends at once when it writes memory to an encrypted image.
 *
 * Returns the name of the node of the first disk that can hold the memory, owned by
 * @vm, or NULL if no disk of @snapdef can. Reports no error.
 */
const char *
qemuSnapshotSubsetGetMemoryNode(virDomainObj *vm,
                                const virDomainSnapshotDef *snapdef)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qemuSnapshotSubsetHasDisk(snapdef, disk->dst) && !disk->src->encryption)
            return qemuBlockStorageSourceGetFormatNodename(disk->src);
    }

    return NULL;
}


/* What a device could not write is part of its state: a revert would write it again,
 * to a disk that has gone on. */
static int
qemuSnapshotSubsetCheckPendingWrites(virDomainObj *vm,
                                     const virDomainSnapshotDef *snapdef)
{
    g_autoptr(GHashTable) table = NULL;
    size_t i;

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PAUSED)
        return 0;

    if (qemuDomainObjEnterMonitorAsync(vm, VIR_ASYNC_JOB_SNAPSHOT) < 0)
        return -1;

    table = qemuMonitorGetBlockInfo(qemuDomainGetMonitor(vm));
    qemuDomainObjExitMonitor(vm);

    if (!table)
        return -1;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        const char *device = QEMU_DOMAIN_DISK_PRIVATE(disk)->qomName;
        struct qemuDomainDiskInfo *info = virHashLookup(table, device ? device : disk->info.alias);

        if (!info || info->io_status == VIR_DOMAIN_DISK_ERROR_NONE ||
            qemuSnapshotSubsetHasDisk(snapdef, disk->dst))
            continue;

        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%1$s' is paused by an I/O error of disk '%2$s', which snapshot '%3$s' leaves out: what the guest was writing would be written again by each revert; mend the storage and resume the domain first, or take the disk (--diskspec %4$s,snapshot=internal)"),
                       vm->def->name, disk->dst, snapdef->parent.name, disk->dst);
        return -1;
    }

    return 0;
}


static void
qemuSnapshotSubsetRecordJob(virDomainObj *vm,
                            qemuSnapshotRecordType type,
                            const virDomainSnapshotDef *snapdef)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;

    qemuSnapshotRecordFree(jobPriv->snapshotRecord);
    jobPriv->snapshotRecord = qemuSnapshotRecordNew(type, snapdef,
                                                    virDomainSnapshotGetCurrentName(vm->snapshots));
}


/**
 * qemuSnapshotSubsetCreatePrepare:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @snapdef: internal snapshot to be taken
 *
 * To be called before the domain is paused: QEMU would find out only then that an
 * image already holds a snapshot of that name, and never that it could not tell the
 * new one from another. Leaves a record for a libvirtd that is restarted before the
 * metadata are written.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_INVALID naming image, disk
 * and remedy, or VIR_ERR_OPERATION_UNSUPPORTED if no image can hold the memory).
 */
int
qemuSnapshotSubsetCreatePrepare(virDomainObj *vm,
                                virDomainSnapshotDef *snapdef)
{
    const char *tag = snapdef->parent.name;
    g_autoptr(GHashTable) nodedata = NULL;
    size_t i;

    if (qemuSnapshotSubsetCheckPendingWrites(vm, snapdef) < 0 ||
        !(nodedata = qemuBlockGetNamedNodeData(vm, VIR_ASYNC_JOB_SNAPSHOT)))
        return -1;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qemuSnapshotSubsetHasDisk(snapdef, disk->dst) &&
            qemuSnapshotSubsetCheckNewInNode(nodedata, disk->src, disk->dst, tag) < 0)
            return -1;
    }

    if (vm->def->os.loader && vm->def->os.loader->nvram &&
        qemuSnapshotSubsetCheckNewInNode(nodedata, vm->def->os.loader->nvram, "nvram", tag) < 0)
        return -1;

    if (snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL &&
        !qemuSnapshotSubsetGetMemoryNode(vm, snapdef)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("no image can hold the memory of domain '%1$s': those of all disks that snapshot '%2$s' takes are encrypted; take a disk that is not (--diskspec DISK,snapshot=internal), or shut the domain off first"),
                       vm->def->name, tag);
        return -1;
    }

    qemuSnapshotSubsetRecordJob(vm, QEMU_SNAPSHOT_RECORD_SAVE, snapdef);
    return 0;
}


/* It is made of its template if it is not there yet. */
static int
qemuSnapshotSubsetCheckNewInNvram(const virDomainDef *def,
                                  const char *tag,
                                  bool strict)
{
    virStorageSource *nvram = def->os.loader ? def->os.loader->nvram : NULL;
    g_autoptr(GHashTable) snapshots = NULL;

    if (!nvram ||
        nvram->format != VIR_STORAGE_FILE_QCOW2 ||
        !virStorageSourceIsLocalStorage(nvram) ||
        !virFileExists(nvram->path))
        return 0;

    if (!(snapshots = qemuSnapshotImageLookInto(nvram, "nvram", NULL))) {
        if (strict)
            return -1;

        virResetLastError();
        return 0;
    }

    if (!strict)
        g_hash_table_remove(snapshots, tag);

    return qemuSnapshotSubsetCheckNew(snapshots, nvram->path, "nvram", tag);
}


/**
 * qemuSnapshotSubsetCreatePrepareInactive:
 * @vm: domain that is not running
 * @snap: internal snapshot to be taken
 *
 * qemu-img would add a second snapshot of the name to an image that holds one
 * already. With a snapshot of every writable disk it is left to do so, and an image
 * that cannot be looked into is left to it, too.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_INVALID naming image, disk
 * and remedy).
 */
int
qemuSnapshotSubsetCreatePrepareInactive(virDomainObj *vm,
                                        virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    bool strict = qemuSnapshotSubsetIsPartial(vm->def, snapdef);
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        g_autoptr(GHashTable) snapshots = NULL;

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst))
            continue;

        if (!(snapshots = qemuSnapshotImageGetSnapshots(disk, NULL))) {
            if (strict)
                return -1;

            virResetLastError();
            continue;
        }

        if (!strict)
            g_hash_table_remove(snapshots, snap->def->name);

        if (qemuSnapshotSubsetCheckNew(snapshots, virDomainDiskGetSource(disk), disk->dst,
                                       snap->def->name) < 0)
            return -1;
    }

    return qemuSnapshotSubsetCheckNewInNvram(vm->def, snap->def->name, strict);
}


/* Whether QEMU is gone or ends soon. The handler of its monitor's end needs the lock
 * of @vm to make sure of that. */
static bool
qemuSnapshotSubsetIsDead(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < QEMU_SNAPSHOT_SUBSET_DEATH_CHECKS; i++) {
        if (!virDomainObjIsActive(vm) ||
            (virProcessKill(vm->pid, 0) < 0 && errno == ESRCH))
            return true;

        virObjectUnlock(vm);
        g_usleep(QEMU_SNAPSHOT_SUBSET_DEATH_INTERVAL * 1000);
        virObjectLock(vm);
    }

    return false;
}


static int
qemuSnapshotSubsetRemoveInactive(virDomainObj *vm,
                                 virDomainDef *def,
                                 virDomainSnapshotDef *snapdef)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virDomainMomentObj) snap = virDomainMomentObjNew();

    snap->def = &((virDomainSnapshotDef *) virObjectRef(snapdef))->parent;

    if (qemuSnapshotForEachQcow2(priv->driver, def, snap, "-d") < 0)
        return -1;

    return qemuSnapshotSubsetCheckDeletedInactive(def, snapdef);
}


/* A QEMU that died after it had saved, but before it could say so, leaves the whole
 * snapshot: its images can be written when it is gone. @def is the definition to look
 * for them in then. */
static int
qemuSnapshotSubsetRemoveFromImages(virDomainObj *vm,
                                   virDomainDef *def,
                                   virDomainSnapshotDef *snapdef,
                                   virDomainAsyncJob asyncJob)
{
    g_autoptr(GHashTable) nodedata = NULL;

    if (virDomainObjIsActive(vm) &&
        qemuSnapshotDiscardActiveInternal(vm, snapdef, asyncJob) == 0)
        return 0;

    /* a QEMU that still answers has failed to delete it */
    if (virDomainObjIsActive(vm) &&
        (nodedata = qemuBlockGetNamedNodeData(vm, asyncJob)))
        return -1;

    if (!def || !qemuSnapshotSubsetIsDead(vm))
        return -1;

    return qemuSnapshotSubsetRemoveInactive(vm, def, snapdef);
}


static void
qemuSnapshotSubsetRemoveMemory(const virDomainSnapshotDef *snapdef)
{
    if (snapdef->memorysnapshotfile &&
        unlink(snapdef->memorysnapshotfile) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s', the memory of snapshot '%s'",
                 snapdef->memorysnapshotfile, snapdef->parent.name);
}


/* Removes @snapdef, the memory of a live one included, be QEMU alive or not. */
static int
qemuSnapshotSubsetRemove(virDomainObj *vm,
                         virDomainDef *def,
                         virDomainSnapshotDef *snapdef,
                         virDomainAsyncJob asyncJob)
{
    qemuSnapshotSubsetRemoveMemory(snapdef);
    return qemuSnapshotSubsetRemoveFromImages(vm, def, snapdef, asyncJob);
}


/**
 * qemuSnapshotSubsetCreateDiscard:
 * @vm: domain, running until now
 * @snapdef: internal snapshot whose taking failed
 *
 * Removes what QEMU may have saved of it, if it was told to. Of what can't be removed,
 * which takes some room in the images, the error that is set tells, too.
 */
void
qemuSnapshotSubsetCreateDiscard(virDomainObj *vm,
                                virDomainSnapshotDef *snapdef)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    virErrorPtr orig_err = NULL;
    int rc;

    if (!jobPriv->snapshotRecord)
        return;

    virErrorPreserveLast(&orig_err);

    if ((rc = qemuSnapshotSubsetRemove(vm, snapdef->parent.dom, snapdef,
                                       VIR_ASYNC_JOB_SNAPSHOT)) < 0)
        VIR_WARN("cannot remove snapshot '%s' of domain '%s' again: %s",
                 snapdef->parent.name, vm->def->name, virGetLastErrorMessage());

    virErrorRestore(&orig_err);

    if (rc < 0)
        virLastErrorPrefixMessage(_("snapshot '%1$s' failed, and stays in images of domain '%2$s' until 'qemu-img snapshot -d' deletes it there while the domain is shut off"),
                                  snapdef->parent.name, vm->def->name);
}


/**
 * qemuSnapshotSubsetCreateBeforeHalt:
 * @vm: running domain
 * @snap: snapshot that was just taken
 * @flags: virDomainSnapshotCreateFlags
 *
 * When QEMU is stopped, the status XML goes with it, and with that the record
 * that lets a restarted libvirtd find a snapshot without metadata. So where QEMU
 * is stopped before the metadata are written, they are written here.
 *
 * Returns 0 on success, -1 with an error reported otherwise.
 */
int
qemuSnapshotSubsetCreateBeforeHalt(virDomainObj *vm,
                                   virDomainMomentObj *snap,
                                   unsigned int flags)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);

    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        return 0;

    return qemuDomainSnapshotWriteMetadata(vm, snap, priv->driver->xmlopt,
                                           cfg->snapshotDir);
}


/**
 * qemuSnapshotSubsetCreateUndo:
 * @vm: domain, running or not
 * @snap: snapshot that was taken but whose metadata can't be written; it is gone
 *        afterwards if @vm is transient and its QEMU ended, so that the caller has to
 *        hold its definition
 * @current: snapshot that was current before; may be NULL
 *
 * Removes an internal @snap from the images and what there is of its metadata, and
 * makes @current the current snapshot again. The error that is set stays.
 */
void
qemuSnapshotSubsetCreateUndo(virDomainObj *vm,
                             virDomainMomentObj *snap,
                             virDomainMomentObj *current)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autofree char *file = g_strdup_printf("%s/%s/%s.xml", cfg->snapshotDir,
                                            vm->def->name, snapdef->parent.name);
    g_autofree char *before = current ? g_strdup(current->def->name) : NULL;
    virErrorPtr orig_err = NULL;

    if (!qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL))
        return;

    virErrorPreserveLast(&orig_err);

    if (qemuSnapshotSubsetRemove(vm, snapdef->parent.dom, snapdef, VIR_ASYNC_JOB_SNAPSHOT) < 0)
        VIR_WARN("cannot remove snapshot '%s' of domain '%s' again: %s",
                 snapdef->parent.name, vm->def->name, virGetLastErrorMessage());

    if (unlink(file) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s'", file);

    /* the snapshots of a transient domain are gone with its QEMU */
    current = before ? virDomainSnapshotFindByName(vm->snapshots, before) : NULL;
    virDomainSnapshotSetCurrent(vm->snapshots, current);

    if (current &&
        qemuDomainSnapshotWriteMetadata(vm, current, priv->driver->xmlopt,
                                        cfg->snapshotDir) < 0)
        VIR_WARN("cannot make snapshot '%s' of domain '%s' current again",
                 before, vm->def->name);

    virErrorRestore(&orig_err);
}


/**
 * qemuSnapshotSubsetKeepsDisk:
 * @vm: domain object
 * @snapdef: external snapshot to revert to
 * @disk: disk of the definition of @snapdef
 *
 * Returns true when a revert leaves the image of @disk as it is: its flag kept it
 * out of @snapdef, and no later snapshot has put an overlay on it. Reports no error.
 */
bool
qemuSnapshotSubsetKeepsDisk(virDomainObj *vm,
                            const virDomainSnapshotDef *snapdef,
                            const virDomainDiskDef *disk)
{
    const virDomainSnapshotDiskDef *snapdisk = qemuSnapshotSubsetFindDisk(snapdef, disk->dst);
    virDomainDiskDef *present = virDomainDiskByTarget(vm->def, disk->dst);

    return disk->flags.snapshot == VIR_TRISTATE_BOOL_NO &&
           snapdisk && snapdisk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_NO &&
           present && virStorageSourceIsSameLocation(present->src, disk->src);
}


/**
 * qemuSnapshotSubsetListKept:
 * @vm: domain object
 * @snapdef: external snapshot to revert to
 * @def: definition of @vm after the revert
 * @overlays: snapshot that makes the overlays of a revert, without disks yet
 *
 * Has @overlays leave out the disks that the revert keeps.
 */
void
qemuSnapshotSubsetListKept(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef,
                           const virDomainDef *def,
                           virDomainSnapshotDef *overlays)
{
    size_t i;

    overlays->disks = g_new0(virDomainSnapshotDiskDef, def->ndisks);

    for (i = 0; i < def->ndisks; i++) {
        virDomainSnapshotDiskDef *disk = &overlays->disks[overlays->ndisks];

        if (!qemuSnapshotSubsetKeepsDisk(vm, snapdef, def->disks[i]))
            continue;

        disk->name = g_strdup(def->disks[i]->dst);
        disk->snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
        disk->src = virStorageSourceNew();
        disk->src->type = VIR_STORAGE_TYPE_FILE;
        overlays->ndisks++;
    }
}


/* A snapshot @name of the disks of @snapdef, in the order of those of @def. */
static virDomainMomentObj *
qemuSnapshotSubsetNewAligned(const virDomainDef *def,
                             const virDomainSnapshotDef *snapdef,
                             const char *name)
{
    virDomainSnapshotDef *aligned = virDomainSnapshotDefNew();
    virDomainMomentObj *ret = virDomainMomentObjNew();
    size_t i;

    aligned->parent.name = g_strdup(name);
    aligned->disks = g_new0(virDomainSnapshotDiskDef, def->ndisks);
    aligned->ndisks = def->ndisks;

    for (i = 0; i < def->ndisks; i++) {
        aligned->disks[i].name = g_strdup(def->disks[i]->dst);
        aligned->disks[i].snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;

        if (qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst))
            aligned->disks[i].snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
    }

    ret->def = &aligned->parent;
    return ret;
}


static int
qemuSnapshotSubsetGoBack(virStorageSource *src,
                         const char *disk,
                         const char *name)
{
    g_autoptr(virCommand) cmd = NULL;

    if ((cmd = qemuSnapshotImageCommand(src, "-a", name)) &&
        virCommandRun(cmd, NULL) == 0)
        return 0;

    virLastErrorPrefixMessage(_("image '%1$s' of disk '%2$s' cannot go back to snapshot '%3$s'"),
                              NULLSTR(src->path), disk, name);
    return -1;
}


static int
qemuSnapshotSubsetGoBackAll(virDomainDef *def,
                            virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        virDomainDiskDef *disk = def->disks[i];

        /* qemu-img took no others */
        if (disk->device == VIR_DOMAIN_DISK_DEVICE_DISK &&
            qemuSnapshotSubsetHasDisk(snapdef, disk->dst) &&
            qemuSnapshotSubsetIsDiskWritable(disk) &&
            qemuSnapshotSubsetGoBack(disk->src, disk->dst, snap->def->name) < 0)
            return -1;
    }

    if (def->os.loader && def->os.loader->nvram &&
        def->os.loader->nvram->format == VIR_STORAGE_FILE_QCOW2)
        return qemuSnapshotSubsetGoBack(def->os.loader->nvram, "nvram", snap->def->name);

    return 0;
}


/**
 * qemuSnapshotSubsetRevertInactive:
 * @vm: domain that is not running
 * @def: definition of @vm at the time of @snap, its pools resolved
 * @snap: internal snapshot without memory
 *
 * All disks go back or, if there was room to keep what they hold, none.
 *
 * Returns 0 on success, -1 with an error reported that names the disk, and where some
 * could not be put forth again also the snapshot that has what the images held.
 */
int
qemuSnapshotSubsetRevertInactive(virDomainObj *vm,
                                 virDomainDef *def,
                                 virDomainMomentObj *snap)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autofree char *name = g_strdup_printf("libvirt-before-revert-%lld",
                                            (long long) g_get_real_time());
    g_autoptr(virDomainMomentObj) present = qemuSnapshotSubsetNewAligned(def,
                                                                         virDomainSnapshotObjGetDef(snap),
                                                                         name);
    bool kept = qemuSnapshotForEachQcow2(priv->driver, def, present, "-c") == 0;
    bool lost = false;
    virErrorPtr orig_err = NULL;
    int ret;

    if (!kept)
        virResetLastError();

    ret = qemuSnapshotSubsetGoBackAll(def, snap);

    if (!kept)
        return ret;

    virErrorPreserveLast(&orig_err);

    if (ret < 0)
        lost = qemuSnapshotForEachQcow2(priv->driver, def, present, "-a") != 0;

    if (!lost)
        ignore_value(qemuSnapshotForEachQcow2(priv->driver, def, present, "-d"));

    virErrorRestore(&orig_err);

    if (lost)
        virLastErrorPrefixMessage(_("some images of domain '%1$s' went back and could not be put forth again; what each of them held is in its snapshot '%2$s' ('qemu-img snapshot -a')"),
                                  vm->def->name, name);

    return ret;
}


/**
 * qemuSnapshotSubsetDeleteValidate:
 * @vm: running domain
 * @snapdef: internal snapshot to be deleted
 *
 * Only the disks of the snapshot are asked: whatever became of the others, they
 * hold nothing of it.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_UNSUPPORTED or
 * VIR_ERR_OPERATION_INVALID naming disk and remedy).
 */
int
qemuSnapshotSubsetDeleteValidate(virDomainObj *vm,
                                 const virDomainSnapshotDef *snapdef)
{
    const char *name = snapdef->parent.name;
    size_t i;

    for (i = 0; i < snapdef->ndisks; i++) {
        const char *target = snapdef->disks[i].name;
        virDomainDiskDef *present = virDomainDiskByTarget(vm->def, target);
        virDomainDiskDef *disk;

        if (snapdef->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            continue;

        if (!present) {
            virReportError(VIR_ERR_OPERATION_INVALID,
                           _("disk '%1$s' of snapshot '%2$s' is not in domain '%3$s': attach it again or shut the domain off first"),
                           target, name, vm->def->name);
            return -1;
        }

        /* snapshots taken by very old libvirt lack the domain */
        if (snapdef->parent.dom &&
            (disk = virDomainDiskByTarget(snapdef->parent.dom, target)) &&
            !virStorageSourceIsSameLocation(present->src, disk->src)) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("disk image '%1$s' for internal snapshot '%2$s' is not the same as disk image currently used by VM: shut the domain off first"),
                           target, name);
            return -1;
        }
    }

    return 0;
}


/**
 * qemuSnapshotSubsetDeletePrepare:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @snapdef: internal snapshot that QEMU is about to delete
 *
 * To be called for each of several snapshots. Leaves a record for a libvirtd that
 * is restarted before the metadata are gone, too.
 *
 * Returns 0 on success, -1 otherwise (see qemuSnapshotSubsetDeleteValidate).
 */
int
qemuSnapshotSubsetDeletePrepare(virDomainObj *vm,
                                const virDomainSnapshotDef *snapdef)
{
    if (qemuSnapshotSubsetDeleteValidate(vm, snapdef) < 0)
        return -1;

    qemuSnapshotSubsetRecordJob(vm, QEMU_SNAPSHOT_RECORD_DELETE, snapdef);
    return 0;
}


static int
qemuSnapshotSubsetCheckGone(virDomainDiskDef *disk,
                            const char *name,
                            bool strict)
{
    g_autoptr(GHashTable) snapshots = NULL;

    if (!(snapshots = qemuSnapshotImageGetSnapshots(disk, NULL))) {
        if (strict)
            return -1;

        virResetLastError();
        return 0;
    }

    if (!virHashHasEntry(snapshots, name))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("image '%1$s' of disk '%2$s' still holds snapshot '%3$s': delete the snapshot again while the domain is shut off and the image can be written"),
                   NULLSTR(virDomainDiskGetSource(disk)), disk->dst, name);
    return -1;
}


/**
 * qemuSnapshotSubsetCheckForgotten:
 * @vm: running domain
 * @snapdef: internal snapshot that is about to be deleted
 * @nodes: names of the nodes that hold it as far as QEMU knows, terminated by NULL
 *
 * After a deletion that failed, e.g. because the storage was full, QEMU no longer
 * knows of a snapshot that the image still holds. So where it knows none of a
 * disk that has to have it, the image itself is looked into, if it is on local
 * storage.
 *
 * Returns 0 if no image holds what QEMU doesn't know of, -1 otherwise
 * (VIR_ERR_OPERATION_FAILED naming disk, image and remedy).
 */
int
qemuSnapshotSubsetCheckForgotten(virDomainObj *vm,
                                 const virDomainSnapshotDef *snapdef,
                                 char **nodes)
{
    bool strict = qemuSnapshotSubsetIsPartial(vm->def, snapdef);
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        const char *node = qemuBlockStorageSourceGetFormatNodename(disk->src);

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            !qemuSnapshotSubsetIsDiskWritable(disk) ||
            !virStorageSourceIsLocalStorage(disk->src) ||
            (node && g_strv_contains((const char * const *) nodes, node)))
            continue;

        if (qemuSnapshotSubsetCheckGone(disk, snapdef->parent.name, strict) < 0)
            return -1;
    }

    return 0;
}


/**
 * qemuSnapshotSubsetCheckDeletedInactive:
 * @def: definition of the domain, which is not running, at the time of @snapdef
 * @snapdef: internal snapshot that qemu-img was told to delete
 *
 * qemu-img is let fail for single images, e.g. such as do not hold the snapshot.
 * One that holds it still is an error, and with a snapshot of a subset one that
 * cannot be looked into is, too.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_FAILED naming disk and
 * image).
 */
int
qemuSnapshotSubsetCheckDeletedInactive(virDomainDef *def,
                                       const virDomainSnapshotDef *snapdef)
{
    bool strict = qemuSnapshotSubsetIsPartial(def, snapdef);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst) &&
            qemuSnapshotSubsetIsDiskWritable(def->disks[i]) &&
            qemuSnapshotSubsetCheckGone(def->disks[i], snapdef->parent.name, strict) < 0)
            return -1;
    }

    return 0;
}


/* The metadata of the earlier current snapshot are written before those of the
 * new one: in between, no file says which one is current. A file that was written
 * but not yet renamed is put in its place, too. */
static void
qemuSnapshotSubsetRecoverCurrent(virDomainObj *vm,
                                 const qemuSnapshotRecord *record)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots,
                                                           record->snapdef->parent.name);

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
 * qemuSnapshotSubsetRecover:
 * @vm: running domain whose monitor was just connected
 * @job: job that libvirtd had on it before it was killed
 *
 * Makes the images match the snapshot metadata: a snapshot that was taken but
 * has no metadata is removed, and the one before it is current again; a deletion
 * that was begun is finished. What cannot be mended is logged, since the domain
 * has to go on all the same.
 */
void
qemuSnapshotSubsetRecover(virDomainObj *vm,
                          virDomainJobObj *job)
{
    qemuDomainJobPrivate *jobPriv = job->privateData;
    const qemuSnapshotRecord *record = jobPriv->snapshotRecord;
    virDomainMomentObj *snap;
    const char *name;

    if (!record)
        return;

    name = record->snapdef->parent.name;

    if (record->type == QEMU_SNAPSHOT_RECORD_SAVE) {
        qemuSnapshotSubsetRecoverCurrent(vm, record);

        if (virDomainSnapshotFindByName(vm->snapshots, name))
            return;
    }

    VIR_DEBUG("snapshot '%s' was left by an interrupted '%s'",
              name, qemuSnapshotRecordTypeToString(record->type));

    if (record->snapdef->memorysnapshotfile)
        qemuSnapshotLiveRecover(vm, record);

    /* the job that was interrupted has concluded by now and has to be dismissed */
    if (qemuBlockJobRefreshJobs(vm) < 0 ||
        qemuSnapshotSubsetRemove(vm, NULL, record->snapdef, VIR_ASYNC_JOB_NONE) < 0) {
        VIR_WARN("cannot remove snapshot '%s' from the images of domain '%s': %s",
                 name, vm->def->name, virGetLastErrorMessage());
        return;
    }

    if (record->type == QEMU_SNAPSHOT_RECORD_DELETE &&
        (snap = virDomainSnapshotFindByName(vm->snapshots, name)) &&
        qemuSnapshotDiscardMetadata(vm, snap, NULL, true) < 0)
        VIR_WARN("cannot remove metadata of snapshot '%s' of domain '%s'",
                 name, vm->def->name);
}


/**
 * qemuSnapshotSubsetRecoverDead:
 * @vm: domain whose QEMU was found dead when libvirtd was started
 * @job: job that libvirtd had on it before it was killed
 *
 * Removes a snapshot that was taken but has no metadata, like
 * qemuSnapshotSubsetRecover. A deletion can be repeated: its metadata are there.
 */
void
qemuSnapshotSubsetRecoverDead(virDomainObj *vm,
                              virDomainJobObj *job)
{
    qemuDomainJobPrivate *jobPriv = job->privateData;
    const qemuSnapshotRecord *record = jobPriv->snapshotRecord;
    g_autoptr(virDomainMomentObj) aligned = NULL;
    const char *name;

    if (!record || record->type != QEMU_SNAPSHOT_RECORD_SAVE)
        return;

    name = record->snapdef->parent.name;
    qemuSnapshotSubsetRecoverCurrent(vm, record);

    if (virDomainSnapshotFindByName(vm->snapshots, name))
        return;

    qemuSnapshotSubsetRemoveMemory(record->snapdef);
    aligned = qemuSnapshotSubsetNewAligned(vm->def, record->snapdef, name);

    if (qemuSnapshotSubsetRemoveInactive(vm, vm->def, virDomainSnapshotObjGetDef(aligned)) < 0)
        VIR_WARN("cannot remove snapshot '%s' from the images of domain '%s': %s",
                 name, vm->def->name, virGetLastErrorMessage());
}
