/*
 * qemu_migration_recreate.c: disks that a migration makes anew at the destination
 *
 * A disk with <migrate>recreate</migrate> is neither copied nor needed at the
 * destination, and a guest must never see the content of a disk change under it. So
 * the destination makes a blank image before anything happens to the guest, the source
 * takes the disk out of it and waits until it has let go, and the destination plugs the
 * blank one in when the guest runs there. What fails in between plugs the old one in
 * again: it has not been touched.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_domain.h"
#include "qemu_driver.h"
#include "qemu_hotplug.h"
#include "qemu_migration.h"
#include "qemu_migration_cookie.h"
#include "qemu_migration_recreate.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_migration_recreate");


void
qemuMigrationRecreateFree(qemuMigrationRecreate *recreate)
{
    size_t i;

    if (!recreate)
        return;

    for (i = 0; i < recreate->ndisks; i++)
        g_free(recreate->disks[i].target);

    g_free(recreate->disks);
    g_free(recreate);
}


/**
 * qemuMigrationRecreateSrcMakes:
 * @disk: disk of the domain
 * @migrate_disks: NULL-terminated targets of the disks that the user wants to be
 *                 copied; NULL if the user named none
 *
 * Returns true when the migration makes @disk anew. Reports no error.
 */
bool
qemuMigrationRecreateSrcMakes(const virDomainDiskDef *disk,
                              const char **migrate_disks)
{
    return disk->flags.recreate &&
           !(migrate_disks && g_strv_contains(migrate_disks, disk->dst));
}


/* A guest that doesn't run can't let go of a disk. */
static int
qemuMigrationRecreateSrcCheckRuns(virDomainObj *vm,
                                  const virDomainDiskDef *disk,
                                  unsigned int flags)
{
    if (flags & VIR_MIGRATE_OFFLINE ||
        virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("disk '%1$s' cannot be taken out of domain '%2$s', which does not run, to be made anew at the destination: resume the domain or set the flag <migrate> of the disk to 'true' or 'false'"),
                   disk->dst, vm->def->name);
    return -1;
}


static int
qemuMigrationRecreateSrcAdd(virDomainObj *vm,
                            virDomainDiskDef *disk,
                            unsigned int flags,
                            qemuMigrationRecreate *recreate)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    qemuMigrationRecreateDisk made = { 0 };

    if (qemuMigrationRecreateSrcCheckRuns(vm, disk, flags) < 0 ||
        qemuStorageLimitsRefresh(cfg, vm, disk->src, false) < 0)
        return -1;

    made.target = g_strdup(disk->dst);
    made.capacity = disk->src->capacity;
    VIR_APPEND_ELEMENT(recreate->disks, recreate->ndisks, made);

    return 0;
}


/**
 * qemuMigrationRecreateSrcBegin:
 * @vm: domain that is about to be migrated
 * @migrate_disks: NULL-terminated targets of the disks that are copied, or NULL
 * @flags: virDomainMigrateFlags
 * @recreate: filled with the disks that are made anew, owned by the caller, or NULL if
 *            there are none
 *
 * Finds out for the Begin phase what the destination has to make.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_OPERATION_INVALID naming the disk if the
 * guest does not run and could not let go of it).
 */
int
qemuMigrationRecreateSrcBegin(virDomainObj *vm,
                              const char **migrate_disks,
                              unsigned int flags,
                              qemuMigrationRecreate **recreate)
{
    g_autoptr(qemuMigrationRecreate) ret = g_new0(qemuMigrationRecreate, 1);
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qemuMigrationRecreateSrcMakes(disk, migrate_disks) &&
            qemuMigrationRecreateSrcAdd(vm, disk, flags, ret) < 0)
            return -1;
    }

    if (ret->ndisks > 0)
        *recreate = g_steal_pointer(&ret);

    return 0;
}


/**
 * qemuMigrationRecreateSrcSend:
 * @mig: migration cookie of the Begin phase
 * @recreate: disks that are made anew, moved into @mig; may be NULL
 *
 * A destination that does not know of it would start the guest with disks that the
 * source takes out of it, so that it has to refuse the migration.
 */
void
qemuMigrationRecreateSrcSend(qemuMigrationCookie *mig,
                             qemuMigrationRecreate **recreate)
{
    if (!recreate || !*recreate)
        return;

    mig->flagsMandatory |= QEMU_MIGRATION_COOKIE_DISK_RECREATE;
    mig->recreate = g_steal_pointer(recreate);
}


