#!/bin/sh
# Authorities and certificates for trying mutual TLS, and the pattern for an authority of your own.
#
#   certificates.sh DIR authorities               one each for brokers, poles, consumers, operators
#   certificates.sh DIR broker NAME...            NAME: each DNS name and address that clients write
#   certificates.sh DIR pole SL RSU               サービス地点ID, 路側機ID: the common name is SL/RSU
#   certificates.sh DIR consumer NAME
#   certificates.sh DIR operator NAME
#   certificates.sh DIR revoke FILE               pole-SL-RSU, consumer-NAME, operator-NAME: adds to its list, poles-crl.pem …
#
# DAYS (397) and AUTHORITY_DAYS (3650) say how long they last. Keys of authorities (*-ca.key) stay on this machine.
set -eu
umask 077

usage() {
	sed -n 's/^# \{0,3\}//; 2,10p' "$0" >&2
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

revoke() { # KIND FILE
	[ -e "$2.pem" ] || { echo "$dir/$2.pem is missing" >&2; exit 1; }
	touch "$1-revoked.txt"
	printf '%s\n' '[ca]' 'default_ca = it' '[it]' "database = $1-revoked.txt" 'default_md = sha256' \
		"default_crl_days = ${CRL_DAYS:-397}" >"$1-revoked.conf"
	set -- "$1" "$2" -config "$1-revoked.conf" -cert "$1-ca.pem" -keyfile "$1-ca.key"
	kind=$1 file=$2
	shift 2
	openssl ca "$@" -revoke "$file.pem" 2>/dev/null || { echo "$dir/$file.pem cannot be revoked; was it already?" >&2; exit 1; }
	openssl ca "$@" -gencrl -out "$kind-crl.pem" 2>/dev/null
	chmod a+r "$kind-crl.pem"
	echo "$dir/$kind-crl.pem: $(openssl crl -in "$kind-crl.pem" -noout -text | grep -c 'Serial Number') revoked"
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
revoke/1)
	case $1 in
	*/* | -*) usage ;;
	pole-* | consumer-* | operator-*) revoke "${1%%-*}s" "$1" ;;
	*) usage ;;
	esac
	;;
*) usage ;;
esac
