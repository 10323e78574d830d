/*
 * qemu_snapshot_precheck.c: what a revert needs, looked at beforehand
 *
 * Every revert ends QEMU and starts another one. What would keep that one from
 * starting, or would have it end up elsewhere than in the snapshot that was asked
 * for, is looked for while the domain still runs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <gio/gio.h>

#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_snapshot_image.h"
#include "qemu_snapshot_live.h"
#include "qemu_snapshot_precheck.h"
#include "qemu_snapshot_subset.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virhash.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_snapshot_precheck");

/* Seconds that a server of storage is given to answer: the domain is locked. */
#define QEMU_SNAPSHOT_PRECHECK_TIMEOUT 10


static int
qemuSnapshotPrecheckReportMissing(const virDomainDiskDef *disk,
                                  const char *name)
{
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("cannot revert to snapshot '%1$s': image '%2$s' of disk '%3$s' does not hold it; bring back an image that does or delete the snapshot's metadata (snapshot-delete --metadata)"),
                   name, NULLSTR(virDomainDiskGetSource(disk)), disk->dst);
    return -1;
}


/* qemu-img, which goes back without memory, is given the ID. */
static int
qemuSnapshotPrecheckID(GHashTable *snapshots,
                       const char *image,
                       const char *disk,
                       const virDomainSnapshotDef *snapdef)
{
    const char *name = snapdef->parent.name;
    const char *other;

    if (snapdef->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL ||
        !(other = qemuSnapshotImageFindID(snapshots, name)))
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("cannot revert to snapshot '%1$s': QEMU would take snapshot '%2$s' for it, which has the ID %3$s in image '%4$s' of disk '%5$s'; delete snapshot '%6$s' first"),
                   name, other, name, image, disk, other);
    return -1;
}


static int
qemuSnapshotPrecheckSnapshots(GHashTable *snapshots,
                              const char *bitmap,
                              const virDomainDiskDef *disk,
                              const virDomainSnapshotDef *snapdef,
                              bool *memory)
{
    const char *name = snapdef->parent.name;
    const char *image = NULLSTR(virDomainDiskGetSource(disk));
    qemuBlockNamedNodeDataSnapshot *snapshot = snapshots ? virHashLookup(snapshots, name) : NULL;

    if (!snapshot)
        return qemuSnapshotPrecheckReportMissing(disk, name);

    if (qemuSnapshotPrecheckID(snapshots, image, disk->dst, snapdef) < 0)
        return -1;

    if (bitmap) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("cannot revert to snapshot '%1$s': image '%2$s' of disk '%3$s' has the active dirty bitmap '%4$s'; delete the checkpoint that it belongs to first"),
                       name, image, disk->dst, bitmap);
        return -1;
    }

    if (snapshot->vmstate)
        *memory = true;

    return 0;
}


/* Those that are not persistent end with the running QEMU. */
static const char *
qemuSnapshotPrecheckGetBitmap(const qemuBlockNamedNodeData *node)
{
    size_t i;

    for (i = 0; i < node->nbitmaps; i++) {
        if (node->bitmaps[i]->persistent)
            return node->bitmaps[i]->name;
    }

    return NULL;
}


/* One that was removed meanwhile cannot be opened again. */
static int
qemuSnapshotPrecheckRemoved(virDomainObj *vm,
                            virDomainDiskDef *disk,
                            const char *name)
{
    if (!qemuSnapshotImageIsRemoved(vm, disk))
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("cannot revert to snapshot '%1$s': image '%2$s' of disk '%3$s' was removed; bring it back or delete the snapshot's metadata (snapshot-delete --metadata)"),
                   name, virDomainDiskGetSource(disk), disk->dst);
    return -1;
}


/* An image that QEMU has open is QEMU's to look into: nobody else may be able to.
 * The QEMU that is started looks again before it loads: so what nobody can look into
 * is refused only where a domain would be stopped in vain, and where stock libvirt
 * would have taken no snapshot. */
