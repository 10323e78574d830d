/*
 * disksettest.c: the contract of the disk-set library
 *
 * Runs against the test driver and the embedded QEMU driver, which needs no
 * daemon. Calls that the library makes pass through functions of the same name
 * here, so that they can be made to fail.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include "testutils.h"
#include "datatypes.h"
#include "virxml.h"
#include "libvirt-disk-set.h"

#define VIR_FROM_THIS VIR_FROM_NONE

G_STATIC_ASSERT(((VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
                  VIR_DOMAIN_DEVICE_MODIFY_FORCE) &
                 (VIR_DOMAIN_DISK_SET_SNAPSHOT | VIR_DOMAIN_DISK_SET_BACKUP)) == 0);

#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define CONFIG VIR_DOMAIN_AFFECT_CONFIG
#define SNAPSHOT VIR_DOMAIN_DISK_SET_SNAPSHOT
#define BACKUP VIR_DOMAIN_DISK_SET_BACKUP

static virConnectPtr testConn; /* the test driver */
static virConnectPtr qemuConn; /* the embedded QEMU driver */
static char *root; /* where the latter keeps everything */
static pid_t guestPid; /* of the guest that runs, 0 when none does */
static GMutex guestStart; /* held while a guest starts */


/* For how many microseconds the library waits for others to be done. */
#define SETTLE (150 * 1000)

/* Faults of the daemon, or of the way there. Calls count from 1. */

static struct {
    int updates; /* calls of virDomainUpdateDeviceFlags() so far */
    int failUpdate; /* the one that fails, 0 for none */
    int failUpdatesFrom; /* from this one on all fail, 0 for none */
    bool dropFlags; /* be a daemon that does not know <flags> */
    int reads; /* calls of virDomainGetXMLDesc() so far */
    int failRead; /* the one that fails, 0 for none */
    int garbleRead; /* the one that returns garbage, 0 for none */
    int params; /* calls of virTypedParamsAddString() so far */
    int failParam; /* the one that fails, 0 for none */
    bool noThreads;
    int clockStep; /* microseconds that pass with each look at the clock, 0 for the real one */
    gint64 clock;
    int (*meanwhile)(virDomainPtr dom); /* what another program does ... */
    int afterUpdate; /* ... after this update, 0 for the first one ... */
    bool again; /* ... or after each one */
    gulong slept; /* microseconds */
} fault;


static void
faultsClear(void)
{
    memset(&fault, 0, sizeof(fault));
}


static void *
libvirtFunction(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        abort();

    return function;
}


static char *
withoutFlags(const char *xml)
{
    const char *begin = strstr(xml, "<flags>");
    const char *end = strstr(xml, "</flags>");

    if (!begin)
        return g_strdup(xml);

    return g_strdup_printf("%.*s%s", (int) (begin - xml), xml, end + strlen("</flags>"));
}


int
virDomainUpdateDeviceFlags(virDomainPtr dom,
                           const char *xml,
                           unsigned int flags)
{
    int (*update)(virDomainPtr, const char *, unsigned int) =
        libvirtFunction("virDomainUpdateDeviceFlags");
    int call = g_atomic_int_add(&fault.updates, 1) + 1;
    g_autofree char *wrong = g_strdup_printf("<fault%d/>", call);
    g_autofree char *dropped = withoutFlags(xml);
    int (*meanwhile)(virDomainPtr) = fault.meanwhile;
    int rc;

    if (call == fault.failUpdate ||
        (fault.failUpdatesFrom && call >= fault.failUpdatesFrom))
        return update(dom, wrong, flags);

    if (update(dom, fault.dropFlags ? dropped : xml, flags) < 0)
        return -1;

    if (!meanwhile || (!fault.again && call != MAX(fault.afterUpdate, 1)))
        return 0;

    fault.meanwhile = NULL;
    rc = meanwhile(dom);

    if (fault.again)
        fault.meanwhile = meanwhile;

    return rc;
}


/* The library's own wait is not waited for. */
void
g_usleep(gulong microseconds)
{
    void (*nap)(gulong) = libvirtFunction("g_usleep");

    if (microseconds == SETTLE)
        fault.slept += microseconds;
    else
        nap(microseconds);
}


gint64
g_get_monotonic_time(void)
{
    gint64 (*get)(void) = libvirtFunction("g_get_monotonic_time");

    if (!fault.clockStep)
        return get();

    return fault.clock += fault.clockStep;
}


char *
virDomainGetXMLDesc(virDomainPtr dom,
                    unsigned int flags)
{
    char *(*get)(virDomainPtr, unsigned int) = libvirtFunction("virDomainGetXMLDesc");
    int call = g_atomic_int_add(&fault.reads, 1) + 1;

    if (call == fault.garbleRead)
        return g_strdup("<domain><devices>");

    return get(dom, call == fault.failRead ? ~0U : flags);
}


int
virTypedParamsAddString(virTypedParameterPtr *params,
                        int *nparams,
                        int *maxparams,
                        const char *name,
                        const char *value)
{
    int (*add)(virTypedParameterPtr *, int *, int *, const char *, const char *) =
        libvirtFunction("virTypedParamsAddString");
    g_autofree char *tooLong = g_strnfill(VIR_TYPED_PARAM_FIELD_LENGTH, 'x');

    if (++fault.params == fault.failParam)
        name = tooLong;

    return add(params, nparams, maxparams, name, value);
}


GThread *
g_thread_try_new(const char *name,
                 GThreadFunc func,
                 void *data,
                 GError **error)
{
    GThread *(*try)(const char *, GThreadFunc, void *, GError **) =
        libvirtFunction("g_thread_try_new");

    return fault.noThreads ? NULL : try(name, func, data, error);
}


/* What a test expects. */

static void
explain(int line,
        const char *what)
{
    fprintf(stderr, "\nline %d: not so: %s\n  the library says: %s\n  libvirt says: %s\n",
            line, what, NULLSTR(virDomainDiskSetGetLastMessage()), virGetLastErrorMessage());
}


#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            explain(__LINE__, #condition); \
            return -1; \
        } \
    } while (0)

