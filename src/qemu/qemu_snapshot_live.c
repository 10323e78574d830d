/*
 * qemu_snapshot_live.c: snapshots whose memory is written while the guest goes on
 *
 * The disks of a live snapshot are taken internally and its memory into a save image.
 * The guest stands still only while the disks are taken, its devices are saved and its
 * memory is write-protected: QEMU writes the memory as it was at that instant, and each
 * page before the guest changes it (migration capability "background-snapshot").
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "domain_event.h"
#include "domain_validate.h"
#include "qemu_block.h"
#include "qemu_domain.h"
#include "qemu_migration.h"
#include "qemu_migration_params.h"
#include "qemu_process.h"
#include "qemu_snapshot_live.h"
#include "qemu_snapshot_live_check.h"
#include "qemu_snapshot_live_memory.h"
#include "qemu_snapshot_subset.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* How often QEMU is asked whether the memory is protected, in microseconds: the guest
 * stands still meanwhile. */
#define QEMU_SNAPSHOT_LIVE_POLL_INTERVAL 1000

/* A migration that was cancelled ends soon: how often to look, and after how many
 * milliseconds again. */
#define QEMU_SNAPSHOT_LIVE_END_CHECKS 100
#define QEMU_SNAPSHOT_LIVE_END_INTERVAL 50

VIR_LOG_INIT("qemu.qemu_snapshot_live");

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQEMUSaveData, virQEMUSaveDataFree);


static bool
qemuSnapshotLiveIsAskedInternal(const virDomainDef *def,
                                const virDomainSnapshotDef *snapdef)
{
    size_t i;

    for (i = 0; i < snapdef->ndisks; i++) {
        const virDomainSnapshotDiskDef *snapdisk = &snapdef->disks[i];
        const virDomainDiskDef *disk = virDomainDiskByName((virDomainDef *) def,
                                                           snapdisk->name, true);

        if (snapdisk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            return true;

        if (snapdisk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT &&
            disk && disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            return true;
    }

    return false;
}


/**
 * qemuSnapshotLiveIsWanted:
 * @vm: domain object
 * @snapdef: snapshot to be taken, aligned to the disks of @vm or not
 * @flags: virDomainSnapshotCreateFlags
 *
 * Where a file for the memory is named, the disks are external as ever unless one is
 * asked for internally: scripts rely on their overlays.
 *
 * Returns true when VIR_DOMAIN_SNAPSHOT_CREATE_LIVE asks for internal disks beside
 * external memory. Reports no error.
 */
bool
qemuSnapshotLiveIsWanted(virDomainObj *vm,
                         const virDomainSnapshotDef *snapdef,
                         unsigned int flags)
{
    size_t i;

    if (!(flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE) ||
        flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY ||
        !virDomainObjIsActive(vm))
        return false;

    for (i = 0; i < snapdef->ndisks; i++) {
        if (snapdef->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL ||
            snapdef->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL)
            return false;
    }

    if (snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT)
        return true;

    return snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL &&
           qemuSnapshotLiveIsAskedInternal(vm->def, snapdef);
}


/**
 * qemuSnapshotLiveIs:
 * @snapdef: snapshot, aligned
 *
 * Returns true when @snapdef has internal disks beside external memory. Reports no
 * error.
 */
bool
qemuSnapshotLiveIs(virDomainSnapshotDef *snapdef)
{
    return snapdef->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL &&
           !virDomainSnapshotDefIsExternal(snapdef);
}


/* Beside the first image that is taken and is a file, named like its overlay would be. */
static char *
qemuSnapshotLiveNameMemory(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef)
{
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];
        g_autofree char *base = NULL;
        char *suffix;

        if (!qemuSnapshotSubsetHasDisk(snapdef, disk->dst) ||
            virStorageSourceGetActualType(disk->src) != VIR_STORAGE_TYPE_FILE)
            continue;

        base = g_strdup(disk->src->path);

        if ((suffix = strrchr(base, '.')) && !strchr(suffix, '/'))
            *suffix = '\0';

        return g_strdup_printf("%s.%s.save", base, snapdef->parent.name);
    }

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("no disk that snapshot '%1$s' takes is a file that its memory could be written beside: say where (--memspec file=PATH --diskspec DISK,snapshot=internal)"),
                   snapdef->parent.name);
    return NULL;
}