/**
 * qemuMigrationRecreateFormat:
 * @buf: buffer of the migration cookie
 * @recreate: disks that are made anew; may be NULL
 */
void
qemuMigrationRecreateFormat(virBuffer *buf,
                            const qemuMigrationRecreate *recreate)
{
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    if (!recreate)
        return;

    for (i = 0; i < recreate->ndisks; i++) {
        virBufferEscapeString(&childBuf, "<disk target='%s'", recreate->disks[i].target);
        virBufferAsprintf(&childBuf, " capacity='%llu'/>\n", recreate->disks[i].capacity);
    }

    virXMLFormatElement(buf, "diskRecreate", NULL, &childBuf);
}


/**
 * qemuMigrationRecreateParse:
 * @ctxt: XPath context of the migration cookie
 * @recreate: filled with the disks that are made anew, owned by the caller, or NULL if
 *            the cookie has none
 *
 * Returns 0 on success, -1 with an error reported when a target or a capacity is missing.
 */
int
qemuMigrationRecreateParse(xmlXPathContextPtr ctxt,
                           qemuMigrationRecreate **recreate)
{
    g_autoptr(qemuMigrationRecreate) ret = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    int nnodes;
    size_t i;

    if ((nnodes = virXPathNodeSet("./diskRecreate/disk", ctxt, &nodes)) < 0)
        return -1;

    if (nnodes == 0)
        return 0;

    ret = g_new0(qemuMigrationRecreate, 1);
    ret->disks = g_new0(qemuMigrationRecreateDisk, nnodes);

    for (i = 0; i < nnodes; i++) {
        qemuMigrationRecreateDisk *disk = ret->disks + ret->ndisks++;

        if (!(disk->target = virXMLPropStringRequired(nodes[i], "target")) ||
            virXMLPropULongLong(nodes[i], "capacity", 10, VIR_XML_PROP_REQUIRED,
                                &disk->capacity) < 0)
            return -1;
    }

    *recreate = g_steal_pointer(&ret);
    return 0;
}


/* Returns the <disk> element of @target, owned by the caller, or NULL with an error
 * reported. */
static char *
qemuMigrationRecreateGetXML(virDomainObj *vm,
                            const char *target)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    g_autofree char *xml = NULL;
    int nnodes;
    size_t i;

    if (!(xml = qemuDomainDefFormatXML(priv->driver, priv->qemuCaps, vm->def,
                                       VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE)) ||
        !(doc = virXMLParseStringCtxt(xml, _("(domain_definition)"), &ctxt)) ||
        (nnodes = virXPathNodeSet("./devices/disk", ctxt, &nodes)) < 0)
        return NULL;

    for (i = 0; i < nnodes; i++) {
        VIR_XPATH_NODE_AUTORESTORE(ctxt)
        g_autofree char *own = NULL;

        ctxt->node = nodes[i];
        own = virXPathString("string(./target/@dev)", ctxt);

        if (STREQ_NULLABLE(own, target))
            return virXMLNodeToString(doc, nodes[i]);
    }

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("domain '%1$s' has no disk '%2$s' that could be made anew (flag <migrate>recreate</migrate>): leave the disk in the XML of the destination (--xml)"),
                   vm->def->name, target);
    return NULL;
}


static void
qemuMigrationRecreateLeave(virDomainObj *vm,
                           virDomainAsyncJob asyncJob)
{
    if (asyncJob == VIR_ASYNC_JOB_NONE)
        return;

    virDomainObjEndJob(vm);
    qemuDomainObjStartJobPhase(vm, vm->job->phase);
}


/* Hotplugging uses the monitor as an API of its own does, and needs a job of its own for
 * that. The thread gives the migration's job out of its hands meanwhile, as it is between
 * two phases; nobody else takes it, since the phase stays. */
static int
qemuMigrationRecreateEnter(virDomainObj *vm,
                           virDomainAsyncJob asyncJob)
{
    if (asyncJob == VIR_ASYNC_JOB_NONE)
        return virDomainObjCheckActive(vm);

    qemuDomainObjReleaseAsyncJob(vm);

    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY_MIGRATION_SAFE) < 0) {
        qemuDomainObjStartJobPhase(vm, vm->job->phase);
        return -1;
    }

    if (virDomainObjCheckActive(vm) < 0) {
        qemuMigrationRecreateLeave(vm, asyncJob);
        return -1;
    }

    return 0;
}


