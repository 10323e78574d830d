/*
 * qemu_snapshot_live_check.c: what keeps a domain from a live snapshot
 *
 * Looked at before the guest is touched. QEMU protects the memory by userfaultfd and
 * hears of what the guest and the kernel write; what another process writes it never
 * hears of, and the memory of the snapshot would be of more than one instant.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/statvfs.h>

#include "qemu_capabilities.h"
#include "qemu_conf.h"
#include "qemu_domain.h"
#include "qemu_migration_params.h"
#include "qemu_saveimage.h"
#include "qemu_snapshot_live_check.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The version of QEMU, as libvirt counts it, since which a guest whose memory is written
 * in the background stays stopped until it is told to go on. */
#define QEMU_SNAPSHOT_LIVE_STAYS_STOPPED 9000000

VIR_LOG_INIT("qemu.qemu_snapshot_live_check");


static int
qemuSnapshotLiveCheckFlags(const virDomainSnapshotDef *snapdef,
                           unsigned int flags)
{
    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("snapshot '%1$s' cannot be taken live and halt the domain: leave away --live or --halt"),
                       snapdef->parent.name);
        return -1;
    }

    if (strchr(snapdef->parent.name, '/')) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("the name of live snapshot '%1$s' contains '/': choose another name"),
                       snapdef->parent.name);
        return -1;
    }

    return 0;
}


/* A page that is all zero takes some bytes only. So at most what QEMU has in memory is
 * written, besides a little for its devices and libvirt's header. */
static int
qemuSnapshotLiveCheckRoom(virDomainObj *vm,
                          const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    unsigned long long total = virDomainDefGetMemoryTotal(vm->def);
    unsigned long long needed;
    unsigned long long room;
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0) {
        virReportSystemError(errno,
                             _("cannot look for room for the memory of domain '%1$s' in '%2$s'"),
                             vm->def->name, dir);
        return -1;
    }

    room = (unsigned long long) fs.f_bavail * fs.f_frsize / 1024;

    if (virProcessGetStatInfo(NULL, NULL, NULL, NULL, &needed, vm->pid, 0) < 0)
        return -1;

    needed = MIN(needed, total);

    if (room >= needed)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("the memory of domain '%1$s' may take %2$llu KiB, and '%3$s' has room for %4$llu KiB: make room or name another place (--memspec file=PATH --diskspec DISK,snapshot=internal)"),
                   vm->def->name, needed, dir, room);
    return -1;
}


static int
qemuSnapshotLiveCheckFile(virDomainObj *vm,
                          const virDomainSnapshotDef *snapdef)
{
    const char *path = snapdef->memorysnapshotfile;

    if (virFileExists(path)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("file '%1$s' for the memory of snapshot '%2$s' exists already: remove it, choose another name for the snapshot, or name another file (--memspec file=PATH --diskspec DISK,snapshot=internal)"),
                       path, snapdef->parent.name);
        return -1;
    }

    return qemuSnapshotLiveCheckRoom(vm, path);
}


static int
qemuSnapshotLiveCheckFormat(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);

    if (cfg->snapshotImageFormat != QEMU_SAVE_FORMAT_SPARSE)
        return 0;

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("the memory of domain '%1$s' cannot be written live in the format 'sparse': set snapshot_image_format in qemu.conf to another"),
                   vm->def->name);
    return -1;
}


/* Returns what other process writes to the guest's memory, NULL if none does. */
static const char *
qemuSnapshotLiveFindWriter(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->src->type == VIR_STORAGE_TYPE_VHOST_USER ||
            def->disks[i]->src->type == VIR_STORAGE_TYPE_VHOST_VDPA)
            return def->disks[i]->dst;
    }

    for (i = 0; i < def->nnets; i++) {
        virDomainNetType type = virDomainNetGetActualType(def->nets[i]);

        if (type == VIR_DOMAIN_NET_TYPE_VHOSTUSER ||
            type == VIR_DOMAIN_NET_TYPE_VDPA ||
            type == VIR_DOMAIN_NET_TYPE_HOSTDEV)
            return def->nets[i]->info.alias;
    }

    for (i = 0; i < def->nfss; i++) {
        if (def->fss[i]->fsdriver == VIR_DOMAIN_FS_DRIVER_TYPE_VIRTIOFS)
            return def->fss[i]->info.alias;
    }

    for (i = 0; i < def->nvideos; i++) {
        if (def->videos[i]->backend == VIR_DOMAIN_VIDEO_BACKEND_TYPE_VHOSTUSER)
            return def->videos[i]->info.alias;
    }

    for (i = 0; i < def->nhostdevs; i++) {
        const virDomainHostdevDef *hostdev = def->hostdevs[i];

        if (hostdev->mode == VIR_DOMAIN_HOSTDEV_MODE_SUBSYS &&
            (hostdev->source.subsys.type == VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_PCI ||
             hostdev->source.subsys.type == VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_MDEV))
            return hostdev->info->alias;
    }

    return NULL;
}