/**
 * qemuSnapshotLiveSetMemory:
 * @vm: running domain
 * @snapdef: snapshot to be taken, aligned to the disks of @vm
 * @flags: virDomainSnapshotCreateFlags
 *
 * Has a live snapshot write its memory to a file, and chooses one if none is named.
 *
 * Returns 0 on success and for any other snapshot, -1 otherwise
 * (VIR_ERR_OPERATION_UNSUPPORTED if no file can be chosen).
 */
int
qemuSnapshotLiveSetMemory(virDomainObj *vm,
                          virDomainSnapshotDef *snapdef,
                          unsigned int flags)
{
    if (!qemuSnapshotLiveIsWanted(vm, snapdef, flags))
        return 0;

    snapdef->memory = VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL;

    /* refused like any internal snapshot without disks */
    if (!qemuSnapshotLiveIs(snapdef)) {
        snapdef->memory = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
        return 0;
    }

    if (!snapdef->memorysnapshotfile &&
        !(snapdef->memorysnapshotfile = qemuSnapshotLiveNameMemory(vm, snapdef)))
        return -1;

    return 0;
}


static qemuSnapshotRecord *
qemuSnapshotLiveGetRecord(virDomainJobObj *job)
{
    qemuDomainJobPrivate *jobPriv = job->privateData;
    qemuSnapshotRecord *record = jobPriv->snapshotRecord;

    if (!record || record->type != QEMU_SNAPSHOT_RECORD_SAVE ||
        !record->snapdef->memorysnapshotfile)
        return NULL;

    return record;
}


static int
qemuSnapshotLiveAddActions(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef,
                           virJSONValue *actions)
{
    virDomainLoaderDef *loader = vm->def->os.loader;
    const char *tag = snapdef->parent.name;
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (qemuSnapshotSubsetHasDisk(snapdef, disk->dst) &&
            qemuMonitorTransactionSnapshotInternal(actions,
                                                   qemuDomainDiskGetTopNodename(disk),
                                                   tag) < 0)
            return -1;
    }

    if (loader && loader->nvram && loader->nvram->format == VIR_STORAGE_FILE_QCOW2)
        return qemuMonitorTransactionSnapshotInternal(actions,
                                                      qemuBlockStorageSourceGetFormatNodename(loader->nvram),
                                                      tag);

    return 0;
}


static int
qemuSnapshotLiveStop(virDomainObj *vm,
                     qemuSnapshotRecord *record)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    record->stopping = true;
    record->stopped = qemuProcessStopCPUs(priv->driver, vm, VIR_DOMAIN_PAUSED_SNAPSHOT,
                                          VIR_ASYNC_JOB_SNAPSHOT) == 0;
    record->stopping = false;

    return record->stopped ? 0 : -1;
}


/**
 * qemuSnapshotLiveTakeDisks:
 * @vm: running domain whose memory is about to be migrated to a file
 *
 * For a live snapshot, stops the guest and has QEMU take all disks or none. The guest
 * stands still when it returns, be it with success or not, until qemuSnapshotLiveGoOn
 * or the end of the snapshot.
 *
 * Returns 0 on success and where no live snapshot is being taken, -1 with an error
 * reported otherwise.
 */
int
qemuSnapshotLiveTakeDisks(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuSnapshotRecord *record = qemuSnapshotLiveGetRecord(vm->job);
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    int rc;

    if (!record)
        return 0;

    if (qemuSnapshotLiveAddActions(vm, record->snapdef, actions) < 0)
        return -1;

    /* a libvirtd that is killed meanwhile has to find the record */
    record->stopped = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    qemuDomainSaveStatus(vm);

    if (record->stopped && qemuSnapshotLiveStop(vm, record) < 0)
        return -1;

    if (qemuDomainObjEnterMonitorAsync(vm, VIR_ASYNC_JOB_SNAPSHOT) < 0)
        return -1;

    rc = qemuMonitorTransaction(priv->mon, &actions);
    qemuDomainObjExitMonitor(vm);
    return rc;
}


