#!/bin/sh
# enter.sh CHROOT PROGRAM [ARGUMENT…]: run a program on the chroot's system, inside a private mount namespace.
# A new root in memory takes the system folders from the chroot and everything else from the host, so that
# /tmp, /var, /home and the rest have the same paths in and out. All mounts end with the namespace.
set -e
chroot=$1
shift
new=$chroot/mnt
system=' bin sbin lib lib32 lib64 libx32 usr etc '

adopt() { # adopt PATH: a link as a link, a folder by a mount
    if [ -L "$1" ]; then
        cp -P "$1" "$new/${1##*/}"
    elif [ -d "$1" ]; then
        mkdir "$new/${1##*/}"
        mount --rbind "$1" "$new/${1##*/}"
    fi
}

mount -t tmpfs -o mode=755 lab "$new"
for path in /*; do
    case "$system proc " in
    *" ${path#/} "*) ;;
    *) adopt "$path" ;;
    esac
done
for name in $system; do
    adopt "$chroot/$name"
done
mkdir "$new/proc"
mount -t proc proc "$new/proc"
exec chroot "$new" "$@"
