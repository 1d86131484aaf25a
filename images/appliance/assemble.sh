#!/bin/bash
# Makes the artefacts of the appliance of its root, inside the clean root of Debian 13 with its
# tools; images/image.sh calls it.
#
#   images/appliance/assemble.sh FOLDER [upgrade]
#                                           FOLDER has root.tar, vmlinuz, initrd.img; $VERSION is the
#                                           release, $LEVEL the level of zstd, SOURCE_DATE_EPOCH
#                                           the time of all files, $ARGUMENTS more words for the
#                                           kernel. With "upgrade", nothing but that is made
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
what=${2:-all}
export TMPDIR=/tmp
umask 022
# Tools that tell each step: what they say is of interest when they fail.
quietly() { "$@" >log 2>&1 || { tail -n 20 log >&2; return 1; }; }
# Of partitions, file systems and dm-verity: the same for each build of a release.
seed=$(printf 'tandem %s' "$VERSION" | sha256sum | sed 's/\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/\1-\2-4\3-8\4-\5/')

rm -rf slot efi netboot bundle
mkdir -p slot efi/EFI/BOOT efi/EFI/debian efi/grub netboot bundle
echo "the root"
quietly mksquashfs - root.img -tar -noappend -quiet -no-progress -comp zstd \
	-Xcompression-level "$LEVEL" -b 32K -no-fragments -no-xattrs \
	-root-mode 0755 -root-uid 0 -root-gid 0 <root.tar
size=$(stat -c %s root.img)
offset=$(((size + 4095) / 4096 * 4096))
truncate -s "$offset" root.img
hash=$(veritysetup format root.img root.img --hash-offset="$offset" --uuid="$seed" \
	--salt="$(printf %s "$seed" | sha256sum | cut -c 1-64)" | sed -n 's/^Root hash:[[:space:]]*//p')

echo "the slot"
cp vmlinuz initrd.img slot/
{
	cat "$here/disk/slot.cfg"
	printf 'set verity="tandem.verity=%s:%s%s"\nset release="%s"\n' "$hash" "$offset" \
		"${ARGUMENTS:+ $ARGUMENTS}" "$VERSION"
} >slot/slot.cfg
mksquashfs slot boot.img -noappend -quiet -no-progress -all-root -comp gzip -no-xattrs

the_disk() {
	echo "GRUB"
	grub-mkimage -O i386-pc -p '(,gpt2)/grub' -o core.img biosdisk part_gpt part_msdos fat squash4 gzio linux \
		normal configfile loadenv regexp serial terminal test echo sleep ls cat reboot halt minicmd
	# For UEFI, the ones that Debian has signed, as Secure Boot asks for: they start Debian's kernel.
	cp /usr/lib/shim/shimx64.efi.signed efi/EFI/BOOT/BOOTX64.EFI
	cp /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed efi/EFI/BOOT/grubx64.efi
	# shellcheck disable=SC2016
	printf 'set prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n' >efi/EFI/debian/grub.cfg
	cp "$here/disk/grub.cfg" efi/grub/
	grub-editenv efi/grub/grubenv create
	grub-editenv efi/grub/grubenv set 'ORDER=a b' a_OK=1 b_OK=0 a_TRY=0 b_TRY=0
	cp efi/grub/grubenv efi/grub/grubenv.last

	echo "the disk"
	rm -f disk.img
	quietly systemd-repart --empty=create --size=auto --sector-size=512 --seed="$seed" --definitions="$here/disk/repart.d" \
		--root="$PWD" --offline=yes --dry-run=no --no-pager disk.img
	"$here/disk/bios.py" disk.img /usr/lib/grub/i386-pc/boot.img core.img
}

network_boot() {
	echo "network boot"
	cp vmlinuz initrd.img netboot/
	cp root.img netboot/root.squashfs
	standard=$(sed -n 's/^set standard="\(.*\)"$/\1/p' "$here/disk/slot.cfg")
	cat >netboot/boot.ipxe <<END
#!ipxe
# Tandem $VERSION: what chains here may set \${tandem}, such as tandem.config=http://192.0.2.1/a.tar
kernel vmlinuz initrd=initrd.magic boot=tandem tandem.verity=$hash:$offset $standard \\
	systemd.mask=efi.mount systemd.mask=tandem-good.service \${tandem}
initrd initrd.img
initrd root.squashfs /root.squashfs
boot
END
}

if [ "$what" = all ]; then
	the_disk
	network_boot
	echo "the bill of materials"
	"$here/bill.py" "$VERSION" "$SOURCE_DATE_EPOCH" dpkg.tsv crates bill
fi

echo "the upgrade"
cp root.img boot.img bundle/
cat >bundle/manifest.raucm <<END
[update]
compatible=tandem
version=$VERSION

[bundle]
format=verity

[image.rootfs]
filename=root.img

[image.boot]
filename=boot.img
END
rm -f upgrade.raucb
quietly rauc --cert=keys/upgrade.crt --key=keys/upgrade.key bundle bundle upgrade.raucb
rm -rf bundle slot log
