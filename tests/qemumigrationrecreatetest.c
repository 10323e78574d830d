/*
 * qemumigrationrecreatetest.c: what a migration that makes disks anew tells the
 * destination, and what it keeps on record
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"

#ifdef WITH_QEMU

# include <unistd.h>

# include "testutilsdiskflags.h"
# include "testutilsqemu.h"

# include "qemu/qemu_domain.h"
# include "qemu/qemu_migration_cookie.h"
# include "qemu/qemu_migration_recreate.h"
# include "virfile.h"

# define VIR_FROM_THIS VIR_FROM_NONE

# define CAPACITY (3 * 1024 * 1024)

static virQEMUDriver driver;
static const char *image;


/* A running domain with the disks vda and vdb, of which vdb is to be made anew. */
static virDomainObj *
testDomainNew(void)
{
    virDomainObj *vm = virDomainObjNew(driver.xmlopt);
    qemuDomainObjPrivate *priv = vm->privateData;
    size_t i;

    vm->def = virDomainDefNew(driver.xmlopt);
    vm->def->name = g_strdup("guest");
    vm->def->virtType = VIR_DOMAIN_VIRT_QEMU;
    vm->def->uuid[0] = 1;
    vm->def->id = 1;
    vm->pid = getpid();
    priv->driver = &driver;
    priv->qemuCaps = virQEMUCapsNew();
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);

    for (i = 0; i < 2; i++) {
        virDomainDiskDef *disk = virDomainDiskDefNew(driver.xmlopt);

        disk->dst = g_strdup_printf("vd%c", (char) ('a' + i));
        disk->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
        disk->src->type = VIR_STORAGE_TYPE_FILE;
        disk->src->format = VIR_STORAGE_FILE_RAW;
        disk->src->path = g_strdup(image);
        virDomainDiskInsert(vm->def, disk);
    }

    vm->def->disks[1]->flags.migrate = VIR_TRISTATE_BOOL_NO;
    vm->def->disks[1]->flags.recreate = true;

    return vm;
}


/* Returns the cookie as the other host gets it. */
static char *
testCookieFormat(virDomainObj *vm,
                 qemuMigrationRecreate **recreate)
{
    g_autoptr(qemuMigrationCookie) cookie = qemuMigrationCookieNew(vm->def, NULL);
    g_autofree char *xml = NULL;
    int len = 0;

    if (!cookie)
        return NULL;

    /* a cookie of the host that reads it is refused */
    memset(cookie->localHostuuid, 1, sizeof(cookie->localHostuuid));

    qemuMigrationRecreateSrcSend(cookie, recreate);

    if (qemuMigrationCookieFormat(cookie, &driver, vm, QEMU_MIGRATION_SOURCE, &xml, &len, 0) < 0)
        return NULL;

    return g_steal_pointer(&xml);
}


static qemuMigrationCookie *
testCookieParse(virDomainObj *vm,
                const char *xml,
                unsigned int flags)
{
    return qemuMigrationCookieParse(&driver, vm, vm->def, NULL, NULL,
                                    xml, strlen(xml) + 1, flags);
}


static int
testCookieCarries(const void *opaque)
{
    const char *target = opaque;
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;
    g_autoptr(qemuMigrationCookie) cookie = NULL;
    g_autofree char *xml = NULL;

    g_free(vm->def->disks[1]->dst);
    vm->def->disks[1]->dst = g_strdup(target);

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) < 0 ||
        !(xml = testCookieFormat(vm, &recreate)) || recreate ||
        !(cookie = testCookieParse(vm, xml, QEMU_MIGRATION_COOKIE_DISK_RECREATE)))
        return -1;

    if (!cookie->recreate || cookie->recreate->ndisks != 1 ||
        cookie->recreate->disks[0].capacity != CAPACITY ||
        virTestCompareToString(target, cookie->recreate->disks[0].target) < 0)
        return -1;

    return 0;
}


static int
testCookieStockDestination(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "disk-recreate", NULL };
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;
    g_autoptr(qemuMigrationCookie) cookie = NULL;
    g_autofree char *xml = NULL;

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) < 0 ||
        !(xml = testCookieFormat(vm, &recreate)))
        return -1;

    if ((cookie = testCookieParse(vm, xml, ~QEMU_MIGRATION_COOKIE_DISK_RECREATE)))
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_INTERNAL_ERROR, parts);
}


static int
testCookieBroken(const void *opaque)
{
    const char *attribute = opaque;
    const char *const parts[] = { attribute, NULL };
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;
    g_autoptr(qemuMigrationCookie) cookie = NULL;
    g_autofree char *from = g_strdup_printf(" %s='", attribute);
    g_autofree char *to = g_strdup_printf(" not-%s='", attribute);
    g_autofree char *xml = NULL;
    g_autofree char *broken = NULL;

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) < 0 ||
        !(xml = testCookieFormat(vm, &recreate)) ||
        !(broken = virStringReplace(xml, from, to)) ||
        STREQ(xml, broken))
        return -1;

    if ((cookie = testCookieParse(vm, broken, QEMU_MIGRATION_COOKIE_DISK_RECREATE)))
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_XML_ERROR, parts);
}


