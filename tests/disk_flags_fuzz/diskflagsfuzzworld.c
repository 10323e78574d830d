/*
 * diskflagsfuzzworld.c: a domain with mixed disks and images that remember
 *
 * The functions of the QEMU driver that would ask QEMU or qemu-img about images
 * are replaced by ones that look into the world of the input at hand.
 *
 * Words: the target of a disk puts it into the domain, with "+" or "-" behind it
 * also its flag <snapshot>; running; and with the target of a disk behind them:
 * tag-on-, memory-on- and bitmap-on- for what its image holds, unreadable-, stuck-
 * for an image from which nothing can be deleted, gone- and moved- for what becomes
 * of the disk after a snapshot.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "diskflagsfuzzworld.h"
#include "qemu/qemu_block.h"
#include "qemu/qemu_domain.h"
#include "qemu/qemu_monitor_json.h"
#include "qemu/qemu_snapshot_image.h"
#include "testutils.h"
#include "virhash.h"

#define VIR_FROM_THIS VIR_FROM_NONE

struct testFuzzWorldDisk {
    const char *dst;
    const char *path; /* NULL: named after the target */
    virStorageFileFormat format;
    virDomainSnapshotLocation attribute;
    bool readonly;
    bool empty;
};

static const struct testFuzzWorldDisk worldDisks[] = {
    { .dst = "vda", .format = VIR_STORAGE_FILE_QCOW2 },
    { .dst = "vdb", .format = VIR_STORAGE_FILE_RAW },
    { .dst = "vdc", .format = VIR_STORAGE_FILE_QCOW2 },
    { .dst = "vdd", .format = VIR_STORAGE_FILE_QCOW2, .readonly = true,
      .attribute = VIR_DOMAIN_SNAPSHOT_LOCATION_NO },
    { .dst = "vde", .format = VIR_STORAGE_FILE_QCOW2,
      .attribute = VIR_DOMAIN_SNAPSHOT_LOCATION_NO },
    { .dst = "vdf", .format = VIR_STORAGE_FILE_QCOW2,
      .attribute = VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL },
    /* for external snapshots libvirt makes sure that it is a file */
    { .dst = "vdg", .path = abs_srcdir "/testutils.c", .format = VIR_STORAGE_FILE_QCOW2,
      .attribute = VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL },
    { .dst = "sda", .empty = true },
};

struct testFuzzImage {
    bool tag;
    bool memory;
};

struct _testFuzzWorld {
    const testFuzzInput *input;
    virDomainObj *vm;
    char *tag;
    struct testFuzzImage images[G_N_ELEMENTS(worldDisks)];
};

/* the one that the replaced functions look into */
static testFuzzWorld *here;


bool
testFuzzWorldSaysOf(const testFuzzWorld *world,
                    const char *what,
                    const char *disk)
{
    g_autofree char *word = g_strconcat(what, disk, NULL);

    return testFuzzSays(world->input, word);
}


static virTristateBool
testFuzzWorldGetFlag(const testFuzzWorld *world,
                     const char *disk)
{
    g_autofree char *yes = g_strconcat(disk, "+", NULL);
    g_autofree char *no = g_strconcat(disk, "-", NULL);

    if (testFuzzSays(world->input, yes))
        return VIR_TRISTATE_BOOL_YES;

    return testFuzzSays(world->input, no) ? VIR_TRISTATE_BOOL_NO : VIR_TRISTATE_BOOL_ABSENT;
}


static virDomainDiskDef *
testFuzzWorldNewDisk(const virDomainDef *domain,
                     const struct testFuzzWorldDisk *disk,
                     virTristateBool flag)
{
    virDomainDiskDef *def = virDomainDiskDefNew(testFuzzDriver.xmlopt);

    def->dst = g_strdup(disk->dst);
    def->device = disk->empty ? VIR_DOMAIN_DISK_DEVICE_CDROM : VIR_DOMAIN_DISK_DEVICE_DISK;
    def->bus = disk->empty ? VIR_DOMAIN_DISK_BUS_SATA : VIR_DOMAIN_DISK_BUS_VIRTIO;
    def->snapshot = disk->attribute;
    def->src->type = VIR_STORAGE_TYPE_FILE;
    def->src->readonly = disk->readonly || disk->empty;
    if (!disk->empty) {
        def->src->path = disk->path ? g_strdup(disk->path) : g_strdup_printf("/%s.img", disk->dst);
        def->src->format = disk->format;
        qemuBlockStorageSourceSetFormatNodename(def->src, g_strdup_printf("node-%s", disk->dst));
    }

    def->flags.snapshot = flag;
    if (virDomainDiskFlagsValidate(domain, def) < 0)
        def->flags.snapshot = VIR_TRISTATE_BOOL_ABSENT;

    virResetLastError();
    return def;
}


