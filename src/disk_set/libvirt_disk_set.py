"""Sets of disks of a domain: those that a migration copies, or that a snapshot or a
backup takes.

The calls of the disk-set library (libvirt-disk-set(3) tells what each does) for the
domain objects of libvirt-python. No connection but the domain's own is used.

Have a migration copy two disks, and say so to the guest's definition:

    import libvirt
    import libvirt_disk_set as disk_set

    connection = libvirt.open("qemu:///system")
    domain = connection.lookupByName("demo")
    both = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG

    disk_set.remove_all(domain, both)
    for disk in "vda", "vdb":
        disk_set.add(domain, disk, both)

    domain.migrateToURI3("qemu+ssh://b/system", disk_set.migrate_params(domain),
                         libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER |
                         libvirt.VIR_MIGRATE_NON_SHARED_DISK)

flags picks the set (MIGRATE, SNAPSHOT or BACKUP), and by libvirt's
VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG whose it is.
"""

# SPDX-License-Identifier: LGPL-2.1-or-later

import ctypes

import libvirt

MIGRATE = 0
SNAPSHOT = 1 << 16
HALT = 1 << 17
BACKUP = 1 << 18


class DiskSetError(libvirt.libvirtError):
    """What the library says. get_error_code() and its kin tell libvirt's own error, or
    None where the library refused by itself."""

    def __init__(self, message):
        super().__init__(message)
        self.args = (message,)


class _TypedParameter(ctypes.Structure):
    # of the values that it can have, the disks of a migration are texts
    _fields_ = [("field", ctypes.c_char * 80), ("type", ctypes.c_int), ("text", ctypes.c_char_p)]


def _declare(library, name, result, *arguments):
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    return function


_domain = ctypes.c_void_p
_flags = ctypes.c_uint
_library = ctypes.CDLL("libvirt-disk-set.so.0")
_libvirt = ctypes.CDLL("libvirt.so.0")

_add = _declare(_library, "virDomainDiskSetAdd", ctypes.c_int, _domain, ctypes.c_char_p, _flags)
_remove = _declare(_library, "virDomainDiskSetRemove", ctypes.c_int, _domain, ctypes.c_char_p, _flags)
_add_all = _declare(_library, "virDomainDiskSetAddAll", ctypes.c_int, _domain, _flags)
_remove_all = _declare(_library, "virDomainDiskSetRemoveAll", ctypes.c_int, _domain, _flags)
_size = _declare(_library, "virDomainDiskSetSize", ctypes.c_int, _domain, _flags)
_list = _declare(_library, "virDomainDiskSetList", ctypes.c_int,
                 _domain, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, _flags)
_migrate_params = _declare(_library, "virDomainDiskSetMigrateParams", ctypes.c_int,
                           _domain, ctypes.POINTER(ctypes.POINTER(_TypedParameter)),
                           ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int), _flags)
_snapshot_xml = _declare(_library, "virDomainDiskSetSnapshotXML", ctypes.c_void_p,
                         _domain, ctypes.c_char_p, _flags)
_save = _declare(_library, "virDomainDiskSetSave", ctypes.c_int,
                 _domain, ctypes.c_char_p, ctypes.c_char_p, _flags)
_last_message = _declare(_library, "virDomainDiskSetGetLastMessage", ctypes.c_char_p)
_free_params = _declare(_libvirt, "virTypedParamsFree", None, ctypes.c_void_p, ctypes.c_int)
_free = _declare(ctypes.CDLL(None), "free", None, ctypes.c_void_p)
_pointer = _declare(ctypes.pythonapi, "PyCapsule_GetPointer", ctypes.c_void_p,
                    ctypes.py_object, ctypes.c_char_p)


def _pointer_of(domain):
    return _pointer(domain._o, b"virDomainPtr")


def _fail():
    raise DiskSetError(_last_message().decode())


def _check(result):
    if result < 0:
        _fail()
    return result


def _take_text(address):
    text = ctypes.string_at(address).decode()
    _free(address)
    return text


def _encode(text):
    return None if text is None else text.encode()


def add(domain, disk, flags=0):
    """Takes a disk, named by its target or source, into the set. Returns whether it was
    not in there already."""
    return _check(_add(_pointer_of(domain), _encode(disk), flags)) == 0


def remove(domain, disk, flags=0):
    """Takes a disk out of the set. Returns whether its flag was not false already."""
    return _check(_remove(_pointer_of(domain), _encode(disk), flags)) == 0


def add_all(domain, flags=0):
    """Takes every disk into the set that can have the flag."""
    _check(_add_all(_pointer_of(domain), flags))


def remove_all(domain, flags=0):
    """Takes every disk out of the set that can have the flag."""
    _check(_remove_all(_pointer_of(domain), flags))


def size(domain, flags=0):
    """Returns the number of disks in the set."""
    return _check(_size(_pointer_of(domain), flags))


def disks(domain, flags=0):
    """Returns the targets of the disks in the set, in the order of the domain's XML."""
    room = size(domain, flags)
    while True:
        targets = (ctypes.c_void_p * (room + 1))()
        count = _check(_list(_pointer_of(domain), targets, room + 1, flags))
        names = [_take_text(target) for target in targets[:count]]
        # all of them, unless somebody has put in more meanwhile
        if count <= room:
            return names
        room *= 2


def migrate_params(domain, flags=0):
    """Returns the parameters, for migrate3() and migrateToURI3(), that have a migration
    copy just the set. An empty set is an error."""
    params = ctypes.POINTER(_TypedParameter)()
    count = ctypes.c_int()
    room = ctypes.c_int()

    _check(_migrate_params(_pointer_of(domain), ctypes.byref(params), ctypes.byref(count),
                           ctypes.byref(room), flags))
    targets = [params[i].text.decode() for i in range(count.value)]
    _free_params(params, count)
    return {libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS: targets}


def snapshot_xml(domain, xml=None, flags=0):
    """Returns the XML of a snapshot, for snapshotCreateXML(), of just the set and what
    xml says."""
    address = _snapshot_xml(_pointer_of(domain), _encode(xml), flags)
    if address is None:
        _fail()
    return _take_text(address)


def save(domain, to, xml, flags=0):
    """Takes a live snapshot, as xml says, of the set, and the memory into the new file
    to. The domain goes on or, with HALT, ends."""
    _check(_save(_pointer_of(domain), _encode(to), _encode(xml), flags))
