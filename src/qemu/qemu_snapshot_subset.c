/*
 * qemu_snapshot_subset.c: internal snapshots of some of a domain's disks
 *
 * QEMU's monitor commands savevm, loadvm and delvm work on every writable disk
 * or fail. Where a snapshot leaves a writable disk out, jobs on just the nodes of
 * the selected disks take their place; where it doesn't, nothing here is used to
 * create it or to revert to it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_process.h"
#include "qemu_snapshot_image.h"
#include "qemu_snapshot_job.h"
#include "qemu_snapshot_subset.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virhash.h"
#include "virlog.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A QEMU process that has closed its monitor is about to end: how often to look,
 * and after how many milliseconds again. */
#define QEMU_SNAPSHOT_SUBSET_DEATH_CHECKS 200
#define QEMU_SNAPSHOT_SUBSET_DEATH_INTERVAL 50

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


static bool
qemuSnapshotSubsetHasDisk(const virDomainSnapshotDef *snapdef,
                          const char *target)
{
    const virDomainSnapshotDiskDef *disk = qemuSnapshotSubsetFindDisk(snapdef, target);

    return disk && disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
}


/* savevm and its like insist on every disk that this is true for */
static bool
qemuSnapshotSubsetIsDiskWritable(const virDomainDiskDef *disk)
{
    return !virStorageSourceIsEmpty(disk->src) &&
           !disk->src->readonly &&
           disk->src->type != VIR_STORAGE_TYPE_VHOST_USER;
}


/**
 * qemuSnapshotSubsetIsNeeded:
 * @def: definition of the domain, running or about to be started
 * @snap: internal snapshot
 *
 * Returns true when @def has a writable disk that is not in @snap. Reports no
 * error.
 */
bool
qemuSnapshotSubsetIsNeeded(const virDomainDef *def,
                           virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qemuSnapshotSubsetIsDiskWritable(def->disks[i]) &&
            !qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst))
            return true;
    }

    return false;
}


static int
qemuSnapshotSubsetCheckCaps(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (virQEMUCapsGet(priv->qemuCaps, QEMU_CAPS_SNAPSHOT_SAVE))
        return 0;

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("this QEMU binary cannot leave out disks from internal snapshots of the running domain '%s': use QEMU 6.0 or newer, select every writable disk with the flag <snapshot>, or shut the domain off first"),
                   vm->def->name);
    return -1;
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
                       _("nothing selected for snapshot: disk '%s' and every other disk is left out; set the flag <snapshot> of a disk to 'true' or select one in the snapshot XML (--diskspec %s,snapshot=internal)"),
                       disk->dst, disk->dst);
        return -1;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("nothing selected for snapshot: domain '%s' has no writable disk"),
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
                                 const char *external)
{
    const char *memory = NULL;

    if (internal && external) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("mixing internal and external targets for a snapshot is not yet supported: disk '%s' is internal and disk '%s' external; choose one way for both or leave one out with the flag <snapshot>false</snapshot> (--diskspec %s,snapshot=no)"),
                       internal, external, external);
        return -1;
    }

    if (internal && snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        memory = "external";

    if (external && snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
        memory = "internal";

    if (memory) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("mixing internal and external targets for a snapshot is not yet supported: the memory is '%s' and disk '%s' is not; choose one way for both or leave the disk out with the flag <snapshot>false</snapshot>"),
                       memory, NULLSTR(internal ? internal : external));
        return -1;
    }

    return 0;
}


/**
 * qemuSnapshotSubsetValidate:
 * @vm: domain object
 * @snapdef: definition of the snapshot, aligned to the disks of @vm
 *
 * Checks that what the snapshot takes can be taken together.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_CONFIG_UNSUPPORTED or
 * VIR_ERR_OPERATION_UNSUPPORTED naming disk, flag and remedy).
 */