static int
qemuSnapshotPrecheckImage(virDomainObj *vm,
                          const qemuBlockNamedNodeData *node,
                          virDomainDiskDef *disk,
                          const virDomainSnapshotDef *snapdef,
                          bool *memory)
{
    g_autoptr(GHashTable) snapshots = NULL;
    g_autofree char *bitmap = NULL;

    if (qemuSnapshotPrecheckRemoved(vm, disk, snapdef->parent.name) < 0)
        return -1;

    if (node)
        return qemuSnapshotPrecheckSnapshots(node->snapshots, qemuSnapshotPrecheckGetBitmap(node),
                                             disk, snapdef, memory);

    if ((snapshots = qemuSnapshotImageGetSnapshots(disk, &bitmap)))
        return qemuSnapshotPrecheckSnapshots(snapshots, bitmap, disk, snapdef, memory);

    if (snapdef->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL ||
        (virDomainObjIsActive(vm) &&
         qemuSnapshotSubsetIsPartial(snapdef->parent.dom, snapdef)))
        return -1;

    VIR_DEBUG("left to QEMU: %s", virGetLastErrorMessage());
    virResetLastError();
    *memory = true;
    return 0;
}


static qemuBlockNamedNodeData *
qemuSnapshotPrecheckFindNode(virDomainObj *vm,
                             GHashTable *nodedata,
                             const virDomainDiskDef *disk)
{
    virDomainDiskDef *present = virDomainDiskByTarget(vm->def, disk->dst);
    const char *node;

    if (!nodedata || !present ||
        !virStorageSourceIsSameLocation(present->src, disk->src) ||
        !(node = qemuBlockStorageSourceGetFormatNodename(present->src)))
        return NULL;

    return virHashLookup(nodedata, node);
}


/* One that does not hold the snapshot is not touched. */
static int
qemuSnapshotPrecheckNvram(virDomainObj *vm,
                          const virDomainSnapshotDef *snapdef)
{
    const virDomainLoaderDef *loader = snapdef->parent.dom->os.loader;
    g_autoptr(GHashTable) snapshots = NULL;

    if (!loader || !loader->nvram ||
        loader->nvram->format != VIR_STORAGE_FILE_QCOW2 ||
        !virStorageSourceIsLocalStorage(loader->nvram))
        return 0;

    if (!(snapshots = qemuSnapshotImageLookInto(loader->nvram, "nvram", NULL))) {
        VIR_DEBUG("NVRAM of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        return 0;
    }

    if (!virHashHasEntry(snapshots, snapdef->parent.name))
        return 0;

    return qemuSnapshotPrecheckID(snapshots, loader->nvram->path, "nvram", snapdef);
}


static int
qemuSnapshotPrecheckImages(virDomainObj *vm,
                           virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    virDomainDef *def = snap->def->dom;
    g_autoptr(GHashTable) nodedata = NULL;
    bool memory = false;
    size_t i;

    if (virDomainObjIsActive(vm) &&
        !(nodedata = qemuBlockGetNamedNodeData(vm, VIR_ASYNC_JOB_SNAPSHOT)))
        return -1;

    for (i = 0; i < def->ndisks; i++) {
        virDomainDiskDef *disk = def->disks[i];

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            !qemuSnapshotSubsetIsDiskWritable(disk))
            continue;

        /* qemu-img, which took those without memory, took no others */
        if (snapdef->memory != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL &&
            disk->device != VIR_DOMAIN_DISK_DEVICE_DISK)
            continue;

        if (qemuSnapshotPrecheckImage(vm, qemuSnapshotPrecheckFindNode(vm, nodedata, disk),
                                      disk, snapdef, &memory) < 0)
            return -1;
    }

    if (snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL && !memory) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("cannot revert to snapshot '%1$s': no image of domain '%2$s' holds its memory; delete the snapshot's metadata (snapshot-delete --metadata)"),
                       snap->def->name, vm->def->name);
        return -1;
    }

    return qemuSnapshotPrecheckNvram(vm, snapdef);
}


/* Returns the image that has @src as one of its backing files, NULL if @chain has
 * it as its first image or not at all. */
