#!/bin/sh
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Becomes one host, inside fresh namespaces: sh netns_host.sh NAME FOLDER PASSWORD ENGINE INIT.
# ENGINE may be empty. INIT is sshd, or systemd, which then is the host's first process and starts sshd. All mounts are in
# a mount namespace that ends with this process. "ready" on standard output: the first process is next.
set -e
name=$1 folder=$2 password=$3 engine=$4 init=$5
root=$folder/$name/root

mount -t tmpfs -o mode=755 tmpfs "$folder/$name"
mkdir "$folder/$name/upper" "$folder/$name/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/$name/upper,workdir=$folder/$name/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# Homes are empty: shell start-up files of the machine's owner would run at every command.
mount -t tmpfs -o mode=700 tmpfs "$root/root"
mount -t tmpfs -o mode=755 tmpfs "$root/home"
mkdir "$root/run/sshd"
if [ -n "$engine" ]; then
    mkdir -p "$root/opt/copia"
    mount --bind "$engine" "$root/opt/copia"
fi

mkdir -p "$root/etc/copia-test"
cp "$folder/sshd/"* "$root/etc/copia-test/"
chmod 755 "$root/etc/copia-test"
chmod 600 "$root/etc/copia-test/host_key"
hostname "$name"
echo "127.0.0.1 localhost $name" > "$root/etc/hosts"
ip link set lo up
for account in deploy other; do
    chroot "$root" id "$account" > /dev/null 2>&1 && chroot "$root" userdel "$account"
    chroot "$root" useradd --create-home --shell /bin/sh "$account"
    echo "$account:$password" | chroot "$root" chpasswd
done
if [ -d "$root/etc/sudoers.d" ]; then
    printf 'Defaults !lecture\ndeploy ALL=(ALL:ALL) ALL\n' > "$root/etc/sudoers.d/copia-test"
    chmod 440 "$root/etc/sudoers.d/copia-test"
fi
if [ "$init" = systemd ]; then
    mkdir -p "$root/sys" "$root/.before"
    mount -t sysfs sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    rm -rf "$root/etc/systemd/system" "$root/etc/machine-id"
    mkdir "$root/etc/systemd/system"
    : > "$root/etc/machine-id"
    sshd=$(command -v sshd || echo /usr/sbin/sshd)
    printf '[Service]\nExecStart=%s -D -e -f /etc/copia-test/sshd_config\nKillMode=process\n' "$sshd" \
        > "$root/etc/systemd/system/copia-test-sshd.service"
    printf '[Unit]\nWants=timers.target copia-test-sshd.service dbus.socket\n' \
        > "$root/etc/systemd/system/copia-test.target"
    echo ready
    cd "$root"
    pivot_root . .before
    umount --lazy .before
    exec env -i container=lxc PATH="$PATH" /lib/systemd/systemd --system --unit=copia-test.target --log-target=console
fi
echo ready
exec chroot "$root" "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f /etc/copia-test/sshd_config