int
qemuSnapshotSubsetValidate(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef)
{
    const char *internal = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL);
    const char *external = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL);
    const char *manual = qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL);
    size_t i;

    if (!internal && !external && !manual &&
        snapdef->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        return qemuSnapshotSubsetReportNothing(vm->def);

    if (qemuSnapshotSubsetValidateMixing(snapdef, internal, external) < 0)
        return -1;

    if (!internal || !virDomainObjIsActive(vm))
        return 0;

    for (i = 0; i < vm->def->ndisks; i++) {
        if (qemuSnapshotSubsetIsDiskWritable(vm->def->disks[i]) &&
            !qemuSnapshotSubsetHasDisk(snapdef, vm->def->disks[i]->dst))
            return qemuSnapshotSubsetCheckCaps(vm);
    }

    return 0;
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
                   _("internal snapshot for disk %s unsupported for storage type %s: leave the disk out with the flag <snapshot>false</snapshot> (--diskspec %s,snapshot=no)"),
                   disk->dst, virStorageFileFormatTypeToString(disk->src->format),
                   disk->dst);
}


/* The names of the format nodes of the snapshot's disks, in the order of the
 * snapshot's definition; nodes are looked up anew each time, since a block job
 * may have changed them. */
static char **
qemuSnapshotSubsetGetNodes(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef)
{
    g_auto(GStrv) nodes = g_new0(char *, snapdef->ndisks + 1);
    size_t nnodes = 0;
    size_t i;

    for (i = 0; i < snapdef->ndisks; i++) {
        const char *target = snapdef->disks[i].name;
        virDomainDiskDef *disk;

        if (snapdef->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            continue;

        if (!(disk = virDomainDiskByTarget(vm->def, target))) {
            virReportError(VIR_ERR_OPERATION_INVALID,
                           _("disk '%s' of snapshot '%s' is not in domain '%s': attach it again or shut the domain off first"),
                           target, snapdef->parent.name, vm->def->name);
            return NULL;
        }

        if (!disk->src->nodeformat) {
            virReportError(VIR_ERR_OPERATION_INVALID,
                           _("disk '%s' of snapshot '%s' has no image: insert one or leave the disk out (--diskspec %s,snapshot=no)"),
                           target, snapdef->parent.name, target);
            return NULL;
        }

        nodes[nnodes++] = g_strdup(disk->src->nodeformat);
    }

    return g_steal_pointer(&nodes);
}


static int
qemuSnapshotSubsetReportTag(const virDomainDiskDef *disk,
                            const char *tag)
{
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("image '%s' of disk '%s' already holds a snapshot '%s': choose another name or delete it with 'qemu-img snapshot -d' while the domain is shut off"),
                   NULLSTR(virDomainDiskGetSource(disk)), disk->dst, tag);
    return -1;
}


static int
qemuSnapshotSubsetCheckTagActive(virDomainObj *vm,
                                 const virDomainSnapshotDef *snapdef)
{
    g_autoptr(GHashTable) nodedata = NULL;
    size_t i;

    if (!(nodedata = qemuBlockGetNamedNodeData(vm, VIR_ASYNC_JOB_SNAPSHOT)))
        return -1;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        qemuBlockNamedNodeData *node;

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            !(node = virHashLookup(nodedata, disk->src->nodeformat)))
            continue;

        if (qemuSnapshotTagsContain(node->tags, snapdef->parent.name))
            return qemuSnapshotSubsetReportTag(disk, snapdef->parent.name);
    }

    return 0;
}


static int
qemuSnapshotSubsetCheckTagInactive(virDomainObj *vm,
                                   const virDomainSnapshotDef *snapdef)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        g_autoptr(qemuSnapshotTags) tags = NULL;

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst))
            continue;

        if (!(tags = qemuSnapshotImageGetTags(priv->driver, disk)))
            return -1;

        if (qemuSnapshotTagsContain(tags, snapdef->parent.name))
            return qemuSnapshotSubsetReportTag(disk, snapdef->parent.name);
    }

    return 0;
}


/**
 * qemuSnapshotSubsetCreatePrepare:
 * @vm: domain, running or not
 * @snap: snapshot to be taken
 *
 * To be called before the domain is paused. QEMU would find out only in the end
 * that an image already holds a snapshot of that name, and qemu-img would add a
 * second one beside it.
 *
 * Returns 0 on success, also when the snapshot takes every writable disk, -1
 * otherwise (VIR_ERR_OPERATION_INVALID naming image, disk and remedy).
 */