static virStorageSource *
qemuSnapshotPrecheckFindOverlay(virStorageSource *chain,
                                virStorageSource *src)
{
    virStorageSource *overlay = chain;

    while (virStorageSourceIsBacking(overlay->backingStore)) {
        if (virStorageSourceIsSameLocation(overlay->backingStore, src))
            return overlay;

        overlay = overlay->backingStore;
    }

    return NULL;
}


/* An image that has overlays by now would change under them. */
static int
qemuSnapshotPrecheckBacking(virDomainObj *vm,
                            virDomainMomentObj *snap)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virDomainDef) present = NULL;
    size_t i;

    if (!(present = virDomainDefCopy(vm->def, priv->driver->xmlopt, priv->qemuCaps, true)))
        return -1;

    for (i = 0; i < snap->def->dom->ndisks; i++) {
        virDomainDiskDef *disk = snap->def->dom->disks[i];
        virDomainDiskDef *kept = virDomainDiskByTarget(present, disk->dst);
        virStorageSource *overlay;

        if (!kept ||
            !qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            virStorageSourceIsSameLocation(kept->src, disk->src))
            continue;

        /* what cannot be found out is for QEMU to say */
        if (qemuDomainDetermineDiskChain(priv->driver, vm, kept, NULL) < 0) {
            virResetLastError();
            continue;
        }

        if (!(overlay = qemuSnapshotPrecheckFindOverlay(kept->src, disk->src)))
            continue;

        virReportError(VIR_ERR_SNAPSHOT_REVERT_RISKY,
                       _("image '%1$s' of disk '%2$s' is the backing file of '%3$s' now, and what was written since would be lost: commit it first (blockcommit)"),
                       NULLSTR(virDomainDiskGetSource(disk)), disk->dst, NULLSTR(overlay->path));
        return -1;
    }

    return 0;
}


static int
qemuSnapshotPrecheckKeepDisk(virDomainMomentObj *snap,
                             virDomainDiskDef *disk,
                             virDomainDiskDef *kept)
{
    if (disk->device != kept->device) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("cannot revert to snapshot '%1$s': disk '%2$s', which is not in it, was a '%3$s' then and is a '%4$s' now; detach it first"),
                       snap->def->name, disk->dst,
                       virDomainDiskDeviceTypeToString(disk->device),
                       virDomainDiskDeviceTypeToString(kept->device));
        return -1;
    }

    virObjectUnref(disk->src);
    disk->src = virObjectRef(kept->src);
    disk->flags = kept->flags;
    return 0;
}


static int
qemuSnapshotPrecheckOnce(virDomainMomentObj *snap,
                         const virDomainDef *config,
                         virDomainDiskDef *kept)
{
    size_t i;

    for (i = 0; i < config->ndisks; i++) {
        virDomainDiskDef *disk = config->disks[i];

        if (disk == kept ||
            (disk->src->shared && kept->src->shared) ||
            virStorageSourceIsEmpty(kept->src) ||
            !virStorageSourceIsSameLocation(disk->src, kept->src))
            continue;

        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("cannot revert to snapshot '%1$s': disk '%2$s', which is not in it, has the image '%3$s' now, which disk '%4$s' would have, too; detach disk '%5$s' first"),
                       snap->def->name, kept->dst, NULLSTR(virDomainDiskGetSource(kept)),
                       disk->dst, kept->dst);
        return -1;
    }

    return 0;
}


static int
qemuSnapshotPrecheckKeepDisks(virDomainObj *vm,
                              virDomainMomentObj *snap,
                              virDomainDef *present,
                              virDomainDef *config)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    const virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virDomainDef) copy = NULL;
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
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

        if (qemuSnapshotPrecheckKeepDisk(snap, disk, kept) < 0)
            return -1;

        g_ptr_array_add(disks, disk);
    }

    for (i = 0; i < disks->len; i++) {
        if (qemuSnapshotPrecheckOnce(snap, config, g_ptr_array_index(disks, i)) < 0)
            return -1;
    }

    return 0;
}


