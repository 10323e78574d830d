/*
 * qemudiskflagsinjecttest.c: <flags> on every disk of every domain of libvirt's
 *
 * Runs libvirt's qemuxmlconftest with flags put into each <disk> that its
 * documents have, and expects what qemuxmlconftest expects without them: the
 * same command lines, the same errors and, but for the flags, the same XML.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"

#ifdef WITH_QEMU

# include "domain_conf.h"
# include "vircommand.h"
# include "virfile.h"
# include "virprocess.h"
# include "virxml.h"

/* how many disks libvirt's documents have at the very least: far fewer mean
 * that they were not found */
# define INJECTED_DISKS_MIN 800

static virDomainDef *
testInjectParseFile(const char *path,
                    virDomainXMLOption *xmlopt,
                    void *parseOpaque,
                    unsigned int parseFlags);

static char *
testInjectFormat(virDomainDef *def,
                 virDomainXMLOption *xmlopt,
                 unsigned int formatFlags);

static int
testInjectMain(void);

/* libvirt's test parses each of its documents by the first of these functions, and
 * compares what the second one makes of them */
# define virDomainDefParseFile testInjectParseFile
# define virDomainDefFormat testInjectFormat

# undef VIR_TEST_MAIN_PRELOAD
# define VIR_TEST_MAIN_PRELOAD(func, ...) \
    int main(int argc, char **argv) { \
        return virTestMain(argc, argv, testInjectMain, __VA_ARGS__, NULL); \
    }

# include "qemuxmlconftest.c"

# undef virDomainDefParseFile
# undef virDomainDefFormat

/* what the disks of the documents get in this run */
static const virDomainDiskFlags *wish;

/* whether the document at hand has flags already, and is left as it is */
static bool flagged;

/* names of documents with disks that got flags, and how many disks they have */
static GHashTable *injected;
static size_t injectedDisks;
static size_t refusedDocuments;


/* What the documentation says of a disk, read from the XML: the flags nearest to
 * the wish that the disk can have. */
static virDomainDiskFlags
testInjectFit(xmlNodePtr disk)
{
    virDomainDiskFlags fit = *wish;
    g_autofree char *type = virXMLPropString(disk, "type");
    g_autofree char *device = virXMLPropString(disk, "device");
    g_autofree char *snapshot = virXMLPropString(disk, "snapshot");
    bool unfit = STREQ_NULLABLE(device, "cdrom") ||
                 STREQ_NULLABLE(device, "floppy") ||
                 STREQ_NULLABLE(type, "vhostuser") ||
                 virXMLNodeGetSubelement(disk, "readonly");

    if (unfit && fit.migrate == VIR_TRISTATE_BOOL_YES)
        fit.migrate = VIR_TRISTATE_BOOL_NO;

    if (unfit && fit.snapshot == VIR_TRISTATE_BOOL_YES)
        fit.snapshot = VIR_TRISTATE_BOOL_NO;

    if (unfit && fit.backup == VIR_TRISTATE_BOOL_YES)
        fit.backup = VIR_TRISTATE_BOOL_NO;

    if (snapshot && fit.snapshot != VIR_TRISTATE_BOOL_ABSENT)
        fit.snapshot = virTristateBoolFromBool(STRNEQ(snapshot, "no"));

    return fit;
}


static void
testInjectRemove(xmlNodePtr disk)
{
    xmlNodePtr node;

    if ((node = virXMLNodeGetSubelement(disk, "flags"))) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}


static void
testInjectFlag(xmlNodePtr flags,
               const char *name,
               virTristateBool value)
{
    const char *text = value == VIR_TRISTATE_BOOL_YES ? "true" : "false";

    if (value != VIR_TRISTATE_BOOL_ABSENT)
        xmlNewChild(flags, NULL, BAD_CAST name, BAD_CAST text);
}


static void
testInjectAdd(xmlNodePtr disk,
              virDomainDiskFlags flags)
{
    xmlNodePtr node;

    testInjectRemove(disk);
    node = xmlNewChild(disk, NULL, BAD_CAST "flags", NULL);
    testInjectFlag(node, "migrate", flags.migrate);
    testInjectFlag(node, "snapshot", flags.snapshot);
    testInjectFlag(node, "backup", flags.backup);
}


