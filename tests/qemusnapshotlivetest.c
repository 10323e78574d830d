/*
 * qemusnapshotlivetest.c: which snapshots are live, what is refused, and what QEMU is
 * told to do
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"

#ifdef WITH_QEMU

# include <fcntl.h>
# include <unistd.h>

# ifdef __linux__
#  include <linux/userfaultfd.h>
#  include <sys/ioctl.h>
#  include <sys/mman.h>
#  include <sys/syscall.h>
# endif

# include "qemumonitortestutils.h"
# include "testutilsqemu.h"

# include "qemu/qemu_block.h"
# include "qemu/qemu_domain.h"
# include "qemu/qemu_migration_params.h"
# include "qemu/qemu_snapshot_live.h"
# include "qemu/qemu_snapshot_live_check.h"
# include "virfile.h"
# include "virthread.h"

# define VIR_FROM_THIS VIR_FROM_NONE

# define INTERNAL VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL
# define EXTERNAL VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL
# define MANUAL VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL
# define NONE VIR_DOMAIN_SNAPSHOT_LOCATION_NO
# define UNSET VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT

# define LIVE VIR_DOMAIN_SNAPSHOT_CREATE_LIVE

static virQEMUDriver driver;


/* A running domain with the disks vda in a qcow2 file, vdb in a raw one and vdc in a
 * qcow2 volume; the thread has the job of a snapshot. */
static virDomainObj *
testDomainNew(void)
{
    const char *paths[] = { "/images.d/a.qcow2", "/images.d/b", "/dev/volume" };
    virDomainObj *vm = virDomainObjNew(driver.xmlopt);
    size_t i;

    vm->def = virDomainDefNew(driver.xmlopt);
    vm->def->name = g_strdup("guest");
    vm->def->id = 1;
    vm->pid = getpid();
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);

    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        virDomainDiskDef *disk = virDomainDiskDefNew(driver.xmlopt);

        disk->dst = g_strdup_printf("vd%c", (char) ('a' + i));
        disk->src->type = i == 2 ? VIR_STORAGE_TYPE_BLOCK : VIR_STORAGE_TYPE_FILE;
        disk->src->format = i == 1 ? VIR_STORAGE_FILE_RAW : VIR_STORAGE_FILE_QCOW2;
        disk->src->path = g_strdup(paths[i]);
        qemuBlockStorageSourceSetFormatNodename(disk->src,
                                                g_strdup_printf("node-%s", disk->dst));
        virDomainDiskInsert(vm->def, disk);
    }

    vm->job->asyncJob = VIR_ASYNC_JOB_SNAPSHOT;
    vm->job->asyncOwner = virThreadSelfID();
    return vm;
}


static virDomainSnapshotDef *
testSnapshotNew(const char *name,
                const virDomainSnapshotLocation *disks,
                virDomainSnapshotLocation memory)
{
    virDomainSnapshotDef *snapdef = virDomainSnapshotDefNew();
    size_t i;

    snapdef->parent.name = g_strdup(name);
    snapdef->memory = memory;
    VIR_EXPAND_N(snapdef->disks, snapdef->ndisks, 3);

    for (i = 0; i < snapdef->ndisks; i++) {
        snapdef->disks[i].name = g_strdup_printf("vd%c", (char) ('a' + i));
        snapdef->disks[i].snapshot = disks[i];
    }

    return snapdef;
}

/*
 * Which snapshots are live
 */

struct testWanted {
    virDomainSnapshotLocation disks[3];
    virDomainSnapshotLocation memory;
    unsigned int flags;
    virDomainSnapshotLocation attribute; /* of vda in the domain */
    bool inactive;

    bool wanted;
};


static int
testWanted(const void *opaque)
{
    const struct testWanted *test = opaque;
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(virDomainSnapshotDef) snapdef = testSnapshotNew("s1", test->disks, test->memory);
    bool wanted;

    vm->def->disks[0]->snapshot = test->attribute;
    if (test->inactive)
        vm->def->id = -1;

    wanted = qemuSnapshotLiveIsWanted(vm, snapdef, test->flags);

    if (wanted != test->wanted) {
        VIR_TEST_VERBOSE("wanted: %d", wanted);
        return -1;
    }

    return 0;
}


