#!/bin/bash
# Makes the appliance's root of a Debian root: a hook of mmdebstrap, which images/image.sh calls.
#
#   images/appliance/finish.sh ROOT     $PACKAGE is Tandem's package, $OUTPUT a folder for the
#                                       kernel, the initrd and the list of versions, $VERSION
#                                       the release, $KEYRING the certificate of upgrades
set -euo pipefail
root=$1
here=$(cd "$(dirname "$0")" && pwd)
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

cp "$PACKAGE" "$root/tandem.deb"
in_root apt-get -y -qq -o Dpkg::Use-Pty=0 install --no-install-recommends /tandem.deb
rm "$root/tandem.deb"
in_root dpkg-query -W -f '${Package} ${Version}\n' | LC_ALL=C sort >"$OUTPUT/versions"
in_root dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' |
	LC_ALL=C sort >"$OUTPUT/dpkg.tsv"

in_root systemctl --quiet enable tandem-boot tandem-fetch tandem-host-keys tandem-good efi.mount \
	tandem-console tandem-upgrade.path tandem-resolver.path tandem-dataplane tandem-control \
	systemd-networkd nftables ssh chrony rauc
# The consoles show the status; a login would be of no use, as there are no passwords.
in_root systemctl --quiet mask getty@tty1.service serial-getty@ttyS0.service console-getty.service \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
	fstrim.timer systemd-firstboot.service ssh.socket systemd-networkd-wait-online.service \
	systemd-udev-settle.service systemd-hwdb-update.service systemd-journal-catalog-update.service \
	systemd-update-done.service ldconfig.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
	systemd-pcrmachine.service systemd-tpm2-setup.service systemd-tpm2-setup-early.service \
	systemd-boot-random-seed.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
	sys-fs-fuse-connections.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-mqueue.mount \
	modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service systemd-hibernate-clear.service \
	systemd-sysusers.service systemd-rfkill.service 2>/dev/null
mkdir -p "$root/etc/systemd/system-generators"
for generator in ssh cryptsetup fstab getty gpt-auto hibernate-resume integritysetup run rc-local sysv \
	system-update tpm2 veritysetup; do
	for name in systemd-$generator-generator; do
		[ -e "$root/usr/lib/systemd/system-generators/$name" ] && ln -sf /dev/null "$root/etc/systemd/system-generators/$name"
	done
done
in_root systemctl --quiet set-default multi-user.target
in_root usermod --password '*' root

mkdir -p "$root"/{efi,etc/tandem,etc/driverctl.d,etc/systemd/system/tandem-dataplane.service.d,usr/lib/tandem}
# These folders are the machine's own.
for folder in modprobe.d modules-load.d; do
	mkdir -p "$root/usr/lib/$folder"
	find "$root/etc/$folder" -type f -exec mv -t "$root/usr/lib/$folder" {} +
done
cp "$KEYRING" "$root/etc/rauc/keyring.pem"
printf 'VERSION=%s\n' "$VERSION" >"$root/usr/lib/tandem/release"
rm -f "$root"/etc/ssh/ssh_host_*
rm -rf "$root/etc/systemd/network"
ln -s /var/etc/tandem/network "$root/etc/systemd/network"
printf 'tandem\n' >"$root/etc/hostname"
printf '127.0.0.1 localhost tandem\n::1 localhost\n' >"$root/etc/hosts"
ln -sf /run/tandem-resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
: >"$root/etc/fstab"

# Nothing runs with the rights of somebody else.
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +

# Kernel and initrd belong to the slot, not to the root.
cp "$root"/boot/vmlinuz-* "$OUTPUT/vmlinuz"
cp "$root"/boot/initrd.img-* "$OUTPUT/initrd.img"
rm -rf "$root"/boot/* "$root"/vmlinuz* "$root"/initrd.img*

# What apt and dpkg leave behind, and what differs from one build to the next.
rm -rf "$root"/etc/apt/preferences.d/lock "$root"/var/lib/apt "$root"/var/cache/* "$root"/var/log/* \
	"$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/usr/share/{doc,man,info,lintian,locale} \
	"$root"/var/lib/systemd/* "$root"/var/lib/initramfs-tools "$root"/tmp/* "$root"/run/*
mkdir -p "$root/usr/share/tandem"
mv "$root/var/lib/dpkg" "$root/usr/lib/dpkg-database"
ln -s ../../usr/lib/dpkg-database "$root/var/lib/dpkg"

# /var is the state partition: an empty one gets what packages have there.
{
	echo "# Made by images/appliance/finish.sh: what Debian's packages have in /var."
	(cd "$root" && find var -mindepth 1 -type d -printf '/%p %m %u %g\n' | LC_ALL=C sort | while read -r path mode user group; do
		# Names are those of the root, which this machine may not know.
		user=$(in_root stat -c %U "$path") group=$(in_root stat -c %G "$path")
		printf 'd %s %s %s %s -\n' "$path" "$mode" "$user" "$group"
	done)
	(cd "$root" && find var -type l -printf 'L %p - - - - %l\n' | sed 's/^L /L \//' | LC_ALL=C sort)
	echo "d /var/log/journal 2755 root systemd-journal -"
} >"$root/usr/lib/tmpfiles.d/tandem-var.conf"
rm -rf "${root:?}"/var/*
