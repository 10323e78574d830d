/*
 * diskflagsfuzzsnapshot.c: hostile lists of disks in the XML of a snapshot
 *
 * The XML of an input stands inside a <domainsnapshot>. What QEMU's jobs and
 * qemu-img do with the snapshot is done to the world's images here; what is asked
 * before and after that is tested, when it is taken, and when it is reverted to or
 * deleted after the domain has changed. Words, besides those of
 * diskflagsfuzzworld.c: disk-only; revert; delete.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "diskflagsfuzzworld.h"
#include "qemu/qemu_snapshot_precheck.h"
#include "qemu/qemu_snapshot_subset.h"
#include "snapshot_conf.h"
#include "testutils.h"
#include "virdomainsnapshotobjlist.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define INTERNAL VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL
#define EXTERNAL VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL
#define MANUAL VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL
#define LEFT_OUT VIR_DOMAIN_SNAPSHOT_LOCATION_NO
#define NOT_SAID VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT


static virDomainSnapshotDef *
testFuzzSnapshotParse(const testFuzzInput *input)
{
    g_autofree char *xml = g_strdup_printf("<domainsnapshot>%s</domainsnapshot>", input->xml);
    unsigned int flags = 0;

    if (testFuzzSays(input, "disk-only") || !testFuzzSays(input, "running"))
        flags |= VIR_DOMAIN_SNAPSHOT_PARSE_OFFLINE;

    return virDomainSnapshotDefParseString(xml, testFuzzDriver.xmlopt, NULL, NULL, flags);
}


/* What qemuSnapshotCreateAlignDisks makes of the definition before it aligns.
 * Returns the default for disks, or NOT_SAID when there can be no snapshot. */
static virDomainSnapshotLocation
testFuzzSnapshotComplete(const testFuzzInput *input,
                         virDomainSnapshotDef *def)
{
    bool running = testFuzzSays(input, "running");

    def->state = running ? VIR_DOMAIN_SNAPSHOT_RUNNING : VIR_DOMAIN_SNAPSHOT_SHUTOFF;

    if (testFuzzSays(input, "disk-only")) {
        if (running)
            def->state = VIR_DOMAIN_SNAPSHOT_DISK_SNAPSHOT;
        def->memory = LEFT_OUT;
        return EXTERNAL;
    }

    if (def->memory == EXTERNAL)
        return EXTERNAL;

    if (running && def->memory == LEFT_OUT)
        return NOT_SAID;

    def->memory = running ? INTERNAL : LEFT_OUT;
    return INTERNAL;
}


/* The table of the documentation, from the top, but for what no internal snapshot can
 * take. */
static virDomainSnapshotLocation
testFuzzTableSaysOfFit(const virDomainDiskDef *disk,
                  const virDomainSnapshotDiskDef *listed,
                  virDomainSnapshotLocation fallback)
{
    bool uniform = listed && fallback == INTERNAL;

    if (listed && listed->snapshot != NOT_SAID)
        return listed->snapshot;
    if (disk->flags.snapshot == VIR_TRISTATE_BOOL_NO ||
        (virStorageSourceIsEmpty(disk->src) && !listed) ||
        disk->snapshot == LEFT_OUT)
        return LEFT_OUT;
    if (disk->snapshot != NOT_SAID && !uniform)
        return disk->snapshot;

    return fallback;
}


static virDomainSnapshotLocation
testFuzzTableSays(const virDomainDiskDef *disk,
                  const virDomainSnapshotDiskDef *listed,
                  virDomainSnapshotLocation fallback)
{
    virDomainSnapshotLocation ret = testFuzzTableSaysOfFit(disk, listed, fallback);

    if (ret == INTERNAL &&
        (virStorageSourceIsEmpty(disk->src) || disk->src->readonly))
        return LEFT_OUT;

    return ret;
}


static testFuzzResult
testFuzzSnapshotAlign(virDomainSnapshotDef *def,
                      virDomainSnapshotLocation fallback)
{
    virDomainDef *dom = def->parent.dom;
    g_autofree virDomainSnapshotLocation *expected = g_new0(virDomainSnapshotLocation,
                                                            dom->ndisks + 1);
    size_t i;
    size_t j;

    for (i = 0; i < dom->ndisks; i++) {
        const virDomainSnapshotDiskDef *listed = NULL;

        for (j = 0; j < def->ndisks; j++) {
            if (virDomainDiskByName(dom, def->disks[j].name, false) == dom->disks[i])
                listed = def->disks + j;
        }

        expected[i] = testFuzzTableSays(dom->disks[i], listed, fallback);
    }

    if (virDomainSnapshotAlignDisks(def, NULL, fallback, true, false) < 0) {
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "a list of disks that is refused is an error");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(def->ndisks == dom->ndisks, "every disk is in the snapshot's list");

    for (i = 0; i < dom->ndisks; i++) {
        TEST_FUZZ_MUST(STREQ(def->disks[i].name, dom->disks[i]->dst),
                       "the list has the order of the domain's disks");
        TEST_FUZZ_MUST(def->disks[i].snapshot == expected[i],
                       "a disk is taken as the table says");
    }

    return TEST_FUZZ_ACCEPTED;
}