virDomainDef *
testFuzzWorldNewDefinition(const testFuzzWorld *world)
{
    virDomainDef *def = virDomainDefNew(testFuzzDriver.xmlopt);
    size_t i;

    def->id = -1;
    def->name = g_strdup("guest");
    def->uuid[0] = 1;
    def->virtType = VIR_DOMAIN_VIRT_QEMU;
    def->emulator = g_strdup("/usr/bin/qemu-system-x86_64");
    def->os.type = VIR_DOMAIN_OSTYPE_HVM;
    def->os.arch = VIR_ARCH_X86_64;
    def->os.machine = g_strdup("pc");
    virDomainDefSetMemoryTotal(def, 4096);
    ignore_value(virDomainDefSetVcpusMax(def, 1, testFuzzDriver.xmlopt));
    ignore_value(virDomainDefSetVcpus(def, 1));

    for (i = 0; i < G_N_ELEMENTS(worldDisks); i++) {
        virTristateBool flag = testFuzzWorldGetFlag(world, worldDisks[i].dst);

        if (flag != VIR_TRISTATE_BOOL_ABSENT ||
            testFuzzSays(world->input, worldDisks[i].dst))
            virDomainDiskInsert(def, testFuzzWorldNewDisk(def, worldDisks + i, flag));
    }

    return def;
}


testFuzzWorld *
testFuzzWorldNew(const testFuzzInput *input)
{
    testFuzzWorld *world = g_new0(testFuzzWorld, 1);
    virDomainObj *vm = virDomainObjNew(testFuzzDriver.xmlopt);
    qemuDomainObjPrivate *priv = vm->privateData;
    size_t i;

    world->input = input;
    world->vm = vm;

    vm->def = testFuzzWorldNewDefinition(world);
    priv->driver = &testFuzzDriver;
    priv->qemuCaps = virQEMUCapsNew();

    if (testFuzzSays(input, "running")) {
        vm->def->id = 1;
        virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    } else {
        virDomainObjSetState(vm, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN);
    }

    for (i = 0; i < G_N_ELEMENTS(worldDisks); i++) {
        const char *disk = worldDisks[i].dst;

        world->images[i].memory = testFuzzWorldSaysOf(world, "memory-on-", disk);
        world->images[i].tag = world->images[i].memory ||
                               testFuzzWorldSaysOf(world, "tag-on-", disk);
    }

    here = world;
    return world;
}


void
testFuzzWorldFree(testFuzzWorld *world)
{
    if (!world)
        return;

    here = NULL;
    virObjectUnref(world->vm);
    g_free(world->tag);
    g_free(world);
}


virDomainObj *
testFuzzWorldGetDomain(testFuzzWorld *world)
{
    return world->vm;
}


/* Tells what the snapshot is called that images may hold. */
void
testFuzzWorldSetTag(testFuzzWorld *world,
                    const char *tag)
{
    g_free(world->tag);
    world->tag = g_strdup(tag);
}


/* Takes disks away and exchanges their images. */
void
testFuzzWorldMoveOn(testFuzzWorld *world)
{
    virDomainDef *def = world->vm->def;
    size_t i = 0;

    while (i < def->ndisks) {
        virDomainDiskDef *disk = def->disks[i];

        if (testFuzzWorldSaysOf(world, "gone-", disk->dst)) {
            virDomainDiskDefFree(virDomainDiskRemove(def, i));
            continue;
        }

        if (testFuzzWorldSaysOf(world, "moved-", disk->dst) && disk->src->path) {
            g_free(disk->src->path);
            disk->src->path = g_strdup_printf("/moved-%s.img", disk->dst);
        }

        i++;
    }
}


static struct testFuzzImage *
testFuzzWorldGetImage(testFuzzWorld *world,
                      const char *disk)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(worldDisks); i++) {
        if (STREQ(worldDisks[i].dst, disk))
            return world->images + i;
    }

    abort();
}


bool
testFuzzWorldHolds(const testFuzzWorld *world,
                   const char *disk)
{
    return testFuzzWorldGetImage((testFuzzWorld *) world, disk)->tag;
}


bool
testFuzzWorldHoldsMemory(const testFuzzWorld *world,
                         const char *disk)
{
    return testFuzzWorldGetImage((testFuzzWorld *) world, disk)->memory;
}


void
testFuzzWorldSave(testFuzzWorld *world,
                  const char *disk,
                  bool memory)
{
    struct testFuzzImage *image = testFuzzWorldGetImage(world, disk);

    image->tag = true;
    image->memory = memory;
}


/* Returns -1 where nothing can be deleted from the image. */
int
testFuzzWorldDelete(testFuzzWorld *world,
                    const char *disk)
{
    struct testFuzzImage *image = testFuzzWorldGetImage(world, disk);

    if (testFuzzWorldSaysOf(world, "stuck-", disk))
        return -1;

    image->tag = false;
    image->memory = false;
    return 0;
}


