/*
 * diskflagsfuzzdisk.c: hostile <flags> in the XML of a domain
 *
 * The XML of an input stands inside a <disk>. Words: cdrom, floppy, vhostuser,
 * readonly, snapshot='...' for the disk; inactive, skip-validate for how it is
 * parsed; qemu for the parser of the QEMU driver, unaware for one of a driver
 * that does not know flags.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "diskflagsfuzz.h"
#include "qemu/qemu_migration_disks.h"
#include "testutils.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define DISK "/domain/devices/disk"

static virDomainXMLOption *
testFuzzGetXMLOption(const testFuzzInput *input)
{
    static virDomainXMLOption *generic;
    static virDomainXMLOption *unaware;
    static virDomainDefParserConfig unawareConfig = {
        .features = VIR_DOMAIN_DEF_FEATURE_INDIVIDUAL_VCPUS,
    };

    if (!generic) {
        generic = virTestGenericDomainXMLConfInit();
        unaware = virDomainXMLOptionNew(&unawareConfig, NULL, NULL, NULL, NULL, NULL);
    }

    if (testFuzzSays(input, "qemu"))
        return testFuzzDriver.xmlopt;

    return testFuzzSays(input, "unaware") ? unaware : generic;
}


/* Whether libvirt has to accept a disk with @said flags, given that it accepts
 * @control, which is the same without. */
static bool
testFuzzDiskIsGood(const testFuzzInput *input,
                   const testFuzzFlags *said,
                   virDomainDef *control)
{
    const virDomainDiskDef *disk = control->disks[0];

    if (!said->legal)
        return false;

    if (!testFuzzSays(input, "qemu") && testFuzzSays(input, "unaware") &&
        testFuzzFlagsAnySet(said->flags))
        return false;

    return testFuzzSays(input, "skip-validate") ||
           (testFuzzFlagsFit(said->flags, disk) &&
            !testFuzzFlagsContradict(said->flags, disk));
}


/* How the flags have to stand in the XML. */
static char *
testFuzzFormatFlags(virDomainDiskFlags flags)
{
    const char *const values[] = { NULL, "true", "false" };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAdjustIndent(&buf, 6);
    virBufferAddLit(&buf, "<flags>\n");
    virBufferAdjustIndent(&buf, 2);
    if (flags.recreate)
        virBufferAddLit(&buf, "<migrate>recreate</migrate>\n");
    else if (flags.migrate)
        virBufferAsprintf(&buf, "<migrate>%s</migrate>\n", values[flags.migrate]);
    if (flags.snapshot)
        virBufferAsprintf(&buf, "<snapshot>%s</snapshot>\n", values[flags.snapshot]);
    if (flags.backup)
        virBufferAsprintf(&buf, "<backup>%s</backup>\n", values[flags.backup]);
    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</flags>\n");

    return virBufferContentAndReset(&buf);
}


static testFuzzResult
testFuzzDiskFormat(virDomainXMLOption *xmlopt,
                   virDomainDef *def,
                   virDomainDef *control)
{
    virDomainDiskFlags flags = def->disks[0]->flags;
    virDomainDiskFlags none = { 0 };
    g_autofree char *element = testFuzzFormatFlags(flags);
    g_autofree char *with = virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE);
    g_autofree char *without = NULL;
    g_autofree char *expected = virDomainDefFormat(control, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE);
    const char *found;

    def->disks[0]->flags = none;
    without = virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE);
    def->disks[0]->flags = flags;

    TEST_FUZZ_MUST(with && without && expected, "a domain can be formatted");
    TEST_FUZZ_MUST(STREQ(without, expected), "flags change nothing else of a domain");
    TEST_FUZZ_MUST(!strstr(without, "<flags>"), "without flags there is no element");

    if (!testFuzzFlagsAnySet(flags)) {
        TEST_FUZZ_MUST(STREQ(with, without), "without flags there is no element");
        return TEST_FUZZ_ACCEPTED;
    }

    found = strstr(with, element);
    TEST_FUZZ_MUST(found, "flags are written with plain values and in order");
    TEST_FUZZ_MUST(strlen(with) == strlen(without) + strlen(element) &&
                   STREQ(found + strlen(element), without + (found - with)),
                   "flags are written once and nothing besides");

    return TEST_FUZZ_ACCEPTED;
}


static virDomainDef *
testFuzzReparse(virDomainXMLOption *xmlopt,
                virDomainDef *def,
                unsigned int parseFlags)
{
    g_autofree char *xml = virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE);

    return virDomainDefParseString(xml, xmlopt, NULL, parseFlags);
}