int
qemuSnapshotSubsetCreatePrepare(virDomainObj *vm,
                                virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);

    if (!qemuSnapshotSubsetIsNeeded(vm->def, snap))
        return 0;

    if (virDomainObjIsActive(vm))
        return qemuSnapshotSubsetCheckTagActive(vm, snapdef);

    return qemuSnapshotSubsetCheckTagInactive(vm, snapdef);
}


static int
qemuSnapshotSubsetPause(virDomainObj *vm,
                        bool *resume)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return 0;

    if (qemuProcessStopCPUs(priv->driver, vm, VIR_DOMAIN_PAUSED_SNAPSHOT,
                            VIR_ASYNC_JOB_SNAPSHOT) < 0)
        return -1;

    *resume = true;

    if (!virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("guest unexpectedly quit"));
        return -1;
    }

    return 0;
}


/* Runs the job with the guest standing still. Files are written before and after
 * that: it takes as long as the storage of the host lets it, and longer the more
 * disks a domain has. */
static int
qemuSnapshotSubsetSave(virDomainObj *vm,
                       const char *tag,
                       char **nodes,
                       bool halt,
                       bool *resume)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(qemuBlockJobData) job = NULL;

    if (!(job = qemuSnapshotJobNewRecorded(vm, QEMU_SNAPSHOT_JOB_SAVE, tag, nodes)))
        return -1;

    if (qemuSnapshotSubsetPause(vm, resume) < 0 ||
        qemuSnapshotJobPerform(vm, job, tag, nodes[0], nodes, VIR_ASYNC_JOB_SNAPSHOT) < 0) {
        qemuBlockJobStartupFinalize(vm, g_steal_pointer(&job));
        return -1;
    }

    /* where this fails, the caller tries again and reports it */
    if (*resume && !halt &&
        qemuProcessStartCPUs(priv->driver, vm, VIR_DOMAIN_RUNNING_UNPAUSED,
                             VIR_ASYNC_JOB_SNAPSHOT) == 0)
        *resume = false;

    return qemuSnapshotJobFinish(vm, job, tag, VIR_ASYNC_JOB_SNAPSHOT);
}


/* Whether QEMU is gone, though the handler of its monitor's end may have yet to say
 * so. The lock of @vm is kept meanwhile, since that handler takes the snapshots of a
 * transient domain away. A monitor may also break without QEMU's end. */
static bool
qemuSnapshotSubsetIsDead(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    size_t i;

    if (!virDomainObjIsActive(vm))
        return true;

    if (priv->mon && !qemuMonitorIsBroken(priv->mon))
        return false;

    for (i = 0; i < QEMU_SNAPSHOT_SUBSET_DEATH_CHECKS; i++) {
        if (virProcessKill(vm->pid, 0) < 0 && errno == ESRCH)
            return true;

        g_usleep(QEMU_SNAPSHOT_SUBSET_DEATH_INTERVAL * 1000);
    }

    return false;
}


/* Removes what a save that failed may have left. A QEMU that died after it had
 * saved, but before it could say so, leaves the whole snapshot: its images can be
 * written when it is gone. What can't be removed is logged, as the error of the
 * save is the one to be reported. */
static void
qemuSnapshotSubsetCreateDiscard(virDomainObj *vm,
                                const virDomainSnapshotDef *snapdef,
                                char **nodes)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const char *name = snapdef->parent.name;
    int rc = -1;

    if (virDomainObjIsActive(vm) &&
        qemuSnapshotJobRun(vm, QEMU_SNAPSHOT_JOB_DELETE, name,
                           NULL, nodes, VIR_ASYNC_JOB_SNAPSHOT) == 0)
        rc = qemuSnapshotSubsetCheckDeleted(vm, snapdef);
    else if (qemuSnapshotSubsetIsDead(vm))
        rc = qemuSnapshotSubsetDeleteInactive(priv->driver, snapdef->parent.dom, snapdef);

    if (rc < 0)
        VIR_WARN("cannot remove snapshot '%s' of domain '%s' again: %s",
                 name, vm->def->name, virGetLastErrorMessage());
}


