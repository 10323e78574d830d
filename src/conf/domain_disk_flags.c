/*
 * domain_disk_flags.c: the <flags> element of a domain disk
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_conf.h"
#include "domain_disk_flags.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN

/* The names and values in a document may be megabytes long, error messages not. */
#define VIR_DOMAIN_DISK_FLAGS_SHOWN 64


/* Returns the beginning of @text, or all of it if it isn't long. */
static char *
virDomainDiskFlagsClip(const char *text)
{
    if (!text)
        return NULL;

    return g_utf8_substring(text, 0,
                            MIN(g_utf8_strlen(text, -1), VIR_DOMAIN_DISK_FLAGS_SHOWN));
}


static int
virDomainDiskFlagsParseNode(const char *name,
                            const char *target,
                            xmlNodePtr parent,
                            xmlNodePtr *node)
{
    xmlNodePtr child;

    for (child = parent->children; child; child = child->next) {
        /* what has a namespace is not libvirt's */
        if (child->ns || !virXMLNodeNameEqual(child, name))
            continue;

        if (*node) {
            g_autofree char *disk = virDomainDiskFlagsClip(target);

            virReportError(VIR_ERR_XML_ERROR,
                           _("element <%1$s> of disk '%2$s' is given more than once: at most one is allowed"),
                           name, NULLSTR(disk));
            return -1;
        }

        *node = child;
    }

    return 0;
}


static void
virDomainDiskFlagsReportValue(const char *name,
                              const char *target,
                              const char *value)
{
    g_autofree char *shown = virDomainDiskFlagsClip(value);
    g_autofree char *disk = virDomainDiskFlagsClip(target);

    if (STREQ(name, "migrate")) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("invalid value '%1$s' of element <migrate> in <flags> of disk '%2$s': only 'true', 'false', 'recreate' or an empty element, which means 'true', are allowed"),
                       shown, NULLSTR(disk));
        return;
    }

    virReportError(VIR_ERR_XML_ERROR,
                   _("invalid value '%1$s' of element <%2$s> in <flags> of disk '%3$s': only 'true', 'false' or an empty element, which means 'true', are allowed"),
                   shown, name, NULLSTR(disk));
}


/* libvirt doesn't replace entities: an element in one would be overlooked, and a
 * flag whose value is in an external one would look empty, which means 'true'. */
static int
virDomainDiskFlagsCheckEntities(const char *name,
                                const char *target,
                                xmlNodePtr node)
{
    xmlNodePtr child;

    for (child = node->children; child; child = child->next) {
        if (child->type == XML_ENTITY_REF_NODE) {
            g_autofree char *shown = virDomainDiskFlagsClip((const char *) child->name);
            g_autofree char *disk = virDomainDiskFlagsClip(target);

            virReportError(VIR_ERR_XML_ERROR,
                           _("entity '%1$s' in element <%2$s> of disk '%3$s' is not allowed: write what it stands for"),
                           shown, name, NULLSTR(disk));
            return -1;
        }
    }

    return 0;
}


static int
virDomainDiskFlagsParseOne(const char *name,
                           const char *target,
                           xmlNodePtr flagsNode,
                           virTristateBool *flag,
                           bool *recreate)
{
    g_autofree char *value = NULL;
    xmlNodePtr node = NULL;

    if (virDomainDiskFlagsParseNode(name, target, flagsNode, &node) < 0)
        return -1;

    if (!node)
        return 0;

    if (virDomainDiskFlagsCheckEntities(name, target, node) < 0)
        return -1;

    /* An element inside carries no text, so that its parent would look empty. */
    if (xmlFirstElementChild(node)) {
        virDomainDiskFlagsReportValue(name, target,
                                      (const char *) xmlFirstElementChild(node)->name);
        return -1;
    }

    if (!(value = virXMLNodeContentString(node)))
        return -1;

    g_strstrip(value);

    if (STREQ(value, "") || STREQ(value, "true")) {
        *flag = VIR_TRISTATE_BOOL_YES;
    } else if (STREQ(value, "false")) {
        *flag = VIR_TRISTATE_BOOL_NO;
    } else if (recreate && STREQ(value, "recreate")) {
        *flag = VIR_TRISTATE_BOOL_NO;
        *recreate = true;
    } else {
        virDomainDiskFlagsReportValue(name, target, value);
        return -1;
    }

    return 0;
}