/*
 * Where the memory goes
 */

struct testMemory {
    virDomainSnapshotLocation disks[3];
    const char *file; /* asked for */

    virDomainSnapshotLocation memory;
    const char *path; /* NULL: refused */
};


static int
testMemory(const void *opaque)
{
    const struct testMemory *test = opaque;
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(virDomainSnapshotDef) snapdef = NULL;

    snapdef = testSnapshotNew("s1", test->disks, test->file ? EXTERNAL : UNSET);
    snapdef->memorysnapshotfile = g_strdup(test->file);

    if (qemuSnapshotLiveSetMemory(vm, snapdef, LIVE) < 0)
        return test->memory == UNSET ? 0 : -1;

    if (snapdef->memory != test->memory) {
        VIR_TEST_VERBOSE("memory is %s",
                         virDomainSnapshotLocationTypeToString(snapdef->memory));
        return -1;
    }

    return virTestCompareToString(NULLSTR(test->path), NULLSTR(snapdef->memorysnapshotfile));
}


/*
 * What is refused before the domain is touched
 */

struct testCheck {
    const char *name;
    unsigned int flags;
    const char *file; /* of the memory; NULL: one that does not exist */
    virQEMUSaveFormat format;
    const char *lockManager;
    virQEMUCaps *qemuCaps; /* NULL: of a QEMU that is older than any */
    void (*prepare)(virDomainObj *vm);
    const char *replies; /* of a QEMU that has the capability; NULL: it does not */

    const char *error; /* what it says; NULL: nothing is refused */
};


static void
testAddVhostUserDisk(virDomainObj *vm)
{
    vm->def->disks[1]->src->type = VIR_STORAGE_TYPE_VHOST_USER;
}


static void
testAddVdpaDisk(virDomainObj *vm)
{
    vm->def->disks[2]->src->type = VIR_STORAGE_TYPE_VHOST_VDPA;
}


static void
testAddNet(virDomainObj *vm,
           virDomainNetType type)
{
    virDomainNetDef *net = virDomainNetDefNew(driver.xmlopt);

    net->type = type;
    net->info.alias = g_strdup("net0");
    VIR_APPEND_ELEMENT(vm->def->nets, vm->def->nnets, net);
}


static void
testAddVhostUserNet(virDomainObj *vm)
{
    testAddNet(vm, VIR_DOMAIN_NET_TYPE_VHOSTUSER);
}


static void
testAddVdpaNet(virDomainObj *vm)
{
    testAddNet(vm, VIR_DOMAIN_NET_TYPE_VDPA);
}


static void
testAddUserNet(virDomainObj *vm)
{
    testAddNet(vm, VIR_DOMAIN_NET_TYPE_USER);
}


static void
testAddVirtiofs(virDomainObj *vm)
{
    virDomainFSDef *fs = virDomainFSDefNew(driver.xmlopt);

    fs->fsdriver = VIR_DOMAIN_FS_DRIVER_TYPE_VIRTIOFS;
    fs->info.alias = g_strdup("fs0");
    VIR_APPEND_ELEMENT(vm->def->fss, vm->def->nfss, fs);
}


static void
testAddVhostUserVideo(virDomainObj *vm)
{
    virDomainVideoDef *video = virDomainVideoDefNew(driver.xmlopt);

    video->backend = VIR_DOMAIN_VIDEO_BACKEND_TYPE_VHOSTUSER;
    video->info.alias = g_strdup("video0");
    VIR_APPEND_ELEMENT(vm->def->videos, vm->def->nvideos, video);
}


