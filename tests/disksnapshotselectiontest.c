/*
 * disksnapshotselectiontest.c: which disks a snapshot takes, and why
 *
 * What must hold is checked for every combination of facts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "testutils.h"

#include "domain_disk_selection.h"
#include "snapshot_conf.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* what the function said of some facts */
typedef struct _testSelected testSelected;
struct _testSelected {
    virDomainSnapshotLocation location;
    virDomainDiskSelectionReason reason;
};

typedef bool (*testSelectHolds)(const virDomainDiskSnapshotFacts *facts,
                                testSelected selected);


static testSelected
testSelect(const virDomainDiskSnapshotFacts *facts)
{
    testSelected ret = { .reason = VIR_DOMAIN_DISK_SELECTION_LAST };

    ret.location = virDomainDiskSelectSnapshot(facts, &ret.reason);
    return ret;
}


static bool
testIsLeftOut(testSelected selected,
              virDomainDiskSelectionReason reason)
{
    return selected.location == VIR_DOMAIN_SNAPSHOT_LOCATION_NO &&
           selected.reason == reason;
}


/* An internal snapshot would take the disk if there were something to take. */
static bool
testIsUnfit(const virDomainDiskSnapshotFacts *facts)
{
    virDomainDiskSnapshotFacts fit = *facts;

    fit.readonly = false;

    if (facts->listed)
        fit.empty = false;

    return (facts->empty || facts->readonly) &&
           virDomainDiskSelectSnapshot(&fit, NULL) == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL;
}


static bool
testUnfitIsLeftOut(const virDomainDiskSnapshotFacts *facts,
                   testSelected selected)
{
    if (!testIsUnfit(facts))
        return selected.location != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL ||
               (!facts->empty && !facts->readonly);

    return testIsLeftOut(selected, facts->empty ? VIR_DOMAIN_DISK_SELECTION_EMPTY :
                                                  VIR_DOMAIN_DISK_SELECTION_READONLY);
}


/* is there a medium, or at least someone who wants the empty drive in */
static bool
testHasMedium(const virDomainDiskSnapshotFacts *facts)
{
    return facts->listed || !facts->empty;
}


static bool
testSnapshotXMLRules(const virDomainDiskSnapshotFacts *facts,
                     testSelected selected)
{
    if (testIsUnfit(facts))
        return true;

    if (facts->asked == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT)
        return selected.reason != VIR_DOMAIN_DISK_SELECTION_LIST;

    return selected.location == facts->asked &&
           selected.reason == VIR_DOMAIN_DISK_SELECTION_LIST;
}


static bool
testFalseLeavesOut(const virDomainDiskSnapshotFacts *facts,
                   testSelected selected)
{
    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        facts->flag != VIR_TRISTATE_BOOL_NO)
        return true;

    return testIsLeftOut(selected, VIR_DOMAIN_DISK_SELECTION_FLAG);
}


static bool
testEmptyIsLeftOut(const virDomainDiskSnapshotFacts *facts,
                   testSelected selected)
{
    if (testIsUnfit(facts))
        return true;

    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        facts->flag == VIR_TRISTATE_BOOL_NO ||
        testHasMedium(facts))
        return selected.reason != VIR_DOMAIN_DISK_SELECTION_EMPTY;

    return testIsLeftOut(selected, VIR_DOMAIN_DISK_SELECTION_EMPTY);
}


static bool
testAttributeNoLeavesOut(const virDomainDiskSnapshotFacts *facts,
                         testSelected selected)
{
    if (testIsUnfit(facts))
        return true;

    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        facts->flag == VIR_TRISTATE_BOOL_NO ||
        !testHasMedium(facts) ||
        facts->attribute != VIR_DOMAIN_SNAPSHOT_LOCATION_NO)
        return selected.reason != VIR_DOMAIN_DISK_SELECTION_READONLY;

    return testIsLeftOut(selected, facts->readonly ? VIR_DOMAIN_DISK_SELECTION_READONLY :
                                                     VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE);
}


static bool
testTrueTakes(const virDomainDiskSnapshotFacts *facts,
              testSelected selected)
{
    if (testIsUnfit(facts))
        return true;

    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        facts->flag != VIR_TRISTATE_BOOL_YES ||
        !testHasMedium(facts) ||
        facts->attribute == VIR_DOMAIN_SNAPSHOT_LOCATION_NO)
        return true;

    return selected.location != VIR_DOMAIN_SNAPSHOT_LOCATION_NO &&
           selected.reason == VIR_DOMAIN_DISK_SELECTION_FLAG;
}