/**
 * virDomainDiskFlagsParseXML:
 * @disk: disk definition with its target already parsed; its flags are filled
 * @ctxt: XPath context positioned at the <disk> element
 *
 * Parses the optional <flags> element. Children that are not known are ignored,
 * as everywhere in the domain XML.
 *
 * Returns 0 on success, also when there is no such element, -1 when an element
 * is repeated, its value is not allowed or hides in an entity (VIR_ERR_XML_ERROR
 * naming the disk target, the element and the value or entity).
 */
int
virDomainDiskFlagsParseXML(virDomainDiskDef *disk,
                           xmlXPathContextPtr ctxt)
{
    xmlNodePtr node = NULL;

    if (virDomainDiskFlagsParseNode("flags", disk->dst, ctxt->node, &node) < 0)
        return -1;

    if (!node)
        return 0;

    if (virDomainDiskFlagsCheckEntities("flags", disk->dst, node) < 0)
        return -1;

    if (virDomainDiskFlagsParseOne("migrate", disk->dst, node, &disk->flags.migrate,
                                   &disk->flags.recreate) < 0 ||
        virDomainDiskFlagsParseOne("snapshot", disk->dst, node, &disk->flags.snapshot, NULL) < 0 ||
        virDomainDiskFlagsParseOne("backup", disk->dst, node, &disk->flags.backup, NULL) < 0)
        return -1;

    return 0;
}


static void
virDomainDiskFlagsFormatOne(virBuffer *buf,
                            const char *name,
                            virTristateBool flag)
{
    if (flag == VIR_TRISTATE_BOOL_ABSENT)
        return;

    virBufferAsprintf(buf, "<%s>%s</%s>\n", name,
                      flag == VIR_TRISTATE_BOOL_YES ? "true" : "false", name);
}


/**
 * virDomainDiskFlagsFormat:
 * @buf: buffer of the <disk> element's children
 * @flags: flags of the disk
 *
 * Formats the <flags> element, always with explicit values; nothing is
 * formatted when no flag is set.
 */
void
virDomainDiskFlagsFormat(virBuffer *buf,
                         const virDomainDiskFlags *flags)
{
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);

    if (flags->recreate)
        virBufferAddLit(&childBuf, "<migrate>recreate</migrate>\n");
    else
        virDomainDiskFlagsFormatOne(&childBuf, "migrate", flags->migrate);

    virDomainDiskFlagsFormatOne(&childBuf, "snapshot", flags->snapshot);
    virDomainDiskFlagsFormatOne(&childBuf, "backup", flags->backup);

    virXMLFormatElement(buf, "flags", NULL, &childBuf);
}


/**
 * virDomainDiskFlagsCheckSupport:
 * @dev: any device of a domain
 * @def: domain definition that @dev belongs to
 * @xmlopt: XML parser option object of the hypervisor driver
 *
 * Flags that are silently not obeyed would be worse than none, so that a driver
 * which does not know them must not accept them.
 *
 * Returns 0 when @dev is no disk, has no flags or the driver obeys them, -1
 * otherwise (VIR_ERR_CONFIG_UNSUPPORTED naming the disk and the domain type).
 */