static void
testAddHostdev(virDomainObj *vm,
               virDomainHostdevSubsysType type)
{
    virDomainHostdevDef *hostdev = virDomainHostdevDefNew();

    hostdev->mode = VIR_DOMAIN_HOSTDEV_MODE_SUBSYS;
    hostdev->source.subsys.type = type;
    hostdev->info->alias = g_strdup("hostdev0");
    VIR_APPEND_ELEMENT(vm->def->hostdevs, vm->def->nhostdevs, hostdev);
}


static void
testAddHostPCI(virDomainObj *vm)
{
    testAddHostdev(vm, VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_PCI);
}


static void
testAddMdev(virDomainObj *vm)
{
    testAddHostdev(vm, VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_MDEV);
}


static void
testAddHostUSB(virDomainObj *vm)
{
    testAddHostdev(vm, VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_USB);
}


/* Every capability that libvirt may have switched on for a migration is off. */
static qemuMonitorTest *
testMonitorNew(virDomainObj *vm,
               const char *command,
               const char *reply)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    qemuMonitorTest *mon = qemuMonitorTestNew(driver.xmlopt, vm, NULL, NULL);

    if (!mon || qemuMonitorTestAddItemVerbatim(mon, command, NULL, reply) < 0) {
        qemuMonitorTestFree(mon);
        return NULL;
    }

    priv->mon = qemuMonitorTestGetMonitor(mon);
    virObjectUnlock(priv->mon);
    return mon;
}


static void
testMonitorFree(virDomainObj *vm,
                qemuMonitorTest *mon)
{
    qemuDomainObjPrivate *priv = vm->privateData;

    if (!mon)
        return;

    virObjectLock(priv->mon);
    priv->mon = NULL;
    qemuMonitorTestFree(mon);
}


static char *
testCapabilities(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    virBufferAddLit(&buf, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[");

    for (i = 0; i < QEMU_MIGRATION_CAP_LAST; i++)
        virBufferAsprintf(&buf, "{\"capability\":\"%s\",\"state\":%s},",
                          qemuMigrationCapabilityTypeToString(i),
                          i == QEMU_MIGRATION_CAP_BACKGROUND_SNAPSHOT ? "true" : "false");

    virBufferTrim(&buf, ",");
    virBufferAddLit(&buf, "]},\"id\":\"libvirt-1\"}");
    return virBufferContentAndReset(&buf);
}


static int
testCheckResult(const struct testCheck *test,
                virDomainObj *vm,
                const virDomainSnapshotDef *snapdef)
{
    bool background = false;
    int rc = qemuSnapshotLiveCheck(vm, snapdef, LIVE | test->flags, &background);

    if (!test->error)
        return rc == 0 && background ? 0 : -1;

    if (rc == 0) {
        VIR_TEST_VERBOSE("not refused");
        return -1;
    }

    if (strstr(virGetLastErrorMessage(), test->error))
        return 0;

    VIR_TEST_VERBOSE("refused by: %s", virGetLastErrorMessage());
    return -1;
}


static int
testCheck(const void *opaque)
{
    const struct testCheck *test = opaque;
    const virDomainSnapshotLocation disks[] = { INTERNAL, NONE, NONE };
    g_autofree char *capabilities = testCapabilities();
    g_autoptr(virDomainObj) vm = testDomainNew();
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virDomainSnapshotDef) snapdef = testSnapshotNew(test->name, disks, EXTERNAL);
    qemuMonitorTest *mon = NULL;
    int ret;

    snapdef->memorysnapshotfile = g_strdup(test->file);
    if (!test->file)
        snapdef->memorysnapshotfile = g_strdup_printf("%s/none", driver.config->stateDir);

    priv->migrationCaps = virBitmapNew(QEMU_MIGRATION_CAP_LAST);
    priv->qemuCaps = test->qemuCaps ? virObjectRef(test->qemuCaps) : virQEMUCapsNew();
    driver.config->snapshotImageFormat = test->format;
    driver.config->lockManagerName = (char *) test->lockManager;

    if (test->prepare)
        test->prepare(vm);

    if (test->replies) {
        virBitmapSetAll(priv->migrationCaps);

        if (!(mon = testMonitorNew(vm, capabilities, test->replies)))
            return -1;
    }

    ret = testCheckResult(test, vm, snapdef);
    driver.config->lockManagerName = NULL;
    testMonitorFree(vm, mon);
    return ret;
}


/*
 * What QEMU is told to take
 */

struct testTake {
    virDomainSnapshotLocation disks[3];
    virStorageFileFormat nvram; /* NONE: the domain has no variable store */
    const char *actions;
};


static void
testAddNvram(virDomainObj *vm,
             virStorageFileFormat format)
{
    vm->def->os.loader = virDomainLoaderDefNew();
    vm->def->os.loader->nvram = virStorageSourceNew();
    vm->def->os.loader->nvram->format = format;
    qemuBlockStorageSourceSetFormatNodename(vm->def->os.loader->nvram, g_strdup("node-nvram"));
}


static void
testAddRecord(virDomainObj *vm,
              const virDomainSnapshotLocation *disks)
{
    qemuDomainJobPrivate *jobPriv = vm->job->privateData;
    g_autoptr(virDomainSnapshotDef) snapdef = testSnapshotNew("s1", disks, EXTERNAL);

    snapdef->memorysnapshotfile = g_strdup("/images.d/a.s1.save");
    jobPriv->snapshotRecord = qemuSnapshotRecordNew(QEMU_SNAPSHOT_RECORD_SAVE, snapdef, NULL);
}


static int
testTake(const void *opaque)
{
    const struct testTake *test = opaque;
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autofree char *command = NULL;
    qemuMonitorTest *mon;
    int ret;

    testAddRecord(vm, test->disks);

    /* which is not stopped, nor let go on */
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);

    if (test->nvram != VIR_STORAGE_FILE_NONE)
        testAddNvram(vm, test->nvram);

    command = g_strdup_printf("{\"execute\":\"transaction\",\"arguments\":{\"actions\":[%s]},\"id\":\"libvirt-1\"}",
                              test->actions);

    if (!(mon = testMonitorNew(vm, command, "{\"return\":{}}")))
        return -1;

    ret = qemuSnapshotLiveTakeDisks(vm);

    if (ret == 0 && qemuSnapshotLiveGoOn(vm) < 0)
        ret = -1;

    testMonitorFree(vm, mon);
    return ret;
}