/**
 * qemuSnapshotSubsetCreate:
 * @vm: running domain
 * @snap: snapshot to be taken, see qemuSnapshotSubsetCreatePrepare
 * @flags: virDomainSnapshotCreateFlags
 * @resume: set to true when the caller has to start the domain's CPUs again
 *
 * Saves the disks of @snap, and the memory into the first of them, while the CPUs
 * are stopped. If that fails, all parts of it are removed from the images, or the
 * log says why they can't be.
 *
 * Returns 0 on success, -1 with an error reported otherwise; @snap of a transient
 * domain whose QEMU has died is freed then.
 */
int
qemuSnapshotSubsetCreate(virDomainObj *vm,
                         virDomainMomentObj *snap,
                         unsigned int flags,
                         bool *resume)
{
    g_autoptr(virDomainSnapshotDef) snapdef = virObjectRef(virDomainSnapshotObjGetDef(snap));
    g_auto(GStrv) nodes = NULL;
    virErrorPtr orig_err = NULL;

    if (!(nodes = qemuSnapshotSubsetGetNodes(vm, snapdef)))
        return -1;

    if (qemuSnapshotSubsetSave(vm, snapdef->parent.name, nodes,
                               flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT, resume) == 0)
        return 0;

    virErrorPreserveLast(&orig_err);
    qemuSnapshotSubsetCreateDiscard(vm, snapdef, nodes);
    virErrorRestore(&orig_err);
    return -1;
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
 * Returns 0 on success, -1 with an error reported otherwise, in which case no
 * image keeps any part of the snapshot.
 */
int
qemuSnapshotSubsetCreateBeforeHalt(virDomainObj *vm,
                                   virDomainMomentObj *snap,
                                   unsigned int flags)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);

    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA ||
        !qemuSnapshotSubsetIsNeeded(vm->def, snap))
        return 0;

    if (qemuDomainSnapshotWriteMetadata(vm, snap, priv->driver->xmlopt,
                                        cfg->snapshotDir) == 0)
        return 0;

    qemuSnapshotSubsetCreateUndo(vm, snap, virDomainSnapshotGetCurrent(vm->snapshots));
    return -1;
}


/**
 * qemuSnapshotSubsetCreateUndo:
 * @vm: domain, running or not
 * @snap: internal snapshot that was taken but whose metadata can't be written
 * @current: snapshot that was current before; may be NULL
 *
 * Removes @snap from the images, unless it takes every writable disk, and what
 * there is of its metadata, and makes @current the current snapshot again. The
 * error that is set stays.
 */
void
qemuSnapshotSubsetCreateUndo(virDomainObj *vm,
                             virDomainMomentObj *snap,
                             virDomainMomentObj *current)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autofree char *file = g_strdup_printf("%s/%s/%s.xml", cfg->snapshotDir,
                                            vm->def->name, snap->def->name);
    virErrorPtr orig_err = NULL;
    int rc;

    /* a domain that was halted has its persistent definition by now, which may lack
     * disks that were plugged in */
    if (!qemuSnapshotSubsetFirst(snapdef, VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL) ||
        !qemuSnapshotSubsetIsNeeded(snap->def->dom, snap))
        return;

    virErrorPreserveLast(&orig_err);

    if (virDomainObjIsActive(vm)) {
        g_auto(GStrv) nodes = qemuSnapshotSubsetGetNodes(vm, snapdef);

        rc = nodes ? qemuSnapshotJobRun(vm, QEMU_SNAPSHOT_JOB_DELETE, snap->def->name,
                                        NULL, nodes, VIR_ASYNC_JOB_SNAPSHOT) : -1;
    } else {
        rc = qemuSnapshotSubsetDeleteInactive(priv->driver, snap->def->dom, snapdef);
    }

    if (rc < 0)
        VIR_WARN("cannot remove snapshot '%s' of domain '%s' again: %s",
                 snap->def->name, vm->def->name, virGetLastErrorMessage());

    if (unlink(file) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s'", file);

    virDomainSnapshotSetCurrent(vm->snapshots, current);

    if (current &&
        qemuDomainSnapshotWriteMetadata(vm, current, priv->driver->xmlopt,
                                        cfg->snapshotDir) < 0)
        VIR_WARN("cannot make snapshot '%s' of domain '%s' current again",
                 current->def->name, vm->def->name);

    virErrorRestore(&orig_err);
}


