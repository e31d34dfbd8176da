#!/bin/sh
# What PostgreSQL runs for each finished file of its log: archive.sh FILE PLACE, which writes PLACE.gz, whole or not at all.
# The folder of PLACE has a file .qamqor-archive, made once by hand: where it is missing, the disk is not mounted.
set -eu
file=$1
place=$2
folder=$(dirname "$place")
[ -e "$folder/.qamqor-archive" ] ||
  { echo "$folder is no archive, or its disk is not mounted: it has no file .qamqor-archive." >&2; exit 1; }
differs() { echo "$1 is there already and is not $file: a log is never written over another." >&2; exit 1; }
# PostgreSQL asks again where it did not hear that a file is there.
if [ -e "$place.gz" ]; then
  gunzip -c "$place.gz" | cmp -s - "$file" || differs "$place.gz"
elif [ -e "$place" ]; then
  cmp -s "$place" "$file" || differs "$place"
else
  gzip -c "$file" > "$place.gz.new"
  sync "$place.gz.new"
  mv "$place.gz.new" "$place.gz"
fi
sync "$folder"
