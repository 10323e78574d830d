/*
 * disk_set_definition.c: the disks in the definition of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#define GETTEXT_PACKAGE PACKAGE
#include <glib/gi18n-lib.h>

#include "disk_set_definition.h"
#include "disk_set_message.h"


static xmlDocPtr
virDiskSetDefinitionReadXML(virDomainPtr dom,
                            unsigned int impact,
                            unsigned int xmlFlags)
{
    g_autofree char *xml = NULL;

    if (impact == VIR_DOMAIN_AFFECT_CONFIG)
        xmlFlags |= VIR_DOMAIN_XML_INACTIVE;

    if (!(xml = virDomainGetXMLDesc(dom, xmlFlags))) {
        virDiskSetMessageTake();
        return NULL;
    }

    return virDiskSetXMLParse(xml, "domain");
}


/**
 * virDiskSetDefinitionRead:
 * @dom: domain
 * @impact: VIR_DOMAIN_AFFECT_LIVE or VIR_DOMAIN_AFFECT_CONFIG
 *
 * Returns the definition, to be freed by the caller, or NULL with the message
 * set.
 */
xmlDocPtr
virDiskSetDefinitionRead(virDomainPtr dom,
                         unsigned int impact)
{
    return virDiskSetDefinitionReadXML(dom, impact, 0);
}


/**
 * virDiskSetDefinitionReadForUpdate:
 * @dom: domain
 * @impact: VIR_DOMAIN_AFFECT_LIVE or VIR_DOMAIN_AFFECT_CONFIG
 *
 * Like virDiskSetDefinitionRead(), with what libvirt shows only to those who may
 * write: an update without the cookies of a network disk would drop them.
 */
xmlDocPtr
virDiskSetDefinitionReadForUpdate(virDomainPtr dom,
                                  unsigned int impact)
{
    return virDiskSetDefinitionReadXML(dom, impact, VIR_DOMAIN_XML_SECURE);
}


/**
 * virDiskSetDefinitionFirstDisk:
 * @doc: definition of a domain
 *
 * Returns its first disk or NULL; virDiskSetXMLNext() gives the others.
 */
xmlNodePtr
virDiskSetDefinitionFirstDisk(xmlDocPtr doc)
{
    xmlNodePtr devices = virDiskSetXMLChild(xmlDocGetRootElement(doc), "devices");

    return virDiskSetXMLChild(devices, "disk");
}


char *
virDiskSetDiskTarget(xmlNodePtr disk)
{
    return virDiskSetXMLAttribute(virDiskSetXMLChild(disk, "target"), "dev");
}


static bool
virDiskSetDiskHasTarget(xmlNodePtr disk,
                        const char *target)
{
    g_autofree char *own = virDiskSetDiskTarget(disk);

    return g_strcmp0(own, target) == 0;
}


static bool
virDiskSetDiskHasPath(xmlNodePtr disk,
                      const char *path)
{
    const char *attributes[] = { "file", "dev", "dir", "name", "volume", "path" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(attributes); i++) {
        g_autofree char *own = virDiskSetXMLAttribute(virDiskSetXMLChild(disk, "source"),
                                                      attributes[i]);

        if (g_strcmp0(own, path) == 0)
            return true;
    }

    return false;
}


/**
 * virDiskSetDiskIsNamed:
 * @disk: disk of a domain
 * @name: target or source path
 *
 * Returns whether @name may mean @disk.
 */
bool
virDiskSetDiskIsNamed(xmlNodePtr disk,
                      const char *name)
{
    return virDiskSetDiskHasTarget(disk, name) || virDiskSetDiskHasPath(disk, name);
}


/**
 * virDiskSetDefinitionFindDisk:
 * @doc: definition of a domain
 * @name: target or source path
 *
 * A target goes before a path, and a path must mean one disk.
 *
 * Returns the disk, or NULL with the message set.
 */
