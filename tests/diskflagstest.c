/*
 * diskflagstest.c: the <flags> element of a domain disk
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"
#include "testutilsdiskflags.h"

#include "backup_conf.h"
#include "checkpoint_conf.h"
#include "domain_conf.h"
#include "domain_disk_flags.h"
#include "domain_disk_selection.h"
#include "virxml.h"

#ifdef WITH_OPENVZ
# include "openvz/openvz_conf.h"
#endif
#ifdef WITH_VMX
# include "vmx/vmx.h"
#endif

#define VIR_FROM_THIS VIR_FROM_NONE

#define DOMAIN_SCHEMA abs_top_srcdir "/src/conf/schemas/domain.rng"

/* an error message is cut at this size, in the middle of a character if need be */
#define ERROR_MESSAGE_MAX 1024

#define DISK(children) \
    "<disk type='file' device='disk'>" \
    "<source file='/disk.img'/><target dev='vda' bus='virtio'/>" \
    children "</disk>"
#define FLAGS(children) "<flags>" children "</flags>"
#define MIGRATE(value) "<migrate>" value "</migrate>"
#define SNAPSHOT(value) "<snapshot>" value "</snapshot>"
#define BACKUP(value) "<backup>" value "</backup>"

static virDomainXMLOption *xmlopt;
static virXMLValidator *schema;


static char *
testDiskFlagsDomainXML(const char *virtType,
                       const char *osType,
                       const char *diskXML)
{
    return g_strdup_printf("<domain type='%s'>"
                           "<name>guest</name>"
                           "<uuid>0f36ba30-1d3a-4a37-8ee7-d6b2c1a3f0b5</uuid>"
                           "<memory>4096</memory>"
                           "<os><type arch='x86_64'>%s</type>%s</os>"
                           "<devices>%s</devices>"
                           "</domain>",
                           virtType, osType,
                           STREQ(osType, "hvm") ? "<boot dev='network'/>" : "",
                           diskXML);
}


static virDomainDef *
testDiskFlagsParse(const char *diskXML,
                   unsigned int parseFlags)
{
    g_autofree char *xml = testDiskFlagsDomainXML("qemu", "hvm", diskXML);

    return virDomainDefParseString(xml, xmlopt, NULL, parseFlags);
}


/* In this document there are entities that a <flags> may refer to. */
static virDomainDef *
testDiskFlagsParseEntities(const char *diskXML)
{
    g_autofree char *domain = testDiskFlagsDomainXML("qemu", "hvm", diskXML);
    g_autofree char *xml = g_strconcat("<!DOCTYPE domain ["
                                       "<!ENTITY value 'false'>"
                                       "<!ENTITY e '<migrate>false</migrate>'>"
                                       "<!ENTITY file SYSTEM 'file:///etc/passwd'>"
                                       "]>", domain, NULL);

    return virDomainDefParseString(xml, xmlopt, NULL, 0);
}


static virDomainDiskDef *
testDiskFlagsDiskNew(virTristateBool migrate,
                     virTristateBool snapshot)
{
    virDomainDiskDef *disk = virDomainDiskDefNew(NULL);

    disk->dst = g_strdup("vda");
    disk->flags.migrate = migrate;
    disk->flags.snapshot = snapshot;

    return disk;
}


/* Returns the <flags> element as the formatter wrote it, without white space;
 * an empty string where there is none. */
static char *
testDiskFlagsExtract(const char *domainXML)
{
    const char *start = strstr(domainXML, "<flags>");
    const char *end = strstr(domainXML, "</flags>");
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    for (; start && start < end + strlen("</flags>"); start++) {
        if (!g_ascii_isspace(*start))
            virBufferAddChar(&buf, *start);
    }

    return g_strdup(NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


static int
testDiskFlagsCheckFormat(virDomainDef *def,
                         unsigned int formatFlags,
                         const char *expect)
{
    g_autofree char *xml = virDomainDefFormat(def, xmlopt, formatFlags);
    g_autofree char *actual = NULL;

    if (!xml)
        return -1;

    actual = testDiskFlagsExtract(xml);
    return virTestCompareToString(expect, actual);
}


/*
 * Which disks are copied, and which are backed up: what must hold whatever the facts are
 */

typedef struct {
    virTristateBool listed;
    virTristateBool flag;
    bool empty;
    bool readonly;
    bool other; /* what else keeps a disk out that has no flag */
} testDiskFacts;

typedef struct {
    virDomainDiskSelectionReason other;
    bool (*decide)(const testDiskFacts *facts, virDomainDiskSelectionReason *reason);
} testDiskOperation;

typedef bool (*testDiskHolds)(const testDiskOperation *operation,
                              const testDiskFacts *facts,
                              bool selected,
                              virDomainDiskSelectionReason reason);

typedef struct {
    testDiskOperation operation;
    testDiskHolds holds;
} testDiskRule;


/* What keeps it out is that the disk is shareable. */
static bool
testDiskSelectMigrate(const testDiskFacts *facts,
                      virDomainDiskSelectionReason *reason)
{
    virDomainDiskMigrateFacts migrate = {
        .listed = facts->listed,
        .flag = facts->flag,
        .empty = facts->empty,
        .readonly = facts->readonly,
        .shareable = facts->other,
    };

    return virDomainDiskSelectMigrate(&migrate, reason);
}


/* What keeps it out is that other disks are listed. */
static bool
testDiskSelectBackup(const testDiskFacts *facts,
                     virDomainDiskSelectionReason *reason)
{
    virDomainDiskBackupFacts backup = {
        .listed = facts->listed,
        .flag = facts->flag,
        .empty = facts->empty,
        .readonly = facts->readonly,
        .others = facts->other,
    };

    return virDomainDiskSelectBackup(&backup, reason);
}


static bool
testDiskListRules(const testDiskOperation *operation G_GNUC_UNUSED,
                  const testDiskFacts *facts,
                  bool selected,
                  virDomainDiskSelectionReason reason)
{
    if (facts->listed == VIR_TRISTATE_BOOL_ABSENT)
        return true;

    return reason == VIR_DOMAIN_DISK_SELECTION_LIST &&
           selected == (facts->listed == VIR_TRISTATE_BOOL_YES);
}


static bool
testDiskFalseKeepsOut(const testDiskOperation *operation G_GNUC_UNUSED,
                      const testDiskFacts *facts,
                      bool selected,
                      virDomainDiskSelectionReason reason)
{
    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT ||
        facts->flag != VIR_TRISTATE_BOOL_NO)
        return true;

    return !selected && reason == VIR_DOMAIN_DISK_SELECTION_FLAG;
}


static bool
testDiskTrueTakes(const testDiskOperation *operation G_GNUC_UNUSED,
                  const testDiskFacts *facts,
                  bool selected,
                  virDomainDiskSelectionReason reason)
{
    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT ||
        facts->flag != VIR_TRISTATE_BOOL_YES)
        return true;

    if (facts->empty || facts->readonly)
        return !selected && reason != VIR_DOMAIN_DISK_SELECTION_FLAG;

    return selected && reason == VIR_DOMAIN_DISK_SELECTION_FLAG;
}