/* @actual is a new string. */
#define EXPECT_TEXT(expected, actual) \
    do { \
        g_autofree char *is = (actual); \
        const char *should = (expected); \
        if (STRNEQ_NULLABLE(is, should)) { \
            explain(__LINE__, #actual " as expected"); \
            virTestDifference(stderr, should, NULLSTR(is)); \
            return -1; \
        } \
    } while (0)

/* The library itself refused, and says why. */
#define EXPECT_REFUSED(failed, why) \
    do { \
        EXPECT(failed); \
        EXPECT(virDomainDiskSetGetLastMessage()); \
        EXPECT(strstr(virDomainDiskSetGetLastMessage(), why)); \
        EXPECT(!virGetLastError()); \
    } while (0)

/* Libvirt refused, and its error is still there. */
#define EXPECT_LIBVIRT_REFUSED(failed, errorCode) \
    do { \
        EXPECT(failed); \
        EXPECT(virGetLastError()); \
        EXPECT(virGetLastError()->code == errorCode); \
        EXPECT(STREQ_NULLABLE(virDomainDiskSetGetLastMessage(), virGetLastErrorMessage())); \
    } while (0)


/* Guests. */

#define DISK(target, attributes, children) \
    "<disk type='file' " attributes ">" \
    "  <driver name='qemu' type='raw'/>" \
    "  <source file='ROOT/" target ".img'/>" \
    "  <target dev='" target "'/>" \
    children \
    "</disk>"

#define FLAGS(flags) "<flags>" flags "</flags>"
#define IN "<flags><migrate>true</migrate><snapshot>true</snapshot></flags>"
#define OUT "<flags><migrate>false</migrate><snapshot>false</snapshot></flags>"

#define VHOST_USER_DISK(target) \
    "<disk type='vhostuser' device='disk'>" \
    "  <driver name='qemu' type='raw'/>" \
    "  <source type='unix' path='ROOT/vhost.sock'/>" \
    "  <target dev='" target "' bus='virtio'/>" \
    "</disk>"

/* Everything that cannot be in a set, and three disks that can. */
#define ALL_KINDS \
    DISK("vda", "", "") \
    DISK("vdb", "", "<readonly/>") \
    DISK("hdc", "device='cdrom'", "") \
    DISK("vdd", "", OUT) \
    DISK("fda", "device='floppy'", "") \
    VHOST_USER_DISK("vdf") \
    DISK("vdg", "snapshot='no'", "")


static char *
guestXML(const char *type,
         const char *disks)
{
    g_autofree char *here = virStringReplace(disks, "ROOT", root);

    return g_strdup_printf("<domain type='%s'>"
                           "  <name>guest</name>"
                           "  <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>"
                           "  <memory unit='MiB'>32</memory>"
                           "  <memoryBacking>"
                           "    <source type='memfd'/>"
                           "    <access mode='shared'/>"
                           "  </memoryBacking>"
                           "  <os><type arch='%s'>hvm</type></os>"
                           "  <devices>"
                           "    <memballoon model='none'/>"
                           "    %s"
                           "  </devices>"
                           "</domain>",
                           type, STREQ(type, "test") ? "i686" : "x86_64", here);
}


static void
guestGone(virDomainPtr dom)
{
    if (!dom)
        return;

    if (virDomainIsActive(dom) == 1)
        ignore_value(virDomainDestroy(dom));

    guestPid = 0;

    if (virDomainIsPersistent(dom) == 1)
        ignore_value(virDomainUndefine(dom));

    virDomainFree(dom);
    faultsClear();
}

typedef virDomain guest;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(guest, guestGone);


static guest *
guestOfTestDriver(const char *disks)
{
    g_autofree char *xml = guestXML("test", disks);

    return virDomainDefineXML(testConn, xml);
}


static guest *
guestDefined(const char *disks)
{
    g_autofree char *xml = guestXML("qemu", disks);

    return virDomainDefineXML(qemuConn, xml);
}


/* The definition of the guest that runs becomes another. */
static int
guestRedefine(const char *disks)
{
    virDomainPtr dom = guestDefined(disks);

    if (!dom)
        return -1;

    virDomainFree(dom);
    return 0;
}


static void
guestRemember(void)
{
    g_autofree char *file = g_strdup_printf("%s/run/qemu/guest.pid", root);
    g_autofree char *text = NULL;

    if (g_file_get_contents(file, &text, NULL, NULL))
        ignore_value(virStrToLong_i(g_strstrip(text), NULL, 10, &guestPid));
}


static guest *
guestRunning(const char *disks)
{
    g_autoptr(guest) dom = guestDefined(disks);
    int started = -1;

    g_mutex_lock(&guestStart);
    if (dom && (started = virDomainCreateWithFlags(dom, VIR_DOMAIN_START_PAUSED)) == 0)
        guestRemember();
    g_mutex_unlock(&guestStart);

    return started == 0 ? g_steal_pointer(&dom) : NULL;
}


static guest *
guestTransient(const char *disks)
{
    g_autofree char *xml = guestXML("qemu", disks);
    guest *dom;

    g_mutex_lock(&guestStart);
    if ((dom = virDomainCreateXML(qemuConn, xml, VIR_DOMAIN_START_PAUSED)))
        guestRemember();
    g_mutex_unlock(&guestStart);

    return dom;
}


/* What libvirt itself says of the flag of each disk: "vda=true vdb= ...". */
static char *
stateOf(virDomainPtr dom,
        const char *flag,
        unsigned int impact)
{
    g_autofree char *xml = virDomainGetXMLDesc(dom, impact == CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNodePtr *disks = NULL;
    g_autoptr(GString) state = g_string_new("");
    int ndisks;
    size_t i;

    doc = virXMLParseStringCtxt(xml, "domain", &ctxt);
    ndisks = virXPathNodeSet("./devices/disk", ctxt, &disks);

    for (i = 0; i < ndisks; i++) {
        g_autofree char *expression = g_strdup_printf("string(./flags/%s)", flag);
        g_autofree char *target = NULL;
        g_autofree char *value = NULL;

        ctxt->node = disks[i];
        target = virXPathString("string(./target/@dev)", ctxt);
        value = virXPathString(expression, ctxt);
        g_string_append_printf(state, "%s%s=%s", i > 0 ? " " : "", target, value ? value : "");
    }

    return g_strdup(state->str);
}


/* A definition without any <flags>, with all that is secret. */
static char *
restOf(virDomainPtr dom,
       unsigned int impact)
{
    g_autofree char *rest = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_SECURE |
                                                (impact == CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0));

    while (strstr(rest, "<flags>")) {
        char *less = withoutFlags(rest);

        g_free(rest);
        rest = less;
    }

    return virStringReplace(rest, "      \n", "");
}


/* What the library lists: "vda vdb". */
static char *
listOf(virDomainPtr dom,
       unsigned int flags)
{
    char *targets[16] = { NULL };
    int ntargets = virDomainDiskSetList(dom, targets, G_N_ELEMENTS(targets) - 1, flags);
    char *list = ntargets < 0 ? NULL : g_strjoinv(" ", targets);
    size_t i;

    for (i = 0; i < ntargets; i++)
        g_free(targets[i]);

    return list;
}


/* Arguments. */

static int
testNullDomain(const void *opaque G_GNUC_UNUSED)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    char *array[1];

    EXPECT_REFUSED(virDomainDiskSetAdd(NULL, "vda", 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetRemove(NULL, "vda", 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetAddAll(NULL, 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetRemoveAll(NULL, 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetSize(NULL, 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetList(NULL, array, 1, 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(NULL, &params, &nparams, &maxparams, 0) == -1,
                   "domain must not be NULL");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(NULL, NULL, 0), "domain must not be NULL");

    return 0;
}


static int
testUnknownFlags(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", ""));
    const unsigned int force = VIR_DOMAIN_DEVICE_MODIFY_FORCE;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    char *array[1];

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vda", force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetRemove(dom, "vda", force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetAddAll(dom, force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetRemoveAll(dom, force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetSize(dom, force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetList(dom, array, 1, force) == -1, "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, force) == -1,
                   "unsupported flags (0x4)");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, NULL, force), "unsupported flags (0x4)");
    EXPECT_REFUSED(virDomainDiskSetSize(dom, SNAPSHOT << 1 | CONFIG) == -1, "unsupported flags (0x20000)");
    EXPECT_REFUSED(virDomainDiskSetSize(dom, BACKUP | SNAPSHOT) == -1, "are two sets: name one of them");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, NULL, BACKUP), "are two sets: name one of them");

    return 0;
}


