#!/bin/sh
# debian.sh [PACKAGE…]: have the Debian packages that Zvonar's lab and tests need, or only those named.
# A package counts as there when what we use of it is there, wherever from; apt-get runs only for the rest.
set -eu

there() { # there PACKAGE
    case $1 in
    python3) command -v python3 ;;
    python3-venv) python3 -c 'import ensurepip, venv' ;;
    debootstrap) PATH=$PATH:/usr/sbin command -v debootstrap ;;
    espeak-ng) command -v espeak-ng ;;
    festival) command -v text2wave ;;
    festvox-ru) test -d /usr/share/festival/voices/russian/msu_ru_nsh_clunits ;;
    sip-tester) command -v sipp && test -d /usr/share/sip-tester ;;
    sox) command -v sox ;;
    redis-server) command -v redis-server ;;
    postgresql) command -v postgres || ls /usr/lib/postgresql/*/bin/postgres ;;
    *) false ;;
    esac >/dev/null 2>&1
}

test $# -gt 0 || set -- python3 python3-venv debootstrap espeak-ng festival festvox-ru sip-tester sox postgresql \
    redis-server
missing=
for package in "$@"; do
    there "$package" || missing="$missing $package"
done
test -n "$missing" || exit 0

if ! command -v apt-get >/dev/null; then
    echo "These Debian packages, or what they stand for here, are missing:$missing" >&2
    exit 1
elif [ "$(id -u)" -ne 0 ]; then
    echo "Packages are missing. As root: apt-get install$missing" >&2
    exit 1
fi

# Tests make a PostgreSQL cluster of their own; the machine needs none because of us.
own=/etc/postgresql-common/createcluster.d/zvonar.conf
mkdir -p "${own%/*}"
trap 'rm -f "$own"' EXIT
echo 'create_main_cluster = off' >"$own"

export DEBIAN_FRONTEND=noninteractive
echo "installing:$missing" >&2
# A source of the machine's that does not answer is no reason to stop: what counts is whether the install works.
apt-get -qq update </dev/null || echo 'apt-get update had errors; going on' >&2
# shellcheck disable=SC2086  # a list of words
apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install $missing </dev/null >/dev/null