int
virDomainDiskFlagsCheckSupport(const virDomainDeviceDef *dev,
                               const virDomainDef *def,
                               virDomainXMLOption *xmlopt)
{
    const virDomainDiskDef *disk = dev->data.disk;
    g_autofree char *target = NULL;

    if (dev->type != VIR_DOMAIN_DEVICE_DISK ||
        xmlopt->config.features & VIR_DOMAIN_DEF_FEATURE_DISK_FLAGS)
        return 0;

    if (disk->flags.migrate == VIR_TRISTATE_BOOL_ABSENT &&
        disk->flags.snapshot == VIR_TRISTATE_BOOL_ABSENT &&
        disk->flags.backup == VIR_TRISTATE_BOOL_ABSENT)
        return 0;

    target = virDomainDiskFlagsClip(disk->dst);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("domain type '%1$s' does not support the <flags> of disk '%2$s': remove the element"),
                   virDomainVirtTypeToString(def->virtType), NULLSTR(target));
    return -1;
}


static const char *
virDomainDiskFlagsUnfitKind(const virDomainDiskDef *disk)
{
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM ||
        disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY)
        return virDomainDiskDeviceTypeToString(disk->device);

    if (disk->src->readonly)
        return "read-only";

    if (disk->src->type == VIR_STORAGE_TYPE_VHOST_USER)
        return "vhost-user";

    return NULL;
}


static int
virDomainDiskFlagsValidateOne(const char *name,
                              const char *target,
                              virTristateBool flag,
                              const char *unfitKind)
{
    g_autofree char *disk = NULL;

    if (!unfitKind || flag != VIR_TRISTATE_BOOL_YES)
        return 0;

    disk = virDomainDiskFlagsClip(target);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("flag <%1$s> of disk '%2$s' cannot be 'true' on a '%3$s' disk: set it to 'false' or remove it"),
                   name, disk, unfitKind);
    return -1;
}


static int
virDomainDiskFlagsValidateSnapshot(const virDomainDiskDef *disk)
{
    const char *location = virDomainSnapshotLocationTypeToString(disk->snapshot);
    g_autofree char *target = NULL;

    switch (disk->snapshot) {
    case VIR_DOMAIN_SNAPSHOT_LOCATION_NO:
        if (disk->flags.snapshot != VIR_TRISTATE_BOOL_YES)
            return 0;
        break;

    case VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_MANUAL:
        if (disk->flags.snapshot != VIR_TRISTATE_BOOL_NO)
            return 0;
        break;

    case VIR_DOMAIN_SNAPSHOT_LOCATION_DEFAULT:
    case VIR_DOMAIN_SNAPSHOT_LOCATION_LAST:
        return 0;
    }

    target = virDomainDiskFlagsClip(disk->dst);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("flag <snapshot> of disk '%1$s' contradicts its attribute snapshot='%2$s': change or remove one of them"),
                   target, location);
    return -1;
}


/* What keeps @disk from being taken out of a running domain and made anew, for error
 * messages, or NULL. */
static const char *
virDomainDiskFlagsRecreateObstacle(const virDomainDiskDef *disk)
{
    if (disk->device != VIR_DOMAIN_DISK_DEVICE_DISK)
        return "a device other than 'disk'";

    if (disk->bus != VIR_DOMAIN_DISK_BUS_VIRTIO &&
        disk->bus != VIR_DOMAIN_DISK_BUS_SCSI &&
        disk->bus != VIR_DOMAIN_DISK_BUS_USB)
        return "a bus other than 'virtio', 'scsi' and 'usb'";

    if (disk->info.bootIndex > 0)
        return "<boot order='...'/>";

    if (disk->src->type != VIR_STORAGE_TYPE_FILE)
        return "a type other than 'file'";

    if (disk->src->format > VIR_STORAGE_FILE_NONE &&
        disk->src->format != VIR_STORAGE_FILE_RAW &&
        disk->src->format != VIR_STORAGE_FILE_QCOW2)
        return "a format other than 'raw' and 'qcow2'";

    if (disk->src->readonly)
        return "<readonly/>";

    if (disk->src->shared)
        return "<shareable/>";

    if (disk->transient)
        return "<transient/>";

    if (disk->src->encryption)
        return "<encryption>";

    if (virStorageSourceHasBacking(disk->src))
        return "<backingStore>";

    return NULL;
}