static int
testTwoSets(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    char *array[1];

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetSize(dom, LIVE | CONFIG) == -1, "two sets");
    EXPECT_REFUSED(virDomainDiskSetList(dom, array, 1, LIVE | CONFIG) == -1, "two sets");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, LIVE | CONFIG) == -1,
                   "two sets");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, NULL, LIVE | CONFIG), "two sets");

    return 0;
}


static int
testNoSuchDisk(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", ""));

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, NULL, 0) == -1, "'disk' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetRemove(dom, NULL, 0) == -1, "'disk' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "", 0) == -1, "no disk has the target or the source ''");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdb", 0) == -1, "no disk has the target or the source 'vdb'");
    EXPECT_REFUSED(virDomainDiskSetRemove(dom, "/vda", 0) == -1, "no disk has the target or the source '/vda'");
    EXPECT(fault.updates == 0);

    return 0;
}


static int
testBadArray(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));
    char *array[1] = { NULL };

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetList(dom, NULL, 1, 0) == -1, "'array' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetList(dom, array, -1, 0) == -1, "must not be negative");
    EXPECT(!array[0]);

    return 0;
}


static int
testBadParams(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));
    virTypedParameter listed = { .field = VIR_MIGRATE_PARAM_MIGRATE_DISKS };
    virTypedParameterPtr params = &listed;
    int nparams = 1;
    int maxparams = 1;

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, NULL, &nparams, &maxparams, 0) == -1,
                   "'params' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, NULL, &maxparams, 0) == -1,
                   "'nparams' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, NULL, 0) == -1,
                   "'maxparams' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, SNAPSHOT) == -1,
                   "cannot be used");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, BACKUP) == -1,
                   "cannot be used");
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, 0) == -1,
                   "already have 'migrate_disks'");
    EXPECT(params == &listed && nparams == 1 && maxparams == 1);

    return 0;
}


static int
testBadSnapshotXML(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));

    EXPECT(dom);
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, "", 0), "XML of <domainsnapshot> is malformed");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, "<domainsnapshot>\n<disks>\n", 0),
                   "line 3: ");
    EXPECT_REFUSED(!virDomainDiskSetSnapshotXML(dom, "<domain/>", 0),
                   "root element of the XML is <domain>: it must be <domainsnapshot>");

    return 0;
}


static int
testBadSave(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(DISK("vda", "", OUT));
    const char *xml = "<domainsnapshot/>";

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetSave(NULL, "/file", xml, 0) == -1, "domain must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, NULL, xml, 0) == -1, "'to' must not be NULL");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", NULL, 0) == -1, "call virDomainSaveParams()");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", "<domainsnapshot><memory/></domainsnapshot>", 0) == -1,
                   "has a <memory>");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", xml, 0) == -1, "the snapshot set is empty");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", xml, CONFIG) == -1, "two sets");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", xml, SNAPSHOT << 3) == -1, "unsupported flags (0x80000)");
    EXPECT_REFUSED(virDomainDiskSetSave(dom, "/file", xml, BACKUP) == -1, "are two sets: name one of them");

    return 0;
}


/* Errors. */

static int
testMessageForgotten(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));

    EXPECT(dom);
    EXPECT(virDomainDiskSetSize(NULL, 0) == -1);
    EXPECT(virDomainDiskSetGetLastMessage());
    EXPECT(virDomainDiskSetSize(dom, 0) == 1);
    EXPECT(!virDomainDiskSetGetLastMessage());

    return 0;
}


static void *
messageInThread(void *opaque G_GNUC_UNUSED)
{
    bool none = !virDomainDiskSetGetLastMessage();

    virDomainDiskSetSize(NULL, 0);
    return GINT_TO_POINTER(none);
}


static int
testMessageOfThread(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));

    EXPECT(dom);
    EXPECT(virDomainDiskSetList(dom, NULL, -1, 0) == -1);
    EXPECT(g_thread_join(g_thread_new("message", messageInThread, NULL)));
    EXPECT(strstr(virDomainDiskSetGetLastMessage(), "negative"));

    return 0;
}


static int
testLibvirtErrors(const void *opaque G_GNUC_UNUSED)
{
    virConnectPtr readOnly = virConnectOpenReadOnly("test:///default");
    virDomainPtr seen = virDomainLookupByName(readOnly, "test");
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", ""));
    g_autoptr(guest) gone = guestDefined(DISK("vda", "", ""));

    EXPECT(dom && gone && seen);
    EXPECT(virDomainUndefine(gone) == 0);
    EXPECT(virDomainDiskSetSize(seen, 0) == 0);
    EXPECT(!virGetLastError());
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAddAll(seen, 0) == -1, VIR_ERR_OPERATION_DENIED);
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetSize(gone, 0) == -1, VIR_ERR_NO_DOMAIN);
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAdd(gone, "vda", CONFIG) == -1, VIR_ERR_NO_DOMAIN);
    EXPECT_REFUSED(virDomainDiskSetAdd(NULL, "vda", CONFIG) == -1, "domain must not be NULL");

    fault.reads = 0;
    fault.failRead = 1;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetSize(dom, 0) == -1, VIR_ERR_INVALID_ARG);
    fault.reads = 0;
    EXPECT_LIBVIRT_REFUSED(!virDomainDiskSetSnapshotXML(dom, NULL, 0), VIR_ERR_INVALID_ARG);
    fault.reads = 0;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAdd(dom, "vda", 0) == -1, VIR_ERR_INVALID_ARG);

    virDomainFree(seen);
    virConnectClose(readOnly);
    return 0;
}


static int
testGarbage(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN));

    EXPECT(dom);
    fault.garbleRead = 1;
    EXPECT_REFUSED(virDomainDiskSetSize(dom, 0) == -1, "XML of <domain> is malformed: line 1: ");

    return 0;
}


/* Sets. */

static int
testSet(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vdc", "", FLAGS("<migrate/>"))
                                             DISK("hda", "", OUT)
                                             DISK("hdb", "", FLAGS("<backup/>"))
                                             DISK("hdc", "", IN));

    EXPECT(dom);
    EXPECT(virDomainDiskSetSize(dom, 0) == 2);
    EXPECT_TEXT("vdc hdc", listOf(dom, 0));
    EXPECT(virDomainDiskSetSize(dom, VIR_DOMAIN_DISK_SET_MIGRATE | CONFIG) == 2);
    EXPECT(virDomainDiskSetSize(dom, SNAPSHOT) == 1);
    EXPECT_TEXT("hdc", listOf(dom, SNAPSHOT));
    EXPECT(virDomainDiskSetSize(dom, BACKUP) == 1);
    EXPECT_TEXT("hdb", listOf(dom, BACKUP));

    return 0;
}


