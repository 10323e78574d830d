/*
 * qemudiskflagstest.c: what the QEMU driver makes of the <flags> of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"
#include "testutilsdiskflags.h"
#include "testutilsqemu.h"

#include "domain_disk_selection.h"
#include "qemu/qemu_domain.h"
#include "qemu/qemu_migration_cookie.h"
#include "qemu/qemu_migration_disks.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define YES VIR_TRISTATE_BOOL_YES
#define NO VIR_TRISTATE_BOOL_NO

#define MAX_DISKS 4

static virQEMUDriver driver;


struct testDisk {
    const char *dst;
    virTristateBool migrate;
    bool shareable;
    bool readonly;
    bool empty;
};


static virDomainDiskDef *
testDiskNew(const struct testDisk *disk)
{
    virDomainDiskDef *def = virDomainDiskDefNew(NULL);

    def->dst = g_strdup(disk->dst);
    def->flags.migrate = disk->migrate;
    def->src->type = VIR_STORAGE_TYPE_FILE;
    def->src->shared = disk->shareable;
    def->src->readonly = disk->readonly;
    if (!disk->empty)
        def->src->path = g_strdup_printf("/%s.img", disk->dst);

    return def;
}


static virDomainDef *
testDomainNew(const struct testDisk *disks)
{
    virDomainDef *def = virDomainDefNew(driver.xmlopt);
    size_t i;

    for (i = 0; i < MAX_DISKS && disks[i].dst; i++)
        virDomainDiskInsert(def, testDiskNew(disks + i));

    return def;
}


/* @list: NULL-terminated, as the result of joining it, or NULL */
static int
testCompareList(const char *expect,
                const char *const *list)
{
    g_autofree char *actual = NULL;

    if (list)
        actual = g_strjoinv(",", (char **) list);

    return virTestCompareToString(NULLSTR(expect), NULLSTR(actual));
}


/*
 * The decision of the source
 */

struct testDecision {
    struct testDisk disks[MAX_DISKS + 1];
    const char *list; /* what the user asked for, separated by commas */
    unsigned int flags;

    bool undecided; /* the migration does not copy storage anyway */
    const char *copied; /* separated by commas */
    bool byFlags;
    const char *listAfter;
    unsigned int flagsAfter;
};


static int
testDecide(const void *opaque)
{
    const struct testDecision *test = opaque;
    g_autoptr(virDomainDef) def = testDomainNew(test->disks);
    g_auto(GStrv) asked = test->list ? g_strsplit(test->list, ",", 0) : NULL;
    const char **list = (const char **) asked;
    unsigned int flags = test->flags;
    g_autoptr(qemuMigrationDisks) disks = NULL;
    size_t i;

    if (qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &disks) < 0)
        return -1;

    if (flags != test->flagsAfter) {
        VIR_TEST_VERBOSE("flags after the decision are 0x%x, expected 0x%x",
                         flags, test->flagsAfter);
        return -1;
    }

    if (testCompareList(test->listAfter, list) < 0)
        return -1;

    if (!disks)
        return test->undecided ? 0 : -1;

    if (test->undecided ||
        testCompareList(test->copied, (const char *const *) disks->copied) < 0 ||
        disks->byFlags != test->byFlags ||
        qemuMigrationDisksAny(disks) != STRNEQ(test->copied, ""))
        return -1;

    /* whoever acts on the changed arguments, with other flags in its domain or
     * none, copies just what was decided */
    for (i = 0; i < def->ndisks; i++) {
        virDomainDiskDef *disk = def->disks[i];
        bool copied = g_strv_contains((const char *const *) disks->copied, disk->dst);

        /* what the flags say by then is not asked any more */
        disk->flags.migrate = list ? (copied ? NO : YES) : VIR_TRISTATE_BOOL_ABSENT;

        if (flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC) &&
            qemuMigrationDisksSrcCopies(disk, list) != copied) {
            VIR_TEST_VERBOSE("disk %s is not treated as decided", disk->dst);
            return -1;
        }
    }

    return 0;
}