static int
testInjectFail(const char *what,
               const char *detail)
{
    virReportError(VIR_ERR_INTERNAL_ERROR, "injected flags: %s: %s", what, detail);
    return -1;
}


static char *
testInjectTakeError(void)
{
    char *message = g_strdup(virGetLastErrorMessage());

    virResetLastError();
    return message;
}


/* A domain with a flag that a disk cannot have has to be refused for that disk,
 * unless it is refused without flags too. */
static int
testInjectExpectRefusal(virDomainDef *def,
                        const char *stockError,
                        xmlNodePtr *disks,
                        size_t ndisks)
{
    bool unsupported = virGetLastErrorCode() == VIR_ERR_CONFIG_UNSUPPORTED;
    g_autofree char *error = testInjectTakeError();
    size_t i;

    if (def)
        return testInjectFail("not refused", def->name);

    refusedDocuments++;

    if (STREQ_NULLABLE(error, stockError))
        return 0;

    for (i = 0; i < ndisks; i++) {
        virDomainDiskFlags fit = testInjectFit(disks[i]);
        xmlNodePtr target = virXMLNodeGetSubelement(disks[i], "target");
        g_autofree char *dev = target ? virXMLPropString(target, "dev") : NULL;
        g_autofree char *migrate = g_strdup_printf("flag <migrate> of disk '%s'", NULLSTR(dev));
        g_autofree char *snapshot = g_strdup_printf("flag <snapshot> of disk '%s'", NULLSTR(dev));
        g_autofree char *backup = g_strdup_printf("flag <backup> of disk '%s'", NULLSTR(dev));

        if (unsupported &&
            ((fit.migrate != wish->migrate && strstr(error, migrate)) ||
             (fit.snapshot != wish->snapshot && strstr(error, snapshot)) ||
             (fit.backup != wish->backup && strstr(error, backup))))
            return 0;
    }

    return testInjectFail("error does not name disk and flag", error);
}


static virDomainDef *
testInjectReparse(const char *xml,
                  virDomainXMLOption *xmlopt,
                  unsigned int parseFlags)
{
    return virDomainDefParseString(xml, xmlopt, NULL,
                                   parseFlags | VIR_DOMAIN_DEF_PARSE_INACTIVE);
}


static void
testInjectStrip(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++)
        def->disks[i]->flags = (virDomainDiskFlags) { 0 };
}


static int
testInjectCheckFlags(const virDomainDef *def,
                     const virDomainDef *expect)
{
    size_t i;

    if (def->ndisks != expect->ndisks)
        return testInjectFail("number of disks", def->name);

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->flags.migrate != expect->disks[i]->flags.migrate ||
            def->disks[i]->flags.snapshot != expect->disks[i]->flags.snapshot ||
            def->disks[i]->flags.backup != expect->disks[i]->flags.backup)
            return testInjectFail("flags were not kept", def->disks[i]->dst);
    }

    return 0;
}


/* What is written of a domain has its flags, can be read again, and is, but for
 * them, what is written of the same domain without flags. */
static int
testInjectCheckFormat(virDomainDef *stock,
                      virDomainDef *def,
                      virDomainXMLOption *xmlopt,
                      unsigned int parseFlags,
                      unsigned int formatFlags)
{
    g_autofree char *xml = virDomainDefFormat(def, xmlopt, formatFlags);
    g_autofree char *stockXML = virDomainDefFormat(stock, xmlopt, formatFlags);
    g_autofree char *again = NULL;
    g_autofree char *stockAgain = NULL;
    g_autofree char *stripped = NULL;
    g_autofree char *stockError = NULL;
    g_autoptr(virDomainDef) back = NULL;
    g_autoptr(virDomainDef) stockBack = NULL;

    if (!xml || !stockXML)
        return -1;

    /* libvirt's own documents cannot all be read again */
    if (!(stockBack = testInjectReparse(stockXML, xmlopt, parseFlags)))
        stockError = testInjectTakeError();

    if (!(back = testInjectReparse(xml, xmlopt, parseFlags))) {
        g_autofree char *error = testInjectTakeError();

        if (STREQ_NULLABLE(error, stockError))
            return 0;

        return testInjectFail("what was written is refused", error);
    }

    if (!stockBack)
        return testInjectFail("read again, but not without flags", stockError);

    if (testInjectCheckFlags(back, def) < 0 ||
        !(again = virDomainDefFormat(back, xmlopt, formatFlags)) ||
        !(stockAgain = virDomainDefFormat(stockBack, xmlopt, formatFlags)))
        return -1;

    if (STREQ(stockXML, stockAgain) && STRNEQ(xml, again))
        return testInjectFail("written differently the second time", again);

    testInjectStrip(back);
    if (!(stripped = virDomainDefFormat(back, xmlopt, formatFlags)))
        return -1;

    if (STRNEQ(stripped, stockAgain))
        return testInjectFail("more than the flags is different", stripped);

    return 0;
}