static int
testNoDisks(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined("");

    EXPECT(dom);
    EXPECT(virDomainDiskSetSize(dom, 0) == 0);
    EXPECT(virDomainDiskSetAddAll(dom, 0) == 0);
    EXPECT(virDomainDiskSetRemoveAll(dom, 0) == 0);

    return 0;
}


static int
testListRoom(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", IN) DISK("vdb", "", IN));
    char untouched[] = "untouched";
    char *array[3] = { untouched, untouched, untouched };

    EXPECT(dom);
    EXPECT(virDomainDiskSetList(dom, NULL, 0, 0) == 0);
    EXPECT(virDomainDiskSetList(dom, array, 1, 0) == 1);
    EXPECT(array[1] == untouched);
    EXPECT_TEXT("vda", array[0]);
    EXPECT(virDomainDiskSetList(dom, array, 3, 0) == 2);
    EXPECT(array[2] == untouched);
    EXPECT_TEXT("vda", array[0]);
    EXPECT_TEXT("vdb", array[1]);

    return 0;
}


static int
testAdd(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", OUT));

    EXPECT(dom);
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 0);
    EXPECT_TEXT("vda=true vdb=false", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 1);
    EXPECT(fault.updates == 1);
    EXPECT(virDomainDiskSetAdd(dom, "vdb", SNAPSHOT | CONFIG) == 0);
    EXPECT_TEXT("vda=true vdb=false", stateOf(dom, "migrate", CONFIG));
    EXPECT_TEXT("vda= vdb=true", stateOf(dom, "snapshot", CONFIG));
    EXPECT(virDomainDiskSetAdd(dom, "vda", BACKUP | CONFIG) == 0);
    EXPECT_TEXT("vda=true vdb=", stateOf(dom, "backup", CONFIG));
    EXPECT_TEXT("vda=true vdb=false", stateOf(dom, "migrate", CONFIG));
    EXPECT(!virDomainDiskSetGetLastMessage());

    return 0;
}


static int
testRemove(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", IN));

    EXPECT(dom);
    EXPECT(virDomainDiskSetRemove(dom, "vda", 0) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "vdb", 0) == 0);
    EXPECT_TEXT("vda=false vdb=false", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetRemove(dom, "vda", 0) == 1);
    EXPECT(virDomainDiskSetRemove(dom, "vdb", 0) == 1);
    EXPECT(fault.updates == 2);
    EXPECT_TEXT("vda= vdb=true", stateOf(dom, "snapshot", CONFIG));

    return 0;
}


static int
testNames(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "")
                                        "<disk type='network'>"
                                        "  <source protocol='nbd' name='vda'><host name='h'/></source>"
                                        "  <target dev='vdb'/>"
                                        "</disk>"
                                        "<disk type='network'>"
                                        "  <source protocol='nbd' name='export'><host name='h'/></source>"
                                        "  <target dev='vdc'/>"
                                        "</disk>"
                                        "<disk type='block'>"
                                        "  <source dev='/dev/null'/>"
                                        "  <target dev='vdd'/>"
                                        "</disk>"
                                        "<disk type='dir'>"
                                        "  <driver name='qemu' type='fat'/>"
                                        "  <source dir='/dir'/>"
                                        "  <target dev='vde'/>"
                                        "  <readonly/>"
                                        "</disk>");
    g_autofree char *path = g_strdup_printf("%s/vda.img", root);

    EXPECT(dom);
    EXPECT(virDomainDiskSetAdd(dom, path, 0) == 0);
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 1);
    EXPECT(virDomainDiskSetAdd(dom, "export", 0) == 0);
    EXPECT(virDomainDiskSetAdd(dom, "/dev/null", 0) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "/dir", 0) == 0);
    EXPECT_TEXT("vda=true vdb= vdc=true vdd=true vde=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testAmbiguousPath(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined("<disk type='block'>"
                                        "  <source dev='/dev/null'/>"
                                        "  <target dev='vda'/>"
                                        "  <shareable/>"
                                        "</disk>"
                                        "<disk type='block'>"
                                        "  <source dev='/dev/null'/>"
                                        "  <target dev='vdb'/>"
                                        "  <shareable/>"
                                        "</disk>");

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "/dev/null", 0) == -1,
                   "more than one disk has the source '/dev/null': name the disk by its target");
    EXPECT_TEXT("vda= vdb=", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testUnfit(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(ALL_KINDS);

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdb", 0) == -1, "disk 'vdb' has <readonly/>");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "hdc", 0) == -1, "disk 'hdc' has device='cdrom'");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "fda", SNAPSHOT) == -1, "disk 'fda' has device='floppy'");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdf", SNAPSHOT) == -1, "disk 'vdf' has type='vhostuser'");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdg", SNAPSHOT) == -1,
                   "disk 'vdg' has snapshot='no', so that its flag <snapshot> cannot be 'true'");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdb", BACKUP) == -1,
                   "disk 'vdb' has <readonly/>, so that its flag <backup> cannot be 'true'");
    EXPECT(fault.updates == 0);
    EXPECT(virDomainDiskSetAdd(dom, "vdg", 0) == 0);
    EXPECT(virDomainDiskSetAdd(dom, "vdg", BACKUP) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "vdb", 0) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "vdb", SNAPSHOT) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "vdg", SNAPSHOT) == 0);

    return 0;
}


static int
testAddAll(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(ALL_KINDS);

    EXPECT(dom);
    EXPECT(virDomainDiskSetAddAll(dom, 0) == 0);
    EXPECT_TEXT("vda vdd vdg", listOf(dom, 0));
    EXPECT_TEXT("vda=true vdb= vdd=true vdf= vdg=true fda= hdc=", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetAddAll(dom, SNAPSHOT) == 0);
    EXPECT_TEXT("vda=true vdb= vdd=true vdf= vdg= fda= hdc=", stateOf(dom, "snapshot", CONFIG));
    EXPECT(virDomainDiskSetAddAll(dom, SNAPSHOT) == 0);
    EXPECT(fault.updates == 5);

    return 0;
}


static int
testRemoveAll(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(ALL_KINDS);

    EXPECT(dom);
    EXPECT(virDomainDiskSetRemoveAll(dom, 0) == 0);
    EXPECT_TEXT("vda=false vdb= vdd=false vdf= vdg=false fda= hdc=", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetRemoveAll(dom, SNAPSHOT) == 0);
    EXPECT_TEXT("vda=false vdb= vdd=false vdf= vdg= fda= hdc=", stateOf(dom, "snapshot", CONFIG));
    EXPECT(virDomainDiskSetSize(dom, 0) == 0);

    return 0;
}


static int
testRecreateIsOut(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", IN)
                                        DISK("vdb", "", "<flags><migrate>recreate</migrate></flags>"));

    EXPECT(dom);
    EXPECT_TEXT("vda", listOf(dom, 0));
    EXPECT(virDomainDiskSetRemove(dom, "vdb", 0) == 1);
    EXPECT(virDomainDiskSetRemoveAll(dom, 0) == 0);
    EXPECT_TEXT("vda=false vdb=recreate", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetAdd(dom, "vdb", 0) == 0);
    EXPECT_TEXT("vdb", listOf(dom, 0));

    return 0;
}


