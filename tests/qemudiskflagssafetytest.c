/*
 * qemudiskflagssafetytest.c: <flags> of disks and libvirt's check of migrations
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"
#include "testutilsqemu.h"

/* the check is a static function */
#include "qemu/qemu_migration.c"

#undef VIR_FROM_THIS
#define VIR_FROM_THIS VIR_FROM_NONE

#define YES VIR_TRISTATE_BOOL_YES
#define NO VIR_TRISTATE_BOOL_NO

static virQEMUDriver driver;
static virDomainObj *vm;


#define STORAGE (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC)

struct testSafetyDisk {
    virStorageType type;
    const char *path; /* where a file lies, see mounts3.txt; NULL: no medium */
    virDomainDiskCache cache;
    bool readonly;
    bool shareable;
    virTristateBool migrate;
};

/* what the user asks for */
struct testSafetyMigration {
    const char *list[3]; /* of targets, NULL-terminated */
    unsigned int flags;
};

static const struct {
    virStorageType type;
    const char *path;
} safetyStorage[] = {
    { VIR_STORAGE_TYPE_FILE, "/local.img" },
    { VIR_STORAGE_TYPE_FILE, "/nfs/file" },
    { VIR_STORAGE_TYPE_FILE, "/ceph/file" },
    { VIR_STORAGE_TYPE_FILE, NULL },
    { VIR_STORAGE_TYPE_BLOCK, "/dev/sda" },
    { VIR_STORAGE_TYPE_NVME, NULL },
    { VIR_STORAGE_TYPE_NETWORK, "export" },
};

static const virDomainDiskCache safetyCaches[] = {
    VIR_DOMAIN_DISK_CACHE_DEFAULT,
    VIR_DOMAIN_DISK_CACHE_DISABLE,
    VIR_DOMAIN_DISK_CACHE_DIRECTSYNC,
    VIR_DOMAIN_DISK_CACHE_WRITEBACK,
};

static const struct testSafetyMigration safetyMigrations[] = {
    { .flags = 0 },
    { .flags = VIR_MIGRATE_NON_SHARED_DISK },
    { .flags = VIR_MIGRATE_NON_SHARED_INC },
    { .list = { "vda" }, .flags = VIR_MIGRATE_NON_SHARED_DISK },
    { .list = { "vdb" }, .flags = VIR_MIGRATE_NON_SHARED_DISK },
    { .list = { "vda", "vdb" }, .flags = VIR_MIGRATE_NON_SHARED_INC },
};

/* how often a rule was tried where it says something */
static size_t safetyRefused;
static size_t safetyAllowed;


static virDomainDiskDef *
testSafetyDiskNew(const struct testSafetyDisk *disk,
                  const char *dst)
{
    virDomainDiskDef *def = virDomainDiskDefNew(NULL);

    def->dst = g_strdup(dst);
    def->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
    def->cachemode = disk->cache;
    def->flags.migrate = disk->migrate;
    def->src->type = disk->type;
    def->src->format = VIR_STORAGE_FILE_RAW;
    def->src->path = g_strdup(disk->path);
    def->src->readonly = disk->readonly;
    def->src->shared = disk->shareable;

    if (disk->type == VIR_STORAGE_TYPE_NVME)
        def->src->nvme = g_new0(virStorageSourceNVMeDef, 1);

    if (disk->type == VIR_STORAGE_TYPE_NETWORK) {
        def->src->protocol = VIR_STORAGE_NET_PROTOCOL_NBD;
        def->src->nhosts = 1;
        def->src->hosts = g_new0(virStorageNetHostDef, 1);
        def->src->hosts->name = g_strdup("nbd.example.org");
    }

    return def;
}


/* Returns whether libvirt takes the migration of a domain with two disks for safe,
 * or -1 if it refuses it for another reason. */