xmlNodePtr
virDiskSetDefinitionFindDisk(xmlDocPtr doc,
                             const char *name)
{
    xmlNodePtr found = NULL;
    xmlNodePtr disk;

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (virDiskSetDiskHasTarget(disk, name))
            return disk;
    }

    for (disk = virDiskSetDefinitionFirstDisk(doc); disk; disk = virDiskSetXMLNext(disk)) {
        if (!virDiskSetDiskHasPath(disk, name))
            continue;

        if (found) {
            virDiskSetMessageSet(_("more than one disk has the source '%1$s': name the disk by its target"),
                                 name);
            return NULL;
        }

        found = disk;
    }

    if (!found)
        virDiskSetMessageSet(_("no disk has the target or the source '%1$s'"), name);

    return found;
}


/**
 * virDiskSetDiskGetFlag:
 * @disk: disk of a domain
 * @flag: "migrate", "snapshot" or "backup"
 *
 * Libvirt writes flags always with an explicit value.
 *
 * Returns the value of the flag.
 */
virDiskSetFlag
virDiskSetDiskGetFlag(xmlNodePtr disk,
                      const char *flag)
{
    xmlNodePtr node = virDiskSetXMLChild(virDiskSetXMLChild(disk, "flags"), flag);
    g_autofree char *value = virDiskSetXMLText(node);

    if (g_strcmp0(value, "true") == 0)
        return VIR_DISK_SET_FLAG_TRUE;

    if (g_strcmp0(value, "false") == 0)
        return VIR_DISK_SET_FLAG_FALSE;

    if (g_strcmp0(value, "recreate") == 0)
        return VIR_DISK_SET_FLAG_RECREATE;

    return VIR_DISK_SET_FLAG_ABSENT;
}


/**
 * virDiskSetFlagToString:
 * @value: value of a flag
 *
 * Returns how it is written in XML, or NULL if that is nothing.
 */
const char *
virDiskSetFlagToString(virDiskSetFlag value)
{
    const char *values[] = { NULL, "true", "false", "recreate", "none" };

    return values[value];
}


/**
 * virDiskSetDiskSetFlag:
 * @disk: disk of a domain
 * @flag: "migrate", "snapshot" or "backup"
 * @value: new value; absent takes the flag away
 */
void
virDiskSetDiskSetFlag(xmlNodePtr disk,
                      const char *flag,
                      virDiskSetFlag value)
{
    xmlNodePtr flags = virDiskSetXMLChild(disk, "flags");
    xmlNodePtr node = virDiskSetXMLChild(flags, flag);

    xmlUnlinkNode(node);
    xmlFreeNode(node);

    if (value == VIR_DISK_SET_FLAG_ABSENT)
        return;

    if (!flags)
        flags = xmlNewChild(disk, NULL, (const xmlChar *) "flags", NULL);

    xmlNewChild(flags, NULL, (const xmlChar *) flag,
                (const xmlChar *) virDiskSetFlagToString(value));
}


static const char *
virDiskSetDiskObstacle(xmlNodePtr disk,
                       const char *flag)
{
    g_autofree char *device = virDiskSetXMLAttribute(disk, "device");
    g_autofree char *type = virDiskSetXMLAttribute(disk, "type");
    g_autofree char *snapshot = virDiskSetXMLAttribute(disk, "snapshot");

    if (g_strcmp0(device, "cdrom") == 0)
        return "device='cdrom'";

    if (g_strcmp0(device, "floppy") == 0)
        return "device='floppy'";

    if (g_strcmp0(type, "vhostuser") == 0)
        return "type='vhostuser'";

    if (virDiskSetXMLChild(disk, "readonly"))
        return "<readonly/>";

    if (g_str_equal(flag, "snapshot") && g_strcmp0(snapshot, "no") == 0)
        return "snapshot='no'";

    return NULL;
}


/**
 * virDiskSetDiskCanHaveFlag:
 * @disk: disk of a domain
 * @flag: "migrate", "snapshot" or "backup"
 *
 * Returns whether the flag may be true on such a disk.
 */
bool
virDiskSetDiskCanHaveFlag(xmlNodePtr disk,
                          const char *flag)
{
    return !virDiskSetDiskObstacle(disk, flag);
}