static int
testContradiction(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", IN)
                                        DISK("vdb", "snapshot='internal'", ""));

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetRemove(dom, "vdb", SNAPSHOT) == -1,
                   "disk 'vdb' has snapshot='internal', so that its flag <snapshot> cannot be 'false'");
    EXPECT_REFUSED(virDomainDiskSetRemoveAll(dom, SNAPSHOT) == -1, "disk 'vdb' has snapshot='internal'");
    EXPECT(fault.updates == 0);
    EXPECT(virDomainDiskSetAdd(dom, "vdb", SNAPSHOT) == 0);
    EXPECT(virDomainDiskSetRemove(dom, "vdb", 0) == 0);

    return 0;
}


static int
testNothingElse(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined("<disk type='network' snapshot='external'>"
                                        "  <driver name='qemu' type='raw' cache='none' discard='unmap'/>"
                                        "  <source protocol='https' name='disk'>"
                                        "    <host name='example.org' port='443'/>"
                                        "    <cookies><cookie name='secret'>cookie&amp;</cookie></cookies>"
                                        "  </source>"
                                        "  <target dev='vda' bus='virtio'/>"
                                        "  <iotune><total_iops_sec>7</total_iops_sec></iotune>"
                                        "  <serial>serial</serial>"
                                        "  <flags><snapshot>true</snapshot></flags>"
                                        "  <alias name='ua-disk'/>"
                                        "</disk>");
    g_autofree char *before = NULL;

    EXPECT(dom);
    before = restOf(dom, CONFIG);
    EXPECT(strstr(before, "cookie&amp;"));
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 0);
    EXPECT_TEXT("vda=true", stateOf(dom, "snapshot", CONFIG));
    EXPECT_TEXT(before, restOf(dom, CONFIG));

    return 0;
}


/* All or none. */

#define THREE_STATES \
    DISK("vda", "", "") \
    DISK("vdb", "", FLAGS("<snapshot>true</snapshot>")) \
    DISK("vdc", "", FLAGS("<migrate>false</migrate>")) \
    DISK("vdd", "", FLAGS("<migrate>false</migrate><snapshot>false</snapshot>"))


static int
testRollback(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(THREE_STATES);
    g_autofree char *before = NULL;
    int failing;

    EXPECT(dom);
    before = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_SECURE);

    for (failing = 1; failing <= 4; failing++) {
        fault.updates = 0;
        fault.failUpdate = failing;
        EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAddAll(dom, 0) == -1, VIR_ERR_CONFIG_UNSUPPORTED);
        EXPECT(fault.updates == 2 * failing - 1);
        EXPECT_TEXT(before, virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_SECURE));
    }

    fault.updates = 0;
    fault.failUpdate = 2;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetRemoveAll(dom, SNAPSHOT) == -1, VIR_ERR_CONFIG_UNSUPPORTED);
    EXPECT(fault.updates == 3);
    EXPECT_TEXT("vda= vdb=true vdc= vdd=false", stateOf(dom, "snapshot", CONFIG));

    return 0;
}


static int
testRollbackFails(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(THREE_STATES);

    EXPECT(dom);
    fault.failUpdatesFrom = 3;
    EXPECT(virDomainDiskSetAddAll(dom, 0) == -1);
    EXPECT(virGetLastError());
    EXPECT(strstr(virGetLastErrorMessage(), "fault3"));
    EXPECT(g_str_has_prefix(virDomainDiskSetGetLastMessage(), virGetLastErrorMessage()));
    EXPECT(strstr(virDomainDiskSetGetLastMessage(), "disk 'vda' could not be put back: "));
    EXPECT(strstr(virDomainDiskSetGetLastMessage(), "disk 'vdb' could not be put back: "));
    EXPECT(!strstr(virDomainDiskSetGetLastMessage(), "disk 'vdc'"));
    EXPECT_TEXT("vda=true vdb=true vdc=false vdd=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testRollbackWithoutThread(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(THREE_STATES);

    EXPECT(dom);
    fault.failUpdate = 3;
    fault.noThreads = true;
    EXPECT(virDomainDiskSetAddAll(dom, 0) == -1);
    EXPECT(strstr(virDomainDiskSetGetLastMessage(), "fault3"));
    EXPECT_TEXT("vda= vdb= vdc=false vdd=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testReadBackFails(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(THREE_STATES);

    EXPECT(dom);
    fault.failRead = 2; /* after that of the plan */
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAdd(dom, "vda", 0) == -1, VIR_ERR_INVALID_ARG);
    EXPECT(fault.updates == 2);
    EXPECT_TEXT("vda= vdb= vdc=false vdd=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testDroppedFlags(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", ""));

    EXPECT(dom);
    fault.dropFlags = true;
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vda", 0) == -1,
                   "flag <migrate> of disk 'vda' was dropped: the libvirt daemon does not know <flags>");
    EXPECT_REFUSED(virDomainDiskSetRemove(dom, "vda", SNAPSHOT) == -1,
                   "flag <snapshot> of disk 'vda' was dropped");
    /* each tries a value that is none, too */
    EXPECT(fault.updates == 4);
    EXPECT_REFUSED(virDomainDiskSetAddAll(dom, 0) == -1, "flag <migrate> of disk 'vda' was dropped");
    EXPECT(fault.updates == 6);
    EXPECT_TEXT("vda= vdb=", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testReads(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) one = guestDefined(DISK("vda", "", ""));

    EXPECT(one);
    fault.reads = 0;
    EXPECT(virDomainDiskSetAddAll(one, 0) == 0);
    EXPECT(fault.updates == 1 && fault.reads == 3);

    {
        g_autoptr(guest) four = guestDefined(DISK("vda", "", "") DISK("vdb", "", "")
                                             DISK("vdc", "", "") DISK("vdd", "", ""));

        EXPECT(four);
        faultsClear();
        fault.clockStep = 1000;
        EXPECT(virDomainDiskSetAdd(four, "vda", 0) == 0);
        EXPECT(virDomainDiskSetAdd(four, "vdb", 0) == 0);
        fault.updates = fault.reads = 0;
        EXPECT(virDomainDiskSetRemoveAll(four, 0) == 0);
        EXPECT(fault.updates == 4 && fault.reads == 3);
        EXPECT_TEXT("vda=false vdb=false vdc=false vdd=false", stateOf(four, "migrate", CONFIG));
    }

    return 0;
}


/* Another program, between the first and the second update. */
static int
changeVdb(virDomainPtr dom,
          const char *children)
{
    g_autofree char *disk = g_strdup_printf(DISK("vdb", "", "%s"), children);
    g_autofree char *xml = virStringReplace(disk, "ROOT", root);

    return virDomainUpdateDeviceFlags(dom, xml, CONFIG);
}


static int
changeSerial(virDomainPtr dom)
{
    return changeVdb(dom, "<serial>changed</serial>");
}


static int
changeFlag(virDomainPtr dom)
{
    return changeVdb(dom, FLAGS("<migrate>false</migrate>"));
}


