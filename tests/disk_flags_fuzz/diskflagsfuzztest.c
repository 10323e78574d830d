/*
 * diskflagsfuzztest.c: hostile XML with <flags> of disks
 *
 * Built with clang's fuzzer, this makes up inputs for one of the functions that
 * hold libvirt to what must be true of any input; VIR_TEST_FUZZ names it. Built
 * in the ordinary way it is an ordinary test, which replays the inputs that are
 * kept in the corpus.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "diskflagsfuzz.h"
#include "testutils.h"
#include "testutilsqemu.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* an error message is cut at this size, in the middle of a character if need be */
#define ERROR_MESSAGE_MAX 1024

struct testFuzzTarget {
    const char *name; /* also the directory of its part of the corpus */
    testFuzzFunction function;
};

static const struct testFuzzTarget targets[] = {
    { "disk", testFuzzDisk },
    { "snapshot", testFuzzSnapshot },
    { "update", testFuzzUpdate },
};

virQEMUDriver testFuzzDriver;


bool
testFuzzSays(const testFuzzInput *input,
             const char *word)
{
    return g_strv_contains((const char *const *) input->words, word);
}


void
testFuzzComplain(const char *sentence)
{
    fprintf(stderr, "does not hold: %s\nlast error: %s\n",
            sentence, virGetLastErrorMessage());
}


/**
 * testFuzzErrorIsTold:
 *
 * Takes the last error back.
 *
 * Returns true when there is one, and one about flags is a whole sentence.
 */
bool
testFuzzErrorIsTold(void)
{
    virErrorPtr err = virGetLastError();
    bool told = err && err->code != VIR_ERR_OK && err->message && err->message[0];

    /* what is not well-formed is quoted by libxml2, as it is */
    if (told && err->code != VIR_ERR_XML_DETAIL && strstr(err->message, "<flags>"))
        told = strlen(err->message) < ERROR_MESSAGE_MAX - 1 &&
               g_utf8_validate(err->message, -1, NULL);

    if (told)
        virResetLastError();

    return told;
}


static bool
testFuzzSaysOfThen(const testFuzzInput *input,
                   const char *tense,
                   const char *word)
{
    g_autofree char *tensed = g_strconcat(tense, word, NULL);

    return testFuzzSays(input, tensed);
}


/**
 * testFuzzDiskXML:
 * @input: what kind of disk it is
 * @tense: what stands before words that may differ for two versions of a disk
 * @children: inserted into the element
 *
 * Returns a <disk> element.
 */
char *
testFuzzDiskXML(const testFuzzInput *input,
                const char *tense,
                const char *children)
{
    const char *const attributes[] = {
        "snapshot='no'", "snapshot='internal'", "snapshot='external'", "snapshot='manual'",
    };
    const char *attribute = "";
    const char *readonly = testFuzzSaysOfThen(input, tense, "readonly") ? "<readonly/>" : "";
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (testFuzzSaysOfThen(input, tense, attributes[i]))
            attribute = attributes[i];
    }

    if (testFuzzSays(input, "cdrom"))
        return g_strdup_printf("<disk type='file' device='cdrom' %s>"
                               "<target dev='hdc' bus='ide'/>%s%s</disk>",
                               attribute, readonly, children);

    if (testFuzzSays(input, "floppy"))
        return g_strdup_printf("<disk type='file' device='floppy' %s>"
                               "<source file='/floppy.img'/>"
                               "<target dev='fda' bus='fdc'/>%s%s</disk>",
                               attribute, readonly, children);

    if (testFuzzSays(input, "vhostuser"))
        return g_strdup_printf("<disk type='vhostuser' device='disk' %s>"
                               "<source type='unix' path='/disk.sock'/>"
                               "<target dev='vda' bus='virtio'/>%s%s</disk>",
                               attribute, readonly, children);

    return g_strdup_printf("<disk type='file' device='disk' %s>"
                           "<source file='/disk.img'/>"
                           "<target dev='vda' bus='virtio'/>%s%s</disk>",
                           attribute, readonly, children);
}


char *
testFuzzDomainXML(const char *diskXML)
{
    return g_strdup_printf("<domain type='qemu'>"
                           "<name>guest</name>"
                           "<uuid>0f36ba30-1d3a-4a37-8ee7-d6b2c1a3f0b5</uuid>"
                           "<memory>4096</memory>"
                           "<os><type arch='x86_64' machine='pc'>hvm</type>"
                           "<kernel>/vmlinuz</kernel></os>"
                           "<devices>"
                           "<emulator>/usr/bin/qemu-system-x86_64</emulator>"
                           "%s"
                           "</devices>"
                           "</domain>",
                           diskXML);
}


static int
testFuzzCount(xmlXPathContextPtr ctxt,
              const char *disk,
              const char *rest)
{
    g_autofree char *xpath = g_strconcat(disk, rest, NULL);

    return virXPathNodeSet(xpath, ctxt, NULL);
}