static int
testDecideTwice(const void *opaque G_GNUC_UNUSED)
{
    const struct testDisk specs[] = {
        { .dst = "vda" }, { .dst = "vdb", .migrate = NO },
        { .dst = "vdc", .migrate = YES, .shareable = true }, { .dst = NULL },
    };
    g_autoptr(virDomainDef) def = testDomainNew(specs);
    g_autoptr(qemuMigrationDisks) first = NULL;
    g_autoptr(qemuMigrationDisks) second = NULL;
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK;

    if (qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &first) < 0)
        return -1;

    def->disks[0]->flags.migrate = NO;
    def->disks[1]->flags.migrate = YES;

    if (qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &second) < 0)
        return -1;

    if (!first || !second || second->byFlags)
        return -1;

    return testCompareList("vda,vdc", (const char *const *) second->copied);
}


struct testDetectZeroes {
    virTristateBool migrate; /* flag of vda */
    const char *list; /* what the user wants to be copied, separated by commas */
    bool refused;
};


/* vda is named for the detection of zeroes */
static int
testDetectZeroes(const void *opaque)
{
    const struct testDetectZeroes *test = opaque;
    const struct testDisk specs[] = {
        { .dst = "vda", .migrate = test->migrate }, { .dst = "vdb" }, { .dst = NULL },
    };
    const char *const parts[] = { "'vda'", "<migrate>false</migrate>", NULL };
    const char *detect_zeroes[] = { "vda", NULL };
    g_autoptr(virDomainDef) def = testDomainNew(specs);
    g_auto(GStrv) asked = test->list ? g_strsplit(test->list, ",", 0) : NULL;
    const char **list = (const char **) asked;
    g_autoptr(qemuMigrationDisks) disks = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK;
    int rc = qemuMigrationDisksSrcDecide(def, &list, detect_zeroes, &flags, &disks);

    if (!test->refused)
        return rc == 0 && disks ? 0 : -1;

    if (rc == 0 || disks || flags != VIR_MIGRATE_NON_SHARED_DISK)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_INVALID_ARG, parts);
}


static int
testDecideMany(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(driver.xmlopt);
    g_autoptr(qemuMigrationDisks) disks = NULL;
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK;
    size_t i;

    /* one has no flag, the next says true, the next false, and so on */
    for (i = 0; i < 1000; i++) {
        g_autofree char *dst = virIndexToDiskName(i, "sd");
        const struct testDisk spec = { .dst = dst, .migrate = i % VIR_TRISTATE_BOOL_LAST };

        virDomainDiskInsert(def, testDiskNew(&spec));
    }

    if (qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &disks) < 0)
        return -1;

    if (g_strv_length((char **) list) != 667 || flags != VIR_MIGRATE_NON_SHARED_DISK)
        return -1;

    for (i = 0; i < 1000; i++) {
        virDomainDiskDef *disk = def->disks[i];

        if (g_strv_contains(list, disk->dst) != (disk->flags.migrate != NO)) {
            VIR_TEST_VERBOSE("disk %s is not treated as decided", disk->dst);
            return -1;
        }
    }

    return 0;
}


/* What the parameters of a remote call do not take is left to the cookie. */
static int
testPerformMany(const void *opaque)
{
    size_t ndisks = *(const size_t *) opaque;
    virDomainObj *vm = virDomainObjNew(driver.xmlopt);
    g_autoptr(qemuMigrationDisks) disks = NULL;
    const struct testDisk left = { .dst = "vda", .migrate = NO };
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_PEER2PEER;
    bool listed = ndisks <= 40;
    size_t i;
    int ret = -1;

    QEMU_DOMAIN_PRIVATE(vm)->driver = &driver;
    vm->def = virDomainDefNew(driver.xmlopt);
    vm->def->name = g_strdup("guest");
    virDomainDiskInsert(vm->def, testDiskNew(&left));

    for (i = 0; i < ndisks; i++) {
        g_autofree char *dst = virIndexToDiskName(i, "sd");
        const struct testDisk spec = { .dst = dst };

        virDomainDiskInsert(vm->def, testDiskNew(&spec));
    }

    if (qemuMigrationDisksSrcPerform(vm, NULL, &list, NULL, &flags, &disks) == 0 &&
        disks->byFlags &&
        g_strv_length(disks->copied) == ndisks &&
        !!list == listed &&
        (!listed || g_strv_length((char **) list) == ndisks) &&
        flags == (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_PEER2PEER) &&
        qemuMigrationDisksGetMaxConnections(vm->def) == (ndisks < 50 ? 0 : 2 * (ndisks + 1)))
        ret = 0;

    virObjectUnref(vm);
    return ret;
}