static bool
testFuzzTakes(const virDomainSnapshotDef *def,
              virDomainSnapshotLocation location)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == location)
            return true;
    }

    return false;
}


static bool
testFuzzTakesDisk(const virDomainSnapshotDef *def,
                  const char *disk)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (STREQ(def->disks[i].name, disk))
            return def->disks[i].snapshot == INTERNAL;
    }

    return false;
}


static bool
testFuzzLeavesWritableOut(const virDomainSnapshotDef *def,
                          const virDomainDef *dom)
{
    size_t i;

    for (i = 0; i < dom->ndisks; i++) {
        if (!virStorageSourceIsEmpty(dom->disks[i]->src) &&
            !dom->disks[i]->src->readonly &&
            !testFuzzTakesDisk(def, dom->disks[i]->dst))
            return true;
    }

    return false;
}


/* What qemuSnapshotPrepare asks. */
static testFuzzResult
testFuzzSnapshotPrepare(const testFuzzInput *input,
                        virDomainObj *vm,
                        const virDomainSnapshotDef *def)
{
    bool internal = testFuzzTakes(def, INTERNAL);
    bool external = testFuzzTakes(def, EXTERNAL);
    bool manual = testFuzzTakes(def, MANUAL);
    bool good = internal || external || manual || def->memory == EXTERNAL;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        virDomainDiskDef *disk = vm->def->disks[i];

        if (def->disks[i].snapshot != INTERNAL || disk->src->format != VIR_STORAGE_FILE_RAW)
            continue;

        qemuSnapshotSubsetReportFormat(disk);
        TEST_FUZZ_MUST(strstr(virGetLastErrorMessage(), disk->dst) && testFuzzErrorIsTold(),
                       "the disk that cannot hold a snapshot is named");
        return TEST_FUZZ_REFUSED;
    }

    if ((internal && external) ||
        (internal && def->memory == EXTERNAL) ||
        (external && def->memory == INTERNAL) ||
        strlen(def->parent.name) > 247)
        good = false;

    if (qemuSnapshotSubsetValidate(vm, def, 0) < 0) {
        TEST_FUZZ_MUST(!good, "disks that can be taken together are not refused");
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "disks that are refused are an error");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(good, "disks that cannot be taken together are refused");

    if ((def->memory == INTERNAL && !internal) ||
        (internal && manual) ||
        (testFuzzSays(input, "disk-only") && internal))
        return TEST_FUZZ_REFUSED;

    return TEST_FUZZ_ACCEPTED;
}


static bool
testFuzzAnyTakenHolds(const testFuzzWorld *world,
                      const virDomainSnapshotDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == INTERNAL &&
            testFuzzWorldHolds(world, def->disks[i].name))
            return true;
    }

    return false;
}


static bool
testFuzzSaysOfTaken(const testFuzzWorld *world,
                    const virDomainSnapshotDef *def,
                    const char *what)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == INTERNAL &&
            testFuzzWorldSaysOf(world, what, def->disks[i].name))
            return true;
    }

    return false;
}


/* Whether an image holds the snapshot still, as far as it can be told: one that
 * cannot be read counts where a disk is left out. */
static bool
testFuzzAnyTakenHoldsReadably(const testFuzzWorld *world,
                              const virDomainSnapshotDef *def,
                              bool subset)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const char *disk = def->disks[i].name;

        if (def->disks[i].snapshot == INTERNAL &&
            testFuzzWorldHolds(world, disk) &&
            (subset || !testFuzzWorldSaysOf(world, "unreadable-", disk)))
            return true;
    }

    return false;
}


/* What an image that is not taken holds never changes. */
static bool
testFuzzOthersAreUntouched(const testFuzzWorld *world,
                           const virDomainSnapshotDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const char *disk = def->disks[i].name;
        bool memory = testFuzzWorldSaysOf(world, "memory-on-", disk);
        bool tag = memory || testFuzzWorldSaysOf(world, "tag-on-", disk);

        if (def->disks[i].snapshot != INTERNAL &&
            (testFuzzWorldHolds(world, disk) != tag ||
             testFuzzWorldHoldsMemory(world, disk) != memory))
            return false;
    }

    return true;
}


