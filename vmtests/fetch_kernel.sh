#!/bin/bash
# fetch_kernel.sh SUITE PATTERN: the newest Debian kernel whose package name matches, unpacked into a cache outside the
# tree. Prints the folder; its vmlinuz and modules are what a guest boots. apt checks the signature of what it fetches;
# a later use checks it against the sums written then, and needs no network.
set -euo pipefail
suite=$1 pattern=$2
cache=${BELFRY_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/belfry/kernels}
key=$(printf '%s %s' "$suite" "$pattern" | sha256sum | cut -c1-12)
known=$cache/$key/folder
mkdir -p "$cache/$key"
# Two runs at once: the second finds what the first has fetched.
exec 9>"$cache/lock"
flock 9

# intact FOLDER: everything in it is what was unpacked.
intact() { [ -s "$1/sums" ] && (cd "$1" && sha256sum --quiet --status -c sums); }

if [ -s "$known" ]; then
  folder=$(cat "$known")
  if intact "$folder"; then echo "$folder"; exit 0; fi
  echo "fetching $suite's kernel again: $folder is not what was unpacked there" >&2
  rm -rf "${folder:?}" "$known"
fi

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
# Sandbox::User: the cache may lie where apt's own user cannot write.
private=(-o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
  -o Dir::State::Lists="$apt_dir/lists" -o Dir::Cache="$apt_dir" -o Dir::Cache::Archives="$apt_dir/archives")
apt-get "${private[@]}" -qq update >&2 || true
newest=$(apt-cache "${private[@]}" pkgnames linux- | grep -E "$pattern" | grep -v -- '-unsigned' | sort -V | tail -1 || true)
[ -n "$newest" ] || { echo "finding a kernel: no package of $suite matches $pattern; check the network, then vmtests/kernels.txt" >&2; exit 1; }
version=${newest#linux-image-} version=${version#linux-binary-}
packages=("$newest")
case $newest in linux-binary-*) packages+=("linux-modules-$version") ;; esac
into=$cache/$version
rm -rf "$into" "$into.new"
mkdir -p "$into.new/deb"
(cd "$into.new/deb" && apt-get "${private[@]}" -qq download "${packages[@]}") >&2
for deb in "$into.new"/deb/*.deb; do dpkg-deb -x "$deb" "$into.new/root"; done
rm -rf "$into.new/deb"
cp "$(find "$into.new/root" -name "vmlinuz*" -type f | head -1)" "$into.new/vmlinuz"
(cd "$into.new" && find root vmlinuz -type f -print0 | sort -z | xargs -0 sha256sum >sums.new && mv sums.new sums)
mv "$into.new" "$into"
echo "$into" >"$known"
cat "$known"
