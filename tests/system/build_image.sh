#!/bin/bash
# A bootable Debian guest with the pole installed in it: vmlinux, initrd.img, rootfs.ext4 in $CACHE.
# Needs root, Debian's package tools and the machine's own apt and pip configuration. Does only what is out of date:
# the base (packages, kernel, hashed requirements) by its recipe, the image by the wheel of this checkout.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TREE=$(cd "$HERE/../.." && pwd)
CACHE=${CACHE:-$TREE/.cache/system-test}
PYTHON=${PYTHON:-$TREE/.venv/bin/python}
BASE=$CACHE/base
ROOT=$BASE/root
SIZE=1500M
PACKAGES=systemd-sysv,udev,kmod,iproute2,procps,busybox-static,python3,python3-venv,mosquitto,mosquitto-clients,can-utils
# The kernel's drivers that the tests need; everything else stays out of the image.
DRIVERS="virtio_pci virtio_blk virtio_console virtio_net virtio_rng ext4 crc32c_generic xhci_pci usbserial ftdi_sio
  cdc_acm can_raw can_dev vcan kvaser_pci dummy_hcd libcomposite usb_f_acm autofs4 configfs"

started=$SECONDS
say() { echo "[$((SECONDS - started)) s] $*"; }
digest() { sha256sum | cut -c1-16; }
in_root() { chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }

debian() {  # the packages, from the machine's own sources, and the generic kernel: the cloud one has no CAN and no USB
  . /etc/os-release
  apt-get indextargets --format "deb \$(REPO_URI) \$(CODENAME) \$(COMPONENT)" "Created-By: Packages" "Origin: Debian" |
    sort -u | mmdebstrap --quiet --mode=root --variant=minbase --include="$PACKAGES" \
      --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --customize-hook="$HERE/fetch_kernel.sh"' "$1"' \
      "$VERSION_CODENAME" "$ROOT" -
}

kernel() {  # unpacked, not installed: no initramfs of 30 MB that an emulated processor would have to unpack
  local unpacked=$BASE/kernel version modules path
  dpkg-deb -x "$ROOT"/kernel/linux-image-*.deb "$unpacked"
  rm -rf "$ROOT/kernel"
  modules=$(find "$unpacked" -path '*/lib/modules/*' -prune -type d | head -1)
  version=$(basename "$modules")
  mkdir -p "$ROOT/usr/lib/modules/$version"
  mv "$modules" "$ROOT/usr/lib/modules/$version.all"
  in_root depmod "$version.all"
  for driver in $DRIVERS; do in_root modprobe -S "$version.all" --show-depends "$driver" 2>/dev/null || true; done |
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$BASE/drivers"
  while read -r path; do
    install -D "$ROOT/$path" "$ROOT/${path/$version.all/$version}"
  done < "$BASE/drivers"
  cp "$ROOT/usr/lib/modules/$version.all"/modules.{builtin,builtin.modinfo,order} "$ROOT/usr/lib/modules/$version/"
  in_root depmod "$version"
  rm -rf "$ROOT/usr/lib/modules/$version.all"
  "$PYTHON" "$HERE/unpack_kernel.py" "$unpacked/boot/vmlinuz-$version" "$BASE/vmlinux"
  initrd "$version"
  rm -rf "$unpacked"
}

initrd() {  # just what finds a virtio disk
  local version=$1 tree=$BASE/initrd path name
  mkdir -p "$tree"/{bin,modules}
  cp "$ROOT/bin/busybox" "$tree/bin/"
  install -m 755 "$HERE/guest/init" "$tree/init"
  for driver in virtio_pci virtio_blk crc32c_generic ext4; do
    in_root modprobe -S "$version" --show-depends "$driver" 2>/dev/null || true
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
    name=$(basename "$path" .xz)
    case $path in *.xz) xz -dc "$ROOT/$path" ;; *) cat "$ROOT/$path" ;; esac > "$tree/modules/$name"
    echo "$name" >> "$tree/modules/order"
  done
  (cd "$tree" && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet) > "$BASE/initrd.img"
  rm -rf "$tree"
}

