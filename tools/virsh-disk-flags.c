/*
 * virsh-disk-flags.c: command that shows and sets the flags of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "virsh-disk-flags.h"
#include "virsh-disk-flags-file.h"
#include "virsh-disk-plan.h"
#include "virsh-util.h"
#include "virsh-completer.h"
#include "virsh-completer-domain.h"

#include "disk_set/disk_set_change.h"
#include "disk_set/disk_set_message.h"
#include "virjson.h"
#include "virxml.h"
#include "vsh-table.h"

char **
virshDiskFlagsValueCompleter(vshControl *ctl G_GNUC_UNUSED,
                             const vshCmd *cmd G_GNUC_UNUSED,
                             unsigned int flags)
{
    const char *values[] = { "true", "false", "default", NULL };

    virCheckFlags(0, NULL);

    return g_strdupv((char **) values);
}


char **
virshDiskFlagsMigrateCompleter(vshControl *ctl G_GNUC_UNUSED,
                               const vshCmd *cmd G_GNUC_UNUSED,
                               unsigned int flags)
{
    const char *values[] = { "true", "false", "recreate", "default", NULL };

    virCheckFlags(0, NULL);

    return g_strdupv((char **) values);
}


const vshCmdInfo info_domblkflags = {
    .help = N_("show or set the flags of a domain's disks"),
    .desc = N_("Show which disks a migration that copies storage, a snapshot and a "
               "backup take and why, or set the flags that decide it."),
};

const vshCmdOptDef opts_domblkflags[] = {
    VIRSH_COMMON_OPT_DOMAIN_FULL(0),
    VIRSH_DISK_FLAGS_OPTS,
    {.name = "from-json",
     .type = VSH_OT_STRING,
     .completer = virshCompletePathLocalExisting,
     .help = N_("set the flags that a file has as --json prints them")
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

    if (plan->flags.recreate)
        return g_strdup("recreate (flag)");

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
                        _("Migrate"), _("Snapshot"), _("Backup"), NULL);
    if (!table)
        return false;

    for (i = 0; i < list->ndisks; i++) {
        const virshDiskPlan *plan = &list->disks[i];
        g_autofree char *migrate = virshDiskFlagsDescribeMigrate(plan);
        g_autofree char *snapshot = virshDiskFlagsDescribeSnapshot(plan);
        g_autofree char *backup = virshDiskFlagsDescribe(plan->backup, plan->backupReason,
                                                         VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT);

        unsure = unsure || plan->migrateUnsure;

        if (vshTableRowAppend(table, plan->target, NULLSTR_MINUS(plan->source),
                              plan->format, migrate, snapshot, backup, NULL) < 0)
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
virshDiskFlagsToJSON(virTristateBool flag,
                     bool recreate)
{
    if (recreate)
        return virJSONValueNewString(g_strdup("recreate"));

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
    g_autoptr(virJSONValue) backup = NULL;
    g_autoptr(virJSONValue) migrateFlag = virshDiskFlagsToJSON(plan->flags.migrate, plan->flags.recreate);
    g_autoptr(virJSONValue) snapshotFlag = virshDiskFlagsToJSON(plan->flags.snapshot, false);
    g_autoptr(virJSONValue) backupFlag = virshDiskFlagsToJSON(plan->flags.backup, false);

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
        virJSONValueObjectAdd(&backup,
                              "a:flag", &backupFlag,
                              "b:selected", plan->backup,
                              "s:reason", virDomainDiskSelectionReasonTypeToString(plan->backupReason),
                              NULL) < 0 ||
        virJSONValueObjectAdd(&disk,
                              "s:target", plan->target,
                              "S:source", plan->source,
                              "s:format", plan->format,
                              "a:migrate", &migrate,
                              "a:snapshot", &snapshot,
                              "a:backup", &backup,
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
virshDiskFlagsTellCopied(vshControl *ctl,
                         const virshDiskPlanList *list)
{
    g_auto(virBuffer) copied = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) left = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < list->ndisks; i++) {
        const virshDiskPlan *plan = &list->disks[i];

        if (plan->migrate)
            virBufferAsprintf(&copied, " %s", plan->target);
        else if (plan->source)
            virBufferAsprintf(&left, " %s (%s)", plan->target,
                              plan->flags.recreate ? "recreate" :
                              virDomainDiskSelectionReasonTypeToString(plan->migrateReason));
    }

    if (virBufferCurrentContent(&left))
        vshPrint(ctl, _("Disks that are copied:%1$s; not copied:%2$s\n"),
                 NULLSTR_EMPTY(virBufferCurrentContent(&copied)),
                 virBufferCurrentContent(&left));
}


/**
 * virshDiskFlagsTellMigration:
 * @ctl: virsh control structure
 * @cmd: command "migrate"
 * @dom: domain that is about to be migrated
 *
 * Prints which disks the migration copies and which not, and why, if it leaves any out
 * without having been told by a list of disks.
 */
