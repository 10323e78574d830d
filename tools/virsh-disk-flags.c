/*
 * virsh-disk-flags.c: command that shows and sets the flags of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "virsh-disk-flags.h"
#include "virsh-disk-plan.h"
#include "virsh-util.h"
#include "virsh-completer-domain.h"

#include "conf/domain_conf.h"
#include "virjson.h"
#include "virxml.h"
#include "vsh-table.h"

/* A disk of one definition, running or persistent, that is about to change. */
typedef struct _virshDiskFlagsChange virshDiskFlagsChange;
struct _virshDiskFlagsChange {
    unsigned int affect; /* VIR_DOMAIN_AFFECT_LIVE or _CONFIG */
    char *target;
    char *before; /* XML of the disk as it is */
    char *after; /* XML of the disk as it shall be */
    virDomainDiskFlags flags; /* that it shall have */
};

/* What the user asked for; NULL leaves a flag alone. */
typedef struct _virshDiskFlagsRequest virshDiskFlagsRequest;
struct _virshDiskFlagsRequest {
    const char *migrate;
    const char *snapshot;
    bool all;
};


static void
virshDiskFlagsChangeFree(virshDiskFlagsChange *change)
{
    if (!change)
        return;

    g_free(change->target);
    g_free(change->before);
    g_free(change->after);
    g_free(change);
}


static char **
virshDiskFlagsValueCompleter(vshControl *ctl G_GNUC_UNUSED,
                             const vshCmd *cmd G_GNUC_UNUSED,
                             unsigned int flags)
{
    const char *values[] = { "true", "false", "default", NULL };

    virCheckFlags(0, NULL);

    return g_strdupv((char **) values);
}


const vshCmdInfo info_domblkflags = {
    .help = N_("show or set the flags of a domain's disks"),
    .desc = N_("Show which disks a migration that copies storage and a snapshot "
               "take and why, or set the flags that decide it."),
};

const vshCmdOptDef opts_domblkflags[] = {
    VIRSH_COMMON_OPT_DOMAIN_FULL(0),
    {.name = "migrate",
     .type = VSH_OT_STRING,
     .completer = virshDiskFlagsValueCompleter,
     .help = N_("copy the disks in storage migration: true, false or default")
    },
    {.name = "snapshot",
     .type = VSH_OT_STRING,
     .completer = virshDiskFlagsValueCompleter,
     .help = N_("take the disks into snapshots: true, false or default")
    },
    {.name = "all",
     .type = VSH_OT_BOOL,
     .help = N_("set the flags of every disk that can have them")
    },
    {.name = "inactive",
     .type = VSH_OT_BOOL,
     .help = N_("show the persistent rather than the running definition")
    },
    {.name = "json",
     .type = VSH_OT_BOOL,
     .help = N_("show as JSON")
    },
    VIRSH_COMMON_OPT_CONFIG(N_("affect next boot")),
    VIRSH_COMMON_OPT_LIVE(N_("affect running domain")),
    VIRSH_COMMON_OPT_CURRENT(N_("affect current domain")),
    {.name = "disk",
     .type = VSH_OT_ARGV,
     .positional = true,
     .completer = virshDomainDiskTargetCompleter,
     .help = N_("target or source of a disk to set")
    },
    {.name = NULL}
};


static char *
virshDiskFlagsDescribe(bool selected,
                       virDomainDiskSelectionReason reason,
                       virDomainSnapshotLocation location)
{
    const char *answer = selected ? "yes" : "no";

    if (reason == VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE)
        return g_strdup_printf("%s (snapshot='%s')", answer,
                               virDomainSnapshotLocationTypeToString(location));

    return g_strdup_printf("%s (%s)", answer,
                           virDomainDiskSelectionReasonTypeToString(reason));
}


static char *
virshDiskFlagsDescribeMigrate(const virshDiskPlan *plan)
{
    g_autofree char *answer = virshDiskFlagsDescribe(plan->migrate, plan->migrateReason,
                                                     VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT);

    return g_strdup_printf("%s%s", answer, plan->migrateUnsure ? " *" : "");
}


