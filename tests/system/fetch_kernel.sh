#!/bin/sh
# Inside mmdebstrap: lay the newest generic kernel package down in /kernel of the new root, not installed.
set -eu
mkdir -p "$1/kernel"
# shellcheck disable=SC2016
chroot "$1" sh -ec '
  cd /kernel
  package=$(apt-cache depends linux-image-amd64 | sed -n "s/.*Depends: \(linux-image-[^ ]*\).*/\1/p" | head -1)
  apt-get -qq -o APT::Sandbox::User=root download "$package"'