static int
testCookieSilent(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;
    g_autofree char *stock = testCookieFormat(vm, &recreate);
    g_autofree char *xml = NULL;

    vm->def->disks[1]->flags.recreate = false;

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) < 0 || recreate ||
        !stock || strstr(stock, "disk-recreate") ||
        !(xml = testCookieFormat(vm, &recreate)))
        return -1;

    return virTestCompareToString(stock, xml);
}


static int
testListGoesFirst(const void *opaque G_GNUC_UNUSED)
{
    const char *copied[] = { "vdb", NULL };
    const char *others[] = { "vda", NULL };
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;

    if (qemuMigrationRecreateSrcBegin(vm, copied, VIR_MIGRATE_LIVE, &recreate) < 0 || recreate ||
        qemuMigrationRecreateSrcBegin(vm, others, VIR_MIGRATE_LIVE, &recreate) < 0 || !recreate)
        return -1;

    return STREQ(recreate->disks[0].target, "vdb") ? 0 : -1;
}


static int
testStoppedGuest(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "'vdb'", "'guest'", "resume the domain", NULL };
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;

    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_OPERATION_INVALID, parts) < 0)
        return -1;

    virResetLastError();
    return qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_OFFLINE, &recreate);
}


static int
testImageIsKept(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "'vdb'", image, "is not overwritten", "--xml", NULL };
    g_autoptr(virDomainObj) vm = testDomainNew();
    g_autoptr(qemuMigrationRecreate) recreate = NULL;
    qemuDomainObjPrivate *priv = vm->privateData;

    if (qemuMigrationRecreateSrcBegin(vm, NULL, VIR_MIGRATE_LIVE, &recreate) < 0 ||
        qemuMigrationRecreateDstPrepare(vm, recreate, VIR_MIGRATE_LIVE) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_OPERATION_INVALID, parts) < 0)
        return -1;

    if (priv->migrationRecreate || vm->def->ndisks != 2)
        return -1;

    qemuMigrationRecreateDiscard(vm);
    return virFileExists(image) ? 0 : -1;
}


static int
testRecord(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainObj) vm = testDomainNew();
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autofree char *xml = g_strdup("<disk/>");
    g_autofree char *again = g_strdup("<disk type='other'/>");

    qemuMigrationRecreateRecordAdd(&priv->migrationRecreate, false, "vdb", &xml);
    qemuMigrationRecreateRecordAdd(&priv->migrationRecreate, false, "vdb", &again);

    if (priv->migrationRecreate->ndisks != 1 ||
        virTestCompareToString("<disk/>", priv->migrationRecreate->disks[0].xml) < 0)
        return -1;

    /* it is libvirt that unplugs it, and then the user */
    vm->job->asyncJob = VIR_ASYNC_JOB_MIGRATION_OUT;
    qemuMigrationRecreateSrcForget(vm, vm->def->disks[1]);
    if (!priv->migrationRecreate)
        return -1;

    vm->job->asyncJob = VIR_ASYNC_JOB_NONE;
    qemuMigrationRecreateSrcForget(vm, vm->def->disks[0]);
    if (!priv->migrationRecreate)
        return -1;

    qemuMigrationRecreateSrcForget(vm, vm->def->disks[1]);

    return priv->migrationRecreate ? -1 : 0;
}


static int
mymain(void)
{
    g_autofree char *path = g_strdup_printf("%s/migration-recreate.img", abs_builddir);
    int ret = 0;

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    image = path;
    if (virFileWriteStr(path, "", 0600) < 0 ||
        truncate(path, CAPACITY) < 0)
        return EXIT_FAILURE;

    virTestQuiesceLibvirtErrors(false);

# define DO_TEST(sentence, function, data) \
    do { \
        if (virTestRun(sentence, function, data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("the destination is told which disk to make anew, and how large",
            testCookieCarries, "vdb");
    DO_TEST("a target that needs escaping survives the cookie",
            testCookieCarries, "vd<b>&'\"");
    DO_TEST("a destination that makes no disks anew refuses and names what it lacks",
            testCookieStockDestination, NULL);
    DO_TEST("a cookie with a disk without target is refused",
            testCookieBroken, "target");
    DO_TEST("a cookie with a disk without capacity is refused",
            testCookieBroken, "capacity");
    DO_TEST("where no disk is made anew the cookie is the same as ever",
            testCookieSilent, NULL);
    DO_TEST("the user's list of disks to copy goes before the flag",
            testListGoesFirst, NULL);
    DO_TEST("a guest that does not run cannot let go of a disk, and need not offline",
            testStoppedGuest, NULL);
    DO_TEST("an image that exists at the destination is neither overwritten nor removed",
            testImageIsKept, NULL);
    DO_TEST("a disk is on record once, until the user unplugs it",
            testRecord, NULL);

    unlink(path);
    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain,
                      VIR_TEST_MOCK("virpci"),
                      VIR_TEST_MOCK("virrandom"),
                      VIR_TEST_MOCK("domaincaps"),
                      VIR_TEST_MOCK("virhostid"))

#else

int
main(void)
{
    return EXIT_AM_SKIP;
}

#endif /* WITH_QEMU */