/**
 * qemuSnapshotPrecheckDisks:
 * @vm: domain, running or not; the caller holds the asynchronous job SNAPSHOT
 * @snap: internal snapshot to revert to
 * @config: definition that is about to be started; may be NULL
 * @inactiveConfig: definition that is about to become the persistent one; may be
 *                  NULL
 * @flags: virDomainSnapshotRevertFlags
 *
 * Makes sure that the images hold what a revert needs, and keeps the present sources
 * and flags of the disks that are not in @snap in both definitions.
 *
 * Returns 0 on success, -1 otherwise (see qemuSnapshotPrecheckRevert).
 */
int
qemuSnapshotPrecheckDisks(virDomainObj *vm,
                          virDomainMomentObj *snap,
                          virDomainDef *config,
                          virDomainDef *inactiveConfig,
                          unsigned int flags)
{
    virDomainDef *persistent = vm->newDef ? vm->newDef : vm->def;

    if (qemuSnapshotPrecheckImages(vm, snap) < 0)
        return -1;

    if (!(flags & VIR_DOMAIN_SNAPSHOT_REVERT_FORCE) &&
        qemuSnapshotPrecheckBacking(vm, snap) < 0)
        return -1;

    if (qemuSnapshotPrecheckKeepDisks(vm, snap, vm->def, config) < 0 ||
        qemuSnapshotPrecheckKeepDisks(vm, snap, persistent, inactiveConfig) < 0)
        return -1;

    return 0;
}


/* QEMU has open what any of its disks is made of. */
static bool
qemuSnapshotPrecheckIsOpen(virDomainObj *vm,
                           virStorageSource *src)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virStorageSource *next = vm->def->disks[i]->src;

        for (; virStorageSourceIsBacking(next); next = next->backingStore) {
            if (virStorageSourceIsSameLocation(next, src))
                return true;
        }
    }

    return false;
}


static int
qemuSnapshotPrecheckLocal(virDomainObj *vm,
                          virDomainDiskDef *disk)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virStorageSource *next;

    if (qemuDomainDetermineDiskChain(priv->driver, vm, disk, NULL) < 0)
        return -1;

    for (next = disk->src; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (!qemuSnapshotImageIsHeld(next, next == disk->src && !next->readonly) ||
            qemuSnapshotPrecheckIsOpen(vm, next))
            continue;

        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("image '%1$s' is in use by another process, which holds a lock on it"),
                       next->path);
        return -1;
    }

    return 0;
}


/* Whether qemu-img opens @src when it is told no more than where it is. */
static bool
qemuSnapshotPrecheckIsPlain(const virStorageSource *src)
{
    return !src->auth &&
           !src->encryption &&
           !src->sliceStorage &&
           src->ncookies == 0 &&
           src->protocol != VIR_STORAGE_NET_PROTOCOL_SSH &&
           src->haveTLS != VIR_TRISTATE_BOOL_YES &&
           src->sslverify != VIR_TRISTATE_BOOL_NO;
}


/* For what qemu-img would need credentials for: that one of the servers is there. */
static int
qemuSnapshotPrecheckServers(const virStorageSource *src)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GError) error = NULL;
    size_t i;

    g_socket_client_set_enable_proxy(client, false);
    g_socket_client_set_timeout(client, QEMU_SNAPSHOT_PRECHECK_TIMEOUT);

    for (i = 0; i < src->nhosts; i++) {
        const virStorageNetHostDef *host = &src->hosts[i];
        g_autoptr(GSocketConnection) connection = NULL;

        if (host->transport != VIR_STORAGE_NET_HOST_TRANS_TCP || host->port == 0)
            return 0;

        g_clear_error(&error);

        if ((connection = g_socket_client_connect_to_host(client, host->name, host->port,
                                                          NULL, &error)))
            return 0;
    }

    if (!error)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, _("its server does not answer: %1$s"),
                   error->message);
    return -1;
}


/* A server that takes one client does not answer while QEMU is that client. */
static int
qemuSnapshotPrecheckNetwork(virDomainDiskDef *disk,
                            bool open)
{
    virStorageSource *src = disk->src;
    g_autoptr(virJSONValue) info = NULL;

    if (!qemuSnapshotPrecheckIsPlain(src))
        return qemuSnapshotPrecheckServers(src);

    if (!(info = qemuSnapshotImageGetInfo(src, disk->dst))) {
        if (!open || virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT)
            return -1;

        virResetLastError();
    }

    return 0;
}


