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

#include "disk_set/disk_set_change.h"
#include "disk_set/disk_set_message.h"
#include "virjson.h"
#include "virxml.h"
#include "vsh-table.h"

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

    if (plan->migrateOntoItself)
        return g_strdup("refused (onto itself)");

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
                              "S:refused", plan->migrateOntoItself ? "onto itself" : NULL,
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


static int
virshDiskFlagsParseRequest(vshControl *ctl,
                           const vshCmd *cmd,
                           const char *option,
                           virDiskSetRequest *requests,
                           size_t *nrequests)
{
    virDiskSetRequest *request = requests + *nrequests;
    const char *value = NULL;

    if (vshCommandOptString(ctl, cmd, option, &value) < 0)
        return -1;

    if (!value)
        return 0;

    request->flag = option;

    if (STREQ(value, "true")) {
        request->value = VIR_DISK_SET_FLAG_TRUE;
    } else if (STREQ(value, "false")) {
        request->value = VIR_DISK_SET_FLAG_FALSE;
    } else if (STREQ(value, "default")) {
        request->value = VIR_DISK_SET_FLAG_ABSENT;
    } else {
        vshError(ctl, _("invalid value '%1$s' of --%2$s: use 'true', 'false' or 'default'"),
                 value, option);
        return -1;
    }

    (*nrequests)++;
    return 0;
}


static bool
virshDiskFlagsSet(vshControl *ctl,
                  const vshCmd *cmd,
                  virDomainPtr dom,
                  const virDiskSetRequest *requests,
                  size_t nrequests)
{
    virshControl *priv = ctl->privData;
    const char **disks = vshCommandOptArgv(cmd, "disk");
    bool all = vshCommandOptBool(cmd, "all");
    unsigned int flags = 0;
    virDiskSetScope scope;

    if (priv->readonly) {
        vshError(ctl, "%s", _("flags of disks cannot be set over a read-only connection: leave out --readonly (-r)"));
        return false;
    }

    if (all == !!disks) {
        vshError(ctl, "%s", _("name the disks to set or use --all for every disk that can have the flags"));
        return false;
    }

    if (vshCommandOptBool(cmd, "live"))
        flags |= VIR_DOMAIN_AFFECT_LIVE;

    if (vshCommandOptBool(cmd, "config"))
        flags |= VIR_DOMAIN_AFFECT_CONFIG;

    if (virDiskSetScopeInit(&scope, dom, flags) < 0 ||
        virDiskSetChangeDisks(&scope, disks, requests, nrequests, all) < 0) {
        vshResetLibvirtError();
        vshError(ctl, "%s", virDiskSetMessageGet());
        return false;
    }

    vshPrintExtra(ctl, "%s", _("Disk flags set successfully\n"));
    return true;
}


bool
cmdDomblkflags(vshControl *ctl,
               const vshCmd *cmd)
{
    g_autoptr(virshDomain) dom = NULL;
    virDiskSetRequest requests[VIR_DISK_SET_CHANGE_REQUESTS];
    size_t nrequests = 0;
    bool current = vshCommandOptBool(cmd, "current");
    bool live = vshCommandOptBool(cmd, "live");
    bool config = vshCommandOptBool(cmd, "config");

    VSH_EXCLUSIVE_OPTIONS_VAR(current, live);
    VSH_EXCLUSIVE_OPTIONS_VAR(current, config);
    VSH_EXCLUSIVE_OPTIONS("inactive", "migrate");
    VSH_EXCLUSIVE_OPTIONS("inactive", "snapshot");
    VSH_EXCLUSIVE_OPTIONS("json", "migrate");
    VSH_EXCLUSIVE_OPTIONS("json", "snapshot");

    if (virshDiskFlagsParseRequest(ctl, cmd, "migrate", requests, &nrequests) < 0 ||
        virshDiskFlagsParseRequest(ctl, cmd, "snapshot", requests, &nrequests) < 0)
        return false;

    if (!(dom = virshCommandOptDomain(ctl, cmd, NULL)))
        return false;

    if (nrequests > 0)
        return virshDiskFlagsSet(ctl, cmd, dom, requests, nrequests);

    if (vshCommandOptBool(cmd, "all") || live || config || current || vshCommandOptArgv(cmd, "disk")) {
        vshError(ctl, "%s", _("say what to set: --migrate or --snapshot with 'true', 'false' or 'default'"));
        return false;
    }

    return virshDiskFlagsShow(ctl, cmd, dom);
}