static testFuzzResult
testFuzzDiskRoundTrip(virDomainXMLOption *xmlopt,
                      virDomainDef *def,
                      virDomainDef *control,
                      unsigned int parseFlags)
{
    g_autoptr(virDomainDef) again = testFuzzReparse(xmlopt, def, parseFlags);
    g_autoptr(virDomainDef) copy = NULL;

    /* not all that libvirt writes of other elements it reads */
    if (!again) {
        g_autoptr(virDomainDef) stock = testFuzzReparse(xmlopt, control, parseFlags);

        TEST_FUZZ_MUST(!stock, "what was written with flags can be read");
        return TEST_FUZZ_ACCEPTED;
    }

    TEST_FUZZ_MUST(testFuzzFlagsEqual(again->disks[0]->flags, def->disks[0]->flags),
                   "flags that were written are read");

    copy = virDomainDefCopy(def, xmlopt, NULL, false);
    TEST_FUZZ_MUST(copy && testFuzzFlagsEqual(copy->disks[0]->flags, def->disks[0]->flags),
                   "a copy has the flags");

    return TEST_FUZZ_ACCEPTED;
}


/* What a migration that copies storage makes of the disk. */
static testFuzzResult
testFuzzDiskMigrate(virDomainDef *def)
{
    virDomainDiskDef *disk = def->disks[0];
    virTristateBool flag = disk->flags.migrate;
    bool copied = flag != VIR_TRISTATE_BOOL_NO &&
                  !virStorageSourceIsEmpty(disk->src) &&
                  !disk->src->readonly &&
                  (flag == VIR_TRISTATE_BOOL_YES || !disk->src->shared);
    g_autoptr(qemuMigrationDisks) disks = NULL;
    const char **list = NULL;
    unsigned int flags = VIR_MIGRATE_NON_SHARED_DISK;

    TEST_FUZZ_MUST(qemuMigrationDisksSrcDecide(def, &list, NULL, &flags, &disks) == 0 &&
                   g_strv_contains((const char *const *) disks->copied, disk->dst) == copied,
                   "a migration copies the disk as the table says");
    TEST_FUZZ_MUST(!!list == (disks->byFlags && copied),
                   "a migration gets a list of disks just where flags change what it copies");

    return TEST_FUZZ_ACCEPTED;
}


testFuzzResult
testFuzzDisk(const testFuzzInput *input)
{
    virDomainXMLOption *xmlopt = testFuzzGetXMLOption(input);
    g_autofree char *diskXML = testFuzzDiskXML(input, "", input->xml);
    g_autofree char *xml = testFuzzDomainXML(diskXML);
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) control = NULL;
    testFuzzFlags said;
    unsigned int parseFlags = 0;

    /* the input is to stay inside its disk */
    if (strstr(input->xml, "</disk"))
        return TEST_FUZZ_REFUSED;

    if (testFuzzSays(input, "inactive"))
        parseFlags |= VIR_DOMAIN_DEF_PARSE_INACTIVE;
    if (testFuzzSays(input, "skip-validate"))
        parseFlags |= VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE;

    if (!(doc = virXMLParseStringCtxt(xml, "domain", &ctxt))) {
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "XML that is not well-formed is an error");
        return TEST_FUZZ_REFUSED;
    }

    if (!(def = virDomainDefParseNode(ctxt, xmlopt, NULL, parseFlags)))
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "a domain that is refused is an error");

    said = testFuzzTakeFlags(ctxt, DISK);
    control = virDomainDefParseNode(ctxt, xmlopt, NULL, parseFlags);

    TEST_FUZZ_MUST(!!def == (control && testFuzzDiskIsGood(input, &said, control)),
                   "a disk is refused just for flags that are illegal or unfit");
    if (!def)
        return TEST_FUZZ_REFUSED;

    TEST_FUZZ_MUST(testFuzzFlagsEqual(def->disks[0]->flags, said.flags),
                   "flags are what the XML says");
    TEST_FUZZ_MUST(virDomainDefCheckABIStability(def, control, xmlopt),
                   "the guest does not see flags");

    if (testFuzzDiskFormat(xmlopt, def, control) < 0 ||
        testFuzzDiskMigrate(def) < 0)
        return TEST_FUZZ_BROKEN;

    return testFuzzDiskRoundTrip(xmlopt, def, control, parseFlags);
}