static bool
testTrueDoesNotSayHow(const virDomainDiskSnapshotFacts *facts,
                      testSelected selected)
{
    virDomainDiskSnapshotFacts unset = *facts;

    if (facts->flag != VIR_TRISTATE_BOOL_YES)
        return true;

    unset.flag = VIR_TRISTATE_BOOL_ABSENT;
    return selected.location == testSelect(&unset).location;
}


static bool
testAttributeSaysHow(const virDomainDiskSnapshotFacts *facts,
                     testSelected selected)
{
    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        selected.location == VIR_DOMAIN_SNAPSHOT_LOCATION_NO ||
        facts->attribute == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT)
        return true;

    if (facts->listed && facts->uniform)
        return selected.location == facts->fallback;

    return selected.location == facts->attribute;
}


static bool
testNothingSaidMeansDefault(const virDomainDiskSnapshotFacts *facts,
                            testSelected selected)
{
    if (testIsUnfit(facts))
        return true;

    if (facts->asked != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        facts->flag != VIR_TRISTATE_BOOL_ABSENT ||
        facts->attribute != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
        !testHasMedium(facts))
        return true;

    return selected.location == facts->fallback &&
           selected.reason == VIR_DOMAIN_DISK_SELECTION_DEFAULT;
}


/* Where no flag is set, users get what they have always got. */
static bool
testUnsetChangesNothing(const virDomainDiskSnapshotFacts *facts,
                        testSelected selected)
{
    virDomainSnapshotLocation expect = facts->asked;

    if (testIsUnfit(facts))
        return true;

    if (facts->flag != VIR_TRISTATE_BOOL_ABSENT)
        return true;

    if (!facts->listed && facts->empty) {
        expect = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
    } else if (expect == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT) {
        if (facts->attribute == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT ||
            (facts->listed && facts->uniform &&
             facts->attribute != VIR_DOMAIN_SNAPSHOT_LOCATION_NO))
            expect = facts->fallback;
        else
            expect = facts->attribute;
    }

    return selected.location == expect;
}


static bool
testAlwaysDecides(const virDomainDiskSnapshotFacts *facts,
                  testSelected selected)
{
    return selected.location != VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT &&
           selected.reason < VIR_DOMAIN_DISK_SELECTION_LAST &&
           virDomainDiskSelectionReasonTypeToString(selected.reason) &&
           selected.location == virDomainDiskSelectSnapshot(facts, NULL);
}


static int
testSelectOne(const virDomainDiskSnapshotFacts *facts,
              testSelectHolds holds)
{
    testSelected selected = testSelect(facts);

    if (holds(facts, selected))
        return 0;

    VIR_TEST_VERBOSE("listed=%d asked=%s flag=%s attribute=%s fallback=%s uniform=%d empty=%d readonly=%d: %s (%s)",
                     facts->listed,
                     virDomainSnapshotLocationTypeToString(facts->asked),
                     virTristateBoolTypeToString(facts->flag),
                     virDomainSnapshotLocationTypeToString(facts->attribute),
                     virDomainSnapshotLocationTypeToString(facts->fallback),
                     facts->uniform, facts->empty, facts->readonly,
                     virDomainSnapshotLocationTypeToString(selected.location),
                     NULLSTR(virDomainDiskSelectionReasonTypeToString(selected.reason)));
    return -1;
}


/* What a snapshot asks for stands with the disk in its list. */
static bool
testIsPossible(const virDomainDiskSnapshotFacts *facts)
{
    return facts->listed || facts->asked == VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT;
}