static bool
testDiskUnsetIsDefault(const testDiskOperation *operation G_GNUC_UNUSED,
                       const testDiskFacts *facts,
                       bool selected,
                       virDomainDiskSelectionReason reason)
{
    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT ||
        facts->flag != VIR_TRISTATE_BOOL_ABSENT)
        return true;

    return reason != VIR_DOMAIN_DISK_SELECTION_FLAG &&
           selected == !(facts->empty || facts->readonly || facts->other);
}


static bool
testDiskReasonIsAFact(const testDiskOperation *operation,
                      const testDiskFacts *facts,
                      bool selected,
                      virDomainDiskSelectionReason reason)
{
    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT)
        return reason == VIR_DOMAIN_DISK_SELECTION_LIST;

    if (reason == operation->other)
        return !selected && facts->other;

    switch (reason) {
    case VIR_DOMAIN_DISK_SELECTION_DEFAULT:
        return selected && facts->flag == VIR_TRISTATE_BOOL_ABSENT;

    case VIR_DOMAIN_DISK_SELECTION_FLAG:
        return selected == (facts->flag == VIR_TRISTATE_BOOL_YES) &&
               facts->flag != VIR_TRISTATE_BOOL_ABSENT;

    case VIR_DOMAIN_DISK_SELECTION_EMPTY:
        return !selected && facts->empty;

    case VIR_DOMAIN_DISK_SELECTION_READONLY:
        return !selected && facts->readonly;

    case VIR_DOMAIN_DISK_SELECTION_LIST:
    case VIR_DOMAIN_DISK_SELECTION_SHAREABLE:
    case VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE:
    case VIR_DOMAIN_DISK_SELECTION_LAST:
        break;
    }

    return false;
}


static bool
testDiskReasonIsOptional(const testDiskOperation *operation,
                         const testDiskFacts *facts,
                         bool selected,
                         virDomainDiskSelectionReason reason G_GNUC_UNUSED)
{
    return operation->decide(facts, NULL) == selected;
}


/* What the XML of a backup does not mention, it decides by the disk. */
static bool
testDiskBackupDiskIsEnough(const testDiskOperation *operation G_GNUC_UNUSED,
                           const testDiskFacts *facts,
                           bool selected,
                           virDomainDiskSelectionReason reason G_GNUC_UNUSED)
{
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefNew(NULL);

    if (facts->listed != VIR_TRISTATE_BOOL_ABSENT)
        return true;

    disk->flags.backup = facts->flag;
    disk->src->readonly = facts->readonly;
    disk->src->type = VIR_STORAGE_TYPE_FILE;
    if (!facts->empty)
        disk->src->path = g_strdup("/disk.img");

    return virDomainDiskIsBackedUp(disk, facts->other) == selected;
}


static int
testDiskSelect(const void *opaque)
{
    const testDiskRule *rule = opaque;
    const size_t ncombinations = VIR_TRISTATE_BOOL_LAST * VIR_TRISTATE_BOOL_LAST * 2 * 2 * 2;
    size_t i;

    for (i = 0; i < ncombinations; i++) {
        testDiskFacts facts = {
            .empty = i & 1,
            .readonly = i & 2,
            .other = i & 4,
            .flag = i / 8 % VIR_TRISTATE_BOOL_LAST,
            .listed = i / 8 / VIR_TRISTATE_BOOL_LAST,
        };
        virDomainDiskSelectionReason reason = VIR_DOMAIN_DISK_SELECTION_LAST;
        bool selected = rule->operation.decide(&facts, &reason);

        if (!rule->holds(&rule->operation, &facts, selected, reason)) {
            VIR_TEST_VERBOSE("listed=%s flag=%s empty=%d readonly=%d other=%d: selected=%d reason=%s",
                             NULLSTR(virTristateBoolTypeToString(facts.listed)),
                             NULLSTR(virTristateBoolTypeToString(facts.flag)),
                             facts.empty, facts.readonly, facts.other, selected,
                             NULLSTR(virDomainDiskSelectionReasonTypeToString(reason)));
            return -1;
        }
    }

    return 0;
}


/*
 * What the parser makes of a document, and what the schema says to it
 */

struct testDiskFlagsDocument {
    const char *xml; /* of the disk */
    const char *formatted; /* how it is written back; NULL: refused */
    const char *errors[4]; /* what the error tells besides the disk */
    bool strict; /* refused by the schema though accepted by the parser */
};


static int
testDiskFlagsDocumentParse(const void *opaque)
{
    const struct testDiskFlagsDocument *doc = opaque;
    g_autoptr(virDomainDef) def = testDiskFlagsParse(doc->xml, 0);

    if (doc->formatted) {
        if (!def)
            return -1;

        return testDiskFlagsCheckFormat(def, 0, doc->formatted);
    }

    if (def) {
        VIR_TEST_VERBOSE("not refused: %s", doc->xml);
        return -1;
    }

    if (!strstr(virGetLastErrorMessage(), "'vda'")) {
        VIR_TEST_VERBOSE("disk is not named: %s", virGetLastErrorMessage());
        return -1;
    }

    return testDiskFlagsCheckError(VIR_ERR_XML_ERROR, doc->errors);
}


static int
testDiskFlagsDocumentValidate(const void *opaque)
{
    const struct testDiskFlagsDocument *doc = opaque;
    g_autofree char *xml = testDiskFlagsDomainXML("qemu", "hvm", doc->xml);
    g_autoptr(xmlDoc) parsed = virXMLParseStringCtxt(xml, "domain", NULL);
    bool accept = doc->formatted && !doc->strict;

    if (!parsed)
        return -1;

    if ((virXMLValidatorValidate(schema, parsed) == 0) != accept) {
        VIR_TEST_VERBOSE("schema was expected to %s: %s",
                         accept ? "accept" : "refuse", doc->xml);
        return -1;
    }

    virResetLastError();
    return 0;
}


/* An error message that is long does not get to everyone whole. */
static int
testDiskFlagsCheckShort(void)
{
    const char *message = virGetLastErrorMessage();

    if (strlen(message) < ERROR_MESSAGE_MAX - 1 &&
        g_utf8_validate(message, -1, NULL))
        return 0;

    VIR_TEST_VERBOSE("%zu characters or not UTF-8: %.1000s", strlen(message), message);
    return -1;
}


struct testDiskFlagsHugeValue {
    const char *piece;
    size_t repeat;
    const char *shown; /* in the message, once unescaped */
};