static char *
virshDiskFlagsDescribeSnapshot(const virshDiskPlan *plan)
{
    if (plan->snapshotRefusal)
        return g_strdup_printf("refused (%s)", plan->snapshotRefusal);

    return virshDiskFlagsDescribe(plan->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_NO,
                                  plan->snapshotReason, plan->snapshot);
}


static bool
virshDiskFlagsTakesAny(const virshDiskPlanList *list)
{
    size_t i;

    for (i = 0; i < list->ndisks; i++) {
        if (list->disks[i].snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_NO)
            return true;
    }

    return false;
}


static bool
virshDiskFlagsShowTable(vshControl *ctl,
                        const virshDiskPlanList *list)
{
    g_autoptr(vshTable) table = NULL;
    bool unsure = false;
    size_t i;

    table = vshTableNew(_("Target"), _("Source"), _("Format"),
                        _("Migrate"), _("Snapshot"), NULL);
    if (!table)
        return false;

    for (i = 0; i < list->ndisks; i++) {
        const virshDiskPlan *plan = &list->disks[i];
        g_autofree char *migrate = virshDiskFlagsDescribeMigrate(plan);
        g_autofree char *snapshot = virshDiskFlagsDescribeSnapshot(plan);

        unsure = unsure || plan->migrateUnsure;

        if (vshTableRowAppend(table, plan->target, NULLSTR_MINUS(plan->source),
                              plan->format, migrate, snapshot, NULL) < 0)
            return false;
    }

    vshTablePrintToStdout(table, ctl);

    if (unsure)
        vshPrint(ctl, "%s", _(" * safe only if both hosts see the disk's storage, which only the host knows\n"));

    if (!virshDiskFlagsTakesAny(list))
        vshPrint(ctl, "%s", _(" a snapshot is refused: no disk is selected\n"));

    return true;
}


static virJSONValue *
virshDiskFlagsToJSON(virTristateBool flag)
{
    if (flag == VIR_TRISTATE_BOOL_ABSENT)
        return virJSONValueNewNull();

    return virJSONValueNewBoolean(flag == VIR_TRISTATE_BOOL_YES);
}