/* What QEMU's job or qemu-img does. */
static void
testFuzzSnapshotSave(testFuzzWorld *world,
                     const virDomainSnapshotDef *def)
{
    bool memory = def->memory == INTERNAL;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot != INTERNAL)
            continue;

        testFuzzWorldSave(world, def->disks[i].name, memory);
        memory = false;
    }
}


static testFuzzResult
testFuzzSnapshotCreate(testFuzzWorld *world,
                       virDomainMomentObj *snap)
{
    virDomainObj *vm = testFuzzWorldGetDomain(world);
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    bool running = virDomainObjIsActive(vm);
    bool subset = testFuzzLeavesWritableOut(def, vm->def);
    bool inTheWay = testFuzzAnyTakenHolds(world, def);
    int rc;

    /* without QEMU, what libvirt has done so far with whole snapshots stays */
    if (!running)
        inTheWay = subset && (inTheWay || testFuzzSaysOfTaken(world, def, "unreadable-"));

    if (running)
        rc = qemuSnapshotSubsetCreatePrepare(vm, def);
    else
        rc = qemuSnapshotSubsetCreatePrepareInactive(vm, snap);

    if (rc < 0) {
        TEST_FUZZ_MUST(inTheWay, "an image is refused just for what it holds");
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "an image that is refused is an error");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(!inTheWay, "no snapshot is taken over another of the same name");
    testFuzzSnapshotSave(world, def);
    return TEST_FUZZ_ACCEPTED;
}


/* Whether the images hold what a revert needs, and nothing that hinders it. An
 * image that QEMU has open is QEMU's to read, and the QEMU that a snapshot with memory
 * is loaded by looks into one that nobody else can read. */
static bool
testFuzzImagesAreGood(testFuzzWorld *world,
                      const virDomainSnapshotDef *def)
{
    bool running = virDomainObjIsActive(testFuzzWorldGetDomain(world));
    bool memory = def->memory != INTERNAL;
    bool strict = def->memory != INTERNAL ||
                  (running && testFuzzLeavesWritableOut(def, def->parent.dom));
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const char *disk = def->disks[i].name;
        bool open = running &&
                    !testFuzzWorldSaysOf(world, "gone-", disk) &&
                    !testFuzzWorldSaysOf(world, "moved-", disk);

        if (def->disks[i].snapshot != INTERNAL)
            continue;

        if (!open && testFuzzWorldSaysOf(world, "unreadable-", disk)) {
            if (strict)
                return false;

            memory = true;
            continue;
        }

        if (testFuzzWorldSaysOf(world, "bitmap-on-", disk) ||
            !testFuzzWorldHolds(world, disk))
            return false;

        if (testFuzzWorldHoldsMemory(world, disk))
            memory = true;
    }

    return memory;
}


static testFuzzResult
testFuzzSourcesAreKept(const testFuzzWorld *world,
                       const virDomainSnapshotDef *def,
                       const virDomainDef *config)
{
    size_t i;

    for (i = 0; i < config->ndisks; i++) {
        const virDomainDiskDef *disk = config->disks[i];
        bool kept = testFuzzWorldSaysOf(world, "moved-", disk->dst) &&
                    !testFuzzWorldSaysOf(world, "gone-", disk->dst) &&
                    !disk->src->readonly &&
                    !testFuzzTakesDisk(def, disk->dst);

        if (virStorageSourceIsEmpty(disk->src))
            continue;

        TEST_FUZZ_MUST(STRPREFIX(disk->src->path, "/moved-") == kept,
                       "a revert keeps the images of just the disks that are left out");
    }

    return TEST_FUZZ_ACCEPTED;
}


static testFuzzResult
testFuzzSnapshotRevert(testFuzzWorld *world,
                       virDomainMomentObj *snap)
{
    virDomainObj *vm = testFuzzWorldGetDomain(world);
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    g_autoptr(virDomainDef) config = testFuzzWorldNewDefinition(world);
    bool good = testFuzzImagesAreGood(world, def);

    if (qemuSnapshotPrecheckDisks(vm, snap, config, NULL, 0) < 0) {
        TEST_FUZZ_MUST(!good, "a revert is refused just for what images hold");
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "a revert that is refused is an error");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(good, "no revert begins that cannot end");

    return testFuzzSourcesAreKept(world, def, config);
}


/* What QEMU's job or qemu-img does, but for images that are stuck: those QEMU no
 * longer knows to hold the snapshot. Returns the nodes that it does know. */