static int
testDiskFlagsHuge(const void *opaque)
{
    const struct testDiskFlagsHugeValue *huge = opaque;
    const char *const parts[] = { "'vda'", "<migrate>", huge->shown, "'true', 'false'", NULL };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *xml = NULL;
    g_autoptr(virDomainDef) def = NULL;
    size_t i;

    for (i = 0; i < huge->repeat; i++)
        virBufferAdd(&buf, huge->piece, -1);

    xml = g_strdup_printf(DISK(FLAGS(MIGRATE("%s"))), virBufferCurrentContent(&buf));

    if ((def = testDiskFlagsParse(xml, 0)))
        return -1;

    if (testDiskFlagsCheckShort() < 0)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_XML_ERROR, parts);
}


/* Each of our messages names the disk, whose name may be megabytes long, too. */
static int
testDiskFlagsHugeTarget(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "disk 'vdaxxx", NULL };
    const char *const documents[] = {
        FLAGS(MIGRATE("maybe")),
        FLAGS("<migrate/><migrate/>"),
        FLAGS("&e;"),
        FLAGS(MIGRATE("&e;")),
    };
    g_autofree char *tail = g_strnfill(4 * 1024 * 1024, 'x');
    g_autofree char *target = g_strconcat("vda", tail, NULL);
    g_autoptr(virDomainDef) def = virDomainDefNew(xmlopt);
    g_autoptr(virDomainXMLOption) refusing = NULL;
    virDomainDefParserConfig stockConfig = { 0 };
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK };
    virDomainDiskDef *disk;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autofree char *diskXML = g_strdup_printf("<disk><target dev='%s'/>%s</disk>",
                                                   target, documents[i]);
        g_autoptr(virDomainDef) parsed = testDiskFlagsParseEntities(diskXML);

        if (parsed ||
            testDiskFlagsCheckShort() < 0 ||
            testDiskFlagsCheckError(VIR_ERR_XML_ERROR, parts) < 0)
            return -1;
    }

    disk = testDiskFlagsDiskNew(0, VIR_TRISTATE_BOOL_YES);
    virDomainDiskInsert(def, disk);
    g_free(disk->dst);
    disk->dst = g_steal_pointer(&target);
    disk->snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;

    if (virDomainDiskFlagsValidate(def, disk) == 0 ||
        testDiskFlagsCheckShort() < 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)
        return -1;

    disk->src->readonly = true;

    if (virDomainDiskFlagsValidate(def, disk) == 0 ||
        testDiskFlagsCheckShort() < 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)
        return -1;

    refusing = virDomainXMLOptionNew(&stockConfig, NULL, NULL, NULL, NULL, NULL);
    dev.data.disk = disk;

    if (virDomainDiskFlagsCheckSupport(&dev, def, refusing) == 0 ||
        testDiskFlagsCheckShort() < 0)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts);
}


/*
 * Entities, which libvirt's XML parser leaves unreplaced
 */

struct testDiskFlagsEntity {
    const char *xml; /* of the disk */
    const char *errors[3]; /* what the error tells besides the disk */
};


static int
testDiskFlagsEntity(const void *opaque)
{
    const struct testDiskFlagsEntity *entity = opaque;
    g_autoptr(virDomainDef) def = testDiskFlagsParseEntities(entity->xml);

    if (def) {
        VIR_TEST_VERBOSE("not refused: %s", entity->xml);
        return -1;
    }

    return testDiskFlagsCheckError(VIR_ERR_XML_ERROR, entity->errors);
}


/*
 * Which disks may carry which flag
 */

struct testDiskFlagsFit {
    const char *xml; /* of the disk; %s: its <flags> */
    const char *target;
    const char *kind; /* how an error calls it */
};

static const struct testDiskFlagsFit unfitDisks[] = {
    { "<disk type='file' device='disk'><source file='/disk.img'/>"
      "<target dev='vda' bus='virtio'/><readonly/>%s</disk>", "'vda'", "'read-only'" },
    { "<disk type='file' device='cdrom'><source file='/cd.iso'/>"
      "<target dev='sda' bus='sata'/>%s</disk>", "'sda'", "'cdrom'" },
    { "<disk type='file' device='cdrom'>"
      "<target dev='sda' bus='sata'/>%s</disk>", "'sda'", "'cdrom'" },
    { "<disk type='file' device='floppy'><source file='/floppy.img'/>"
      "<target dev='fda' bus='fdc'/>%s</disk>", "'fda'", "'floppy'" },
    { "<disk type='vhostuser' device='disk'><source type='unix' path='/disk.sock'/>"
      "<target dev='vda' bus='virtio'/>%s</disk>", "'vda'", "'vhost-user'" },
};


static int
testDiskFlagsUnfitRefused(const void *opaque)
{
    const char *flag = opaque;
    g_autofree char *element = g_strdup_printf("<%s>", flag);
    g_autofree char *flags = g_strdup_printf(FLAGS("<%s/>"), flag);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(unfitDisks); i++) {
        const char *const parts[] = { unfitDisks[i].target, element, unfitDisks[i].kind,
                                      "set it to 'false' or remove it", NULL };
        g_autofree char *xml = virStringReplace(unfitDisks[i].xml, "%s", flags);
        g_autoptr(virDomainDef) def = testDiskFlagsParse(xml, 0);

        if (def || testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0) {
            VIR_TEST_VERBOSE("failed with %s", xml);
            return -1;
        }
    }

    return 0;
}


static int
testDiskFlagsUnfitFalse(const void *opaque G_GNUC_UNUSED)
{
    const char *flags = FLAGS(MIGRATE("false") SNAPSHOT("false") BACKUP("false"));
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(unfitDisks); i++) {
        g_autofree char *xml = virStringReplace(unfitDisks[i].xml, "%s", flags);
        g_autoptr(virDomainDef) def = testDiskFlagsParse(xml, 0);

        if (!def || testDiskFlagsCheckFormat(def, 0, flags) < 0) {
            VIR_TEST_VERBOSE("failed with %s", xml);
            return -1;
        }
    }

    return 0;
}


static int
testDiskFlagsSnapshotAttribute(const void *opaque G_GNUC_UNUSED)
{
    const struct {
        const char *attribute;
        const char *flag;
        bool refused;
    } pairs[] = {
        { "no", "true", true },
        { "no", "false", false },
        { "internal", "true", false },
        { "internal", "false", true },
        { "external", "true", false },
        { "external", "false", true },
        { "manual", "true", false },
        { "manual", "false", true },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *attribute = g_strdup_printf("snapshot='%s'", pairs[i].attribute);
        g_autofree char *xml = g_strdup_printf("<disk type='file' device='disk' %s>"
                                               "<source file='/disk.img'/>"
                                               "<target dev='vda' bus='virtio'/>"
                                               FLAGS(SNAPSHOT("%s")) "</disk>",
                                               attribute, pairs[i].flag);
        const char *const parts[] = { "'vda'", "<snapshot>", attribute,
                                      "change or remove one of them", NULL };
        g_autoptr(virDomainDef) def = testDiskFlagsParse(xml, 0);

        if (!def != pairs[i].refused ||
            (!def && testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)) {
            VIR_TEST_VERBOSE("failed with %s: %s", xml, virGetLastErrorMessage());
            return -1;
        }
    }

    return 0;
}