static virJSONValue *
virshDiskFlagsPlanToJSON(const virshDiskPlan *plan)
{
    g_autoptr(virJSONValue) disk = NULL;
    g_autoptr(virJSONValue) migrate = NULL;
    g_autoptr(virJSONValue) snapshot = NULL;
    g_autoptr(virJSONValue) migrateFlag = virshDiskFlagsToJSON(plan->flags.migrate);
    g_autoptr(virJSONValue) snapshotFlag = virshDiskFlagsToJSON(plan->flags.snapshot);

    if (virJSONValueObjectAdd(&migrate,
                              "a:flag", &migrateFlag,
                              "b:selected", plan->migrate,
                              "s:reason", virDomainDiskSelectionReasonTypeToString(plan->migrateReason),
                              "b:needs-shared-storage", plan->migrateUnsure,
                              NULL) < 0 ||
        virJSONValueObjectAdd(&snapshot,
                              "a:flag", &snapshotFlag,
                              "b:selected", plan->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_NO,
                              "s:location", virDomainSnapshotLocationTypeToString(plan->snapshot),
                              "s:reason", virDomainDiskSelectionReasonTypeToString(plan->snapshotReason),
                              "S:refused", plan->snapshotRefusal,
                              NULL) < 0 ||
        virJSONValueObjectAdd(&disk,
                              "s:target", plan->target,
                              "S:source", plan->source,
                              "s:format", plan->format,
                              "a:migrate", &migrate,
                              "a:snapshot", &snapshot,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&disk);
}


static bool
virshDiskFlagsShowJSON(vshControl *ctl,
                       const virshDiskPlanList *list)
{
    g_autoptr(virJSONValue) disks = virJSONValueNewArray();
    g_autofree char *text = NULL;
    size_t i;

    for (i = 0; i < list->ndisks; i++) {
        g_autoptr(virJSONValue) disk = virshDiskFlagsPlanToJSON(&list->disks[i]);

        if (!disk || virJSONValueArrayAppend(disks, &disk) < 0)
            return false;
    }

    if (!(text = virJSONValueToString(disks, true)))
        return false;

    vshPrint(ctl, "%s", text);
    return true;
}


static bool
virshDiskFlagsShow(vshControl *ctl,
                   const vshCmd *cmd,
                   virDomainPtr dom)
{
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(virshDiskPlanList) list = NULL;
    bool inactive = vshCommandOptBool(cmd, "inactive");
    bool active = !inactive && virDomainIsActive(dom) == 1;

    if (virshDomainGetXMLFromDom(ctl, dom, inactive ? VIR_DOMAIN_XML_INACTIVE : 0,
                                 &xml, &ctxt) < 0)
        return false;

    if (!(list = virshDiskPlanListNew(ctxt, active))) {
        vshReportError(ctl);
        return false;
    }

    if (vshCommandOptBool(cmd, "json"))
        return virshDiskFlagsShowJSON(ctl, list);

    return virshDiskFlagsShowTable(ctl, list);
}


static void
virshDiskFlagsDropNode(xmlNodePtr parent,
                       const char *name)
{
    xmlNodePtr node = parent->children;

    while (node) {
        xmlNodePtr next = node->next;

        if (virXMLNodeNameEqual(node, name)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }

        node = next;
    }
}


static void
virshDiskFlagsAddNode(xmlNodePtr parent,
                      const char *name,
                      virTristateBool flag)
{
    if (flag == VIR_TRISTATE_BOOL_ABSENT)
        return;

    xmlNewTextChild(parent, NULL, BAD_CAST name,
                    BAD_CAST(flag == VIR_TRISTATE_BOOL_YES ? "true" : "false"));
}


static char *
virshDiskFlagsEdit(xmlNodePtr disk,
                   const virDomainDiskFlags *flags)
{
    virshDiskFlagsDropNode(disk, "flags");

    if (flags->migrate != VIR_TRISTATE_BOOL_ABSENT ||
        flags->snapshot != VIR_TRISTATE_BOOL_ABSENT) {
        xmlNodePtr node = xmlNewChild(disk, NULL, BAD_CAST "flags", NULL);

        virshDiskFlagsAddNode(node, "migrate", flags->migrate);
        virshDiskFlagsAddNode(node, "snapshot", flags->snapshot);
    }

    return virXMLNodeToString(disk->doc, disk);
}


static int
virshDiskFlagsParseValue(vshControl *ctl,
                         const char *option,
                         const char *value,
                         virTristateBool *flag)
{
    if (!value)
        return 0;

    if (STREQ(value, "true")) {
        *flag = VIR_TRISTATE_BOOL_YES;
    } else if (STREQ(value, "false")) {
        *flag = VIR_TRISTATE_BOOL_NO;
    } else if (STREQ(value, "default")) {
        *flag = VIR_TRISTATE_BOOL_ABSENT;
    } else {
        vshError(ctl, _("invalid value '%1$s' of --%2$s: use 'true', 'false' or 'default'"),
                 value, option);
        return -1;
    }

    return 0;
}


static bool
virshDiskFlagsIsAsked(const vshCmd *cmd,
                      const char *target,
                      const char *source)
{
    const char **disks = vshCommandOptArgv(cmd, "disk");

    return disks &&
           (g_strv_contains(disks, target) || (source && g_strv_contains(disks, source)));
}


/* What is written back has to be complete, also where it is secret. */
static int
virshDiskFlagsGetXML(vshControl *ctl,
                     virDomainPtr dom,
                     unsigned int affect,
                     xmlDocPtr *xml,
                     xmlXPathContextPtr *ctxt)
{
    unsigned int flags = VIR_DOMAIN_XML_SECURE;

    if (affect == VIR_DOMAIN_AFFECT_CONFIG)
        flags |= VIR_DOMAIN_XML_INACTIVE;

    return virshDomainGetXMLFromDom(ctl, dom, flags, xml, ctxt);
}


/* Returns 1 if the disk shall change, 0 if not, -1 on error */
static int
virshDiskFlagsPrepareDisk(vshControl *ctl,
                          const virshDiskFlagsRequest *request,
                          virDomainDiskDef *disk)
{
    if (virshDiskFlagsParseValue(ctl, "migrate", request->migrate, &disk->flags.migrate) < 0 ||
        virshDiskFlagsParseValue(ctl, "snapshot", request->snapshot, &disk->flags.snapshot) < 0)
        return -1;

    if (virDomainDiskFlagsValidate(disk) == 0)
        return 1;

    if (request->all) {
        vshResetLibvirtError();
        return 0;
    }

    vshReportError(ctl);
    return -1;
}


static int
virshDiskFlagsPrepare(vshControl *ctl,
                      const vshCmd *cmd,
                      const virshDiskFlagsRequest *request,
                      virDomainPtr dom,
                      unsigned int affect,
                      GPtrArray *changes)
{
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    const char **asked;
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int nnodes;
    size_t i;

    if (virshDiskFlagsGetXML(ctl, dom, affect, &xml, &ctxt) < 0)
        return -1;

    if ((nnodes = virXPathNodeSet("./devices/disk", ctxt, &nodes)) < 0)
        return -1;

    for (i = 0; i < nnodes; i++) {
        g_autoptr(virDomainDiskDef) disk = NULL;
        g_autofree char *source = NULL;
        virshDiskFlagsChange *change;
        int rc;

        if (!(disk = virshDiskPlanParseDisk(ctxt, nodes[i], &source))) {
            vshReportError(ctl);
            return -1;
        }

        g_hash_table_add(known, g_strdup(disk->dst));
        if (source)
            g_hash_table_add(known, g_strdup(source));

        if (!request->all && !virshDiskFlagsIsAsked(cmd, disk->dst, source))
            continue;

        if ((rc = virshDiskFlagsPrepareDisk(ctl, request, disk)) < 0)
            return -1;

        if (rc == 0)
            continue;

        change = g_new0(virshDiskFlagsChange, 1);
        g_ptr_array_add(changes, change);

        change->affect = affect;
        change->target = g_strdup(disk->dst);
        change->flags = disk->flags;

        if (!(change->before = virXMLNodeToString(xml, nodes[i])) ||
            !(change->after = virshDiskFlagsEdit(nodes[i], &disk->flags))) {
            vshReportError(ctl);
            return -1;
        }
    }

    for (asked = vshCommandOptArgv(cmd, "disk"); asked && *asked; asked++) {
        if (!g_hash_table_contains(known, *asked)) {
            vshError(ctl, _("no disk '%1$s' in the %2$s definition of domain '%3$s': see domblklist"),
                     *asked,
                     affect == VIR_DOMAIN_AFFECT_CONFIG ? "persistent" : "running",
                     virDomainGetName(dom));
            return -1;
        }
    }

    return 0;
}


/* A daemon that doesn't know flags drops them without a word. All disks are looked
 * at together, since each look is at the whole domain. */
static int
virshDiskFlagsVerify(vshControl *ctl,
                     virDomainPtr dom,
                     unsigned int affect,
                     GPtrArray *changes)
{
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    g_autoptr(GHashTable) disks = virHashNew((GDestroyNotify) virDomainDiskDefFree);
    int nnodes;
    size_t i;

    if (virshDiskFlagsGetXML(ctl, dom, affect, &xml, &ctxt) < 0 ||
        (nnodes = virXPathNodeSet("./devices/disk", ctxt, &nodes)) < 0)
        return -1;

    for (i = 0; i < nnodes; i++) {
        virDomainDiskDef *disk;

        if (!(disk = virshDiskPlanParseDisk(ctxt, nodes[i], NULL)))
            return -1;

        g_hash_table_insert(disks, g_strdup(disk->dst), disk);
    }

    for (i = 0; i < changes->len; i++) {
        virshDiskFlagsChange *change = g_ptr_array_index(changes, i);
        virDomainDiskDef *disk = virHashLookup(disks, change->target);

        if (change->affect != affect ||
            (disk &&
             disk->flags.migrate == change->flags.migrate &&
             disk->flags.snapshot == change->flags.snapshot))
            continue;

        vshError(ctl, _("the flags of disk '%1$s' were not taken: the daemon of domain '%2$s' does not support them"),
                 change->target, virDomainGetName(dom));
        return -1;
    }

    return 0;
}


static void
virshDiskFlagsRollback(vshControl *ctl,
                       virDomainPtr dom,
                       GPtrArray *changes,
                       size_t ndone)
{
    while (ndone > 0) {
        virshDiskFlagsChange *change = g_ptr_array_index(changes, --ndone);

        if (virDomainUpdateDeviceFlags(dom, change->before, change->affect) < 0)
            vshError(ctl, _("cannot put back the flags of disk '%1$s'"), change->target);
    }
}


static bool
virshDiskFlagsApply(vshControl *ctl,
                    virDomainPtr dom,
                    bool live,
                    bool config,
                    GPtrArray *changes)
{
    size_t i;

    for (i = 0; i < changes->len; i++) {
        virshDiskFlagsChange *change = g_ptr_array_index(changes, i);

        if (virDomainUpdateDeviceFlags(dom, change->after, change->affect) < 0) {
            vshReportError(ctl);
            vshError(ctl, _("Failed to set the flags of disk '%1$s'"), change->target);
            virshDiskFlagsRollback(ctl, dom, changes, i);
            return false;
        }
    }

    if ((live && virshDiskFlagsVerify(ctl, dom, VIR_DOMAIN_AFFECT_LIVE, changes) < 0) ||
        (config && virshDiskFlagsVerify(ctl, dom, VIR_DOMAIN_AFFECT_CONFIG, changes) < 0)) {
        virshDiskFlagsRollback(ctl, dom, changes, changes->len);
        return false;
    }

    vshPrintExtra(ctl, "%s", _("Disk flags set successfully\n"));
    return true;
}


static bool
virshDiskFlagsSet(vshControl *ctl,
                  const vshCmd *cmd,
                  const virshDiskFlagsRequest *request,
                  virDomainPtr dom)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func((GDestroyNotify) virshDiskFlagsChangeFree);
    bool live = vshCommandOptBool(cmd, "live");
    bool config = vshCommandOptBool(cmd, "config");
    int active;

    if (request->all == !!vshCommandOptArgv(cmd, "disk")) {
        vshError(ctl, "%s", _("name the disks to set or use --all for every disk that can have the flags"));
        return false;
    }

    if (!live && !config) {
        if ((active = virDomainIsActive(dom)) < 0)
            return false;

        live = active == 1;
        config = !live;
    }

    if (live &&
        virshDiskFlagsPrepare(ctl, cmd, request, dom, VIR_DOMAIN_AFFECT_LIVE, changes) < 0)
        return false;

    if (config &&
        virshDiskFlagsPrepare(ctl, cmd, request, dom, VIR_DOMAIN_AFFECT_CONFIG, changes) < 0)
        return false;

    return virshDiskFlagsApply(ctl, dom, live, config, changes);
}


