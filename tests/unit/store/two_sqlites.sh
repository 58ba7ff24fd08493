#!/bin/sh
# No program may hold SQLite and SQLCipher at once: then a key does nothing, and the file holds plaintext. Looks at every
# program of the build folder, proves that it would see one that does, and that the store refuses such a place.
#   two_sqlites.sh BUILD_DIR PROBE CC
set -eu
build=$1
probe=$2
cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Names the SQLites that a program would load, or has inside.
sqlites_of() {
    ldd "$1" 2>/dev/null | grep -Eo 'lib(sqlite3|sqlcipher)\.so' | sort -u
    nm --defined-only "$1" 2>/dev/null | grep -q ' [TW] sqlite3_open_v2$' && echo inside
    return 0
}

# 1. What is looked for can be seen.
echo 'int sqlite3_open(const char *, void *); int sqlite3_key(void *, const void *, int); extern int sqlite3_compileoption_used(const char *); int main(void) { return sqlite3_open("", 0) + sqlite3_key(0, 0, 0) + sqlite3_compileoption_used(""); }' >"$work/both.c"
"$cc" "$work/both.c" -o "$work/both" -Wl,--no-as-needed -lsqlite3 -lsqlcipher
[ "$(sqlites_of "$work/both" | wc -l)" -eq 2 ] || {
    echo "the check does not see a program with both libraries"
    exit 1
}

# 2. No program of ours has two.
seen=0
bad=0
for program in $(find "$build" -type f -perm -u+x \( -path '*/bin/*' -o -path '*/tests/*' -o -path '*/fuzz/*' \) \
        ! -path '*/CMakeFiles/*'); do
    have=$(sqlites_of "$program")
    [ -n "$have" ] && seen=$((seen + 1))
    if [ "$(echo "$have" | wc -w)" -gt 1 ]; then
        echo "$program holds" $have
        bad=1
    fi
done
[ "$seen" -gt 0 ] || {
    echo "no program with a database found in $build"
    exit 1
}
[ "$bad" -eq 0 ]

# 3. With the other library before it, the store is not made, and no plaintext file is left.
plain=$(ldd "$work/both" | sed -n 's/.*libsqlite3[^ ]* => \([^ ]*\) .*/\1/p')
ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$plain" "$probe" "$work/store.db"
code=0
"$probe" "$work/store.db" || code=$?
[ "$code" -eq 3 ] || {
    echo "the probe fails on its own: $code"
    exit 1
}
echo "$seen programs with a database, none with two"