static int
testDiskFlagsUpdateReadonly(const void *opaque G_GNUC_UNUSED)
{
    const char *const partsMigrate[] = { "'vda'", "<migrate>", "'read-only'", NULL };
    const char *const partsSnapshot[] = { "'vda'", "<snapshot>", "'read-only'", NULL };
    const char *const partsBackup[] = { "'vda'", "<backup>", "'read-only'", NULL };
    g_autoptr(virDomainDiskDef) orig = testDiskFlagsDiskNew(0, 0);
    g_autoptr(virDomainDiskDef) migrate = testDiskFlagsDiskNew(VIR_TRISTATE_BOOL_YES, 0);
    g_autoptr(virDomainDiskDef) snapshot = testDiskFlagsDiskNew(0, VIR_TRISTATE_BOOL_YES);
    g_autoptr(virDomainDiskDef) backup = testDiskFlagsDiskNew(0, 0);
    g_autoptr(virDomainDiskDef) neither = testDiskFlagsDiskNew(VIR_TRISTATE_BOOL_NO,
                                                               VIR_TRISTATE_BOOL_NO);

    backup->flags.backup = VIR_TRISTATE_BOOL_YES;

    if (virDomainDiskFlagsValidateUpdate(migrate, orig) < 0 ||
        virDomainDiskFlagsValidateUpdate(snapshot, orig) < 0 ||
        virDomainDiskFlagsValidateUpdate(backup, orig) < 0)
        return -1;

    orig->src->readonly = true;

    if (virDomainDiskFlagsValidateUpdate(migrate, orig) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, partsMigrate) < 0 ||
        virDomainDiskFlagsValidateUpdate(snapshot, orig) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, partsSnapshot) < 0 ||
        virDomainDiskFlagsValidateUpdate(backup, orig) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, partsBackup) < 0)
        return -1;

    return virDomainDiskFlagsValidateUpdate(neither, orig);
}


#define RECREATED(attributes, target, children) \
    "<disk " attributes ">" target children FLAGS(MIGRATE("recreate")) "</disk>"
#define FILE_DISK "type='file' device='disk'"
#define FILE_SOURCE "<source file='/disk.img'/>"
#define VIRTIO "<target dev='vda' bus='virtio'/>"

struct testDiskFlagsRecreate {
    const char *xml; /* of the disk */
    const char *obstacle; /* what the error calls what is in the way; NULL: nothing is */
};


static int
testDiskFlagsRecreate(const void *opaque)
{
    const struct testDiskFlagsRecreate *recreate = opaque;
    const char *const parts[] = { "<migrate>", "'recreate'", recreate->obstacle,
                                  "set the flag to 'true' or 'false'", NULL };
    g_autoptr(virDomainDef) def = testDiskFlagsParse(recreate->xml, 0);

    if (!recreate->obstacle)
        return def && def->disks[0]->flags.recreate ? 0 : -1;

    if (def) {
        VIR_TEST_VERBOSE("not refused: %s", recreate->xml);
        return -1;
    }

    return testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts);
}


/* Firmware starts the first disk, unless the kernel is given or disks have an order. */
static int
testDiskFlagsRecreateBoot(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "'vda'", "<boot dev='hd'/>", "put another disk first", NULL };
    const char *const partsOrder[] = { "'vda'", "<boot order='...'/>", NULL };
    g_autoptr(virDomainDef) def = virDomainDefNew(xmlopt);
    virDomainDiskDef *first = testDiskFlagsDiskNew(VIR_TRISTATE_BOOL_NO, 0);
    virDomainDiskDef *second = testDiskFlagsDiskNew(VIR_TRISTATE_BOOL_NO, 0);

    first->bus = second->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
    first->src->type = second->src->type = VIR_STORAGE_TYPE_FILE;
    first->flags.recreate = second->flags.recreate = true;
    g_free(second->dst);
    second->dst = g_strdup("vdb");
    virDomainDiskInsert(def, first);
    virDomainDiskInsert(def, second);

    def->os.nBootDevs = 1;
    def->os.bootDevs[0] = VIR_DOMAIN_BOOT_NET;

    if (virDomainDiskFlagsValidate(def, first) < 0)
        return -1;

    def->os.bootDevs[0] = VIR_DOMAIN_BOOT_DISK;

    if (virDomainDiskFlagsValidate(def, second) < 0 ||
        virDomainDiskFlagsValidate(def, first) == 0 ||
        testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)
        return -1;

    def->os.kernel = g_strdup("/vmlinuz");

    if (virDomainDiskFlagsValidate(def, first) < 0)
        return -1;

    first->info.bootIndex = 1;

    if (virDomainDiskFlagsValidate(def, first) == 0)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, partsOrder);
}


/* An update leaves out what it does not change. */
static int
testDiskFlagsUpdateRecreate(const void *opaque G_GNUC_UNUSED)
{
    const char *const parts[] = { "'vda'", "'recreate'", "<boot order='...'/>", NULL };
    g_autoptr(virDomainDiskDef) orig = testDiskFlagsDiskNew(0, 0);
    g_autoptr(virDomainDiskDef) update = testDiskFlagsDiskNew(VIR_TRISTATE_BOOL_NO, 0);

    orig->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
    orig->src->type = VIR_STORAGE_TYPE_FILE;
    update->flags.recreate = true;

    if (virDomainDiskFlagsValidateUpdate(update, orig) < 0)
        return -1;

    orig->info.bootIndex = 2;

    if (virDomainDiskFlagsValidateUpdate(update, orig) == 0)
        return -1;

    return testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts);
}


/*
 * Where the flags of a disk go: all nine combinations of two of them, and the rest
 */

#define FLAG_COMBINATIONS (VIR_TRISTATE_BOOL_LAST * VIR_TRISTATE_BOOL_LAST + 4)

static const char *const flagCombinations[FLAG_COMBINATIONS] = {
    "",
    FLAGS(MIGRATE("true")),
    FLAGS(MIGRATE("false")),
    FLAGS(SNAPSHOT("true")),
    FLAGS(MIGRATE("true") SNAPSHOT("true")),
    FLAGS(MIGRATE("false") SNAPSHOT("true")),
    FLAGS(SNAPSHOT("false")),
    FLAGS(MIGRATE("true") SNAPSHOT("false")),
    FLAGS(MIGRATE("false") SNAPSHOT("false")),
    FLAGS(BACKUP("true")),
    FLAGS(BACKUP("false")),
    FLAGS(MIGRATE("false") SNAPSHOT("true") BACKUP("false")),
    FLAGS(MIGRATE("recreate") SNAPSHOT("false")),
};