static int
testSafe(const struct testSafetyDisk *disks,
         const struct testSafetyMigration *migration)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(NULL);
    const char **list = (const char **) migration->list;
    bool safe;

    virDomainDiskInsert(def, testSafetyDiskNew(disks, "vda"));
    virDomainDiskInsert(def, testSafetyDiskNew(disks + 1, "vdb"));

    vm->def = def;
    safe = qemuMigrationSrcIsSafe(vm, *list ? list : NULL, migration->flags);
    vm->def = NULL;

    if (!safe && virGetLastErrorCode() != VIR_ERR_MIGRATE_UNSAFE)
        return -1;

    virResetLastError();
    return safe;
}


/* What README and manual say of disks without a list, apart from the code. */
static bool
testSafetyFlagCopies(const struct testSafetyDisk *disk)
{
    if (disk->migrate == NO || disk->readonly ||
        (!disk->path && disk->type == VIR_STORAGE_TYPE_FILE))
        return false;

    return disk->migrate == YES || !disk->shareable;
}


typedef int (*testSafetyRule)(const struct testSafetyDisk *disks,
                              const struct testSafetyMigration *migration);


/* The same disks without flags, with the list that flags stand for. */
static int
testSafetyLikeList(const struct testSafetyDisk *disks,
                   const struct testSafetyMigration *migration)
{
    const char *const targets[] = { "vda", "vdb" };
    struct testSafetyDisk plain[2] = { disks[0], disks[1] };
    struct testSafetyMigration like = *migration;
    int stock;
    int actual;
    size_t n = 0;
    size_t i;

    if (!migration->list[0] && migration->flags & STORAGE) {
        for (i = 0; i < 2; i++) {
            if (testSafetyFlagCopies(disks + i))
                like.list[n++] = targets[i];
        }

        if (n == 0)
            like.flags &= ~STORAGE;
    }

    plain[0].migrate = plain[1].migrate = VIR_TRISTATE_BOOL_ABSENT;
    stock = testSafe(plain, &like);
    actual = testSafe(disks, migration);

    if (stock == 1)
        safetyAllowed++;
    else
        safetyRefused++;

    return stock >= 0 && stock == actual ? 0 : -1;
}


/* The same disks without flags and the same migration: if libvirt refuses it,
 * flags let it begin only by having a disk copied, which is always safe. */
static int
testSafetyNeverWeaker(const struct testSafetyDisk *disks,
                      const struct testSafetyMigration *migration)
{
    struct testSafetyDisk plain[2] = { disks[0], disks[1] };
    int stock;
    int actual;
    size_t i;

    plain[0].migrate = plain[1].migrate = VIR_TRISTATE_BOOL_ABSENT;
    stock = testSafe(plain, migration);
    actual = testSafe(disks, migration);

    if (stock < 0 || actual < 0)
        return -1;

    if (stock == 1)
        return 0;

    safetyRefused++;
    if (actual == 0)
        return 0;

    safetyAllowed++;
    for (i = 0; i < 2; i++) {
        if (!migration->list[0] && migration->flags & STORAGE &&
            disks[i].migrate == YES && disks[i].shareable &&
            testSafetyFlagCopies(disks + i))
            return 0;
    }

    return -1;
}


/* Peer-to-peer migration checks once more with what was decided. */
static int
testSafetyDecided(const struct testSafetyDisk *disks,
                  const struct testSafetyMigration *migration)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(NULL);
    const char **list = migration->list[0] ? (const char **) migration->list : NULL;
    unsigned int flags = migration->flags;
    struct testSafetyMigration decided = { 0 };
    g_autoptr(qemuMigrationDisks) decision = NULL;
    int before = testSafe(disks, migration);
    size_t i;

    virDomainDiskInsert(def, testSafetyDiskNew(disks, "vda"));
    virDomainDiskInsert(def, testSafetyDiskNew(disks + 1, "vdb"));

    if (qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &decision) < 0)
        return -1;

    decided.flags = flags;
    for (i = 0; list && list[i]; i++)
        decided.list[i] = list[i];

    if (before == 1)
        safetyAllowed++;
    else
        safetyRefused++;

    return before >= 0 && testSafe(disks, &decided) == before ? 0 : -1;
}