void
virshDiskFlagsTellMigration(vshControl *ctl,
                            const vshCmd *cmd,
                            virDomainPtr dom)
{
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(virshDiskPlanList) list = NULL;
    const char *disks = NULL;

    if (!(vshCommandOptBool(cmd, "copy-storage-all") || vshCommandOptBool(cmd, "copy-storage-inc")) ||
        vshCommandOptBool(cmd, "offline") ||
        vshCommandOptString(ctl, cmd, "migrate-disks", &disks) < 0 || disks ||
        virshDomainGetXMLFromDom(ctl, dom, 0, &xml, &ctxt) < 0)
        return;

    if (!(list = virshDiskPlanListNew(ctxt, true))) {
        vshResetLibvirtError();
        return;
    }

    virshDiskFlagsTellCopied(ctl, list);
}


static int
virshDiskFlagsParseRequest(vshControl *ctl,
                           const vshCmd *cmd,
                           const char *option,
                           virDiskSetWish *wish)
{
    virDiskSetRequest *request = wish->requests + wish->nrequests;
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
    } else if (STREQ(value, "recreate") && STREQ(option, "migrate")) {
        request->value = VIR_DISK_SET_FLAG_RECREATE;
    } else if (STREQ(option, "migrate")) {
        vshError(ctl, _("invalid value '%1$s' of --migrate: use 'true', 'false', 'recreate' or 'default'"),
                 value);
        return -1;
    } else {
        vshError(ctl, _("invalid value '%1$s' of --%2$s: use 'true', 'false' or 'default'"),
                 value, option);
        return -1;
    }

    wish->nrequests++;
    return 0;
}


static int
virshDiskFlagsParseRequests(vshControl *ctl,
                            const vshCmd *cmd,
                            virDiskSetWish *wish)
{
    if (virshDiskFlagsParseRequest(ctl, cmd, "migrate", wish) < 0 ||
        virshDiskFlagsParseRequest(ctl, cmd, "snapshot", wish) < 0 ||
        virshDiskFlagsParseRequest(ctl, cmd, "backup", wish) < 0)
        return -1;

    return 0;
}


/**
 * virshDiskFlagsFormat:
 * @ctl: virsh control structure
 * @cmd: command with the options VIRSH_DISK_FLAGS_OPTS
 * @buf: buffer of the <disk> element's children
 *
 * Formats the <flags> element that the options ask for; nothing when there are none.
 *
 * Returns 0 on success, -1 with an error printed when a value is not allowed.
 */
int
virshDiskFlagsFormat(vshControl *ctl,
                     const vshCmd *cmd,
                     virBuffer *buf)
{
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    virDiskSetWish wish = { 0 };
    size_t i;

    if (virshDiskFlagsParseRequests(ctl, cmd, &wish) < 0)
        return -1;

    for (i = 0; i < wish.nrequests; i++) {
        const virDiskSetRequest *request = wish.requests + i;

        if (request->value != VIR_DISK_SET_FLAG_ABSENT)
            virBufferAsprintf(&childBuf, "<%1$s>%2$s</%1$s>\n", request->flag,
                              virDiskSetFlagToString(request->value));
    }

    virXMLFormatElement(buf, "flags", NULL, &childBuf);
    return 0;
}


static bool
virshDiskFlagsSet(vshControl *ctl,
                  const vshCmd *cmd,
                  virDomainPtr dom,
                  const virDiskSetWish *wishes,
                  size_t nwishes)
{
    virshControl *priv = ctl->privData;
    unsigned int flags = 0;
    virDiskSetScope scope;

    if (priv->readonly) {
        vshError(ctl, "%s", _("flags of disks cannot be set over a read-only connection: leave out --readonly (-r)"));
        return false;
    }

    if (vshCommandOptBool(cmd, "live"))
        flags |= VIR_DOMAIN_AFFECT_LIVE;

    if (vshCommandOptBool(cmd, "config"))
        flags |= VIR_DOMAIN_AFFECT_CONFIG;

    if (virDiskSetScopeInit(&scope, dom, flags) < 0 ||
        virDiskSetChangeDisks(&scope, wishes, nwishes, vshCommandOptBool(cmd, "all")) < 0) {
        vshResetLibvirtError();
        vshError(ctl, "%s", virDiskSetMessageGet());
        return false;
    }

    vshPrintExtra(ctl, "%s", _("Disk flags set successfully\n"));
    return true;
}