static virDomainDef *
testDiskFlagsParseCombination(size_t i,
                              unsigned int parseFlags)
{
    g_autofree char *xml = g_strdup_printf(DISK("%s"), flagCombinations[i]);

    return testDiskFlagsParse(xml, parseFlags);
}


static int
testDiskFlagsFormats(const void *opaque G_GNUC_UNUSED)
{
    const unsigned int parses[] = {
        0, VIR_DOMAIN_DEF_PARSE_INACTIVE,
    };
    const unsigned int formats[] = {
        0, VIR_DOMAIN_DEF_FORMAT_SECURE, VIR_DOMAIN_DEF_FORMAT_INACTIVE,
        VIR_DOMAIN_DEF_FORMAT_MIGRATABLE,
    };
    size_t i;
    size_t j;
    size_t k;

    for (i = 0; i < FLAG_COMBINATIONS; i++) {
        for (j = 0; j < G_N_ELEMENTS(parses); j++) {
            g_autoptr(virDomainDef) def = testDiskFlagsParseCombination(i, parses[j]);

            if (!def)
                return -1;

            for (k = 0; k < G_N_ELEMENTS(formats); k++) {
                if (testDiskFlagsCheckFormat(def, formats[k], flagCombinations[i]) < 0)
                    return -1;
            }
        }
    }

    return 0;
}


static int
testDiskFlagsCopies(const void *opaque G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < FLAG_COMBINATIONS; i++) {
        g_autoptr(virDomainDef) def = testDiskFlagsParseCombination(i, 0);
        g_autoptr(virDomainDef) copy = NULL;
        g_autoptr(virDomainDef) migratable = NULL;

        if (!def ||
            !(copy = virDomainDefCopy(def, xmlopt, NULL, false)) ||
            !(migratable = virDomainDefCopy(def, xmlopt, NULL, true)))
            return -1;

        if (testDiskFlagsCheckFormat(copy, 0, flagCombinations[i]) < 0 ||
            testDiskFlagsCheckFormat(migratable, 0, flagCombinations[i]) < 0)
            return -1;
    }

    return 0;
}


static int
testDiskFlagsABI(const void *opaque G_GNUC_UNUSED)
{
    size_t i;
    size_t j;

    for (i = 0; i < FLAG_COMBINATIONS; i++) {
        for (j = 0; j < FLAG_COMBINATIONS; j++) {
            g_autoptr(virDomainDef) src = testDiskFlagsParseCombination(i, 0);
            g_autoptr(virDomainDef) dst = testDiskFlagsParseCombination(j, 0);

            if (!src || !dst || !virDomainDefCheckABIStability(src, dst, xmlopt))
                return -1;

            /* the check does look at these disks */
            dst->disks[0]->serial = g_strdup("other");
            if (virDomainDefCheckABIStability(src, dst, xmlopt))
                return -1;
            virResetLastError();
        }
    }

    return 0;
}


/*
 * What a backup and a checkpoint take
 */

#define NAMED_DISK(target, children) \
    "<disk type='file' device='disk'>" \
    "<source file='/" target ".img'/><target dev='" target "' bus='virtio'/>" \
    children "</disk>"

struct testDiskFlagsBackup {
    const char *disks; /* that the XML mentions; @: its attribute that says whether */
    const char *taken; /* their targets */
};


static virDomainDef *
testDiskFlagsBackupDomain(void)
{
    return testDiskFlagsParse(NAMED_DISK("vda", "")
                              NAMED_DISK("vdb", FLAGS(BACKUP("false")))
                              NAMED_DISK("vdc", FLAGS(BACKUP("true")))
                              NAMED_DISK("vdd", "<readonly/>"), 0);
}


