/*
 * diskflagsfuzzupdate.c: hostile <flags> in updates of a running domain's disk
 *
 * The XML of an input stands inside the <disk> of the update. Words: cdrom,
 * floppy, vhostuser for the disk; readonly and snapshot='...' for the update, and
 * with "was-" before them for the disk as it is; was-migrate, was-no-migrate,
 * was-snapshot and was-no-snapshot for the flags that it has; inactive for an
 * update of the persistent definition.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "diskflagsfuzz.h"
#include "qemu/qemu_domain.h"
#include "testutils.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define DISK "/disk"

static virQEMUCaps *
testFuzzGetCaps(void)
{
    static virQEMUCaps *caps;

    if (!caps)
        caps = virQEMUCapsNew();

    return caps;
}


static virTristateBool
testFuzzFlagBefore(const testFuzzInput *input,
                   const char *yes,
                   const char *no)
{
    if (testFuzzSays(input, yes))
        return VIR_TRISTATE_BOOL_YES;

    return testFuzzSays(input, no) ? VIR_TRISTATE_BOOL_NO : VIR_TRISTATE_BOOL_ABSENT;
}


/* Returns the domain as it is before the update; NULL if there can be none. */
static virDomainDef *
testFuzzDomainBefore(const testFuzzInput *input)
{
    g_autofree char *diskXML = testFuzzDiskXML(input, "was-", "");
    g_autofree char *xml = testFuzzDomainXML(diskXML);
    g_autoptr(virDomainDef) def = NULL;
    virDomainDiskFlags flags = {
        .migrate = testFuzzFlagBefore(input, "was-migrate", "was-no-migrate"),
        .snapshot = testFuzzFlagBefore(input, "was-snapshot", "was-no-snapshot"),
    };

    if (!(def = virDomainDefParseString(xml, testFuzzDriver.xmlopt, NULL, 0)))
        return NULL;

    if (!testFuzzFlagsFit(flags, def->disks[0]) ||
        testFuzzFlagsContradict(flags, def->disks[0]))
        return NULL;

    def->disks[0]->flags = flags;
    return g_steal_pointer(&def);
}


static virDomainDeviceDef *
testFuzzParseUpdate(const testFuzzInput *input,
                    const char *xml,
                    const virDomainDef *def)
{
    unsigned int parseFlags = testFuzzSays(input, "inactive") ? VIR_DOMAIN_DEF_PARSE_INACTIVE : 0;

    return virDomainDeviceDefParse(xml, def, testFuzzDriver.xmlopt, testFuzzGetCaps(), parseFlags);
}


/* What qemuDomainChangeDiskLive does before it changes anything. */
static bool
testFuzzIsChangeable(virDomainDef *def,
                     virDomainDeviceDef *dev)
{
    virDomainDeviceDef old = { .type = dev->type, .data.disk = def->disks[0] };

    return virDomainDefCompatibleDevice(def, dev, &old,
                                        VIR_DOMAIN_DEVICE_ACTION_UPDATE, true) == 0 &&
           qemuDomainDiskChangeSupported(dev->data.disk, def->disks[0]);
}


/* What it changes where the source stays the same. */
static void
testFuzzChange(virDomainDiskDef *disk,
               const virDomainDiskDef *update)
{
    disk->startupPolicy = update->startupPolicy;
    disk->snapshot = update->snapshot;
    disk->flags = update->flags;
}


static bool
testFuzzIsReadable(virDomainDef *def)
{
    g_autofree char *xml = virDomainDefFormat(def, testFuzzDriver.xmlopt, 0);
    g_autoptr(virDomainDef) again = NULL;

    again = virDomainDefParseString(xml, testFuzzDriver.xmlopt, NULL, 0);
    return again && testFuzzFlagsEqual(again->disks[0]->flags, def->disks[0]->flags);
}


static testFuzzResult
testFuzzUpdateApply(virDomainDef *def,
                    virDomainDeviceDef *dev,
                    virDomainDeviceDef *control)
{
    virDomainDiskDef *disk = def->disks[0];
    virDomainDiskFlags flags = dev->data.disk->flags;
    virDomainDiskFlags none = { 0 };
    bool changeable = testFuzzIsChangeable(def, control);

    if (!testFuzzIsChangeable(def, dev)) {
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "an update that is refused is an error");
        TEST_FUZZ_MUST(!changeable || !testFuzzFlagsFit(flags, disk),
                       "an update is refused just for flags that do not fit the disk");
        return TEST_FUZZ_REFUSED;
    }

    TEST_FUZZ_MUST(changeable, "flags make no update possible");
    TEST_FUZZ_MUST(testFuzzFlagsFit(flags, disk), "no disk gets flags that do not fit it");

    testFuzzChange(disk, dev->data.disk);

    if (!testFuzzIsReadable(def)) {
        disk->flags = none;
        TEST_FUZZ_MUST(!testFuzzIsReadable(def),
                       "the running domain's definition can be read after an update of flags");
    }

    return TEST_FUZZ_ACCEPTED;
}


testFuzzResult
testFuzzUpdate(const testFuzzInput *input)
{
    g_autofree char *xml = testFuzzDiskXML(input, "", input->xml);
    g_autofree char *controlXML = NULL;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDeviceDef) dev = NULL;
    g_autoptr(virDomainDeviceDef) control = NULL;
    testFuzzFlags said;

    if (strstr(input->xml, "</disk") ||
        !(def = testFuzzDomainBefore(input)))
        return TEST_FUZZ_REFUSED;

    if (!(dev = testFuzzParseUpdate(input, xml, def)))
        TEST_FUZZ_MUST(testFuzzErrorIsTold(), "an update that is refused is an error");

    if (!(doc = virXMLParseStringCtxt(xml, "disk", &ctxt))) {
        TEST_FUZZ_MUST(!dev, "an update that is not well-formed is refused");
        return TEST_FUZZ_REFUSED;
    }

    said = testFuzzTakeFlags(ctxt, DISK);
    controlXML = virXMLNodeToString(doc, xmlDocGetRootElement(doc));
    control = testFuzzParseUpdate(input, controlXML, def);

    TEST_FUZZ_MUST(!!dev == (control && said.legal &&
                             testFuzzFlagsFit(said.flags, control->data.disk) &&
                             !testFuzzFlagsContradict(said.flags, control->data.disk)),
                   "an update is refused just for flags that are illegal or unfit");
    if (!dev)
        return TEST_FUZZ_REFUSED;

    TEST_FUZZ_MUST(testFuzzFlagsEqual(dev->data.disk->flags, said.flags),
                   "flags are what the update says");

    return testFuzzUpdateApply(def, dev, control);
}
