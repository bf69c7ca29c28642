# --help of belfry or belfryd in; out, one a line, what may stand on the command line: "KIND WORD<tab>description".
# KIND: option, verb, positional, and of the option `previous` what it takes: file, folder, value.
# Put between single quotes into each completion (cmake/BelfryInstall.cmake): none may be in here.
function takes(type,   values, count, i) {
  if (type ~ /^(FILE|PATH)(=|$)/) print "file -"
  else if (type ~ /^DIR(=|$)/) print "folder -"
  else if (match(type, /[{][^}]*[}]/)) {
    count = split(substr(type, RSTART + 1, RLENGTH - 2), values, ",")
    for (i = 1; i <= count; i++) print "value " values[i]
  }
  else if (type ~ /^[A-Z][A-Z]/) print "value -"
}
# What is too long for its column is described on the next line, which is left out.
function described() { return "\t" (substr($0, 29, 2) == "  " ? substr($0, 31) : "") }
/^[A-Z][a-z]*:$/ { section = $1; next }
/^$/ { section = "" }
section == "Options:" && /^  -/ {
  count_names = split($1, names, ",")
  for (n = 1; n <= count_names; n++) {
    if (names[n] == previous) takes($2)
    if (names[n] ~ /^--/) print "option " names[n] described()
  }
}
section == "Subcommands:" && /^  [a-z]/ { print "verb " $1 described() }
section == "Positionals:" && /^  FILE / { print "positional -" }