static int
testDiskFlagsBackupAlign(const void *opaque)
{
    const struct testDiskFlagsBackup *test = opaque;
    g_autofree char *disks = virStringReplace(test->disks, "@", "backup");
    g_autofree char *xml = g_strdup_printf("<domainbackup>%s</domainbackup>", disks);
    g_autoptr(virDomainDef) def = testDiskFlagsBackupDomain();
    g_autoptr(virDomainBackupDef) backup = virDomainBackupDefParseString(xml, xmlopt, 0);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    if (!def || !backup || virDomainBackupAlignDisks(backup, def, "s") < 0)
        return -1;

    for (i = 0; i < def->ndisks; i++) {
        size_t j;

        for (j = 0; j < backup->ndisks; j++) {
            if (STREQ(backup->disks[j].name, def->disks[i]->dst) &&
                backup->disks[j].backup == VIR_TRISTATE_BOOL_YES)
                virBufferAsprintf(&buf, "%s ", def->disks[i]->dst);
        }
    }

    virBufferTrim(&buf, " ");
    return virTestCompareToString(test->taken, NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


static int
testDiskFlagsCheckpointAlign(const void *opaque)
{
    const struct testDiskFlagsBackup *test = opaque;
    g_autofree char *disks = virStringReplace(test->disks, "@", "checkpoint");
    g_autofree char *xml = g_strdup_printf("<domaincheckpoint><name>c</name>%s</domaincheckpoint>",
                                           disks);
    g_autoptr(virDomainCheckpointDef) checkpoint = NULL;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    if (!(checkpoint = virDomainCheckpointDefParseString(xml, xmlopt, NULL, 0)) ||
        !(checkpoint->parent.dom = testDiskFlagsBackupDomain()) ||
        virDomainCheckpointAlignDisks(checkpoint) < 0)
        return -1;

    for (i = 0; i < checkpoint->ndisks; i++) {
        if (checkpoint->disks[i].type == VIR_DOMAIN_CHECKPOINT_TYPE_BITMAP)
            virBufferAsprintf(&buf, "%s ", checkpoint->disks[i].name);
    }

    virBufferTrim(&buf, " ");
    return virTestCompareToString(test->taken, NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


/*
 * Drivers that do not obey flags
 */

struct testDiskFlagsDriver {
    virDomainXMLOption *xmlopt;
    const char *virtType;
    const char *osType;
};


static int
testDiskFlagsUnsupported(const void *opaque)
{
    const struct testDiskFlagsDriver *driver = opaque;
    g_autofree char *virtType = g_strdup_printf("'%s'", driver->virtType);
    g_autofree char *plainXML = testDiskFlagsDomainXML(driver->virtType, driver->osType, "");
    const char *const parts[] = { "'sda'", virtType, "remove the element", NULL };
    g_autoptr(virDomainDef) plain = NULL;
    size_t i;

    if (!(plain = virDomainDefParseString(plainXML, driver->xmlopt, NULL, 0)))
        return -1;

    for (i = 0; i < FLAG_COMBINATIONS; i++) {
        g_autofree char *diskXML = g_strdup_printf("<disk type='file' device='disk'>"
                                                   "<source file='[store] disk.vmdk'/>"
                                                   "<target dev='sda' bus='scsi'/>"
                                                   "%s</disk>",
                                                   flagCombinations[i]);
        g_autofree char *xml = testDiskFlagsDomainXML(driver->virtType, driver->osType, diskXML);
        bool refuse = STRNEQ(flagCombinations[i], "");
        g_autoptr(virDomainDef) def = NULL;
        g_autoptr(virDomainDeviceDef) dev = NULL;

        def = virDomainDefParseString(xml, driver->xmlopt, NULL, 0);

        if (!def != refuse ||
            (!def && testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)) {
            VIR_TEST_VERBOSE("define of %s: %s", diskXML, virGetLastErrorMessage());
            return -1;
        }

        dev = virDomainDeviceDefParse(diskXML, plain, driver->xmlopt, NULL, 0);

        if (!dev != refuse ||
            (!dev && testDiskFlagsCheckError(VIR_ERR_CONFIG_UNSUPPORTED, parts) < 0)) {
            VIR_TEST_VERBOSE("attach of %s: %s", diskXML, virGetLastErrorMessage());
            return -1;
        }
    }

    return 0;
}


#ifdef WITH_QEMU

/* Flagging the disks of this domain must not show in QEMU's command line, which
 * qemuxml2argvtest compares to these files. */
static int
testDiskFlagsArgv(const void *opaque G_GNUC_UNUSED)
{
    const char *flaggedXML = abs_srcdir "/qemuxmlconfdata/disk-flags.xml";
    const char *plainXML = abs_srcdir "/qemuxmlconfdata/disk-flags-unset.xml";
    const char *flaggedArgs = abs_srcdir "/qemuxmlconfdata/disk-flags.x86_64-latest.args";
    const char *plainArgs = abs_srcdir "/qemuxmlconfdata/disk-flags-unset.x86_64-latest.args";
    g_autoptr(virDomainDef) flagged = NULL;
    g_autoptr(virDomainDef) plain = NULL;
    g_autofree char *flaggedFormatted = NULL;
    g_autofree char *plainFormatted = NULL;
    g_autofree char *flaggedContent = NULL;
    g_autofree char *plainContent = NULL;
    size_t nflagged = 0;
    size_t i;

    if (!(flagged = virDomainDefParseFile(flaggedXML, xmlopt, NULL, 0)) ||
        !(plain = virDomainDefParseFile(plainXML, xmlopt, NULL, 0)))
        return -1;

    for (i = 0; i < flagged->ndisks; i++) {
        if (flagged->disks[i]->flags.migrate != VIR_TRISTATE_BOOL_ABSENT ||
            flagged->disks[i]->flags.snapshot != VIR_TRISTATE_BOOL_ABSENT ||
            flagged->disks[i]->flags.backup != VIR_TRISTATE_BOOL_ABSENT)
            nflagged++;

        flagged->disks[i]->flags = (virDomainDiskFlags) { 0 };
    }

    if (nflagged == 0) {
        VIR_TEST_VERBOSE("no disk has flags in %s", flaggedXML);
        return -1;
    }

    if (!(flaggedFormatted = virDomainDefFormat(flagged, xmlopt, 0)) ||
        !(plainFormatted = virDomainDefFormat(plain, xmlopt, 0)) ||
        virTestCompareToString(plainFormatted, flaggedFormatted) < 0)
        return -1;

    if (virTestLoadFile(flaggedArgs, &flaggedContent) < 0 ||
        virTestLoadFile(plainArgs, &plainContent) < 0)
        return -1;

    return virTestCompareToString(plainContent, flaggedContent);
}

#endif /* WITH_QEMU */


static int
mymain(void)
{
    virDomainDefParserConfig stockConfig = {
        .features = VIR_DOMAIN_DEF_FEATURE_INDIVIDUAL_VCPUS,
    };
    int ret = 0;

    if (!(xmlopt = virTestGenericDomainXMLConfInit()) ||
        !(schema = virXMLValidatorInit(DOMAIN_SCHEMA)))
        return EXIT_FAILURE;

    virTestQuiesceLibvirtErrors(false);

#define DO_TEST_SELECT(sentence, function, what, reason) \
    do { \
        testDiskRule rule = { \
            .operation = { .decide = what, .other = VIR_DOMAIN_DISK_SELECTION_ ## reason }, \
            .holds = function, \
        }; \
        if (virTestRun(sentence, testDiskSelect, &rule) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_MIGRATE(sentence, function) \
    DO_TEST_SELECT(sentence, function, testDiskSelectMigrate, SHAREABLE)

    DO_TEST_MIGRATE("a list of disks decides by itself",
                    testDiskListRules);
    DO_TEST_MIGRATE("without a list, false keeps any disk from being copied",
                    testDiskFalseKeepsOut);
    DO_TEST_MIGRATE("without a list, true copies any disk that has a medium and can be written",
                    testDiskTrueTakes);
    DO_TEST_MIGRATE("a disk that is neither listed nor flagged is treated as libvirt always did",
                    testDiskUnsetIsDefault);
    DO_TEST_MIGRATE("the reason given is a fact that speaks for the decision",
                    testDiskReasonIsAFact);
    DO_TEST_MIGRATE("a caller that needs no reason gets the same decision",
                    testDiskReasonIsOptional);

#define DO_TEST_BACKUP(sentence, function) \
    DO_TEST_SELECT(sentence, function, testDiskSelectBackup, LIST)

    DO_TEST_BACKUP("what the XML of a backup says of a disk decides by itself",
                   testDiskListRules);
    DO_TEST_BACKUP("false keeps any disk that it does not mention from being backed up",
                   testDiskFalseKeepsOut);
    DO_TEST_BACKUP("true backs up any disk that has a medium and can be written",
                   testDiskTrueTakes);
    DO_TEST_BACKUP("a disk that is neither mentioned nor flagged is backed up as libvirt always did",
                   testDiskUnsetIsDefault);
    DO_TEST_BACKUP("the reason given for a backup is a fact that speaks for the decision",
                   testDiskReasonIsAFact);
    DO_TEST_BACKUP("a caller that needs no reason for a backup gets the same decision",
                   testDiskReasonIsOptional);
    DO_TEST_BACKUP("of a disk that is not mentioned its definition decides",
                   testDiskBackupDiskIsEnough);

#define DO_TEST_DOCUMENT(parserSentence, schemaSentence, ...) \
    do { \
        const struct testDiskFlagsDocument doc = { __VA_ARGS__ }; \
        if (virTestRun("parser: " parserSentence, testDiskFlagsDocumentParse, &doc) < 0) \
            ret = -1; \
        if (virTestRun("schema: " schemaSentence, testDiskFlagsDocumentValidate, &doc) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_ACCEPTED(sentence, children, result) \
    DO_TEST_DOCUMENT(sentence, sentence, .xml = DISK(children), .formatted = result)

#define DO_TEST_TOLERATED(what, children, result) \
    DO_TEST_DOCUMENT(what " is ignored", what " is refused", \
                     .xml = DISK(children), .formatted = result, .strict = true)

#define DO_TEST_REFUSED(sentence, children, ...) \
    DO_TEST_DOCUMENT(sentence, sentence, .xml = DISK(children), .errors = { __VA_ARGS__ })

#define ALLOWED "only 'true', 'false' or an empty element"
#define ALLOWED_MIGRATE "only 'true', 'false', 'recreate' or an empty element"
#define ONCE "at most one is allowed"

    DO_TEST_ACCEPTED("a disk need not have flags", "", "");
    DO_TEST_ACCEPTED("flags may be empty and are then not written", "<flags/>", "");
    DO_TEST_ACCEPTED("flags may have white space only", FLAGS(" \n "), "");
    DO_TEST_ACCEPTED("both flags may be given",
                     FLAGS(MIGRATE("true") SNAPSHOT("false")),
                     FLAGS(MIGRATE("true") SNAPSHOT("false")));
    DO_TEST_ACCEPTED("migrate is written first in whatever order they were given",
                     FLAGS(SNAPSHOT("true") MIGRATE("false")),
                     FLAGS(MIGRATE("false") SNAPSHOT("true")));
    DO_TEST_ACCEPTED("backup is written last in whatever order they were given",
                     FLAGS(BACKUP("true") SNAPSHOT("true") MIGRATE("false")),
                     FLAGS(MIGRATE("false") SNAPSHOT("true") BACKUP("true")));
    DO_TEST_ACCEPTED("an empty flag means true and is written as true",
                     FLAGS("<migrate/><snapshot></snapshot>"),
                     FLAGS(MIGRATE("true") SNAPSHOT("true")));
    DO_TEST_ACCEPTED("white space around a value is ignored",
                     FLAGS(MIGRATE(" \n\t true ") SNAPSHOT("\nfalse\n")),
                     FLAGS(MIGRATE("true") SNAPSHOT("false")));
    DO_TEST_ACCEPTED("a flag with white space only means true",
                     FLAGS(MIGRATE(" \n ")), FLAGS(MIGRATE("true")));
    DO_TEST_ACCEPTED("a comment is no part of a value",
                     FLAGS(MIGRATE("<!-- of a kind -->false")), FLAGS(MIGRATE("false")));

    DO_TEST_TOLERATED("an unknown flag",
                      FLAGS("<discard>true</discard>" MIGRATE("false")),
                      FLAGS(MIGRATE("false")));
    DO_TEST_TOLERATED("an unknown attribute of flags",
                      "<flags all='true'>" MIGRATE("false") "</flags>",
                      FLAGS(MIGRATE("false")));
    DO_TEST_TOLERATED("an unknown attribute of a flag",
                      FLAGS("<migrate when='later'>false</migrate>"),
                      FLAGS(MIGRATE("false")));

    DO_TEST_TOLERATED("an element of another namespace",
                      "<x:flags xmlns:x='urn:x'><x:migrate>maybe</x:migrate></x:flags>"
                      FLAGS("<x:migrate xmlns:x='urn:x'>maybe</x:migrate>" MIGRATE("false")),
                      FLAGS(MIGRATE("false")));

    DO_TEST_ACCEPTED("migrate may be recreate",
                     FLAGS(MIGRATE(" recreate ")), FLAGS(MIGRATE("recreate")));
    DO_TEST_REFUSED("snapshot is not recreate",
                    FLAGS(SNAPSHOT("recreate")), "'recreate'", "<snapshot>", ALLOWED);
    DO_TEST_REFUSED("backup is not recreate",
                    FLAGS(BACKUP("recreate")), "'recreate'", "<backup>", ALLOWED);
    DO_TEST_REFUSED("migrate is true or false, not maybe",
                    FLAGS(MIGRATE("maybe")), "'maybe'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("snapshot is true or false, not maybe",
                    FLAGS(SNAPSHOT("maybe")), "'maybe'", "<snapshot>", ALLOWED);
    DO_TEST_REFUSED("backup is true or false, not maybe",
                    FLAGS(BACKUP("maybe")), "'maybe'", "<backup>", ALLOWED);
    DO_TEST_REFUSED("a flag is not spelt yes",
                    FLAGS(MIGRATE("yes")), "'yes'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("a flag is not spelt 1",
                    FLAGS(MIGRATE("1")), "'1'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("a flag is not spelt TRUE",
                    FLAGS(MIGRATE("TRUE")), "'TRUE'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("a flag has one value",
                    FLAGS(MIGRATE("true false")), "'true false'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("a flag has no element inside",
                    FLAGS(MIGRATE("<false/>")), "'false'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("a flag has no element beside its value",
                    FLAGS(MIGRATE("true<b/>")), "'b'", "<migrate>", ALLOWED_MIGRATE);
    DO_TEST_REFUSED("migrate is given once",
                    FLAGS(MIGRATE("true") SNAPSHOT("true") MIGRATE("true")),
                    "<migrate>", ONCE);
    DO_TEST_REFUSED("snapshot is given once",
                    FLAGS(SNAPSHOT("true") SNAPSHOT("false")), "<snapshot>", ONCE);
    DO_TEST_REFUSED("backup is given once",
                    FLAGS(BACKUP("true") BACKUP("true")), "<backup>", ONCE);
    DO_TEST_REFUSED("flags are given once",
                    FLAGS(MIGRATE("true")) FLAGS(SNAPSHOT("true")), "<flags>", ONCE);
    DO_TEST_REFUSED("empty flags count as flags given",
                    "<flags/>" FLAGS(SNAPSHOT("true")), "<flags>", ONCE);

#define DO_TEST_HUGE(sentence, ...) \
    do { \
        const struct testDiskFlagsHugeValue huge = { __VA_ARGS__ }; \
        if (virTestRun(sentence, testDiskFlagsHuge, &huge) < 0) \
            ret = -1; \
    } while (0)

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

    DO_TEST_HUGE("a value of megabytes is shown clipped and the remedy is still told",
                 "x", 4 * 1024 * 1024, "'" X64 "'");
    DO_TEST_HUGE("a value is clipped between characters, not within one",
                 "\xe2\x82\xac", 1024 * 1024, "\xe2\x82\xac'");
    DO_TEST_HUGE("a value made of references is shown as what they stand for",
                 "&lt;&amp;&#37;s&quot;", 1000, "'<&%s\"<&%s\"");

#define DO_TEST_ENTITY(sentence, children, ...) \
    do { \
        const struct testDiskFlagsEntity entity = { DISK(children), { __VA_ARGS__ } }; \
        if (virTestRun(sentence, testDiskFlagsEntity, &entity) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_ENTITY("a value in an entity is refused",
                   FLAGS(MIGRATE("&value;")), "'vda'", "entity 'value' in element <migrate>");
    DO_TEST_ENTITY("a value in a file is refused and not taken for empty",
                   FLAGS(SNAPSHOT("&file;")), "'vda'", "entity 'file' in element <snapshot>");
    DO_TEST_ENTITY("a flag in an entity is refused and not overlooked",
                   FLAGS("&e;"), "'vda'", "entity 'e' in element <flags>");

#define DO_TEST(sentence, function, data) \
    do { \
        if (virTestRun(sentence, function, data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("a disk's name of megabytes is shown clipped",
            testDiskFlagsHugeTarget, NULL);
    DO_TEST("migrate cannot be true on a disk that cannot be copied",
            testDiskFlagsUnfitRefused, "migrate");
    DO_TEST("snapshot cannot be true on a disk that cannot be snapshotted",
            testDiskFlagsUnfitRefused, "snapshot");
    DO_TEST("backup cannot be true on a disk that cannot be backed up",
            testDiskFlagsUnfitRefused, "backup");
    DO_TEST("false fits every disk, also an emptied drive",
            testDiskFlagsUnfitFalse, NULL);
    DO_TEST("the flag snapshot must not contradict the attribute snapshot",
            testDiskFlagsSnapshotAttribute, NULL);
    DO_TEST("an update without <readonly/> cannot make a read-only disk be copied",
            testDiskFlagsUpdateReadonly, NULL);

#define DO_TEST_RECREATE(sentence, disk, what) \
    do { \
        const struct testDiskFlagsRecreate recreate = { disk, what }; \
        DO_TEST(sentence, testDiskFlagsRecreate, &recreate); \
    } while (0)

    DO_TEST_RECREATE("a virtio disk can be made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO, ""), NULL);
    DO_TEST_RECREATE("a SCSI disk can be made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE "<target dev='sda' bus='scsi'/>", ""), NULL);
    DO_TEST_RECREATE("a USB disk with a qcow2 image can be made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE "<target dev='sda' bus='usb'/>",
                               "<driver name='qemu' type='qcow2'/>"), NULL);
    DO_TEST_RECREATE("a disk that cannot be unplugged is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE "<target dev='sda' bus='sata'/>", ""),
                     "a bus other than");
    DO_TEST_RECREATE("a drive for media is not made anew",
                     RECREATED("type='file' device='cdrom'", FILE_SOURCE "<target dev='sda' bus='scsi'/>", ""),
                     "a device other than 'disk'");
    DO_TEST_RECREATE("a block device is not made anew",
                     RECREATED("type='block' device='disk'", "<source dev='/dev/sdz'/>" VIRTIO, ""),
                     "a type other than 'file'");
    DO_TEST_RECREATE("an image that is neither raw nor qcow2 is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO, "<driver name='qemu' type='vmdk'/>"),
                     "a format other than 'raw' and 'qcow2'");
    DO_TEST_RECREATE("a read-only disk is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO, "<readonly/>"), "<readonly/>");
    DO_TEST_RECREATE("a shareable disk is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO, "<shareable/>"), "<shareable/>");
    DO_TEST_RECREATE("a transient disk is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO, "<transient/>"), "<transient/>");
    DO_TEST_RECREATE("an encrypted disk is not made anew",
                     RECREATED(FILE_DISK, "<source file='/disk.img'><encryption format='luks'>"
                               "<secret type='passphrase' usage='s'/></encryption></source>" VIRTIO, ""),
                     "<encryption>");
    DO_TEST_RECREATE("an image with a backing file is not made anew",
                     RECREATED(FILE_DISK, FILE_SOURCE VIRTIO,
                               "<driver name='qemu' type='qcow2'/><backingStore type='file'>"
                               "<format type='raw'/><source file='/base.img'/></backingStore>"),
                     "<backingStore>");
    DO_TEST("the disk that the domain boots from is not made anew",
            testDiskFlagsRecreateBoot, NULL);
    DO_TEST("an update cannot have a disk with a boot order be made anew",
            testDiskFlagsUpdateRecreate, NULL);

    DO_TEST("flags are in every form of a domain's XML",
            testDiskFlagsFormats, NULL);
    DO_TEST("flags are in every copy of a definition",
            testDiskFlagsCopies, NULL);
    DO_TEST("flags are no part of the guest ABI",
            testDiskFlagsABI, NULL);
#define DO_TEST_ALIGN(sentence, mentioned, expect) \
    do { \
        const struct testDiskFlagsBackup backup = { mentioned, expect }; \
        DO_TEST("backup: " sentence, testDiskFlagsBackupAlign, &backup); \
        DO_TEST("checkpoint: " sentence, testDiskFlagsCheckpointAlign, &backup); \
    } while (0)

    DO_TEST_ALIGN("without a list all disks are taken that have not false", "",
                  "vda vdc");
    DO_TEST_ALIGN("beside a list a disk is taken that has true",
                  "<disks><disk name='vda'/></disks>", "vda vdc");
    DO_TEST_ALIGN("the list goes before false",
                  "<disks><disk name='vdb'/></disks>", "vdb vdc");
    DO_TEST_ALIGN("the list goes before true",
                  "<disks><disk name='vdb'/><disk name='vdc' @='no'/></disks>", "vdb");

#ifdef WITH_QEMU
    DO_TEST("the QEMU command line does not depend on flags",
            testDiskFlagsArgv, NULL);
#endif

#define DO_TEST_UNSUPPORTED(sentence, options, type, os) \
    do { \
        g_autoptr(virDomainXMLOption) refusing = options; \
        const struct testDiskFlagsDriver driver = { \
            .xmlopt = refusing, \
            .virtType = type, \
            .osType = os, \
        }; \
        if (!refusing || \
            virTestRun(sentence, testDiskFlagsUnsupported, &driver) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_UNSUPPORTED("a driver that does not say that it obeys flags refuses them",
                        virDomainXMLOptionNew(&stockConfig, NULL, NULL, NULL, NULL, NULL),
                        "test", "hvm");
#ifdef WITH_VMX
    {
        g_autoptr(virCaps) caps = virTestGenericCapsInit();

        DO_TEST_UNSUPPORTED("the VMware driver refuses flags",
                            virVMXDomainXMLConfInit(caps), "qemu", "hvm");
    }
#endif
#ifdef WITH_OPENVZ
    {
        g_autoptr(virCaps) caps = openvzCapsInit();
        struct openvz_driver openvz = { .caps = caps };

        DO_TEST_UNSUPPORTED("the OpenVZ driver refuses flags",
                            openvzXMLOption(&openvz), "openvz", "exe");
    }
#endif

    virXMLValidatorFree(schema);
    virObjectUnref(xmlopt);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