static int
unplug(virDomainPtr dom)
{
    g_autofree char *xml = virStringReplace(DISK("vda", "", ""), "ROOT", root);

    return virDomainDetachDeviceFlags(dom, xml, CONFIG);
}


static int
testOthersChange(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", ""));
    g_autofree char *xml = NULL;

    EXPECT(dom);
    fault.clockStep = 200 * 1000;
    fault.meanwhile = changeSerial;
    EXPECT(virDomainDiskSetAddAll(dom, 0) == 0);
    EXPECT_TEXT("vda=true vdb=true", stateOf(dom, "migrate", CONFIG));
    EXPECT((xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE)));
    EXPECT(strstr(xml, "<serial>changed</serial>"));

    return 0;
}


static int
testOthersUnplug(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", "") DISK("vdc", "", ""));

    EXPECT(dom);
    fault.meanwhile = unplug;
    EXPECT_REFUSED(virDomainDiskSetAddAll(dom, 0) == -1,
                   "disk 'vda' was taken out of the domain meanwhile");
    EXPECT_TEXT("vdb= vdc=", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testOthersSet(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", ""));

    EXPECT(dom);
    fault.afterUpdate = 2;
    fault.meanwhile = changeFlag;
    EXPECT_REFUSED(virDomainDiskSetAddAll(dom, 0) == -1,
                   "flag <migrate> of disk 'vdb' was set otherwise by another program");
    EXPECT_TEXT("vda= vdb=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


/* As somebody does who had read the disk before its flag was set. */
static int
takeBackVda(virDomainPtr dom)
{
    g_autofree char *xml = virStringReplace(DISK("vda", "", ""), "ROOT", root);

    return virDomainUpdateDeviceFlags(dom, xml, CONFIG);
}


static int
testOthersTakeBack(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", ""));

    EXPECT(dom);
    fault.afterUpdate = 2;
    fault.meanwhile = takeBackVda;
    EXPECT(virDomainDiskSetAddAll(dom, 0) == 0);
    EXPECT_TEXT("vda=true vdb=true", stateOf(dom, "migrate", CONFIG));
    EXPECT(fault.slept == 2 * SETTLE);

    return 0;
}


static int
testOthersTakeBackAtOnce(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", ""));

    EXPECT(dom);
    fault.meanwhile = takeBackVda;
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 0);
    EXPECT_TEXT("vda=true", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testOthersTakeBackForEver(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", ""));

    EXPECT(dom);
    fault.again = true;
    fault.meanwhile = takeBackVda;
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vda", 0) == -1,
                   "the flags of disk 'vda' were taken back by another program 20 times");
    EXPECT_TEXT("vda=", stateOf(dom, "migrate", CONFIG));

    return 0;
}


/* The running domain and its persistent definition. */

static int
testImpact(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(DISK("vda", "", "") DISK("vdb", "", ""));

    EXPECT(dom);
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 0);
    EXPECT_TEXT("vda=true vdb=", stateOf(dom, "migrate", LIVE));
    EXPECT_TEXT("vda= vdb=", stateOf(dom, "migrate", CONFIG));
    EXPECT(virDomainDiskSetAdd(dom, "vdb", CONFIG) == 0);
    EXPECT_TEXT("vda", listOf(dom, LIVE));
    EXPECT_TEXT("vda", listOf(dom, 0));
    EXPECT_TEXT("vdb", listOf(dom, CONFIG));
    EXPECT(virDomainDiskSetAdd(dom, "vda", LIVE | CONFIG) == 0);
    EXPECT(fault.updates == 3);
    EXPECT(virDomainDiskSetAdd(dom, "vda", LIVE | CONFIG) == 1);
    EXPECT(virDomainDiskSetRemoveAll(dom, LIVE | CONFIG | SNAPSHOT) == 0);
    EXPECT_TEXT("vda=false vdb=false", stateOf(dom, "snapshot", LIVE));
    EXPECT_TEXT("vda=false vdb=false", stateOf(dom, "snapshot", CONFIG));
    EXPECT_TEXT("vda=true vdb=", stateOf(dom, "migrate", LIVE));
    EXPECT_TEXT("vda=true vdb=true", stateOf(dom, "migrate", CONFIG));

    return 0;
}


static int
testDefinitionsDiffer(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(DISK("vda", "", IN)
                                        DISK("vdb", "", OUT
                                             "<iotune><total_iops_sec>1000</total_iops_sec></iotune>"
                                             "<serial>old</serial>"
                                             "<boot order='1'/>"
                                             "<alias name='ua-disk'/>"));
    g_autofree char *live = NULL;
    g_autofree char *config = NULL;

    EXPECT(dom);
    EXPECT(guestRedefine(DISK("vda", "", "<shareable/>")
                         DISK("vdb", "", "<serial>new</serial>")) == 0);
    live = restOf(dom, LIVE);
    config = restOf(dom, CONFIG);
    EXPECT(virDomainDiskSetAddAll(dom, LIVE | CONFIG) == 0);
    EXPECT(fault.updates == 3);
    EXPECT_TEXT("vda=true vdb=true", stateOf(dom, "migrate", LIVE));
    EXPECT_TEXT("vda=true vdb=true", stateOf(dom, "migrate", CONFIG));
    EXPECT_TEXT(live, restOf(dom, LIVE));
    EXPECT_TEXT(config, restOf(dom, CONFIG));

    return 0;
}


static int
testRollbackOfBoth(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(THREE_STATES);

    EXPECT(dom);
    fault.failUpdate = 7;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAddAll(dom, LIVE | CONFIG) == -1, VIR_ERR_CONFIG_UNSUPPORTED);
    EXPECT(fault.updates == 13);
    EXPECT_TEXT("vda= vdb= vdc=false vdd=false", stateOf(dom, "migrate", LIVE));
    EXPECT_TEXT("vda= vdb= vdc=false vdd=false", stateOf(dom, "migrate", CONFIG));

    fault.updates = 0;
    fault.failUpdate = 2;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetAdd(dom, "vda", LIVE | CONFIG) == -1, VIR_ERR_CONFIG_UNSUPPORTED);
    EXPECT(fault.updates == 3);
    EXPECT_TEXT("vda= vdb= vdc=false vdd=false", stateOf(dom, "migrate", LIVE));

    return 0;
}


static int
testMissingInOne(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(DISK("vda", "", "") DISK("vdb", "", ""));

    EXPECT(dom);
    EXPECT(guestRedefine(DISK("vda", "", "") DISK("vdb", "", "<readonly/>") DISK("vdc", "", "")) == 0);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdc", LIVE | CONFIG) == -1, "no disk has the target or the source 'vdc'");
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vdb", LIVE | CONFIG) == -1, "disk 'vdb' has <readonly/>");
    EXPECT(fault.updates == 0);

    return 0;
}


static int
testNotRunning(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", ""));

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vda", LIVE) == -1, "domain 'guest' is not running");
    EXPECT_REFUSED(virDomainDiskSetRemoveAll(dom, LIVE | CONFIG) == -1, "domain 'guest' is not running");
    EXPECT_REFUSED(virDomainDiskSetSize(dom, LIVE) == -1, "domain 'guest' is not running");

    return 0;
}


static int
testTransient(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestTransient(DISK("vda", "", ""));

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetAdd(dom, "vda", LIVE | CONFIG) == -1, "domain 'guest' is transient");
    EXPECT_REFUSED(virDomainDiskSetSize(dom, CONFIG) == -1, "domain 'guest' is transient");
    EXPECT(virDomainDiskSetAdd(dom, "vda", 0) == 0);
    EXPECT_TEXT("vda=true", stateOf(dom, "migrate", LIVE));

    return 0;
}