/* Asks the guest to let go of a disk. Returns 0 when it has, 1 when it has not within the
 * time, -1 with an error reported when it could not be asked or refused. */
static int
qemuMigrationRecreateSrcAsk(virDomainObj *vm,
                            virDomainDiskDef *disk)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autofree char *target = g_strdup(disk->dst);
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK, .data.disk = disk };
    int rc;

    if (qemuMigrationRecreateEnter(vm, VIR_ASYNC_JOB_MIGRATION_OUT) < 0)
        return -1;

    rc = qemuDomainDetachDeviceLive(vm, &dev, priv->driver, false);
    qemuMigrationRecreateLeave(vm, VIR_ASYNC_JOB_MIGRATION_OUT);

    if (rc < 0) {
        virLastErrorPrefixMessage(_("disk '%1$s' cannot be taken out of the guest to be made anew at the destination (flag <migrate>recreate</migrate>)"),
                                  target);
        return -1;
    }

    return virDomainDiskByTarget(vm->def, target) ? 1 : 0;
}


static int
qemuMigrationRecreateSrcUnplugOne(virDomainObj *vm,
                                  const char *target)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, target);
    g_autofree char *xml = qemuMigrationRecreateGetXML(vm, target);
    int rc;

    if (!disk || !xml)
        return -1;

    VIR_DEBUG("taking disk '%s' out of domain '%s'", target, vm->def->name);

    /* a libvirtd that is started from here on has to know the disk */
    qemuMigrationRecreateRecordAdd(&priv->migrationRecreate, false, target, &xml);
    qemuDomainSaveStatus(vm);

    if ((rc = qemuMigrationRecreateSrcAsk(vm, disk)) == 0)
        return 0;

    if (rc < 0) {
        if (virDomainDiskByTarget(vm->def, target))
            qemuMigrationRecreateRecordRemove(&priv->migrationRecreate, target);

        return -1;
    }

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("the guest has not let go of disk '%1$s' within %2$llu seconds, so that it cannot be made anew at the destination: stop using it in the guest, or set its flag <migrate> to 'true' or 'false'"),
                   target, qemuDomainGetUnplugTimeout(vm) / 1000);
    return -1;
}


/**
 * qemuMigrationRecreateSrcUnplug:
 * @vm: domain that is being migrated, with an outgoing migration job
 * @recreate: disks that the destination has made images for; may be NULL
 *
 * Takes the disks out of the guest. Whatever fails from here on has to be followed by
 * qemuMigrationRecreateSrcPlugBack().
 *
 * Returns 0 when the guest has let go of all of them, -1 otherwise (with an error that
 * names the disk; VIR_ERR_OPERATION_FAILED if the guest has not let go of it in time).
 */
int
qemuMigrationRecreateSrcUnplug(virDomainObj *vm,
                               const qemuMigrationRecreate *recreate)
{
    size_t i;

    if (!recreate)
        return 0;

    for (i = 0; i < recreate->ndisks; i++) {
        if (qemuMigrationRecreateSrcUnplugOne(vm, recreate->disks[i].target) < 0)
            return -1;
    }

    qemuDomainSaveStatus(vm);
    return 0;
}


static virDomainDeviceDef *
qemuMigrationRecreateParseDisk(virDomainObj *vm,
                               const qemuMigrationRecreateRecordDisk *disk)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    /* it was part of the domain before */
    return virDomainDeviceDefParse(disk->xml, vm->def, priv->driver->xmlopt, priv->qemuCaps,
                                   VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                   VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);
}


static int
qemuMigrationRecreatePlug(virDomainObj *vm,
                          const qemuMigrationRecreateRecordDisk *disk,
                          virDomainAsyncJob asyncJob)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virDomainDeviceDef) dev = NULL;
    int rc;

    VIR_DEBUG("plugging disk '%s' into domain '%s'", disk->target, vm->def->name);

    if (!(dev = qemuMigrationRecreateParseDisk(vm, disk)) ||
        qemuMigrationRecreateEnter(vm, asyncJob) < 0)
        return -1;

    rc = qemuDomainAttachDeviceLive(vm, dev, priv->driver);
    qemuMigrationRecreateLeave(vm, asyncJob);

    return rc;
}