static int
testCheckParams(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "1 entries", "3 more", "<migrate>", "'false'", NULL };
    const char *list[] = { "vda", NULL };

    if (qemuMigrationDisksSrcCheckParams(NULL, 100) < 0 ||
        qemuMigrationDisksSrcCheckParams(list, 62) < 0 ||
        qemuMigrationDisksSrcCheckParams(list, 65) == 0)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_INVALID_ARG, parts);
}


struct testNetwork {
    virStorageType type;
    const char *host;
    virStorageNetHostTransport transport;
    bool shared;
};


static int
testIsOnNetwork(const void *opaque)
{
    const struct testNetwork *test = opaque;
    g_autoptr(virStorageSource) src = virStorageSourceNew();

    src->type = test->type;
    src->nhosts = 1;
    src->hosts = g_new0(virStorageNetHostDef, 1);
    src->hosts->name = g_strdup(test->host);
    src->hosts->transport = test->transport;

    return virDomainDiskIsOnNetwork(src) == test->shared ? 0 : -1;
}


/*
 * The cookie that carries the decision
 */

static virDomainObj *
testCookieDomainNew(void)
{
    virDomainObj *vm = virDomainObjNew(driver.xmlopt);
    qemuDomainObjPrivate *priv = vm->privateData;

    vm->def = virDomainDefNew(driver.xmlopt);
    vm->def->name = g_strdup("guest");
    vm->def->virtType = VIR_DOMAIN_VIRT_QEMU;
    vm->def->uuid[0] = 1;
    priv->driver = &driver;
    priv->qemuCaps = virQEMUCapsNew();

    return vm;
}


/* Returns the cookie as the other host gets it. */
static char *
testCookieFormat(virDomainObj *vm,
                 qemuMigrationDisks **disks)
{
    g_autoptr(qemuMigrationCookie) cookie = qemuMigrationCookieNew(vm->def, NULL);
    g_autofree char *xml = NULL;
    int len = 0;

    if (!cookie)
        return NULL;

    /* a cookie of the host that reads it is refused */
    memset(cookie->localHostuuid, 1, sizeof(cookie->localHostuuid));

    qemuMigrationDisksSrcSend(cookie, disks);

    if (qemuMigrationCookieFormat(cookie, &driver, vm, QEMU_MIGRATION_SOURCE, &xml, &len, 0) < 0)
        return NULL;

    return g_steal_pointer(&xml);
}


static qemuMigrationDisks *
testDisksNew(const char *copied,
             bool byFlags)
{
    qemuMigrationDisks *disks = g_new0(qemuMigrationDisks, 1);

    disks->copied = g_strsplit(copied, ",", 0);
    disks->byFlags = byFlags;

    return disks;
}


static int
testCookieCarries(const void *opaque)
{
    const char *copied = opaque;
    virDomainObj *vm = testCookieDomainNew();
    g_autoptr(qemuMigrationDisks) disks = testDisksNew(copied, true);
    g_autoptr(qemuMigrationCookie) cookie = NULL;
    g_autofree char *xml = NULL;
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_LIVE;
    int ret = -1;

    if (!(xml = testCookieFormat(vm, &disks)) || disks)
        goto cleanup;

    if (!(cookie = qemuMigrationCookieParse(&driver, vm, vm->def, NULL, NULL,
                                            xml, strlen(xml) + 1,
                                            QEMU_MIGRATION_COOKIE_DISK_FLAGS)))
        goto cleanup;

    qemuMigrationDisksApply(cookie->disks, &list, &flags);

    if (testCompareList(STREQ(copied, "") ? NULL : copied, list) < 0)
        goto cleanup;

    if (!(flags & VIR_MIGRATE_NON_SHARED_DISK) != STREQ(copied, "") ||
        !(flags & VIR_MIGRATE_LIVE))
        goto cleanup;

    /* the destination sends it back for the Perform phase of the source */
    if (qemuMigrationDisksSrcRecall(vm, xml, strlen(xml) + 1, &disks) < 0 || !disks)
        goto cleanup;

    ret = testCompareList(copied, (const char *const *) disks->copied);

 cleanup:
    virObjectUnref(vm);
    return ret;
}


