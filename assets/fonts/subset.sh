#!/bin/sh
# Makes the fonts here from the whole ones in folder $1; needs `pip install fonttools brotli`.
set -eu
here=$(dirname "$0")
unicodes=U+0020-007E,U+00A0,U+00AB,U+00B0-00B5,U+00B7,U+00B9,U+00BB,U+00C4,U+00D6,U+00D7,U+00DC,U+00DF,U+00E4,U+00E9,U+00F6,U+00F7,U+00FC,U+0302,U+0304,U+0391-03A9,U+03B1-03C9,U+2010-2016,U+2018-201E,U+2020,U+2022,U+2026,U+2032,U+2033,U+2070-2079,U+207A-207F,U+2080-208E,U+2090-2099,U+2190-2194,U+2202,U+2206,U+2207,U+220F,U+2211,U+2212,U+221A,U+221E,U+222B,U+2248,U+2260,U+2264,U+2265,U+22C5,U+25A1,U+25CB,U+25C7
for weight in Regular SemiBold; do
    for flavour in otf woff2; do
        [ $flavour = otf ] && set -- "$1" || set -- "$1" --flavor=woff2
        from=$1/Inter-$weight.otf
        shift
        pyftsubset "$from" --unicodes="$unicodes" --layout-features=kern,tnum,ccmp --no-hinting --desubroutinize \
            --name-IDs='*' --notdef-outline "$@" --output-file="$here/Inter-$weight.$flavour"
        set -- "$(dirname "$from")"
    done
done
