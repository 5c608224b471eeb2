# join.awk - modules in the order of their needs as one script: each becomes a function that returns what it exports. It is
# a quarter smaller under gzip than its parts, and one request. Lines of comment and indentation stay behind.
# What it relies on: an import or the head of an export is a line of its own.
function end() { if (file != "") print "return{" names "}})();" }
BEGIN { print "'use strict';const M={};" }
FNR == 1 {
	end()
	file = FILENAME
	sub(/.*\//, "", file)
	names = ""
	print "M['" file "']=(()=>{"
}
{ sub(/^[ \t]+/, "") }
/^\/\// || $0 == "" { next }
/^import '/ { next }
/^import / {
	sub(/^import /, "const ")
	sub(/ from '\.\//, "=M['")
	sub(/';$/, "'];")
	gsub(/ as /, ":")
}
/^export \{/ {
	gsub(/^export \{ | \};$/, "")
	names = names (names == "" ? "" : ",") $0
	next
}
/^export / {
	sub(/^export /, "")
	name = $0
	sub(/^(async )?(const|function|class) /, "", name)
	sub(/[^A-Za-z0-9_$].*/, "", name)
	names = names (names == "" ? "" : ",") name
}
{ print }
END { end() }
