#!/bin/sh
# Authorities and certificates for trying mutual TLS, and the pattern for an authority of your own.
#
#   certificates.sh DIR authorities               one each for brokers, poles, consumers, operators
#   certificates.sh DIR broker NAME...            NAME: each DNS name and address that clients write
#   certificates.sh DIR pole SL RSU               サービス地点ID, 路側機ID: the common name is SL/RSU
#   certificates.sh DIR consumer NAME
#   certificates.sh DIR operator NAME
#
# DAYS (397) and AUTHORITY_DAYS (3650) say how long they last. Keys of authorities (*-ca.key) stay on this machine.
set -eu
umask 077

usage() {
	sed -n 's/^# \{0,3\}//; 2,9p' "$0" >&2
	exit 2
}

key() { # FILE
	[ -e "$1" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

authority() { # KIND
	[ ! -e "$1-ca.pem" ] || { echo "$dir/$1-ca.pem is there already" >&2; exit 1; }
	key "$1-ca.key"
	openssl req -x509 -new -sha256 -key "$1-ca.key" -days "${AUTHORITY_DAYS:-3650}" -subj "/CN=$1 of the road" \
		-addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$1-ca.pem"
	chmod a+r "$1-ca.pem"
}

certificate() { # KIND FILE COMMON_NAME USE [ALTERNATIVE_NAMES]
	[ -e "$1-ca.key" ] || { echo "$dir/$1-ca.key is missing: $0 $dir authorities" >&2; exit 1; }
	key "$2.key"
	{
		echo "basicConstraints=critical,CA:FALSE"
		echo "keyUsage=critical,digitalSignature"
		echo "extendedKeyUsage=$4"
		[ $# -lt 5 ] || echo "subjectAltName=$5"
	} >"$2.ext"
	openssl req -new -sha256 -key "$2.key" -subj "/CN=$(printf %s "$3" | sed 's|/|\\/|g')" |
		openssl x509 -req -sha256 -CA "$1-ca.pem" -CAkey "$1-ca.key" -days "${DAYS:-397}" \
			-set_serial "0x$(openssl rand -hex 16)" -extfile "$2.ext" -out "$2.pem" 2>/dev/null
	rm "$2.ext"
	chmod a+r "$2.pem"
	echo "$dir/$2.pem: $(openssl x509 -in "$2.pem" -noout -subject -enddate | tr '\n' ' ')"
}

[ $# -ge 2 ] || usage
dir=$1 what=$2
shift 2
mkdir -p "$dir"
cd "$dir"
case $what/$# in
authorities/0)
	for kind in brokers poles consumers operators; do authority $kind; done
	;;
broker/[1-9]*)
	names=
	for name in "$@"; do
		case $name in
		*:*) names=$names,IP:$name ;;
		*[!0-9.]*) names=$names,DNS:$name ;;
		*) names=$names,IP:$name ;;
		esac
	done
	certificate brokers broker "$1" serverAuth "${names#,}"
	;;
pole/2)
	case $1/$2 in 0?* | */0?* | *[!0-9/]* | */*/* | */ | /*) usage ;; esac
	certificate poles "pole-$1-$2" "$1/$2" clientAuth
	;;
consumer/1 | operator/1)
	case $1 in */* | *+* | *'#'*) usage ;; esac
	certificate "${what}s" "$what-$1" "$1" clientAuth
	;;
*) usage ;;
esac