# if defined(__linux__) && defined(UFFD_USER_MODE_ONLY)
/*
 * When the memory of QEMU, which is this process here, is unprotected
 */

struct testProtected {
    bool other; /* QEMU migrates for something else */
    int status;

    bool protected;
};


static int
testProtect(void *page)
{
    VIR_AUTOCLOSE fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
    struct uffdio_register memory = {
        .range = { .start = (uintptr_t) page, .len = getpagesize() },
        .mode = UFFDIO_REGISTER_MODE_WP,
    };
    int ret = fd;

    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &memory) < 0)
        return -1;

    fd = -1;
    return ret;
}


/* Only what is registered still can be protected. */
static bool
testIsProtected(int fd,
                void *page)
{
    struct uffdio_writeprotect protect = {
        .range = { .start = (uintptr_t) page, .len = getpagesize() },
        .mode = UFFDIO_WRITEPROTECT_MODE_WP,
    };

    return ioctl(fd, UFFDIO_WRITEPROTECT, &protect) == 0;
}


static int
testProtected(const void *opaque)
{
    const struct testProtected *test = opaque;
    const virDomainSnapshotLocation disks[] = { INTERNAL, NONE, NONE };
    g_autoptr(virDomainObj) vm = testDomainNew();
    void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    VIR_AUTOCLOSE fd = testProtect(page);
    bool protected;

    if (fd < 0) {
        munmap(page, getpagesize());
        return EXIT_AM_SKIP;
    }

    if (!test->other)
        testAddRecord(vm, disks);

    qemuSnapshotLiveMigrationStatus(vm, test->status);
    protected = testIsProtected(fd, page);
    munmap(page, getpagesize());

    if (protected != test->protected) {
        VIR_TEST_VERBOSE("protected: %d", protected);
        return -1;
    }

    return 0;
}
# endif


