#!/bin/sh
# serve.sh ORACLE IMAGE: runs the script that each line of standard input names and ends its output with a line "# STATUS".
# Started by `unshare --mount`, it gives the scripts' files an ext4 whose page cache uses single-page folios (the feature
# bit `verity` turns large folios off) and whose read-ahead is the kernel's default; the mount goes with the namespace.
set -e
mkdir -p "$2.mnt"
dd if=/dev/zero of="$2" bs=1M count=64 status=none
mkfs.ext4 -q -F -b 4096 -O verity,^has_journal "$2"
mount -o loop,noatime "$2" "$2.mnt"
echo 128 > "/sys/class/bdi/$(mountpoint -d "$2.mnt")/read_ahead_kb"
echo "# ready"
while read -r script; do
	status=0
	"$1" -d "$2.mnt" "$script" 2>&1 || status=$?
	echo "# $status"
done
umount "$2.mnt"