bool
cmdDomblkflags(vshControl *ctl,
               const vshCmd *cmd)
{
    g_autoptr(virshDomain) dom = NULL;
    virshDiskFlagsRequest request = { .all = vshCommandOptBool(cmd, "all") };
    bool current = vshCommandOptBool(cmd, "current");
    bool live = vshCommandOptBool(cmd, "live");
    bool config = vshCommandOptBool(cmd, "config");

    VSH_EXCLUSIVE_OPTIONS_VAR(current, live);
    VSH_EXCLUSIVE_OPTIONS_VAR(current, config);
    VSH_EXCLUSIVE_OPTIONS("inactive", "migrate");
    VSH_EXCLUSIVE_OPTIONS("inactive", "snapshot");
    VSH_EXCLUSIVE_OPTIONS("json", "migrate");
    VSH_EXCLUSIVE_OPTIONS("json", "snapshot");

    if (vshCommandOptString(ctl, cmd, "migrate", &request.migrate) < 0 ||
        vshCommandOptString(ctl, cmd, "snapshot", &request.snapshot) < 0)
        return false;

    if (!(dom = virshCommandOptDomain(ctl, cmd, NULL)))
        return false;

    if (request.migrate || request.snapshot)
        return virshDiskFlagsSet(ctl, cmd, &request, dom);

    if (request.all || live || config || current || vshCommandOptArgv(cmd, "disk")) {
        vshError(ctl, "%s", _("say what to set: --migrate or --snapshot with 'true', 'false' or 'default'"));
        return false;
    }

    return virshDiskFlagsShow(ctl, cmd, dom);
}