/**
 * qemuSnapshotLiveIsStatusSaved:
 * @vm: domain that was stopped just now
 *
 * Writing the status of a domain with many disks takes milliseconds, for which the guest
 * would stand still.
 *
 * Returns true if the domain was stopped for a live snapshot, and what its status says
 * beforehand is enough for another libvirtd to let it go on. Reports no error.
 */
bool
qemuSnapshotLiveIsStatusSaved(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuSnapshotRecord *record = qemuSnapshotLiveGetRecord(vm->job);

    return record && record->stopping && !priv->lockState;
}


/* Pages are counted when they are written, and none is before all are protected: the
 * migration is active earlier. Returns 1 if the memory is protected or the migration
 * has ended, 0 if not yet, -1 on error. */
static int
qemuSnapshotLiveIsProtected(virDomainObj *vm)
{
    virDomainJobData *jobData = vm->job->current;
    qemuDomainJobDataPrivate *privJob = jobData->privateData;
    qemuMonitorMigrationStats *stats = &privJob->stats.mig;

    if (qemuMigrationAnyFetchStats(vm, VIR_ASYNC_JOB_SNAPSHOT, jobData, NULL) < 0)
        return -1;

    switch ((qemuMonitorMigrationStatus) stats->status) {
    case QEMU_MONITOR_MIGRATION_STATUS_COMPLETED:
    case QEMU_MONITOR_MIGRATION_STATUS_ERROR:
    case QEMU_MONITOR_MIGRATION_STATUS_CANCELLED:
        return 1;

    case QEMU_MONITOR_MIGRATION_STATUS_INACTIVE:
    case QEMU_MONITOR_MIGRATION_STATUS_SETUP:
    case QEMU_MONITOR_MIGRATION_STATUS_ACTIVE:
    case QEMU_MONITOR_MIGRATION_STATUS_PRE_SWITCHOVER:
    case QEMU_MONITOR_MIGRATION_STATUS_DEVICE:
    case QEMU_MONITOR_MIGRATION_STATUS_POSTCOPY:
    case QEMU_MONITOR_MIGRATION_STATUS_POSTCOPY_PAUSED:
    case QEMU_MONITOR_MIGRATION_STATUS_POSTCOPY_RECOVER_SETUP:
    case QEMU_MONITOR_MIGRATION_STATUS_POSTCOPY_RECOVER:
    case QEMU_MONITOR_MIGRATION_STATUS_CANCELLING:
    case QEMU_MONITOR_MIGRATION_STATUS_WAIT_UNPLUG:
    case QEMU_MONITOR_MIGRATION_STATUS_LAST:
        break;
    }

    return stats->ram_normal + stats->ram_duplicate > 0;
}


static int
qemuSnapshotLiveResume(virDomainObj *vm,
                       qemuSnapshotRecord *record)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virObjectEvent *event = NULL;

    if (!record || !record->stopped)
        return 0;

    record->stopped = false;

    if (!virDomainObjIsActive(vm) ||
        qemuProcessStartCPUs(priv->driver, vm, VIR_DOMAIN_RUNNING_UNPAUSED,
                             VIR_ASYNC_JOB_SNAPSHOT) == 0)
        return 0;

    if (virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PAUSED)
        virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_API_ERROR);

    event = virDomainEventLifecycleNewFromObj(vm, VIR_DOMAIN_EVENT_SUSPENDED,
                                              VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR);
    virObjectEventStateQueue(priv->driver->domainEventState, event);
    return -1;
}


/**
 * qemuSnapshotLiveGoOn:
 * @vm: running domain whose memory is being migrated to a file
 *
 * For a live snapshot, lets the guest go on as soon as its memory is protected, and
 * others see and end the job. QEMU 7.2 has let it go on by itself then, to no harm.
 *
 * Returns 0 on success and where no live snapshot is being taken, -2 if the migration
 * has to be cancelled.
 */
