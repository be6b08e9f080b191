#!/bin/sh
# Brings a machine to where Hamster can be run, deployed, or tested:
#
#     tools/setup.sh run|edge|test|browsers
#
# Debian packages are installed where this may be done (as root); everywhere
# else one sentence for each missing thing says how to get it. What is already
# there is left alone, so a second call takes a moment.
set -eu

purpose=${1:-}
case $purpose in
run | edge | test | browsers) ;;
*)
	echo "usage: tools/setup.sh run|edge|test|browsers" >&2
	exit 2
	;;
esac
cd "$(dirname "$0")/.."

go_minor=$(sed -nE 's/^go 1\.([0-9]+).*/\1/p' go.mod)
node_major=20
npm_folder=tools/npm

failed=false
complain() {
	echo "setup: $*" >&2
	failed=true
}

# check_go fails on a toolchain that can neither build this module nor fetch
# one that can. A Go older than 1.21 ignores go.mod's go line, hence the
# comparison.
check_go() {
	if ! command -v go >/dev/null; then
		complain "Go 1.$go_minor or later is missing: install it from https://go.dev/doc/install and put it on the PATH"
		return
	fi
	if ! version=$(go version 2>&1); then
		complain "this Go cannot build Hamster, which needs 1.$go_minor or later ($version): see https://go.dev/doc/install"
		return
	fi
	minor=$(echo "$version" | sed -nE 's/^go version go1\.([0-9]+).*/\1/p')
	if [ -n "$minor" ] && [ "$minor" -lt "$go_minor" ]; then
		complain "Hamster needs Go 1.$go_minor or later, and this is $version: see https://go.dev/doc/install"
	fi
}

check_node() {
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		complain "Node.js $node_major or later, with npm, is missing: see https://nodejs.org/en/download"
		return
	fi
	major=$(node --version | sed -nE 's/^v([0-9]+).*/\1/p')
	if [ "${major:-0}" -lt "$node_major" ]; then
		complain "Hamster needs Node.js $node_major or later, and this is $(node --version): see https://nodejs.org/en/download"
	fi
}

# missing_packages prints the Debian packages whose contents the tests would
# look for in vain.
missing_packages() {
	command -v "${HAMSTER_CHROMIUM:-chromium}" >/dev/null || echo chromium
	[ -d /usr/share/libonnx-testdata/data ] || echo libonnx-testdata
	# docs/hosting.md has a configuration of nginx, which is tested.
	[ -x /usr/sbin/nginx ] || echo nginx-light
	[ -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so ] || echo libnginx-mod-http-brotli-static
	# golden.py makes the preprocessing goldens anew.
	/usr/bin/python3 -c 'import PIL' 2>/dev/null || echo python3-pil
	/usr/bin/python3 -c 'import numpy' 2>/dev/null || echo python3-numpy
	[ $purpose = browsers ] || return 0
	command -v "${HAMSTER_FIREFOX:-firefox-esr}" >/dev/null || echo firefox-esr
	command -v "${HAMSTER_WEBKITDRIVER:-WebKitWebDriver}" >/dev/null || echo webkit2gtk-driver
	command -v Xvfb >/dev/null || echo xvfb
}

install_packages() {
	packages=$(missing_packages | tr '\n' ' ')
	packages=${packages% }
	[ -n "$packages" ] || return 0
	if ! command -v apt-get >/dev/null; then
		complain "the tests need what Debian calls $packages, and here is no apt-get to install it"
	elif [ "$(id -u)" -ne 0 ]; then
		complain "the tests need Debian packages that only root may install: sudo apt-get install $packages"
	else
		echo "setup: installing $packages"
		export DEBIAN_FRONTEND=noninteractive
		wait='-o DPkg::Lock::Timeout=120' # another apt-get may be at work
		# shellcheck disable=SC2086 # lists of words
		apt-get -qq $wait update && apt-get -qq $wait install --no-install-recommends $packages >/dev/null ||
			complain "apt-get could not install $packages"
		missing=$(missing_packages | tr '\n' ' ')
		[ -z "$missing" ] || complain "what should be in ${missing% } is still not there"
	fi
}

# install_npm installs the locked packages, unless these very ones are there.
# None may run a script of its own.
install_npm() {
	lock=$(cat $npm_folder/package.json $npm_folder/package-lock.json | sha256sum | cut -d ' ' -f 1)
	stamp=$npm_folder/node_modules/.hamster-installed
	[ "$(cat $stamp 2>/dev/null)" != "$lock" ] || return 0
	echo "setup: installing the npm packages that the tests and the edge use"
	if (cd $npm_folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
		echo "$lock" >$stamp
	else
		complain "npm could not install the packages of $npm_folder/package-lock.json"
	fi
}

check_go
check_node
case $purpose in test | browsers) install_packages ;; esac
[ $purpose = run ] || $failed || install_npm
! $failed