static int
qemuSnapshotSubsetCheckLiveBitmaps(virDomainObj *vm,
                                   GHashTable *nodedata,
                                   const virDomainDiskDef *snapdisk,
                                   const char *name)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, snapdisk->dst);
    qemuBlockNamedNodeData *node;
    size_t i;

    if (!disk ||
        !virStorageSourceIsSameLocation(disk->src, snapdisk->src) ||
        !(node = virHashLookup(nodedata, disk->src->nodeformat)))
        return 0;

    /* those that are not persistent end with the running QEMU */
    for (i = 0; i < node->nbitmaps; i++) {
        if (!node->bitmaps[i]->persistent)
            continue;

        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("cannot revert to snapshot '%s': image '%s' of disk '%s' has the active dirty bitmap '%s'; delete the checkpoint that it belongs to first"),
                       name, NULLSTR(virDomainDiskGetSource(disk)), disk->dst,
                       node->bitmaps[i]->name);
        return -1;
    }

    return 0;
}


static int
qemuSnapshotSubsetCheckImage(virQEMUDriver *driver,
                             virDomainDiskDef *disk,
                             const char *name,
                             bool *memory)
{
    g_autoptr(qemuSnapshotTags) tags = NULL;

    if (!(tags = qemuSnapshotImageGetTags(driver, disk)))
        return -1;

    if (!qemuSnapshotTagsContain(tags, name)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("cannot revert to snapshot '%s': image '%s' of disk '%s' does not hold it; bring back an image that does or delete the snapshot's metadata (snapshot-delete --metadata)"),
                       name, NULLSTR(virDomainDiskGetSource(disk)), disk->dst);
        return -1;
    }

    if (tags->bitmaps[0]) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("cannot revert to snapshot '%s': image '%s' of disk '%s' has the active dirty bitmap '%s'; delete the checkpoint that it belongs to first"),
                       name, NULLSTR(virDomainDiskGetSource(disk)), disk->dst,
                       tags->bitmaps[0]);
        return -1;
    }

    if (qemuSnapshotTagsContainMemory(tags, name))
        *memory = true;

    return 0;
}


static int
qemuSnapshotSubsetCheckImages(virDomainObj *vm,
                              virDomainMomentObj *snap)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    virDomainDef *def = snap->def->dom;
    g_autoptr(GHashTable) nodedata = NULL;
    bool memory = false;
    size_t i;

    if (virDomainObjIsActive(vm) &&
        !(nodedata = qemuBlockGetNamedNodeData(vm, VIR_ASYNC_JOB_START)))
        return -1;

    for (i = 0; i < def->ndisks; i++) {
        if (!qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst))
            continue;

        if (qemuSnapshotSubsetCheckImage(priv->driver, def->disks[i],
                                         snap->def->name, &memory) < 0)
            return -1;

        if (nodedata &&
            qemuSnapshotSubsetCheckLiveBitmaps(vm, nodedata, def->disks[i],
                                               snap->def->name) < 0)
            return -1;
    }

    if (snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL && !memory) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("cannot revert to snapshot '%s': no image of domain '%s' holds its memory; delete the snapshot's metadata (snapshot-delete --metadata)"),
                       snap->def->name, vm->def->name);
        return -1;
    }

    return 0;
}


static int
qemuSnapshotSubsetKeepDisks(virDomainObj *vm,
                            virDomainMomentObj *snap,
                            virDomainDef *present,
                            virDomainDef *config)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virDomainDef) copy = NULL;
    size_t i;

    if (!config)
        return 0;

    if (!(copy = virDomainDefCopy(present, priv->driver->xmlopt, priv->qemuCaps, true)))
        return -1;

    for (i = 0; i < config->ndisks; i++) {
        virDomainDiskDef *disk = config->disks[i];
        virDomainDiskDef *kept = virDomainDiskByTarget(copy, disk->dst);

        /* the medium of a read-only drive belongs to what the guest saw */
        if (!kept ||
            !qemuSnapshotSubsetIsDiskWritable(disk) ||
            qemuSnapshotSubsetHasDisk(snapdef, disk->dst))
            continue;

        virObjectUnref(disk->src);
        disk->src = virObjectRef(kept->src);
    }

    return 0;
}