guest() {  # what runs in it: the agent, a network, nothing periodic; systemd waits longer for a slow processor
  local unit
  install -m 755 "$HERE/guest/agent.py" "$ROOT/usr/local/sbin/guest-agent"
  install -m 644 "$HERE/guest/agent.service" "$ROOT/etc/systemd/system/guest-agent.service"
  in_root systemctl enable -q guest-agent systemd-networkd
  for unit in systemd-networkd-wait-online.service systemd-logind.service getty@tty1.service serial-getty@ttyS0.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    systemd-hwdb-update.service systemd-update-utmp.service systemd-firstboot.service systemd-binfmt.service \
    systemd-network-generator.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service \
    modprobe@loop.service modprobe@fuse.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
    dev-mqueue.mount; do
    ln -sf /dev/null "$ROOT/etc/systemd/system/$unit"
  done
  mkdir -p "$ROOT"/etc/systemd/{journald.conf.d,system.conf.d}
  printf '[Journal]\nStorage=volatile\n' > "$ROOT/etc/systemd/journald.conf.d/guest.conf"
  printf '[Manager]\nDefaultTimeoutStartSec=300s\n' > "$ROOT/etc/systemd/system.conf.d/guest.conf"
  printf 'listener 1883\nallow_anonymous true\n' > "$ROOT/etc/mosquitto/conf.d/guest.conf"
  printf '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' \
    > "$ROOT/etc/systemd/network/10-lan.network"
  echo pole-guest > "$ROOT/etc/hostname"
  printf '127.0.0.1 localhost pole-guest\n' > "$ROOT/etc/hosts"
  "$PYTHON" -c 'import uuid; print(uuid.uuid4().hex)' > "$ROOT/etc/machine-id"
  : > "$ROOT/etc/fstab"
}

requirements() {  # the locked, hashed ones, as wheels for the guest's own Python
  local version
  version=$(in_root python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$PYTHON" -m pip download -q -d "$CACHE/wheelhouse" --no-deps --require-hashes --only-binary=:all: --python-version "$version" \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux_2_28_x86_64 \
    -r "$TREE/requirements/run.txt"
  cp -a "$CACHE/wheelhouse" "$ROOT/wheelhouse"
  cp "$TREE/requirements/run.txt" "$ROOT/wheelhouse/"
  in_root python3 -m venv /opt/pole
  in_root /opt/pole/bin/pip install -q --no-index --find-links /wheelhouse --require-hashes -r /wheelhouse/run.txt
  rm -rf "$ROOT/wheelhouse"
}

base() {
  rm -rf "$BASE"
  mkdir -p "$BASE"
  debian; say "debian: $(du -sh "$ROOT" | cut -f1)"
  kernel; say "kernel: $(wc -l < "$BASE/drivers") drivers, initrd $(du -h "$BASE/initrd.img" | cut -f1)"
  requirements; say "requirements: $(find "$CACHE/wheelhouse" -name '*.whl' | wc -l) wheels"
  guest
}

pole() {  # this checkout's wheel and unit files
  in_root /opt/pole/bin/pip uninstall -q -y smartpole 2>/dev/null || true
  rm -f "$ROOT"/*.whl
  cp "$1" "$ROOT/"
  in_root /opt/pole/bin/pip install -q --no-index --no-deps "/$(basename "$1")"
  in_root /opt/pole/bin/python -m compileall -q /opt/pole/lib || true
  rm -f "$ROOT"/*.whl
  install -D -m 644 "$TREE/systemd/pole.service" "$ROOT/etc/systemd/system/pole.service"
  install -D -m 644 "$TREE/deploy/80-pole.rules" "$ROOT/etc/udev/rules.d/80-pole.rules"
}

recipe=$(cat "$HERE"/*.sh "$HERE/unpack_kernel.py" "$HERE"/guest/{init,agent.py,agent.service} "$TREE/requirements/run.txt" | digest)
if [ "$(cat "$BASE/recipe" 2>/dev/null)" != "$recipe" ]; then
  mkdir -p "$CACHE"
  base
  echo "$recipe" > "$BASE/recipe"
fi
rm -rf "$CACHE/wheel"
SOURCE_DATE_EPOCH=0 "$PYTHON" -m pip wheel -q --no-deps --no-build-isolation -w "$CACHE/wheel" "$TREE"
wheel=$(echo "$CACHE"/wheel/*.whl)
contents=$(echo "$recipe" | cat - "$wheel" "$TREE"/{systemd/pole.service,deploy/80-pole.rules} | digest)
if [ "$(cat "$CACHE/contents" 2>/dev/null)" != "$contents" ]; then
  pole "$wheel"
  rm -f "$CACHE/contents" "$CACHE/rootfs.ext4"
  truncate -s "$SIZE" "$CACHE/rootfs.ext4"
  mke2fs -q -t ext4 -L root -m 0 -E lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0 -d "$ROOT" "$CACHE/rootfs.ext4"
  cp "$BASE/vmlinux" "$BASE/initrd.img" "$CACHE/"
  echo "$contents" > "$CACHE/contents"
  say "image: $(du -h "$CACHE/rootfs.ext4" | cut -f1)"
fi