static void
testSafetyDiskAt(struct testSafetyDisk *disk,
                 size_t i)
{
    *disk = (struct testSafetyDisk) {
        .readonly = i & 1,
        .shareable = i & 2,
        .migrate = i / 4 % VIR_TRISTATE_BOOL_LAST,
        .cache = safetyCaches[i / 12 % G_N_ELEMENTS(safetyCaches)],
        .type = safetyStorage[i / 48].type,
        .path = safetyStorage[i / 48].path,
    };
}


static int
testSafety(const void *opaque)
{
    const testSafetyRule *holds = opaque;
    const size_t ndisks = 48 * G_N_ELEMENTS(safetyStorage);
    /* beside a disk of each kind: one on the net, a local and a shareable one,
     * the latter two with each flag */
    const struct testSafetyDisk others[] = {
        { VIR_STORAGE_TYPE_NETWORK, "export", 0, false, false, VIR_TRISTATE_BOOL_ABSENT },
        { VIR_STORAGE_TYPE_FILE, "/other.img", 0, false, false, VIR_TRISTATE_BOOL_ABSENT },
        { VIR_STORAGE_TYPE_FILE, "/other.img", 0, false, false, YES },
        { VIR_STORAGE_TYPE_FILE, "/other.img", 0, false, false, NO },
        { VIR_STORAGE_TYPE_FILE, "/other.img", 0, false, true, YES },
        { VIR_STORAGE_TYPE_FILE, "/other.img", 0, false, true, NO },
    };
    size_t i;
    size_t j;
    size_t k;

    safetyRefused = safetyAllowed = 0;

    for (i = 0; i < ndisks; i++) {
        for (j = 0; j < G_N_ELEMENTS(others); j++) {
            struct testSafetyDisk disks[2] = { { 0 }, others[j] };

            testSafetyDiskAt(disks, i);

            for (k = 0; k < G_N_ELEMENTS(safetyMigrations); k++) {
                if ((*holds)(disks, safetyMigrations + k) < 0) {
                    VIR_TEST_VERBOSE("disk %zu beside %zu in migration %zu", i, j, k);
                    return -1;
                }
            }
        }
    }

    VIR_TEST_VERBOSE("%zu migrations refused, %zu allowed", safetyRefused, safetyAllowed);
    return safetyRefused > 100 && safetyAllowed > 100 ? 0 : -1;
}


static int
mymain(void)
{
    qemuDomainObjPrivate *priv;
    int ret = 0;

    /* what file systems there are */
    g_setenv("LIBVIRT_MTAB", abs_srcdir "/virfiledata/mounts3.txt", TRUE);

    if (qemuTestDriverInit(&driver) < 0)
        return EXIT_FAILURE;

    vm = virDomainObjNew(driver.xmlopt);
    priv = vm->privateData;
    priv->driver = &driver;
    priv->qemuCaps = virQEMUCapsNew();

#define DO_TEST(sentence, rule) \
    do { \
        testSafetyRule holds = rule; \
        if (virTestRun(sentence, testSafety, &holds) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("a migration by flags is as safe as one by the list that they stand for",
            testSafetyLikeList);
    DO_TEST("flags make no migration safe that libvirt refuses, but by having a disk copied",
            testSafetyNeverWeaker);
    DO_TEST("after the decision a migration is as safe as before it",
            testSafetyDecided);

    virQEMUCapsSet(priv->qemuCaps, QEMU_CAPS_MIGRATION_FILE_DROP_CACHE);

    DO_TEST("with a QEMU that drops caches a migration by flags is as safe as one by the list",
            testSafetyLikeList);
    DO_TEST("with a QEMU that drops caches flags make no migration safe that libvirt refuses",
            testSafetyNeverWeaker);

    virObjectUnref(vm);
    qemuTestDriverFree(&driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain,
                      VIR_TEST_MOCK("virfile"))