int
qemuSnapshotLiveGoOn(virDomainObj *vm)
{
    qemuSnapshotRecord *record = qemuSnapshotLiveGetRecord(vm->job);
    int rc;

    if (!record)
        return 0;

    while (record->stopped && (rc = qemuSnapshotLiveIsProtected(vm)) != 1) {
        if (rc < 0)
            return -2;

        virObjectUnlock(vm);
        g_usleep(QEMU_SNAPSHOT_LIVE_POLL_INTERVAL);
        virObjectLock(vm);
    }

    if (qemuSnapshotLiveResume(vm, record) < 0)
        return -2;

    qemuDomainObjSetAsyncJobMask(vm, (VIR_JOB_DEFAULT_MASK |
                                      JOB_MASK(VIR_JOB_SUSPEND) |
                                      JOB_MASK(VIR_JOB_MIGRATION_OP)));
    /* who asked while the guest stood still waits for this */
    virCondBroadcast(&vm->job->asyncCond);
    return 0;
}


/**
 * qemuSnapshotLiveFail:
 * @vm: running domain whose migration failed or is about to be cancelled
 *
 * For a live snapshot, lets the guest write to its memory again. QEMU, waiting for it
 * like the guest, may not answer before, whatever it is being asked. Does nothing for
 * any other migration.
 */
void
qemuSnapshotLiveFail(virDomainObj *vm)
{
    if (qemuSnapshotLiveGetRecord(vm->job) && virDomainObjIsActive(vm))
        ignore_value(qemuSnapshotLiveUnprotect(vm->pid));
}


/**
 * qemuSnapshotLiveMigrationStatus:
 * @vm: running domain with a job
 * @status: what QEMU says just now of its migration (qemuMonitorMigrationStatus)
 *
 * Lets the guest of a live snapshot that failed, or that QEMU was told to cancel, write
 * to its memory again. QEMU, waiting for it like the guest, may say nothing else before.
 */
void
qemuSnapshotLiveMigrationStatus(virDomainObj *vm,
                                int status)
{
    if (status == QEMU_MONITOR_MIGRATION_STATUS_ERROR ||
        status == QEMU_MONITOR_MIGRATION_STATUS_CANCELLING)
        qemuSnapshotLiveFail(vm);
}


/* The memory of one snapshot beside the disks of another would be a broken guest. */
static void
qemuSnapshotLiveMark(virQEMUSaveData *data,
                     const virDomainSnapshotDef *snapdef)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    char *end = g_strrstr(data->cookie, "</cookie>");

    virBufferAdd(&buf, data->cookie, end - data->cookie);
    virBufferAdjustIndent(&buf, 2);
    virBufferEscapeString(&buf, "<snapshot name='%s'", snapdef->parent.name);
    virBufferAsprintf(&buf, " creationTime='%lld'/>\n", snapdef->parent.creationTime);
    virBufferAdjustIndent(&buf, -2);
    virBufferAdd(&buf, end, -1);

    g_free(data->cookie);
    data->cookie = virBufferContentAndReset(&buf);
}


static virQEMUSaveData *
qemuSnapshotLiveNewData(virDomainObj *vm,
                        virDomainSnapshotDef *snapdef,
                        int format)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virQEMUDriver *driver = priv->driver;
    bool running = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    g_autofree char *xml = NULL;
    virQEMUSaveData *data;

    if (!(xml = qemuDomainDefFormatLive(driver, priv->qemuCaps, vm->def, priv->origCPU,
                                        true, true)) ||
        !(snapdef->cookie = (virObject *) qemuDomainSaveCookieNew(vm)) ||
        !(data = virQEMUSaveDataNew(xml, (qemuDomainSaveCookie *) snapdef->cookie,
                                    running, format, driver->xmlopt)))
        return NULL;

    xml = NULL;
    qemuSnapshotLiveMark(data, snapdef);
    return data;
}


/* Whoever made a file of that name meanwhile keeps it. */
static int
qemuSnapshotLiveReserve(virQEMUDriverConfig *cfg,
                        const char *path)
{
    VIR_AUTOCLOSE fd = virQEMUFileOpenAs(cfg->user, cfg->group, false, path,
                                         O_WRONLY | O_CREAT | O_EXCL, NULL);

    return fd < 0 ? -1 : 0;
}