static int
qemuSnapshotPrecheckReadable(virDomainObj *vm,
                             virDomainDiskDef *disk,
                             const char *name)
{
    bool open = qemuSnapshotPrecheckIsOpen(vm, disk->src);

    if (virStorageSourceGetActualType(disk->src) == VIR_STORAGE_TYPE_NETWORK)
        return qemuSnapshotPrecheckNetwork(disk, open);

    if (open)
        return qemuSnapshotPrecheckRemoved(vm, disk, name);

    if (virStorageSourceIsLocalStorage(disk->src))
        return qemuSnapshotPrecheckLocal(vm, disk);

    return 0;
}


static int
qemuSnapshotPrecheckSource(virDomainObj *vm,
                           virDomainDiskDef *disk,
                           const char *name)
{
    if (virStorageSourceIsEmpty(disk->src) ||
        disk->startupPolicy == VIR_DOMAIN_STARTUP_POLICY_OPTIONAL ||
        disk->startupPolicy == VIR_DOMAIN_STARTUP_POLICY_REQUISITE)
        return 0;

    if (virDomainDiskTranslateSourcePool(disk) < 0 ||
        qemuSnapshotPrecheckReadable(vm, disk, name) < 0) {
        virLastErrorPrefixMessage(_("cannot revert to snapshot '%1$s': the domain could not be started with disk '%2$s'; bring back what it needs"),
                                  name, disk->dst);
        return -1;
    }

    return 0;
}


static int
qemuSnapshotPrecheckFile(const char *path,
                         const char *what,
                         const char *name)
{
    if (!path || access(path, F_OK) == 0 || errno != ENOENT)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("cannot revert to snapshot '%1$s': the %2$s '%3$s' is not there; bring it back"),
                   name, what, path);
    return -1;
}


static int
qemuSnapshotPrecheckBoot(const virDomainDef *def,
                         const char *name)
{
    const virDomainLoaderDef *loader = def->os.loader;

    if (qemuSnapshotPrecheckFile(def->os.kernel, "kernel", name) < 0 ||
        qemuSnapshotPrecheckFile(def->os.initrd, "initrd", name) < 0 ||
        qemuSnapshotPrecheckFile(def->os.dtb, "device tree", name) < 0)
        return -1;

    if (!loader)
        return 0;

    if (qemuSnapshotPrecheckFile(loader->path, "firmware", name) < 0)
        return -1;

    /* it is made anew of its template, which libvirt finds if it is not named */
    if (loader->nvram && virStorageSourceIsLocalStorage(loader->nvram) &&
        loader->nvramTemplate && access(loader->nvramTemplate, F_OK) < 0)
        return qemuSnapshotPrecheckFile(loader->nvram->path, "NVRAM", name);

    return 0;
}


static int
qemuSnapshotPrecheckStart(virDomainObj *vm,
                          virDomainDef *def,
                          const char *name)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virDomainDef) copy = NULL;
    size_t i;

    if (!def || !virDomainObjIsActive(vm))
        return 0;

    if (qemuSnapshotPrecheckBoot(def, name) < 0 ||
        !(copy = virDomainDefCopy(def, priv->driver->xmlopt, priv->qemuCaps, true)))
        return -1;

    for (i = 0; i < copy->ndisks; i++) {
        if (qemuSnapshotPrecheckSource(vm, copy->disks[i], name) < 0)
            return -1;
    }

    return 0;
}


/**
 * qemuSnapshotPrecheckRevert:
 * @vm: domain, running or not; the caller holds the asynchronous job SNAPSHOT
 * @snap: snapshot to revert to
 * @config: definition that is about to be started; may be NULL
 * @inactiveConfig: definition that is about to become the persistent one; may be
 *                  NULL
 * @flags: virDomainSnapshotRevertFlags
 * @before: filled with the persistent definition as it is, owned by the caller
 *
 * To be called before the domain is touched. Makes sure that the images hold what
 * is needed and that QEMU finds what it would be started with, and keeps the
 * present sources and flags of the disks that are not in an internal @snap in both
 * definitions. The disks of an external snapshot are left to those who make its
 * overlays.
 *
 * Returns 0 on success, -1 otherwise (naming disk, image and remedy;
 * VIR_ERR_SNAPSHOT_REVERT_RISKY where VIR_DOMAIN_SNAPSHOT_REVERT_FORCE helps); the
 * domain can go on then.
 */