static char **
testFuzzSnapshotDelete(testFuzzWorld *world,
                       const virDomainSnapshotDef *def)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const char *disk = def->disks[i].name;

        if (def->disks[i].snapshot == INTERNAL && testFuzzWorldDelete(world, disk) == 0)
            g_ptr_array_add(nodes, g_strdup_printf("node-%s", disk));
    }

    g_ptr_array_add(nodes, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&nodes), false);
}


static testFuzzResult
testFuzzDeleteLive(testFuzzWorld *world,
                   const virDomainSnapshotDef *def)
{
    virDomainObj *vm = testFuzzWorldGetDomain(world);
    g_auto(GStrv) nodes = NULL;
    bool good = !testFuzzSaysOfTaken(world, def, "moved-") &&
                !testFuzzSaysOfTaken(world, def, "gone-");

    if (qemuSnapshotSubsetDeletePrepare(vm, def) < 0) {
        TEST_FUZZ_MUST(!good, "a snapshot is not deleted just where its disks are not there");
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "a snapshot that is not deleted is an error");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(good, "no snapshot is deleted from other images");

    nodes = testFuzzSnapshotDelete(world, def);
    good = !testFuzzAnyTakenHoldsReadably(world, def, testFuzzLeavesWritableOut(def, vm->def));
    TEST_FUZZ_MUST((qemuSnapshotSubsetCheckForgotten(vm, def, nodes) == 0) == good,
                   "a snapshot that QEMU has forgotten and an image holds is told");
    return good ? TEST_FUZZ_ACCEPTED : TEST_FUZZ_REFUSED;
}


static testFuzzResult
testFuzzDeleteOffline(testFuzzWorld *world,
                      const virDomainSnapshotDef *def)
{
    bool subset = testFuzzLeavesWritableOut(def, def->parent.dom);
    g_auto(GStrv) nodes = testFuzzSnapshotDelete(world, def);
    bool good = !testFuzzAnyTakenHoldsReadably(world, def, subset) &&
                !(subset && testFuzzSaysOfTaken(world, def, "unreadable-"));

    TEST_FUZZ_MUST((qemuSnapshotSubsetCheckDeletedInactive(def->parent.dom, def) == 0) == good,
                   "a snapshot that an image still holds is told");
    return good ? TEST_FUZZ_ACCEPTED : TEST_FUZZ_REFUSED;
}


static testFuzzResult
testFuzzSnapshotUse(testFuzzWorld *world,
                    const testFuzzInput *input,
                    virDomainMomentObj *snap)
{
    testFuzzResult ret = TEST_FUZZ_ACCEPTED;

    testFuzzWorldMoveOn(world);

    if (testFuzzSays(input, "revert"))
        ret = testFuzzSnapshotRevert(world, snap);

    if (testFuzzSays(input, "delete") && ret == TEST_FUZZ_ACCEPTED) {
        if (virDomainObjIsActive(testFuzzWorldGetDomain(world)))
            ret = testFuzzDeleteLive(world, virDomainSnapshotObjGetDef(snap));
        else
            ret = testFuzzDeleteOffline(world, virDomainSnapshotObjGetDef(snap));
    }

    return ret;
}


testFuzzResult
testFuzzSnapshot(const testFuzzInput *input)
{
    g_autoptr(testFuzzWorld) world = testFuzzWorldNew(input);
    virDomainObj *vm = testFuzzWorldGetDomain(world);
    g_autoptr(virDomainSnapshotDef) def = testFuzzSnapshotParse(input);
    virDomainMomentObj snap = { 0 };
    virDomainSnapshotLocation fallback;
    testFuzzResult ret;

    if (!def) {
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "a snapshot that is refused is an error");
        return TEST_FUZZ_REFUSED;
    }

    if (!(fallback = testFuzzSnapshotComplete(input, def)))
        return TEST_FUZZ_REFUSED;

    def->parent.dom = testFuzzWorldNewDefinition(world);
    testFuzzWorldSetTag(world, def->parent.name);
    snap.def = &def->parent;

    if ((ret = testFuzzSnapshotAlign(def, fallback)) != TEST_FUZZ_ACCEPTED ||
        (ret = testFuzzSnapshotPrepare(input, vm, def)) != TEST_FUZZ_ACCEPTED ||
        !testFuzzTakes(def, INTERNAL) ||
        (ret = testFuzzSnapshotCreate(world, &snap)) != TEST_FUZZ_ACCEPTED ||
        (ret = testFuzzSnapshotUse(world, input, &snap)) == TEST_FUZZ_BROKEN)
        return ret;

    TEST_FUZZ_MUST(testFuzzOthersAreUntouched(world, def),
                   "images of disks that are left out are not touched");
    return ret;
}