/* Operations on just the set. */

static int
testMigrateParams(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vdc", "", FLAGS("<migrate>true</migrate>"))
                                             DISK("vdb", "", "")
                                             DISK("hda", "", IN));
    g_autofree const char **disks = NULL;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;

    EXPECT(dom);
    EXPECT(virTypedParamsAddString(&params, &nparams, &maxparams, VIR_MIGRATE_PARAM_URI, "tcp:b") == 0);

    fault.params = 0;
    fault.failParam = 2;
    EXPECT_LIBVIRT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, 0) == -1,
                           VIR_ERR_INTERNAL_ERROR);
    EXPECT(nparams == 1);
    EXPECT(STREQ(params[0].value.s, "tcp:b"));

    EXPECT(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, 0) == 2);
    EXPECT(nparams == 3);
    EXPECT(STREQ(params[0].value.s, "tcp:b"));
    EXPECT(virTypedParamsGetStringList(params, nparams, VIR_MIGRATE_PARAM_MIGRATE_DISKS, &disks) == 2);
    EXPECT(STREQ(disks[0], "hda"));
    EXPECT(STREQ(disks[1], "vdc"));

    virTypedParamsFree(params, nparams);
    return 0;
}


static int
testMigrateParamsEmpty(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(DISK("vda", "", "")
                                             DISK("vdb", "", FLAGS("<snapshot>true</snapshot>")));
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;

    EXPECT(dom);
    EXPECT_REFUSED(virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, 0) == -1,
                   "the migrate set of domain 'guest' is empty");
    EXPECT(!params && nparams == 0);

    return 0;
}


#define OF_THE_SET DISK("vda", "", FLAGS("<snapshot>true</snapshot>"))
#define OUTSIDE DISK("vdb", "", "") DISK("vdc", "", OUT)


static int
testSnapshotXML(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(OF_THE_SET OUTSIDE);

    EXPECT(dom);
    EXPECT_TEXT("<domainsnapshot>"
                "<disks><disk name=\"vdb\" snapshot=\"no\"/><disk name=\"vdc\" snapshot=\"no\"/></disks>"
                "</domainsnapshot>",
                virDomainDiskSetSnapshotXML(dom, NULL, 0));
    EXPECT_TEXT("<domainsnapshot><name>s&amp;1</name><memory snapshot=\"no\"/>"
                "<disks><disk name=\"vdb\" snapshot=\"no\"/><disk name=\"vdc\" snapshot=\"no\"/></disks>"
                "</domainsnapshot>",
                virDomainDiskSetSnapshotXML(dom,
                                            "<domainsnapshot><name>s&amp;1</name><memory snapshot='no'/><disks/></domainsnapshot>",
                                            SNAPSHOT | CONFIG));
    EXPECT(virDomainDiskSetSize(dom, 0) == 0);

    return 0;
}


static int
testSnapshotXMLKeeps(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestOfTestDriver(OF_THE_SET OUTSIDE);
    g_autofree char *xml = g_strdup_printf("<domainsnapshot>\n\t"
                                           "<disks><disk name='vda' snapshot='no'/><disk name='%s/vdb.img'/></disks>"
                                           "<disks><disk name='vdc' snapshot='external'/></disks>"
                                           "</domainsnapshot>",
                                           root);
    g_autofree char *same = g_strdelimit(g_strdup(xml), "'", '"');

    EXPECT(dom);
    EXPECT_TEXT(same, virDomainDiskSetSnapshotXML(dom, xml, 0));

    return 0;
}


#ifdef WITH_STORAGE
static bool
isSource(virDomainPtr dom,
         const char *target)
{
    g_autofree char *xml = virDomainGetXMLDesc(dom, 0);
    g_autofree char *image = g_strdup_printf("%s/%s.img", root, target);
    g_autofree char *expression = g_strdup_printf("string(./devices/disk[target/@dev='%s']/source/@file)", target);
    g_autofree char *source = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;

    doc = virXMLParseStringCtxt(xml, "domain", &ctxt);
    source = virXPathString(expression, ctxt);

    return STREQ_NULLABLE(source, image);
}


static int
testSnapshotXMLIsTaken(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestRunning(OF_THE_SET OUTSIDE);
    g_autofree char *xml = virDomainDiskSetSnapshotXML(dom, NULL, 0);
    virDomainSnapshotPtr snapshot;

    EXPECT(dom && xml);
    snapshot = virDomainSnapshotCreateXML(dom, xml,
                                          VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                                          VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);
    EXPECT(snapshot);
    virDomainSnapshotFree(snapshot);
    EXPECT(!isSource(dom, "vda"));
    EXPECT(isSource(dom, "vdb"));
    EXPECT(isSource(dom, "vdc"));

    return 0;
}
#endif


/* Threads. */

#define NTHREADS 4
#define NROUNDS 25

typedef struct {
    virDomainPtr dom;
    const char *disk;
} worker;


static void *
work(void *opaque)
{
    const worker *w = opaque;
    g_autofree char *missing = g_strdup_printf("no-%s", w->disk);
    size_t i;

    for (i = 0; i < NROUNDS; i++) {
        if (virDomainDiskSetAdd(w->dom, w->disk, 0) != 0 ||
            virDomainDiskSetAdd(w->dom, w->disk, 0) != 1 ||
            virDomainDiskSetRemove(w->dom, w->disk, 0) != 0 ||
            virDomainDiskSetRemove(w->dom, missing, 0) != -1 ||
            !strstr(virDomainDiskSetGetLastMessage(), missing))
            return NULL;
    }

    return (void *) w;
}


static int
testThreads(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(guest) dom = guestDefined(DISK("vda", "", "") DISK("vdb", "", "")
                                        DISK("vdc", "", "") DISK("vdd", "", ""));
    worker workers[NTHREADS] = { { dom, "vda" }, { dom, "vdb" }, { dom, "vdc" }, { dom, "vdd" } };
    GThread *threads[NTHREADS];
    int done = 0;
    size_t i;

    EXPECT(dom);

    for (i = 0; i < NTHREADS; i++)
        threads[i] = g_thread_new("worker", work, &workers[i]);

    for (i = 0; i < NTHREADS; i++)
        done += !!g_thread_join(threads[i]);

    EXPECT(done == NTHREADS);
    EXPECT_TEXT("vda=false vdb=false vdc=false vdd=false", stateOf(dom, "migrate", CONFIG));

    return 0;
}


/* The drivers. */

static int eventLoopQuit;


static void
eventLoopWake(int timer,
              void *opaque G_GNUC_UNUSED)
{
    virEventRemoveTimeout(timer);
}


