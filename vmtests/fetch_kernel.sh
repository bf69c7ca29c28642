#!/bin/bash
# fetch_kernel.sh SUITE PATTERN: the newest Debian kernel whose package name matches, unpacked into the cache.
# Prints the folder; its vmlinuz and lib/modules/ are what a guest boots. Repeats work without a network.
set -euo pipefail
suite=$1 pattern=$2
cache=${BELFRY_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/belfry/kernels}
key=$(printf '%s %s' "$suite" "$pattern" | sha256sum | cut -c1-12)
done_file=$cache/$key/folder
if [ -s "$done_file" ] && [ -e "$(cat "$done_file")/vmlinuz" ]; then cat "$done_file"; exit 0; fi
mkdir -p "$cache/$key"

# The machine's own mirror, another suite, a private apt directory: the system's package lists stay as they are.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m1 '/debian/\?$' || true)
[ -n "$mirror" ] || mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1)
[ -n "$mirror" ] || { echo "finding a Debian mirror: none in the apt sources of this machine; add one" >&2; exit 1; }
apt_dir=$cache/apt-$suite
mkdir -p "$apt_dir"/{lists/partial,archives/partial}
{
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  case $suite in *-backports | sid) ;; *)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/}-security $suite-security main" ;;
  esac
} >"$apt_dir/sources.list"
private=(-o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o Dir::State::Lists="$apt_dir/lists" -o Dir::Cache="$apt_dir" -o Dir::Cache::Archives="$apt_dir/archives")
apt-get "${private[@]}" -qq update >&2 || true
newest=$(apt-cache "${private[@]}" pkgnames linux- | grep -E "$pattern" | grep -v -- '-unsigned' | sort -V | tail -1)
[ -n "$newest" ] || { echo "finding a kernel: no package of $suite matches $pattern; correct vmtests/kernels.txt" >&2; exit 1; }
version=${newest#linux-image-} version=${version#linux-binary-}
packages=("$newest")
case $newest in linux-binary-*) packages+=("linux-modules-$version") ;; esac
into=$cache/$version
mkdir -p "$into/deb"
(cd "$into/deb" && apt-get "${private[@]}" -qq download "${packages[@]}") >&2
for deb in "$into"/deb/*.deb; do dpkg-deb -x "$deb" "$into/root"; done
rm -rf "$into/deb"
cp "$(find "$into/root" -name "vmlinuz*" -type f | head -1)" "$into/vmlinuz"
echo "$into" >"$done_file"
cat "$done_file"