static int
testCookieStockDestination(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "disk-flags", NULL };
    virDomainObj *vm = testCookieDomainNew();
    g_autoptr(qemuMigrationDisks) disks = testDisksNew("vda", true);
    g_autoptr(qemuMigrationCookie) cookie = NULL;
    g_autofree char *xml = testCookieFormat(vm, &disks);
    int ret = -1;

    if (xml &&
        !(cookie = qemuMigrationCookieParse(&driver, vm, vm->def, NULL, NULL,
                                            xml, strlen(xml) + 1,
                                            ~QEMU_MIGRATION_COOKIE_DISK_FLAGS)))
        ret = testDiskFlagsCheckError(VIR_ERR_INTERNAL_ERROR, parts);

    virObjectUnref(vm);
    return ret;
}


static int
testCookieSilentByDefault(const void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm = testCookieDomainNew();
    g_autoptr(qemuMigrationDisks) disks = testDisksNew("vda", false);
    g_autoptr(qemuMigrationDisks) none = NULL;
    g_autoptr(qemuMigrationDisks) recalled = NULL;
    g_autofree char *stock = testCookieFormat(vm, &none);
    g_autofree char *xml = testCookieFormat(vm, &disks);
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK;
    int ret = -1;

    if (!stock || !xml || strstr(stock, "disk-flags") ||
        virTestCompareToString(stock, xml) < 0 ||
        qemuMigrationDisksSrcRecall(vm, xml, strlen(xml) + 1, &recalled) < 0 ||
        recalled)
        goto cleanup;

    qemuMigrationDisksApply(NULL, &list, &flags);

    if (!list && flags == VIR_MIGRATE_NON_SHARED_DISK)
        ret = 0;

 cleanup:
    virObjectUnref(vm);
    return ret;
}


static int
testCookieMissingTarget(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "target", NULL };
    virDomainObj *vm = testCookieDomainNew();
    g_autoptr(qemuMigrationDisks) disks = testDisksNew("vda,vdb", true);
    g_autoptr(qemuMigrationDisks) recalled = NULL;
    g_autofree char *xml = testCookieFormat(vm, &disks);
    g_autofree char *broken = NULL;
    int ret = -1;

    if (xml &&
        (broken = virStringReplace(xml, " target='vdb'", "")) &&
        STRNEQ(xml, broken) &&
        qemuMigrationDisksSrcRecall(vm, broken, strlen(broken) + 1, &recalled) < 0)
        ret = testDiskFlagsCheckError(VIR_ERR_XML_ERROR, parts);

    virObjectUnref(vm);
    return ret;
}


/*
 * The safety check's error
 */

struct testUnsafe {
    virTristateBool migrate;
    const char *list;
    unsigned int flags;
    bool flagged; /* the flag is to blame */
};


static int
testUnsafe(const void *opaque)
{
    const struct testUnsafe *test = opaque;
    const struct testDisk spec = { .dst = "vda", .migrate = test->migrate };
    const char *const flagged[] = {
        "Migration without shared storage is unsafe", "<migrate>", "'vda'", "--unsafe", NULL,
    };
    const char *const stock[] = { "Migration without shared storage is unsafe", NULL };
    const char *list[] = { test->list, NULL };
    g_autoptr(virDomainDiskDef) disk = testDiskNew(&spec);

    qemuMigrationDisksReportUnsafe(disk, test->list ? list : NULL, test->flags);

    if (!strstr(virGetLastErrorMessage(), "vda") == test->flagged)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_MIGRATE_UNSAFE, test->flagged ? flagged : stock);
}


/*
 * Updates of a running guest's disk
 */

struct testUpdate {
    struct testDisk orig;
    struct testDisk update;
    const char *serial; /* that the update sets */
    virErrorNumber error;
    const char *parts[4];
};


static int
testUpdate(const void *opaque)
{
    const struct testUpdate *test = opaque;
    g_autoptr(virDomainDiskDef) orig = testDiskNew(&test->orig);
    g_autoptr(virDomainDiskDef) update = testDiskNew(&test->update);

    update->serial = g_strdup(test->serial);

    if (qemuDomainDiskChangeSupported(update, orig))
        return test->error == VIR_ERR_OK ? 0 : -1;

    return testDiskFlagsCheckError(test->error, test->parts);
}