static int
testInjectCheckFormats(virDomainDef *stock,
                       virDomainDef *def,
                       virDomainXMLOption *xmlopt,
                       unsigned int parseFlags)
{
    const unsigned int formats[] = {
        0, VIR_DOMAIN_DEF_FORMAT_INACTIVE, VIR_DOMAIN_DEF_FORMAT_MIGRATABLE,
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (testInjectCheckFormat(stock, def, xmlopt, parseFlags,
                                  formats[i] | VIR_DOMAIN_DEF_FORMAT_SECURE) < 0)
            return -1;
    }

    return 0;
}


static int
testInjectCheckAsked(const virDomainDef *def,
                     xmlNodePtr *disks,
                     size_t ndisks)
{
    size_t i;

    for (i = 0; i < ndisks; i++) {
        virDomainDiskFlags fit = testInjectFit(disks[i]);
        xmlNodePtr target = virXMLNodeGetSubelement(disks[i], "target");
        g_autofree char *dev = virXMLPropString(target, "dev");
        virDomainDiskDef *disk = virDomainDiskByTarget((virDomainDef *) def, dev);

        if (!disk ||
            disk->flags.migrate != fit.migrate ||
            disk->flags.snapshot != fit.snapshot ||
            disk->flags.backup != fit.backup)
            return testInjectFail("flags were not taken", NULLSTR(dev));
    }

    return 0;
}


/* A parser that fails may leave the context anywhere. */
static virDomainDef *
testInjectParseOnce(xmlXPathContextPtr ctxt,
                    virDomainXMLOption *xmlopt,
                    void *parseOpaque,
                    unsigned int parseFlags)
{
    VIR_XPATH_NODE_AUTORESTORE(ctxt)

    return virDomainDefParseNode(ctxt, xmlopt, parseOpaque, parseFlags);
}


static char *
testInjectFormat(virDomainDef *def,
                 virDomainXMLOption *xmlopt,
                 unsigned int formatFlags)
{
    g_autofree virDomainDiskFlags *flags = g_new0(virDomainDiskFlags, def->ndisks);
    char *ret;
    size_t i;

    if (flagged)
        return virDomainDefFormat(def, xmlopt, formatFlags);

    for (i = 0; i < def->ndisks; i++)
        flags[i] = def->disks[i]->flags;

    testInjectStrip(def);
    ret = virDomainDefFormat(def, xmlopt, formatFlags);

    for (i = 0; i < def->ndisks; i++)
        def->disks[i]->flags = flags[i];

    return ret;
}


/* Parses a document of libvirt's with flags in all of its disks. Returns its
 * definition, or NULL with the error that it has without flags, or with an error
 * that no document expects. */