int
qemuSnapshotPrecheckRevert(virDomainObj *vm,
                           virDomainMomentObj *snap,
                           virDomainDef *config,
                           virDomainDef *inactiveConfig,
                           unsigned int flags,
                           virDomainDef **before)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virDomainDef *persistent = vm->newDef ? vm->newDef : vm->def;
    virDomainDef *started = config;

    if (flags & (VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED) &&
        !started)
        started = inactiveConfig;

    if (!virDomainSnapshotIsExternal(snap) &&
        qemuSnapshotPrecheckDisks(vm, snap, config, inactiveConfig, flags) < 0)
        return -1;

    if (qemuSnapshotLiveCheckMemory(vm, snap, config) < 0 ||
        qemuSnapshotPrecheckStart(vm, started, snap->def->name) < 0)
        return -1;

    *before = virDomainDefCopy(persistent, priv->driver->xmlopt, priv->qemuCaps, false);
    return *before ? 0 : -1;
}


/**
 * qemuSnapshotPrecheckReportLoad:
 * @vm: domain whose new QEMU could not load the snapshot
 * @snapdef: internal snapshot
 * @reason: what QEMU said; may be NULL
 *
 * Reports VIR_ERR_OPERATION_FAILED. QEMU goes through the disks in their order and
 * names the node that failed: those before it hold the contents of the snapshot,
 * and if it names none, all do.
 */
void
qemuSnapshotPrecheckReportLoad(virDomainObj *vm,
                               const virDomainSnapshotDef *snapdef,
                               const char *reason)
{
    g_auto(virBuffer) done = VIR_BUFFER_INITIALIZER;
    const char *failed = NULL;
    size_t i;

    for (i = 0; i < snapdef->ndisks && !failed; i++) {
        virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, snapdef->disks[i].name);
        const char *node = disk ? qemuBlockStorageSourceGetFormatNodename(disk->src) : NULL;
        g_autofree char *quoted = g_strdup_printf("'%s'", NULLSTR(node));

        if (!node || !qemuSnapshotSubsetHasDisk(snapdef, disk->dst))
            continue;

        if (reason && strstr(reason, quoted))
            failed = disk->dst;
        else
            virBufferAsprintf(&done, " '%s'", disk->dst);
    }

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("snapshot '%1$s' could not be loaded (disk that failed: '%2$s'; disks that hold the snapshot's contents now:%3$s): %4$s"),
                   snapdef->parent.name, failed ? failed : "-",
                   virBufferUse(&done) > 0 ? virBufferCurrentContent(&done) : " -",
                   NULLSTR(reason));
}


/**
 * qemuSnapshotPrecheckRevertFailed:
 * @vm: domain
 * @snap: snapshot that could not be reverted to
 * @before: persistent definition that @vm had before, given to it again; may be
 *          NULL when nothing was touched yet
 *
 * Has the error say so when the domain is shut off now, and how to go on. A
 * transient domain is forgotten, as whenever its QEMU ends.
 */
void
qemuSnapshotPrecheckRevertFailed(virDomainObj *vm,
                                 virDomainMomentObj *snap,
                                 virDomainDef **before)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (!*before || virDomainObjIsActive(vm))
        return;

    if (!vm->persistent) {
        virLastErrorPrefixMessage(_("cannot revert to snapshot '%1$s': the transient domain '%2$s' has ended; create it again"),
                                  snap->def->name, vm->def->name);

        if (!vm->removing)
            qemuDomainRemoveInactive(priv->driver, vm, 0, false);

        return;
    }

    virLastErrorPrefixMessage(_("cannot revert to snapshot '%1$s': domain '%2$s' is shut off now with the definition that it had; mend what is wrong and revert again, or start it as it is"),
                              snap->def->name, vm->def->name);

    virDomainObjAssignDef(vm, before, false, NULL);
}