static bool
virshDiskFlagsSetNamed(vshControl *ctl,
                       const vshCmd *cmd,
                       virDomainPtr dom,
                       const virDiskSetWish *wish)
{
    const char **disks = vshCommandOptArgv(cmd, "disk");
    bool all = vshCommandOptBool(cmd, "all");
    size_t nwishes = disks ? g_strv_length((char **) disks) : 1;
    g_autofree virDiskSetWish *wishes = g_new0(virDiskSetWish, nwishes);
    size_t i;

    if (all == !!disks) {
        vshError(ctl, "%s", _("name the disks to set or use --all for every disk that can have the flags"));
        return false;
    }

    for (i = 0; i < nwishes; i++) {
        wishes[i] = *wish;
        wishes[i].name = disks ? disks[i] : NULL;
    }

    return virshDiskFlagsSet(ctl, cmd, dom, wishes, nwishes);
}


static bool
virshDiskFlagsSetFromFile(vshControl *ctl,
                          const vshCmd *cmd,
                          virDomainPtr dom,
                          const char *path)
{
    g_autoptr(virJSONValue) disks = NULL;
    g_autofree virDiskSetWish *wishes = NULL;
    size_t nwishes;

    if (!(disks = virshDiskFlagsFileRead(ctl, path)) ||
        !(wishes = virshDiskFlagsFileParse(ctl, path, disks, &nwishes)))
        return false;

    return virshDiskFlagsSet(ctl, cmd, dom, wishes, nwishes);
}


bool
cmdDomblkflags(vshControl *ctl,
               const vshCmd *cmd)
{
    g_autoptr(virshDomain) dom = NULL;
    virDiskSetWish wish = { 0 };
    const char *file = NULL;
    bool current = vshCommandOptBool(cmd, "current");
    bool live = vshCommandOptBool(cmd, "live");
    bool config = vshCommandOptBool(cmd, "config");

    VSH_EXCLUSIVE_OPTIONS_VAR(current, live);
    VSH_EXCLUSIVE_OPTIONS_VAR(current, config);
    VSH_EXCLUSIVE_OPTIONS("inactive", "migrate");
    VSH_EXCLUSIVE_OPTIONS("inactive", "snapshot");
    VSH_EXCLUSIVE_OPTIONS("inactive", "backup");
    VSH_EXCLUSIVE_OPTIONS("inactive", "from-json");
    VSH_EXCLUSIVE_OPTIONS("json", "migrate");
    VSH_EXCLUSIVE_OPTIONS("json", "snapshot");
    VSH_EXCLUSIVE_OPTIONS("json", "backup");
    VSH_EXCLUSIVE_OPTIONS("json", "from-json");
    VSH_EXCLUSIVE_OPTIONS("from-json", "migrate");
    VSH_EXCLUSIVE_OPTIONS("from-json", "snapshot");
    VSH_EXCLUSIVE_OPTIONS("from-json", "backup");
    VSH_EXCLUSIVE_OPTIONS("from-json", "all");
    VSH_EXCLUSIVE_OPTIONS("from-json", "disk");

    if (virshDiskFlagsParseRequests(ctl, cmd, &wish) < 0 ||
        vshCommandOptString(ctl, cmd, "from-json", &file) < 0)
        return false;

    if (!(dom = virshCommandOptDomain(ctl, cmd, NULL)))
        return false;

    if (file)
        return virshDiskFlagsSetFromFile(ctl, cmd, dom, file);

    if (wish.nrequests > 0)
        return virshDiskFlagsSetNamed(ctl, cmd, dom, &wish);

    if (vshCommandOptBool(cmd, "all") || live || config || current || vshCommandOptArgv(cmd, "disk")) {
        vshError(ctl, "%s", _("say what to set: --migrate, --snapshot or --backup with 'true', 'false' or 'default'"));
        return false;
    }

    return virshDiskFlagsShow(ctl, cmd, dom);
}
