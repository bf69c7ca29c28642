#!/bin/bash
# Installs the Debian packages of the named purposes (packages.table): packages.sh [--list] build|test|services|compare|vm|go...
# What is installed already is left alone; then nothing is asked of the network or of root.
# Exit: 0 all there, 1 something is missing (one line says what to do).
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/steps.sh"

release=$(. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_ID:-13}")
[ -n "$release" ] || stop "this is not Debian" "install what deploy/packages.table names by your own means, then build with cmake --preset release"
[ "$release" -ge 12 ] || stop "Debian $release is too old" "use Debian 12 or later"

# The table's newest release stands in for a later one.
table=$release
grep -qE "^[a-z]+ +$release " "$here/packages.table" || table=13

wanted() {
  local purpose
  for purpose in "$@"; do
    awk -v purpose="$purpose" -v release="$table" \
      '$1 == purpose && ($2 == "any" || $2 == release) {print $3}' "$here/packages.table"
  done
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Backports of this release from the same archive as the machine's own packages; no host is named here.
add_backports() {
  local codename uri keyring list=/etc/apt/sources.list.d/belfry-backports.list
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' | grep -qx "$codename-backports" && return 0
  uri=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$codename" '$1 == release && $2 == "main" {print $3; exit}')
  [ -n "$uri" ] || return 1
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] && keyring="[signed-by=$keyring] " || keyring=
  say "adding $codename-backports from this machine's own archive ($list)"
  echo "deb ${keyring}${uri} $codename-backports main" >"$list"
  apt_get update && return 0
  rm -f "$list"
  return 1
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" \
    >>"$log" 2>&1 </dev/null
}

# A Go that is there already will do, wherever it came from.
purposes=() only_list=
for argument in "$@"; do
  case $argument in
    --list) only_list=yes ;;
    go) purposes+=(go) ;;
    build | test | services | compare | vm) purposes+=("$argument") ;;
    *) stop "unknown purpose $argument" "use build, test, services, compare, vm or go" 2 ;;
  esac
done
have_go=$(find_go || true)

missing=() backports=
for package in $(wanted "${purposes[@]}"); do
  name=${package%@backports}
  case $name in golang*) [ -n "$have_go" ] && [ -z "$only_list" ] && continue ;; esac
  if [ -n "$only_list" ]; then
    echo "$name"
  elif ! installed "$name"; then
    missing+=("$name")
    [ "$package" = "$name" ] || backports=yes
  fi
done
[ -n "$only_list" ] && exit 0
if [ ${#missing[@]} -eq 0 ]; then
  say "every package for ${purposes[*]} is installed"
  exit 0
fi
[ "$(id -u)" -eq 0 ] || stop "not root, and packages are missing: ${missing[*]}" "run this once as root"

# trouble WHAT: the last word of apt, and whether it was the network (apt-get update itself forgives that).
trouble() {
  if grep -qE 'Could not (resolve|connect)|Temporary failure|Failed to fetch' "$log"; then
    grep -E 'Could not|Temporary failure|Failed to fetch' "$log" | tail -n 1 >&2
    stop "the package archive cannot be reached" "check the network and the sources in /etc/apt, then run this again"
  fi
  tail -n 4 "$log" >&2
  stop "$1" "see the lines above, mend apt, then run this again"
}

log=$(mktemp) || stop "no temporary file can be made" "free some space in ${TMPDIR:-/tmp}"
trap 'rm -f "$log"' EXIT
say "installing ${#missing[@]} packages for ${purposes[*]}: ${missing[*]}"
apt_get update || trouble "the package lists cannot be fetched"
[ -z "$backports" ] || add_backports || {
  tail -n 3 "$log" >&2
  stop "this release's backports cannot be had" "install Go 1.21 or later by hand, or do without the Go tests"
}
apt_get install -y --no-install-recommends "${missing[@]}" || trouble "packages cannot be installed: ${missing[*]}"
say "installed"