static void *
eventLoop(void *opaque G_GNUC_UNUSED)
{
    while (!g_atomic_int_get(&eventLoopQuit))
        virEventRunDefaultImpl();

    return NULL;
}


/* An interrupted test leaves neither its guest nor its files behind. To execute
 * another program ends all threads, so that none makes new files. */
static void *
waitForInterrupt(void *opaque)
{
    int signum;

    sigwait(opaque, &signum);
    g_mutex_lock(&guestStart);

    if (guestPid > 0)
        kill(guestPid, SIGKILL);

    execl("/bin/sh", "sh", "-c", "rm -rf \"$0\"; exit 1", root, NULL);
    abort();
}


static int
openDrivers(void)
{
    g_autofree char *config = NULL;
    g_autofree char *uri = NULL;
    size_t i;

    uri = g_strdup_printf("qemu:///embed?root=%s", root);

    /* no daemon means no virtlogd either */
    config = g_strdup_printf("%s/etc", root);
    if (g_mkdir(config, 0755) < 0)
        return -1;

    g_free(config);
    config = g_strdup_printf("%s/etc/qemu.conf", root);
    if (!g_file_set_contents(config,
                             "stdio_handler = \"file\"\n"
                             "security_driver = \"none\"\n"
                             "cgroup_controllers = []\n"
                             "namespaces = []\n",
                             -1, NULL))
        return -1;

    for (i = 0; i < 4; i++) {
        g_autofree char *image = g_strdup_printf("%s/vd%c.img", root, (char) ('a' + i));

        if (!g_file_set_contents(image, "", 0, NULL) || truncate(image, 1024 * 1024) < 0)
            return -1;
    }

    if (!(testConn = virConnectOpen("test:///default")) ||
        !(qemuConn = virConnectOpen(uri))) {
        fprintf(stderr, "no connection: %s\n", virGetLastErrorMessage());
        return -1;
    }

    return 0;
}


static void
closeDrivers(void)
{
    if (qemuConn)
        virConnectClose(qemuConn);

    if (testConn)
        virConnectClose(testConn);

    virFileDeleteTree(root);
    g_free(root);
}


static int
runTests(void)
{
    int ret = 0;

#define DO_TEST(title, function) \
    do { \
        faultsClear(); \
        if (virTestRun(title, function, NULL) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("No call takes a NULL domain", testNullDomain);
    DO_TEST("No call takes flags that it does not know", testUnknownFlags);
    DO_TEST("No call that reads takes the live and the config set at once", testTwoSets);
    DO_TEST("A disk that is not there cannot be added or removed", testNoSuchDisk);
    DO_TEST("List takes no NULL array and no negative size", testBadArray);
    DO_TEST("MigrateParams takes no NULL argument, no snapshot set and no second list", testBadParams);
    DO_TEST("SnapshotXML takes nothing but snapshot XML", testBadSnapshotXML);
    DO_TEST("Save takes no NULL argument, no memory and no empty set", testBadSave);

    DO_TEST("A call that succeeds forgets the message", testMessageForgotten);
    DO_TEST("A message belongs to its thread", testMessageOfThread);
    DO_TEST("Libvirt's own errors stay readable", testLibvirtErrors);
    DO_TEST("A malformed domain XML is an error", testGarbage);

    DO_TEST("A disk is in a set when its flag is true", testSet);
    DO_TEST("A domain without disks has empty sets", testNoDisks);
    DO_TEST("List fills no more entries than there is room for", testListRoom);
    DO_TEST("Add sets the flag and tells whether it had to", testAdd);
    DO_TEST("Remove clears the flag and tells whether it had to", testRemove);
    DO_TEST("A disk is named by its target or its source", testNames);
    DO_TEST("A source of two disks names neither", testAmbiguousPath);
    DO_TEST("A disk that cannot have the flag is not added", testUnfit);
    DO_TEST("AddAll takes every disk that can have the flag", testAddAll);
    DO_TEST("RemoveAll takes out every disk that can have the flag", testRemoveAll);
    DO_TEST("a disk that is made anew is out of the set and stays so", testRecreateIsOut);
    DO_TEST("A disk with snapshot='internal' is not removed from the snapshot set", testContradiction);
    DO_TEST("Nothing of a disk changes but its flag", testNothingElse);

    DO_TEST("AddAll and RemoveAll put everything back when one disk fails", testRollback);
    DO_TEST("A disk that cannot be put back is named", testRollbackFails);
    DO_TEST("Without a thread to spare everything is put back all the same", testRollbackWithoutThread);
    DO_TEST("A flag that cannot be read back is put back", testReadBackFails);
    DO_TEST("A definition is not read for each disk", testReads);
    DO_TEST("A daemon that drops flags is noticed at the first disk", testDroppedFlags);
    DO_TEST("What others change of a disk meanwhile is kept", testOthersChange);
    DO_TEST("A disk that others unplug meanwhile is named", testOthersUnplug);
    DO_TEST("A flag that others set meanwhile is named and left alone", testOthersSet);
    DO_TEST("A flag that others take back by an update of the disk is set again", testOthersTakeBack);
    DO_TEST("A flag that is taken back at once is not taken for one that the daemon drops", testOthersTakeBackAtOnce);
    DO_TEST("A flag that others take back each time is given up and named", testOthersTakeBackForEver);

    DO_TEST("The running domain and its definition have a set each", testImpact);
    DO_TEST("Each definition is changed by its own XML", testDefinitionsDiffer);
    DO_TEST("The running domain is put back when its definition fails", testRollbackOfBoth);
    DO_TEST("A disk that one definition lacks or refuses changes neither", testMissingInOne);
    DO_TEST("A domain that does not run has no live set", testNotRunning);
    DO_TEST("A transient domain has no config set", testTransient);

    DO_TEST("MigrateParams adds the migrate set", testMigrateParams);
    DO_TEST("MigrateParams refuses an empty set", testMigrateParamsEmpty);
    DO_TEST("SnapshotXML leaves out what is outside of the set", testSnapshotXML);
    DO_TEST("SnapshotXML keeps what the XML already says", testSnapshotXMLKeeps);
#ifdef WITH_STORAGE
    DO_TEST("A snapshot with the XML of the set takes the set", testSnapshotXMLIsTaken);
#endif

    DO_TEST("Threads change disks of one domain at once", testThreads);

    return ret;
}


static int
mymain(void)
{
    static sigset_t signals;
    GThread *loop;
    int wake;
    int ret = -1;

    if (!(root = g_dir_make_tmp("disksettest-XXXXXX", NULL)))
        return EXIT_FAILURE;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    g_thread_unref(g_thread_new("signals", waitForInterrupt, &signals));

    virEventRegisterDefaultImpl();
    loop = g_thread_new("events", eventLoop, NULL);

    if (openDrivers() == 0)
        ret = runTests();

    closeDrivers();

    g_atomic_int_set(&eventLoopQuit, 1);
    if ((wake = virEventAddTimeout(0, eventLoopWake, NULL, NULL)) >= 0)
        g_thread_join(loop);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