static int
mymain(void)
{
    int ret = 0;

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    virTestQuiesceLibvirtErrors(false);

#define ALL VIR_MIGRATE_NON_SHARED_DISK
#define INC VIR_MIGRATE_NON_SHARED_INC
#define SYNC VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES
#define LIVE VIR_MIGRATE_LIVE

#define DO_TEST_DECIDE(sentence, ...) \
    do { \
        const struct testDecision test = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testDecide, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_DECIDE("disks without flags leave a migration as it is",
                   .disks = { { .dst = "vda" }, { .dst = "vdb", .shareable = true },
                              { .dst = "vdc", .readonly = true }, { .dst = "sda", .empty = true } },
                   .flags = ALL | LIVE,
                   .copied = "vda", .flagsAfter = ALL | LIVE);
    DO_TEST_DECIDE("flags that say what is done anyway leave a migration as it is",
                   .disks = { { .dst = "vda", .migrate = YES }, { .dst = "vdb", .migrate = NO, .shareable = true } },
                   .flags = INC,
                   .copied = "vda", .flagsAfter = INC);
    DO_TEST_DECIDE("a disk that says false is left out",
                   .disks = { { .dst = "vda" }, { .dst = "vdb", .migrate = NO }, { .dst = "vdc", .migrate = YES } },
                   .flags = ALL,
                   .copied = "vda,vdc", .byFlags = true,
                   .listAfter = "vda,vdc", .flagsAfter = ALL);
    DO_TEST_DECIDE("a shareable disk that says true is copied besides the others",
                   .disks = { { .dst = "vda" }, { .dst = "vdb", .migrate = YES, .shareable = true } },
                   .flags = INC | LIVE,
                   .copied = "vda,vdb", .byFlags = true,
                   .listAfter = "vda,vdb", .flagsAfter = INC | LIVE);
    DO_TEST_DECIDE("when all disks say false the migration is one without storage",
                   .disks = { { .dst = "vda", .migrate = NO }, { .dst = "vdb", .migrate = NO } },
                   .flags = ALL | SYNC | LIVE,
                   .copied = "", .byFlags = true, .flagsAfter = LIVE);
    DO_TEST_DECIDE("when all disks say false an incremental migration is one without storage too",
                   .disks = { { .dst = "vda", .migrate = NO }, { .dst = "vdb", .readonly = true } },
                   .flags = INC | SYNC,
                   .copied = "", .byFlags = true, .flagsAfter = 0);
    DO_TEST_DECIDE("a domain with nothing to copy keeps libvirt's behaviour",
                   .disks = { { .dst = "sda", .empty = true } },
                   .flags = ALL,
                   .copied = "", .flagsAfter = ALL);
    DO_TEST_DECIDE("an explicit list beats flags of either kind",
                   .disks = { { .dst = "vda", .migrate = YES }, { .dst = "vdb", .migrate = NO }, { .dst = "vdc" } },
                   .list = "vdb", .flags = ALL,
                   .copied = "vdb", .listAfter = "vdb", .flagsAfter = ALL);
    DO_TEST_DECIDE("flags start no copy",
                   .disks = { { .dst = "vda", .migrate = YES }, { .dst = "vdb", .migrate = YES, .shareable = true } },
                   .flags = LIVE, .undecided = true, .flagsAfter = LIVE);
    DO_TEST_DECIDE("an offline migration that asks for storage is still refused as such",
                   .disks = { { .dst = "vda", .migrate = NO } },
                   .flags = VIR_MIGRATE_OFFLINE | ALL, .undecided = true,
                   .flagsAfter = VIR_MIGRATE_OFFLINE | ALL);

#define DO_TEST(sentence, function, data) \
    do { \
        if (virTestRun(sentence, function, data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("a decision is not made anew when flags change after it",
            testDecideTwice, NULL);
    DO_TEST("a thousand disks are decided on",
            testDecideMany, NULL);

#define DO_TEST_PERFORM(sentence, number) \
    do { \
        size_t ndisks = number; \
        if (virTestRun(sentence, testPerformMany, &ndisks) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_PERFORM("40 disks go peer-to-peer as a list", 40);
    DO_TEST_PERFORM("41 disks go peer-to-peer in the cookie", 41);
    DO_TEST_PERFORM("300 disks go peer-to-peer in the cookie", 300);
    DO_TEST("a list that does not fit into the last call is refused before the first",
            testCheckParams, NULL);

#define DO_TEST_NETWORK(sentence, ...) \
    do { \
        const struct testNetwork test = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testIsOnNetwork, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_NETWORK("a network disk is the same for every host",
                    .type = VIR_STORAGE_TYPE_NETWORK, .host = "192.0.2.1", .shared = true);
    DO_TEST_NETWORK("a network disk on the host itself is not",
                    .type = VIR_STORAGE_TYPE_NETWORK, .host = "localhost");
    DO_TEST_NETWORK("nor is one on the loopback address",
                    .type = VIR_STORAGE_TYPE_NETWORK, .host = "127.0.0.2");
    DO_TEST_NETWORK("nor is one on IPv6's loopback address",
                    .type = VIR_STORAGE_TYPE_NETWORK, .host = "::1");
    DO_TEST_NETWORK("nor is one behind a socket of the host",
                    .type = VIR_STORAGE_TYPE_NETWORK, .transport = VIR_STORAGE_NET_HOST_TRANS_UNIX);
    DO_TEST_NETWORK("a file is not",
                    .type = VIR_STORAGE_TYPE_FILE, .host = "192.0.2.1");

#define DO_TEST_ZEROES(sentence, ...) \
    do { \
        const struct testDetectZeroes test = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testDetectZeroes, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_ZEROES("zeroes are detected on a disk that is copied by default",
                   .refused = false);
    DO_TEST_ZEROES("zeroes are detected on a disk that its flag has copied",
                   .migrate = YES);
    DO_TEST_ZEROES("zeroes of a disk that its flag leaves out cannot be detected",
                   .migrate = NO, .refused = true);
    DO_TEST_ZEROES("a flag says nothing where the user's list has the disk",
                   .migrate = NO, .list = "vda");
    DO_TEST_ZEROES("a flag says nothing where the user's list leaves the disk out",
                   .migrate = NO, .list = "vdb");

    DO_TEST("the cookie carries the disks to copy to the destination and back",
            testCookieCarries, "vda,vdb");
    DO_TEST("the cookie carries that no disk is copied",
            testCookieCarries, "");
    DO_TEST("a target that needs escaping survives the cookie",
            testCookieCarries, "vd<a>&'\"");
    DO_TEST("a destination that knows no flags refuses and names what it lacks",
            testCookieStockDestination, NULL);
    DO_TEST("where flags change nothing the cookie is the same as without them",
            testCookieSilentByDefault, NULL);
    DO_TEST("a cookie with a disk without target is refused",
            testCookieMissingTarget, NULL);

#define DO_TEST_UNSAFE(sentence, ...) \
    do { \
        const struct testUnsafe test = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testUnsafe, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_UNSAFE("an unsafe migration blames the flag that keeps the disk from being copied",
                   .migrate = NO, .flags = ALL, .flagged = true);
    DO_TEST_UNSAFE("an unsafe incremental migration blames the flag too",
                   .migrate = NO, .flags = INC, .flagged = true);
    DO_TEST_UNSAFE("a flag is not blamed when the migration copies no storage",
                   .migrate = NO, .flags = LIVE);
    DO_TEST_UNSAFE("a flag is not blamed when the user's list leaves the disk out",
                   .migrate = NO, .list = "vdb", .flags = ALL);
    DO_TEST_UNSAFE("a flag that is not false is not blamed",
                   .migrate = YES, .flags = ALL);

#define DO_TEST_UPDATE(sentence, ...) \
    do { \
        const struct testUpdate test = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testUpdate, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_UPDATE("a live update may set flags",
                   .orig = { .dst = "vda" }, .update = { .dst = "vda", .migrate = YES });
    DO_TEST_UPDATE("a live update may change flags",
                   .orig = { .dst = "vda", .migrate = YES }, .update = { .dst = "vda", .migrate = NO });
    DO_TEST_UPDATE("a live update may clear flags",
                   .orig = { .dst = "vda", .migrate = NO }, .update = { .dst = "vda" });
    DO_TEST_UPDATE("a live update is refused for flags that the running disk cannot have",
                   .orig = { .dst = "vda", .readonly = true }, .update = { .dst = "vda", .migrate = YES },
                   .error = VIR_ERR_CONFIG_UNSUPPORTED,
                   .parts = { "'vda'", "<migrate>", "'read-only'" });
    DO_TEST_UPDATE("a live update with flags is refused for a change that libvirt refuses",
                   .orig = { .dst = "vda" }, .update = { .dst = "vda", .migrate = NO }, .serial = "other",
                   .error = VIR_ERR_OPERATION_UNSUPPORTED,
                   .parts = { "serial" });

    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain,
                      VIR_TEST_MOCK("virpci"),
                      VIR_TEST_MOCK("virrandom"),
                      VIR_TEST_MOCK("domaincaps"),
                      VIR_TEST_MOCK("virhostid"))