/* How QEMU describes the image. */
static virJSONValue *
testFuzzWorldDescribe(testFuzzWorld *world,
                      const char *disk)
{
    const struct testFuzzImage *image = testFuzzWorldGetImage(world, disk);
    g_autoptr(virJSONValue) ret = virJSONValueNewObject();
    g_autoptr(virJSONValue) snapshots = virJSONValueNewArray();
    g_autoptr(virJSONValue) bitmaps = virJSONValueNewArray();
    g_autoptr(virJSONValue) data = virJSONValueNewObject();
    g_autoptr(virJSONValue) specific = NULL;

    if (image->tag) {
        g_autoptr(virJSONValue) snapshot = NULL;

        if (virJSONValueObjectAdd(&snapshot,
                                  "s:name", world->tag,
                                  "U:vm-state-size", image->memory ? 1ULL : 0ULL, NULL) < 0 ||
            virJSONValueArrayAppend(snapshots, &snapshot) < 0)
            return NULL;
    }

    if (testFuzzWorldSaysOf(world, "bitmap-on-", disk)) {
        g_autoptr(virJSONValue) bitmap = NULL;

        if (virJSONValueObjectAdd(&bitmap, "s:name", "bitmap", NULL) < 0 ||
            virJSONValueArrayAppend(bitmaps, &bitmap) < 0)
            return NULL;
    }

    if (virJSONValueObjectAppend(data, "bitmaps", &bitmaps) < 0 ||
        virJSONValueObjectAdd(&specific, "s:type", "qcow2", "a:data", &data, NULL) < 0 ||
        virJSONValueObjectAppendNumberUlong(ret, "virtual-size", 1) < 0 ||
        virJSONValueObjectAppend(ret, "snapshots", &snapshots) < 0 ||
        virJSONValueObjectAppend(ret, "format-specific", &specific) < 0)
        return NULL;

    return g_steal_pointer(&ret);
}


/*
 * In place of those of the QEMU driver
 */

GHashTable *
qemuBlockGetNamedNodeData(virDomainObj *vm,
                          virDomainAsyncJob asyncJob G_GNUC_UNUSED)
{
    g_autoptr(virJSONValue) nodes = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        const virDomainDiskDef *disk = vm->def->disks[i];
        const char *name = qemuBlockStorageSourceGetFormatNodename(disk->src);
        g_autoptr(virJSONValue) image = testFuzzWorldDescribe(here, disk->dst);
        g_autoptr(virJSONValue) bitmaps = virJSONValueNewArray();
        g_autoptr(virJSONValue) bitmap = NULL;
        g_autoptr(virJSONValue) node = NULL;

        if (!name)
            continue;

        if (testFuzzWorldSaysOf(here, "bitmap-on-", disk->dst) &&
            (virJSONValueObjectAdd(&bitmap,
                                   "s:name", "bitmap", "b:recording", true, "b:busy", false,
                                   "b:persistent", true, "U:count", 0ULL,
                                   "U:granularity", 65536ULL, NULL) < 0 ||
             virJSONValueArrayAppend(bitmaps, &bitmap) < 0))
            return NULL;

        if (virJSONValueObjectAdd(&node,
                                  "s:node-name", name,
                                  "a:image", &image,
                                  "a:dirty-bitmaps", &bitmaps, NULL) < 0 ||
            virJSONValueArrayAppend(nodes, &node) < 0)
            return NULL;
    }

    return qemuMonitorJSONBlockGetNamedNodeDataJSON(nodes);
}


GHashTable *
qemuSnapshotImageGetSnapshots(virDomainDiskDef *disk,
                              char **bitmap)
{
    const struct testFuzzImage *image = testFuzzWorldGetImage(here, disk->dst);
    g_autoptr(GHashTable) ret = virHashNew(g_free);

    if (virStorageSourceIsEmpty(disk->src) ||
        testFuzzWorldSaysOf(here, "unreadable-", disk->dst)) {
        virReportError(VIR_ERR_OPERATION_FAILED, "cannot read %s", disk->dst);
        return NULL;
    }

    if (image->tag) {
        qemuBlockNamedNodeDataSnapshot *snapshot = g_new0(qemuBlockNamedNodeDataSnapshot, 1);

        snapshot->vmstate = image->memory;
        g_hash_table_insert(ret, g_strdup(here->tag), snapshot);
    }

    if (bitmap && testFuzzWorldSaysOf(here, "bitmap-on-", disk->dst))
        *bitmap = g_strdup("bitmap");

    return g_steal_pointer(&ret);
}


bool
qemuSnapshotImageIsRemoved(virDomainObj *vm G_GNUC_UNUSED,
                           virDomainDiskDef *disk G_GNUC_UNUSED)
{
    return false;
}