static int
virDiskSetDiskCheckTrue(xmlNodePtr disk,
                        const char *flag)
{
    const char *obstacle = virDiskSetDiskObstacle(disk, flag);
    g_autofree char *target = virDiskSetDiskTarget(disk);

    if (!obstacle)
        return 0;

    virDiskSetMessageSet(_("disk '%1$s' has %2$s, so that its flag <%3$s> cannot be 'true': choose another disk or change this one"),
                         target, obstacle, flag);
    return -1;
}


static int
virDiskSetDiskCheckFalse(xmlNodePtr disk,
                         const char *flag)
{
    g_autofree char *snapshot = virDiskSetXMLAttribute(disk, "snapshot");
    g_autofree char *target = virDiskSetDiskTarget(disk);

    if (!g_str_equal(flag, "snapshot") || !snapshot || g_str_equal(snapshot, "no"))
        return 0;

    virDiskSetMessageSet(_("disk '%1$s' has snapshot='%2$s', so that its flag <snapshot> cannot be 'false': remove the attribute"),
                         target, snapshot);
    return -1;
}


static bool
virDiskSetXMLAttributeIsIn(xmlNodePtr node,
                           const char *name,
                           const char *const *values)
{
    g_autofree char *own = virDiskSetXMLAttribute(node, name);

    return own && g_strv_contains(values, own);
}


/* What the daemon refuses to make anew, but for what takes the whole domain to see. */
static const char *
virDiskSetDiskRecreateObstacle(xmlNodePtr disk)
{
    const char *const file[] = { "file", NULL };
    const char *const buses[] = { "virtio", "scsi", "usb", NULL };
    const char *const formats[] = { "raw", "qcow2", NULL };
    const struct {
        const char *name;
        const char *obstacle;
    } elements[] = {
        { "readonly", "<readonly/>" },
        { "shareable", "<shareable/>" },
        { "transient", "<transient/>" },
        { "boot", "<boot order='...'/>" },
        { "encryption", "<encryption>" },
    };
    g_autofree char *device = virDiskSetXMLAttribute(disk, "device");
    xmlNodePtr driver = virDiskSetXMLChild(disk, "driver");
    size_t i;

    if (device && !g_str_equal(device, "disk"))
        return "a device other than 'disk'";

    if (!virDiskSetXMLAttributeIsIn(disk, "type", file))
        return "a type other than 'file'";

    if (!virDiskSetXMLAttributeIsIn(virDiskSetXMLChild(disk, "target"), "bus", buses))
        return "a bus other than 'virtio', 'scsi' and 'usb'";

    if (driver && !virDiskSetXMLAttributeIsIn(driver, "type", formats))
        return "a format other than 'raw' and 'qcow2'";

    if (virDiskSetXMLChild(virDiskSetXMLChild(disk, "source"), "encryption"))
        return "<encryption>";

    for (i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (virDiskSetXMLChild(disk, elements[i].name))
            return elements[i].obstacle;
    }

    return NULL;
}


static int
virDiskSetDiskCheckRecreate(xmlNodePtr disk)
{
    const char *obstacle = virDiskSetDiskRecreateObstacle(disk);
    g_autofree char *target = virDiskSetDiskTarget(disk);

    if (!obstacle)
        return 0;

    virDiskSetMessageSet(_("disk '%1$s' has %2$s, so that its flag <migrate> cannot be 'recreate': choose another disk or change this one"),
                         target, obstacle);
    return -1;
}


/**
 * virDiskSetDiskCheckFlag:
 * @disk: disk of a domain
 * @flag: "migrate", "snapshot" or "backup"
 * @value: value that the flag is about to get
 *
 * Sees what libvirt would refuse before anything is changed.
 *
 * Returns 0 when @disk may have it, -1 with the message set.
 */
int
virDiskSetDiskCheckFlag(xmlNodePtr disk,
                        const char *flag,
                        virDiskSetFlag value)
{
    if (value == VIR_DISK_SET_FLAG_TRUE)
        return virDiskSetDiskCheckTrue(disk, flag);

    if (value == VIR_DISK_SET_FLAG_FALSE)
        return virDiskSetDiskCheckFalse(disk, flag);

    if (value == VIR_DISK_SET_FLAG_RECREATE)
        return virDiskSetDiskCheckRecreate(disk);

    return 0;
}