/**
 * qemuSnapshotSubsetRevertPrepare:
 * @vm: domain, running or not, that is about to be reverted
 * @snap: internal snapshot to revert to
 * @config: definition that is about to be started; may be NULL
 * @inactiveConfig: definition that is about to become the persistent one; may be
 *                  NULL
 *
 * To be called before the domain is touched. Makes sure that the images hold
 * what is needed, and keeps the present sources of the disks that are not in
 * @snap in both definitions.
 *
 * Returns 0 on success, -1 otherwise (naming disk, image and remedy); the domain
 * can go on then.
 */
int
qemuSnapshotSubsetRevertPrepare(virDomainObj *vm,
                                virDomainMomentObj *snap,
                                virDomainDef *config,
                                virDomainDef *inactiveConfig)
{
    virDomainDef *persistent = vm->newDef ? vm->newDef : vm->def;

    if (qemuSnapshotSubsetCheckImages(vm, snap) < 0)
        return -1;

    if (!qemuSnapshotSubsetIsNeeded(snap->def->dom, snap))
        return 0;

    if (config && virDomainObjIsActive(vm) && qemuSnapshotSubsetCheckCaps(vm) < 0)
        return -1;

    if (qemuSnapshotSubsetKeepDisks(vm, snap, vm->def, config) < 0 ||
        qemuSnapshotSubsetKeepDisks(vm, snap, persistent, inactiveConfig) < 0)
        return -1;

    return 0;
}


static const char *
qemuSnapshotSubsetFindMemory(GHashTable *nodedata,
                             char **nodes,
                             const char *name)
{
    char **next;

    for (next = nodes; *next; next++) {
        qemuBlockNamedNodeData *node = virHashLookup(nodedata, *next);

        if (node && qemuSnapshotTagsContainMemory(node->tags, name))
            return *next;
    }

    return NULL;
}


/**
 * qemuSnapshotSubsetLoad:
 * @vm: domain that was just started without running its CPUs
 * @snap: snapshot to revert to; NULL if it is started for another reason
 * @asyncJob: asynchronous job that the caller holds
 *
 * Restores memory and disks of @snap, unless QEMU did so at its start because
 * @snap takes every writable disk.
 *
 * Returns 0 on success, -1 with an error reported otherwise.
 */
int
qemuSnapshotSubsetLoad(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       virDomainAsyncJob asyncJob)
{
    g_autoptr(GHashTable) nodedata = NULL;
    g_auto(GStrv) nodes = NULL;
    const char *vmstate;

    if (!snap || !qemuSnapshotSubsetIsNeeded(vm->def, snap))
        return 0;

    if (qemuSnapshotSubsetCheckCaps(vm) < 0)
        return -1;

    if (!(nodes = qemuSnapshotSubsetGetNodes(vm, virDomainSnapshotObjGetDef(snap))) ||
        !(nodedata = qemuBlockGetNamedNodeData(vm, asyncJob)))
        return -1;

    if (!(vmstate = qemuSnapshotSubsetFindMemory(nodedata, nodes, snap->def->name))) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("no image of domain '%s' holds the memory of snapshot '%s'"),
                       vm->def->name, snap->def->name);
        return -1;
    }

    return qemuSnapshotJobRun(vm, QEMU_SNAPSHOT_JOB_LOAD, snap->def->name,
                              vmstate, nodes, asyncJob);
}


/**
 * qemuSnapshotSubsetDeleteValidate:
 * @vm: running domain
 * @snap: internal snapshot to be deleted
 *
 * Only the disks of the snapshot are asked: whatever became of the others, they
 * hold nothing of it.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_UNSUPPORTED or
 * VIR_ERR_OPERATION_INVALID naming disk and remedy).
 */