static bool
testFuzzReadFlag(xmlXPathContextPtr ctxt,
                 const char *disk,
                 const char *name,
                 virTristateBool *flag,
                 bool *recreate)
{
    g_autofree char *element = g_strdup_printf("/flags/%s", name);
    g_autofree char *inside = g_strdup_printf("/flags/%s/*", name);
    g_autofree char *xpath = g_strdup_printf("normalize-space(%s%s)", disk, element);
    g_autofree char *value = NULL;
    int count = testFuzzCount(ctxt, disk, element);

    *flag = VIR_TRISTATE_BOOL_ABSENT;
    if (count == 0)
        return true;

    value = virXPathString(xpath, ctxt);
    if (recreate)
        *recreate = STREQ_NULLABLE(value, "recreate");
    *flag = STREQ_NULLABLE(value, "false") || (recreate && *recreate) ? VIR_TRISTATE_BOOL_NO :
                                                                       VIR_TRISTATE_BOOL_YES;

    return count == 1 &&
           testFuzzCount(ctxt, disk, inside) == 0 &&
           (!value || STREQ(value, "true") || STREQ(value, "false") || (recreate && *recreate));
}


/**
 * testFuzzTakeFlags:
 * @ctxt: context of a document
 * @disk: XPath of its disk
 *
 * Reads the <flags> of @disk in another way than the parser and removes them.
 */
testFuzzFlags
testFuzzTakeFlags(xmlXPathContextPtr ctxt,
                  const char *disk)
{
    testFuzzFlags ret = { .legal = testFuzzCount(ctxt, disk, "/flags") <= 1 };
    g_autofree char *xpath = g_strdup_printf("%s/flags", disk);
    g_autofree xmlNodePtr *nodes = NULL;
    int n;

    ret.legal &= testFuzzReadFlag(ctxt, disk, "migrate", &ret.flags.migrate, &ret.flags.recreate);
    ret.legal &= testFuzzReadFlag(ctxt, disk, "snapshot", &ret.flags.snapshot, NULL);
    ret.legal &= testFuzzReadFlag(ctxt, disk, "backup", &ret.flags.backup, NULL);

    n = virXPathNodeSet(xpath, ctxt, &nodes);
    while (n-- > 0) {
        xmlUnlinkNode(nodes[n]);
        xmlFreeNode(nodes[n]);
    }

    virResetLastError();
    return ret;
}


bool
testFuzzFlagsEqual(virDomainDiskFlags a,
                   virDomainDiskFlags b)
{
    return a.migrate == b.migrate && a.recreate == b.recreate &&
           a.snapshot == b.snapshot && a.backup == b.backup;
}


bool
testFuzzFlagsAnySet(virDomainDiskFlags flags)
{
    virDomainDiskFlags none = { 0 };

    return !testFuzzFlagsEqual(flags, none);
}


/* Can it be taken out of a running guest, and made again from its definition? */
static bool
testFuzzIsMadeAnew(const virDomainDiskDef *disk)
{
    bool raw = disk->src->format <= VIR_STORAGE_FILE_NONE ||
               disk->src->format == VIR_STORAGE_FILE_RAW;
    bool unplugged = disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO ||
                     disk->bus == VIR_DOMAIN_DISK_BUS_SCSI ||
                     disk->bus == VIR_DOMAIN_DISK_BUS_USB;

    return unplugged &&
           disk->device == VIR_DOMAIN_DISK_DEVICE_DISK &&
           disk->info.bootIndex == 0 &&
           disk->src->type == VIR_STORAGE_TYPE_FILE &&
           (raw || disk->src->format == VIR_STORAGE_FILE_QCOW2) &&
           !disk->src->readonly &&
           !disk->src->shared &&
           !disk->transient &&
           !disk->src->encryption &&
           !virStorageSourceHasBacking(disk->src);
}


/* Can a disk of this kind have them? */
bool
testFuzzFlagsFit(virDomainDiskFlags flags,
                 const virDomainDiskDef *disk)
{
    bool plain = disk->device != VIR_DOMAIN_DISK_DEVICE_CDROM &&
                 disk->device != VIR_DOMAIN_DISK_DEVICE_FLOPPY &&
                 disk->src->type != VIR_STORAGE_TYPE_VHOST_USER &&
                 !disk->src->readonly;

    if (flags.recreate && !testFuzzIsMadeAnew(disk))
        return false;

    return plain ||
           (flags.migrate != VIR_TRISTATE_BOOL_YES &&
            flags.snapshot != VIR_TRISTATE_BOOL_YES &&
            flags.backup != VIR_TRISTATE_BOOL_YES);
}


/* Do they contradict the attribute that it has? */
bool
testFuzzFlagsContradict(virDomainDiskFlags flags,
                        const virDomainDiskDef *disk)
{
    if (flags.snapshot == VIR_TRISTATE_BOOL_ABSENT ||
        disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT)
        return false;

    return (flags.snapshot == VIR_TRISTATE_BOOL_YES) ==
           (disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_NO);
}


static testFuzzResult
testFuzzRun(const struct testFuzzTarget *target,
            const char *data,
            size_t size)
{
    g_autofree char *text = g_strndup(data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 2);
    g_auto(GStrv) words = g_strsplit(lines[0] ? lines[0] : "", " ", 0);
    testFuzzInput input = {
        .words = words,
        .xml = lines[0] && lines[1] ? lines[1] : "",
    };
    testFuzzResult ret = target->function(&input);

    virResetLastError();
    return ret;
}