/* A capability that stays would have an ordinary snapshot write its memory like this. */
static void
qemuSnapshotLiveGiveBack(virDomainObj *vm)
{
    g_autoptr(qemuMigrationParams) none = qemuMigrationParamsNew();
    virErrorPtr orig_err = NULL;

    virErrorPreserveLast(&orig_err);

    if (virDomainObjIsActive(vm) &&
        qemuMigrationParamsApply(vm, VIR_ASYNC_JOB_SNAPSHOT, none, 0) < 0)
        VIR_WARN("cannot take the capability background-snapshot from domain '%s' again",
                 vm->def->name);

    virErrorRestore(&orig_err);
}


/**
 * qemuSnapshotLiveCreate:
 * @vm: running domain; the caller holds the asynchronous job SNAPSHOT
 * @snap: live snapshot to be taken, aligned to the disks of @vm
 * @flags: virDomainSnapshotCreateFlags
 *
 * A domain that is paused stays paused.
 *
 * Returns 0 on success, -1 with an error reported otherwise: then no image holds the
 * snapshot, the file is gone, and the guest goes on.
 */
int
qemuSnapshotLiveCreate(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       unsigned int flags)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    g_autoptr(qemuMigrationParams) params = NULL;
    g_autoptr(virCommand) compressor = NULL;
    g_autoptr(virQEMUSaveData) data = NULL;
    virErrorPtr orig_err = NULL;
    bool background;
    int ret;

    if (!qemuMigrationSrcIsAllowed(vm, false, VIR_ASYNC_JOB_SNAPSHOT, 0) ||
        qemuSaveImageGetCompressionProgram(cfg->snapshotImageFormat, &compressor, "snapshot") < 0 ||
        !(data = qemuSnapshotLiveNewData(vm, snapdef, cfg->snapshotImageFormat)) ||
        qemuSnapshotLiveCheck(vm, snapdef, flags, &background) < 0)
        return -1;

    params = background ? qemuMigrationParamsForLiveSnapshot() : qemuMigrationParamsNew();

    if (qemuSnapshotSubsetCreatePrepare(vm, snapdef) < 0 ||
        qemuSnapshotLiveReserve(cfg, snapdef->memorysnapshotfile) < 0) {
        g_clear_pointer(&jobPriv->snapshotRecord, qemuSnapshotRecordFree);
        qemuSnapshotLiveGiveBack(vm);
        return -1;
    }

    qemuDomainJobSetStatsType(vm->job->current, QEMU_DOMAIN_JOB_STATS_TYPE_SAVEDUMP);

    if (background)
        qemuSnapshotLiveWarm(vm);

    ret = qemuSaveImageCreate(priv->driver, vm, snapdef->memorysnapshotfile, data,
                              compressor, params, 0, VIR_ASYNC_JOB_SNAPSHOT);

    qemuDomainObjSetAsyncJobMask(vm, VIR_JOB_NONE);

    if (ret < 0) {
        virErrorPreserveLast(&orig_err);
        ignore_value(qemuSnapshotLiveResume(vm, jobPriv->snapshotRecord));
        virErrorRestore(&orig_err);
    }

    qemuSnapshotLiveGiveBack(vm);

    if (ret < 0)
        qemuSnapshotSubsetCreateDiscard(vm, snapdef);

    return ret;
}


/**
 * qemuSnapshotLiveReconnect:
 * @vm: domain whose monitor is about to be connected
 * @job: job that libvirtd had on it before it was killed
 *
 * Where that was a live snapshot, keeps the guest's memory unprotected until @job is
 * freed: QEMU does not answer while it waits for memory that it left protected.
 */
void
qemuSnapshotLiveReconnect(virDomainObj *vm,
                          virDomainJobObj *job)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuSnapshotRecord *record = qemuSnapshotLiveGetRecord(job);

    if (record)
        record->unprotecting = qemuSnapshotLiveKeepUnprotected(priv->pidfile);
}