int
qemuSnapshotSubsetDeleteValidate(virDomainObj *vm,
                                 virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_auto(GStrv) nodes = NULL;
    size_t i;

    if (!(nodes = qemuSnapshotSubsetGetNodes(vm, snapdef)))
        return -1;

    for (i = 0; i < snapdef->ndisks; i++) {
        const char *target = snapdef->disks[i].name;
        virDomainDiskDef *vmdisk = virDomainDiskByTarget(vm->def, target);
        virDomainDiskDef *disk;

        if (snapdef->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            continue;

        /* snapshots taken by very old libvirt lack the domain */
        if (snapdef->parent.dom &&
            (disk = virDomainDiskByTarget(snapdef->parent.dom, target)) &&
            !virStorageSourceIsSameLocation(vmdisk->src, disk->src)) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("disk image '%s' for internal snapshot '%s' is not the same as disk image currently used by VM: shut the domain off first"),
                           target, snap->def->name);
            return -1;
        }
    }

    return 0;
}


/**
 * qemuSnapshotSubsetDelete:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @snap: internal snapshot to be deleted
 *
 * Returns 1 if the domain has no writable disk outside @snap, so that delvm does
 * the work, 0 if QEMU has deleted the snapshot, -1 with an error reported if it
 * has not.
 */
int
qemuSnapshotSubsetDelete(virDomainObj *vm,
                         virDomainMomentObj *snap)
{
    g_auto(GStrv) nodes = NULL;

    /* delvm would pass over a disk of the snapshot that has been unplugged */
    if (qemuSnapshotSubsetDeleteValidate(vm, snap) < 0)
        return -1;

    if (!qemuSnapshotSubsetIsNeeded(vm->def, snap))
        return 1;

    if (qemuSnapshotSubsetCheckCaps(vm) < 0)
        return -1;

    if (!(nodes = qemuSnapshotSubsetGetNodes(vm, virDomainSnapshotObjGetDef(snap))))
        return -1;

    return qemuSnapshotJobDeleteRecorded(vm, snap->def->name, nodes);
}


/**
 * qemuSnapshotSubsetCheckDeleted:
 * @vm: running domain
 * @snapdef: internal snapshot that QEMU was told to delete
 *
 * delvm doesn't tell libvirt whether it worked. The job does, but after one that
 * failed, e.g. because the storage was full, QEMU no longer knows of a snapshot
 * that the image still holds, and the next one succeeds without doing anything.
 * So the images on local storage are looked into.
 *
 * Returns 0 if none of them holds @snapdef, -1 otherwise (VIR_ERR_OPERATION_FAILED
 * naming disk, image and remedy).
 */
int
qemuSnapshotSubsetCheckDeleted(virDomainObj *vm,
                               const virDomainSnapshotDef *snapdef)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const char *name = snapdef->parent.name;
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        g_autoptr(qemuSnapshotTags) tags = NULL;

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            !virStorageSourceIsLocalStorage(disk->src))
            continue;

        if (!(tags = qemuSnapshotImageGetTags(priv->driver, disk)))
            return -1;

        if (qemuSnapshotTagsContain(tags, name)) {
            virReportError(VIR_ERR_OPERATION_FAILED,
                           _("image '%s' of disk '%s' still holds snapshot '%s': shut the domain off and delete the snapshot again"),
                           NULLSTR(virDomainDiskGetSource(disk)), disk->dst, name);
            return -1;
        }
    }

    return 0;
}


/**
 * qemuSnapshotSubsetDeleteInactive:
 * @driver: qemu driver data
 * @def: definition of the domain, which is not running, at the time of @snapdef
 * @snapdef: internal snapshot to be deleted
 *
 * All images are tried, and one that can't be cleaned is an error.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_FAILED naming disk and
 * image).
 */
int
qemuSnapshotSubsetDeleteInactive(virQEMUDriver *driver,
                                 virDomainDef *def,
                                 const virDomainSnapshotDef *snapdef)
{
    int ret = 0;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qemuSnapshotSubsetHasDisk(snapdef, def->disks[i]->dst) &&
            qemuSnapshotImageDelete(driver, def->disks[i], snapdef->parent.name) < 0)
            ret = -1;
    }

    return ret;
}