/* Plugs in all disks of the record that the guest does not have, and forgets them. */
static void
qemuMigrationRecreatePlugAll(virDomainObj *vm,
                             virDomainAsyncJob asyncJob)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    size_t i = 0;

    while (priv->migrationRecreate && i < priv->migrationRecreate->ndisks) {
        const qemuMigrationRecreateRecordDisk *disk = priv->migrationRecreate->disks + i;
        g_autofree char *target = g_strdup(disk->target);

        /* the guest was asked for it in vain, and may still let go of it */
        if (virDomainDiskByTarget(vm->def, target)) {
            i++;
            continue;
        }

        if (qemuMigrationRecreatePlug(vm, disk, asyncJob) < 0)
            VIR_ERROR(_("disk '%1$s' of domain '%2$s' could not be plugged in after a migration (its persistent definition has it): %3$s"),
                      target, vm->def->name, virGetLastErrorMessage());

        qemuMigrationRecreateRecordRemove(&priv->migrationRecreate, target);
    }

    qemuDomainSaveStatus(vm);
}


/**
 * qemuMigrationRecreateSrcPlugBack:
 * @vm: domain whose migration has failed
 * @asyncJob: job that the caller owns
 *
 * Plugs in again what was taken out for the migration. A disk that the guest has not
 * let go of stays on record, for a guest that does so late. What fails is logged; an
 * error that is set stays.
 */
void
qemuMigrationRecreateSrcPlugBack(virDomainObj *vm,
                                 virDomainAsyncJob asyncJob)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virErrorPtr orig_err;

    if (!virDomainObjIsActive(vm) ||
        !priv->migrationRecreate ||
        priv->migrationRecreate->incoming)
        return;

    virErrorPreserveLast(&orig_err);
    qemuMigrationRecreatePlugAll(vm, asyncJob);
    virErrorRestore(&orig_err);
}


/**
 * qemuMigrationRecreateSrcForget:
 * @vm: domain object
 * @disk: disk that is about to be unplugged
 *
 * A disk that the user wants to be unplugged must not be plugged in again when the guest
 * lets go of it. While the domain migrates, it is not the user who unplugs.
 */
void
qemuMigrationRecreateSrcForget(virDomainObj *vm,
                               const virDomainDiskDef *disk)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (!priv->migrationRecreate ||
        priv->migrationRecreate->incoming ||
        vm->job->asyncJob == VIR_ASYNC_JOB_MIGRATION_OUT)
        return;

    qemuMigrationRecreateRecordRemove(&priv->migrationRecreate, disk->dst);
}


static int
qemuMigrationRecreateDstMake(virConnectPtr *conn,
                             virDomainDiskDef *disk,
                             unsigned long long capacity)
{
    if (virStorageSourceGetActualType(disk->src) != VIR_STORAGE_TYPE_FILE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("disk '%1$s' cannot be made anew at the destination (flag <migrate>recreate</migrate>): it has no image file there; give it one as its source (--xml)"),
                       disk->dst);
        return -1;
    }

    if (virFileExists(disk->src->path)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("image '%1$s' of disk '%2$s', which is to be made anew (flag <migrate>recreate</migrate>), exists at the destination and is not overwritten: remove it or give the disk another source there (--xml)"),
                       disk->src->path, disk->dst);
        return -1;
    }

    if (qemuMigrationDstPrecreateDisk(conn, disk, capacity) < 0) {
        virLastErrorPrefixMessage(_("no blank image can be made for disk '%1$s' (flag <migrate>recreate</migrate>)"),
                                  disk->dst);
        return -1;
    }

    if (!virFileExists(disk->src->path)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("no blank image was made for disk '%1$s' (flag <migrate>recreate</migrate>) at the destination, since a storage pool lists '%2$s', which is not there: refresh the pool (virsh pool-refresh)"),
                       disk->dst, disk->src->path);
        return -1;
    }

    return 0;
}


static int
qemuMigrationRecreateDstPrepareOne(virDomainObj *vm,
                                   virConnectPtr *conn,
                                   const qemuMigrationRecreateDisk *recreate,
                                   unsigned int flags)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, recreate->target);
    g_autofree char *xml = qemuMigrationRecreateGetXML(vm, recreate->target);

    if (!disk || !xml ||
        qemuMigrationRecreateDstMake(conn, disk, recreate->capacity) < 0)
        return -1;

    qemuMigrationRecreateRecordAdd(&priv->migrationRecreate, true, recreate->target, &xml);

    if (!(flags & VIR_MIGRATE_OFFLINE))
        virDomainDiskDefFree(virDomainDiskRemoveByName(vm->def, recreate->target));

    return 0;
}