/* The driver keeps its metadata where nothing is: an input may give a snapshot any
 * name. */
static int
testFuzzInit(void)
{
    g_autoptr(GHashTable) latest = NULL;
    g_autoptr(GHashTable) cache = virHashNew(virObjectUnref);
    g_autoptr(GHashTable) schemas = virHashNew((GDestroyNotify) g_hash_table_unref);
    g_autoptr(virQEMUCaps) qemuCaps = NULL;

    if (qemuTestDriverInit(&testFuzzDriver) < 0)
        return -1;

    /* a definition without a QEMU that could run it is refused */
    if (!(latest = testQemuGetLatestCaps()) ||
        !(qemuCaps = testQemuGetRealCaps("x86_64", "latest", "", latest, cache, schemas, NULL)) ||
        qemuTestCapsCacheInsert(testFuzzDriver.qemuCapsCache, qemuCaps) < 0)
        return -1;

    g_free(testFuzzDriver.config->snapshotDir);
    testFuzzDriver.config->snapshotDir = g_strdup(abs_builddir "/no-such-directory");

    return 0;
}


#ifdef WITH_DISK_FLAGS_FUZZER

static const struct testFuzzTarget *fuzzed;


static int
testFuzzErrorPriority(virErrorPtr err G_GNUC_UNUSED,
                      int priority G_GNUC_UNUSED)
{
    return VIR_LOG_DEBUG;
}


static void
testFuzzErrorQuiet(void *opaque G_GNUC_UNUSED,
                   virErrorPtr err G_GNUC_UNUSED)
{
}


static void
testFuzzCleanup(void)
{
    qemuTestDriverFree(&testFuzzDriver);
}


int
LLVMFuzzerInitialize(int *argc,
                     char ***argv);

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED,
                     char ***argv G_GNUC_UNUSED)
{
    const char *name = g_getenv("VIR_TEST_FUZZ");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (STREQ_NULLABLE(name, targets[i].name))
            fuzzed = targets + i;
    }

    if (!fuzzed) {
        fprintf(stderr, "set VIR_TEST_FUZZ to disk, snapshot or update\n");
        abort();
    }

    if (virErrorInitialize() < 0 || testFuzzInit() < 0)
        abort();

    /* errors are what most inputs lead to, and cost more than the rest if printed */
    virSetErrorFunc(NULL, testFuzzErrorQuiet);
    virSetErrorLogPriorityFunc(testFuzzErrorPriority);
    ignore_value(atexit(testFuzzCleanup));

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    if (testFuzzRun(fuzzed, (const char *) data, size) == TEST_FUZZ_BROKEN)
        abort();

    return 0;
}

#else

# define CORPUS abs_srcdir "/disk_flags_fuzz/corpus"
# define INPUT_MAX (1024 * 1024)

struct testFuzzKept {
    const struct testFuzzTarget *target;
    const char *name; /* of the input's file */
};


/* An input whose name begins with what libvirt makes of it is held to that. */
static int
testFuzzReplay(const void *opaque)
{
    const struct testFuzzKept *kept = opaque;
    g_autofree char *path = g_strdup_printf(CORPUS "/%s/%s", kept->target->name, kept->name);
    g_autofree char *data = NULL;
    testFuzzResult result;
    int size;

    if ((size = virFileReadAll(path, INPUT_MAX, &data)) < 0)
        return -1;

    result = testFuzzRun(kept->target, data, size);

    if (result == TEST_FUZZ_BROKEN)
        return -1;

    if ((STRPREFIX(kept->name, "accepted-") && result != TEST_FUZZ_ACCEPTED) ||
        (STRPREFIX(kept->name, "refused-") && result != TEST_FUZZ_REFUSED)) {
        VIR_TEST_VERBOSE("%s", result == TEST_FUZZ_ACCEPTED ? "accepted" : "refused");
        return -1;
    }

    return 0;
}


static int
testFuzzReplayAll(const struct testFuzzTarget *target)
{
    g_autofree char *path = g_strdup_printf(CORPUS "/%s", target->name);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    size_t n = 0;
    int ret = 0;

    if (!dir)
        return -1;

    while ((name = g_dir_read_name(dir))) {
        const struct testFuzzKept kept = { .target = target, .name = name };
        g_autofree char *sentence = g_strdup_printf("what must be true is, of the %s input %s",
                                                    target->name, name);

        if (virTestRun(sentence, testFuzzReplay, &kept) < 0)
            ret = -1;
        n++;
    }

    return n > 0 ? ret : -1;
}


static int
mymain(void)
{
    int ret = 0;
    size_t i;

    if (testFuzzInit() < 0)
        return EXIT_FAILURE;

    virTestQuiesceLibvirtErrors(false);

    for (i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (testFuzzReplayAll(targets + i) < 0)
            ret = -1;
    }

    qemuTestDriverFree(&testFuzzDriver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)

#endif