static int
testSelectEveryFact(const void *opaque)
{
    const virDomainSnapshotLocation fallbacks[] = {
        VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL,
        VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL,
    };
    testSelectHolds holds = *(const testSelectHolds *) opaque;
    size_t asked;
    size_t attribute;
    size_t fallback;
    size_t flag;
    size_t bits;

    for (asked = 0; asked < VIR_DOMAIN_SNAPSHOT_LOCATION_LAST; asked++) {
        for (attribute = 0; attribute < VIR_DOMAIN_SNAPSHOT_LOCATION_LAST; attribute++) {
            for (fallback = 0; fallback < G_N_ELEMENTS(fallbacks); fallback++) {
                for (flag = 0; flag < VIR_TRISTATE_BOOL_LAST; flag++) {
                    for (bits = 0; bits < 16; bits++) {
                        virDomainDiskSnapshotFacts facts = {
                            .listed = bits & 1,
                            .asked = asked,
                            .flag = flag,
                            .attribute = attribute,
                            .fallback = fallbacks[fallback],
                            .uniform = bits & 2,
                            .empty = bits & 4,
                            .readonly = bits & 8,
                        };

                        if (testIsPossible(&facts) &&
                            testSelectOne(&facts, holds) < 0)
                            return -1;
                    }
                }
            }
        }
    }

    return 0;
}


/* A disk in three is in the snapshot's list as one to be left out; one has no flag,
 * the next says true, the next false, and so on. */
static int
testSelectMany(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainSnapshotDef) snapdef = virDomainSnapshotDefNew();
    virDomainDef *def = virDomainDefNew(NULL);
    size_t i;

    snapdef->parent.dom = def;
    snapdef->disks = g_new0(virDomainSnapshotDiskDef, 1000);

    for (i = 0; i < 1000; i++) {
        virDomainDiskDef *disk = virDomainDiskDefNew(NULL);
        virDomainSnapshotDiskDef *listed = snapdef->disks + snapdef->ndisks;

        disk->dst = virIndexToDiskName(i, "sd");
        disk->flags.snapshot = i % VIR_TRISTATE_BOOL_LAST;
        disk->src->type = VIR_STORAGE_TYPE_FILE;
        disk->src->path = g_strdup_printf("/images/%zu", i);
        virDomainDiskInsert(def, disk);

        if (i / VIR_TRISTATE_BOOL_LAST % 3 == 0) {
            listed->name = g_strdup(disk->dst);
            listed->src = virStorageSourceNew();
            listed->snapshot = VIR_DOMAIN_SNAPSHOT_LOCATION_NO;
            snapdef->ndisks++;
        }
    }

    if (virDomainSnapshotAlignDisks(snapdef, NULL,
                                    VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL, true, false) < 0)
        return -1;

    for (i = 0; i < 1000; i++) {
        bool taken = def->disks[i]->flags.snapshot != VIR_TRISTATE_BOOL_NO &&
                     i / VIR_TRISTATE_BOOL_LAST % 3 != 0;

        if (STRNEQ(snapdef->disks[i].name, def->disks[i]->dst) ||
            snapdef->disks[i].snapshot != (taken ? VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL :
                                                   VIR_DOMAIN_SNAPSHOT_LOCATION_NO)) {
            VIR_TEST_VERBOSE("disk %s is not treated as it should be", def->disks[i]->dst);
            return -1;
        }
    }

    return snapdef->ndisks == 1000 ? 0 : -1;
}


static int
mymain(void)
{
    const struct {
        const char *name;
        testSelectHolds holds;
    } properties[] = {
        { "what the snapshot XML asks for goes first", testSnapshotXMLRules },
        { "the flag false leaves a disk out, whatever its attribute says", testFalseLeavesOut },
        { "an empty drive that is not listed is left out", testEmptyIsLeftOut },
        { "what is empty or read-only is in no internal snapshot", testUnfitIsLeftOut },
        { "the attribute 'no' leaves a disk out, and a read-only disk is told as such", testAttributeNoLeavesOut },
        { "the flag true takes a disk", testTrueTakes },
        { "the flag true does not say how a disk is taken", testTrueDoesNotSayHow },
        { "the attribute says how, unless all have to be taken alike", testAttributeSaysHow },
        { "where nothing is said, the default of the snapshot decides", testNothingSaidMeansDefault },
        { "without a flag nothing changes", testUnsetChangesNothing },
        { "every combination is decided, with or without a reason asked for", testAlwaysDecides },
    };
    int ret = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(properties); i++) {
        if (virTestRun(properties[i].name, testSelectEveryFact, &properties[i].holds) < 0)
            ret = -1;
    }

    if (virTestRun("a thousand disks are taken as list and flags say",
                   testSelectMany, NULL) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