static int
virDomainDiskFlagsValidateRecreate(const char *name,
                                   const virDomainDiskFlags *flags,
                                   const virDomainDiskDef *disk)
{
    const char *obstacle = virDomainDiskFlagsRecreateObstacle(disk);
    g_autofree char *target = NULL;

    if (!flags->recreate || !obstacle)
        return 0;

    target = virDomainDiskFlagsClip(name);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("flag <migrate> of disk '%1$s' cannot be 'recreate', since the disk has %2$s and could not be taken out of the running domain and made anew: change that, or set the flag to 'true' or 'false'"),
                   target, obstacle);
    return -1;
}


/* Whether the firmware starts the domain from @disk without a boot order in devices. */
static bool
virDomainDiskFlagsIsBooted(const virDomainDef *def,
                           const virDomainDiskDef *disk)
{
    bool boots = false;
    size_t i;

    for (i = 0; i < def->os.nBootDevs; i++)
        boots = boots || def->os.bootDevs[i] == VIR_DOMAIN_BOOT_DISK;

    if (!boots || def->os.kernel)
        return false;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->device == VIR_DOMAIN_DISK_DEVICE_DISK)
            return STREQ_NULLABLE(def->disks[i]->dst, disk->dst);
    }

    return false;
}


static int
virDomainDiskFlagsValidateBoot(const virDomainDef *def,
                               const virDomainDiskDef *disk)
{
    g_autofree char *target = NULL;

    if (!disk->flags.recreate || !virDomainDiskFlagsIsBooted(def, disk))
        return 0;

    target = virDomainDiskFlagsClip(disk->dst);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("flag <migrate> of disk '%1$s' cannot be 'recreate', since the domain boots from the disk (<boot dev='hd'/> in <os>): put another disk first, or set the flag to 'true' or 'false'"),
                   target);
    return -1;
}


/**
 * virDomainDiskFlagsValidateUpdate:
 * @disk: disk definition of the update
 * @orig: disk definition that it is about to update
 *
 * An update may leave out <readonly/>, in which case the disk of the running
 * domain stays read-only, so that the new flags have to fit the old disk too.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_CONFIG_UNSUPPORTED naming the
 * disk, the flag and the remedy).
 */
int
virDomainDiskFlagsValidateUpdate(const virDomainDiskDef *disk,
                                 const virDomainDiskDef *orig)
{
    const char *unfitKind = virDomainDiskFlagsUnfitKind(orig);

    if (virDomainDiskFlagsValidateOne("migrate", disk->dst, disk->flags.migrate, unfitKind) < 0 ||
        virDomainDiskFlagsValidateOne("snapshot", disk->dst, disk->flags.snapshot, unfitKind) < 0 ||
        virDomainDiskFlagsValidateOne("backup", disk->dst, disk->flags.backup, unfitKind) < 0)
        return -1;

    return virDomainDiskFlagsValidateRecreate(disk->dst, &disk->flags, orig);
}


/**
 * virDomainDiskFlagsValidate:
 * @def: definition of the domain, or of the one that the disk is for
 * @disk: disk definition, post-parsed
 *
 * Checks that the flags of @disk can be obeyed and do not contradict the rest of
 * it. Only what stays with a disk for life is looked at: whether a drive is
 * empty is not, so that a definition once accepted stays acceptable.
 *
 * Returns 0 on success, -1 otherwise (VIR_ERR_CONFIG_UNSUPPORTED naming the
 * disk, the flag and the remedy).
 */
int
virDomainDiskFlagsValidate(const virDomainDef *def,
                           const virDomainDiskDef *disk)
{
    if (virDomainDiskFlagsValidateUpdate(disk, disk) < 0 ||
        virDomainDiskFlagsValidateBoot(def, disk) < 0)
        return -1;

    return virDomainDiskFlagsValidateSnapshot(disk);
}
