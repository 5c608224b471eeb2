# join.awk - modules in the order of their needs as one script: each becomes a function that returns what it exports. It is
# a quarter smaller under gzip than its parts, and one request. Comments, indentation and needless ends of lines
# stay behind. It relies on imports and heads of exports that begin a line, and on no template with lines in it.
function end() { if (file != "") print "return{" names "}})();" }
function add(name) { names = names (names == "" ? "" : ",") name }
BEGIN { print "'use strict';const M={};" }
FNR == 1 {
	end()
	file = FILENAME
	sub(/.*\//, "", file)
	names = ""
	print "M['" file "']=(()=>{"
}
{ sub(/^[ \t]+/, "") }
/^\/\// || $0 == "" || /^import '/ { next }
/^import / || import != "" {
	import = import $0
	if (!/ from '/) next
	$0 = import
	import = ""
	sub(/^import /, "const ")
	sub(/ from '\.\//, "=M['")
	sub(/';$/, "'];")
	gsub(/ as /, ":")
}
/^export / {
	sub(/^export /, "")
	name = $0
	sub(/^(async )?(const|function|class) /, "", name)
	sub(/[^A-Za-z0-9_$].*/, "", name)
	add(name)
}
{ sub(/; \/\/ [^'"`]*$/, ";") }
/[,;{(\[]$/ && !/ \/\// { printf "%s", $0; next }
{ print }
END { end() }