static bool
qemuSnapshotLiveIsMigrating(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuMonitorMigrationStats stats = { 0 };
    int rc;

    qemuDomainObjEnterMonitor(vm);
    rc = qemuMonitorGetMigrationStats(priv->mon, &stats, NULL);
    qemuDomainObjExitMonitor(vm);

    return rc == 0 &&
           (stats.status == QEMU_MONITOR_MIGRATION_STATUS_SETUP ||
            stats.status == QEMU_MONITOR_MIGRATION_STATUS_ACTIVE ||
            stats.status == QEMU_MONITOR_MIGRATION_STATUS_CANCELLING);
}


/**
 * qemuSnapshotLiveRecover:
 * @vm: running domain whose monitor was just connected, and whose memory libvirtd was
 *      saving when it was killed; the migration is cancelled
 * @record: what libvirtd was doing
 *
 * Gives QEMU's capability back when the migration has ended, and lets the guest go on
 * that was stopped for it. What cannot be done is logged.
 */
void
qemuSnapshotLiveRecover(virDomainObj *vm,
                        const qemuSnapshotRecord *record)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virJSONValue) caps = virJSONValueNewArray();
    g_autoptr(virJSONValue) cap = NULL;
    size_t i;
    int rc;

    for (i = 0; i < QEMU_SNAPSHOT_LIVE_END_CHECKS && qemuSnapshotLiveIsMigrating(vm); i++) {
        virObjectUnlock(vm);
        g_usleep(QEMU_SNAPSHOT_LIVE_END_INTERVAL * 1000);
        virObjectLock(vm);
    }

    /* now that nothing protects it any more */
    ignore_value(qemuSnapshotLiveUnprotect(vm->pid));

    if (virJSONValueObjectAdd(&cap, "s:capability", "background-snapshot", "b:state", false, NULL) < 0 ||
        virJSONValueArrayAppend(caps, &cap) < 0)
        return;

    qemuDomainObjEnterMonitor(vm);
    rc = qemuMonitorSetMigrationCapabilities(priv->mon, &caps);
    qemuDomainObjExitMonitor(vm);

    if (rc < 0)
        VIR_WARN("cannot take the capability background-snapshot from domain '%s' again: %s",
                 vm->def->name, virGetLastErrorMessage());

    if (record->stopped &&
        virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PAUSED &&
        qemuProcessStartCPUs(priv->driver, vm, VIR_DOMAIN_RUNNING_SAVE_CANCELED,
                             VIR_ASYNC_JOB_NONE) < 0)
        VIR_WARN("cannot resume domain '%s', which was stopped for a live snapshot: %s",
                 vm->def->name, virGetLastErrorMessage());
}


static int
qemuSnapshotLiveCheckMark(const virQEMUSaveData *data,
                          const virDomainSnapshotDef *snapdef)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree char *name = NULL;
    long long creationTime = 0;

    if (data->cookie &&
        (doc = virXMLParse(NULL, data->cookie, _("(save cookie)"), "cookie", &ctxt, NULL, false))) {
        name = virXPathString("string(./snapshot/@name)", ctxt);
        ignore_value(virXPathLongLong("string(./snapshot/@creationTime)", ctxt, &creationTime));
    }

    if (STREQ_NULLABLE(name, snapdef->parent.name) &&
        creationTime == snapdef->parent.creationTime)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("file '%1$s' does not hold the memory of snapshot '%2$s': bring back the one that does"),
                   snapdef->memorysnapshotfile, snapdef->parent.name);
    return -1;
}


/**
 * qemuSnapshotLiveCheckMemory:
 * @vm: domain object
 * @snap: snapshot to revert to
 * @config: definition that is about to be started; may be NULL
 *
 * To be called before the domain is touched.
 *
 * Returns 0 for a live snapshot whose memory is there and fits @config, and for any
 * other snapshot, -1 otherwise with an error reported that names file and snapshot.
 */
