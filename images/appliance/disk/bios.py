#!/usr/bin/env python3
"""Places GRUB for BIOS on a GPT disk image: BOOT.IMG into the first sector, CORE.IMG into the
partition for it. It is what grub-bios-setup does, which works on mounted disks alone.

    bios.py DISK BOOT.IMG CORE.IMG

The offsets are those of GRUB's boot/i386/pc/boot.S and diskboot.S (include/grub/i386/pc/boot.h):
GRUB_BOOT_MACHINE_KERNEL_SECTOR and the block list at the end of the core's first sector.
"""

import struct
import sys
import uuid

SECTOR = 512
BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
KERNEL_SECTOR = 0x5C
DRIVE_CHECK = 0x66
PARTITION_TABLE = 0x1B8
BLOCK_LIST = SECTOR - 12


def bios_partition(disk):
    """The first and last sector of the BIOS boot partition."""
    disk.seek(SECTOR)
    header = disk.read(92)
    if header[:8] != b"EFI PART":
        sys.exit("the disk has no GPT")
    table, count, size = struct.unpack_from("<QII", header, 72)
    disk.seek(table * SECTOR)
    for _ in range(count):
        entry = disk.read(size)
        if uuid.UUID(bytes_le=entry[:16]) == BIOS_BOOT:
            return struct.unpack_from("<QQ", entry, 32)
    sys.exit("the disk has no BIOS boot partition")


def main(path, boot_path, core_path):
    with open(boot_path, "rb") as file:
        boot = bytearray(file.read(SECTOR))
    with open(core_path, "rb") as file:
        core = bytearray(file.read())
    with open(path, "r+b") as disk:
        first, last = bios_partition(disk)
        sectors = -(-len(core) // SECTOR)
        if sectors > last - first + 1:
            sys.exit(f"{core_path} has {sectors} sectors, its partition {last - first + 1}")
        struct.pack_into("<Q", boot, KERNEL_SECTOR, first)
        # Two nops: the drive that the firmware tells is taken as it is, also where it is a stick.
        boot[DRIVE_CHECK : DRIVE_CHECK + 2] = b"\x90\x90"
        # Where the rest of the core begins, how long it is, and where it is loaded to.
        struct.pack_into("<QHH", core, BLOCK_LIST, first + 1, sectors - 1, 0x820)
        disk.seek(0)
        table = disk.read(SECTOR)[PARTITION_TABLE:]
        disk.seek(0)
        disk.write(boot[:PARTITION_TABLE] + table)
        disk.seek(first * SECTOR)
        disk.write(core)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