/**
 * qemuMigrationRecreateDstPrepare:
 * @vm: domain that arrives
 * @recreate: disks to make anew; may be NULL
 * @flags: virDomainMigrateFlags
 *
 * Makes the blank images, and takes their disks out of the definition of a domain that
 * is about to be started without them. What fails after that has to be followed by
 * qemuMigrationRecreateDiscard().
 *
 * Returns 0 on success, -1 otherwise (with an error that names the disk;
 * VIR_ERR_OPERATION_INVALID if its image exists).
 */
int
qemuMigrationRecreateDstPrepare(virDomainObj *vm,
                                const qemuMigrationRecreate *recreate,
                                unsigned int flags)
{
    g_autoptr(virConnect) conn = NULL;
    size_t i;

    if (!recreate)
        return 0;

    for (i = 0; i < recreate->ndisks; i++) {
        if (qemuMigrationRecreateDstPrepareOne(vm, &conn, recreate->disks + i, flags) < 0)
            return -1;
    }

    return 0;
}


/**
 * qemuMigrationRecreateDstPlug:
 * @vm: domain that has arrived
 * @asyncJob: job that the caller owns
 *
 * Plugs the blank disks in. The migration has succeeded whether or not this does: what
 * fails is logged.
 */
void
qemuMigrationRecreateDstPlug(virDomainObj *vm,
                             virDomainAsyncJob asyncJob)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (!priv->migrationRecreate || !priv->migrationRecreate->incoming)
        return;

    qemuMigrationRecreatePlugAll(vm, asyncJob);
    virResetLastError();
}


/* The storage driver is asked, so that its pool forgets the image, too. */
static void
qemuMigrationRecreateDstRemoveImage(virConnectPtr conn,
                                    const char *path)
{
    g_autoptr(virStorageVol) vol = NULL;

    if (conn && (vol = virStorageVolLookupByPath(conn, path)) &&
        virStorageVolDelete(vol, 0) == 0)
        return;

    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("blank image '%s' could not be removed after a migration that failed: %s",
                 path, g_strerror(errno));
}


/**
 * qemuMigrationRecreateDiscard:
 * @vm: domain whose QEMU has ended or was not started, in the state that it had before
 *
 * Forgets all disks that were taken out of the domain. If it has not arrived, the blank
 * images that were made for it are removed, so that the migration can be tried again. An
 * error that is set stays.
 */
void
qemuMigrationRecreateDiscard(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(qemuMigrationRecreateRecord) record = g_steal_pointer(&priv->migrationRecreate);
    g_autoptr(virConnect) conn = NULL;
    virErrorPtr orig_err;
    size_t i;

    if (!record || !record->incoming)
        return;

    /* the guest has run, and what is defined has the disks */
    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING)
        return;

    virErrorPreserveLast(&orig_err);
    conn = virGetConnectStorage();

    for (i = 0; i < record->ndisks; i++) {
        g_autoptr(virDomainDeviceDef) dev = qemuMigrationRecreateParseDisk(vm, record->disks + i);

        if (dev)
            qemuMigrationRecreateDstRemoveImage(conn, virDomainDiskGetSource(dev->data.disk));
    }

    virErrorRestore(&orig_err);
}


/**
 * qemuMigrationRecreateDstFinishOffline:
 * @vm: domain that does not run
 * @arrived: whether its definition has arrived, which has the disks
 *
 * Leaves the blank images to the definition, or removes them.
 */
void
qemuMigrationRecreateDstFinishOffline(virDomainObj *vm,
                                      bool arrived)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (arrived)
        g_clear_pointer(&priv->migrationRecreate, qemuMigrationRecreateRecordFree);
    else
        qemuMigrationRecreateDiscard(vm);
}


/**
 * qemuMigrationRecreateRecover:
 * @vm: running domain that a new libvirtd has connected to, with its job recovered
 *
 * Gives the domain the disks that a migration which has ended has taken out of it: the
 * old ones at the source, the blank ones at the destination.
 */
void
qemuMigrationRecreateRecover(virDomainObj *vm)
{
    /* a post-copy migration that may be resumed */
    if (vm->job->asyncJob != VIR_ASYNC_JOB_NONE)
        return;

    qemuMigrationRecreateSrcPlugBack(vm, VIR_ASYNC_JOB_NONE);
    qemuMigrationRecreateDstPlug(vm, VIR_ASYNC_JOB_NONE);
}