int
qemuSnapshotLiveCheckMemory(virDomainObj *vm,
                            virDomainMomentObj *snap,
                            virDomainDef *config)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virQEMUSaveData) data = NULL;
    g_autoptr(virDomainDef) savedef = NULL;

    if (!config || !qemuSnapshotLiveIs(snapdef))
        return 0;

    if (qemuSaveImageGetMetadata(priv->driver, NULL, snapdef->memorysnapshotfile, NULL,
                                 NULL, &savedef, &data) < 0) {
        virLastErrorPrefixMessage(_("cannot revert to snapshot '%1$s': its memory cannot be read from '%2$s'"),
                                  snapdef->parent.name, snapdef->memorysnapshotfile);
        return -1;
    }

    if (qemuSnapshotLiveCheckMark(data, snapdef) < 0 ||
        !virDomainDefCheckABIStability(savedef, config, priv->driver->xmlopt))
        return -1;

    return 0;
}


/**
 * qemuSnapshotLiveGoBack:
 * @vm: domain that is not running
 * @snap: snapshot to revert to
 * @fd: filled with a descriptor of the memory, to be closed by the caller
 * @path: filled with the name of that file, owned by @snap
 * @data: filled with the header of that file, to be freed by the caller
 *
 * Has the images of a live snapshot go back, all or, if there was room to keep what
 * they hold, none, and opens its memory. Does nothing for any other snapshot.
 *
 * Returns 0 on success, -1 with an error reported that names disk or file.
 */
int
qemuSnapshotLiveGoBack(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       int *fd,
                       char **path,
                       virQEMUSaveData **data)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virDomainDef) savedef = NULL;
    size_t i;

    if (!qemuSnapshotLiveIs(snapdef))
        return 0;

    *path = snapdef->memorysnapshotfile;

    if (qemuSaveImageGetMetadata(priv->driver, NULL, *path, NULL, NULL, &savedef, data) < 0 ||
        (*fd = qemuSaveImageOpen(priv->driver, *path, false, false, NULL, false)) < 0)
        return -1;

    for (i = 0; i < snap->def->dom->ndisks; i++) {
        if (virDomainDiskTranslateSourcePool(snap->def->dom->disks[i]) < 0)
            return -1;
    }

    return qemuSnapshotSubsetRevertInactive(vm, snap->def->dom, snap);
}


/**
 * qemuSnapshotLiveReportStart:
 * @snap: snapshot that was reverted to
 *
 * For a live snapshot, has the error that QEMU could not be started say what became of
 * the images.
 */
void
qemuSnapshotLiveReportStart(virDomainMomentObj *snap)
{
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);
    g_auto(virBuffer) disks = VIR_BUFFER_INITIALIZER;
    size_t i;

    if (!qemuSnapshotLiveIs(snapdef))
        return;

    for (i = 0; i < snapdef->ndisks; i++) {
        if (qemuSnapshotSubsetHasDisk(snapdef, snapdef->disks[i].name))
            virBufferAsprintf(&disks, " '%s'", snapdef->disks[i].name);
    }

    virLastErrorPrefixMessage(_("snapshot '%1$s' could not be loaded from '%2$s' (disks that hold the snapshot's contents now:%3$s)"),
                              snapdef->parent.name, snapdef->memorysnapshotfile,
                              virBufferCurrentContent(&disks));
}


/**
 * qemuSnapshotLiveRemoveMemory:
 * @snap: snapshot whose disks are deleted
 *
 * Removes the memory of a live snapshot; one that is gone already will do. Does
 * nothing for any other snapshot.
 *
 * Returns 0 on success, -1 with an error reported that names file and remedy.
 */
int
qemuSnapshotLiveRemoveMemory(virDomainMomentObj *snap)
{
    virDomainSnapshotDef *snapdef = virDomainSnapshotObjGetDef(snap);

    if (!qemuSnapshotLiveIs(snapdef) ||
        unlink(snapdef->memorysnapshotfile) == 0 || errno == ENOENT)
        return 0;

    virReportSystemError(errno,
                         _("no image holds snapshot '%1$s' any more, but its memory '%2$s' cannot be removed: delete the snapshot again when it can be"),
                         snapdef->parent.name, snapdef->memorysnapshotfile);
    return -1;
}