static virDomainDef *
testInjectParse(const char *path,
                xmlXPathContextPtr ctxt,
                virDomainXMLOption *xmlopt,
                void *parseOpaque,
                unsigned int parseFlags)
{
    g_autofree xmlNodePtr *disks = NULL;
    g_autofree char *stockError = NULL;
    g_autofree char *error = NULL;
    g_autoptr(virDomainDef) stock = NULL;
    g_autoptr(virDomainDef) refused = NULL;
    g_autoptr(virDomainDef) def = NULL;
    bool fits = true;
    int ndisks;
    size_t i;

    if ((ndisks = virXPathNodeSet("./devices/disk", ctxt, &disks)) < 0)
        return NULL;

    for (i = 0; i < ndisks; i++)
        testInjectRemove(disks[i]);

    if (!(stock = testInjectParseOnce(ctxt, xmlopt, parseOpaque, parseFlags)))
        stockError = testInjectTakeError();

    for (i = 0; i < ndisks; i++) {
        virDomainDiskFlags fit = testInjectFit(disks[i]);

        fits = fits && fit.migrate == wish->migrate && fit.snapshot == wish->snapshot &&
               fit.backup == wish->backup;
        testInjectAdd(disks[i], *wish);
    }

    if (!fits) {
        refused = testInjectParseOnce(ctxt, xmlopt, parseOpaque, parseFlags);

        if (testInjectExpectRefusal(refused, stockError, disks, ndisks) < 0)
            return NULL;

        for (i = 0; i < ndisks; i++)
            testInjectAdd(disks[i], testInjectFit(disks[i]));
    }

    if (ndisks > 0 &&
        g_hash_table_add(injected, g_path_get_basename(path)))
        injectedDisks += ndisks;

    if (!(def = testInjectParseOnce(ctxt, xmlopt, parseOpaque, parseFlags))) {
        if (STRNEQ_NULLABLE(virGetLastErrorMessage(), stockError)) {
            error = testInjectTakeError();
            testInjectFail("refused", error);
        }

        return NULL;
    }

    if (!stock) {
        testInjectFail("accepted, but not without flags", stockError);
        return NULL;
    }

    if (testInjectCheckAsked(def, disks, ndisks) < 0 ||
        testInjectCheckFormats(stock, def, xmlopt, parseFlags) < 0)
        return NULL;

    return g_steal_pointer(&def);
}


static virDomainDef *
testInjectParseFile(const char *path,
                    virDomainXMLOption *xmlopt,
                    void *parseOpaque,
                    unsigned int parseFlags)
{
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;

    if (!(xml = virXMLParse(path, NULL, NULL, "domain", &ctxt, NULL, false)))
        return NULL;

    if ((flagged = virXPathNode("./devices/disk/flags", ctxt)))
        return virDomainDefParseNode(ctxt, xmlopt, parseOpaque, parseFlags);

    return testInjectParse(path, ctxt, xmlopt, parseOpaque, parseFlags);
}


static int
testInjectCovered(const void *opaque G_GNUC_UNUSED)
{
    VIR_TEST_VERBOSE("%u documents with %zu disks, %zu of them refused at first",
                     g_hash_table_size(injected), injectedDisks, refusedDocuments);

    return injectedDisks >= INJECTED_DISKS_MIN ? 0 : -1;
}


static int
testInjectAll(void)
{
    int ret;

    injected = virHashNew(NULL);
    ret = mymain();

    if (virTestRun("the disks of libvirt's documents were found and got flags",
                   testInjectCovered, NULL) < 0)
        ret = EXIT_FAILURE;

    g_clear_pointer(&injected, g_hash_table_unref);
    return ret;
}


/* libvirt's test cannot be run twice in a process */
static int
testInjectRun(const void *opaque)
{
    pid_t pid = virFork();
    int status;

    if (pid < 0)
        return -1;

    if (pid == 0) {
        char *root = virTestFakeRootDirInit();
        int ret;

        wish = opaque;
        ret = testInjectAll();
        virTestFakeRootDirCleanup(root);
        _exit(ret);
    }

    return virProcessWait(pid, &status, false) < 0 || status != 0 ? -1 : 0;
}


static int
testInjectMain(void)
{
    const struct {
        const char *sentence;
        virDomainDiskFlags wish;
    } runs[] = {
        { "command lines and errors are the same when no disk is to be copied",
          { .migrate = VIR_TRISTATE_BOOL_NO } },
        { "command lines and errors are the same when no disk is in snapshots or backups",
          { .snapshot = VIR_TRISTATE_BOOL_NO, .backup = VIR_TRISTATE_BOOL_NO } },
        { "command lines and errors are the same when all disks are copied, in snapshots and backups",
          { .migrate = VIR_TRISTATE_BOOL_YES, .snapshot = VIR_TRISTATE_BOOL_YES,
            .backup = VIR_TRISTATE_BOOL_YES } },
    };
    int ret = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(runs); i++) {
        if (virTestRun(runs[i].sentence, testInjectRun, &runs[i].wish) < 0)
            ret = -1;
    }

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#else

int main(void)
{
    return EXIT_AM_SKIP;
}

#endif /* WITH_QEMU */