static int
mymain(void)
{
    g_autoptr(GHashTable) capsLatestFiles = testQemuGetLatestCaps();
    g_autoptr(GHashTable) capsCache = virHashNew(virObjectUnref);
    g_autoptr(virQEMUCaps) latest = NULL;
    int ret = 0;

    if (virEventRegisterDefaultImpl() < 0 ||
        qemuTestDriverInit(&driver) < 0 ||
        !(latest = testQemuGetRealCaps("x86_64", "latest", "", capsLatestFiles,
                                       capsCache, NULL, NULL)))
        return EXIT_FAILURE;

# define TEST(title, type, ...) \
    do { \
        const struct test##type data = { __VA_ARGS__ }; \
        if (virTestRun(title, test##type, &data) < 0) \
            ret = -1; \
    } while (0)

    TEST("--live alone is a live snapshot", Wanted,
         .flags = LIVE, .wanted = true);
    TEST("without --live none is", Wanted,
         .disks = { INTERNAL, NONE, NONE }, .memory = EXTERNAL);
    TEST("with a file and no disk asked for internally it is stock's", Wanted,
         .flags = LIVE, .memory = EXTERNAL);
    TEST("with a file and a disk asked for internally it is live", Wanted,
         .flags = LIVE, .memory = EXTERNAL, .disks = { INTERNAL }, .wanted = true);
    TEST("with a file and a disk whose attribute says internal it is live", Wanted,
         .flags = LIVE, .memory = EXTERNAL, .attribute = INTERNAL, .wanted = true);
    TEST("with a file, the list goes before the attribute", Wanted,
         .flags = LIVE, .memory = EXTERNAL, .attribute = INTERNAL, .disks = { NONE });
    TEST("with a disk asked for externally it is stock's", Wanted,
         .flags = LIVE, .disks = { INTERNAL, EXTERNAL });
    TEST("with a disk that its user takes it is stock's", Wanted,
         .flags = LIVE, .disks = { INTERNAL, MANUAL });
    TEST("with memory asked for internally it is stock's", Wanted,
         .flags = LIVE, .memory = INTERNAL);
    TEST("without memory it is stock's", Wanted,
         .flags = LIVE, .memory = NONE);
    TEST("with disks only it is stock's", Wanted,
         .flags = LIVE | VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY);
    TEST("of a domain that is off it is stock's", Wanted,
         .flags = LIVE, .inactive = true);

    TEST("the memory goes beside the first image that is taken", Memory,
         .disks = { INTERNAL, NONE, INTERNAL },
         .memory = EXTERNAL, .path = "/images.d/a.s1.save");
    TEST("a dot in a directory's name is none of the image's", Memory,
         .disks = { NONE, INTERNAL, NONE },
         .memory = EXTERNAL, .path = "/images.d/b.s1.save");
    TEST("the memory goes where it is asked for", Memory,
         .disks = { INTERNAL, NONE, NONE }, .file = "/other",
         .memory = EXTERNAL, .path = "/other");
    TEST("beside a volume the memory has no place", Memory,
         .disks = { NONE, NONE, INTERNAL });
    TEST("without any disk the memory is where stock puts it", Memory,
         .disks = { NONE, NONE, NONE }, .memory = INTERNAL);

# define REFUSED(title, message, ...) \
    TEST(title, Check, .name = "s1", .error = message, __VA_ARGS__)
# define GUEST_MEMORY_WRITER(title, function, device) \
    REFUSED(title, "what device '" device "' writes to its memory goes past QEMU", \
            .prepare = function)

    REFUSED("--halt is refused", "leave away --live or --halt",
            .flags = VIR_DOMAIN_SNAPSHOT_CREATE_HALT);
    TEST("a name that is a path is refused", Check,
         .name = "a/b", .error = "contains '/'");
    REFUSED("the format sparse is refused", "set snapshot_image_format in qemu.conf to another",
            .format = QEMU_SAVE_FORMAT_SPARSE);
    REFUSED("a file that exists is refused", "exists already", .file = "/dev/null");
    REFUSED("a directory that does not exist is refused", "cannot look for room",
            .file = "/images.d/a.s1.save");
    GUEST_MEMORY_WRITER("a vhost-user disk is refused", testAddVhostUserDisk, "vdb");
    GUEST_MEMORY_WRITER("a vDPA disk is refused", testAddVdpaDisk, "vdc");
    GUEST_MEMORY_WRITER("a vhost-user interface is refused", testAddVhostUserNet, "net0");
    GUEST_MEMORY_WRITER("a vDPA interface is refused", testAddVdpaNet, "net0");
    GUEST_MEMORY_WRITER("a virtiofs file system is refused", testAddVirtiofs, "fs0");
    GUEST_MEMORY_WRITER("a vhost-user video device is refused", testAddVhostUserVideo, "video0");
    GUEST_MEMORY_WRITER("a PCI device of the host is refused", testAddHostPCI, "hostdev0");
    GUEST_MEMORY_WRITER("a mediated device of the host is refused", testAddMdev, "hostdev0");
    REFUSED("a lock manager is refused beside a QEMU that does not wait for it",
            "before lock manager 'lockd' has the leases", .lockManager = "lockd");
    REFUSED("a QEMU without the capability is refused", "take the snapshot without --live");
    REFUSED("what QEMU refuses is told with the remedy", "sysctl vm.unprivileged_userfaultfd=1",
            .replies = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"not supported by host kernel\"}}");

# define TAKEN(title, ...) \
    TEST(title, Check, .name = "s1", .replies = "{\"return\":{}}", __VA_ARGS__)

    TAKEN("QEMU has just the one capability set", .lockManager = NULL);
    TAKEN("the lock manager that keeps no leases is none", .lockManager = "nop");
    TAKEN("a QEMU that waits goes with a lock manager",
          .lockManager = "lockd", .qemuCaps = latest);
    TAKEN("an interface that QEMU itself serves is none of them", .prepare = testAddUserNet);
    TAKEN("a USB device of the host is none of them", .prepare = testAddHostUSB);

# define ACTION(node) \
    "{\"type\":\"blockdev-snapshot-internal-sync\",\"data\":{\"device\":\"" node "\",\"name\":\"s1\"}}"

    TEST("the disks are taken at once", Take,
         .disks = { INTERNAL, NONE, INTERNAL },
         .actions = ACTION("node-vda") "," ACTION("node-vdc"));
    TEST("so is a variable store in qcow2", Take,
         .disks = { INTERNAL, NONE, NONE }, .nvram = VIR_STORAGE_FILE_QCOW2,
         .actions = ACTION("node-vda") "," ACTION("node-nvram"));
    TEST("and none that is raw", Take,
         .disks = { INTERNAL, NONE, NONE }, .nvram = VIR_STORAGE_FILE_RAW,
         .actions = ACTION("node-vda"));

# if defined(__linux__) && defined(UFFD_USER_MODE_ONLY)
    TEST("the memory stays protected while it is written", Protected,
         .status = QEMU_MONITOR_MIGRATION_STATUS_ACTIVE, .protected = true);
    TEST("a failure has the memory unprotected", Protected,
         .status = QEMU_MONITOR_MIGRATION_STATUS_ERROR);
    TEST("so has cancelling, before QEMU has ended it", Protected,
         .status = QEMU_MONITOR_MIGRATION_STATUS_CANCELLING);
    TEST("what another migration protects is left alone", Protected,
         .other = true, .status = QEMU_MONITOR_MIGRATION_STATUS_ERROR, .protected = true);
# endif

    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)

#else

int
main(void)
{
    return EXIT_AM_SKIP;
}

#endif /* WITH_QEMU */