static int
qemuSnapshotLiveCheckDevices(virDomainObj *vm)
{
    const char *writer = qemuSnapshotLiveFindWriter(vm->def);

    if (!writer)
        return 0;

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("domain '%1$s' cannot be snapshotted live: what device '%2$s' writes to its memory goes past QEMU; detach it, or take the snapshot without --live"),
                   vm->def->name, writer);
    return -1;
}


static bool
qemuSnapshotLiveStaysStopped(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    return virQEMUCapsGetVersion(priv->qemuCaps) >= QEMU_SNAPSHOT_LIVE_STAYS_STOPPED;
}


/* A guest that is stopped has released the leases of its disks. */
static int
qemuSnapshotLiveCheckLeases(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);

    if (!cfg->lockManagerName || STREQ(cfg->lockManagerName, "nop") ||
        qemuSnapshotLiveStaysStopped(vm))
        return 0;

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("domain '%1$s' cannot be snapshotted live: its QEMU would let the guest go on before lock manager '%2$s' has the leases of its disks again; use QEMU 9.0 or newer, or take the snapshot without --live"),
                   vm->def->name, cfg->lockManagerName);
    return -1;
}


/* QEMU looks at the kernel and at the domain's memory when it is told of the
 * capability, which has to be set anyway. */
static int
qemuSnapshotLiveCheckQemu(virDomainObj *vm)
{
    g_autoptr(qemuMigrationParams) params = NULL;

    if (!qemuMigrationCapsGet(vm, QEMU_MIGRATION_CAP_BACKGROUND_SNAPSHOT)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("the QEMU of domain '%1$s' cannot write its memory while the guest goes on: take the snapshot without --live"),
                       vm->def->name);
        return -1;
    }

    params = qemuMigrationParamsForLiveSnapshot();

    if (qemuMigrationParamsApply(vm, VIR_ASYNC_JOB_SNAPSHOT, params, 0) == 0)
        return 0;

    virLastErrorPrefixMessage(_("domain '%1$s' cannot be snapshotted live (its QEMU needs userfaultfd with write protection: /dev/userfaultfd in its namespace, or sysctl vm.unprivileged_userfaultfd=1, and memory that can be protected; without --live it needs neither)"),
                              vm->def->name);
    return -1;
}


/* Saved in the ordinary way, a guest gives up its images until it goes on. An older QEMU
 * would have it go on when its memory is protected. */
static bool
qemuSnapshotLiveStaysPaused(virDomainObj *vm)
{
    if (!qemuSnapshotLiveStaysStopped(vm))
        return false;

    if (qemuSnapshotLiveCheckQemu(vm) == 0)
        return true;

    virResetLastError();
    return false;
}


/**
 * qemuSnapshotLiveCheck:
 * @vm: running or paused domain; the caller holds the asynchronous job SNAPSHOT
 * @snapdef: live snapshot to be taken
 * @flags: virDomainSnapshotCreateFlags
 * @background: filled with whether the capability "background-snapshot" is to be used:
 *              for a domain that runs, and for one that is paused if it stays so
 *
 * To be called before the domain is touched. QEMU has the capability set afterwards;
 * the caller gives it back.
 *
 * Returns 0 on success, -1 otherwise with an error reported that names domain, device
 * or file, and the remedy.
 */
int
qemuSnapshotLiveCheck(virDomainObj *vm,
                      const virDomainSnapshotDef *snapdef,
                      unsigned int flags,
                      bool *background)
{
    *background = true;

    if (qemuSnapshotLiveCheckFlags(snapdef, flags) < 0 ||
        qemuSnapshotLiveCheckFormat(vm) < 0 ||
        qemuSnapshotLiveCheckFile(vm, snapdef) < 0)
        return -1;

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING) {
        *background = qemuSnapshotLiveStaysPaused(vm);
        return 0;
    }

    if (qemuSnapshotLiveCheckDevices(vm) < 0 ||
        qemuSnapshotLiveCheckLeases(vm) < 0)
        return -1;

    return qemuSnapshotLiveCheckQemu(vm);
}
